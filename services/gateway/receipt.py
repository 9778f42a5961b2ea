"""What an accepted body came to: the answer to the push, and what the status URL says afterwards."""

from typing import Literal

from services.gateway.body import LISTS
from services.gateway.check import Checked
from shared.model import Fault, Frozen

WITHOUT_KEY = "student_without_key"
NOT_SUPPLIED = "students_not_supplied"


class Receipt(Frozen, omit_defaults=False):
    """
    ``complete`` False: this body says nothing about who is gone, and ``reason`` says why. ``faults`` are where they are
    in the body; ``notes`` tell what was not taken though nothing is wrong with it.
    """

    sweep: str
    status_url: str
    state: Literal["accepted"] = "accepted"
    read_at: str
    complete: bool
    reason: Literal["student_without_key", "students_not_supplied"] | None
    counts: dict[str, int]
    not_supplied: tuple[str, ...]
    without_key: tuple[str, ...]
    fault_count: int
    faults: tuple[Fault, ...]
    notes: tuple[Fault, ...]


def receipt(checked: Checked, entries: dict[str, int], sweep: str, read_at: str, left: int) -> Receipt:
    """``entries`` counts each list that is in the body, ``left`` those of the last roll who are said to have left."""
    students = checked.students
    unknown = students.settled.without_key if students is not None else []
    reason: Literal["student_without_key", "students_not_supplied"] | None = None
    if students is None:
        reason = "students_not_supplied"
    elif unknown:
        reason = "student_without_key"
    return Receipt(
        sweep=sweep,
        status_url=f"/v1/sync/{sweep}",
        read_at=read_at,
        complete=reason is None,
        reason=reason,
        counts={**entries, "undecided": checked.undecided, "left": left},
        not_supplied=tuple(name for name in LISTS if name not in entries),
        without_key=tuple(f"/students/{place}" for place in unknown),
        fault_count=checked.faults.count,
        faults=tuple(checked.faults.told),
        notes=checked.notes,
    )
