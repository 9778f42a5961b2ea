"""What an accepted body came to: the answer to the push, and what the status URL says afterwards."""

from collections.abc import Mapping
from typing import Literal

from services.gateway.body import LISTS
from services.gateway.check import Checked, People, StaffRefused
from services.gateway.turnover import Turnover, words_of
from shared.contract.model import Fault, Frozen, Kind
from shared.contract.populations import people_word

WITHOUT_KEY: dict[Kind, Literal["student_without_key", "staff_without_key"]] = {
    "student": "student_without_key",
    "staff": "staff_without_key",
}


class Receipt(Frozen, omit_defaults=False, kw_only=True):
    """
    ``state`` *rehearsed*: nothing was taken, this is what would have been; there is no status to ask for then.

    ``complete`` False: this body says nothing about which students are gone, and ``reason`` says why;
    ``staff_complete`` and ``staff_reason`` are the same of the staff, null where none were supplied or they are passed
    over. ``faults`` are where they are in the body; ``notes`` tell what was not taken, or was taken for something else
    than it is, though nothing is wrong with it, and what looks wrong in who is missing. Of ``counts``, ``left`` is who
    is said to be absent, ``new`` whom the feed never said before, ``new_emails`` who has another address than before.
    """

    sweep: str
    status_url: str | None
    state: Literal["accepted", "rehearsed"] = "accepted"
    read_at: str
    complete: bool
    reason: Literal["student_without_key", "students_not_supplied"] | None
    staff_complete: bool | None
    staff_reason: Literal["staff_without_key"] | StaffRefused | None = None
    counts: dict[str, int]
    not_supplied: tuple[str, ...]
    without_key: tuple[str, ...]
    fault_count: int
    faults: tuple[Fault, ...]
    notes: tuple[Fault, ...]


def receipt(
    checked: Checked,
    entries: Mapping[str, int],
    turnovers: Mapping[Kind, Turnover],
    sweep: str,
    read_at: str,
    *,
    has_left: bool,
    is_rehearsal: bool = False,
) -> Receipt:
    """``entries`` counts each list that is in the body. ``has_left``: whether not to be in it means to have left."""
    students, staff = checked.students, checked.staff
    reason: Literal["student_without_key", "students_not_supplied"] | None = None
    if students is None:
        reason = "students_not_supplied"
    elif not students.is_complete:
        reason = "student_without_key"
    taken = [people for people in (students, staff) if people is not None]
    return Receipt(
        sweep=sweep,
        status_url=None if is_rehearsal else f"/v1/sync/{sweep}",
        state="rehearsed" if is_rehearsal else "accepted",
        read_at=read_at,
        complete=reason is None,
        reason=reason,
        staff_complete=_staff_complete(checked),
        staff_reason="staff_without_key" if staff is not None and not staff.is_complete else checked.staff_refused,
        counts={**entries, **_counts(checked, turnovers, has_left=has_left)},
        not_supplied=tuple(name for name in LISTS if name not in entries),
        without_key=tuple(f"/{people.name}/{place}" for people in taken for place in people.without_key),
        fault_count=checked.faults.count,
        faults=tuple(checked.faults.told),
        notes=(*checked.notes, *(note for people in taken for note in _doubts(people, turnovers[people.kind]))),
    )


def _staff_complete(checked: Checked) -> bool | None:
    if checked.staff is not None:
        return checked.staff.is_complete
    return None if checked.staff_refused is None else False


def _counts(checked: Checked, turnovers: Mapping[Kind, Turnover], *, has_left: bool) -> dict[str, int]:
    counts = {"undecided": checked.undecided.get("students", 0), "left": 0}
    for kind, turnover in turnovers.items():
        start = "staff_" if kind == "staff" else ""
        counts[f"{start}undecided"] = checked.undecided[people_word(kind)]
        counts[f"{start}left"] = len(turnover.absent(has_left=has_left))
        counts[f"{start}new"] = turnover.new
        counts[f"{start}new_emails"] = turnover.readdressed
    return counts


def _doubts(people: People, turnover: Turnover) -> list[Fault]:
    count, missing = people.count, len(turnover.missing)
    return [Fault(pointer=f"/{people.name}", message=words_of(one, count, missing)) for one in turnover.suspicions]
