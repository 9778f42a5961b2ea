"""
The body of ``POST /v1/sync`` as Unitu's document describes it, and everything that is wrong with one that breaks it.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

Text = Annotated[str, Meta(min_length=1)]
Email = Annotated[str, Meta(pattern=r"^[^@\s]+@[^@\s]+$")]
Year = Annotated[int, Meta(ge=0, le=7)]
Metadata = dict[Annotated[str, Meta(pattern=r"^[a-z][a-zA-Z0-9]*$")], str]


class Entry(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True, frozen=True):
    """One object of a list. A field that may be missing is UNSET then; null is no value for it."""


class Faculty(Entry, kw_only=True, frozen=True):
    code: Text
    name: Text


class Department(Entry, kw_only=True, frozen=True):
    code: Text
    name: Text
    faculty_code: Text | UnsetType = UNSET


class Programme(Entry, kw_only=True, frozen=True):
    code: Text
    name: Text
    department_code: Text


class ModuleYear(Entry, kw_only=True, frozen=True):
    year: Year
    is_optional: bool


class Module(Entry, kw_only=True, frozen=True):
    code: Text
    name: Text
    programme_code: Text
    years: list[ModuleYear]


class Person(Entry, kw_only=True, frozen=True):
    first_name: Text
    last_name: Text
    email: Email
    programme_codes: list[Text]
    id: Text | UnsetType = UNSET
    personal_email: Text | UnsetType = UNSET
    phone: Text | UnsetType = UNSET
    module_codes: list[Text] | UnsetType = UNSET
    metadata: Metadata | UnsetType = UNSET


class StudentEntry(Person, kw_only=True, frozen=True):
    year: Year | None


class StaffEntry(Person, kw_only=True, frozen=True):
    university_title: str
    faculty_codes: list[Text]
    department_codes: list[Text]


class Body(Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """A list that is not in the body is UNSET."""

    faculties: list[Faculty] | UnsetType = UNSET
    departments: list[Department] | UnsetType = UNSET
    programmes: list[Programme] | UnsetType = UNSET
    modules: list[Module] | UnsetType = UNSET
    students: list[StudentEntry] | UnsetType = UNSET
    staff: list[StaffEntry] | UnsetType = UNSET


class Wrong(Struct, frozen=True):
    """One thing that is wrong, where it is (a JSON pointer) and why."""

    pointer: str
    message: str


LISTS: dict[str, type[Entry]] = {
    "faculties": Faculty,
    "departments": Department,
    "programmes": Programme,
    "modules": Module,
    "students": StudentEntry,
    "staff": StaffEntry,
}
CODED = ("faculties", "departments", "programmes", "modules")  # their codes are unique
_WHERE = re.compile(r"^(?P<what>.*) - at (?:`key` in )?`\$?(?P<path>.*)`$", re.DOTALL)
_whole = msgspec.json.Decoder(Body)


def read_body(content: object, null_is_absent: bool = False) -> tuple[Body | None, list[Wrong]]:
    """
    The body, or all that is wrong with it; ``content`` is decoded JSON. ``null_is_absent``: take null for an optional
    field as if it were not there.

    Raises: nothing.
    """
    if null_is_absent:
        content = _without_nulls(content)
    try:
        body = msgspec.convert(content, Body)
    except msgspec.ValidationError:
        return None, _faults(content)
    twice = [wrong for name in CODED for wrong in _twice(name, getattr(body, name))]
    return (None, twice) if twice else (body, [])


def _faults(content: object) -> list[Wrong]:
    if not isinstance(content, dict):
        return [Wrong("", "The body is not a JSON object.")]
    wrong = [Wrong(f"/{name}", "Unknown field.") for name in content if name not in LISTS]
    for name, kind in LISTS.items():
        entries = content.get(name, [])
        if not isinstance(entries, list):
            wrong.append(Wrong(f"/{name}", "Expected an array."))
            continue
        for place, entry in enumerate(entries):
            try:
                msgspec.convert(entry, kind)
            except msgspec.ValidationError as error:
                wrong.append(_wrong(f"/{name}/{place}", str(error)))
    return wrong


def _wrong(pointer: str, text: str) -> Wrong:
    """msgspec says where in the way of ``$.years[0].year``; of a map it says no more than which one."""
    found = _WHERE.match(text)
    if found is None:
        return Wrong(pointer, text)
    path = re.sub(r"\[(\d+)\]", r"/\1", found["path"].removesuffix("[...]")).replace(".", "/")
    return Wrong(pointer + path, found["what"])


def _twice(name: str, entries: list[Any] | UnsetType) -> list[Wrong]:
    seen: set[str] = set()
    wrong = []
    for place, entry in enumerate(entries or ()):
        if entry.code in seen:
            wrong.append(Wrong(f"/{name}/{place}/code", f"The code {entry.code} stands twice."))
        seen.add(entry.code)
    return wrong


def _without_nulls(content: object) -> object:
    if not isinstance(content, dict):
        return content
    return {
        name: [_filled(entry) for entry in value] if isinstance(value, list) else value
        for name, value in content.items()
    }


def _filled(entry: object) -> object:
    if not isinstance(entry, dict):
        return entry
    return {name: value for name, value in entry.items() if value is not None or name == "year"}
