"""
One entry of the body's students or staff, as the document describes it: pure.

What is wrong inside one person is that person's own fault; they are then undecided, and keep what they have.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from services.gateway.fields import Fields
from services.gateway.key_resolution import MAX_KEY, Identity, Key, can_be_key
from services.gateway.register import names_of
from services.gateway.structure import Codes, Lists
from shared.contract.model import Fault, Student
from shared.contract.tenant_state import email_key
from shared.contract.texts import LOST, named

_PERSON = {
    "id",
    "firstName",
    "lastName",
    "email",
    "personalEmail",
    "phone",
    "programmeCodes",
    "moduleCodes",
    "metadata",
}
_STUDENT = frozenset(_PERSON | {"year"})
_STAFF = frozenset(_PERSON | {"universityTitle", "facultyCodes", "departmentCodes"})
MAX_FAULTS = 100  # that one person's record carries; the answer to the push lists them all
STUDENTS, STAFF = ("students",), ("staff",)  # the lists that have somebody


@dataclass(frozen=True)
class Defined:
    """The codes that a person may name."""

    faculties: Codes
    departments: Codes
    programmes: Codes
    modules: Codes


def defined_by(lists: Lists) -> Defined:
    return Defined(*(lists.codes(name) for name in ("faculties", "departments", "programmes", "modules")))


@dataclass(frozen=True)
class Entry:
    """
    One person as pushed. ``identity`` is what the entry says of who they are; ``fields`` are those of ``Student``;
    ``notes`` tell what was taken for something else than it is.
    """

    identity: Identity
    fields: dict[str, Any]
    faults: tuple[Fault, ...]
    strange: tuple[str, ...]
    notes: tuple[Fault, ...] = ()


Reader = Callable[[msgspec.Raw, Defined, Key], Entry]


def read_student(raw: msgspec.Raw, defined: Defined, key: Key) -> Entry:
    fields = Fields(raw, _STUDENT)
    own_id, names = _names(fields, key)
    year, email = fields.year(), fields.email("email")
    identity = _identity(fields, key, own_id, email or fields.address("email"), names)
    found = (
        names | {"email": email} | _contact(fields) | {"year": year} | _enrolments(fields, defined, is_optional=False)
    )
    return _entry(identity, found, fields)


def read_staff(raw: msgspec.Raw, defined: Defined, key: Key) -> Entry:
    fields = Fields(raw, _STAFF)
    own_id, names = _names(fields, key)
    title, email = fields.text("universityTitle", may_be_empty=True), fields.email("email")
    identity = _identity(fields, key, own_id, email or fields.address("email"), names)
    found = names | {"lists": STAFF, "title": title or None, "email": email} | _contact(fields)
    found["faculties"] = fields.codes("facultyCodes", defined.faculties, "faculties", optional=False)
    found["departments"] = fields.codes("departmentCodes", defined.departments, "departments", optional=False)
    found |= _enrolments(fields, defined, is_optional=False)
    return _entry(identity, found, fields)


def _entry(identity: Identity, found: dict[str, Any], fields: Fields) -> Entry:
    return Entry(identity, found, tuple(fields.faults), fields.strange, tuple(fields.notes))


def _names(fields: Fields, key: Key) -> tuple[str | None, dict[str, Any]]:
    """Their own id, and what goes by it."""
    own_id = fields.text("id", optional=key != "id", may_be_number=True)
    if own_id is not None and LOST in own_id:
        fields.wrong("/id", f"has a character that was lost ({named(LOST)}), so it names nobody: send it whole")
        own_id = None
    names = {"first_name": fields.name("firstName"), "last_name": fields.name("lastName")}
    return own_id, {"feed_id": own_id} | names


def _identity(fields: Fields, key: Key, own_id: str | None, email: str | None, names: dict[str, Any]) -> Identity:
    """What cannot be a key names nobody whom the feed has never said."""
    folded = None if email is None else email_key(email)
    mine = own_id if key == "id" else folded
    if mine is not None and not can_be_key(mine):
        fields.wrong(f"/{key}", f"cannot say who somebody is: at most {MAX_KEY} printable characters, the first no /")
        own_id, folded = (None, folded) if key == "id" else (own_id, None)
    return Identity(own_id, folded, names_of(names["first_name"], names["last_name"]))


def _contact(fields: Fields) -> dict[str, Any]:
    personal_email = fields.email("personalEmail", optional=True)
    return {"personal_email": personal_email, "phone": fields.text("phone", optional=True, may_be_number=True)}


def _enrolments(fields: Fields, defined: Defined, *, is_optional: bool = True) -> dict[str, Any]:
    programmes = fields.codes("programmeCodes", defined.programmes, "programmes", optional=is_optional)
    modules = fields.codes("moduleCodes", defined.modules, "modules")
    return {"programmes": programmes, "modules": modules, "metadata": fields.metadata("metadata")}


def person_of(entry: Entry, person_id: str, key: Key, more: tuple[Fault, ...] = ()) -> Student:
    """
    Faults are told by pointers from the person on: where they stood in the body says nothing of them. Where the id is
    the key it is not said twice.
    """
    fields = entry.fields
    if key == "id" and fields["feed_id"] == person_id:
        fields = fields | {"feed_id": None}
    return Student(student_id=person_id, faults=(*entry.faults, *more)[:MAX_FAULTS], **fields)
