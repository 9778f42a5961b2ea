"""
The vendor's records as ours. Pure; with ``spelling`` and ``employees`` the only files beside the adapter that know the
vendor's spelling.
"""

from collections.abc import Sequence
from datetime import tzinfo
from typing import Any, TypedDict

import msgspec

from services.fetcher.employees import teachers
from services.fetcher.fields import Json, Unreadable, day, id_of, is_id, needed, number, text, whole
from services.fetcher.spelling import APPLICANTS, LEAVERS, STUDENTS, Reading, person
from services.fetcher.structure import (
    Division,
    SchoolHouse,
    SchoolTerm,
    Subject,
    TeachingDepartment,
    TeachingSet,
    YearGroup,
)
from shared.model import Address, Fault, Student

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


def student(record: Json, reading: Reading) -> Student:
    """One record of the students endpoint, programmes and modules left open. Raises: Unreadable."""
    return person(record, STUDENTS, reading, home_address(record))


def applicant(record: Json, reading: Reading) -> Student:
    """
    One record of either list of applicants. Raises: Unreadable. Houses are ids here, and the year group is that of the
    enrolment.
    """
    return person(record, APPLICANTS, reading)


def leaver(record: Json, reading: Reading) -> Student:
    """
    One record of the leavers' list. Raises: Unreadable. There is no e-mail; whoever has left is in no year of the
    receiver's.
    """
    return msgspec.structs.replace(person(record, LEAVERS, reading), year=None)


def unreadable(student_id: str, error: Unreadable, lists: tuple[str, ...] = ("students",)) -> Student:
    """Somebody who is there, of whom nothing can be said: never a leaver, and listed as at fault."""
    fault = Fault(pointer=f"/{error.field}", message=error.wrong)
    return Student(student_id=student_id, lists=lists, faults=(fault,))


def home_address(record: Json) -> Address | None:
    """
    The first (by id) of a student's home addresses that is not private. An address decides nothing about anybody, so
    one that cannot be read is none.
    """
    found = record.get("homeAddresses")
    homes = [home for home in found if isinstance(home, dict)] if isinstance(found, list) else []
    if len(homes) > 1:
        homes.sort(key=lambda home: home["id"] if isinstance(home.get("id"), int) else 0)
    for home in homes:
        one = address(home)
        if one is not None:
            return one
    return None


def address(record: Json) -> Address | None:
    """Of a home or of a contact. None where it is private, empty, or nothing that can be read."""
    if record.get("private") is True:
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
    if record.get("studentHome") is not True or record.get("deceased") is True or not isinstance(ids, list):
        return ()
    return tuple(id for id in ids if isinstance(id, str) and is_id(id))


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
    """The school's list of life stages: word (case-folded) to number."""
    return {needed(record, "description").casefold(): number(record, "id") for record in records}


def division(record: Json) -> Division:
    return Division(
        id=number(record, "id"),
        code=text(record, "code") or "",
        name=text(record, "name") or needed(record, "code"),
        order=whole(record, "order") or 0,
    )


def year_group(record: Json, divisions: Sequence[Json]) -> YearGroup:
    nc_year = number(record, "ncYear")
    return YearGroup(
        nc_year=nc_year,
        name=text(record, "name") or text(record, "code") or f"Year {nc_year}",
        divisions=tuple(number(entry, "id") for entry in divisions),
    )


def teaching_department(record: Json) -> TeachingDepartment:
    return TeachingDepartment(id=number(record, "id"), name=needed(record, "name"))


def subject(record: Json) -> Subject:
    code = text(record, "code") or ""
    return Subject(id=number(record, "id"), code=code, name=text(record, "name") or needed(record, "code"))


def is_hidden(record: Json) -> bool:
    """Sets that a school has put away are in no list that a person sees; they are no modules."""
    return record.get("hidden") is True


def teaching_set(record: Json, members: Sequence[Json]) -> TeachingSet:
    """Little of a set's record is certain: where it does not say its year, its members do, if all agree."""
    id = number(record, "id")
    code = text(record, "setCode") or text(record, "name") or ""
    nc_year = whole(record, "year")
    if nc_year is None and len(years := {whole(member, "yearGroup") for member in members}) == 1:
        nc_year = years.pop()
    return TeachingSet(
        id=id,
        code=code,
        name=text(record, "name") or code or f"Set {id}",
        subject=whole(record, "subjectId"),
        nc_year=nc_year,
        members=tuple(sorted({student_id(member) for member in members})),
        teachers=tuple(sorted(teachers(record))),
    )
