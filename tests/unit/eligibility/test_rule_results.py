"""What each rule tells whoever asks why: in full to them, and never in a log."""

import logging
from datetime import date
from typing import Any, Literal

import pytest

from services.eligibility.assess import RECORD_SOUND
from services.eligibility.rule_results import Ruling, rulings, unreadable
from services.eligibility.rules import RULES, Case, Rulebook, _has_known_status, _has_one_place, _is_current, words_of
from shared.contract.model import Fault, Student
from tests.harness.builders import a_leaver, a_student

ONE = "3050000001"
PORTAL_ONLY, ACCOUNT_ONLY = {"enrolment_year_open", "left_recently"}, {"is_current"}
MANDATORY = {"title_present", "first_name_present", "last_name_present", "email_present", "email_wellformed"}


def case_of(student: Student, **book: Any) -> Case:
    settings = {"prospective_admission_statuses": frozenset({"Offer made", "Accepted"})} | book
    return Case(student, date(2026, 11, 23), Rulebook(**settings))


def told(student: Student, verdict: Literal["portal", "account"] = "account", **book: Any) -> dict[str, Ruling]:
    return {one.id: one for one in rulings(case_of(student, **book), verdict)}


def test_each_verdict_is_told_by_the_rules_that_decide_it() -> None:
    every = {rule.id for rule in RULES}
    assert set(told(a_student(ONE), "portal")) == every - ACCOUNT_ONLY
    assert set(told(a_student(ONE), "account")) == every - PORTAL_ONLY


def test_what_does_not_concern_somebody_is_not_judged() -> None:
    """A pushed student has no status and no second list; of an unknown one nobody says that they are not current."""
    outcomes = {rule.judge: rule.outcome(case_of(a_student(ONE), is_pushed=True)) for rule in RULES}
    assert (outcomes[_has_known_status], outcomes[_has_one_place]) == ("not_applicable", "not_applicable")
    unknown = {rule.judge: rule.outcome(case_of(a_student(ONE, system_status=None))) for rule in RULES}
    assert unknown[_is_current] == "not_applicable"


def test_a_school_that_configured_no_status_is_told_so() -> None:
    nothing = {"prospective_admission_statuses": frozenset(), "prospective_system_statuses": frozenset()}
    words = words_of(case_of(a_student(ONE), **nothing))
    assert (words["system_statuses"], words["admission_statuses"]) == ("none", "none")


def test_who_is_current_is_put_right_where_the_school_says_it() -> None:
    assert "iSAMS" in words_of(case_of(a_student(ONE)))["current_by"]
    assert "feed" in words_of(case_of(a_student(ONE), is_pushed=True))["current_by"]


def test_what_fails_is_told_with_what_was_seen_and_what_would_help() -> None:
    found = told(a_student(ONE, email="ada@abbey"))["email_wellformed"]
    assert (found.outcome, found.value) == ("fail", "ada@abbey")
    assert found.fix == (
        "At the source, correct the school e-mail address: it has a domain without a dot: write the whole of it, as in "
        "name@school.example."
    )
    assert told(a_student(ONE))["email_wellformed"].fix is None


@pytest.mark.parametrize(
    ("student", "rule", "value", "fix"),
    [
        pytest.param(
            a_student(ONE, system_status=0, admission_status="Enquiry"),
            "admission_status_configured",
            "Enquiry",
            "configured are: Accepted, Offer made",
            id="the admission statuses",
        ),
        pytest.param(
            a_student(ONE, system_status=0, admission_status="Accepted", enrolment_year=2025),
            "enrolment_year_open",
            2025,
            "2026 or later",
            id="this academic year",
        ),
        pytest.param(
            a_leaver(ONE, leaving_date="2024-07-10"), "left_recently", "2024-07-10", "began in 2025", id="the last one"
        ),
        pytest.param(
            a_student(ONE, system_status=None, system_status_word="Guest"),
            "status_known",
            "Guest",
            "one of: 0, 5",
            id="the statuses of applicants",
        ),
    ],
)
def test_a_fix_names_the_schools_own_settings(student: Student, rule: str, value: object, fix: str) -> None:
    found = told(student, "portal", prospective_system_statuses=frozenset({5, 0}))[rule]
    assert (found.outcome, found.value) == ("fail", value)
    assert fix in (found.fix or "")


def test_a_leavers_missing_fields_do_not_concern_their_account() -> None:
    """Fails when an explanation lists as a reason what had no part in the decision."""
    blank = a_leaver(ONE, email=None, title=None, first_name=None, last_name=None)
    account = told(blank)
    assert {account[rule].outcome for rule in MANDATORY} == {"not_applicable"}
    assert [one.id for one in account.values() if one.outcome == "fail"] == ["is_current"]
    shown = {one.id for one in told(blank, "portal").values() if one.outcome == "fail"}
    assert shown == {"title_present", "first_name_present", "last_name_present"}


def test_a_field_that_could_not_be_read_is_named() -> None:
    found = told(Student(student_id=ONE, faults=(Fault(pointer="/dob", message="is no date"),)))[RECORD_SOUND]
    assert (found.outcome, found.value) == ("fail", "/dob is no date")


def test_of_a_record_that_broke_its_schema_only_that_is_known() -> None:
    found = {one.id: one for one in unreadable("portal", RECORD_SOUND)}
    assert {id for id, one in found.items() if one.outcome == "fail"} == {RECORD_SOUND}
    assert "dead letters" in (found[RECORD_SOUND].fix or "")
    assert set(found) == {rule.id for rule in RULES} - ACCOUNT_ONLY


SECRETS = ("Adelaide", "Fernsby", "ada.f@abbey.example")


@pytest.mark.parametrize("write", [str, repr, "{}".format, "%s".__mod__], ids=["str", "repr", "format", "percent"])
def test_a_ruling_written_down_hides_what_is_personal(write: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Fails when somebody's name or e-mail can get into a log line or a trace by way of a ruling."""
    student = a_student(ONE, first_name=SECRETS[0], last_name=SECRETS[1], email=SECRETS[2], system_status_word="Guest")
    found = rulings(case_of(student), "account")
    text = "\n".join(write(one) for one in found) + repr(found)
    with caplog.at_level(logging.INFO):
        logging.getLogger("rollcall.test").info("why: %s", found)
    for secret in SECRETS:
        assert secret not in text
        assert secret not in caplog.text
    assert "Guest" in text, "what is nobody's stays readable"
