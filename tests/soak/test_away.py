"""
Kafka, Redis, iSAMS and Unitu away, alone and in pairs: nothing is lost, nobody restarts anything, and it is told once.

`make test` takes a few seconds of some of them; `make away` 20 s and 3 min of each and of each pair, which takes an
hour.
"""

import os
import re
import signal
import time
from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import msgspec
import pytest

from services.sandbox.schools.school import make_joiner
from tests.e2e.harness import OTHERS, SCHOOL, Town
from tests.faults.bench import Bench, a_bench

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.e2e, pytest.mark.timeout(0)]

SERVERS = ("kafka", "redis", "isams", "unitu")
ALL = [*((one,) for one in SERVERS), *combinations(SERVERS, 2)]
SHORT = [("kafka", "redis"), ("isams", "unitu")]
IS_FULL = os.environ.get("SOAK_AWAY") == "full"
SECONDS = [float(one) for one in os.environ.get("SOAK_AWAY_SECONDS", "20,180" if IS_FULL else "3").split(",")]
MEMORY_MB = 64  # that a process may grow by while somebody is away; what comes meanwhile waits at its source
AGREE_SECONDS = 240.0
SAME = (
    2  # times that one thing may be told: when it begins, and once more where one of several servers comes back first
)


def test_who_is_away_is_waited_for(tmp_path: Path) -> None:
    """
    Cut off in turn, while pupils join and are corrected. Fails when a service ends or forgets, when it tells each try,
    or when what it cannot deliver heaps up in memory.
    """
    combos = ALL if IS_FULL else SHORT
    number = 0
    with a_bench(tmp_path, size=20, tenant="timeout_seconds = 5\nlease_seconds = 10\nretry_max_seconds = 2") as bench:
        town = bench.town
        open_town(town)
        for seconds in SECONDS:
            for servers in combos:
                number += 1
                away(bench, servers, seconds, number)
        assert town.ever_disabled() == set()


def test_servers_that_are_stopped_are_waited_for(tmp_path: Path) -> None:
    """A server that is frozen takes connections and answers none: another way to be away than a line that is cut."""
    if not IS_FULL:
        pytest.skip("it is part of `make away`")
    with a_bench(tmp_path, size=20, tenant="timeout_seconds = 5\nlease_seconds = 10\nretry_max_seconds = 2") as bench:
        open_town(bench.town)
        for number, seconds in enumerate(SECONDS):
            for server in (bench.brokers.kafka, bench.brokers.redis):
                before = Before(bench.town)
                os.kill(server.pid, signal.SIGSTOP)
                change(bench.town, 500 + number * 10 + server.port % 10)
                time.sleep(seconds)
                os.kill(server.pid, signal.SIGCONT)
                bench.town.until_unitu_agrees(AGREE_SECONDS)
                before.compare(f"{server.name} stopped for {seconds:.0f} s")


def open_town(town: Town) -> None:
    town.start("reconciler")
    town.start(*OTHERS, process="others")
    town.until(lambda: "reconciler: lanes" in town.programs.said("reconciler"), "topics, and lanes of them")
    town.adopt()
    town.until_unitu_agrees(AGREE_SECONDS)


def away(bench: Bench, servers: tuple[str, ...], seconds: float, number: int) -> None:
    town = bench.town
    before = Before(town)
    for name in servers:
        bench.lines[name].cut()
    change(town, number)
    time.sleep(seconds)
    for name in servers:
        bench.lines[name].mend()
    begun = time.monotonic()
    town.until_unitu_agrees(AGREE_SECONDS)
    what = f"{' and '.join(servers)} away for {seconds:.0f} s"
    print(f"{what}: in step again after {time.monotonic() - begun:.1f} s; {before.compare(what)}")


def change(town: Town, number: int) -> None:
    """What must not be lost: the twins are spoken to directly."""
    first = town.isams.dump()["students"][0]["schoolId"]
    town.isams.change(first, surname=f"Away{number}")
    town.isams.add(msgspec.to_builtins(make_joiner(SCHOOL, number)))


class Before:
    """Which processes there are, how large, and what they have said."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.names = ("reconciler", "others")
        self.pids = self.pids_now()
        self.sizes = self.sizes_now()
        self.said = {name: len(town.programs.said(name)) for name in self.names}

    def pids_now(self) -> dict[str, int]:
        return {name: self.town.programs._running[name].pid for name in self.names}

    def sizes_now(self) -> dict[str, float]:
        """In MB."""
        return {name: rss(pid) for name, pid in self.pids.items()}

    def lines(self) -> Iterator[str]:
        """What was told since, without what differs from time to time. What is only for information does not count."""
        for name, length in self.said.items():
            for line in self.town.programs.said(name)[length:].splitlines():
                if " WARNING " in line or " ERROR " in line:
                    yield re.sub(r"[0-9]+(\.[0-9]+)?", "#", line.split(" ", 2)[2])

    def compare(self, what: str) -> str:
        self.town.programs.check()
        assert self.pids_now() == self.pids, f"{what}: a process was restarted"
        told = Counter(self.lines())
        often = {line: count for line, count in told.items() if count > SAME}
        assert not often, f"{what}: told again and again: {often}"
        now = self.sizes_now()
        grown = {name: now[name] - size for name, size in self.sizes.items()}
        assert max(grown.values()) < MEMORY_MB, f"{what}: {grown} MB more"
        return f"{sum(told.values())} lines, {', '.join(f'{name} {size:.0f} MB' for name, size in now.items())}"


def rss(pid: int) -> float:
    """In MB, of the process and of all its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    status = Path(f"/proc/{pid}/status").read_text()
    own = int(re.search(r"VmRSS:\s+([0-9]+)", status)[1]) / 1024  # type: ignore[index]
    return own + sum(rss(int(child)) for child in children)
