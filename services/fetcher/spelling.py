"""
What each of the vendor's lists calls the fields of a person, and a person read by it. Pure.

The lists tell of the same things in other words: what they do not share stands in one table, what they share in one
function.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any

from services.fetcher.fields import Json, day, id_of, life_stage, text, whole
from shared.model import Address, Student


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


Spelling = Mapping[str, Any]
"""
One list's names, by our word for the field; None where it has nothing of the kind. ``else_…`` is looked at where the
first name has nothing.
"""

_TABLE = {
    # ours              students                applicants                  leavers             employees
    "lists":           (("students",),          ("applicants",),            ("leavers",),       ("staff",)),
    "student_id":      ("schoolId",             "schoolId",                 "schoolId",         "id"),
    "admission":       ("admissionStatus",      "admissionStatus",          "admissionStatus",  None),
    "enrolment_year":  ("enrolmentYear",        "enrolmentSchoolYear",      "enrolmentYear",    None),
    "leaving_date":    ("leavingDate",          None,                       "leavingDate",      "leavingDate"),
    "leaving_year":    ("leavingYear",          None,                       "leavingYear",      None),
    "middle_names":    ("middlenames",          "middleNames",              "middlenames",      "middleNames"),
    "date_of_birth":   ("dob",                  "dateOfBirth",              None,               "dateOfBirth"),
    "email":           ("schoolEmailAddress",   "schoolEmailAddress",       None,               "schoolEmailAddress"),
    "personal_email":  ("personalEmailAddress", None,                       None,               "personalEmailAddress"),
    "phone":           ("mobileNumber",         "mobileNumber",             None,               "schoolMobileNumber"),
    "else_phone":      (None,                   None,                       None,               "personalMobileNumber"),
    "year_group":      ("yearGroup",            "enrolmentSchoolYearGroup", "leavingYearGroup", None),
    "else_year_group": (None,                   None,                       "yearGroup",        None),
    "form":            ("formGroup",            "enrolmentSchoolForm",      None,               None),
    "house":           ("academicHouse",        None,                       None,               None),
    "else_house":      ("boardingHouse",        None,                       None,               None),
    "house_id":        (None,                   "enrolmentAcademicHouseId", None,               None),
    "else_house_id":   (None,                   "enrolmentBoardingHouseId", None,               None),
    "photo_id":        ("latestPhotoId",        None,                       None,               "latestPhotoId"),
}  # fmt: skip
STUDENTS, APPLICANTS, LEAVERS, EMPLOYEES = (
    dict(zip(_TABLE, names, strict=True)) for names in zip(*_TABLE.values(), strict=True)
)


def person(record: Json, names: Spelling, reading: Reading, address: Address | None = None) -> Student:
    """
    One record of one list; what every list spells alike is named here. Raises: Unreadable, naming the first field that
    cannot be taken.

    The status is a word (looked up), or already a number; a word that nobody knows is kept, and its number is None.
    """
    status, word = life_stage(record, reading.words)
    year_group = whole(record, names["year_group"])
    house_id = whole(record, names["house_id"]) or whole(record, names["else_house_id"])
    return Student(
        student_id=id_of(record, names["student_id"]),
        lists=names["lists"],
        system_status=status,
        system_status_word=word,
        admission_status=text(record, names["admission"]),
        enrolment_year=whole(record, names["enrolment_year"]),
        leaving_date=day(record, names["leaving_date"], reading.zone),
        leaving_year=whole(record, names["leaving_year"]),
        title=text(record, "title"),
        first_name=text(record, "forename"),
        preferred_name=text(record, "preferredName"),
        middle_names=text(record, names["middle_names"]),
        last_name=text(record, "surname"),
        date_of_birth=day(record, names["date_of_birth"], reading.zone),
        email=text(record, names["email"]),
        personal_email=text(record, names["personal_email"]),
        phone=text(record, names["phone"]) or text(record, names["else_phone"]),
        year_group=whole(record, names["else_year_group"]) if year_group is None else year_group,
        year=None if year_group is None else reading.years.get(year_group),
        form=text(record, names["form"]),
        house=text(record, names["house"])
        or text(record, names["else_house"])
        or (None if house_id is None else reading.houses.get(house_id)),
        photo_id=whole(record, names["photo_id"]),
        address=address,
    )
