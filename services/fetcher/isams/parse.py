"""
The vendor's records as ours. Pure; with ``spelling`` and ``employees`` the only files beside the adapter that know the
vendor's spelling.
"""

from collections.abc import Sequence
from datetime import tzinfo
from typing import Any, TypedDict

import msgspec

from services.fetcher.isams.curriculum import (
    Division,
    SchoolHouse,
    SchoolTerm,
    Subject,
    TeachingDepartment,
    YearGroup,
)
from services.fetcher.isams.field_names import APPLICANTS, LEAVERS, STUDENTS, ParseContext, person
from services.fetcher.isams.fields import Json, Unreadable, count, day, id_of, needed, number, text, truth, whole
from shared.contract.canonical_text import canonical
from shared.contract.model import Address, Student

CURRENT, LEFT = 1, -1  # the life stages of who is there and of who has left, as numbers
NOWHERE = Address()


class StudentFields(TypedDict, total=False):
    """All that ``student`` looks at: the other half of a record need not even be decoded."""

    schoolId: Any
    systemStatus: Any
    admissionStatus: Any
    enrolmentYear: Any
    leavingDate: Any
    leavingYear: Any
    title: Any
    forename: Any
    preferredName: Any
    middlenames: Any
    surname: Any
    dob: Any
    uniquePupilNumber: Any
    personGuid: Any
    schoolEmailAddress: Any
    personalEmailAddress: Any
    mobileNumber: Any
    yearGroup: Any
    formGroup: Any
    academicHouse: Any
    boardingHouse: Any
    latestPhotoId: Any
    homeAddresses: Any


def student_id(record: Json) -> str:
    """Raises: Unreadable, when nothing says whose record this is."""
    return id_of(record, "schoolId")


def student(record: Json, reading: ParseContext) -> Student:
    """One record of the students endpoint, programmes and modules left open. Raises: Unreadable, without an id."""
    return person(record, STUDENTS, reading, home_address(record))


def applicant(record: Json, reading: ParseContext) -> Student:
    """
    One record of either list of applicants. Raises: Unreadable, without an id. Houses are ids here, and the year group
    is that of the enrolment.
    """
    return person(record, APPLICANTS, reading)


def leaver(record: Json, reading: ParseContext) -> Student:
    """
    One record of the leavers' list. Raises: Unreadable, without an id. There is no e-mail; whoever has left is in no
    year of the receiver's.
    """
    return msgspec.structs.replace(person(record, LEAVERS, reading), year=None)


def home_address(record: Json) -> Address | None:
    """
    The first (by id) of a student's home addresses that is not private. An address decides nothing about anybody, so
    one that cannot be read is none.
    """
    found = record.get("homeAddresses")
    homes = [home for home in found if isinstance(home, dict)] if isinstance(found, list) else []
    if len(homes) > 1:
        homes.sort(key=lambda home: count(home, "id") or 0)
    for home in homes:
        one = address(home)
        if one is not None:
            return one
    return None


def address(record: Json) -> Address | None:
    """Of a home or of a contact. None where it is private, empty, or nothing that can be read."""
    if truth(record, "private"):
        return None
    try:
        lines = (text(record, "address1"), text(record, "address2"), text(record, "address3"))
        found = Address(
            lines=tuple([line for line in lines if line is not None]),
            town=text(record, "town"),
            county=text(record, "county"),
            postcode=text(record, "postcode"),
            country=text(record, "country"),
        )
    except Unreadable:
        return None
    return None if found == NOWHERE else found


def contact_id(record: Json) -> int:
    return number(record, "id")


def home_of(record: Json) -> tuple[str, ...]:
    """The students at whose home a contact lives: those of one marked StudentHome, where the feed has the mark."""
    ids = record.get("schoolIds")
    if not truth(record, "studentHome") or truth(record, "deceased") or not isinstance(ids, list):
        return ()
    return tuple(id for one in ids if (id := _student(one)) is not None)


def _student(value: object) -> str | None:
    try:
        return student_id({"schoolId": value})
    except Unreadable:
        return None


def house(record: Json) -> SchoolHouse:
    code = text(record, "code") or ""
    return SchoolHouse(id=number(record, "id"), code=code, name=text(record, "name") or needed(record, "code"))


def term(record: Json, zone: tzinfo) -> SchoolTerm:
    name, year = needed(record, "name"), number(record, "schoolYear")
    starts, ends = (day(record, field, zone) for field in ("startDate", "finishDate"))
    if starts is None or ends is None:
        raise Unreadable("finishDate" if starts else "startDate", "is missing")
    return SchoolTerm(id=number(record, "id"), code=f"{year}-{name}", name=name, starts=starts, ends=ends)


def status_words(records: Sequence[Json]) -> dict[str, int]:
    """The school's list of life stages: a word's letters to its number."""
    return {canonical(needed(record, "description")): number(record, "id") for record in records}


def division(record: Json) -> Division:
    return Division(
        id=number(record, "id"),
        code=text(record, "code") or "",
        name=text(record, "name") or needed(record, "code"),
        order=whole(record, "order") or 0,
    )


def year_group(record: Json, divisions: Sequence[int] | None) -> YearGroup:
    nc_year = number(record, "ncYear")
    return YearGroup(
        nc_year=nc_year,
        name=text(record, "name") or text(record, "code") or f"Year {nc_year}",
        divisions=None if divisions is None else tuple(divisions),
    )


def teaching_department(record: Json) -> TeachingDepartment:
    return TeachingDepartment(id=number(record, "id"), name=text(record, "name") or needed(record, "code"))


def subject(record: Json) -> Subject:
    code = text(record, "code") or ""
    return Subject(id=number(record, "id"), code=code, name=text(record, "name") or needed(record, "code"))
