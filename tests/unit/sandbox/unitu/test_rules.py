"""What Unitu does with a snapshot: a table of what changes, and what never may."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sandbox.unitu.body import read_body
from services.sandbox.unitu.rules import Account, Entities, Rules, apply, take_part

ENTITIES = Entities(
    programmes={"Y7": "Year 7", "Y8": "Year 8"},
    modules={"HIS": "History", "ART": "Art"},
    faculties={"LS": "Lower"},
    departments={"HUM": "Humanities"},
    module_programmes={"HIS": "Y7", "ART": "Y8"},
)


def an_account(number=1, **fields):
    known = {"email": "ada@abbey.example", "first_name": "Ada", "last_name": "Fern", "year": 1, "programmes": ("Y7",)}
    return Account(number=number, **(known | fields))


def a_student(**fields):
    known = {"firstName": "Ada", "lastName": "Fern", "year": 1, "email": "ada@abbey.example", "programmeCodes": ["Y7"]}
    return known | fields


def a_teacher(**fields):
    known = {
        "firstName": "Sam",
        "lastName": "Oak",
        "universityTitle": "Mr",
        "email": "sam@abbey.example",
        "facultyCodes": [],
        "departmentCodes": [],
        "programmeCodes": [],
    }
    return known | fields


def a_snapshot(*students, staff=None, **lists):
    content = {"students": list(students), **lists} | ({} if staff is None else {"staff": list(staff)})
    body, wrong = read_body(content)
    assert wrong == []
    return body


def told(applied):
    """Each change in few words."""
    return [(c.kind, c.what, c.code) if c.kind in ("enrol", "unenrol") else (c.kind, c.what) for c in applied.changes]


def run(accounts, *students, rules=None, entities=ENTITIES, **lists):
    by_number = {account.number: account for account in accounts}
    return apply(by_number, a_snapshot(*students, **lists), entities, rules or Rules())


@pytest.mark.parametrize(
    ("before", "students", "changes"),
    [
        pytest.param([], [a_student()], [("provision", ""), ("enrol", "programmes", "Y7")], id="joiner"),
        pytest.param([an_account()], [a_student()], [], id="nothing new"),
        pytest.param([an_account()], [], [("disable", "")], id="missing"),
        pytest.param([an_account(enabled=False)], [], [], id="missing already"),
        pytest.param([an_account(enabled=False)], [a_student()], [("reenable", "")], id="returns"),
        pytest.param([an_account()], [a_student(firstName="Bea")], [("update", "first_name")], id="first name"),
        pytest.param([an_account()], [a_student(lastName="Moss")], [("update", "last_name")], id="last name"),
        pytest.param([an_account()], [a_student(year=2)], [("update", "year")], id="year"),
        pytest.param([an_account()], [a_student(year=None)], [("update", "year")], id="no year"),
        pytest.param([an_account()], [a_student(phone="1")], [("update", "phone")], id="phone"),
        pytest.param([an_account(phone="1")], [a_student()], [], id="a phone that is not said stays"),
        pytest.param(
            [an_account()], [a_student(personalEmail="a@x.example")], [("update", "personal_email")], id="first"
        ),
        pytest.param([an_account(personal_email="b@x")], [a_student(personalEmail="a@x.example")], [], id="not again"),
        pytest.param([an_account()], [a_student(id="7")], [("update", "id")], id="first id"),
        pytest.param([an_account(id="6")], [a_student(id="7")], [], id="not another id"),
        pytest.param(
            [an_account()],
            [a_student(programmeCodes=["Y8"])],
            [("unenrol", "programmes", "Y7"), ("enrol", "programmes", "Y8")],
            id="another programme",
        ),
        pytest.param(
            [an_account()], [a_student(programmeCodes=["Y7", "Y9"])], [], id="a programme that does not exist"
        ),
        pytest.param([an_account()], [a_student(moduleCodes=["HIS"])], [("enrol", "modules", "HIS")], id="module"),
        pytest.param([an_account()], [a_student(moduleCodes=["LAW"])], [], id="a module that does not exist"),
        pytest.param([an_account(modules=("HIS",))], [a_student()], [], id="modules that are not said stay"),
        pytest.param(
            [an_account(modules=("HIS",))], [a_student(moduleCodes=[])], [("unenrol", "modules", "HIS")], id="no module"
        ),
        pytest.param([an_account(email="Ada@Abbey.example ")], [a_student()], [], id="an e-mail has no case"),
        pytest.param(
            [an_account()],
            [a_student(email="a.fern@abbey.example")],
            [("provision", ""), ("enrol", "programmes", "Y7"), ("disable", "")],
            id="a new e-mail is a new account",
        ),
        pytest.param([an_account()], [a_student(metadata={"campus": "Main"})], [], id="metadata is not updated"),
    ],
)
def test_each_difference_has_its_change(before, students, changes):
    assert told(run(before, *students)) == changes


def test_a_new_account_has_all_that_was_said():
    student = a_student(
        id="7", phone="1", personalEmail="a@x.example", moduleCodes=["HIS"], metadata={"campus": "Main"}, year=3
    )
    [account] = run([], student).accounts.values()
    assert account == Account(
        number=1,
        email="ada@abbey.example",
        first_name="Ada",
        last_name="Fern",
        id="7",
        year=3,
        phone="1",
        personal_email="a@x.example",
        programmes=("Y7",),
        modules=("HIS",),
        metadata={"campus": "Main"},
    )


def test_an_account_is_made_even_where_its_programme_does_not_exist():
    applied = run([], a_student(programmeCodes=["Y9"]))
    assert told(applied) == [("provision", "")]
    assert applied.report.blocked["programmes"] == {"Y9": 1}
    none = run([], a_student(programmeCodes=["Y9"]), rules=Rules(provisions_without_programme=False))
    assert none.accounts == {}


def test_a_blocked_programme_is_entered_once_it_exists():
    blocked = run([], a_student(programmeCodes=["Y9"]))
    more = Entities(programmes={"Y9": "Year 9"})
    after = apply(blocked.accounts, a_snapshot(a_student(programmeCodes=["Y9"])), more)
    assert told(after) == [("enrol", "programmes", "Y9")]


def test_a_module_may_need_its_programme():
    student = a_student(moduleCodes=["HIS", "ART"])
    assert run([], student).accounts[1].modules == ("ART", "HIS")
    assert run([], student, rules=Rules(module_needs_programme=True)).accounts[1].modules == ("HIS",)


def test_who_is_disabled_keeps_everything_and_has_it_again():
    before = an_account(modules=("HIS",), phone="1")
    gone = run([before]).accounts[1]
    assert gone == msgspec.structs.replace(before, enabled=False)
    back = apply({1: gone}, a_snapshot(a_student()), ENTITIES).accounts[1]
    assert back == before


# By id


@pytest.mark.parametrize(("letter_exact", "enabled"), [(False, ["Ada@abbey.example"]), (True, ["ada@abbey.example"])])
def test_an_e_mail_in_other_letters_may_be_another_account(letter_exact, enabled):
    applied = run([an_account(email="Ada@abbey.example")], a_student(), rules=Rules(letter_exact=letter_exact))
    assert [one.email for one in applied.accounts.values() if one.enabled] == enabled


@pytest.mark.parametrize(("share", "present"), [(0.0, 1), (0.5, 2), (1.0, 3)])
def test_of_a_snapshot_that_is_refused_a_part_may_be_taken_and_nobody_is_disabled(share, present):
    there = {1: an_account(email="head@abbey.example")}
    body = a_snapshot(a_student(), a_student(email="bea@abbey.example"))
    after = take_part(there, body, ENTITIES, Rules(), share)
    assert [one.enabled for one in after.values()] == [True] * present


def test_matched_by_id_a_new_e_mail_is_the_same_account():
    applied = run([an_account(id="7")], a_student(id="7", email="new@abbey.example"), rules=Rules(match_by="id"))
    assert told(applied) == []
    assert applied.accounts[1].email == "ada@abbey.example"
    assert applied.report.not_taken == ["ada@abbey.example"]


def test_matched_by_id_an_account_without_one_takes_it():
    applied = run([an_account()], a_student(id="7"), rules=Rules(match_by="id"))
    assert told(applied) == [("update", "id")]


def test_matched_by_id_somebody_else_s_e_mail_is_not_theirs():
    applied = run([an_account(id="6")], a_student(id="7"), rules=Rules(match_by="id"))
    assert [c.kind for c in applied.changes if c.kind != "enrol"] == ["provision", "disable"]


# Staff


def test_staff_are_provisioned_enrolled_and_disabled_alike():
    applied = run([], staff=[a_teacher(facultyCodes=["LS"], departmentCodes=["HUM", "SCI"], programmeCodes=["Y7"])])
    [account] = applied.accounts.values()
    assert (account.kind, account.university_title) == ("staff", "Mr")
    assert (account.faculties, account.departments, account.programmes) == (("LS",), ("HUM",), ("Y7",))
    assert told(run(applied.accounts.values(), staff=[])) == [("disable", "")]


def test_an_absent_list_of_staff_disables_all_staff_unless_told_otherwise():
    teacher = an_account(kind="staff", email="sam@abbey.example")
    assert told(run([teacher])) == [("disable", "")]
    assert told(run([teacher], rules=Rules(absent_list="not_supplied"))) == []
    assert told(run([teacher], staff=[], rules=Rules(absent_list="not_supplied"))) == [("disable", "")]


def test_an_absent_list_of_students_disables_all_students():
    body, _ = read_body({"faculties": []})
    assert [c.kind for c in apply({1: an_account()}, body, ENTITIES).changes] == ["disable"]


def test_one_e_mail_is_one_account_whoever_has_it():
    applied = run([], a_student(), staff=[a_teacher(email="ADA@abbey.example")])
    assert len(applied.accounts) == 1
    assert applied.accounts[1].kind == "student"
    assert applied.report.repeated == ["ADA@abbey.example"]


# The report


def test_new_entities_are_reported_against_what_exists_and_what_was_seen():
    lists = {
        "departments": [{"code": "D", "name": "Department"}],
        "programmes": [
            {"code": "Y7", "name": "The seventh", "departmentCode": "D"},
            {"code": "Y9", "name": "Year 9", "departmentCode": "D"},
        ],
    }
    report = run([], **lists).report
    assert report.new_entities == {"faculties": [], "departments": ["D"], "programmes": ["Y9"], "modules": []}
    assert report.first_seen_entities == report.new_entities
    assert report.renamed_entities["programmes"] == ["Y7"]
    assert report.missing_entities["programmes"] == ["Y8"]
    again = apply({}, a_snapshot(**lists), ENTITIES, seen_before={"programmes": {"Y9"}, "departments": {"D"}}).report
    assert again.new_entities == report.new_entities
    assert not any(again.first_seen_entities.values())


def test_the_report_counts_what_was_done():
    gone = an_account(number=2, email="bea@abbey.example")
    report = run([an_account(), gone], a_student(year=2), a_student(email="cy@abbey.example")).report
    assert report.counts == {"disable": 1, "enrol": 1, "provision": 1, "update": 1}
    assert report.present == 2


# Properties

codes = st.lists(st.sampled_from(["Y7", "Y8", "Y9"]), max_size=3, unique=True)
optional = {
    "moduleCodes": st.lists(st.sampled_from(["HIS", "ART", "LAW"]), max_size=3),
    "phone": st.sampled_from(["1", "2"]),
    "personalEmail": st.sampled_from(["a@x.example", "b@x.example"]),
    "id": st.sampled_from(["1", "2", "3"]),
}
students = st.lists(
    st.fixed_dictionaries(
        {
            "firstName": st.sampled_from(["Ada", "Bea"]),
            "lastName": st.just("Fern"),
            "year": st.none() | st.integers(0, 7),
            "email": st.sampled_from([f"{name}@abbey.example" for name in "abcdeABC"]),
            "programmeCodes": codes,
        },
        optional=optional,
    ),
    max_size=6,
    unique_by=(lambda entry: entry["email"].lower(), lambda entry: entry.get("id", entry["email"])),
)
snapshots = st.lists(students, min_size=1, max_size=4)
rules = st.builds(Rules, match_by=st.sampled_from(["email", "id"]), absent_modules=st.sampled_from(["keep", "clear"]))


def after(series, rules):
    accounts = {}
    for entries in series:
        accounts = apply(accounts, a_snapshot(*entries), ENTITIES, rules).accounts
    return accounts


@given(snapshots, rules)
def test_the_same_snapshot_twice_changes_nothing(series, rules):
    accounts = after(series, rules)
    assert apply(accounts, a_snapshot(*series[-1]), ENTITIES, rules).changes == []


@given(snapshots, rules)
def test_enabled_is_exactly_who_is_in_the_snapshot(series, rules):
    applied = apply(after(series[:-1], rules), a_snapshot(*series[-1]), ENTITIES, rules)
    enabled = [account for account in applied.accounts.values() if account.enabled]
    assert len(enabled) == applied.report.present
    if rules.match_by == "email":
        assert {account.email.lower() for account in enabled} == {entry["email"].lower() for entry in series[-1]}


@given(snapshots, rules)
def test_nobody_is_ever_in_what_does_not_exist(series, rules):
    for account in after(series, rules).values():
        assert set(account.programmes) <= ENTITIES.programmes.keys()
        assert set(account.modules) <= ENTITIES.modules.keys()


@given(snapshots, rules)
def test_no_account_is_ever_deleted_and_no_e_mail_id_or_personal_e_mail_ever_moves(series, rules):
    before = after(series[:-1], rules)
    now = apply(before, a_snapshot(*series[-1]), ENTITIES, rules).accounts
    for number, account in before.items():
        assert now[number].email == account.email
        assert account.id in (None, now[number].id)
        assert account.personal_email in (None, now[number].personal_email)


@given(snapshots, rules)
def test_the_changes_are_exactly_the_differences(series, rules):
    before = after(series[:-1], rules)
    applied = apply(before, a_snapshot(*series[-1]), ENTITIES, rules)
    assert {change.account for change in applied.changes} == {
        number for number, account in applied.accounts.items() if before.get(number) != account
    }
