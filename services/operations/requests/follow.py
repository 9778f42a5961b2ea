"""Following a request through the real topics and stores until it is delivered, or until it is clear that it is not."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import uuid4

from services.operations.errors import Code, OperationError
from services.operations.requests.progress import Progress, Step
from services.publisher.decisions import Desk, NotWhole
from services.reconciler import accounts
from shared import clock
from shared.config.settings import Config, Tenant
from shared.contract.account_state import AccountState, LaneState
from shared.contract.codec import Message, decoder, encode, headers
from shared.contract.events import SyncRequested
from shared.contract.model import Kind
from shared.contract.populations import book_of, kind_of, people_word, person_word
from shared.contract.tenant_state import Reason, TenantState
from shared.contract.topics import ACCOUNT_CHANGES, STUDENTS_ASSESSED, STUDENTS_FETCHED, SYNC_REQUESTS
from shared.kafka.client import KafkaLog, Reader
from shared.lanes.partition import lane_of
from shared.ports import LaneStore

TOPICS = (SYNC_REQUESTS, STUDENTS_FETCHED, STUDENTS_ASSESSED, ACCOUNT_CHANGES)  # in the order in which they are read
LOOK_SECONDS = 0.2
STAYS_SECONDS = 5.0  # beyond the burst's longest delay: what held the tenant before may be lifted by this very change

State = Literal["accepted", "simulated", "nothing_to_send", "paused", "held", "undelivered"]


@dataclass(frozen=True)
class Delivery:
    """What became of it at Unitu. ``number``: of the snapshot that carries it."""

    tenant: str
    mode: str
    state: State
    number: int | None = None
    reasons: tuple[Reason, ...] = ()


@dataclass
class Follower:
    """``say``: told at each look how far it is, and in words what it waits for."""

    config: Config
    store: LaneStore
    desk: Desk
    course: Progress
    starts: dict[str, int]
    say: Callable[[Step, str], None] = lambda step, words: None
    base: int = 0
    _decided_at: float = field(default=0.0)

    @property
    def slug(self) -> str:
        return self.course.school

    @property
    def lane(self) -> int:
        return lane_of(self.slug, self.config.kafka.partitions)

    def run(self, seconds: float) -> Delivery:
        """Raises: OperationError (not-read, unknown-student, too-long); Retryable."""
        deadline = time.monotonic() + seconds
        with Reader(self.config) as reader:
            while True:
                self._read_on(reader)
                found = self._found()
                if isinstance(found, Delivery):
                    self.say(Step.DELIVERED, "")
                    return found
                self.say(self.course.step, found)
                if time.monotonic() > deadline:
                    raise OperationError(Code.TOO_LONG, f"{self.slug}: after {seconds:g} s it still waits: {found}")
                time.sleep(LOOK_SECONDS)

    def _read_on(self, reader: Reader) -> None:
        for topic in TOPICS:
            for record in reader.read(topic, self.lane, self.starts[topic]):
                self.starts[topic] = record.offset + 1
                self.course.take(record)

    def _found(self) -> Delivery | str:
        """How it ended, or what it waits for. Raises: OperationError (not-read, unknown-student)."""
        words = self._waits_for()
        return self._delivery() if self.course.is_decided and self._is_remembered() else words

    def _is_remembered(self) -> bool:
        """A decision is told before the store has it, and with it what is held."""
        lane = self._lane_state()
        return lane is not None and lane.position > self.course.version(lane.base)

    def _waits_for(self) -> str:
        """In words, while it is not decided. Raises: OperationError (not-read, unknown-student)."""
        course = self.course
        if course.failed is not None:
            raise OperationError(
                Code.NOT_READ, f"{self.slug}: no certificate ({course.failed.reason}): {course.failed.detail}"
            )
        if course.student_id is not None and course.answer is not None:
            return self._waits_for_student(course.answer.outcome, course.answer.detail)
        if course.completed is not None:
            return "the reconciler to decide; see that it and eligibility run"
        if course.sweep is not None:
            return f"the sweep to end: {course.seen} {people_word(kind_of(course.book))} sent so far"
        return "its sweep to begin" if course.answer else "a fetcher to take the request; see that one runs"

    def _waits_for_student(self, outcome: str, detail: str) -> str:
        who = f"{person_word(kind_of(self.course.book))} {self.course.student_id}"
        match outcome:
            case "unknown_student":
                raise OperationError(
                    Code.UNKNOWN_STUDENT, f"{self.slug}: its iSAMS knows no {who}, or this key may not see them"
                )
            case "refused":
                raise self._not_read(detail)
            case "unreachable":
                raise OperationError(
                    Code.NOT_READ, f"{self.slug}: {detail}; the whole school is read as soon as it answers"
                )
        if self.course.assessed is None:
            return "eligibility to judge; see that it runs"
        lane = self._lane_state()
        self.base = lane.base if lane else 0
        if lane is not None and lane.position > self.course.version(self.base):
            self.course.is_decided = True
            return ""
        return "the reconciler to decide; see that it runs"

    def _not_read(self, words: str, fix: str = "") -> OperationError:
        return OperationError(Code.NOT_READ, f"{self.slug}: {words}", fix)

    def _lane_state(self) -> LaneState | None:
        record = self.store.read(self.lane).lane
        return None if record is None else decoder(LaneState).decode(record)

    def account(self) -> AccountState | None:
        """The one student's, after the decision."""
        name = accounts.students(self.course.book)
        value = self.store.read(self.lane, {name: [self.course.student_id or ""]}).some[name][0]
        return None if value is None else decoder(AccountState).decode(value)

    # --- at Unitu ------------------------------------------------------------------------------------------------

    def _delivery(self) -> Delivery | str:
        """How it ended, or what it waits for."""
        self._decided_at = self._decided_at or time.monotonic()
        name = self.config.schools[self.slug].tenant
        tenant = self.config.tenants[name]
        if not self.course.changes(self.base):
            return Delivery(name, tenant.mode, "nothing_to_send")
        if tenant.mode == "paused":
            return Delivery(name, "paused", "paused")
        state = self.desk.state(name)
        if (number := self._carried_by(state, tenant)) is not None:
            return Delivery(name, "live", "accepted", number)
        try:
            view, snapshot = self.desk.newest(name)
        except NotWhole as missing:
            return f"the tenant's roster to be whole: {missing}"
        if view.facts.positions().get(self.slug, -1) <= self.course.version(self.base):
            return "the publisher to see the decision; see that it runs"
        if tenant.mode == "dry-run":
            is_rehearsed = state.simulated is not None and state.simulated.digest == snapshot.digest
            return Delivery(name, "dry-run", "simulated") if is_rehearsed else "the rehearsal of the snapshot"
        if state.accepted is not None and state.accepted.digest == snapshot.digest and state.unknown is None:
            return Delivery(name, "live", "undelivered" if snapshot.waits else "accepted", state.accepted.number)
        return self._held_or_waits(name, state, tenant)

    def _carried_by(self, state: TenantState, tenant: Tenant) -> int | None:
        """The last accepted snapshot, if it has the decision. An adoption moves the positions too, and sends none."""
        if tenant.mode != "live" or state.accepted is None:
            return None
        is_sent = state.adoption is None or state.adoption.at <= state.accepted.at
        has_it = is_sent and state.positions.get(self.slug, -1) > self.course.version(self.base)
        return state.accepted.number if has_it else None

    def _held_or_waits(self, name: str, state: TenantState, tenant: Tenant) -> Delivery | str:
        waited = time.monotonic() - self._decided_at
        if state.held is not None and state.held.kind != "wait" and waited > tenant.max_delay_seconds + STAYS_SECONDS:
            return Delivery(name, tenant.mode, "held", reasons=state.held.reasons)
        pace = f"at most one in {tenant.min_interval_seconds:g} s" if tenant.min_interval_seconds else "soon"
        return f"the next snapshot ({pace})"


def ask(
    config: Config, school: str, student_id: str | None, *, kind: Kind | None = None, full: bool, reason: str
) -> tuple[Progress, dict[str, int]]:
    """
    Publish the request; its course, and where each topic ended before it. ``kind`` None: of students and staff, and the
    course is that of the students. Raises: Retryable.
    """
    lane = lane_of(school, config.kafka.partitions)
    with Reader(config) as reader:
        starts = {topic: reader.edges(topic, lane)[1] for topic in TOPICS}
    id, time_ = str(uuid4()), clock.now()
    event = SyncRequested(school=school, kind=kind, student_id=student_id, full=full, reason=reason)
    told = headers(SyncRequested, id=id, school=school, subject=school, time=time_)
    out = KafkaLog(config)
    try:
        out.publish([Message(SYNC_REQUESTS, lane, school, encode(event), told)])
    finally:
        out.close()
    return Progress(book_of(school, kind or "student"), student_id, id, time_), starts


def rules_in_words(course: Progress) -> dict[str, Any] | None:
    """The verdict on the one student that was read."""
    one = course.assessed
    if one is None:
        return None
    return {
        "category": one.category.value,
        "portal": one.portal.value,
        "account": one.account.value,
        "failed": [rule for rule, outcome in one.rules if outcome == "fail"],
    }
