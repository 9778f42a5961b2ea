"""What people typed into a record: the form in which it is taken, and what is whose fault."""

from datetime import UTC
from typing import Any

import pytest

from services.fetcher.isams.field_names import ParseContext
from services.fetcher.isams.parse import student
from services.fetcher.isams.slips import Slips
from shared.contract.model import Student
from tests.unit.fetcher.world import record


def read(**fields: Any) -> tuple[Student, tuple[str, ...]]:
    slips = Slips()
    found = student(record("3050100001", **fields), ParseContext({"current": 1}, {}, UTC, slips=slips))
    return found, slips.words


@pytest.mark.parametrize("name", ["forename", "surname", "preferredName"])
@pytest.mark.parametrize("text", ["\u200bJos\u00e9\u200f", "Jose\u0301", "\ufeff Jose\u0301 "])
def test_a_name_is_taken_without_what_nobody_sees_and_in_one_form(name: str, text: str) -> None:
    found, slips = read(**{name: text})
    ours = {"forename": "first_name", "surname": "last_name", "preferredName": "preferred_name"}[name]
    assert (getattr(found, ours), found.faults, slips) == ("Jos\u00e9", (), ())


def test_a_name_of_marks_alone_is_none() -> None:
    found, _ = read(surname="\u200b", preferredName="\u200b\u2060")
    assert (found.last_name, found.preferred_name, found.faults) == (None, None, ())


@pytest.mark.parametrize("text", ["Zo\u200dë", "نیک\u200cزاد", "👩\u200d🚀"])
def test_joiners_inside_a_name_are_part_of_it(text: str) -> None:
    assert read(forename=text)[0].first_name == text


@pytest.mark.parametrize(
    ("name", "field"),
    [("forename", "first_name"), ("surname", "last_name"), ("title", "title"), ("preferredName", "preferred_name")],
)
def test_a_line_break_in_a_name_is_that_records_fault_and_no_elses(name: str, field: str) -> None:
    """Fails when it goes on: the receiver refuses the whole body for it."""
    found, (slip,) = read(**{name: "Ada\nMay"})
    assert getattr(found, field) is None
    assert [one.pointer for one in found.faults] == [f"/{name}"]
    assert slip == f"students 3050100001: {name} has U+000A (LINE FEED) as character 4: type it anew"


def test_a_control_in_what_is_no_name_is_a_space() -> None:
    found, slips = read(formGroup="10\x0aA", mobileNumber="07700\t900123")
    assert (found.form, found.phone, found.faults, slips) == ("10 A", "07700 900123", (), ())


def test_what_nobody_sees_in_an_address_stays_for_the_rule_to_name() -> None:
    found, slips = read(schoolEmailAddress="\u200ba.fern@abbey\u00ad.example\ufeff")
    assert (found.email, found.faults, slips) == ("a.fern@abbey\u00ad.example", (), ())


def test_a_personal_address_that_the_receiver_would_refuse_costs_itself() -> None:
    found, (slip,) = read(personalEmailAddress="a\u200b@home.example")
    assert (found.personal_email, found.faults) == (None, ())
    assert "personalEmailAddress has U+200B (ZERO WIDTH SPACE) as character 2" in slip


def test_a_character_that_was_lost_is_told_and_the_name_is_taken() -> None:
    found, (slip,) = read(surname="M\ufffdller")
    assert (found.last_name, found.faults) == ("M\ufffdller", ())
    assert "surname has a character that was lost (U+FFFD" in slip


def test_an_id_is_the_same_with_a_mark_around_it() -> None:
    assert read(schoolId="\u200e3050100001 ")[0].student_id == "3050100001"
