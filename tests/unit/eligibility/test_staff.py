"""Which member of staff has an account, and what becomes of one whose record is no good."""

from datetime import date
from pathlib import Path
from typing import Any, Literal

import pytest

from services.eligibility.assess import RECORD_SOUND, assess, undecided
from services.eligibility.handler import Eligibility
from services.eligibility.remediation import smallest_edits
from services.eligibility.rule_results import rulings, unreadable
from services.eligibility.rules import RULES, Rulebook
from services.eligibility.staff import RULES_OF, STAFF_RULES, StaffCase
from shared.contract.codec import Message, Record, decode, digest, encode, headers
from shared.contract.events import StaffAssessed, StaffFetched, StudentAssessed, StudentFetched, SweepCompleted
from shared.contract.model import Category, Fault, Frozen, Student, Verdict
from shared.contract.topics import STUDENTS_ASSESSED, STUDENTS_FETCHED
from tests.harness.builders import SCHOOL, a_member, a_student, a_sweep, at
from tests.harness.pipeline import a_config

CURRENT, LEFT, UNKNOWN = Category.CURRENT, Category.LEFT, Category.UNKNOWN
YES, NO, OPEN = Verdict.ELIGIBLE, Verdict.INELIGIBLE, Verdict.UNDECIDED
DAY = date(2026, 11, 23)
ONE = "214"
KEY = f"{SCHOOL}+staff/{ONE}"


def judged(person: Student, **book: Any) -> StudentAssessed:
    return assess(SCHOOL, person, "00", DAY, Rulebook(**book), {10: 4}, "staff")


def failing(assessed: StudentAssessed) -> set[str]:
    return {rule for rule, outcome in assessed.rules if outcome == "fail"}


# --- the category ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "category"),
    [
        pytest.param({}, CURRENT, id="status 1"),
        pytest.param({"system_status": -1}, LEFT, id="status -1"),
        pytest.param({"system_status": None, "system_status_word": None}, CURRENT, id="no status at all"),
        pytest.param({"system_status": None, "system_status_word": " "}, CURRENT, id="a blank word"),
        pytest.param({"system_status": None, "system_status_word": "Seconded"}, UNKNOWN, id="a word nobody knows"),
        pytest.param({"system_status": 0}, UNKNOWN, id="an applicant's status"),
        pytest.param({"system_status": 7}, UNKNOWN, id="a number that means nothing"),
        pytest.param({"leaving_date": "2026-11-22"}, LEFT, id="left yesterday, and still active"),
        pytest.param({"leaving_date": "2026-11-23"}, CURRENT, id="the last day is today"),
        pytest.param({"leaving_date": "2027-07-10"}, CURRENT, id="leaves in the summer"),
        pytest.param({"system_status": -1, "leaving_date": "2027-07-10"}, UNKNOWN, id="a status that says so already"),
        pytest.param({"system_status": -1, "leaving_date": "2026-11-24"}, UNKNOWN, id="and tomorrow is the day"),
        pytest.param({"system_status": -1, "leaving_date": "2026-11-23"}, LEFT, id="and today is the day"),
        pytest.param({"leaving_date": "1900-01-01"}, CURRENT, id="a date that nobody has"),
        pytest.param({"leaving_date": "1949-12-31"}, CURRENT, id="the last day that is none"),
        pytest.param({"leaving_date": "1950-01-01"}, LEFT, id="the first day that is one"),
        pytest.param({"leaving_date": "1985-02-03", "date_of_birth": "1985-02-03"}, CURRENT, id="the day of birth"),
        pytest.param({"leaving_date": "2019-07-10", "date_of_birth": "1985-02-03"}, LEFT, id="long after it"),
        pytest.param({"system_status": -1, "leaving_date": "1900-01-01"}, LEFT, id="left, with such a date"),
        pytest.param({"lists": ("absent",), "system_status": None}, CURRENT, id="iSAMS never says it of anybody"),
        pytest.param({"system_status": None, "system_status_word": None, "leaving_date": "2019-07-10"}, LEFT, id="old"),
        pytest.param(
            {"system_status": None, "system_status_word": "Seconded", "leaving_date": "2019-07-10"},
            LEFT,
            id="a word nobody knows, long gone",
        ),
        pytest.param(
            {"system_status": None, "system_status_word": "Seconded", "leaving_date": "2027-07-10"},
            UNKNOWN,
            id="a word nobody knows, and still here",
        ),
    ],
)
def test_the_category_is_by_the_leaving_date_and_then_the_status(fields: dict[str, Any], category: Category) -> None:
    assert judged(a_member(ONE, **fields)).category is category


# --- the verdicts ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "portal", "account", "fails"),
    [
        pytest.param({}, YES, YES, set(), id="sound"),
        pytest.param({"title": None}, NO, YES, {"title_present"}, id="a title is for the portal alone"),
        pytest.param({"title": " "}, NO, YES, {"title_present"}, id="a blank one is none"),
        pytest.param({"first_name": None}, NO, OPEN, {"first_name_present"}, id="no first name"),
        pytest.param({"first_name": None, "preferred_name": "Bea"}, YES, YES, set(), id="the preferred one is shown"),
        pytest.param({"last_name": ""}, NO, OPEN, {"last_name_present"}, id="no last name"),
        pytest.param({"email": None}, NO, OPEN, {"email_present"}, id="no e-mail"),
        pytest.param({"email": "bea@abbey"}, NO, OPEN, {"email_wellformed"}, id="a malformed one"),
        pytest.param(
            {"faults": (Fault(pointer="/email", message="is a number"),)}, NO, OPEN, {RECORD_SOUND}, id="a fault"
        ),
        pytest.param({"system_status": 0}, OPEN, OPEN, {"status_known"}, id="unknown"),
        pytest.param(
            {"system_status": 0, "email": None}, OPEN, OPEN, {"status_known"}, id="unknown, asked for no mail"
        ),
        pytest.param({"system_status": -1}, NO, NO, {"is_current"}, id="left"),
        pytest.param({"leaving_date": "2026-11-22"}, NO, NO, {"is_current", "not_left"}, id="left by the date"),
        pytest.param(
            {"system_status": -1, "email": None, "last_name": None, "title": None},
            NO,
            NO,
            {"is_current", "last_name_present", "title_present"},
            id="a leaver goes whatever is missing",
        ),
    ],
)
def test_two_verdicts_three_values(fields: dict[str, Any], portal: Verdict, account: Verdict, fails: set[str]) -> None:
    found = judged(a_member(ONE, **fields))
    assert (found.portal, found.account, failing(found)) == (portal, account, fails)
    assert [id for id, _ in found.rules] == [rule.id for rule in STAFF_RULES], "every rule, always"


def test_a_school_that_shows_legal_names_asks_for_one() -> None:
    person = a_member(ONE, first_name=None, preferred_name="Bea")
    assert judged(person, shows_preferred_name=False).account is OPEN


def test_what_unitu_is_told_of_staff() -> None:
    person = a_member(
        ONE,
        title=" Dr ",
        year_group=10,
        personal_email="bea@home.example",
        phone="1",
        metadata={"room": "4"},
        departments=("ENG", "HIS"),
    )
    found = judged(person)
    assert isinstance(found, StaffAssessed)
    assert found.kind == "staff"
    details = found.details
    assert details is not None
    assert (details.id, details.title, details.year) == (ONE, "Dr", None)
    assert (details.first_name, details.last_name, details.email) == ("Bea", "Rook", "m214@abbey.example")
    assert (details.faculties, details.departments) == (("SEC",), ("ENG", "HIS"))
    assert (details.personal_email, details.phone, details.metadata) == ("bea@home.example", "1", {"room": "4"})
    assert (found.programmes, found.modules) == (("Y10",), ("Y10-ENG",))
    bare = judged(a_member(ONE, title=None, faculties=None, departments=())).details
    assert bare is not None
    assert (bare.title, bare.faculties, bare.departments) == (None, (), ())


def test_students_have_their_own_rules_and_no_word_of_staff() -> None:
    found = assess(SCHOOL, a_student(ONE, leaving_date="2026-11-22"), "00", DAY, Rulebook(), {10: 4})
    assert (found.category, found.account) == (CURRENT, YES), "who came back may still have the old date"
    assert [id for id, _ in found.rules] == [rule.id for rule in RULES]
    assert b'"kind"' not in encode(found)
    assert b'"title":' not in encode(found.details or found)


def test_each_rule_is_told_with_what_would_help() -> None:
    case = StaffCase(a_member(ONE, leaving_date="2026-11-22", email=None), DAY, Rulebook())
    verdicts: tuple[Literal["portal", "account"], ...] = ("portal", "account")
    portal, account = ({one.id: one for one in rulings(case, verdict)} for verdict in verdicts)
    assert set(portal) == {rule.id for rule in STAFF_RULES}
    assert set(portal) - set(account) == {"title_present"}
    assert (account["not_left"].outcome, account["not_left"].value) == ("fail", "2026-11-22")
    assert "leaving date" in (account["not_left"].fix or "")
    assert "***" in repr(portal["first_name_present"])
    told = {one.id: one.outcome for one in unreadable("account", RECORD_SOUND, "staff")}
    assert told == {id: "fail" if id == RECORD_SOUND else "not_applicable" for id in account}


@pytest.mark.parametrize("rule", STAFF_RULES, ids=lambda rule: rule.id)
def test_no_words_for_staff_speak_of_students(rule: Any) -> None:
    assert "student" not in (rule.message + rule.fix).lower()


# --- edits ----------------------------------------------------------------------------------------------------------


def edits(person: Student, verdict: str = "account") -> list[tuple[str, set[str]]]:
    found = smallest_edits(StaffCase(person, DAY, Rulebook(prospective_admission_statuses=frozenset({"Accepted"}))))
    return [
        (edit.becomes.value, {change.field for change in edit.changes}) for edit in found if edit.verdict == verdict
    ]


@pytest.mark.parametrize(
    ("person", "fields"),
    [
        pytest.param(a_member(ONE, leaving_date="2026-11-22"), [{"leaving_date"}], id="a past leaving date"),
        pytest.param(a_member(ONE, system_status=-1), [{"system_status"}], id="a status"),
        pytest.param(
            a_member(ONE, system_status=-1, leaving_date="2026-11-22"), [{"system_status", "leaving_date"}], id="both"
        ),
        pytest.param(
            a_member(ONE, leaving_date="2026-11-22", email=None), [{"leaving_date", "email"}], id="and no e-mail"
        ),
        pytest.param(a_member(ONE, email=None), [{"email"}], id="no e-mail"),
        pytest.param(a_member(ONE, title=None), [], id="the account does without a title"),
        pytest.param(Student(student_id=ONE, lists=("staff",)), [{"first_name", "last_name", "email"}], id="nothing"),
    ],
)
def test_the_smallest_edits_that_give_an_account(person: Student, fields: list[set[str]]) -> None:
    assert [found for becomes, found in edits(person) if becomes == "eligible"] == fields


def test_who_is_eligible_is_told_what_would_end_it() -> None:
    told = edits(a_member(ONE))
    assert ("ineligible", {"leaving_date"}) in told
    assert ("ineligible", {"system_status"}) in told
    assert not [found for _, found in told if found & {"lists", "admission_status", "enrolment_year", "leaving_year"}]


# --- the handler ----------------------------------------------------------------------------------------------------


@pytest.fixture
def eligibility(tmp_path: Path) -> Eligibility:
    return Eligibility(a_config(tmp_path, lanes=12), lambda topic: f"{topic}@id")


def a_record(event: Frozen, key: str, offset: int = 7) -> Record:
    told = headers(type(event), id="e1", school=SCHOOL, subject=key, time=at(), read_at=at(), sweep="s1")
    return Record(STUDENTS_FETCHED, 3, offset, key, encode(event), raw=dict(told))


def told(message: Message) -> dict[str, str]:
    return {name: value.decode() for name, value in message.headers}


def fetched(person: Student, school: str = SCHOOL) -> StaffFetched:
    return StaffFetched(school=school, student=person)


def test_a_member_of_staff_goes_on_judged(eligibility: Eligibility) -> None:
    record = a_record(fetched(a_member(ONE)), KEY)
    (message,) = eligibility.handle([record])
    kept = told(message)
    assert (message.topic, message.lane, message.key, kept["ce_subject"]) == (STUDENTS_ASSESSED, 3, KEY, KEY)
    assert (kept["ce_type"], kept["ce_source"]) == ("rollcall.staff_assessed.v1", "/rollcall/schools/abbey")
    assert kept["ce_id"].startswith(f"{KEY}/7/staff_assessed/")
    assert (kept["cause"], kept["sweep"], kept["read_at"]) == (f"{STUDENTS_FETCHED}@id:7", "s1", at())
    assessed = decode(kept["ce_type"], message.value or b"")
    assert isinstance(assessed, StaffAssessed)
    assert (assessed.school, assessed.student_id, assessed.kind) == (SCHOOL, ONE, "staff")
    assert (assessed.digest, assessed.account) == (digest(record.value).hex(), YES)


def test_student_and_employee_of_one_id_are_two(eligibility: Eligibility) -> None:
    student = a_record(StudentFetched(school=SCHOOL, student=a_student(ONE)), f"{SCHOOL}/{ONE}")
    messages = eligibility.handle([student, a_record(fetched(a_member(ONE)), KEY)])
    assert [message.key for message in messages] == [f"{SCHOOL}/{ONE}", KEY]
    assert [told(message)["ce_type"] for message in messages] == [
        "rollcall.student_assessed.v1",
        "rollcall.staff_assessed.v1",
    ]
    assert len({told(message)["ce_id"] for message in messages}) == 2


@pytest.mark.parametrize(
    ("event", "key", "kind"),
    [
        pytest.param(fetched(a_member("215")), KEY, "staff", id="another person than the key"),
        pytest.param(fetched(a_member(ONE), "priory"), KEY, "staff", id="another school than the key"),
        pytest.param(fetched(a_member(ONE), f"{SCHOOL}+staff"), KEY, "staff", id="a school by the book's name"),
        pytest.param(fetched(a_member(ONE)), f"{SCHOOL}/{ONE}", "student", id="staff under a student's key"),
        pytest.param(
            StudentFetched(school=SCHOOL, student=a_student(ONE)), KEY, "staff", id="a student under a key of staff"
        ),
        pytest.param(fetched(a_member(ONE, leaving_date="2026-02-30")), KEY, "staff", id="a date that is none"),
    ],
)
def test_poison_of_staff_is_set_aside_and_the_person_undecided(
    eligibility: Eligibility, event: Frozen, key: str, kind: str
) -> None:
    record = a_record(event, key)
    letter, message = eligibility.handle([record])
    assert (letter.topic, letter.key, letter.value) == ("students-fetched-dlq", key, record.value)
    assessed: Any = decode(told(message)["ce_type"], message.value or b"")
    assert (message.key, told(message)["ce_type"]) == (key, f"rollcall.{kind}_assessed.v1")
    assert (assessed.school, assessed.student_id, assessed.kind) == (SCHOOL, ONE, kind)
    assert (assessed.account, assessed.digest) == (OPEN, digest(record.value).hex())
    assert [id for id, _ in assessed.rules] == [rule.id for rule in RULES_OF[assessed.kind]]


def test_staff_of_a_school_that_is_not_configured_are_set_aside_with_the_fix(eligibility: Eligibility) -> None:
    (letter,) = eligibility.handle([a_record(fetched(a_member(ONE), "priory"), f"priory+staff/{ONE}")])
    assert "[schools.priory]" in told(letter)["dlq_error"]


@pytest.mark.parametrize(("kind", "key"), [("staff", f"{SCHOOL}+staff"), ("student", SCHOOL)])
def test_the_close_of_either_book_is_stamped(eligibility: Eligibility, kind: Any, key: str) -> None:
    event = a_sweep("s1", [a_member(ONE)], kind=kind)[-1]
    (message,) = eligibility.handle([a_record(event, key)])
    found = decode(told(message)["ce_type"], message.value or b"")
    assert isinstance(found, SweepCompleted)
    assert (message.key, found.kind) == (key, kind)
    assert found.settings is not None


@pytest.mark.parametrize(("kind", "key"), [("staff", SCHOOL), ("student", f"{SCHOOL}+staff")])
def test_a_close_under_the_other_books_key_is_set_aside(eligibility: Eligibility, kind: Any, key: str) -> None:
    (letter,) = eligibility.handle([a_record(a_sweep("s1", [], kind=kind)[-1], key)])
    assert letter.topic == "students-fetched-dlq"


def test_an_unreadable_member_of_staff_has_every_rule_of_staff() -> None:
    assert [id for id, _ in undecided(SCHOOL, ONE, "00", "staff").rules] == [rule.id for rule in STAFF_RULES]
    assert undecided(SCHOOL, ONE, "00", "staff").category is UNKNOWN


@pytest.mark.parametrize(
    ("person", "category", "account"),
    [
        pytest.param(Student(student_id="T1", lists=("absent",)), LEFT, NO, id="in the body no more"),
        pytest.param(
            Student(student_id="T1", lists=("staff",), system_status=-1), LEFT, NO, id="as it was said before"
        ),
        pytest.param(a_member("T1", system_status=None, title=None), CURRENT, YES, id="in the body"),
    ],
)
def test_pushed_staff_are_what_the_gateway_says(person: Student, category: Category, account: Verdict) -> None:
    found = judged(person, is_pushed=True)
    assert (found.category, found.account) == (category, account)


def test_pushed_staff_who_are_absent_are_to_be_sent_again() -> None:
    case = StaffCase(Student(student_id="T1", lists=("absent",)), DAY, Rulebook(is_pushed=True))
    told = {one.id: one for one in rulings(case, "account")}
    assert told["is_current"].fix == (
        "None is needed unless the person should be in the feed: send them in the next body."
    )
    assert ("lists", "in the body again") in [
        (edit.changes[0].field, change.words) for edit in smallest_edits(case) for change in edit.changes
    ]


@pytest.mark.parametrize(
    ("fields", "becomes", "words"),
    [
        ({"system_status": -1, "leaving_date": "2027-07-10"}, NO, "before 2026-11-23"),
        ({"system_status": -1, "leaving_date": "2026-11-23"}, OPEN, "after 2026-11-23"),
        ({"leaving_date": "2027-07-10"}, NO, "before 2026-11-23"),
        ({"leaving_date": "2026-11-20"}, YES, "empty, or 2026-11-23 or later"),
    ],
)
def test_a_last_day_is_put_right_by_its_date(fields: dict[str, Any], becomes: Verdict, words: str) -> None:
    edits = smallest_edits(StaffCase(a_member(ONE, **fields), DAY, Rulebook()))
    told = [(edit.becomes, edit.changes[0].words) for edit in edits if edit.changes[0].field == "leaving_date"]
    assert (becomes, words) in told
