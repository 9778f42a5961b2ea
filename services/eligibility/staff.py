"""
The rules that a member of staff must meet: pure, and judged as those of students are (``rules.py``).

No article says who of a school's staff has an account. A leaving date that is past counts, whatever the status says:
record systems keep who left as *active* until somebody tidies up (docs/decisions/0059-a-book-for-the-staff.md).
"""

from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import ClassVar

from services.eligibility.rules import RULES, Case, Rule
from shared.model import Category, Kind, Student


@dataclass(frozen=True)
class StaffCase(Case):
    """One member of staff on one day. Their stage is their category: there are no applicants."""

    kind: ClassVar[Kind] = "staff"

    @cached_property
    def stage(self) -> Category | None:
        return stage_of(self.student, self.day)

    @cached_property
    def category(self) -> Category:
        return self.stage or Category.UNKNOWN


def stage_of(person: Student, day: date) -> Category | None:
    """
    What the record says of a member of staff on that day; None when it says nothing that is known here. Whoever has
    neither status nor a leaving date is current by being in the list. Raises: ValueError for a date that is none.
    """
    if is_past(person.leaving_date, day) or person.system_status == -1 or "absent" in person.lists:
        return Category.LEFT
    has_status = person.system_status is not None or (person.system_status_word or "").strip()
    return Category.CURRENT if person.system_status == 1 or not has_status else None


def is_past(leaving_date: str | None, day: date) -> bool:
    """Whether somebody's last day is over; on that day itself they are still there."""
    return leaving_date is not None and date.fromisoformat(leaving_date) < day


def _has_known_status(case: Case) -> bool | None:
    return case.stage is not None


def _is_not_over(case: Case) -> bool | None:
    leaving = case.student.leaving_date
    return None if leaving is None else not is_past(leaving, case.day)


_OF_STUDENTS = {rule.id: rule for rule in RULES}

STAFF_RULES: tuple[Rule, ...] = (
    _OF_STUDENTS["record_sound"],
    replace(
        _OF_STUDENTS["status_known"],
        message="The status says whether the member of staff is current or has left, or there is none.",
        fix="In iSAMS, set the status to that of current staff, or to that of those who left. If the school has a word "
        "of its own for one of these, add it to system_status_words.",
        judge=_has_known_status,
    ),
    Rule(
        "not_left",
        "The member of staff has no leaving date, or one that is not past.",
        "In iSAMS, correct the leaving date, or empty it, if the person still works at the school. It counts whatever "
        "the status says.",
        _is_not_over,
        lambda case: case.student.leaving_date,
    ),
    replace(
        _OF_STUDENTS["is_current"],
        message="Only current staff are shown and have an account.",
        fix="None is needed unless the status or the leaving date in iSAMS is wrong.",
        decides="both",
    ),
    replace(
        _OF_STUDENTS["title_present"],
        message="The member of staff has a title.",
        fix="In iSAMS, fill in the title; the account does without.",
        decides="portal",
    ),
    replace(
        _OF_STUDENTS["first_name_present"],
        message="The member of staff has a first name.",
        fix="At the source, fill in the forename, or the preferred name where that is the one shown.",
    ),
    replace(
        _OF_STUDENTS["last_name_present"],
        message="The member of staff has a last name.",
        fix="At the source, fill in the surname.",
    ),
    replace(
        _OF_STUDENTS["email_present"],
        message="A current member of staff has a school e-mail address; they log in with it.",
        fix="At the source, fill in the school e-mail address of the member of staff.",
    ),
    _OF_STUDENTS["email_wellformed"],
)

CASES: dict[Kind, type[Case]] = {"student": Case, "staff": StaffCase}
RULES_OF: dict[Kind, tuple[Rule, ...]] = {"student": RULES, "staff": STAFF_RULES}
