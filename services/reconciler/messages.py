"""The reconciler's messages: what a change, a state or a report looks like on its topic."""

from shared.events import SyncRequested
from shared.lanes import lane_of
from shared.model import Frozen
from shared.state import AccountState, LaneState, SchoolState, StructureState
from shared.topics import ACCOUNT_CHANGES, ACCOUNT_STATE, SYNC_REQUESTS
from shared.wire import Message, Record, encode, event_id, headers, type_name

# The last part of a type's name is its kind, as ids have it: account_provisioned.
_KINDS: dict[type[Frozen], str] = {}
_DETAIL = {"ProgrammeEnrolled": "programme", "ProgrammeUnenrolled": "programme"} | {
    name: field
    for field, names in {
        "module": ("ModuleEnrolled", "ModuleUnenrolled"),
        "plan": ("RemovalsHeld", "RemovalHeld", "HoldReleased", "HoldRefused"),
    }.items()
    for name in names
}


def kind_of(model: type[Frozen]) -> str:
    kind = _KINDS.get(model)
    if kind is None:
        kind = _KINDS[model] = type_name(model).split(".")[1]
    return kind


class Envelope:
    """What every message that one record causes has in common."""

    __slots__ = ("cause", "lane", "sweep", "time")

    def __init__(self, record: Record) -> None:
        self.lane = record.lane
        self.time = record.header("read_at") or record.header("ce_time") or ""
        self.sweep = record.header("sweep")
        self.cause = str(record.offset)

    def change(self, event: Frozen, school: str, student_id: str, version: int) -> Message:
        """A message of ``account-changes``. Its id is a function of school, student, version, kind and detail."""
        model = type(event)
        field = _DETAIL.get(model.__name__)
        detail = str(getattr(event, field)) if field else ""
        key = f"{school}/{student_id}" if student_id else school
        return Message(
            ACCOUNT_CHANGES,
            self.lane,
            key,
            encode(event),
            headers(
                model,
                id=event_id(school, student_id, version, kind_of(model), detail),
                school=school,
                subject=key,
                time=self.time,
                sweep=self.sweep,
                cause=self.cause,
            ),
        )

    def request(self, school: str, reason: str, version: int) -> Message:
        """Ask for a full sweep of a school."""
        event = SyncRequested(school=school, full=True, reason=reason)
        return Message(
            SYNC_REQUESTS,
            self.lane,
            school,
            encode(event),
            headers(
                SyncRequested,
                id=event_id(school, "", version, "sync_requested", reason),
                school=school,
                subject=school,
                time=self.time,
            ),
        )


def account_state(lane: int, state: AccountState, value: bytes) -> Message:
    key = f"{state.school}/{state.student_id}"
    return _state(lane, AccountState, state.school, key, value, state.at, state.read_at or "")


def school_state(lane: int, state: SchoolState, value: bytes) -> Message:
    return _state(lane, SchoolState, state.school, state.school, value, state.at, _time_of(state))


def structure_state(lane: int, state: StructureState) -> Message:
    return _state(lane, StructureState, state.school, f"{state.school}//structure", encode(state), state.at, "")


def lane_state(state: LaneState) -> Message:
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


def lane_for(school: str, partitions: int) -> int:
    return lane_of(school, partitions)
