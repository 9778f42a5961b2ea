"""
The vendor's records as ours. Pure; beside the adapter and ``employees`` the only file that knows the vendor's spelling.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any, TypedDict

from services.fetcher.employees import teachers
from services.fetcher.fields import Json, Unreadable, day, id_of, is_id, life_stage, needed, number, text, whole
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


@dataclass(frozen=True)
class Reading:
    """
    What a person's record is read with: status words (case-folded) and their numbers, the receiver's year of each year
    group, where the school's midnight is, and the houses by id.
    """

    words: Mapping[str, int]
    years: Mapping[int, int]
    zone: tzinfo
    houses: Mapping[int, str] = field(default_factory=dict)


def student_id(record: Json) -> str:
    """Raises: Unreadable, when nothing says whose record this is."""
    return id_of(record, "schoolId")


def student(record: Json, reading: Reading) -> Student:
    """
    One record of the students endpoint, programmes and modules left open. Raises: Unreadable.

    The status is a word (looked up), or already a number; a word that nobody knows is kept, and its number is None.
    """
    status, word = life_stage(record, reading.words)
    year_group = whole(record, "yearGroup")
    return Student(
        student_id=student_id(record),
        system_status=status,
        system_status_word=word,
        admission_status=text(record, "admissionStatus"),
        enrolment_year=whole(record, "enrolmentYear"),
        leaving_date=day(record, "leavingDate", reading.zone),
        leaving_year=whole(record, "leavingYear"),
        title=text(record, "title"),
        first_name=text(record, "forename"),
        preferred_name=text(record, "preferredName"),
        middle_names=text(record, "middlenames"),
        last_name=text(record, "surname"),
        date_of_birth=day(record, "dob", reading.zone),
        email=text(record, "schoolEmailAddress"),
        personal_email=text(record, "personalEmailAddress"),
        phone=text(record, "mobileNumber"),
        year_group=year_group,
        year=None if year_group is None else reading.years.get(year_group),
        form=text(record, "formGroup"),
        house=text(record, "academicHouse") or text(record, "boardingHouse"),
        photo_id=whole(record, "latestPhotoId"),
        address=home_address(record),
    )


def applicant(record: Json, reading: Reading) -> Student:
    """
    One record of either list of applicants. Raises: Unreadable. Houses are ids here, and the year group is that of the
    enrolment.
    """
    status, word = life_stage(record, reading.words)
    year_group = whole(record, "enrolmentSchoolYearGroup")
    house = whole(record, "enrolmentAcademicHouseId") or whole(record, "enrolmentBoardingHouseId")
    return Student(
        student_id=student_id(record),
        lists=("applicants",),
        system_status=status,
        system_status_word=word,
        admission_status=text(record, "admissionStatus"),
        enrolment_year=whole(record, "enrolmentSchoolYear"),
        title=text(record, "title"),
        first_name=text(record, "forename"),
        preferred_name=text(record, "preferredName"),
        middle_names=text(record, "middleNames"),
        last_name=text(record, "surname"),
        date_of_birth=day(record, "dateOfBirth", reading.zone),
        email=text(record, "schoolEmailAddress"),
        phone=text(record, "mobileNumber"),
        year_group=year_group,
        year=None if year_group is None else reading.years.get(year_group),
        form=text(record, "enrolmentSchoolForm"),
        house=None if house is None else reading.houses.get(house),
    )


def leaver(record: Json, reading: Reading) -> Student:
    """One record of the leavers' list. Raises: Unreadable. There is no e-mail, and only here a ``leavingYear``."""
    status, word = life_stage(record, reading.words)
    year_group = whole(record, "leavingYearGroup")
    return Student(
        student_id=student_id(record),
        lists=("leavers",),
        system_status=status,
        system_status_word=word,
        admission_status=text(record, "admissionStatus"),
        enrolment_year=whole(record, "enrolmentYear"),
        leaving_date=day(record, "leavingDate", reading.zone),
        leaving_year=whole(record, "leavingYear"),
        title=text(record, "title"),
        first_name=text(record, "forename"),
        preferred_name=text(record, "preferredName"),
        middle_names=text(record, "middlenames"),
        last_name=text(record, "surname"),
        year_group=whole(record, "yearGroup") if year_group is None else year_group,
    )


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
