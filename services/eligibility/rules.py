"""
The rules that a student must meet, one small function each: pure. Source: the iSAMS article, quoted beside each rule.

Every rule is evaluated for every student, so that the explanation is complete; one that does not concern a category
says ``not_applicable``.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from services.eligibility.academic_year import academic_year, leaving_academic_year
from shared.model import Category, Outcome, Student

EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
YEARS = range(8)  # Unitu's: "nullable number with possible values (null, 0-7)"


@dataclass(frozen=True)
class Rulebook:
    """What of a school's settings the rules depend on."""

    is_pushed: bool = False
    is_keyed_by_id: bool = False  # a pushed feed's own id is the student's key
    shows_preferred_name: bool = True
    prospective_system_statuses: frozenset[int] = frozenset({0})
    prospective_admission_statuses: frozenset[str] = frozenset()
    academic_year_start: tuple[int, int] = (9, 1)
    leaving_year_names: str = "start"


@dataclass(frozen=True)
class Case:
    """One student on one day, by one school's settings."""

    student: Student
    category: Category
    day: date
    book: Rulebook


@dataclass(frozen=True)
class Rule:
    """``judge``: True, False, or None where the rule does not concern the student. ``fix`` is for administrators."""

    id: str
    message: str
    fix: str
    judge: Callable[[Case], bool | None]
    value: Callable[[Case], object]

    def outcome(self, case: Case) -> Outcome:
        match self.judge(case):
            case None:
                return "not_applicable"
            case True:
                return "pass"
            case _:
                return "fail"


def categorise(student: Student, book: Rulebook) -> Category:
    """
    What the record says the student is. Being in the lists of the present and of the leavers at once is unknown.

    "The student must have System Status = 1 in iSAMS", "The student must have System Status = -1 in iSAMS",
    "By default, the portal only pulls through System Status = 0 for prospective students."

    A pushed student is current by being in the body, and left when the gateway says that they are in it no more.
    """
    if book.is_pushed:
        return Category.LEFT if "leavers" in student.lists else Category.CURRENT
    status, is_leaver = student.system_status, "leavers" in student.lists
    if status == 1:
        return Category.UNKNOWN if is_leaver else Category.CURRENT
    if status == -1 or is_leaver:
        return Category.LEFT
    if status in book.prospective_system_statuses and student.admission_status in book.prospective_admission_statuses:
        return Category.PROSPECTIVE
    return Category.UNKNOWN


def shown_first_name(student: Student, book: Rulebook) -> str | None:
    """ "If the Preferred Name is not populated, the portal uses the First Name instead." """
    if book.shows_preferred_name:
        return student.preferred_name or student.first_name
    return student.first_name


def _has_title(case: Case) -> bool | None:
    return None if case.book.is_pushed else bool(case.student.title)


def _has_first_name(case: Case) -> bool:
    return bool(shown_first_name(case.student, case.book))


def _has_last_name(case: Case) -> bool:
    return bool(case.student.last_name)


def _has_email(case: Case) -> bool | None:
    return bool((case.student.email or "").strip()) if case.category is Category.CURRENT else None


def _has_sound_email(case: Case) -> bool | None:
    email = (case.student.email or "").strip()
    if case.category is not Category.CURRENT or not email:
        return None
    return EMAIL.fullmatch(email) is not None


def _has_known_status(case: Case) -> bool | None:
    return None if case.book.is_pushed else case.category is not Category.UNKNOWN


def _enrols_from_now_on(case: Case) -> bool | None:
    if case.category is not Category.PROSPECTIVE:
        return None
    year = case.student.enrolment_year
    return year is not None and year >= academic_year(case.day, case.book.academic_year_start)


def _left_lately(case: Case) -> bool | None:
    if case.category is not Category.LEFT:
        return None
    start = case.book.academic_year_start
    left = leaving_academic_year(
        case.student.leaving_date, case.student.leaving_year, start, case.book.leaving_year_names
    )
    return left is not None and left >= academic_year(case.day, start) - 1


def _has_sound_year(case: Case) -> bool | None:
    if not case.book.is_pushed:
        return None
    return case.student.year is None or case.student.year in YEARS


def _has_no_fault(case: Case) -> bool | None:
    return None if not case.book.is_pushed else not case.student.faults


RULES: tuple[Rule, ...] = (
    Rule(
        "status_known",
        "The student's status says whether they are current, prospective or left.",
        "In iSAMS, set the system status (1 current, 0 applicant, -1 left), or configure the one that the school uses.",
        _has_known_status,
        lambda case: case.student.system_status_word or case.student.system_status,
    ),
    Rule(
        "title_present",
        "The student has a salutation.",
        "In iSAMS, fill in the student's title.",
        _has_title,
        lambda case: case.student.title,
    ),
    Rule(
        "first_name_present",
        "The student has a first name.",
        "In iSAMS, fill in the student's forename, or their preferred name where that is the one shown.",
        _has_first_name,
        lambda case: shown_first_name(case.student, case.book),
    ),
    Rule(
        "last_name_present",
        "The student has a last name.",
        "In iSAMS, fill in the student's surname.",
        _has_last_name,
        lambda case: case.student.last_name,
    ),
    Rule(
        "email_present",
        "A current student has a school e-mail address; they log in with it.",
        "In iSAMS, fill in the student's school e-mail address.",
        _has_email,
        lambda case: case.student.email,
    ),
    Rule(
        "email_wellformed",
        "The school e-mail address is one.",
        "In iSAMS, correct the school e-mail address; it needs the form name@school.example.",
        _has_sound_email,
        lambda case: case.student.email,
    ),
    Rule(
        "enrolment_year_open",
        "A prospective student enrols in this academic year or a later one.",
        "In iSAMS, correct the enrolment year, if the student is still expected.",
        _enrols_from_now_on,
        lambda case: case.student.enrolment_year,
    ),
    Rule(
        "left_recently",
        "A student who left did so in the last academic year or in this one.",
        "None is needed, unless the leaving date or year in iSAMS is wrong.",
        _left_lately,
        lambda case: case.student.leaving_date or case.student.leaving_year,
    ),
    Rule(
        "year_valid",
        "The year is empty, or a number from 0 to 7.",
        "In the feed, send year as null or a number from 0 to 7, without quotes.",
        _has_sound_year,
        lambda case: case.student.year,
    ),
    Rule(
        "record_sound",
        "The pushed record has no field that cannot be taken.",
        "In the feed, correct the fields that the answer to the push has listed.",
        _has_no_fault,
        lambda case: ", ".join(fault.pointer for fault in case.student.faults) or None,
    ),
)
