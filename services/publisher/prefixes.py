"""
What a school puts before its ids and codes at Unitu, so that two schools of a tenant, or its staff and its students,
are never taken for one. Pure.
"""

from dataclasses import dataclass
from typing import TypeVar

import msgspec

from services.publisher.roster_entry import Person
from shared.config.settings import School
from shared.contract.model import Kind, Structure

CODES = ("facultyCodes", "departmentCodes", "programmeCodes", "moduleCodes")
OWN_CODES = ("code", "faculty_code", "department_code", "programme_code")
LISTS = ("faculties", "departments", "programmes", "modules")
Entity = TypeVar("Entity", bound=msgspec.Struct)


@dataclass(frozen=True)
class Prefixes:
    student_id: str = ""
    staff_id: str = ""
    code: str = ""

    def id_of(self, kind: Kind) -> str:
        return self.staff_id if kind == "staff" else self.student_id

    @property
    def bound(self) -> str:
        """For the adoption: a change of any of them makes other ids and other codes."""
        return "\n".join((self.student_id, self.staff_id, self.code)) if self != Prefixes() else ""


def prefixes_of(school: School) -> Prefixes:
    return Prefixes(school.id_prefix, school.staff_id_prefix, school.code_prefix)


def of_person(person: Person, prefixes: Prefixes) -> Person:
    """The same person as this school's are told to Unitu."""
    id_prefix = prefixes.id_of(person.kind)
    if not person.head or not (id_prefix or prefixes.code):
        return person
    record = msgspec.json.decode(person.json(""))
    if "id" in record:
        record["id"] = id_prefix + record["id"]
    for name in CODES:
        if name in record:
            record[name] = [prefixes.code + code for code in record[name]]
    before = dict(list(record.items())[: list(record).index("email")])
    after = {name: value for name, value in record.items() if name not in before and name != "email"}
    head = msgspec.json.encode(before)[:-1] + b',"email":'
    return msgspec.structs.replace(person, head=head, tail=b"," + msgspec.json.encode(after)[1:])


def of_structure(structure: Structure, prefixes: Prefixes) -> Structure:
    if not prefixes.code:
        return structure
    changes = {name: tuple(_entity(one, prefixes.code) for one in getattr(structure, name)) for name in LISTS}
    return msgspec.structs.replace(structure, **changes)


def _entity(entity: Entity, prefix: str) -> Entity:
    own = {name: getattr(entity, name, None) for name in OWN_CODES}
    return msgspec.structs.replace(entity, **{name: prefix + code for name, code in own.items() if code is not None})
