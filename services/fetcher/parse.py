"""
The vendor's records as ours. Pure; beside the adapter the only file that knows the vendor's spelling.

A missing value may be absent, null or empty, and a name may be a lone space: all are None. A value of a type that
cannot be meant is Poison that names the field.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, tzinfo
from typing import Any

from services.fetcher.structure import (
    Division,
    SchoolHouse,
    SchoolTerm,
    Subject,
    TeachingDepartment,
    TeachingSet,
    YearGroup,
)
from shared.errors import Poison
from shared.model import Address, Fault, Student

CURRENT, LEFT = 1, -1  # the life stages of who is there and of who has left, as numbers

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")  # digits by the book; what would break a key or a path is refused
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ].*)?")
_NUMBER = re.compile(r"[+-]?[0-9]{1,9}")

Json = Mapping[str, Any]
"""One record as the vendor writes it; nobody else looks inside."""


class Unreadable(Poison):
    """One field of one record cannot be taken. The message never repeats the value: it is somebody's."""

    def __init__(self, field: str, wrong: str) -> None:
        super().__init__(f"{field} {wrong}")
        self.field = field
        self.wrong = wrong


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


def is_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None


def student_id(record: Json) -> str:
    """Raises: Unreadable, when nothing says whose record this is."""
    if not isinstance(record, Mapping):
        raise Unreadable("schoolId", "is missing: the record is no object")
    found = _text(record, "schoolId")
    if found is None or not is_id(found):
        raise Unreadable("schoolId", "is missing" if found is None else "is no id")
    return found


def student(record: Json, reading: Reading) -> Student:
    """
    One record of the students endpoint, programmes and modules left open. Raises: Unreadable.

    The status is a word (looked up), or already a number; a word that nobody knows is kept, and its number is None.
    """
    status, word = _status(record, reading.words)
    year_group = _int(record, "yearGroup")
    return Student(
        student_id=student_id(record),
        system_status=status,
        system_status_word=word,
        admission_status=_text(record, "admissionStatus"),
        enrolment_year=_int(record, "enrolmentYear"),
        leaving_date=_date(record, "leavingDate", reading.zone),
        leaving_year=_int(record, "leavingYear"),
        title=_text(record, "title"),
        first_name=_text(record, "forename"),
        preferred_name=_text(record, "preferredName"),
        middle_names=_text(record, "middlenames"),
        last_name=_text(record, "surname"),
        date_of_birth=_date(record, "dob", reading.zone),
        email=_text(record, "schoolEmailAddress"),
        personal_email=_text(record, "personalEmailAddress"),
        phone=_text(record, "mobileNumber"),
        year_group=year_group,
        year=None if year_group is None else reading.years.get(year_group),
        form=_text(record, "formGroup"),
        house=_text(record, "academicHouse") or _text(record, "boardingHouse"),
        photo_id=_int(record, "latestPhotoId"),
        address=home_address(record),
    )


def applicant(record: Json, reading: Reading) -> Student:
    """
    One record of either list of applicants. Raises: Unreadable. Houses are ids here, and the year group is that of the
    enrolment.
    """
    status, word = _status(record, reading.words)
    year_group = _int(record, "enrolmentSchoolYearGroup")
    house = _int(record, "enrolmentAcademicHouseId") or _int(record, "enrolmentBoardingHouseId")
    return Student(
        student_id=student_id(record),
        lists=("applicants",),
        system_status=status,
        system_status_word=word,
        admission_status=_text(record, "admissionStatus"),
        enrolment_year=_int(record, "enrolmentSchoolYear"),
        title=_text(record, "title"),
        first_name=_text(record, "forename"),
        preferred_name=_text(record, "preferredName"),
        middle_names=_text(record, "middleNames"),
        last_name=_text(record, "surname"),
        date_of_birth=_date(record, "dateOfBirth", reading.zone),
        email=_text(record, "schoolEmailAddress"),
        phone=_text(record, "mobileNumber"),
        year_group=year_group,
        year=None if year_group is None else reading.years.get(year_group),
        form=_text(record, "enrolmentSchoolForm"),
        house=None if house is None else reading.houses.get(house),
    )


def leaver(record: Json, reading: Reading) -> Student:
    """One record of the leavers' list. Raises: Unreadable. There is no e-mail, and only here a ``leavingYear``."""
    status, word = _status(record, reading.words)
    year_group = _int(record, "leavingYearGroup")
    return Student(
        student_id=student_id(record),
        lists=("leavers",),
        system_status=status,
        system_status_word=word,
        admission_status=_text(record, "admissionStatus"),
        enrolment_year=_int(record, "enrolmentYear"),
        leaving_date=_date(record, "leavingDate", reading.zone),
        leaving_year=_int(record, "leavingYear"),
        title=_text(record, "title"),
        first_name=_text(record, "forename"),
        preferred_name=_text(record, "preferredName"),
        middle_names=_text(record, "middlenames"),
        last_name=_text(record, "surname"),
        year_group=_int(record, "yearGroup") if year_group is None else year_group,
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
    homes = [home for home in found if isinstance(home, Mapping)] if isinstance(found, list) else []
    homes.sort(key=lambda home: home["id"] if isinstance(home.get("id"), int) else 0)
    return next((one for home in homes if (one := address(home)) is not None), None)


def address(record: Json) -> Address | None:
    """Of a home or of a contact. None where it is private, empty, or nothing that can be read."""
    if record.get("private") is True:
        return None
    try:
        lines = (_text(record, name) for name in ("address1", "address2", "address3"))
        found = Address(
            lines=tuple(line for line in lines if line is not None),
            town=_text(record, "town"),
            county=_text(record, "county"),
            postcode=_text(record, "postcode"),
            country=_text(record, "country"),
        )
    except Unreadable:
        return None
    return None if found == Address() else found


def contact_id(record: Json) -> int:
    return _number(record, "id")


def home_of(record: Json) -> tuple[str, ...]:
    """The students at whose home a contact lives: those of one marked StudentHome, where the feed has the mark."""
    ids = record.get("schoolIds")
    if record.get("studentHome") is not True or record.get("deceased") is True or not isinstance(ids, list):
        return ()
    return tuple(id for id in ids if isinstance(id, str) and is_id(id))


def house(record: Json) -> SchoolHouse:
    code = _text(record, "code") or ""
    return SchoolHouse(id=_number(record, "id"), code=code, name=_text(record, "name") or _needed(record, "code"))


def term(record: Json, zone: tzinfo) -> SchoolTerm:
    name, year = _needed(record, "name"), _number(record, "schoolYear")
    starts, ends = (_date(record, field, zone) for field in ("startDate", "finishDate"))
    if starts is None or ends is None:
        raise Unreadable("finishDate" if starts else "startDate", "is missing")
    return SchoolTerm(id=_number(record, "id"), code=f"{year}-{name}", name=name, starts=starts, ends=ends)


def status_words(records: Sequence[Json]) -> dict[str, int]:
    """The school's list of life stages: word (case-folded) to number."""
    return {_needed(record, "description").casefold(): _number(record, "id") for record in records}


def division(record: Json) -> Division:
    return Division(
        id=_number(record, "id"),
        code=_text(record, "code") or "",
        name=_text(record, "name") or _needed(record, "code"),
        order=_int(record, "order") or 0,
    )


def year_group(record: Json, divisions: Sequence[Json]) -> YearGroup:
    nc_year = _number(record, "ncYear")
    return YearGroup(
        nc_year=nc_year,
        name=_text(record, "name") or _text(record, "code") or f"Year {nc_year}",
        divisions=tuple(_number(entry, "id") for entry in divisions),
    )


def teaching_department(record: Json) -> TeachingDepartment:
    return TeachingDepartment(id=_number(record, "id"), name=_needed(record, "name"))


def subject(record: Json) -> Subject:
    code = _text(record, "code") or ""
    return Subject(id=_number(record, "id"), code=code, name=_text(record, "name") or _needed(record, "code"))


def is_hidden(record: Json) -> bool:
    """Sets that a school has put away are in no list that a person sees; they are no modules."""
    return record.get("hidden") is True


def teaching_set(record: Json, members: Sequence[Json]) -> TeachingSet:
    """Little of a set's record is certain: where it does not say its year, its members do, if all agree."""
    id = _number(record, "id")
    code = _text(record, "setCode") or _text(record, "name") or ""
    nc_year = _int(record, "year")
    if nc_year is None and len(years := {_int(member, "yearGroup") for member in members}) == 1:
        nc_year = years.pop()
    return TeachingSet(
        id=id,
        code=code,
        name=_text(record, "name") or code or f"Set {id}",
        subject=_int(record, "subjectId"),
        nc_year=nc_year,
        members=tuple(sorted({student_id(member) for member in members})),
    )


def _text(record: Json, name: str) -> str | None:
    value = record.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if value is None or isinstance(value, str):
        return (value or "").strip() or None
    raise Unreadable(name, "is no text")


def _needed(record: Json, name: str) -> str:
    value = _text(record, name)
    if value is None:
        raise Unreadable(name, "is missing")
    return value


def _int(record: Json, name: str) -> int | None:
    value = record.get(name)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    raise Unreadable(name, "is no whole number")


def _number(record: Json, name: str) -> int:
    value = _int(record, name)
    if value is None:
        raise Unreadable(name, "is missing")
    return value


def _status(record: Json, words: Mapping[str, int]) -> tuple[int | None, str | None]:
    word = _text(record, "systemStatus")
    if word is None:
        return None, None
    if _NUMBER.fullmatch(word):
        return int(word), None if isinstance(record["systemStatus"], int) else word
    return words.get(word.casefold()), word


def _date(record: Json, name: str, zone: tzinfo) -> str | None:
    """
    A date, a date-time without zone, or one with: ``YYYY-MM-DD``.

    Midnight is the day as it is written. Another hour with a zone is that moment's day at the school, since a server
    that stores local midnights as UTC writes the eve. The year 1 is how the vendor's runtime writes *none*.
    """
    text = _text(record, name)
    if text is None:
        return None
    if not _DAY.fullmatch(text):
        raise Unreadable(name, "is no date")
    try:
        moment = datetime.fromisoformat(text)
        if moment.year == 1:
            return None
        if moment.tzinfo is not None and moment.time() != time.min:
            moment = moment.astimezone(zone)
    except (ValueError, OverflowError):
        raise Unreadable(name, "is no date") from None
    return moment.date().isoformat()
