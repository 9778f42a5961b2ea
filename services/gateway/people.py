"""
One entry of the body's students or staff, as the document describes it: pure.

What is wrong inside one student is that student's own fault; they are then undecided, and keep what they have.
"""

from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from services.gateway.fields import Fields
from services.gateway.structure import Codes, Lists
from shared.model import Fault, Student
from shared.tenant import email_key

Key = Literal["email", "id"]

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
MAX_KEY = 320  # characters: the longest e-mail address
MAX_FAULTS = 100  # that one student's record carries; the answer to the push lists them all


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
    One student as pushed. ``key`` is who they are (None: nothing says it), ``other`` what else tells them from others:
    the id where the e-mail is the key, the e-mail where the id is. ``fields`` are those of ``Student``.
    """

    key: str | None
    other: str | None
    fields: dict[str, Any]
    faults: tuple[Fault, ...]
    strange: tuple[str, ...]


def read_student(raw: msgspec.Raw, defined: Defined, key: Key) -> Entry:
    fields = Fields(raw, _STUDENT)
    own_id = fields.text("id", optional=key == "email")
    first_name, last_name = fields.text("firstName"), fields.text("lastName")
    year, email = fields.year(), fields.email("email")
    folded = None if email is None else email_key(email)
    mine = folded if key == "email" else own_id
    if mine is not None and not can_be_key(mine):
        fields.wrong(f"/{key}", f"cannot say who a student is: at most {MAX_KEY} printable characters, the first no /")
        mine = None
    found: dict[str, Any] = {
        "feed_id": own_id if key == "email" else None,
        "first_name": first_name,
        "last_name": last_name,
        "email": email,
        "personal_email": fields.email("personalEmail", optional=True),
        "phone": fields.text("phone", optional=True),
        "year": year,
        "programmes": fields.codes("programmeCodes", defined.programmes, "programmes"),
        "modules": fields.codes("moduleCodes", defined.modules, "modules"),
        "metadata": fields.metadata("metadata"),
    }
    return Entry(mine, own_id if key == "email" else folded, found, tuple(fields.faults), fields.strange)


def can_be_key(text: str) -> bool:
    """Whether a text can name a student in topics: ``school//structure`` is no student's."""
    return 0 < len(text) <= MAX_KEY and text.isprintable() and not text.startswith("/")


def student_of(entry: Entry, student_id: str, more: tuple[Fault, ...] = ()) -> Student:
    """Faults are told by pointers from the student on: where the student stood in the body says nothing of them."""
    return Student(student_id=student_id, faults=(*entry.faults, *more)[:MAX_FAULTS], **entry.fields)


def check_staff(raw: msgspec.Raw, defined: Defined) -> tuple[list[Fault], tuple[str, ...]]:
    """What is wrong with one member of staff, and the fields that nobody knows. Nothing else is taken of them."""
    fields = Fields(raw, _STAFF)
    fields.text("id", optional=True)
    fields.text("firstName")
    fields.text("lastName")
    fields.text("universityTitle", may_be_empty=True)
    fields.email("email")
    fields.email("personalEmail", optional=True)
    fields.text("phone", optional=True)
    fields.codes("facultyCodes", defined.faculties, "faculties", optional=False)
    fields.codes("departmentCodes", defined.departments, "departments", optional=False)
    fields.codes("programmeCodes", defined.programmes, "programmes", optional=False)
    fields.codes("moduleCodes", defined.modules, "modules")
    fields.metadata("metadata")
    return fields.faults, fields.strange
