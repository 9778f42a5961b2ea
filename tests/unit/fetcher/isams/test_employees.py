"""Employees as the vendor may write them."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.fetcher.isams.employees import employee, employee_id
from services.fetcher.isams.field_names import ParseContext
from services.fetcher.isams.fields import Unreadable
from shared.contract.model import Student
from tests.unit.fetcher import world

LONDON = ZoneInfo("Europe/London")
WORDS = {"current": 1, "former": -1}


def read(**fields: Any) -> Student:
    return employee(world.employee(214, **fields), ParseContext(WORDS, {}, LONDON))


def test_a_whole_record_is_taken() -> None:
    found = read(
        middleNames="Lee",
        preferredName="Sammy",
        dateOfBirth="1980-03-04T00:00:00",
        leavingDate="2026-12-31T00:00:00",
        personalEmailAddress="sam@home.example",
        schoolMobileNumber="07700 900001",
        personalMobileNumber="07700 900002",
        latestPhotoId=77,
        personGuid="0d5f-77",
    )
    assert found == Student(
        student_id="214",
        lists=("staff",),
        system_status=1,
        leaving_date="2026-12-31",
        title="Mr",
        first_name="Sam",
        preferred_name="Sammy",
        middle_names="Lee",
        last_name="Oak",
        date_of_birth="1980-03-04",
        person_guid="0d5f-77",
        email="214@abbey.example",
        personal_email="sam@home.example",
        phone="07700 900001",
        photo_id=77,
    )


def test_a_phone_is_the_schools_or_else_their_own() -> None:
    assert read(schoolMobileNumber=" ", personalMobileNumber="07700 900002").phone == "07700 900002"
    assert read().phone is None


@pytest.mark.parametrize(
    ("status", "number", "word"),
    [
        pytest.param(1, 1, None, id="a number"),
        pytest.param(-1, -1, None, id="the number of who has left"),
        pytest.param("1", 1, "1", id="a number in a text"),
        pytest.param("Current", 1, "Current", id="a word"),
        pytest.param("FORMER", -1, "FORMER", id="a word in capitals"),
        pytest.param("On leave", None, "On leave", id="a word that nobody knows"),
        pytest.param(None, None, None, id="nothing"),
    ],
)
def test_a_status_is_a_number_or_a_word_of_the_schools(status: object, number: int | None, word: str | None) -> None:
    found = read(systemStatus=status)
    assert (found.system_status, found.system_status_word) == (number, word)


@pytest.mark.parametrize(("id", "known_as"), [(214, "214"), ("214", "214"), ("e-7", "e-7")])
def test_an_id_is_a_number_or_what_looks_like_one(id: object, known_as: str) -> None:
    assert employee_id({"id": id}) == known_as


@pytest.mark.parametrize("record", [{}, {"id": None}, {"id": "../1"}, {"id": 1.5}, {"id": {}}, []])
def test_a_record_that_is_nobodys_is_refused(record: Any) -> None:
    with pytest.raises(Unreadable, match="id"):
        employee_id(record)


@pytest.mark.parametrize("field", ["forename", "leavingDate", "systemStatus", "schoolEmailAddress"])
def test_a_field_that_decides_and_cannot_be_read_is_a_fault_of_theirs(field: str) -> None:
    found = read(**{field: ["what"]})
    assert [fault.pointer for fault in found.faults] == [f"/{field}"]
    assert found.last_name == "Oak"


@pytest.mark.parametrize("field", ["title", "latestPhotoId", "dateOfBirth", "personalMobileNumber"])
def test_a_field_that_decides_nothing_costs_that_field(field: str) -> None:
    found = read(**{field: ["what"]})
    assert (found.faults, found.system_status, found.last_name) == ((), 1, "Oak")
