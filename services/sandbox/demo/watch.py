"""What the topics say, read as any other consumer reads them: how far each school is, and what became of a student."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from shared.clock import parse
from shared.contract.deliveries import Report
from shared.contract.topics import ACCOUNT_CHANGES, DELIVERIES, STUDENTS_ASSESSED, STUDENTS_FETCHED

BATCH, WAIT_SECONDS = 1000, 0.1
METADATA_SECONDS = 30.0  # without an answer the demonstration fails


class _Value(msgspec.Struct):
    """The few fields that are looked at, of whatever event."""

    account: str = ""
    kind: str = ""
    sweep: str = ""
    started_at: str = ""
    outcome: str = ""
    reason: str = ""
    report: Report | None = None


@dataclass(frozen=True)
class Sweep:
    """How one sweep ended: ``certified``, ``uncertified`` or ``failed``. ``started_at``: Unix seconds."""

    started_at: float
    outcome: str
    reason: str


@dataclass
class Progress:
    """One school, and the tenant that bears its name. Filled by one thread, read by another."""

    fetched: set[str] = field(default_factory=set)
    verdicts: dict[str, str] = field(default_factory=dict)
    enabled: set[str] = field(default_factory=set)
    started: dict[str, float] = field(default_factory=dict)
    ended: dict[str, tuple[str, str]] = field(default_factory=dict)
    changes: dict[str, list[str]] = field(default_factory=dict)  # student -> kinds of events, in order
    reports: list[Report] = field(default_factory=list)  # of the deliveries that were accepted
    stays: str = ""  # "hold" or "wait", while the tenant's newest snapshot does not go
    reached: dict[tuple[str, str], float] = field(default_factory=dict)  # service, student -> when it last spoke

    @property
    def accepted(self) -> int:
        return len(self.reports)

    def sweeps(self) -> list[Sweep]:
        """Those that have ended, in the order in which they began."""
        known = dict(self.started)
        ended = [(known[id], *how) for id, how in dict(self.ended).items() if id in known]
        return [Sweep(*one) for one in sorted(ended)]

    def count(self, verdict: str) -> int:
        return list(self.verdicts.values()).count(verdict)


class Watch:
    """Reads four topics from their beginning, in a thread, from ``with`` to its end. Joins no group."""

    def __init__(self, client: Mapping[str, Any], prefix: str, schools: Mapping[str, int]) -> None:
        self._settings = dict(client) | {
            "group.id": f"{prefix}demo-watch",
            "enable.auto.commit": False,
            "fetch.queue.backoff.ms": 20,
        }
        self._prefix = prefix
        self.schools = {slug: Progress() for slug in schools}
        self._done = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True, name="watch")

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def check(self) -> None:
        """Raises: whatever has ended the reading."""
        if self._failure is not None:
            raise self._failure

    def silent_since(self, school: str, student: str, moment: float) -> str:
        """Which service has said nothing of a student since then (Unix seconds): the first on the road."""
        reached = self.schools[school].reached
        for service in ("fetcher", "eligibility", "reconciler"):
            if reached.get((service, student), 0.0) < moment:
                return service
        return "publisher" if reached.get(("publisher", ""), 0.0) < moment else "unitu"

    def _run(self) -> None:
        try:
            consumer = Consumer(self._settings)
            try:
                if self._assign(consumer):
                    self._read(consumer)
            finally:
                consumer.close()
        except BaseException as error:  # told to whoever waits
            self._failure = error

    def _assign(self, consumer: Any) -> bool:
        """Wait until the topics are there; False when told to stop before."""
        wanted = [self._prefix + topic for topic in _TAKERS]
        while not self._done.wait(WAIT_SECONDS):
            known = consumer.list_topics(timeout=METADATA_SECONDS).topics
            if all(name in known and known[name].partitions for name in wanted):
                consumer.assign(
                    [TopicPartition(name, lane, OFFSET_BEGINNING) for name in wanted for lane in known[name].partitions]
                )
                return True
        return False

    def _read(self, consumer: Any) -> None:
        while not self._done.is_set():
            for message in consumer.consume(BATCH, WAIT_SECONDS):
                if not message.error():  # of an error, the client tries again by itself
                    self.take(message)

    def take(self, message: Any) -> None:
        """One record of one of the topics."""
        school, _, student = message.key().decode().partition("/")
        progress = self.schools.get(school)
        if progress is not None:
            kind = dict(message.headers())["ce_type"].decode().split(".")[1]
            _TAKERS[message.topic().removeprefix(self._prefix)](progress, student, kind, _decode(message.value()))


def _fetched(school: Progress, student: str, kind: str, value: _Value) -> None:
    if kind == "student_fetched":
        school.fetched.add(student)
        school.reached["fetcher", student] = time.time()
    elif kind == "sweep_started":
        school.started[value.sweep] = parse(value.started_at).timestamp()


def _assessed(school: Progress, student: str, kind: str, value: _Value) -> None:
    if kind == "student_assessed":
        school.verdicts[student] = value.account
        school.reached["eligibility", student] = time.time()


def _changed(school: Progress, student: str, kind: str, value: _Value) -> None:
    if kind == "sweep_reconciled":
        school.ended[value.sweep] = (value.outcome, value.reason)
    if not student:
        return
    school.changes.setdefault(student, []).append(kind)
    school.reached["reconciler", student] = time.time()
    if kind in ("account_provisioned", "account_enabled"):
        school.enabled.add(student)
    elif kind == "account_disabled":
        school.enabled.discard(student)


def _delivered(school: Progress, _student: str, kind: str, value: _Value) -> None:
    school.reached["publisher", ""] = time.time()
    school.stays = value.kind if kind == "snapshot_held" else ""
    if kind == "snapshot_accepted":
        school.reports.append(value.report or Report(is_compared=False, counts={}))


_decode = msgspec.json.Decoder(_Value).decode
_TAKERS: dict[str, Callable[[Progress, str, str, _Value], None]] = {
    STUDENTS_FETCHED: _fetched,
    STUDENTS_ASSESSED: _assessed,
    ACCOUNT_CHANGES: _changed,
    DELIVERIES: _delivered,
}
