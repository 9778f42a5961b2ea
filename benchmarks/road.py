"""100,000 students through eligibility and the reconciler, beside librdkafka's raw consume rate on the same records."""

import signal
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from subprocess import Popen

from benchmarks import world
from services.eligibility.handler import Eligibility
from services.reconciler.app import store_of
from shared.config.settings import Config
from shared.contract.account_state import LaneState
from shared.contract.codec import Message, Record, decoder
from shared.contract.topics import STUDENTS_ASSESSED, STUDENTS_FETCHED
from shared.kafka.client import KafkaLog, Reader
from shared.ports import Ask

STUDENTS = 100_000
RECONCILERS = 2  # processes that share the lanes, one for each core of the machine on which the figures were taken

Figures = dict[str, tuple[float, float]]  # name -> (rate, the raw rate beside it), records per second
Processes = list[Popen[bytes]]


class Road:
    """
    Eligibility runs first, as one process, on other students. What it made is the reconcilers' warm-up, and then they
    stay: before each round they are stopped, so that all records are there when they go on and neither has to join.
    """

    def __init__(self, path: Path, config: Config) -> None:
        self._path = path
        self._config = config
        self._log = KafkaLog(config)
        self._reader = Reader(config)
        self._store = store_of(config)
        self._judge = Eligibility(config, lambda topic: f"{topic}@benchmark")
        self._fetched: dict[int, int] = defaultdict(int)  # records of each lane that were judged here

    def run(self, students: int = STUDENTS) -> Figures:
        figures = {"eligibility.all": self._eligibility(range(students, 2 * students))}
        with ExitStack() as stack:
            processes = [stack.enter_context(world.service("reconciler", self._path)) for _ in range(RECONCILERS)]
            world.rate_until(processes, self._position, sum(self._ends(STUDENTS_ASSESSED).values()))
            for name, sweep, version_of in (
                ("reconciler.new", "sweep-1", lambda number: 1),
                ("reconciler.changed_10", "sweep-2", lambda number: 2 if number % 10 == 0 else 1),
                ("reconciler.unchanged", "sweep-3", lambda number: 2 if number % 10 == 0 else 1),
            ):
                figures[name] = self._reconciler(processes, sweep, range(students), version_of)
        for name, (rate, raw) in figures.items():
            print(f"{name:24} {rate:10,.0f}/s   raw {raw:10,.0f}/s   {rate / raw:.2f}", flush=True)
        raw = figures["reconciler.new"][1]
        return figures | {"kafka.raw_consume": (raw, raw)}

    def _eligibility(self, numbers: range) -> tuple[float, float]:
        sent = world.publish(self._log, world.started("sweep-0"))
        sent += world.publish(self._log, world.fetched(numbers, "sweep-0", lambda number: 1))
        with world.service("eligibility", self._path) as process:
            rate = world.rate_until([process], lambda: sum(self._ends(STUDENTS_ASSESSED).values()), sent)
        ends = self._ends(STUDENTS_FETCHED)
        return rate, self._raw(STUDENTS_FETCHED, dict.fromkeys(ends, 0), ends)

    def _reconciler(
        self, processes: Processes, sweep: str, numbers: range, version_of: Callable[[int], int]
    ) -> tuple[float, float]:
        judged = [*self._judged(world.started(sweep)), *self._judged(world.fetched(numbers, sweep, version_of))]
        before = self._ends(STUDENTS_ASSESSED)
        with stopped(processes):
            world.publish(self._log, iter(judged))
            after = self._ends(STUDENTS_ASSESSED)
        done = sum(before.values())
        rate = world.rate_until(processes, lambda: self._position() - done, sum(after.values()) - done)
        return rate, self._raw(STUDENTS_ASSESSED, before, after)

    def _judged(self, messages: Iterable[Message]) -> Iterator[Message]:
        """What eligibility makes of them, by its own code."""
        for one in messages:
            record = Record(
                one.topic, one.lane, self._fetched[one.lane], one.key, one.value or b"", raw=dict(one.headers)
            )
            self._fetched[one.lane] += 1
            yield from self._judge.handle([record])

    def _ends(self, topic: str) -> dict[int, int]:
        return world.ends(self._reader, topic)

    def _raw(self, topic: str, before: dict[int, int], after: dict[int, int]) -> float:
        """The best of three: the limit is what the broker can give."""
        return max(world.raw_consume_rate(self._config, topic, before, after) for _ in range(3))

    def _position(self) -> int:
        seen = self._store.read_lanes({lane: Ask() for lane in range(world.PARTITIONS)})
        return sum(decoder(LaneState).decode(one.lane).position for one in seen.values() if one.lane)


@contextmanager
def stopped(processes: Processes) -> Iterator[None]:
    """For less than a consumer's session: nobody's lanes are given away meanwhile."""
    for process in processes:
        process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            process.send_signal(signal.SIGCONT)
