"""
The vendor's employees as ours. Pure; with ``parse``, ``sets`` and ``spelling`` the only files beside the adapter that
know the vendor's spelling.
"""

from collections.abc import Mapping

from services.fetcher.isams.field_names import EMPLOYEES, ParseContext, person
from services.fetcher.isams.fields import Json, Unreadable, id_of, text
from shared.contract.model import Student

LISTS: tuple[str, ...] = EMPLOYEES["lists"]


def employee_id(record: Json) -> str:
    """Raises: Unreadable, when nothing says whose record this is."""
    return id_of(record, "id")


def employee(record: Json, reading: ParseContext) -> Student:
    """
    One record of the list of employees, faculties and all that they teach left open. Raises: Unreadable, without an id.
    Here the status may be the number itself; nobody is in a year of the receiver's.
    """
    return person(record, EMPLOYEES, reading)


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
