"""What people typed into a feed: the form in which it is taken, what is whose fault, and whom it still names."""

import json
from typing import Any

import msgspec
import pytest

from services.gateway.body import open_body
from services.gateway.key_resolution import _Known
from services.gateway.people import Entry, read_student
from services.gateway.register import Known, Register
from services.gateway.warnings import Notes
from tests.unit.gateway.test_people import DEFINED
from tests.unit.gateway.world import a_body, a_pupil


def read(key: str = "email", raw: bytes | None = None, **fields: Any) -> Entry:
    content = json.dumps(a_pupil(**fields)).encode() if raw is None else raw
    return read_student(msgspec.Raw(content), DEFINED, key)  # type: ignore[arg-type]


def faults(entry: Entry) -> list[tuple[str, str]]:
    return [(one.pointer, one.message) for one in entry.faults]


@pytest.mark.parametrize("text", ["\u200bJos\u00e9\u200f", "Jose\u0301", "\ufeff Jose\u0301 "])
def test_a_name_is_taken_without_what_nobody_sees_and_in_one_form(text: str) -> None:
    found = read(firstName=text, lastName=text)
    assert (found.fields["first_name"], found.fields["last_name"], faults(found)) == ("Jos\u00e9", "Jos\u00e9", [])


def test_a_name_of_marks_alone_is_none() -> None:
    assert faults(read(lastName="\u200b")) == [("/lastName", "must not be empty")]


def test_joiners_inside_a_name_are_part_of_it() -> None:
    assert read(firstName="\u0646\u06cc\u06a9\u200c\u0632\u0627\u062f").fields["first_name"][3] == "\u200c"


def test_a_line_break_in_a_name_is_that_entrys_fault() -> None:
    """Fails when it goes on: the receiver refuses the whole body for it."""
    found = read(firstName="Ada\nMay")
    assert faults(found) == [
        ("/firstName", "has U+000A (LINE FEED) as character 4: send the name without it"),
    ]
    assert found.fields["first_name"] is None


def test_what_nobody_sees_in_an_address_is_named_with_its_place() -> None:
    found = read(email="a.fern@abbey\u00ad.example")
    ((pointer, message),) = faults(found)
    assert (pointer, "U+00AD (SOFT HYPHEN) as character 13" in message) == ("/email", True)


@pytest.mark.parametrize("text", ["\u200bada@northern.example\ufeff", " ada@northern.example "])
def test_what_stands_around_an_address_is_no_part_of_it(text: str) -> None:
    found = read(email=text)
    assert (found.fields["email"], found.identity.email, faults(found)) == ("ada@northern.example",) * 2 + ([],)


@pytest.mark.parametrize("text", ["ada@northern.example.", "ada@northern..example", "<ada@northern.example>"])
def test_whom_an_earlier_release_knew_by_an_address_that_is_none_is_still_that_person(text: str) -> None:
    """Fails when they become nobody: a body with somebody who has no key says of nobody that they are gone."""
    found = read(email=text)
    assert [one.pointer for one in found.faults] == ["/email"]
    assert (found.identity.email, found.fields["email"]) == (text, None)


def test_codes_and_ids_are_the_same_with_a_mark_around_them() -> None:
    sound, marked = read("id", id="S1"), read("id", id="\u200eS1 ", programmeCodes=["\u200bPROG01\ufeff"])
    assert (marked.identity.id, marked.identity.id) == (sound.identity.id, "S1")
    assert marked.fields["programmes"] == ("PROG01",)


def test_half_a_character_costs_itself_and_is_noted() -> None:
    raw = json.dumps(a_pupil()).replace('"firstName": "', '"firstName": "\\ud83d').encode()
    found = read(raw=raw)
    assert faults(found) == []
    assert found.fields["first_name"].startswith("\ufffd")
    assert [one.pointer for one in found.notes] == [""]
    assert "was lost (U+FFFD" in found.notes[0].message


def test_half_a_character_refuses_no_body() -> None:
    """Fails when the body is decoded as it came: the decoder looks into what it only keeps."""
    body = json.dumps(a_body()).replace('"firstName": "', '"firstName": "\\ud83d', 1).encode()
    notes = Notes()
    lists, faults = open_body(body, notes)
    assert (len(lists["students"]), faults) == (len(a_body()["students"]), [])
    assert ["was lost" in one.message or "were lost" in one.message for one in notes.told()] == [True]


def test_a_whole_pair_is_left_as_it_is() -> None:
    body = json.dumps(a_body()).replace('"firstName": "', '"firstName": "\\ud83d\\ude00', 1).encode()
    notes = Notes()
    open_body(body, notes)
    assert notes.told() == ()


def test_an_id_with_a_lost_character_names_nobody() -> None:
    raw = json.dumps(a_pupil(id="S0")).replace('"S0"', '"S0\\ud83d"').encode()
    found = read("id", raw=raw)
    assert (found.identity.id, [one.pointer for one in found.faults]) == (None, ["/id"])


def test_whoever_was_kept_by_an_id_as_it_came_is_found_by_its_clean_form() -> None:
    """Fails when the register is looked through by what an earlier release stored: one is gone, and another comes."""
    register = Register(here={"ada@northern.example": Known(id="Se\u0301\u200b", email="ada@northern.example")})
    assert _Known(register).by_id("S\u00e9") == "ada@northern.example"
