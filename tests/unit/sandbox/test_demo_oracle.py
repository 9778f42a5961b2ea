"""What the demonstration compares Unitu's accounts with: told from the school's records, by the documents."""

import ast
from pathlib import Path
from typing import Any

import msgspec
import pytest

from services.sandbox.demo import oracle as oracle_module
from services.sandbox.demo.oracle import Difference, Oracle
from services.sandbox.demo.schools import entities_of, module_to_come
from services.sandbox.schools.school import make_school

SCHOOL = make_school("abbey", 30, 1)
ENTITIES = entities_of(SCHOOL)
EMAIL = "ada@abbey.example"

Json = dict[str, Any]


def a_student(**changes: Any) -> Json:
    return {
        "schoolId": "1001",
        "systemStatus": "Current",
        "title": "Miss",
        "forename": "Ada",
        "preferredName": None,
        "surname": "Fern",
        "schoolEmailAddress": EMAIL,
        "personalEmailAddress": None,
        "mobileNumber": None,
        "yearGroup": 9,
        **changes,
    }


def a_school(*students: Json) -> Json:
    """Year 9's French is set 1, its Spanish set 2; student 1001 is in the first."""
    return {
        "students": list(students),
        "subjects": [{"id": 10, "code": "FRE"}, {"id": 11, "code": "SPA"}],
        "sets": [{"id": 1, "subjectId": 10, "year": 9}, {"id": 2, "subjectId": 11, "year": 9}],
        "setLists": {"1": ["1001"], "2": []},
    }


def an_account(**changes: Any) -> Json:
    return {
        "email": EMAIL,
        "enabled": True,
        "first_name": "Ada",
        "last_name": "Fern",
        "kind": "student",
        "year": 3,
        "phone": None,
        "personal_email": None,
        "id": "1001",
        "programmes": ["Y9"],
        "modules": ["Y9-FRE"],
        **changes,
    }


def an_oracle(*accounts: Json) -> Oracle:
    return Oracle(accounts, programmes={"Y9"}, modules={"Y9-FRE", "Y9-SPA"})


def test_it_shares_no_code_with_what_it_judges() -> None:
    tree = ast.parse(Path(oracle_module.__file__).read_text())
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    assert imported <= {"collections.abc", "dataclasses", "typing"}


@pytest.mark.parametrize(
    ("record", "ought"),
    [
        pytest.param({}, {}, id="a whole record"),
        pytest.param({"preferredName": "Addie"}, {"first_name": "Addie"}, id="the preferred name is shown"),
        pytest.param({"preferredName": " "}, {}, id="a lone space is no preferred name"),
        pytest.param({"mobileNumber": "07700 900123"}, {"phone": "07700 900123"}, id="phone"),
        pytest.param({"personalEmailAddress": "a@post.example"}, {"personal_email": "a@post.example"}, id="own e-mail"),
        pytest.param({"yearGroup": 8}, {"year": 2, "programmes": []}, id="a programme that Unitu has not"),
        pytest.param({"schoolId": "1002"}, {"id": "1002", "modules": []}, id="in no set"),
    ],
)
def test_a_student_on_the_roll_has_an_account(record: Json, ought: Json) -> None:
    oracle = an_oracle()
    oracle.see(a_school(a_student(**record)))
    assert oracle.differences([an_account(**ought)]) == []


@pytest.mark.parametrize("field", ["title", "forename", "surname", "schoolEmailAddress"])
@pytest.mark.parametrize("blank", [None, "", " "])
def test_a_slip_in_data_entry_changes_nothing(field: str, blank: str | None) -> None:
    oracle = an_oracle()
    oracle.see(a_school(a_student()))
    oracle.see(a_school(a_student(**{field: blank, "yearGroup": 10})))
    assert oracle.differences([an_account()]) == []
    assert oracle.switched_off == set()


def test_who_never_had_a_whole_record_has_no_account() -> None:
    oracle = an_oracle()
    oracle.see(a_school(a_student(schoolEmailAddress=None)))
    assert oracle.differences([]) == []


def test_who_leaves_is_disabled_and_keeps_the_rest() -> None:
    oracle = an_oracle()
    oracle.see(a_school(a_student()))
    oracle.see(a_school())
    assert oracle.differences([an_account(enabled=False)]) == []
    assert oracle.switched_off == {EMAIL}


def test_who_comes_back_is_enabled_again() -> None:
    oracle = an_oracle()
    for students in ([a_student()], [], [a_student(surname="Moss")]):
        oracle.see(a_school(*students))
    assert oracle.differences([an_account(last_name="Moss")]) == []
    assert oracle.switched_off == {EMAIL}


def test_an_account_that_nobody_belongs_to_is_disabled() -> None:
    stranger = an_account(email="old@abbey.example", id=None)
    oracle = an_oracle(stranger)
    oracle.see(a_school(a_student()))
    assert oracle.differences([an_account(), stranger | {"enabled": False}]) == []
    assert (oracle.count(enabled=True), oracle.count(enabled=False)) == (1, 1)


def test_own_email_and_id_are_taken_the_first_time_only() -> None:
    oracle = an_oracle(an_account(email=EMAIL.upper(), id=None, last_name="Earlier"))
    oracle.see(a_school(a_student(personalEmailAddress="first@post.example")))
    oracle.see(a_school(a_student(personalEmailAddress="second@post.example")))
    assert oracle.differences([an_account(personal_email="first@post.example")]) == []


def test_a_phone_that_is_no_longer_sent_stays() -> None:
    oracle = an_oracle()
    oracle.see(a_school(a_student(mobileNumber="07700 900123")))
    oracle.see(a_school(a_student()))
    assert oracle.differences([an_account(phone="07700 900123")]) == []


@pytest.mark.parametrize(
    ("found", "difference"),
    [
        pytest.param([], Difference(EMAIL, "account", "there", "missing"), id="missing"),
        pytest.param([an_account(enabled=False)], Difference(EMAIL, "enabled", True, False), id="disabled"),
        pytest.param([an_account(last_name="Moss")], Difference(EMAIL, "last_name", "Fern", "Moss"), id="surname"),
        pytest.param([an_account(modules=[])], Difference(EMAIL, "modules", ["Y9-FRE"], []), id="modules"),
        pytest.param(
            [an_account(), an_account(email="x@abbey.example")],
            Difference("x@abbey.example", "account", "none", "there"),
            id="one too many",
        ),
    ],
)
def test_each_difference_is_told(found: list[Json], difference: Difference) -> None:
    oracle = an_oracle()
    oracle.see(a_school(a_student()))
    assert oracle.differences(found) == [difference]


def test_it_knows_a_made_up_school_whole() -> None:
    oracle = Oracle([], ENTITIES["programmes"], ENTITIES["modules"])
    oracle.see(msgspec.to_builtins(SCHOOL, str_keys=True))
    assert oracle.count(enabled=True) == len(SCHOOL.students)
    assert all(account["programmes"] and len(account["modules"]) >= 3 for account in oracle.accounts.values())


def test_a_module_is_enrolled_into_once_it_exists() -> None:
    """Whoever is in the module that is to come is kept out of it until then, and of no other."""
    code, student = module_to_come(SCHOOL)
    oracle = Oracle([], ENTITIES["programmes"], ENTITIES["modules"].keys() - {code})
    oracle.see(msgspec.to_builtins(SCHOOL, str_keys=True))
    email = next(one.school_email_address for one in SCHOOL.students if one.school_id == student) or ""
    before = list(oracle.accounts[email.casefold()]["modules"])
    assert code not in before
    oracle.exists(code)
    oracle.see(msgspec.to_builtins(SCHOOL, str_keys=True))
    assert oracle.accounts[email.casefold()]["modules"] == sorted([*before, code])
