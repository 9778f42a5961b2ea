"""
What became of an accepted body: accepted, decided, and then delivered or superseded. Pure.

What is told is told by what stands in the log: the close of each of the body's sweeps, and the accepted snapshots with
the position of the school's lane that each of them carries. So it is the same whoever asks, and after any restart.
"""

from dataclasses import dataclass, field
from typing import Any

import msgspec

from shared.contract.codec import decoder
from shared.contract.events import GuardReport, SweepReconciled
from shared.contract.model import Kind
from shared.contract.plans import PLANS, Feed, summary
from shared.contract.populations import KINDS, people_word


@dataclass(frozen=True)
class Snapshot:
    """An accepted one: its number, and the position of the school's lane up to which it has what was decided."""

    number: int
    position: int


@dataclass(frozen=True)
class Closed:
    """The close of one sweep of a school: ``version`` is its place in the lane."""

    sweep: str
    version: int


@dataclass(frozen=True)
class Course:
    """
    One body. ``reports`` are the closes of its sweeps; ``carried`` is the first accepted snapshot after them, ``next``
    the first close of the same people by a later body. Of a body that is not decided: the newest such close.
    """

    receipt: bytes
    reports: dict[Kind, SweepReconciled] = field(default_factory=dict)
    carried: Snapshot | None = None
    next: Closed | None = None


def sweeps_of(receipt: bytes) -> tuple[Kind, ...]:
    """Whose sweeps a body opened; none where it had a structure alone."""
    told: dict[str, Any] = msgspec.json.decode(receipt)
    has = {"student": told["reason"] != "students_not_supplied", "staff": told["staff_complete"] is not None}
    return tuple(kind for kind in KINDS if has[kind])


def leading(sweeps: tuple[Kind, ...]) -> Kind:
    """By whose closes a body is overtaken: those of the students, where it has any or none of both."""
    return sweeps[0] if sweeps else "student"


def decided_at(reports: dict[Kind, SweepReconciled], sweeps: tuple[Kind, ...]) -> int | None:
    """The place in the lane by which all of a body was decided; None: not yet."""
    if not sweeps or any(kind not in reports for kind in sweeps):
        return None
    return max(reports[kind].version for kind in sweeps)


def later_than(sweep: str, closed: Closed | None) -> Closed | None:
    """A close, if it is of a body that came after this one: the ids of sweeps rise with time."""
    return closed if closed is not None and closed.sweep > sweep else None


def report_of(value: bytes) -> SweepReconciled:
    found: SweepReconciled = decoder(SweepReconciled).decode(value)
    return found


def told(course: Course, mode: str) -> bytes:
    """
    The status as JSON: the receipt, and how far it is. ``mode`` is that of the school's tenant: what is only rehearsed
    is never delivered.
    """
    sweeps = sweeps_of(course.receipt)
    at = decided_at(course.reports, sweeps)
    reports = [course.reports[kind] for kind in sweeps if kind in course.reports]
    state, number, by = "accepted" if at is None else "decided", None, None
    if course.next is not None and (course.carried is None or course.next.version < course.carried.position):
        state, by = "superseded", course.next.sweep
    elif at is not None and course.carried is not None:
        state, number = "delivered", course.carried.number
    answer: dict[str, Any] = msgspec.json.decode(course.receipt)
    answer |= {"state": state, "decided": [_decision(one) for one in reports]}
    return msgspec.json.encode(answer | {"mode": mode, "snapshot": number, "superseded_by": by})


def _decision(report: SweepReconciled) -> dict[str, Any]:
    """Of the students, or of the staff. ``counts``: for how many a plan took effect; ``held``: who waits for what."""
    feed = Feed(report.kind, is_pushed=True)
    done = {one.plan: one.let_through + one.released for one in report.guards}
    return {
        "people": people_word(report.kind),
        "outcome": report.outcome,
        "reason": report.reason,
        "roll_count": report.roll_count,
        "is_paused": report.is_paused,
        "counts": {plan: count for plan, count in done.items() if count},
        "waits": {name: count for name, count in report.counts.items() if count and name not in PLANS},
        "held": [_held(one, feed, report) for one in report.guards if one.held],
    }


def _held(one: GuardReport, feed: Feed, report: SweepReconciled) -> dict[str, Any]:
    drops = report.columns if one.plan == "nulled_column" else ()
    return {"plan": one.plan, "count": one.held, "words": summary(one.plan, one.held, feed, drops)}
