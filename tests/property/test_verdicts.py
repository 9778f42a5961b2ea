"""What holds of every verdict, whatever a record says and however a school is configured."""

from datetime import date
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from services.eligibility.assess import assess
from services.eligibility.rule_results import rulings
from services.eligibility.rules import RULES, Case, Rulebook
from shared.contract.events import StudentAssessed
from shared.contract.model import Category, Fault, Student, Verdict

ONE = "3050000001"
DAYS = st.dates(date(2020, 1, 1), date(2032, 12, 31))
TEXTS = st.sampled_from([None, "", " ", "Ada", "a@abbey.example", "a@abbey"])
YEARS = st.sampled_from([None, *range(2018, 2034)])
STUDENTS = st.builds(
    Student,
    student_id=st.just(ONE),
    lists=st.lists(st.sampled_from(["absent", "applicants", "leavers", "students"]), unique=True)
    .map(sorted)
    .map(tuple),
    system_status=st.sampled_from([None, -1, 0, 1, 2, 7]),
    admission_status=st.sampled_from([None, "Accepted", "accepted", "Enquiry"]),
    enrolment_year=YEARS,
    leaving_date=st.none() | DAYS.map(date.isoformat) | st.just("1900-01-01"),
    leaving_year=YEARS,
    title=TEXTS,
    first_name=TEXTS,
    preferred_name=TEXTS,
    last_name=TEXTS,
    email=TEXTS,
    year=st.sampled_from([None, 0, 7, 8]),
    faults=st.sampled_from([(), (Fault(pointer="/dob", message="is no date"),)]),
)
BOOKS = st.builds(
    Rulebook,
    is_pushed=st.booleans(),
    shows_preferred_name=st.booleans(),
    prospective_system_statuses=st.frozensets(st.sampled_from([0, 1, -1, 2])),
    prospective_admission_statuses=st.frozensets(st.sampled_from(["Accepted", "Offer made"])),
    academic_year_start=st.sampled_from([(9, 1), (1, 1), (8, 15), (12, 31)]),
    leaving_year_names=st.sampled_from(["start", "end"]),
)
MANDATORY = ("title", "first_name", "preferred_name", "last_name", "email")


def judged(student: Student, day: date, book: Rulebook) -> StudentAssessed:
    return assess("abbey", student, "00", day, book, {})


@given(STUDENTS, DAYS, BOOKS)
def test_every_verdict_follows_from_its_category_and_its_rules(student: Student, day: date, book: Rulebook) -> None:
    """Fails when a rule is left out, when a verdict is not what the rules that are told for it say, or both ways."""
    found = judged(student, day, book)
    assert [id for id, _ in found.rules] == [rule.id for rule in RULES]
    case = Case(student, day, book)
    shown = {one.id: one.outcome for one in rulings(case, "portal")}
    account = {one.id: one.outcome for one in rulings(case, "account")}
    if found.category is Category.UNKNOWN:
        assert (found.portal, found.account) == (Verdict.UNDECIDED, Verdict.UNDECIDED)
        assert "fail" in shown.values(), "somebody who is unknown is told why"
        return
    assert (found.portal is Verdict.ELIGIBLE) == ("fail" not in shown.values())
    assert found.portal is not Verdict.UNDECIDED
    assert (found.account is Verdict.ELIGIBLE) == ("fail" not in account.values())
    assert (found.account is Verdict.INELIGIBLE) == (found.category in (Category.LEFT, Category.PROSPECTIVE))


@given(STUDENTS, DAYS, BOOKS)
def test_nobody_has_left_unless_something_says_so(student: Student, day: date, book: Rulebook) -> None:
    if judged(student, day, book).category is Category.LEFT:
        by_list = {"leavers", "absent"} & set(student.lists) if book.is_pushed else "leavers" in student.lists
        assert by_list or (student.system_status == -1 and not book.is_pushed)


@given(STUDENTS, DAYS, BOOKS)
def test_who_stands_in_the_students_list_has_left_by_the_status_alone(
    student: Student, day: date, book: Rulebook
) -> None:
    """Fails when a leavers' list, which keeps everybody for ever, switches off who came back by a word or a fault."""
    if "students" in student.lists and not book.is_pushed:
        is_left = judged(student, day, book).category is Category.LEFT
        assert not is_left or student.system_status == -1


@given(STUDENTS, DAYS, BOOKS)
def test_nobody_goes_before_their_day(student: Student, day: date, book: Rulebook) -> None:
    if judged(student, day, book).category is Category.LEFT and not book.is_pushed:
        assert student.leaving_date is None or student.leaving_date <= day.isoformat()


@given(STUDENTS, DAYS, BOOKS, st.fixed_dictionaries(dict.fromkeys(MANDATORY, TEXTS)))
def test_a_slip_in_data_entry_moves_nobody_to_another_category(
    student: Student, day: date, book: Rulebook, slip: dict[str, Any]
) -> None:
    """So it can make an account undecided, which removes nothing, and never ineligible."""
    before, after = judged(student, day, book), judged(msgspec.structs.replace(student, **slip), day, book)
    assert after.category is before.category
    assert (after.account is Verdict.INELIGIBLE) == (before.account is Verdict.INELIGIBLE)


@given(STUDENTS, DAYS, DAYS, BOOKS)
def test_only_a_leavers_day_changes_an_account(student: Student, day: date, another: date, book: Rulebook) -> None:
    """Who left long ago and who left yesterday both have none, and who leaves tomorrow keeps it until then."""
    first, second = (judged(student, one, book).account for one in sorted((day, another)))
    if first is not second:
        assert (first, second) == (Verdict.UNDECIDED, Verdict.INELIGIBLE)
        assert student.leaving_date is not None or student.leaving_year is not None


@given(STUDENTS, DAYS, BOOKS)
def test_who_is_shown_no_more_is_not_shown_later(student: Student, day: date, book: Rulebook) -> None:
    """The calendar only closes: an applicant's year passes, and a leaver's."""
    later = day.replace(year=day.year + 1, day=min(day.day, 28))
    if judged(student, day, book).portal is Verdict.INELIGIBLE:
        assert judged(student, later, book).portal is Verdict.INELIGIBLE
