"""
The rules that a student must meet, one small function each: pure. Source: the iSAMS article, quoted beside each rule.
Staff have rules of their own (``staff.py``).

Every rule is evaluated for every student, so that the explanation is complete; one that does not concern a student says
``not_applicable``. What a rule is about is the student's *stage*, by the system status alone: so an applicant whose
admission status nobody has configured is told of a closed enrolment year as well.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import ClassVar, Literal

from services.eligibility.academic_year import academic_year, leaving_academic_year
from shared.model import Category, Kind, Outcome, Student

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
    day: date
    book: Rulebook
    kind: ClassVar[Kind] = "student"

    @cached_property
    def stage(self) -> Category | None:
        return stage_of(self.student, self.book)

    @cached_property
    def category(self) -> Category:
        return categorise(self.student, self.book)

    @cached_property
    def academic_year(self) -> int:
        return academic_year(self.day, self.book.academic_year_start)


Concern = Literal["both", "portal", "account"]


@dataclass(frozen=True)
class Rule:
    """
    ``judge``: True, False, or None where the rule does not concern the student. ``message`` and ``fix`` are for
    administrators; ``fix`` may name what ``words_of`` has.

    ``decides``: which verdict reads it. ``is_mandatory``: it asks for a field that only a current student's account
    needs; a leaver goes whatever else is missing. ``is_personal``: its value is somebody's.
    """

    id: str
    message: str
    fix: str
    judge: Callable[[Case], bool | None]
    value: Callable[[Case], str | int | None]
    decides: Concern = "both"
    is_mandatory: bool = False
    is_personal: bool = False

    def outcome(self, case: Case) -> Outcome:
        match self.judge(case):
            case None:
                return "not_applicable"
            case True:
                return "pass"
            case _:
                return "fail"


def stage_of(student: Student, book: Rulebook) -> Category | None:
    """
    What the system status says the student is; None when it says nothing.

    "The student must have System Status = 1 in iSAMS", "The student must have System Status = -1 in iSAMS",
    "By default, the portal only pulls through System Status = 0 for prospective students."

    A pushed student is current by being in the body, and left when the gateway says that they are in it no more.
    """
    is_leaver = "leavers" in student.lists
    if book.is_pushed:
        return Category.LEFT if is_leaver or "absent" in student.lists else Category.CURRENT
    if student.system_status == 1:
        return Category.CURRENT
    if student.system_status == -1 or is_leaver:
        return Category.LEFT
    return Category.PROSPECTIVE if student.system_status in book.prospective_system_statuses else None


def categorise(student: Student, book: Rulebook) -> Category:
    """
    What the record as a whole says the student is. An applicant needs an admission status that is configured; being in
    the lists of the present and of the leavers at once is unknown.
    """
    stage = stage_of(student, book)
    if stage is None or not has_one_place(student, book):
        return Category.UNKNOWN
    if stage is Category.PROSPECTIVE and not _is_configured(student.admission_status, book):
        return Category.UNKNOWN
    return stage


def has_one_place(student: Student, book: Rulebook) -> bool:
    """Whether nothing says *current* and *left* at once."""
    return book.is_pushed or not (student.system_status == 1 and "leavers" in student.lists)


def _is_configured(admission_status: str | None, book: Rulebook) -> bool:
    """Names are compared as people read them: without their case and the space around them."""
    return _text(admission_status).casefold() in {one.casefold() for one in book.prospective_admission_statuses}


def shown_first_name(student: Student, book: Rulebook) -> str | None:
    """ "If the Preferred Name is not populated, the portal uses the First Name instead." """
    legal = _text(student.first_name)
    return ((_text(student.preferred_name) or legal) if book.shows_preferred_name else legal) or None


def words_of(case: Case) -> dict[str, str]:
    """What a fix may name: the school's own settings, on the day."""
    book = case.book
    return {
        "academic_year": str(case.academic_year),
        "last_year": str(case.academic_year - 1),
        "system_statuses": ", ".join(map(str, sorted(book.prospective_system_statuses))) or "none",
        "admission_statuses": ", ".join(sorted(book.prospective_admission_statuses)) or "none",
    }


def _text(value: str | None) -> str:
    return (value or "").strip()


def _has_no_fault(case: Case) -> bool:
    return not case.student.faults


def _has_known_status(case: Case) -> bool | None:
    return None if case.book.is_pushed else case.stage is not None


def _has_one_place(case: Case) -> bool | None:
    return None if case.book.is_pushed else has_one_place(case.student, case.book)


def _has_configured_admission(case: Case) -> bool | None:
    if case.stage is not Category.PROSPECTIVE:
        return None
    return _is_configured(case.student.admission_status, case.book)


def _is_current(case: Case) -> bool | None:
    return None if case.stage is None else case.stage is Category.CURRENT


def _has_title(case: Case) -> bool | None:
    return None if case.book.is_pushed else bool(_text(case.student.title))


def _has_first_name(case: Case) -> bool:
    return shown_first_name(case.student, case.book) is not None


def _has_last_name(case: Case) -> bool:
    return bool(_text(case.student.last_name))


def _has_email(case: Case) -> bool | None:
    return bool(_text(case.student.email)) if case.stage is Category.CURRENT else None


def _has_sound_email(case: Case) -> bool | None:
    email = _text(case.student.email)
    if case.stage is not Category.CURRENT or not email:
        return None
    return EMAIL.fullmatch(email) is not None


def _has_sound_year(case: Case) -> bool | None:
    if not case.book.is_pushed:
        return None
    return case.student.year is None or case.student.year in YEARS


def _enrols_from_now_on(case: Case) -> bool | None:
    if case.stage is not Category.PROSPECTIVE:
        return None
    year = case.student.enrolment_year
    return year is not None and year >= case.academic_year


def _left_lately(case: Case) -> bool | None:
    if case.stage is not Category.LEFT or case.book.is_pushed:
        return None
    year = leaving_year(case)
    return year is not None and year >= case.academic_year - 1


def leaving_year(case: Case) -> int | None:
    """The academic year in which a leaver left, by the date where there is one. Raises: ValueError for no date."""
    student, book = case.student, case.book
    return leaving_academic_year(
        student.leaving_date, student.leaving_year, book.academic_year_start, book.leaving_year_names
    )


RULES: tuple[Rule, ...] = (
    Rule(
        "record_sound",
        "Every field of the record can be read.",
        "At the source, correct the fields that are named here.",
        _has_no_fault,
        lambda case: "; ".join(f"{fault.pointer} {fault.message}" for fault in case.student.faults) or None,
        is_mandatory=True,
    ),
    Rule(
        "status_known",
        "The system status says whether the student is current, prospective or left.",
        "In iSAMS, set the system status to 1 (current), -1 (left) or, for applicants, one of: {system_statuses}. "
        "If the school has a word of its own for one of these, add it to system_status_words.",
        _has_known_status,
        lambda case: case.student.system_status_word or case.student.system_status,
    ),
    Rule(
        "lists_agree",
        "The student is not current and in the list of those who left at once.",
        "In iSAMS, settle which of the two is so: take the leaver's record away if the student is back, "
        "or set the system status to -1 if they have left.",
        _has_one_place,
        lambda case: ", ".join(case.student.lists) or None,
    ),
    Rule(
        "admission_status_configured",
        "A prospective student has an admission status that is configured for the school.",
        "In iSAMS, correct the admission status (configured are: {admission_statuses}); if applicants with this one "
        "shall be shown too, add it to prospective_admission_statuses.",
        _has_configured_admission,
        lambda case: case.student.admission_status,
    ),
    Rule(
        "is_current",
        "Only a current student has an account.",
        "None is needed unless the system status in iSAMS is wrong: 1 is current.",
        _is_current,
        lambda case: None if case.stage is None else case.stage.value,
        decides="account",
    ),
    Rule(
        "title_present",
        "The student has a salutation.",
        "In iSAMS, fill in the student's title.",
        _has_title,
        lambda case: case.student.title,
        is_mandatory=True,
    ),
    Rule(
        "first_name_present",
        "The student has a first name.",
        "At the source, fill in the student's forename, or their preferred name where that is the one shown.",
        _has_first_name,
        lambda case: shown_first_name(case.student, case.book),
        is_mandatory=True,
        is_personal=True,
    ),
    Rule(
        "last_name_present",
        "The student has a last name.",
        "At the source, fill in the student's surname.",
        _has_last_name,
        lambda case: case.student.last_name,
        is_mandatory=True,
        is_personal=True,
    ),
    Rule(
        "email_present",
        "A current student has a school e-mail address; they log in with it.",
        "At the source, fill in the student's school e-mail address.",
        _has_email,
        lambda case: case.student.email,
        is_mandatory=True,
        is_personal=True,
    ),
    Rule(
        "email_wellformed",
        "The school e-mail address is one.",
        "At the source, correct the school e-mail address; it needs the form name@school.example.",
        _has_sound_email,
        lambda case: case.student.email,
        is_mandatory=True,
        is_personal=True,
    ),
    Rule(
        "year_valid",
        "The year is empty, or a number from 0 to 7.",
        "In the feed, send year as null or a number from 0 to 7, without quotes.",
        _has_sound_year,
        lambda case: case.student.year,
        is_mandatory=True,
    ),
    Rule(
        "enrolment_year_open",
        "A prospective student enrols in this academic year or a later one.",
        "In iSAMS, correct the enrolment year, if the student is still expected: {academic_year} or later.",
        _enrols_from_now_on,
        lambda case: case.student.enrolment_year,
        decides="portal",
    ),
    Rule(
        "left_recently",
        "A student who left did so in the last academic year or in this one.",
        "None is needed, unless the leaving date or year in iSAMS is missing or wrong: shown is who left in the "
        "academic year that began in {last_year}, or later.",
        _left_lately,
        lambda case: case.student.leaving_date or case.student.leaving_year,
        decides="portal",
    ),
)
