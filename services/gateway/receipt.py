"""What an accepted body came to: the answer to the push, and what the status URL says afterwards."""

from collections.abc import Mapping
from typing import Literal

from services.gateway.body import LISTS
from services.gateway.check import Checked
from shared.model import Fault, Frozen, Kind

WITHOUT_KEY: dict[Kind, Literal["student_without_key", "staff_without_key"]] = {
    "student": "student_without_key",
    "staff": "staff_without_key",
}


class Receipt(Frozen, omit_defaults=False, kw_only=True):
    """
    ``complete`` False: this body says nothing about which students are gone, and ``reason`` says why;
    ``staff_complete`` is the same of the staff, null where none were supplied or they are not taken. ``faults`` are
    where they are in the body; ``notes`` tell what was not taken though nothing is wrong with it.
    """

    sweep: str
    status_url: str
    state: Literal["accepted"] = "accepted"
    read_at: str
    complete: bool
    reason: Literal["student_without_key", "students_not_supplied"] | None
    staff_complete: bool | None
    counts: dict[str, int]
    not_supplied: tuple[str, ...]
    without_key: tuple[str, ...]
    fault_count: int
    faults: tuple[Fault, ...]
    notes: tuple[Fault, ...]


def receipt(checked: Checked, entries: dict[str, int], sweep: str, read_at: str, left: Mapping[str, int]) -> Receipt:
    """
    ``entries`` counts each list that is in the body, ``left`` those of the last rolls who are said to have left, by the
    name of their list.
    """
    students, staff = checked.students, checked.staff
    unknown = students.settled.without_key if students is not None else []
    more: dict[str, int] = {}
    if staff is not None:
        more = {"staff_undecided": checked.undecided[staff.name], "staff_left": left[staff.name]}
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
        staff_complete=None if staff is None else not staff.settled.without_key,
        counts={
            **entries,
            "undecided": checked.undecided.get("students", 0),
            "left": left.get("students", 0),
            **more,
        },
        not_supplied=tuple(name for name in LISTS if name not in entries),
        without_key=tuple(
            f"/{people.name}/{place}"
            for people in (students, staff)
            if people is not None
            for place in people.settled.without_key
        ),
        fault_count=checked.faults.count,
        faults=tuple(checked.faults.told),
        notes=checked.notes,
    )
