"""
The vendor's employees as ours, and who teaches a set. Pure; with ``parse`` and ``spelling`` the only files beside the
adapter that know the vendor's spelling.
"""

from collections.abc import Mapping
from datetime import tzinfo

from services.fetcher.fields import Json, Unreadable, id_of, text
from services.fetcher.spelling import EMPLOYEES, Reading, person
from shared.model import Student

LISTS: tuple[str, ...] = EMPLOYEES["lists"]
TEACHER = ("teacherId", "teacherEmployeeId", "employeeId", "teacher")  # of a set; what its fields are called is a guess
TEACHERS = ("teachers", "associatedTeachers")


def employee_id(record: Json) -> str:
    """Raises: Unreadable, when nothing says whose record this is."""
    return id_of(record, "id")


def employee(record: Json, words: Mapping[str, int], zone: tzinfo) -> Student:
    """
    One record of the list of employees, faculties and all that they teach left open. Raises: Unreadable.

    ``words``: the life stages of a record, case-folded, and their numbers; here the status may be the number itself.
    """
    return person(record, EMPLOYEES, Reading(words, {}, zone))


def divisions(record: Json) -> tuple[str, ...] | None:
    """
    The divisions of a member of staff, each by its id, code or name: which of them the vendor writes is not known. None
    where the record says nothing of them, or nothing that can be understood.
    """
    given = record.get("divisions")
    if not isinstance(given, list):
        return None
    names = [_division(one) for one in given]
    return None if None in names else tuple(name for name in names if name is not None)


def _division(value: object) -> str | None:
    record = value if isinstance(value, Mapping) else {"id": value}
    try:
        return text(record, "id") or text(record, "code") or text(record, "name")
    except Unreadable:
        return None


def teachers(record: Json) -> set[str]:
    """
    The ids of whoever teaches a set, wherever its record may name them. Of a set's record only its id is certain: what
    is not understood names nobody.
    """
    given = [record.get(name) for name in TEACHER]
    for name in TEACHERS:
        several = record.get(name)
        given += several if isinstance(several, list) else []
    return {id for one in given if (id := _teacher(one)) is not None}


def _teacher(value: object) -> str | None:
    """A number, alone or as the id of an object; a word may be anybody's initials."""
    if isinstance(value, Mapping):
        value = next((value[name] for name in ("employeeId", "teacherId", "id") if value.get(name) is not None), None)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return value if isinstance(value, str) and value.isdigit() else None
