"""The four lists: what refuses a body, and what is kept where a list is not supplied."""

import json
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from services.gateway.structure import Lists, lists_of, read_lists, structure_of
from services.gateway.warnings import Notes
from shared.contract.model import Department, Faculty, Module, ModuleYear, Programme, Structure
from tests.unit.gateway.world import a_body

SOUND = {name: entries for name, entries in a_body().items() if name != "students"}
NOTHING = Lists()
KEPT = Lists(
    faculties=(Faculty(code="OLD", name="Old"),),
    departments=(Department(code="OLD", name="Old"),),
    programmes=(Programme(code="OLD", name="Old", department_code="OLD"),),
    modules=(Module(code="OLD", name="Old", programme_code="OLD"),),
)


def read(lists: Mapping[str, Any], kept: Lists = NOTHING, notes: Notes | None = None) -> tuple[Lists, list[str]]:
    raw = {name: [msgspec.Raw(json.dumps(entry).encode()) for entry in entries] for name, entries in lists.items()}
    found, faults = read_lists(raw, kept, notes or Notes(), 1000)
    return found, [fault.pointer for fault in faults]


def wrong(lists: Mapping[str, Any]) -> list[str]:
    raw = {name: [msgspec.Raw(json.dumps(entry).encode()) for entry in entries] for name, entries in lists.items()}
    return [fault.message for fault in read_lists(raw, NOTHING, Notes(), 1000)[1]]


def department(**fields: Any) -> dict[str, Any]:
    return {"departments": [{"code": "DEP01", "name": "Computing", "facultyCode": "FAC01"} | fields]}


def programme(**fields: Any) -> dict[str, Any]:
    return {"programmes": [{"code": "PROG01", "name": "Computer Science", "departmentCode": "DEP01"} | fields]}


def module(**fields: Any) -> dict[str, Any]:
    return {"modules": [{"code": "MOD01", "name": "Programming", "programmeCode": "PROG01", "years": []} | fields]}


@pytest.mark.parametrize(
    ("change", "pointers"),
    [
        pytest.param({}, [], id="sound"),
        pytest.param({"faculties": [7]}, ["/faculties/0", "/departments/0/facultyCode"], id="no object"),
        pytest.param({"faculties": [{"code": "FAC01"}]}, ["/faculties/0/name"], id="name missing"),
        pytest.param(
            {"faculties": [{"name": "Science"}]}, ["/faculties/0/code", "/departments/0/facultyCode"], id="code missing"
        ),
        pytest.param(
            {"faculties": [{"code": "FAC01", "name": "A"}, {"code": "FAC01", "name": "B"}]},
            ["/faculties/1/code"],
            id="code twice",
        ),
        pytest.param(department(facultyCode="FAC09"), ["/departments/0/facultyCode"], id="faculty undefined"),
        pytest.param(department(facultyCode=None), [], id="a department of no faculty"),
        pytest.param(programme(departmentCode="DEP09"), ["/programmes/0/departmentCode"], id="department undefined"),
        pytest.param(programme(departmentCode=None), ["/programmes/0/departmentCode"], id="a programme of none"),
        pytest.param(module(programmeCode="PROG09"), ["/modules/0/programmeCode"], id="programme undefined"),
        pytest.param(module(years=None), ["/modules/0/years"], id="years null"),
        pytest.param(module(years=[1]), ["/modules/0/years/0"], id="a year that is no object"),
        pytest.param(
            module(years=[{"year": 1, "isOptional": True}, {"year": 8, "isOptional": "no"}]),
            ["/modules/0/years/1/year", "/modules/0/years/1/isOptional"],
            id="a year beyond Unitu's",
        ),
        pytest.param(module(years=[{"year": None, "isOptional": True}]), ["/modules/0/years/0/year"], id="year null"),
    ],
)
def test_each_fault_has_its_pointer(change: dict[str, Any], pointers: list[str]) -> None:
    assert read(SOUND | change)[1] == pointers


def test_the_same_entry_twice_is_one() -> None:
    notes = Notes()
    twice = {name: [*entries, *entries] for name, entries in SOUND.items()}
    assert read(twice, notes=notes) == read(SOUND)
    assert [note.pointer for note in notes.told()] == [f"/{name}/1" for name in SOUND]
    assert "says the same as /faculties/0" in notes.told()[0].message


def test_a_module_in_two_programmes_is_told_how_to_be_two() -> None:
    modules = [module()["modules"][0], module(programmeCode="PROG02")["modules"][0]]
    [message] = wrong({"modules": modules})
    assert "/modules/0" in message
    assert "give it a code of its own in each" in message
    [message] = wrong({"modules": [modules[0], modules[0] | {"name": "Other"}]})
    assert "in another programme" not in message


def test_codes_that_are_numbers_are_their_digits_in_every_list() -> None:
    lists = {
        "faculties": [{"code": 1, "name": "A"}],
        "departments": [{"code": 2, "name": "B", "facultyCode": "1"}],
        "programmes": [{"code": "3", "name": "C", "departmentCode": 2}],
        "modules": [{"code": 4, "name": "D", "programmeCode": 3.0, "years": []}],
    }
    notes = Notes()
    found, faults = read(lists, notes=notes)
    assert faults == []
    assert [found.codes(name) for name in lists] == [frozenset(code) for code in "1234"]
    assert [note.pointer for note in notes.told()] == [
        "/faculties/0/code",
        "/departments/0/code",
        "/programmes/0/departmentCode",
        "/modules/0/code",
        "/modules/0/programmeCode",
    ]


def test_a_whole_structure_is_taken_in_the_order_of_codes() -> None:
    more = {"faculties": [{"code": "Z", "name": "Z"}, {"code": "FAC01", "name": "Faculty of Science"}]}
    assert structure_of(read(SOUND | more)[0]) == Structure(
        faculties=(Faculty(code="FAC01", name="Faculty of Science"), Faculty(code="Z", name="Z")),
        departments=(Department(code="DEP01", name="Computing", faculty_code="FAC01"),),
        programmes=(Programme(code="PROG01", name="Computer Science", department_code="DEP01"),),
        modules=(
            Module(
                code="MOD01",
                name="Programming",
                programme_code="PROG01",
                years=(ModuleYear(year=1, is_optional=False),),
            ),
        ),
    )


def test_a_list_that_is_not_supplied_stays_as_it_was() -> None:
    lists, faults = read({"faculties": SOUND["faculties"]}, KEPT)
    assert faults == []
    assert (lists.departments, lists.programmes, lists.modules) == (KEPT.departments, KEPT.programmes, KEPT.modules)
    assert lists.codes("faculties") == frozenset({"FAC01"})


def test_an_empty_list_is_empty() -> None:
    assert read({"modules": []}, KEPT)[0].modules == ()


def test_codes_are_looked_up_in_what_is_kept_of_a_list_that_is_not_supplied() -> None:
    assert read(department(facultyCode="OLD"), KEPT)[1] == []
    assert read(department(facultyCode="FAC01"), KEPT)[1] == ["/departments/0/facultyCode"]


def test_a_list_that_was_never_supplied_defines_nothing_and_forbids_nothing() -> None:
    lists, faults = read(programme())
    assert (faults, lists.departments) == ([], None)


def test_of_a_bare_structure_an_empty_list_may_never_have_been_supplied() -> None:
    assert lists_of(Structure(faculties=KEPT.faculties or ())) == Lists(faculties=KEPT.faculties)
