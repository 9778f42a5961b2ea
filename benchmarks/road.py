"""100,000 students through eligibility and the reconciler, beside librdkafka's raw consume rate on the same records."""

from pathlib import Path

from benchmarks import world
from services.reconciler.app import store_of
from shared.config import Config
from shared.kafka import KafkaLog, Reader
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
        figures: Figures = {}
        rounds = (
            ("reconciler.new", "sweep-1", lambda number: 1),
            ("reconciler.changed_10", "sweep-2", lambda number: 2 if number % 10 == 0 else 1),
            ("reconciler.unchanged", "sweep-3", lambda number: 2 if number % 10 == 0 else 1),
        )
        for name, sweep, version_of in rounds:
            before = world.ends(self._reader, STUDENTS_ASSESSED)
            sent = world.publish(self._log, world.started(sweep))
            sent += world.publish(self._log, world.fetched(range(students), sweep, version_of))
            judged = self._eligibility(before, sent)
            after = world.ends(self._reader, STUDENTS_ASSESSED)
            raw = max(world.raw_consume_rate(self._config, STUDENTS_ASSESSED, before, after) for _ in range(3))
            rate = self._reconciler(after)
            print(f"{name:24} {rate:10,.0f}/s   raw {raw:10,.0f}/s   {rate / raw:.2f}", flush=True)
            figures[name] = (rate, raw)
            if name == "reconciler.new":
                fetched = world.ends(self._reader, STUDENTS_FETCHED)
                beside = world.raw_consume_rate(self._config, STUDENTS_FETCHED, dict.fromkeys(fetched, 0), fetched)
                figures["eligibility.all"] = (judged, beside)
                figures["kafka.raw_consume"] = (raw, raw)
                print(f"{'eligibility.all':24} {judged:10,.0f}/s   raw {beside:10,.0f}/s", flush=True)
        return figures

    def _eligibility(self, before: dict[int, int], wanted: int) -> float:
        base = sum(before.values())
        with world.service("eligibility", self._path) as process:
            return world.rate_until(
                process, lambda: sum(world.ends(self._reader, STUDENTS_ASSESSED).values()) - base, wanted
            )

    def _reconciler(self, ends: dict[int, int]) -> float:
        base = sum(self._positions.values())
        with world.service("reconciler", self._path) as process:
            rate = world.rate_until(process, lambda: self._position() - base, sum(ends.values()) - base)
        self._positions = dict(ends)
        return rate

    def _position(self) -> int:
        total = 0
        for lane in range(world.PARTITIONS):
            record = self._store.read(lane).lane
            total += decoder(LaneState).decode(record).position if record else 0
        return total
