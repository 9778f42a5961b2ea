"""The codes that the records of a body name, and the entities that the body defines for them. Pure."""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any

import msgspec

from shared.contract.model import Department, Faculty, Module, Programme, Structure
from shared.contract.retired import LISTS

FIELDS = {  # of a person's record: which list its codes are of
    "facultyCodes": "faculties",
    "departmentCodes": "departments",
    "programmeCodes": "programmes",
    "moduleCodes": "modules",
}
ENROLMENTS = ("programmeCodes", "moduleCodes")

Entity = tuple[str, str | None]

_json = msgspec.json.Encoder()


class _Named(msgspec.Struct, frozen=True, rename="camel"):
    faculty_codes: frozenset[str] = frozenset()
    department_codes: frozenset[str] = frozenset()
    programme_codes: frozenset[str] = frozenset()
    module_codes: frozenset[str] = frozenset()

    def by_list(self) -> tuple[frozenset[str], ...]:
        return self.faculty_codes, self.department_codes, self.programme_codes, self.module_codes


_named = msgspec.json.Decoder(_Named)


@dataclass(frozen=True)
class Entities:
    """
    The four lists of a body. ``records`` are as sent, sorted by code; ``known`` maps list -> code -> (name, code of
    what it belongs to); ``repeated``: codes that two schools define differently, the first school's stands.
    """

    records: Mapping[str, list[bytes]]
    known: Mapping[str, Mapping[str, Entity]]
    repeated: Mapping[str, tuple[str, ...]]


def named_in(record: bytes) -> tuple[frozenset[str], ...]:
    """The codes that a person's record names, in the order of ``LISTS``."""
    return _named.decode(record).by_list()


def with_codes_of(record: bytes, before: bytes) -> bytes:
    """The record with the enrolments that the earlier one has as well."""
    old, new = named_in(before), named_in(record)
    if old[2] <= new[2] and old[3] <= new[3]:
        return record
    fields: dict[str, Any] = msgspec.json.decode(record)
    earlier: dict[str, Any] = msgspec.json.decode(before)
    for name in ENROLMENTS:
        if earlier.get(name):
            fields[name] = sorted({*fields.get(name, ()), *earlier[name]})
    return _json.encode(fields)


def without_undefined(record: bytes, known: Mapping[str, Mapping[str, Entity]]) -> tuple[bytes, dict[str, set[str]]]:
    """The record without codes that no list of the body defines, and those codes by list."""
    wrong = {name: codes - known[name].keys() for name, codes in zip(LISTS, named_in(record), strict=True) if codes}
    undefined = {name: set(codes) for name, codes in wrong.items() if codes}
    if not undefined:
        return record, {}
    fields: dict[str, Any] = msgspec.json.decode(record)
    for field, name in FIELDS.items():
        if field in fields and name in undefined:
            fields[field] = [code for code in fields[field] if code not in undefined[name]]
    return _json.encode(fields), undefined


def entities_of(structures: Mapping[str, Structure], retired: Mapping[str, Structure], named: Set[str]) -> Entities:
    """
    The schools' structures as one. Of ``retired``, what a school no longer lists, an entity stays while somebody is
    still in it: a body defines every code that it names.
    """
    found = _Found()
    for _, structure in sorted(structures.items()):
        found.take(structure)
    wanted = set(named)
    for name in reversed(LISTS):  # a module's programme before the programme's department
        for _, structure in sorted(retired.items()):
            for entity in getattr(structure, name):
                if entity.code in wanted and entity.code not in found.known[name]:
                    found.add(name, entity)
        wanted = {*named, *(parent for _, parent in found.known[name].values() if parent is not None)}
    return found.whole()


class _Found:
    def __init__(self) -> None:
        self.known: dict[str, dict[str, Entity]] = {name: {} for name in LISTS}
        self._entities: dict[str, dict[str, Any]] = {name: {} for name in LISTS}
        self._again: dict[str, set[str]] = {}

    def take(self, structure: Structure) -> None:
        for name in LISTS:
            for entity in getattr(structure, name):
                self.add(name, entity)

    def add(self, name: str, entity: Faculty | Department | Programme | Module) -> None:
        first = self._entities[name].setdefault(entity.code, entity)
        if first != entity:
            self._again.setdefault(name, set()).add(entity.code)
        self.known[name].setdefault(entity.code, (entity.name, _parent(entity)))

    def whole(self) -> Entities:
        for code, (_, programme) in list(self.known["modules"].items()):
            if programme not in self.known["programmes"]:  # a module is nothing without its programme
                del self.known["modules"][code], self._entities["modules"][code]
        for _, department in list(self.known["programmes"].values()):
            if department is not None and department not in self.known["departments"]:
                self.add("departments", Department(code=department, name=department))  # a programme must name one
        records = {
            name: [_json.encode(self._record(name, entity)) for _, entity in sorted(entities.items())]
            for name, entities in self._entities.items()
        }
        again = {name: tuple(sorted(codes)) for name, codes in self._again.items()}
        return Entities(records, self.known, again)

    def _record(self, name: str, entity: Faculty | Department | Programme | Module) -> dict[str, Any]:
        """The record of Unitu's body; what it belongs to is named only where the body defines that."""
        record: dict[str, Any] = {"code": entity.code, "name": entity.name}
        match entity:
            case Department(faculty_code=str(code)) if code in self.known["faculties"]:
                record["facultyCode"] = code
            case Programme(department_code=str(code)):
                record["departmentCode"] = code
            case Module(programme_code=code):
                record["programmeCode"] = code
                record["years"] = [{"year": year.year, "isOptional": year.is_optional} for year in entity.years]
        return record


def _parent(entity: Faculty | Department | Programme | Module) -> str | None:
    match entity:
        case Department(faculty_code=code) | Programme(department_code=code) | Module(programme_code=code):
            return code
    return None
