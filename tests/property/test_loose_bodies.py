"""
Bodies written loosely, as exports write them, beside the same written as the document has it: what is taken of both is
the same, and whatever was read otherwise is noted.
"""

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from services.gateway.body import STRUCTURE, open_body
from services.gateway.check import Checked, People, check
from services.gateway.key_resolution import Key
from services.gateway.register import Register
from services.gateway.structure import Lists
from services.gateway.warnings import Notes
from shared.contract.model import Student

Body = dict[str, Any]
NUMBERS = ("id", "code", "facultyCode", "departmentCode", "programmeCode", "phone")
CODES = ("programmeCodes", "moduleCodes", "facultyCodes", "departmentCodes")


def strict(random: Random) -> Body:
    """A sound body whose ids and codes are digits; its structure may have no faculties."""
    has_faculties = random.random() < 0.5
    faculties = [{"code": "11", "name": "Science"}] if has_faculties else []
    department = {"code": "21", "name": "Computing"} | ({"facultyCode": "11"} if has_faculties else {})
    programmes = [{"code": code, "name": "P", "departmentCode": "21"} for code in ("31", "32")]
    modules = [
        {"code": str(40 + n), "name": "M", "programmeCode": "31", "years": [{"year": 1, "isOptional": False}]}
        for n in range(3)
    ]
    return {
        "faculties": faculties,
        "departments": [department],
        "programmes": programmes,
        "modules": modules,
        "students": [person(random, n) | {"year": random.choice([None, 1])} for n in range(random.randrange(1, 6))],
        "staff": [
            person(random, 100 + n)
            | {"universityTitle": "Dr", "facultyCodes": ["11"] * has_faculties, "departmentCodes": ["21"]}
            for n in range(random.randrange(1, 4))
        ],
    }


def person(random: Random, number: int) -> Body:
    return {
        "id": str(1000 + number),
        "firstName": "Ada",
        "lastName": "Fern",
        "email": f"ada{number}@northern.example",
        "phone": "447700900123",
        "programmeCodes": ["31"],
        "moduleCodes": random.sample(["40", "41", "42"], random.randrange(4)),
        "metadata": {"room": "7", "isBoarder": "true"},
    }


def loosened(random: Random, body: Body) -> Body:
    """The same, written otherwise in some places, and at least one."""
    loose: Body = {name: [loosely(random, one) for one in entries] for name, entries in body.items()}
    for entries in loose.values():
        if entries and random.random() < 0.5:
            entries.insert(random.randrange(len(entries) + 1), dict(random.choice(entries)))
    if not body["faculties"] and random.random() < 0.5:
        loose["faculties"] = None
        for one in loose["staff"]:
            one["facultyCodes"] = None
    if random.random() < 0.5 or loose == body:
        loose["version"] = random.choice([3, {"of": "export"}, None, "x"])
    return loose


def loosely(random: Random, entry: Body) -> Body:
    return {name: _loosely(random, name, value) for name, value in entry.items()}


def _loosely(random: Random, name: str, value: Any) -> Any:
    if random.random() < 0.5:
        return value
    if name in NUMBERS:
        return random.choice([int(value), float(value)])
    if name in CODES:
        return [int(code) for code in value] + value[:1]
    if name == "metadata":
        return value | {"room": 7, "isBoarder": True, "none": None}
    return value


def taken(body: Body, key: Key, kept: Lists) -> Checked:
    notes = Notes()
    supplied, faults = open_body(json.dumps(body).encode(), notes)
    return check(supplied, faults, kept, key, Register(), Register(), notes)


def records(people: People | None) -> dict[str, Student]:
    assert people is not None
    assert people.is_complete
    return {one.student_id: one for one in people.records()}


@pytest.mark.parametrize("key", ["email", "id"])
@given(seed=st.integers(0, 10**6))
def test_a_body_that_is_written_loosely_is_the_same_body(key: Key, seed: int) -> None:
    random = Random(seed)
    body = strict(random)
    was = taken(body, key, Lists())
    assert (was.faults.count, was.notes) == (0, ())
    loose = loosened(random, body)
    now = taken(loose, key, was.lists)
    assert (now.faults.told, now.lists) == ([], was.lists)
    assert records(now.students) == records(was.students)
    assert {own: _codes(one) for own, one in records(now.staff).items()} == {
        own: _codes(one) for own, one in records(was.staff).items()
    }
    assert now.notes or loose == body


def _codes(one: Student) -> Student:
    """Not supplied says as little as none at all, of whom nothing was ever said."""
    return replace(one, faculties=one.faculties or ())


@given(seed=st.integers(0, 10**6))
def test_a_list_that_is_null_loses_nothing_that_was_said(seed: int) -> None:
    random = Random(seed)
    body = strict(random)
    was = taken(body, "email", Lists())
    nulled = random.sample([*STRUCTURE, "students", "staff"], random.randrange(1, 6))
    now = taken(body | dict.fromkeys(nulled), "email", was.lists)
    assert (now.lists, now.faults.count) == (was.lists, 0)
    assert (now.students is None, now.staff is None) == ("students" in nulled, "staff" in nulled)
    assert {note.pointer for note in now.notes} >= {f"/{name}" for name in nulled}
