"""Following a request through the real topics and stores until it is delivered, or until it is clear that it is not."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from threading import Event

from services.operations.errors import Code, OperationError
from services.operations.holds.holdings import Holdings
from services.operations.requests.model import Look, RequestDelivery, SyncOutcome
from services.operations.requests.outcome import outcome_of
from services.operations.requests.progress import TOPICS, RequestProgress, Step
from services.operations.requests.sync import Requested
from services.publisher.decisions import Desk, NotWhole
from services.reconciler import keys
from shared.config.settings import Config, Tenant
from shared.contract.account_state import AccountState, LaneState
from shared.contract.codec import decoder
from shared.contract.populations import kind_of, people_word, person_word
from shared.contract.tenant_state import TenantState
from shared.kafka.client import Reader
from shared.lanes.partition import lane_of
from shared.ports import FencedHashes

LOOK_SECONDS = 0.2
STAYS_SECONDS = 5.0  # beyond the burst's longest delay: what held the tenant before may be lifted by this very change


def follow(
    config: Config, store: FencedHashes, desk: Desk, requested: Requested, seconds: float, stop: Event | None = None
) -> Iterator[Look]:
    """
    How far a request is, at each look, until it is decided and delivered, or it is clear what that waits for: the last
    look has the outcome. Without one it ends when ``stop`` is set; whoever asks for no more looks stops it as well.

    Shape: ``store`` is the reconciler's. Raises: OperationError (not-read, unknown-student; too-long after so many
    seconds, and the work goes on); Retryable.
    """
    follower = RequestFollower(config, store, desk, requested.progress(), dict(requested.starts))
    yield from follower.looks(seconds, stop or Event())


@dataclass
class RequestFollower:
    """One request on its way. ``starts``: the offset of each topic from which on nothing was read yet."""

    config: Config
    store: FencedHashes
    desk: Desk
    progress: RequestProgress
    starts: dict[str, int]
    base: int = 0
    _decided_at: float = field(default=0.0)

    @property
    def slug(self) -> str:
        return self.progress.school

    @property
    def lane(self) -> int:
        return lane_of(self.slug, self.config.kafka.partitions)

    def looks(self, seconds: float, stop: Event) -> Iterator[Look]:
        """Raises: OperationError (not-read, unknown-student, too-long); Retryable."""
        deadline = time.monotonic() + seconds
        with Reader(self.config) as reader:
            while not stop.is_set():
                self._read_on(reader)
                found = self._found()
                if isinstance(found, RequestDelivery):
                    yield Look(Step.DELIVERED, outcome=self._outcome(found))
                    return
                yield Look(self.progress.step, found)
                if time.monotonic() > deadline:
                    raise OperationError(Code.TOO_LONG, f"{self.slug}: after {seconds:g} s it still waits: {found}")
                stop.wait(LOOK_SECONDS)

    def _outcome(self, delivery: RequestDelivery) -> SyncOutcome:
        book, close = self.progress.book, self.progress.reconciled
        holdings = Holdings(self.store, self.config.kafka.partitions, self.config.pushed)
        held = [one for one in holdings.of(book) if one.hold.state == "held"] if close and close.is_held else []
        account = None if self.progress.student_id is None else self._account(self.progress.student_id)
        return outcome_of(self.progress, self.base, delivery, held, account)

    def _read_on(self, reader: Reader) -> None:
        for topic in TOPICS:
            for record in reader.read(topic, self.lane, self.starts[topic]):
                self.starts[topic] = record.offset + 1
                self.progress.take(record)

    def _found(self) -> RequestDelivery | str:
        """How it ended, or what it waits for. Raises: OperationError (not-read, unknown-student)."""
        words = self._waits_for()
        return self._delivery() if self.progress.is_decided and self._is_remembered() else words

    def _is_remembered(self) -> bool:
        """A decision is told before the store has it, and with it what is held."""
        lane = self._lane_state()
        return lane is not None and lane.position > self.progress.version(lane.base)

    def _waits_for(self) -> str:
        """In words, while it is not decided. Raises: OperationError (not-read, unknown-student)."""
        progress = self.progress
        if progress.failed is not None:
            raise OperationError(
                Code.NOT_READ, f"{self.slug}: no certificate ({progress.failed.reason}): {progress.failed.detail}"
            )
        if progress.student_id is not None and progress.answer is not None:
            return self._waits_for_student(progress.answer.outcome, progress.answer.detail)
        if progress.completed is not None:
            return "the reconciler to decide; see that it and eligibility run"
        if progress.sweep is not None:
            return f"the sweep to end: {progress.seen} {people_word(kind_of(progress.book))} sent so far"
        return "its sweep to begin" if progress.answer else "a fetcher to take the request; see that one runs"

    def _waits_for_student(self, outcome: str, detail: str) -> str:
        who = f"{person_word(kind_of(self.progress.book))} {self.progress.student_id}"
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
        if self.progress.assessed is None:
            return "eligibility to judge; see that it runs"
        lane = self._lane_state()
        self.base = lane.base if lane else 0
        if lane is not None and lane.position > self.progress.version(self.base):
            self.progress.is_decided = True
            return ""
        return "the reconciler to decide; see that it runs"

    def _not_read(self, words: str, fix: str = "") -> OperationError:
        return OperationError(Code.NOT_READ, f"{self.slug}: {words}", fix)

    def _lane_state(self) -> LaneState | None:
        record = self.store.read(self.lane).lane
        return None if record is None else decoder(LaneState).decode(record)

    def _account(self, student_id: str) -> AccountState | None:
        """The one student's, after the decision."""
        name = keys.students(self.progress.book)
        (value,) = self.store.read(self.lane, {name: [student_id]}).some[name]
        return None if value is None else decoder(AccountState).decode(value)

    # --- at Unitu ------------------------------------------------------------------------------------------------

    def _delivery(self) -> RequestDelivery | str:
        """How it ended, or what it waits for."""
        self._decided_at = self._decided_at or time.monotonic()
        name = self.config.schools[self.slug].tenant
        tenant = self.config.tenants[name]
        if not self.progress.changes(self.base):
            return RequestDelivery(name, tenant.mode, "nothing_to_send")
        if tenant.mode == "paused":
            return RequestDelivery(name, "paused", "paused")
        state = self.desk.state(name)
        if (number := self._carried_by(state, tenant)) is not None:
            return RequestDelivery(name, "live", "accepted", number)
        try:
            view, snapshot = self.desk.newest(name)
        except NotWhole as missing:
            return f"the tenant's roster to be whole: {missing}"
        if view.facts.positions().get(self.slug, -1) <= self.progress.version(self.base):
            return "the publisher to see the decision; see that it runs"
        if tenant.mode == "dry-run":
            is_rehearsed = state.simulated is not None and state.simulated.digest == snapshot.digest
            return RequestDelivery(name, "dry-run", "simulated") if is_rehearsed else "the rehearsal of the snapshot"
        if state.accepted is not None and state.accepted.digest == snapshot.digest and state.unknown is None:
            return RequestDelivery(name, "live", "undelivered" if snapshot.waits else "accepted", state.accepted.number)
        return self._held_or_waits(name, state, tenant)

    def _carried_by(self, state: TenantState, tenant: Tenant) -> int | None:
        """The last accepted snapshot, if it has the decision. An adoption moves the positions too, and sends none."""
        if tenant.mode != "live" or state.accepted is None:
            return None
        is_sent = state.adoption is None or state.adoption.adopted_at <= state.accepted.accepted_at
        has_it = is_sent and state.positions.get(self.slug, -1) > self.progress.version(self.base)
        return state.accepted.number if has_it else None

    def _held_or_waits(self, name: str, state: TenantState, tenant: Tenant) -> RequestDelivery | str:
        waited = time.monotonic() - self._decided_at
        if state.held is not None and state.held.kind != "wait" and waited > tenant.max_delay_seconds + STAYS_SECONDS:
            return RequestDelivery(name, tenant.mode, "held", reasons=state.held.reasons)
        pace = f"at most one in {tenant.min_interval_seconds:g} s" if tenant.min_interval_seconds else "soon"
        return f"the next snapshot ({pace})"
