"""
Where the rules meet the calendar and the record systems' ways, each case beside the article's own sentence.

Fails when a comparison is off by one day or one year, when a date is read in another zone than the school's, or when
anything but *left*, positively said, makes somebody who is here a leaver.
"""

from datetime import date
from typing import Any

import pytest

from services.eligibility.assess import assess
from services.eligibility.rules import Rulebook
from services.reconciler.decision_context import DecisionContext
from services.reconciler.reconcile import reconcile
from shared.contract.events import AccountDisabled
from shared.contract.model import Category, Fault, Student, Verdict
from tests.harness.builders import a_leaver, a_student

YES, NO, OPEN = Verdict.ELIGIBLE, Verdict.INELIGIBLE, Verdict.UNDECIDED
CURRENT, PROSPECTIVE, LEFT, UNKNOWN = Category.CURRENT, Category.PROSPECTIVE, Category.LEFT, Category.UNKNOWN
ONE = "3050000001"

STATUS_1 = "The student must have System Status = 1 in iSAMS."
STATUS_LEFT = "The student must have System Status = -1 in iSAMS."
STATUS_0 = "By default, the portal only pulls through System Status = 0 for prospective students."
ADMISSION = "The student must have an admission status that has been configured in the portal."
MISSING = "If any of these fields are missing, the student will not sync into the portal."
LOGIN = "Email Address (required for student login)."
NO_EMAIL = "The iSAMS API feed for prospective students does not provide email addresses."
ENROLMENT = "Must be greater than or equal to the current academic year."
LAST_YEAR = "The portal only syncs students who have left in the last academic year."
COMING = "(no sentence: who leaves tomorrow is here today)"
NOTHING = "(no sentence: a list that keeps everybody for ever says nothing of who is here)"
TOO_LONG = (
    "If a student's leaving academic year is before the previous academic year, they will not sync into the portal."
)
WITHIN = (
    "Check their leaving year falls within the last academic year (the one immediately before the current academic"
    " year)."
)


def current(**fields: Any) -> Student:
    return a_student(ONE, **fields)


def left(day: str | None = None, **fields: Any) -> Student:
    return a_leaver(ONE, leaving_date=day, **fields)


def applicant(**fields: Any) -> Student:
    sound = {"system_status": 0, "admission_status": "Accepted", "lists": ("applicants",), "email": None}
    return a_student(ONE, **(sound | fields))


def on(text: str) -> date:
    return date.fromisoformat(text)


LAST_DAY, FIRST_DAY = "2026-08-31", "2026-09-01"  # of an academic year, of the next one


CASES = [
    # who, the sentence, the record, the day of the reading, what it is, whether shown, whether to have an account
    ("an applicant for the year that ends today", ENROLMENT, applicant(enrolment_year=2025), LAST_DAY,
     PROSPECTIVE, YES, NO),
    ("the same tomorrow", ENROLMENT, applicant(enrolment_year=2025), FIRST_DAY, PROSPECTIVE, NO, NO),
    ("an applicant for the year that begins tomorrow", ENROLMENT, applicant(enrolment_year=2026), LAST_DAY,
     PROSPECTIVE, YES, NO),
    ("the same tomorrow, not enrolled yet", ENROLMENT, applicant(enrolment_year=2026), FIRST_DAY,
     PROSPECTIVE, YES, NO),
    ("an applicant for a year far ahead", ENROLMENT, applicant(enrolment_year=2035), FIRST_DAY, PROSPECTIVE, YES, NO),
    ("an applicant without a year", ENROLMENT, applicant(enrolment_year=None), FIRST_DAY, PROSPECTIVE, NO, NO),
    ("an applicant in January", ENROLMENT, applicant(enrolment_year=2026), "2027-01-01", PROSPECTIVE, YES, NO),
    ("an applicant with an e-mail that is none", NO_EMAIL, applicant(enrolment_year=2026, email="?"), FIRST_DAY,
     PROSPECTIVE, YES, NO),
    ("an applicant of whom only an enquiry is known", ADMISSION, applicant(admission_status="Enquiry"), FIRST_DAY,
     UNKNOWN, OPEN, OPEN),
    ("an applicant without a salutation", MISSING, applicant(enrolment_year=2026, title=None), FIRST_DAY,
     PROSPECTIVE, NO, NO),

    ("left on the last day of a year, on that day a year later", LAST_YEAR, left("2025-08-31"), LAST_DAY,
     LEFT, YES, NO),
    ("and a day after that", TOO_LONG, left("2025-08-31"), FIRST_DAY, LEFT, NO, NO),
    ("left on the first day of a year, two years later but a day", LAST_YEAR, left("2024-09-01"), LAST_DAY,
     LEFT, YES, NO),
    ("and on the day", TOO_LONG, left("2024-09-01"), FIRST_DAY, LEFT, NO, NO),
    ("a summer leaver in the same summer", LAST_YEAR, left("2026-07-10"), "2026-07-11", LEFT, YES, NO),
    ("a summer leaver in the next term", LAST_YEAR, left("2026-07-10"), FIRST_DAY, LEFT, YES, NO),
    ("a summer leaver a year on", LAST_YEAR, left("2026-07-10"), "2027-08-31", LEFT, YES, NO),
    ("a summer leaver in the second term after", TOO_LONG, left("2026-07-10"), "2027-09-01", LEFT, NO, NO),
    ("left in the year that is under way", LAST_YEAR, left("2026-11-20"), "2026-11-23", LEFT, YES, NO),
    ("marked as left before the day has come", COMING, left("2027-07-09"), "2026-11-23", UNKNOWN, OPEN, OPEN),
    ("marked as left, and tomorrow is the day", COMING, left("2026-11-24"), "2026-11-23", UNKNOWN, OPEN, OPEN),
    ("marked as left, and today is the day", LAST_YEAR, left("2026-11-23"), "2026-11-23", LEFT, YES, NO),
    ("in the leavers' list alone before the day has come", COMING,
     left("2027-07-09", system_status=None, lists=("leavers",)), "2026-11-23", UNKNOWN, OPEN, OPEN),
    ("marked as left in a year that has not begun", COMING, left(None, leaving_year=2027), "2026-11-23",
     UNKNOWN, OPEN, OPEN),
    ("marked as left in the year that is under way", LAST_YEAR, left(None, leaving_year=2026), "2026-11-23",
     LEFT, YES, NO),
    ("a date that nobody has", TOO_LONG, left("1900-01-01"), "2026-11-23", LEFT, NO, NO),
    ("a date before the birth, beside a year that counts", LAST_YEAR,
     left("2008-07-10", leaving_year=2026, date_of_birth="2010-03-04"), "2026-11-23", LEFT, YES, NO),
    ("a year before the birth", TOO_LONG,
     left(None, leaving_year=1999, date_of_birth="2010-03-04"), "2026-11-23", LEFT, NO, NO),
    ("left on a leap day", LAST_YEAR, left("2028-02-29"), "2029-08-31", LEFT, YES, NO),
    ("and no longer", TOO_LONG, left("2028-02-29"), "2029-09-01", LEFT, NO, NO),
    ("left, and read on a leap day", WITHIN, left("2026-09-01"), "2028-02-29", LEFT, YES, NO),
    ("left the day before that year", TOO_LONG, left("2026-08-31"), "2028-02-29", LEFT, NO, NO),
    ("left, nobody knows when", WITHIN, left(None), FIRST_DAY, LEFT, NO, NO),
    ("left by a year alone", WITHIN, left(None, leaving_year=2025), FIRST_DAY, LEFT, YES, NO),
    ("left by a year alone, too long ago", TOO_LONG, left(None, leaving_year=2024), FIRST_DAY, LEFT, NO, NO),
    ("the date says lately, the year long ago", LAST_YEAR, left("2026-07-10", leaving_year=2019), FIRST_DAY,
     LEFT, YES, NO),
    ("the date says long ago, the year lately", TOO_LONG, left("2019-07-10", leaving_year=2026), FIRST_DAY,
     LEFT, NO, NO),
    ("a leaver with a blanked e-mail", STATUS_LEFT, left("2026-07-10", email=None), FIRST_DAY, LEFT, YES, NO),
    ("a leaver with nothing but an id", STATUS_LEFT,
     Student(student_id=ONE, system_status=-1, leaving_date="2026-07-10"), FIRST_DAY, LEFT, NO, NO),
    ("in the leavers' list, with a status that nobody knows", STATUS_LEFT,
     left("2026-07-10", system_status=None, lists=("leavers",)), FIRST_DAY, LEFT, YES, NO),
    ("who left and applies again", STATUS_LEFT,
     applicant(enrolment_year=2026, lists=("applicants", "leavers"), leaving_date="2026-07-10"), FIRST_DAY,
     UNKNOWN, OPEN, OPEN),
    ("who left, with an application of long ago", STATUS_LEFT,
     left("2026-07-10", system_status=None, lists=("applicants", "leavers")), FIRST_DAY, LEFT, YES, NO),
    ("came back with a status that nobody knows, and is in the leavers' list for ever", NOTHING,
     current(system_status=None, system_status_word="ReAdmission", lists=("students", "leavers")), FIRST_DAY,
     UNKNOWN, OPEN, OPEN),
    ("came back as one whom nobody can read, and is in the leavers' list for ever", NOTHING,
     Student(student_id=ONE, lists=("students", "leavers"), faults=(Fault(pointer="/dob", message="is no date"),)),
     FIRST_DAY, UNKNOWN, OPEN, OPEN),
    ("came back as an applicant in the students' list, and is in the leavers' list for ever", NOTHING,
     applicant(enrolment_year=2026, lists=("students", "leavers")), FIRST_DAY, UNKNOWN, OPEN, OPEN),
    ("came back with another status, and is in the leavers' list for ever", NOTHING,
     current(system_status=7, lists=("students", "leavers")), FIRST_DAY, UNKNOWN, OPEN, OPEN),
    ("in both lists, and the status says that they left", STATUS_LEFT,
     left("2026-07-10", lists=("students", "leavers")), FIRST_DAY, LEFT, YES, NO),

    ("a current student with a blanked e-mail", LOGIN, current(email=None), FIRST_DAY, CURRENT, NO, OPEN),
    ("came back, with the old leaving date still there", STATUS_1, current(leaving_date="2024-07-10"), FIRST_DAY,
     CURRENT, YES, YES),
    ("came back, with the old leaving year still there", STATUS_1, current(leaving_year=2019), FIRST_DAY,
     CURRENT, YES, YES),
    ("will leave in summer", STATUS_1, current(leaving_date="2027-07-09"), FIRST_DAY, CURRENT, YES, YES),
    ("came back, and is in the leavers' list as well", STATUS_1, current(lists=("leavers", "students")), FIRST_DAY,
     UNKNOWN, OPEN, OPEN),
    ("came back, and is in the applicants' list as well", STATUS_1, current(lists=("applicants", "students")),
     FIRST_DAY, CURRENT, YES, YES),
    ("current, with an admission status of long ago", STATUS_1, current(admission_status="Withdrawn"), FIRST_DAY,
     CURRENT, YES, YES),
    ("current, enrolled for next year only", STATUS_1, current(enrolment_year=2027), FIRST_DAY, CURRENT, YES, YES),
    ("a status word that maps to nothing", STATUS_1,
     current(system_status=None, system_status_word="On exchange"), FIRST_DAY, UNKNOWN, OPEN, OPEN),
    ("a status word that maps to nothing, with a leaving date", STATUS_LEFT,
     current(system_status=None, system_status_word="Gone", leaving_date="2026-07-10"), FIRST_DAY,
     UNKNOWN, OPEN, OPEN),
    ("no status at all", STATUS_1, current(system_status=None, system_status_word=None), FIRST_DAY,
     UNKNOWN, OPEN, OPEN),
    ("a status of applicants that is not configured", STATUS_0, applicant(system_status=2, enrolment_year=2026),
     FIRST_DAY, UNKNOWN, OPEN, OPEN),
]  # fmt: skip


@pytest.mark.parametrize(
    ("sentence", "student", "day", "category", "portal", "account"),
    [pytest.param(*case[1:], id=case[0]) for case in CASES],
)
def test_every_edge_is_decided_as_its_sentence_says(
    sentence: str, student: Student, day: str, category: Category, portal: Verdict, account: Verdict
) -> None:
    book = Rulebook(prospective_admission_statuses=frozenset({"Accepted", "Offer made"}))
    found = assess("abbey", student, "00", on(day), book, {10: 4})
    assert (found.category, found.portal, found.account) == (category, portal, account), sentence


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_only_who_is_said_to_have_left_loses_an_account(case: tuple[Any, ...]) -> None:
    """Fails when the account of anybody else comes out with a removal staged."""
    book = Rulebook(prospective_admission_statuses=frozenset({"Accepted", "Offer made"}))
    first, _ = reconcile(None, assess("abbey", current(), "00", on(LAST_DAY), book, {}), DecisionContext(1, "", "00"))
    after, changes = reconcile(
        first, assess("abbey", case[2], "01", on(case[3]), book, {}), DecisionContext(2, "", "01")
    )
    assert after.status == "enabled", "removals wait for a close"
    assert not [change for change in changes if isinstance(change, AccountDisabled)]
    assert (after.staged is not None) is (case[4] is LEFT)


@pytest.mark.parametrize(
    ("starts", "day", "shown"),
    [
        pytest.param((1, 1), "2026-12-31", YES, id="a school whose year is the calendar's, its last day"),
        pytest.param((1, 1), "2027-01-01", NO, id="and the first of the next"),
        pytest.param((8, 15), "2027-08-14", YES, id="a year that begins in August, the day before"),
        pytest.param((8, 15), "2027-08-15", NO, id="and its first day"),
    ],
)
def test_a_school_has_a_first_day_of_its_own(starts: tuple[int, int], day: str, shown: Verdict) -> None:
    """Left on 10 July 2025 where the year is the calendar's; on 10 July 2026 where it begins in August."""
    leaver = left("2025-07-10" if starts == (1, 1) else "2026-07-10")
    assert assess("abbey", leaver, "00", on(day), Rulebook(academic_year_start=starts), {}).portal is shown
