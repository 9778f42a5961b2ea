"""
The four lists that a feed's structure is made of: read, checked against each other, kept where they are not supplied.

Pure. What is wrong here is nobody's own fault, so it refuses the whole body.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from services.gateway.body import STRUCTURE, Entries
from services.gateway.fields import Fields, under
from services.gateway.notes import Notes
from shared.model import Department, Faculty, Fault, Frozen, Module, ModuleYear, Programme, Structure

Codes = frozenset[str] | None  # of one list; None: nobody has ever said which there are
Entity = Faculty | Department | Programme | Module


class Lists(Frozen, kw_only=True):
    """What a school last said of each list, sorted by code; None: it was never supplied."""

    faculties: tuple[Faculty, ...] | None = None
    departments: tuple[Department, ...] | None = None
    programmes: tuple[Programme, ...] | None = None
    modules: tuple[Module, ...] | None = None

    def codes(self, name: str) -> Codes:
        entries: tuple[Entity, ...] | None = getattr(self, name)
        return None if entries is None else frozenset(entry.code for entry in entries)


def structure_of(lists: Lists) -> Structure:
    return Structure(**{name: getattr(lists, name) or () for name in STRUCTURE})


def lists_of(structure: Structure) -> Lists:
    """What is known of the lists when only the structure is left: an empty one may never have been supplied."""
    return Lists(**{name: getattr(structure, name) or None for name in STRUCTURE})


def read_lists(supplied: Mapping[str, Entries], kept: Lists, notes: Notes) -> tuple[Lists, list[Fault]]:
    """
    What the school now says, and every fault.

    A list that is not supplied stays as it was ``kept``, and other lists are checked against that.
    """
    lists, faults = kept, []
    for kind in _KINDS:
        if kind.name in supplied:
            above = lists.codes(kind.above) if kind.above else None
            entries, wrong = _read(kind, supplied[kind.name], above, notes)
            lists = msgspec.structs.replace(lists, **{kind.name: entries})
            faults += wrong
    return lists, faults


@dataclass(frozen=True)
class _Kind:
    """One list: its fields, how an entry is read, and the list that its entries belong to."""

    name: str
    fields: frozenset[str]
    read: Callable[[Fields, Codes], Entity]
    above: str = ""


def _read(kind: _Kind, entries: Entries, above: Codes, notes: Notes) -> tuple[tuple[Entity, ...], list[Fault]]:
    taken: dict[str, Entity] = {}
    faults: list[Fault] = []
    for place, raw in enumerate(entries):
        fields = Fields(raw, kind.fields)
        entry = kind.read(fields, above)
        if entry.code and entry.code in taken:
            fields.wrong("/code", "stands twice in this list")
        taken[entry.code] = entry
        faults += under(f"/{kind.name}/{place}", fields.faults)
        notes.strange(kind.name, place, fields.strange)
    return tuple(taken[code] for code in sorted(taken)), faults


def _faculty(fields: Fields, _: Codes) -> Faculty:
    return Faculty(code=fields.text("code") or "", name=fields.text("name") or "")


def _department(fields: Fields, faculties: Codes) -> Department:
    code, name = fields.text("code") or "", fields.text("name") or ""
    faculty = fields.code("facultyCode", faculties, "faculties", optional=True)
    return Department(code=code, name=name, faculty_code=faculty)


def _programme(fields: Fields, departments: Codes) -> Programme:
    code, name = fields.text("code") or "", fields.text("name") or ""
    return Programme(code=code, name=name, department_code=fields.code("departmentCode", departments, "departments"))


def _module(fields: Fields, programmes: Codes) -> Module:
    code, name = fields.text("code") or "", fields.text("name") or ""
    programme = fields.code("programmeCode", programmes, "programmes") or ""
    years = []
    for place, item in enumerate(fields.items("years") or ()):
        inner = Fields(item, frozenset({"year", "isOptional"}))
        year, is_optional = inner.year(nullable=False), inner.boolean("isOptional")
        fields.faults += under(f"/years/{place}", inner.faults)
        if year is not None and is_optional is not None:
            years.append(ModuleYear(year=year, is_optional=is_optional))
    years.sort(key=lambda one: one.year)
    return Module(code=code, name=name, programme_code=programme, years=tuple(years))


_KINDS = (
    _Kind("faculties", frozenset({"code", "name"}), _faculty),
    _Kind("departments", frozenset({"code", "name", "facultyCode"}), _department, "faculties"),
    _Kind("programmes", frozenset({"code", "name", "departmentCode"}), _programme, "departments"),
    _Kind("modules", frozenset({"code", "name", "programmeCode", "years"}), _module, "programmes"),
)
