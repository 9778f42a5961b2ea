"""
What reading costs: memory beside the size of a school, processor time and records of a quiet sweep, and how many
schools one fetcher keeps up with. iSAMS is its twin, in a process of its own; Kafka and Redis are real.
"""

import asyncio
import gc
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import msgspec

from benchmarks import world
from services.fetcher.isams.client import Isams
from services.fetcher.isams.rate_limit import Politeness
from services.fetcher.population import School
from services.fetcher.sweep.redis_cache import RedisMemory
from services.fetcher.sweep.sweep import run_sweep
from services.sandbox.schools.school import make_school
from services.sandbox.servers.brokers import Addresses
from services.sandbox.twin_client import IsamsTwin
from shared.clock import utc_now
from shared.config.settings import Config, IsamsSchool
from shared.contract.codec import type_name
from shared.contract.events import SweepCompleted
from shared.contract.topics import STUDENTS_FETCHED
from shared.errors import Retryable
from shared.kafka.admin import Topics
from shared.kafka.client import KafkaLog, Reader
from shared.lanes.partition import lane_of
from shared.redis.client import connect

SMALL, LARGE, USUAL = 1_000, 100_000, 1_500  # students
SCHOOLS = 40  # of the usual size
SECONDS = 30.0  # that they are read for
QUIET_SWEEPS = 20
LIMIT_MB, LIMIT_MS, LIMIT_RECORDS = 60.0, 50.0, 2.0
CHUNK = 5_000  # students loaded into the twin at once
_COMPLETED = type_name(SweepCompleted)

Figures = dict[str, tuple[float, str, float]]  # name -> value, its unit, and what stands beside it


def measure(folder: Path, servers: Addresses) -> Figures:
    figures: Figures = {}
    records = [msgspec.to_builtins(one) for one in make_school("usual", USUAL, 1).students]
    with _twin(folder) as url:
        bench = _Bench(folder, servers, url, records)
        small, large = bench.memory("small", SMALL), bench.memory("large", LARGE)
        figures["fetcher.memory_of_99000_more"] = (large - small, "MB", LIMIT_MB)
        milliseconds, told = asyncio.run(bench.quiet_sweep())
        figures["fetcher.quiet_sweep_cpu"] = (milliseconds, "ms", LIMIT_MS)
        figures["fetcher.quiet_sweep_records"] = (told, "records", LIMIT_RECORDS)
        figures["fetcher.schools_per_minute"] = bench.pace()
    for name, (value, unit, beside) in figures.items():
        print(f"{name:32} {value:10,.1f} {unit}   beside {beside:10,.1f}", flush=True)
    return figures


@contextmanager
def _twin(folder: Path) -> Iterator[str]:
    """The twin of iSAMS in a process of its own: its memory and its work are not the fetcher's."""
    log = folder / "twin.log"
    with log.open("w") as out:
        command = [sys.executable, "-m", "services.sandbox.servers.serve", "isams"]
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
    try:
        while "listening on" not in log.read_text():
            if process.poll() is not None:
                raise RuntimeError(f"the twin ended: {log.read_text()}")
            time.sleep(0.05)
        yield log.read_text().split("listening on ")[1].split()[0]
    finally:
        process.terminate()
        process.wait(15)


class _Bench:
    def __init__(self, folder: Path, servers: Addresses, url: str, records: list[dict[str, Any]]) -> None:
        self._folder = folder
        self._servers = servers
        self._url = url
        self._records = records

    # --- memory --------------------------------------------------------------------------------------------------

    def memory(self, slug: str, students: int) -> float:
        """The most that a fetcher of one school ever held, in MB: a full sweep, and one that knows the last."""
        with IsamsTwin(self._url, slug) as twin:
            twin.load(self._school(slug, []), client_id="bench", client_secret="not a secret")  # noqa: S106
            for start in range(0, students, CHUNK):
                numbers = range(start, min(start + CHUNK, students))
                twin.add(*(self._records[n % USUAL] | {"schoolId": str(3_050_000_000 + n)} for n in numbers))
            path, config = self._configure([slug], poll_seconds=1)
            closes = _Closes(config)
            with world.service("fetcher", path) as process:
                _until(process, lambda: closes() >= 2)
                peak = _peak_mb(process.pid)
            twin.forget()
        return peak

    # --- a quiet sweep -------------------------------------------------------------------------------------------

    async def quiet_sweep(self) -> tuple[float, float]:
        """Milliseconds of processor time beyond those of a bare client that asks for the same pages; and records."""
        with IsamsTwin(self._url, "quiet") as twin:
            twin.load(self._school("quiet", self._records), client_id="bench", client_secret="not a secret")  # noqa: S106
            _, config = self._configure(["quiet"], poll_seconds=300)
            settings = config.schools["quiet"]
            assert isinstance(settings, IsamsSchool)
            source = Isams(settings, Politeness(10**6))
            school = School("quiet", settings, lane_of("quiet", world.PARTITIONS), source, "bench")
            memory = RedisMemory(connect(config), config.redis.key_prefix)
            out = _Counting(KafkaLog(config))
            for _ in range(3):  # a full one, and two to warm up
                await run_sweep(school, out, memory, _Held(), utc_now)
            out.count = 0
            gc.collect()
            begun = time.process_time()
            for _ in range(QUIET_SWEEPS):
                await run_sweep(school, out, memory, _Held(), utc_now)
            ours = time.process_time() - begun
            twin.clear_requests()
            await run_sweep(school, out, memory, _Held(), utc_now)
            paths = [f"{one['path']}?{one['query']}" for one in twin.requests()]
            token = await source._session._valid_token()  # the bare client asks with the same one
            bare = await _bare(settings.base_url, paths, token)
            await source.close()
            out.close()
            twin.forget()
        return (ours / QUIET_SWEEPS - bare) * 1000, out.count / (QUIET_SWEEPS + 1)

    # --- pace ----------------------------------------------------------------------------------------------------

    def pace(self) -> tuple[float, str, float]:
        """
        Schools per minute that one fetcher reads when all are always due; beside it, how many a bare client could ask
        for the same pages, one after the other.
        """
        slugs = [f"usual-{number:02}" for number in range(SCHOOLS)]
        for slug in slugs:
            with IsamsTwin(self._url, slug) as twin:
                twin.load(self._school(slug, self._records), client_id="bench", client_secret="not a secret")  # noqa: S106
        path, config = self._configure(slugs, poll_seconds=1)
        closes = _Closes(config)
        with world.service("fetcher", path) as process:
            _until(process, lambda: closes() >= 2 * SCHOOLS)
            before, begun = closes(), time.perf_counter()
            time.sleep(SECONDS)
            rate = (closes() - before) / (time.perf_counter() - begun) * 60
        return rate, "schools/min", asyncio.run(self._bare_pace(config, slugs))

    async def _bare_pace(self, config: Config, slugs: list[str]) -> float:
        settings = config.schools[slugs[0]]
        assert isinstance(settings, IsamsSchool)
        source = Isams(settings, Politeness(10**6))
        token = await source._session._valid_token()
        await source.close()
        pages = [f"/api/students?page={page}&pageSize=1000" for page in (1, 2)]
        begun = time.perf_counter()
        await _bare(settings.base_url, pages * SCHOOLS, token)
        return SCHOOLS / (time.perf_counter() - begun) * 60

    # --- what it stands on ---------------------------------------------------------------------------------------

    def _school(self, slug: str, students: list[dict[str, Any]]) -> dict[str, Any]:
        """One with nothing but students, a year group and a subject: structure is read once in six hours."""
        groups = [{"ncYear": year, "code": f"Y{year}", "name": f"Year {year}"} for year in range(7, 14)]
        return {"slug": slug, "students": students, "yearGroups": groups, "subjects": [], "sets": []}

    def _configure(self, slugs: list[str], poll_seconds: int) -> tuple[Path, Config]:
        prefix = f"{slugs[0]}-"
        folder = self._folder / slugs[0]
        folder.mkdir()
        (folder / "secret").write_text("not a secret")
        lines = [
            f'[kafka]\nbootstrap_servers = "{self._servers.kafka}"\npartitions = {world.PARTITIONS}\n'
            f'topic_prefix = "{prefix}"\ngroup_prefix = "{prefix}"',
            f'[redis]\nurl = "{self._servers.redis}"\nkey_prefix = "{prefix}"',
            '[logging]\nlevel = "warning"',
            '[tenants.bench]\nurl = "http://127.0.0.1:9/v1/sync"\napi_key = { file = "secret" }',
        ]
        lines += [
            f'[schools.{slug}]\ntenant = "bench"\nsource = "isams"\nbase_url = "{self._url}/{slug}"\n'
            f'client_id = "bench"\nclient_secret = {{ file = "secret" }}\nmax_requests_per_hour = 10000000\n'
            f"poll_seconds = {poll_seconds}"
            for slug in slugs
        ]
        path = folder / "rollcall.toml"
        path.write_text("\n".join(lines))
        config = world.read_config(path)
        with Topics(config) as topics:
            topics.create()
        return path, config


class _Counting:
    """A log that counts what goes through it."""

    def __init__(self, out: KafkaLog) -> None:
        self._out = out
        self.count = 0

    def publish(self, messages: Any) -> None:
        self.count += len(messages)
        self._out.publish(messages)

    def close(self) -> None:
        self._out.close()


class _Held:
    def held(self) -> bool:
        return True


async def _bare(base_url: str, paths: list[str], token: str) -> float:
    """Seconds of processor time for these requests, by the client alone, averaged over as many rounds."""
    headers = {"Authorization": f"Bearer {token}", "User-Agent": "bench", "Accept": "application/json"}
    async with httpx2.AsyncClient(headers=headers, trust_env=False) as client:
        for path in paths[:4]:
            await client.get(base_url + path)
        gc.collect()
        begun, rounds = time.process_time(), QUIET_SWEEPS if len(paths) < 10 else 1
        for _ in range(rounds):
            for path in paths:
                (await client.get(base_url + path)).raise_for_status()
        return (time.process_time() - begun) / rounds


class _Closes:
    """Counts certified sweeps, reading on from where it was."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._starts = dict.fromkeys(range(config.kafka.partitions), 0)
        self._count = 0

    def __call__(self) -> int:
        with Reader(self._config) as reader, suppress(Retryable):  # a new topic has no leader yet: at the next look
            for lane, start in self._starts.items():
                for one in reader.read(STUDENTS_FETCHED, lane, start):
                    self._starts[lane] = one.offset + 1
                    self._count += one.header("ce_type") == _COMPLETED
        return self._count


def _until(process: subprocess.Popen[bytes], done: Callable[[], bool]) -> None:
    while not done():
        if process.poll() is not None:
            raise RuntimeError(f"the fetcher ended with {process.returncode}")
        time.sleep(0.2)


def _peak_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024
