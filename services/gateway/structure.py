"""
The four lists that a feed's structure is made of: read, checked against each other, kept where they are not supplied.

Pure. What is wrong here is nobody's own fault, so it refuses the whole body.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from services.gateway.body import STRUCTURE, Entries
from services.gateway.fields import Fields, under
from services.gateway.wanted import GoOn, always, while_wanted
from services.gateway.warnings import Notes
from shared.contract.model import Department, Faculty, Fault, Frozen, Module, ModuleYear, Programme, Structure

TWICE = "is also that of {first}, which says something else; give each a code of its own, or leave one out"
IN_TWO_PROGRAMMES = (
    "is also that of {first}, in another programme; Unitu knows a module by its code, and it is in one programme: "
    "give it a code of its own in each (as in MOD01-PROG01 and MOD01-PROG02), or leave one out"
)

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


def read_lists(
    supplied: Mapping[str, Entries], kept: Lists, notes: Notes, most_faults: int, go_on: GoOn = always
) -> tuple[Lists, list[Fault]]:
    """
    What the school now says, and every fault; beyond so many, nothing more is looked at.

    A list that is not supplied stays as it was ``kept``, and other lists are checked against that.
    """
    lists = kept
    faults: list[Fault] = []
    for kind in _KINDS:
        if kind.name in supplied and len(faults) <= most_faults:
            above = lists.codes(kind.above) if kind.above else None
            entries, wrong = _read(kind, supplied[kind.name], above, notes, most_faults - len(faults), go_on)
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


def _read(
    kind: _Kind, entries: Entries, above: Codes, notes: Notes, most_faults: int, go_on: GoOn
) -> tuple[tuple[Entity, ...], list[Fault]]:
    taken: dict[str, Entity] = {}
    places: dict[str, int] = {}
    faults: list[Fault] = []
    for place, raw in while_wanted(entries, go_on):
        if len(faults) > most_faults:
            break
        fields = Fields(raw, kind.fields)
        entry = kind.read(fields, above)
        first = f"/{kind.name}/{places.setdefault(entry.code, place)}"
        before = taken.setdefault(entry.code, entry)
        if entry.code and before is not entry:
            if before == entry and not fields.faults:
                notes.repeats(kind.name, place, first)
            else:
                fields.wrong("/code", _twice(before, entry).format(first=first))
        faults += under(f"/{kind.name}/{place}", fields.faults)
        notes.strange(kind.name, place, fields.strange)
        notes.read_as(kind.name, place, fields.notes)
    return tuple(taken[code] for code in sorted(taken)), faults


def _twice(one: Entity, other: Entity) -> str:
    if isinstance(one, Module) and isinstance(other, Module) and one.programme_code != other.programme_code:
        return IN_TWO_PROGRAMMES
    return TWICE


def _own_code(fields: Fields) -> str:
    return fields.text("code", may_be_number=True) or ""


def _faculty(fields: Fields, _: Codes) -> Faculty:
    return Faculty(code=_own_code(fields), name=fields.text("name") or "")


def _department(fields: Fields, faculties: Codes) -> Department:
    code, name = _own_code(fields), fields.text("name") or ""
    faculty = fields.code("facultyCode", faculties, "faculties", optional=True)
    return Department(code=code, name=name, faculty_code=faculty)


def _programme(fields: Fields, departments: Codes) -> Programme:
    code, name = _own_code(fields), fields.text("name") or ""
    return Programme(code=code, name=name, department_code=fields.code("departmentCode", departments, "departments"))


def _module(fields: Fields, programmes: Codes) -> Module:
    code, name = _own_code(fields), fields.text("name") or ""
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
