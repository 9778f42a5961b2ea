"""
A town of several schools, each with a seed's story, on one set of brokers and two processes of services.

What strikes the services, Kafka or Redis strikes all schools; one at a time, whichever story brings it.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec

from services.sandbox.isams.twin import isams_app
from services.sandbox.schools.school import make_school
from services.sandbox.servers.brokers import Addresses, Embedded
from services.sandbox.servers.serve import serving
from services.sandbox.twin_client import IsamsTwin
from services.sandbox.unitu.twin import unitu_app
from shared.config.load import load
from shared.config.settings import Config
from shared.contract.codec import Record
from shared.kafka.client import Reader
from tests.conftest import writer
from tests.faults.copies import Copies
from tests.faults.processes import Processes
from tests.faults.proxy import HOST, Proxy
from tests.soak.faults import BACK, FRONT, SERVICES, Fault

REACH_SECONDS = 4.0  # that a point is waited for: some are passed only when something happens
REFILL_SECONDS = 120.0  # until the services have written something into a Redis that was emptied

TABLES = """
[tenants.{slug}]
url = "{unitu}/v1/sync"
api_key = {{ file = "key-{slug}" }}
mode = "live"
staff = "{staff}"
quiet_seconds = 0.2
max_delay_seconds = 1
min_interval_seconds = 0
timeout_seconds = 3
lease_seconds = 12
retry_max_seconds = 2
resend_after_change_seconds = 2
[schools.{slug}]
tenant = "{slug}"
source = "isams"
base_url = "{isams}/{slug}"
client_id = "soak"
client_secret = {{ file = "key-{slug}" }}
poll_seconds = 3
staff_poll_seconds = 2
page_size = 8
structure_hours = 0
lists_hours = 0
timeout_seconds = 3
lease_seconds = 8
max_requests_per_hour = 1000000
absence_confirm_minutes = 0
"""


class SoakTown:
    """
    ``isams`` and ``unitu``: each school's own lines to the twins, whose addresses are the ``_url``s. ``staffed``: the
    schools whose staff are managed.
    """

    def __init__(
        self,
        folder: Path,
        brokers: Embedded,
        lines: dict[str, Proxy],
        isams: dict[str, Proxy],
        unitu: dict[str, Proxy],
        urls: tuple[str, str],
        staffed: Collection[str],
    ) -> None:
        self.brokers = brokers
        self.lines = lines
        self.isams = isams
        self.unitu = unitu
        self.isams_url, self.unitu_url = urls
        self.prefix = f"t{uuid.uuid4().hex[:10]}-"
        addresses = Addresses(f"{HOST}:{lines['kafka'].port}", f"redis://{HOST}:{lines['redis'].port}/0")
        text = ""
        for slug in isams:
            (folder / f"key-{slug}").write_text(key_of(slug))
            staff = "managed" if slug in staffed else "not-in-unitu"
            text += TABLES.format(slug=slug, isams=url_of(isams[slug]), unitu=url_of(unitu[slug]), staff=staff)
        self.path = writer(addresses, self.prefix, folder)(text)
        self.config: Config = load(self.path, {})
        (folder / "logs").mkdir()
        self.programs = Processes(folder / "logs", self.path, self.config.kafka.group_prefix)
        self.copies = Copies(brokers.addresses.redis, self.prefix)
        self.lock = threading.RLock()  # whatever strikes everybody strikes alone
        self.log: list[tuple[float, str]] = []
        self.lost_at = 0.0  # when something of Redis was last lost, and with it perhaps what a fetcher knew of a roll

    def start(self) -> None:
        for name, services in SERVICES.items():
            self.programs.start(name, *services)

    def check(self) -> None:
        """Raises: AssertionError when a service has ended by itself."""
        with self.lock:
            self.programs.check()

    def rollcall(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "services.cli.main", "--config", str(self.path), *words]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)

    def records(self, topic: str) -> list[Record]:
        with Reader(self.config) as reader:
            return [one for lane in range(self.config.kafka.partitions) for one in reader.read(topic, lane)]

    def note(self, text: str) -> None:
        self.log.append((time.time(), text))

    # --- what strikes everybody ------------------------------------------------------------------------------------

    def strike(self, fault: Fault) -> None:
        """From its beginning to its end; afterwards everything runs again."""
        with self.lock:
            self.note(f"{fault} begins")
            try:
                getattr(self, fault.kind, self._line)(fault)
            finally:
                self.note(f"{fault.kind} is over")

    def kill(self, fault: Fault) -> None:
        name = fault.words["process"]
        self.programs.kill(name)
        time.sleep(fault.seconds / 2)
        self.programs.start(name, *SERVICES[name])

    def kill_at(self, fault: Fault) -> None:
        name, point = fault.words["process"], fault.words["point"]
        order = self._order(name, point)
        self.programs.at(name, point, "kill", fault.words["passes"])
        self._reached(order)
        self.programs.take_back(name, point)
        self.programs.restart(name, *SERVICES[name])
        Path(f"{order}.reached").unlink(missing_ok=True)

    def stop_at(self, fault: Fault) -> None:
        name, point = fault.words["process"], fault.words["point"]
        order = self._order(name, point)
        self.programs.at(name, point, "stop", fault.words["passes"])
        self._reached(order)
        if not self.programs.take_back(name, point):
            time.sleep(fault.seconds)
            self.programs.leave(name, point)

    def pause(self, fault: Fault) -> None:
        self.programs.stop(fault.words["process"])
        time.sleep(fault.seconds)
        self.programs.go_on(fault.words["process"])

    def stale(self, fault: Fault) -> None:
        """Another reconciler that owns all lanes too, stops in the middle, and goes on when the world has moved."""
        point = fault.words["point"]
        order = self._order("stale", point)
        self.programs.at("stale", point, "stop", 1)
        self.programs.start("stale", "reconciler", group="stale")
        self._reached(order, 12)
        if not self.programs.take_back("stale", point):
            time.sleep(fault.seconds)
            self.programs.leave("stale", point)
            time.sleep(1)
        self.programs.kill("stale")

    def twin(self, fault: Fault) -> None:
        """Everything a second time, for a while: lanes, schools and tenants are shared, and given back."""
        self.programs.start("twin", *SERVICES[FRONT], *SERVICES[BACK])
        time.sleep(3 + fault.seconds)
        self.programs.kill("twin")

    def redis_old(self, fault: Fault) -> None:
        copy = self.copies.take()
        time.sleep(fault.seconds)
        self.copies.put_back(copy)
        self.lost_at = time.time()

    def redis_empty(self, fault: Fault) -> None:
        self.copies.empty()
        self.lost_at = time.time()

    def redis_lose_key(self, fault: Fault) -> None:
        # another story may have emptied it a moment ago
        names = until(self.copies.keys, lambda: "a key in Redis", self.check, REFILL_SECONDS)
        name = names[int(fault.words["which"] * len(names))]
        self.note(f"the key is {name}")
        with contextlib.suppress(AssertionError):  # a lease may have ended since
            self.copies.delete(name)
        self.lost_at = time.time()

    def redis_restart(self, fault: Fault) -> None:
        self.brokers.redis.restart()

    def kafka_restart(self, fault: Fault) -> None:
        self.brokers.kafka.restart()

    def _line(self, fault: Fault) -> None:
        trouble(self.lines[fault.words["line"]], fault)

    def _order(self, name: str, point: str) -> Path:
        return self.programs.folder / f"{name}@{point}"

    @staticmethod
    def _reached(order: Path, seconds: float = REACH_SECONDS) -> bool:
        deadline = time.monotonic() + seconds
        while not (found := Path(f"{order}.reached").exists()) and time.monotonic() < deadline:
            time.sleep(0.05)
        return found


def trouble(line: Proxy, fault: Fault) -> None:
    how = fault.words["how"]
    if how == "delay":
        line.delay(0.1)
    else:
        getattr(line, how)()
    time.sleep(fault.seconds)
    line.mend()


def key_of(slug: str) -> str:
    return f"made-up-{slug}"


def url_of(line: Proxy) -> str:
    return f"http://{HOST}:{line.port}"


@contextmanager
def brokers_behind_lines() -> Iterator[tuple[Embedded, dict[str, Proxy]]]:
    """A Kafka and a Redis of one's own, each behind a line. Takes some five seconds."""
    with ExitStack() as stack:
        lines = {name: stack.enter_context(Proxy()) for name in ("kafka", "redis")}
        brokers = stack.enter_context(Embedded(advertised=lines["kafka"].port, say=lambda line: None))
        lines["kafka"].target, lines["redis"].target = brokers.kafka.port, brokers.redis.port
        yield brokers, lines


@contextmanager
def a_soak_town(
    folder: Path, slugs: Sequence[str], brokers: Embedded, lines: dict[str, Proxy], staffed: Collection[str]
) -> Iterator[SoakTown]:
    with ExitStack() as stack:
        servers = [stack.enter_context(serving(app)) for app in (isams_app(), unitu_app())]
        isams, unitu = ({slug: stack.enter_context(Proxy(server.port)) for slug in slugs} for server in servers)
        with IsamsTwin(servers[0].url, "stranger") as stranger:
            stranger.load(msgspec.to_builtins(make_school("stranger", 15, 1)), client_id="soak")
        town = SoakTown(folder, brokers, lines, isams, unitu, (servers[0].url, servers[1].url), staffed)
        stack.callback(town.copies.close)
        stack.callback(town.programs.kill_all)
        yield town


def until(found: Callable[[], Any], what: Callable[[], str], check: Callable[[], None], seconds: float) -> Any:
    """Wait for what is true. Raises: AssertionError with ``what``."""
    deadline = time.monotonic() + seconds
    while not (answer := found()):
        check()
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:.0f} s: {what()}")
        time.sleep(0.5)
    return answer
