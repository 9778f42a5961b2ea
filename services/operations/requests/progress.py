"""
How far one request is on its way through the topics: taken, read, decided. Fed with records, it tells how far it is.

Pure. A sweep counts as ours when it began after the request; clocks of two machines may differ, so the second one that
begins after it counts in any case.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from shared.contract.codec import Record, decode, decoder, type_name
from shared.contract.events import (
    StaffAssessed,
    StaffFetched,
    StudentAssessed,
    StudentFetched,
    SweepCompleted,
    SweepFailed,
    SweepReconciled,
    SweepStarted,
    SyncAnswered,
)
from shared.contract.model import Frozen
from shared.contract.populations import school_of
from shared.contract.topics import ACCOUNT_CHANGES, STUDENTS_ASSESSED, STUDENTS_FETCHED, SYNC_REQUESTS
from shared.errors import Poison
from shared.lanes.dead_letters import plain_name

TOPICS = (SYNC_REQUESTS, STUDENTS_FETCHED, STUDENTS_ASSESSED, ACCOUNT_CHANGES)  # in the order in which they are read
CARRIED = (  # the changes that a snapshot carries: by the beginning of their names
    "rollcall.account_",
    "rollcall.programme_",
    "rollcall.module_",
    "rollcall.structure_",
)
FETCHED = frozenset({type_name(StudentFetched), type_name(StaffFetched)})
ASSESSED = frozenset({type_name(StudentAssessed), type_name(StaffAssessed)})
DETAILS = ("programme", "module", "fields")


class Step(IntEnum):
    ASKED, TAKEN, READING, READ, DECIDED, DELIVERED = range(6)


@dataclass(frozen=True)
class AccountChange:
    """One change of an account, as it is told to who asked. ``student_id`` empty: of the school's structure."""

    student_id: str
    kind: str
    version: int
    detail: str = ""


@dataclass
class RequestProgress:
    """
    ``request``: the ``ce_id`` of what was asked at ``asked_at``; ``student_id`` None: of the whole ``book``, a school's
    students or its staff.
    """

    book: str
    student_id: str | None
    request: str
    asked_at: str
    answer: SyncAnswered | None = None
    sweep: str | None = None
    seen: int = 0  # people sent in the sweep
    completed: SweepCompleted | None = None
    failed: SweepFailed | None = None
    reconciled: SweepReconciled | None = None
    is_decided: bool = False
    _starts: int = 0
    _ours: list[str] = field(default_factory=list)  # sweeps that may be the one, as they began
    _judged: dict[str, Record] = field(default_factory=dict)  # readings of the one student, by their time
    _told: dict[str, list[tuple[str, Frozen]]] = field(default_factory=lambda: defaultdict(list))

    @property
    def school(self) -> str:
        return school_of(self.book)

    def take(self, record: Record) -> None:
        """One record of ``sync-requests``, ``students-fetched``, ``students-assessed`` or ``account-changes``."""
        topic, sweep, kind = plain_name(record.topic), record.header("sweep") or "", record.header("ce_type") or ""
        if record.population != (self.school if topic == SYNC_REQUESTS else self.book):
            return
        if topic == STUDENTS_ASSESSED:
            self._take_assessed(record, sweep, kind)
        elif kind in FETCHED:
            self.seen += bool(sweep) and sweep == self.sweep
        else:
            with suppress(Poison):  # whoever owns the topic sets it aside
                self._take_event(decode(kind, record.value), topic, sweep, kind)

    def _take_event(self, event: Frozen, topic: str, sweep: str, kind: str) -> None:
        match event:
            case SyncAnswered():
                if event.request == self.request:
                    self.answer = event
            case SweepStarted() | SweepFailed() if self.reconciled is not None:
                pass  # ours is decided: what is read next is about somebody else's wish
            case SweepStarted():
                self._starts += 1
                if event.started_at >= self.asked_at or self._starts > 1:
                    self.sweep, self.seen, self.completed = event.sweep, 0, None
                    self._ours.append(event.sweep)
            case SweepCompleted():
                if event.sweep == self.sweep:
                    self.completed = event
            case SweepFailed():
                is_next = self.completed is not None  # ours was read to its end, and waits for its decision
                if event.sweep == self.sweep or (event.started_at >= self.asked_at and not is_next):
                    self.failed = event
            case SweepReconciled():
                self._told[event.sweep].append((kind, event))
                self._judge()
            case _ if topic == ACCOUNT_CHANGES:
                place = sweep or f"@{getattr(event, 'version', -1)}"
                self._told[place].append((kind, event))
        if isinstance(event, SweepStarted | SweepCompleted):
            self._judge()

    def _take_assessed(self, record: Record, sweep: str, kind: str) -> None:
        """The answer comes after what it answers with: a reading that is judged may be seen before it."""
        is_theirs = record.key == f"{self.book}/{self.student_id}"
        if is_theirs and not sweep and kind in ASSESSED:
            self._judged[record.header("said_at") or record.header("read_at") or ""] = record

    def _judge(self) -> None:
        """
        The first of ours that was certified is the one, although another may have begun before its end is read. A close
        that proved nothing has asked for a full sweep: that one is ours then.
        """
        for sweep in self._ours if self.reconciled is None else ():
            for _, event in self._told.get(sweep, ()):
                if isinstance(event, SweepReconciled) and event.outcome == "certified":
                    self.sweep, self.reconciled, self.is_decided = sweep, event, True
                    return
                if isinstance(event, SweepReconciled) and event.outcome == "uncertified" and sweep == self.sweep:
                    self.sweep, self.completed, self._starts = None, None, 1

    @property
    def _record(self) -> Record | None:
        return self._judged.get(self.answer.read_at) if self.answer and self.answer.read_at else None

    @property
    def assessed(self) -> StudentAssessed | None:
        """The verdict on the one student, as they were read on this request."""
        found = self._record
        return None if found is None else decoder(StudentAssessed).decode(found.value)

    @property
    def step(self) -> Step:
        if self.is_decided:
            return Step.DECIDED
        if self.completed or self._record:
            return Step.READ
        if self.sweep:
            return Step.READING
        return Step.TAKEN if self.answer else Step.ASKED

    def version(self, base: int) -> int:
        """The lane's offset that decided it: of the sweep's close, or of the one student's record."""
        if self.reconciled is not None:
            return self.reconciled.version
        return base + (self._record.offset if self._record else -1)

    def changes(self, base: int = 0) -> list[AccountChange]:
        """What changed, in the order in which it was told, each once."""
        found = [
            AccountChange(
                getattr(event, "student_id", ""),
                kind.removeprefix("rollcall.").partition(".")[0],
                getattr(event, "version", -1),
                _detail(event),
            )
            for kind, event in self._told.get(self._place(base), ())
            if kind.startswith(CARRIED)
        ]
        mine = found if self.student_id is None else [one for one in found if one.student_id == self.student_id]
        return list(dict.fromkeys(mine))

    def _place(self, base: int) -> str:
        return (self.sweep or "") if self.student_id is None else f"@{self.version(base)}"


def counts(changes: Sequence[AccountChange]) -> dict[str, int]:
    return dict(sorted(Counter(one.kind for one in changes).items()))


def _detail(event: Any) -> str:
    found = next((value for name in DETAILS if (value := getattr(event, name, None))), "")
    return ", ".join(found) if isinstance(found, tuple) else str(found)
