"""The reconciler's messages: what a change, a state or a report looks like on its topic."""

from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial

from services.reconciler.changes import Change
from shared.contract.account_state import AccountState, LaneState, SchoolState, StructureState
from shared.contract.codec import Message, Record, encode, event_id, headers, type_name
from shared.contract.events import (
    AccountUpdated,
    HoldRefused,
    HoldReleased,
    ModuleEnrolled,
    ModuleUnenrolled,
    ProgrammeEnrolled,
    ProgrammeUnenrolled,
    RemovalHeld,
    RemovalsHeld,
    SyncRequested,
)
from shared.contract.model import Frozen, Kind
from shared.contract.populations import book_of, school_of
from shared.contract.topics import ACCOUNT_CHANGES, ACCOUNT_STATE, SYNC_REQUESTS
from shared.lanes.handler import LazyMessages

_DETAIL: dict[type[Frozen], str] = {  # which field tells two events of one record, person and kind apart
    AccountUpdated: "fields",  # a close may empty one field and admit another
    ProgrammeEnrolled: "programme",
    ProgrammeUnenrolled: "programme",
    ModuleEnrolled: "module",
    ModuleUnenrolled: "module",
    RemovalsHeld: "plan",
    RemovalHeld: "plan",
    HoldReleased: "plan",
    HoldRefused: "plan",
}


@cache
def _told(model: type[Frozen]) -> tuple[str, tuple[str, bytes], str | None]:
    """A model's kind, as ids have it (``account_provisioned``), its name's header, and the field that is its detail."""
    name = type_name(model)
    return name.split(".")[1], ("ce_type", name.encode()), _DETAIL.get(model)


@cache
def _source(book: str) -> bytes:
    return f"/rollcall/schools/{school_of(book)}".encode()


def _detail(value: object) -> str:
    return ",".join(value) if isinstance(value, tuple) else str(value)


class ChangeEnvelope:
    """What every message that one record causes has in common; its headers are written once."""

    __slots__ = ("_common", "lane", "time")

    def __init__(self, record: Record) -> None:
        self.lane = record.lane
        self.time = record.header("read_at") or record.header("ce_time") or ""
        self._common: list[tuple[str, bytes]] = [
            ("ce_specversion", b"1.0"),
            ("content-type", b"application/json"),
            ("ce_time", self.time.encode()),
        ]  # and no more than a consumer needs: each header of a change costs as much as a third of its value
        if (sweep := record.raw_header("sweep")) is not None:
            self._common.append(("sweep", sweep))

    def change(self, event: Frozen, book: str, student_id: str, version: int) -> Message:
        """A message of ``account-changes``. Its id is a function of book, person, version, kind and detail."""
        key = f"{book}/{student_id}" if student_id else book
        return self._of(key, book, student_id, version, [event])[0]

    def changes(self, events: Sequence[Change], book: str, student_id: str) -> list[Message]:
        """The messages of one person's changes, which share their version."""
        if not events:
            return []
        return self._of(f"{book}/{student_id}", book, student_id, events[0].version, events)

    def emitting(self, out: list[Message | LazyMessages]) -> Callable[[AccountState, list[Change]], None]:
        """What puts one person's changes into ``out``."""

        def emit(state: AccountState, changes: list[Change]) -> None:
            if changes:
                out.append(partial(self.changes, changes, book_of(state.school, state.kind), state.student_id))

        return emit

    def _of(self, key: str, book: str, student_id: str, version: int, events: Sequence[Frozen]) -> list[Message]:
        """What all of them share is written once: most of what a change costs is its headers."""
        shared = [
            ("ce_source", _source(book)),
            ("ce_subject", key.encode()),
            *self._common,
        ]
        told = []
        for event in events:
            kind, name, field = _told(type(event))
            id = event_id(book, student_id, version, kind, _detail(getattr(event, field)) if field else "")
            headers = [("ce_id", id.encode()), name, *shared]
            told.append(Message(ACCOUNT_CHANGES, self.lane, key, encode(event), headers))
        return told

    def request(self, school: str, kind: Kind | None, reason: str, version: int) -> Message:
        """Ask for a full sweep of a school: of its students or its staff alone, or of both (None)."""
        event = SyncRequested(school=school, kind=kind, full=True, reason=reason)
        return Message(
            SYNC_REQUESTS,
            self.lane,
            school,
            encode(event),
            headers(
                SyncRequested,
                id=event_id(book_of(school, kind or "student"), "", version, "sync_requested", reason),
                school=school,
                subject=school,
                time=self.time,
            ),
        )


def account_states(lane: int, written: Sequence[tuple[AccountState, bytes]]) -> Iterator[Message]:
    """Those of one batch, made as they are sent."""
    for state, value in written:
        yield account_state(lane, state, value)


def account_state(lane: int, state: AccountState, value: bytes) -> Message:
    key = f"{book_of(state.school, state.kind)}/{state.student_id}"
    return _state(lane, AccountState, state.school, key, value, state.offset, state.read_at or "")


def school_state(lane: int, state: SchoolState, value: bytes) -> Message:
    """One book's own record."""
    return _state(
        lane, SchoolState, state.school, book_of(state.school, state.kind), value, state.offset, _time_of(state)
    )


def structure_state(lane: int, state: StructureState) -> Message:
    """A school's lists, under a key of their own."""
    return _state(lane, StructureState, state.school, f"{state.school}//structure", encode(state), state.offset, "")


def lane_state(state: LaneState) -> Message:
    """Where a lane stands; its key names no school."""
    return _state(state.lane, LaneState, "", f"lane-{state.lane}", encode(state), state.position, "")


def _state(lane: int, model: type[Frozen], school: str, key: str, value: bytes, at: int, time: str) -> Message:
    # A state's id needs no name: which key it is of, and which record decided it, is all that it can differ by.
    return Message(
        ACCOUNT_STATE,
        lane,
        key,
        value,
        headers(model, id=f"{key}@{at}", school=school, subject=key, time=time or "1970-01-01T00:00:00.000Z"),
    )


def _time_of(school: SchoolState) -> str:
    if school.open is not None:
        return school.open.started_at
    return school.certified.completed_at if school.certified is not None else ""
