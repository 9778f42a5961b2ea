"""100,000 students through eligibility and the reconciler, beside librdkafka's raw consume rate on the same records."""

from collections.abc import Callable
from pathlib import Path

from benchmarks import world
from services.reconciler.app import store_of
from shared.config import Config
from shared.kafka import KafkaLog, Reader
from shared.ports import Ask
from shared.state import LaneState
from shared.topics import STUDENTS_ASSESSED, STUDENTS_FETCHED
from shared.wire import decoder

STUDENTS = 100_000

Figures = dict[str, tuple[float, float]]  # name -> (rate, the raw rate beside it), records per second


class Road:
    def __init__(self, path: Path, config: Config) -> None:
        self._path = path
        self._log = KafkaLog(config)
        self._reader = Reader(config)
        self._config = config
        self._store = store_of(config)
        self._positions: dict[int, int] = {}

    def run(self, students: int = STUDENTS) -> Figures:
        """A round that nobody counts comes first: a broker that has just started is still being compiled."""
        self._round("sweep-0", range(students, students + students // 4), lambda number: 1)
        everybody = range(students)
        figures: Figures = {}
        for name, sweep, version_of in (
            ("reconciler.new", "sweep-1", lambda number: 1),
            ("reconciler.changed_10", "sweep-2", lambda number: 2 if number % 10 == 0 else 1),
            ("reconciler.unchanged", "sweep-3", lambda number: 2 if number % 10 == 0 else 1),
        ):
            judged, beside, rate, raw = self._round(sweep, everybody, version_of)
            print(f"{name:24} {rate:10,.0f}/s   raw {raw:10,.0f}/s   {rate / raw:.2f}", flush=True)
            figures[name] = (rate, raw)
            if name == "reconciler.new":
                figures["eligibility.all"] = (judged, beside)
                figures["kafka.raw_consume"] = (raw, raw)
                print(f"{'eligibility.all':24} {judged:10,.0f}/s   raw {beside:10,.0f}/s", flush=True)
        return figures

    def _round(self, sweep: str, numbers: range, version_of: Callable[[int], int]) -> tuple[float, float, float, float]:
        """Records per second of eligibility, of the raw rate beside it, of the reconciler, and the raw rate again."""
        fetched, assessed = self._ends(STUDENTS_FETCHED), self._ends(STUDENTS_ASSESSED)
        sent = world.publish(self._log, world.started(sweep))
        sent += world.publish(self._log, world.fetched(numbers, sweep, version_of))
        judged = self._eligibility(assessed, sent)
        ends = self._ends(STUDENTS_ASSESSED)
        beside = self._raw(STUDENTS_FETCHED, fetched, self._ends(STUDENTS_FETCHED))
        raw = self._raw(STUDENTS_ASSESSED, assessed, ends)
        return judged, beside, self._reconciler(ends), raw

    def _ends(self, topic: str) -> dict[int, int]:
        return world.ends(self._reader, topic)

    def _raw(self, topic: str, before: dict[int, int], after: dict[int, int]) -> float:
        """The best of three: the limit is what the broker can give."""
        return max(world.raw_consume_rate(self._config, topic, before, after) for _ in range(3))

    def _eligibility(self, before: dict[int, int], wanted: int) -> float:
        base = sum(before.values())
        with world.service("eligibility", self._path) as process:
            return world.rate_until(process, lambda: sum(self._ends(STUDENTS_ASSESSED).values()) - base, wanted)

    def _reconciler(self, ends: dict[int, int]) -> float:
        base = sum(self._positions.values())
        with world.service("reconciler", self._path) as process:
            rate = world.rate_until(process, lambda: self._position() - base, sum(ends.values()) - base)
        self._positions = dict(ends)
        return rate

    def _position(self) -> int:
        seen = self._store.read_lanes({lane: Ask() for lane in range(world.PARTITIONS)})
        return sum(decoder(LaneState).decode(one.lane).position for one in seen.values() if one.lane)
