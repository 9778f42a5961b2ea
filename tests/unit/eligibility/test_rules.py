"""What makes a student one to be shown, and one to have an account: each case beside the article's own sentence."""

from datetime import date
from typing import Any

import pytest

from services.eligibility.assess import assess, undecided
from services.eligibility.rules import RULES, Rulebook, shown_first_name
from shared.contract.events import StudentAssessed
from shared.contract.model import Category, Fault, Student, Verdict
from tests.harness.builders import a_leaver, a_student

CURRENT, PROSPECTIVE, LEFT, UNKNOWN = Category.CURRENT, Category.PROSPECTIVE, Category.LEFT, Category.UNKNOWN
YES, NO, OPEN = Verdict.ELIGIBLE, Verdict.INELIGIBLE, Verdict.UNDECIDED
ACADEMIC_YEAR_2026 = date(2026, 11, 23)
ONE = "3050000001"


def judged(student: Student, day: date = ACADEMIC_YEAR_2026, **book: Any) -> StudentAssessed:
    settings = {"prospective_admission_statuses": frozenset({"Accepted", "Offer made"})} | book
    return assess("abbey", student, "00", day, Rulebook(**settings), {10: 4})


def current(**fields: Any) -> Student:
    return a_student(ONE, **fields)


def leaver(**fields: Any) -> Student:
    return a_leaver(ONE, **fields)


def applicant(**fields: Any) -> Student:
    sound = {"system_status": 0, "admission_status": "Accepted", "enrolment_year": 2027, "email": None}
    return a_student(ONE, **(sound | fields))


def gone_in(year: int) -> Student:
    return leaver(leaving_date=f"{year}-09-01")


def failing(assessed: StudentAssessed) -> set[str]:
    """But for ``is_current``, which says no more than the category does."""
    return {rule for rule, outcome in assessed.rules if outcome == "fail" and rule != "is_current"}


@pytest.mark.parametrize(
    ("sentence", "student", "category"),
    [
        ("The student must have System Status = 1 in iSAMS.", current(), CURRENT),
        ("The student must have System Status = -1 in iSAMS.", leaver(), LEFT),
        ("By default, the portal only pulls through System Status = 0 for prospective students.",
         applicant(), PROSPECTIVE),
        ("If the admission status is not added to the portal, that prospective student will not sync.",
         applicant(admission_status="Enquiry"), UNKNOWN),
        ("The student must have an admission status that has been configured in the portal.",
         applicant(admission_status=None), UNKNOWN),
        ("The student must have a system status that has been configured for prospective students in the portal.",
         applicant(system_status=2), UNKNOWN),
        ("Only students with this system status appear in the current student API feed used by the portal.",
         current(system_status=7), UNKNOWN),
        ("(no sentence: a status word that maps to nothing)", current(system_status=None), UNKNOWN),
        ("(no sentence: in the list of those who left, whatever the status)",
         current(system_status=None, lists=("leavers",)), LEFT),
        ("(no sentence: left, and in the list of those who left)", leaver(lists=("leavers",)), LEFT),
        ("(no sentence: left, and still in the list of the present)", leaver(lists=("students",)), LEFT),
        ("(no sentence: current and left at once)", current(lists=("leavers", "students")), UNKNOWN),
        ("(no sentence: current, and only in the list of those who left)", current(lists=("leavers",)), UNKNOWN),
        ("(no sentence: an applicant who has been here before)", applicant(lists=("applicants", "leavers")), UNKNOWN),
    ],
)  # fmt: skip
def test_what_the_record_says_the_student_is(sentence: str, student: Student, category: Category) -> None:
    assert judged(student).category is category, sentence


def test_a_school_may_use_other_statuses_for_its_applicants() -> None:
    """ "Ask support to amend the portal configuration to include your chosen system status." """
    book: dict[str, Any] = {"prospective_system_statuses": frozenset({0, 5})}
    assert judged(applicant(system_status=5), **book).category is PROSPECTIVE
    assert judged(applicant(system_status=4), **book).category is UNKNOWN


@pytest.mark.parametrize("status", [None, "", "-", "?"])
def test_what_has_neither_letter_nor_digit_is_no_admission_status(status: str | None) -> None:
    book: dict[str, Any] = {"prospective_admission_statuses": frozenset({"?"})}
    assert judged(applicant(admission_status=status), **book).category is UNKNOWN


def test_no_setting_makes_a_current_student_or_a_leaver_prospective() -> None:
    book: dict[str, Any] = {"prospective_system_statuses": frozenset({0, 1, -1})}
    assert judged(current(admission_status="Accepted"), **book).category is CURRENT
    assert judged(leaver(admission_status="Accepted"), **book).category is LEFT


ALL_STUDENTS = "All students must have the following fields populated in iSAMS to sync into the portal"
LOGIN = "Email Address (required for student login)."
NO_EMAIL = "The iSAMS API feed for prospective students does not provide email addresses."
ENROLMENT = "Must be greater than or equal to the current academic year."
LAST_YEAR = "The portal only syncs students who have left in the last academic year."
TOO_LONG_AGO = "If a student's leaving academic year is before the previous academic year, they will not sync"


@pytest.mark.parametrize(
    ("sentence", "student", "fails", "portal", "account"),
    [
        (ALL_STUDENTS, current(), set(), YES, YES),
        (f"{ALL_STUDENTS}: Salutation.", current(title=None), {"title_present"}, NO, OPEN),
        (f"{ALL_STUDENTS}: First Name.", current(first_name=None), {"first_name_present"}, NO, OPEN),
        (f"{ALL_STUDENTS}: Last Name.", current(last_name=None), {"last_name_present"}, NO, OPEN),
        (LOGIN, current(email=None), {"email_present"}, NO, OPEN),
        (LOGIN, current(email=""), {"email_present"}, NO, OPEN),
        (LOGIN, current(email="   "), {"email_present"}, NO, OPEN),
        (LOGIN, current(email="ada"), {"email_wellformed"}, NO, OPEN),
        (LOGIN, current(email="ada@abbey"), {"email_wellformed"}, NO, OPEN),
        (LOGIN, current(email="@abbey.example"), {"email_wellformed"}, NO, OPEN),
        (LOGIN, current(email="ada@abbey.example, b@abbey.example"), {"email_wellformed"}, NO, OPEN),
        (LOGIN, current(email="ada fern@abbey.example"), {"email_wellformed"}, NO, OPEN),
        (LOGIN, current(email=" ada@abbey.example "), set(), YES, YES),
        (LOGIN, current(email="\u200bada@abbey.example\ufeff"), set(), YES, YES),
        (LOGIN, current(email="ada@abbey\u00ad.example"), {"email_wellformed"}, NO, OPEN),
        (LOGIN, current(email="ada@abbey.example."), {"email_wellformed"}, NO, OPEN),
        (LOGIN, current(email="<ada@abbey.example>"), {"email_wellformed"}, NO, OPEN),
        (LOGIN, current(email="mailto:ada@abbey.example"), {"email_wellformed"}, NO, OPEN),
        (LOGIN, current(email="ada@abbey..example"), {"email_wellformed"}, NO, OPEN),
        (LOGIN, current(email="\u200b"), {"email_present"}, NO, OPEN),
        (LOGIN, current(last_name="\u200b"), {"last_name_present"}, NO, OPEN),
        ("all at once", current(title=None, first_name=None, last_name=None, email=None),
         {"title_present", "first_name_present", "last_name_present", "email_present"}, NO, OPEN),
        (NO_EMAIL, applicant(), set(), YES, NO),
        (NO_EMAIL, applicant(email="no e-mail at all"), set(), YES, NO),
        (ENROLMENT, applicant(enrolment_year=2026), set(), YES, NO),
        (ENROLMENT, applicant(enrolment_year=2025), {"enrolment_year_open"}, NO, NO),
        (ENROLMENT, applicant(enrolment_year=None), {"enrolment_year_open"}, NO, NO),
        (f"{ALL_STUDENTS}: Salutation.", applicant(title=None), {"title_present"}, NO, NO),
        ("If the admission status is not added to the portal, that prospective student will not sync.",
         applicant(admission_status="Enquiry"), {"admission_status_configured"}, OPEN, OPEN),
        ("(no sentence: whoever corrects the one is told of the other)",
         applicant(admission_status="Enquiry", enrolment_year=2025),
         {"admission_status_configured", "enrolment_year_open"}, OPEN, OPEN),
        ("(no sentence: names are compared by their letters and digits alone)",
         applicant(admission_status=" offer-MADE! "), set(), YES, NO),
        ("(no sentence: and one without any is none)",
         applicant(admission_status=" - "), {"admission_status_configured"}, OPEN, OPEN),
        (f"{ALL_STUDENTS}: a lone space", current(title=" ", preferred_name=" ", first_name=" ", last_name=" "),
         {"title_present", "first_name_present", "last_name_present"}, NO, OPEN),
        (LAST_YEAR, leaver(leaving_date="2026-11-20"), set(), YES, NO),
        (LAST_YEAR, leaver(leaving_date="2025-09-01"), set(), YES, NO),
        (TOO_LONG_AGO, leaver(leaving_date="2025-08-31"), {"left_recently"}, NO, NO),
        (TOO_LONG_AGO, leaver(leaving_date=None, leaving_year=2024), {"left_recently"}, NO, NO),
        (LAST_YEAR, leaver(leaving_date=None, leaving_year=2025), set(), YES, NO),
        ("(no sentence: nobody knows when)", leaver(leaving_date=None), {"left_recently"}, NO, NO),
        ("(no sentence: a leaver's e-mail is not asked for)", leaver(email=None), set(), YES, NO),
        ("(no sentence: nor need it be one)", leaver(email="gone"), set(), YES, NO),
        ("(no sentence: a leaver goes whatever else is missing)",
         leaver(email=None, title=None, first_name=None, last_name=None),
         {"title_present", "first_name_present", "last_name_present"}, NO, NO),
        ("(no sentence: current and left at once)", current(lists=("leavers", "students"), email=None),
         {"lists_agree", "email_present"}, OPEN, OPEN),
        ("(no sentence: what cannot be read is nobody's leaving)",
         Student(student_id=ONE, faults=(Fault(pointer="/dob", message="is no date"),)),
         {"record_sound", "status_known", "title_present", "first_name_present", "last_name_present"}, OPEN, OPEN),
    ],
)  # fmt: skip
def test_the_two_verdicts(sentence: str, student: Student, fails: set[str], portal: Verdict, account: Verdict) -> None:
    assessed = judged(student)
    assert (failing(assessed), assessed.portal, assessed.account) == (fails, portal, account), sentence
    assert (assessed.details is not None) is (account is YES), "only who is to have an account has details"


@pytest.mark.parametrize(
    "student", [current(), applicant(), leaver(), current(system_status=None), Student(student_id=ONE)]
)
def test_every_rule_is_told_always(student: Student) -> None:  # fmt: skip
    assert [rule for rule, _ in judged(student).rules] == [rule.id for rule in RULES]


def test_what_broke_its_schema_is_undecided_by_every_rule_told() -> None:
    assessed = undecided("abbey", ONE, "ab")
    assert (assessed.category, assessed.portal, assessed.account) == (UNKNOWN, OPEN, OPEN)
    assert [rule for rule, _ in assessed.rules] == [rule.id for rule in RULES]
    assert failing(assessed) == {"record_sound"}
    assert (assessed.digest, assessed.student, assessed.details) == ("ab", None, None)


@pytest.mark.parametrize(
    ("student", "does_not_concern"),
    [
        pytest.param(
            current(),
            {"admission_status_configured", "enrolment_year_open", "left_by_now", "left_recently", "year_valid"},
            id="current",
        ),
        pytest.param(
            applicant(),
            {"email_present", "email_wellformed", "left_by_now", "left_recently", "year_valid"},
            id="prospective",
        ),
        pytest.param(
            leaver(),
            {
                "admission_status_configured",
                "email_present",
                "email_wellformed",
                "enrolment_year_open",
                "year_valid",
            },
            id="left",
        ),
    ],
)
def test_a_rule_that_does_not_concern_a_student_says_so(student: Student, does_not_concern: set[str]) -> None:
    assert {rule for rule, outcome in judged(student).rules if outcome == "not_applicable"} == does_not_concern


def test_a_blank_email_is_missing_and_not_malformed_as_well() -> None:
    assert dict(judged(current(email=" ")).rules)["email_wellformed"] == "not_applicable"


@pytest.mark.parametrize(
    ("student", "day", "rule", "outcome"),
    [
        pytest.param(applicant(enrolment_year=2025), date(2026, 8, 31), "enrolment_year_open", "pass", id="31 August"),
        pytest.param(applicant(enrolment_year=2025), date(2026, 9, 1), "enrolment_year_open", "fail", id="1 September"),
        pytest.param(gone_in(2024), date(2026, 8, 31), "left_recently", "pass", id="left, 31 August"),
        pytest.param(gone_in(2024), date(2026, 9, 1), "left_recently", "fail", id="left: 1 September"),
        pytest.param(leaver(leaving_date="2025-08-31"), date(2026, 8, 31), "left_recently", "pass", id="a year ago"),
        pytest.param(leaver(leaving_date="2025-08-31"), date(2026, 9, 1), "left_recently", "fail", id="and a day"),
    ],
)
def test_the_academic_year_turns_between_two_days(student: Student, day: date, rule: str, outcome: str) -> None:
    assert dict(judged(student, day).rules)[rule] == outcome


@pytest.mark.parametrize(
    ("names", "leaving_year", "outcome"),
    [("start", 2025, "pass"), ("start", 2024, "fail"), ("end", 2026, "pass"), ("end", 2025, "fail")],
)
def test_a_leaving_year_names_the_start_or_the_end(names: str, leaving_year: int, outcome: str) -> None:
    gone = leaver(leaving_date=None, leaving_year=leaving_year)
    assert dict(judged(gone, leaving_year_names=names).rules)["left_recently"] == outcome


@pytest.mark.parametrize(
    ("sentence", "shows_preferred", "preferred", "legal", "shown"),
    [
        ("By default, the portal uses the Preferred Name from iSAMS.", True, "Addie", "Ada", "Addie"),
        ("If the Preferred Name is not populated, the portal uses the First Name instead.", True, None, "Ada", "Ada"),
        ("If the Preferred Name is not populated, the portal uses the First Name instead.", True, "", "Ada", "Ada"),
        ("always show legal first names", False, "Addie", "Ada", "Ada"),
        ("always show legal first names", False, "Addie", None, None),
        ("(no sentence: a preferred name alone)", True, "Addie", None, "Addie"),
    ],
)
def test_the_name_shown(
    sentence: str, shows_preferred: bool, preferred: str | None, legal: str | None, shown: str | None
) -> None:
    student, book = current(preferred_name=preferred, first_name=legal), Rulebook(shows_preferred_name=shows_preferred)
    assert shown_first_name(student, book) == shown, sentence
    assessed = judged(student, shows_preferred_name=shows_preferred)
    assert assessed.account is (YES if shown else OPEN)
    assert (assessed.details.first_name if assessed.details else None) == shown


def test_what_unitu_is_told() -> None:
    details = judged(current(email=" ada@abbey.example ", personal_email="a@home.example", phone="07")).details
    assert details is not None
    assert (details.id, details.first_name, details.last_name) == (ONE, "Ada", "Fern")
    assert (details.email, details.personal_email, details.phone) == ("ada@abbey.example", "a@home.example", "07")
    assert details.year == 4, "year group 10 by the school's map"


@pytest.mark.parametrize("year_group", [None, 6])
def test_a_year_group_that_the_map_does_not_have_is_no_year(year_group: int | None) -> None:
    details = judged(current(year_group=year_group)).details
    assert details is not None
    assert details.year is None


def test_what_was_not_supplied_stays_not_supplied() -> None:
    assessed = judged(current(programmes=None, modules=()))
    assert (assessed.programmes, assessed.modules) == (None, ())
