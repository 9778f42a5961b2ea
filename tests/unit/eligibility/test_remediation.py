"""What would have to be edited for a verdict to come out otherwise: found by running the rules, and by nothing else."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.eligibility.assess import assess
from services.eligibility.remediation import smallest_edits
from services.eligibility.rules import Case, Rulebook
from shared.contract.model import Fault, Student, Verdict
from tests.harness.builders import a_leaver, a_student

ONE, DAY = "3050000001", date(2026, 11, 23)
BOOK = Rulebook(prospective_admission_statuses=frozenset({"Accepted", "Offer made"}))
PUSHED = Rulebook(is_pushed=True)


def told(student: Student, verdict: str = "account", book: Rulebook = BOOK) -> list[tuple[str, set[str]]]:
    """What it becomes, and by which fields."""
    return [
        (edit.becomes.value, {change.field for change in edit.changes})
        for edit in smallest_edits(Case(student, DAY, book))
        if edit.verdict == verdict
    ]


def to_eligible(student: Student, verdict: str = "account", book: Rulebook = BOOK) -> list[set[str]]:
    return [fields for becomes, fields in told(student, verdict, book) if becomes == "eligible"]


def applicant(**fields: Any) -> Student:
    sound = {"system_status": 0, "admission_status": "Accepted", "enrolment_year": 2027, "email": None}
    return a_student(ONE, **(sound | fields))


@pytest.mark.parametrize(
    ("student", "edits"),
    [
        pytest.param(a_student(ONE, email=None), [{"email"}], id="one field is missing"),
        pytest.param(a_student(ONE, email="ada@abbey"), [{"email"}], id="one field is malformed"),
        pytest.param(a_student(ONE, email=None, title=None), [{"email", "title"}], id="two are missing"),
        pytest.param(
            Student(student_id=ONE),
            [{"system_status", "title", "first_name", "last_name", "email"}],
            id="everything is missing",
        ),
        pytest.param(a_student(ONE, system_status=None, system_status_word="Guest"), [{"system_status"}], id="a word"),
        pytest.param(a_leaver(ONE), [{"system_status"}], id="a leaver who has come back"),
        pytest.param(a_leaver(ONE, email=None), [{"system_status", "email"}], id="with a blanked e-mail"),
        pytest.param(applicant(), [{"system_status", "email"}], id="an applicant who has come"),
        pytest.param(a_student(ONE, lists=("leavers", "students")), [{"lists"}], id="in two lists at once"),
        pytest.param(
            a_student(ONE, lists=("students", "leavers"), system_status=None, system_status_word="ReAdmission"),
            [{"system_status", "lists"}],
            id="in two lists, with a word",
        ),
        pytest.param(a_leaver(ONE, leaving_date="2027-07-10"), [{"system_status"}], id="leaves in summer, or does not"),
        pytest.param(a_student(ONE), [], id="eligible already"),
    ],
)
def test_the_smallest_edits_that_give_an_account(student: Student, edits: list[set[str]]) -> None:
    assert to_eligible(student) == edits


@pytest.mark.parametrize(
    ("student", "edits"),
    [
        pytest.param(applicant(enrolment_year=2025), [{"enrolment_year"}], id="a closed year"),
        pytest.param(applicant(admission_status="Enquiry"), [{"admission_status"}], id="an enquiry"),
        pytest.param(a_leaver(ONE, leaving_date="2019-07-10"), [{"system_status"}, {"leaving_date"}], id="long ago"),
        pytest.param(
            a_leaver(ONE, leaving_date=None, leaving_year=2019),
            [{"system_status"}, {"leaving_year"}],
            id="long ago, by its year",
        ),
    ],
)
def test_the_smallest_edits_that_show_somebody(student: Student, edits: list[set[str]]) -> None:
    found = to_eligible(student, "portal")
    assert [one for one in found if one in edits] == edits


def test_an_eligible_student_is_told_what_would_end_it() -> None:
    found = told(a_student(ONE))
    assert ("ineligible", {"system_status"}) in found
    assert ("undecided", {"email"}) in found
    assert ("undecided", {"lists"}) in found
    assert not [fields for _, fields in found if fields & {"enrolment_year", "leaving_date", "admission_status"}]


@pytest.mark.parametrize(
    ("fields", "becomes", "words"),
    [
        ({"leaving_date": "2027-07-10"}, "ineligible", ("leaving_date", "from 2025-09-01 to 2026-11-23")),
        ({"leaving_date": "2027-07-10"}, "ineligible", ("leaving_date", "before 2025-09-01")),
        ({"leaving_date": "2026-11-20"}, "undecided", ("leaving_date", "after 2026-11-23")),
        ({"leaving_date": None, "leaving_year": 2027}, "ineligible", ("leaving_year", "2025 or 2026")),
        ({"leaving_date": None, "leaving_year": 2026}, "undecided", ("leaving_year", "2027 or later")),
    ],
)
def test_a_day_to_come_is_put_right_by_its_date(fields: dict[str, Any], becomes: str, words: tuple[str, str]) -> None:
    found = [
        (edit.changes[0].field, edit.changes[0].words)
        for edit in smallest_edits(Case(a_leaver(ONE, **fields), DAY, BOOK))
        if edit.verdict == "account" and edit.becomes == becomes and len(edit.changes) == 1
    ]
    assert words in found


def test_a_pushed_student_who_stays_away_is_in_the_body_no_more() -> None:
    sound = {"first_name": "Ada", "last_name": "Fern", "email": "a@northern.example"}
    edits = smallest_edits(Case(Student(student_id="S1", **sound), DAY, PUSHED))
    assert ("ineligible", "in the body no more") in [(one.becomes, one.changes[0].words) for one in edits]


def test_the_words_are_an_administrators() -> None:
    (edit,) = [one for one in smallest_edits(Case(a_student(ONE, email=" "), DAY, BOOK)) if one.becomes == "eligible"
               and one.verdict == "account"]  # fmt: skip
    assert [(one.field, one.now, one.to, one.words) for one in edit.changes] == [
        ("email", " ", None, "an address like name@school.example")
    ]


@pytest.mark.parametrize(
    ("student", "edits"),
    [
        pytest.param({"email": None}, [{"email"}], id="no e-mail"),
        pytest.param({"year": 9}, [{"year"}], id="a year beyond Unitu's"),
        pytest.param({"faults": (Fault(pointer="/phone", message="is no text"),)}, [{"faults"}], id="a fault"),
        pytest.param({"lists": ("absent",)}, [{"lists"}], id="in the body no more"),
        pytest.param({"lists": ("leavers",)}, [{"lists"}], id="in the body no more, as it was said before"),
    ],
)
def test_a_pushed_student_is_edited_in_the_feed(student: dict[str, Any], edits: list[set[str]]) -> None:
    sound = {"first_name": "Ada", "last_name": "Fern", "email": "a@northern.example"}
    assert to_eligible(Student(student_id="S1", **(sound | student)), book=PUSHED) == edits


texts = st.sampled_from([None, "", " ", "Ada", "a@abbey.example"])
students = st.builds(
    Student,
    student_id=st.just(ONE),
    lists=st.sampled_from([("students",), ("applicants",), ("leavers",), ("leavers", "students"), ("absent",)]),
    system_status=st.sampled_from([None, -1, 0, 1, 2]),
    admission_status=st.sampled_from([None, "Accepted", "Enquiry"]),
    enrolment_year=st.sampled_from([None, 2020, 2026]),
    leaving_date=st.sampled_from([None, "2019-07-10", "2026-07-10", "2027-07-10", "1900-01-01"]),
    leaving_year=st.sampled_from([None, 2019, 2026, 2027]),
    title=texts,
    first_name=texts,
    preferred_name=texts,
    last_name=texts,
    email=texts,
    year=st.sampled_from([None, 3, 9]),
    faults=st.sampled_from([(), (Fault(pointer="/dob", message="is no date"),)]),
)


@settings(max_examples=50)
@given(students, st.sampled_from([BOOK, PUSHED, Rulebook(shows_preferred_name=False)]))
def test_somebody_can_always_be_made_eligible_and_nothing_is_told_that_changes_nothing(
    student: Student, book: Rulebook
) -> None:
    """Fails when an edit is told that leaves the verdict, or when a record is beyond all help."""
    found = assess("abbey", student, "00", DAY, book, {})
    edits = smallest_edits(Case(student, DAY, book))
    for verdict, now in (("account", found.account), ("portal", found.portal)):
        mine = [edit for edit in edits if edit.verdict == verdict]
        assert all(edit.becomes is not now for edit in mine)
        assert (now is Verdict.ELIGIBLE) or any(edit.becomes is Verdict.ELIGIBLE for edit in mine)
