"""
The rules that a student must meet, one small function each: pure. Source: the iSAMS article, quoted beside each rule.
Staff have rules of their own (``staff.py``).

Every rule is evaluated for every student, so that the explanation is complete; one that does not concern a student says
``not_applicable``. What a rule is about is the student's *stage*, by the system status alone: so an applicant whose
admission status nobody has configured is told of a closed enrolment year as well.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import ClassVar, Literal

from services.eligibility import leaving
from services.eligibility.academic_year import academic_year
from services.eligibility.category import Rulebook as Rulebook
from services.eligibility.category import categorise, has_one_place, is_configured, stage_of
from shared.contract.email import fault_of
from shared.contract.limits import UNITU_YEARS
from shared.contract.model import Category, Kind, Outcome, Student
from shared.contract.texts import clean


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
        return Category.UNKNOWN if self.leaves_later else categorise(self.student, self.book)

    @cached_property
    def leaves_later(self) -> bool:
        """Whether somebody is marked as left whose day has not come. Raises: ValueError for what is no date."""
        if self.stage is not Category.LEFT or self.book.is_pushed:
            return False
        return leaving.is_to_come(self.student, self.day, self.book.academic_year_start, self.book.leaving_year_names)

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
        "email_fault": fault_of(_text(case.student.email)) or "",
        "current_by": BY_FEED if book.is_pushed else BY_RECORD[case.kind],
    }


BY_FEED = "the person should be in the feed: send them in the next body"
BY_RECORD: dict[Kind, str] = {
    "student": "the system status in iSAMS is wrong: 1 is current",
    "staff": "the status or the leaving date in iSAMS is wrong",
}


def _text(value: str | None) -> str:
    """As the doors take it, also of a record that came before they did."""
    return clean(value or "")


def _has_no_fault(case: Case) -> bool:
    return not case.student.faults


def _has_known_status(case: Case) -> bool | None:
    return None if case.book.is_pushed else case.stage is not None


def _has_one_place(case: Case) -> bool | None:
    return None if case.book.is_pushed else has_one_place(case.student, case.book)


def _has_left_by_now(case: Case) -> bool | None:
    if case.stage is not Category.LEFT or case.book.is_pushed:
        return None
    return not case.leaves_later


def _has_configured_admission(case: Case) -> bool | None:
    if case.stage is not Category.PROSPECTIVE:
        return None
    return is_configured(case.student.admission_status, case.book)


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
    return fault_of(email) is None


def _has_sound_year(case: Case) -> bool | None:
    if not case.book.is_pushed:
        return None
    return case.student.year is None or case.student.year in UNITU_YEARS


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
    """The academic year in which a leaver left. Raises: ValueError for what is no date."""
    return leaving.leaving_year(case.student, case.book.academic_year_start, case.book.leaving_year_names)


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
        "Nothing contradicts the list of those who left: who is in it has that system status, or is in no list of "
        "the present.",
        "In iSAMS, settle which is so: take the leaver's record away if the student is back, "
        "or set the system status to -1 if they have left.",
        _has_one_place,
        lambda case: ", ".join(case.student.lists) or None,
    ),
    Rule(
        "left_by_now",
        "Whoever is marked as left has a leaving date that is not still to come, or none.",
        "None is needed if the date is right: it is decided on that day. In iSAMS, correct the leaving date (or year) "
        "if they have left already, or the status if they do not leave.",
        _has_left_by_now,
        lambda case: case.student.leaving_date or case.student.leaving_year,
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
        "None is needed unless {current_by}.",
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
        "At the source, correct the school e-mail address: it {email_fault}.",
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
        "academic year that began in {last_year}, or later. A date before 1950, or before the birth, counts as none.",
        _left_lately,
        lambda case: case.student.leaving_date or case.student.leaving_year,
        decides="portal",
    ),
)
