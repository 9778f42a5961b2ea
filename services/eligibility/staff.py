"""
The rules that a member of staff must meet: pure, and judged as those of students are (``rules.py``).

No article says who of a school's staff has an account. A leaving date that is past counts, whatever the status says:
record systems keep who left as *active* until somebody tidies up (docs/decisions/0059-a-book-for-the-staff.md). One
that is still to come is the last day of somebody who works there, and undecided where the status says that they left.
"""

from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import ClassVar

from services.eligibility.category import Rulebook, is_absent
from services.eligibility.rules import RULES, Case, Rule
from shared.contract.leaving import is_over, leaving_day
from shared.contract.model import Category, Kind, Student


@dataclass(frozen=True)
class StaffCase(Case):
    """One member of staff on one day. Their stage is their category: there are no applicants."""

    kind: ClassVar[Kind] = "staff"

    @cached_property
    def stage(self) -> Category | None:
        return stage_of(self.student, self.day, self.book)

    @cached_property
    def category(self) -> Category:
        return Category.UNKNOWN if self.stage is None or self.leaves_later else self.stage


def stage_of(person: Student, day: date, book: Rulebook) -> Category | None:
    """
    What the record says of a member of staff on that day; None when it says nothing that is known here. Whoever has
    neither status nor a leaving date is current by being in the list, and in a pushed feed left when the gateway says
    that they are in the body no more. Raises: ValueError for a date that is none.
    """
    if book.is_pushed and is_absent(person):
        return Category.LEFT
    if is_over(person, day) or person.system_status == -1:
        return Category.LEFT
    has_status = person.system_status is not None or (person.system_status_word or "").strip()
    return Category.CURRENT if person.system_status == 1 or not has_status else None


def _has_known_status(case: Case) -> bool | None:
    return case.stage is not None


def _is_not_over(case: Case) -> bool | None:
    return None if leaving_day(case.student) is None else not is_over(case.student, case.day)


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
        "the status says, unless it is before 1950 or the birth: then it counts as none.",
        _is_not_over,
        lambda case: case.student.leaving_date,
    ),
    _OF_STUDENTS["left_by_now"],
    replace(
        _OF_STUDENTS["is_current"],
        message="Only current staff are shown and have an account.",
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
