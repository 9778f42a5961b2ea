"""
What each of the vendor's lists calls the fields of a person, and a person read by it. Pure.

The lists tell of the same things in other words: what they do not share stands in one table, what they share in one
function.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any, TypeVar

from services.fetcher.isams.fields import Json, Unreadable, day, id_of, life_stage, text, typed, whole
from services.fetcher.isams.slips import Slips
from shared.contract.model import Address, Fault, Student
from shared.contract.texts import INVISIBLE, LOST, control_in, found_in, named


@dataclass(frozen=True)
class ParseContext:
    """
    What a person's record is read with: status words (by their letters) and their numbers, the receiver's year of each
    year group, where the school's midnight is, the houses by id, and who takes down what cannot be read.
    """

    words: Mapping[str, int]
    years: Mapping[int, int]
    zone: tzinfo
    houses: Mapping[int, str] = field(default_factory=dict)
    slips: Slips = field(default_factory=Slips, compare=False)


Spelling = Mapping[str, Any]
"""
One list's names, by our word for the field; None where it has nothing of the kind. ``else_…`` is looked at where the
first name has nothing. ``decisive`` are those without which nobody can say whether the person has an account.
"""

NOBODY_KNOWS = "nobody knows"
MOST_OF_A_WORD = 40  # letters that are told

_NAMES = ("systemStatus", "title", "forename", "surname")

_TABLE = {
    # ours              students                applicants                  leavers             employees
    "lists":           (("students",),          ("applicants",),            ("leavers",),       ("staff",)),
    "student_id":      ("schoolId",             "schoolId",                 "schoolId",         "id"),
    "admission":       ("admissionStatus",      "admissionStatus",          "admissionStatus",  None),
    "enrolment_year":  ("enrolmentYear",        "enrolmentSchoolYear",      "enrolmentYear",    None),
    "leaving_date":    ("leavingDate",          None,                       "leavingDate",      "leavingDate"),
    "leaving_year":    ("leavingYear",          None,                       "leavingYear",      None),
    "title":           ("title",                "title",                    "title",            "title"),
    "first_name":      ("forename",             "forename",                 "forename",         "forename"),
    "preferred_name":  ("preferredName",        "preferredName",            "preferredName",    "preferredName"),
    "last_name":       ("surname",              "surname",                  "surname",          "surname"),
    "middle_names":    ("middlenames",          "middleNames",              "middlenames",      "middleNames"),
    "date_of_birth":   ("dob",                  "dateOfBirth",              "dob",              "dateOfBirth"),
    "else_date_of_birth": (None,                None,                       "dateOfBirth",      None),
    "unique_pupil_number": ("uniquePupilNumber", "uniquePupilNumber",       "uniquePupilNumber", None),
    "person_guid":     ("personGuid",           "personGuid",               "personGuid",       "personGuid"),
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
    "decisive": (
        {*_NAMES, "schoolEmailAddress"},
        {*_NAMES, "admissionStatus"},
        {*_NAMES},
        {"systemStatus", "leavingDate", "forename", "surname", "schoolEmailAddress"},
    ),
}  # fmt: skip
STUDENTS, APPLICANTS, LEAVERS, EMPLOYEES = (
    dict(zip(_TABLE, names, strict=True)) for names in zip(*_TABLE.values(), strict=True)
)


def person(record: Json, names: Spelling, reading: ParseContext, address: Address | None = None) -> Student:
    """
    One record of one list; what every list spells alike is named here. Raises: Unreadable, when nothing says whose the
    record is.

    A field that cannot be taken costs that field: ``reading.slips`` is told of it. One that decides whether the person
    has an account is a fault of theirs as well. The status is a word (looked up), or already a number; a word that
    nobody knows is kept, and its number is None.
    """
    own = _Fields(record, names, reading)
    (status, word), year_group = own.life_stage(), own.whole("year_group")
    house_id = own.whole("house_id") or own.whole("else_house_id")
    return Student(
        student_id=own.id,
        lists=names["lists"],
        system_status=status,
        system_status_word=word,
        admission_status=own.text("admission"),
        enrolment_year=own.whole("enrolment_year"),
        leaving_date=own.day("leaving_date"),
        leaving_year=own.whole("leaving_year"),
        title=own.name("title"),
        first_name=own.name("first_name"),
        preferred_name=own.name("preferred_name"),
        middle_names=own.name("middle_names"),
        last_name=own.name("last_name"),
        date_of_birth=own.day("date_of_birth") or own.day("else_date_of_birth"),
        unique_pupil_number=own.text("unique_pupil_number"),
        person_guid=own.text("person_guid"),
        email=own.email("email"),
        personal_email=own.personal_email(),
        phone=own.text("phone") or own.text("else_phone"),
        year_group=own.whole("else_year_group") if year_group is None else year_group,
        year=None if year_group is None else reading.years.get(year_group),
        form=own.text("form"),
        house=own.text("house")
        or own.text("else_house")
        or (None if house_id is None else reading.houses.get(house_id)),
        photo_id=own.whole("photo_id"),
        address=address,
        faults=tuple(own.faults),
    )


_T = TypeVar("_T")


class _Fields:
    """The fields of one record, by our words for them. Raises: Unreadable, when it has no id."""

    def __init__(self, record: Json, names: Spelling, reading: ParseContext) -> None:
        self.id = id_of(record, names["student_id"])
        self.faults: list[Fault] = []
        self._record = record
        self._names = names
        self._reading = reading

    def text(self, ours: str) -> str | None:
        name = self._names[ours]
        try:
            return text(self._record, name)
        except Unreadable as error:
            return self._lost(error, None)

    def name(self, ours: str) -> str | None:
        """A line break or the like within a name is that record's fault: nobody was called so."""
        name = self._names[ours]
        try:
            value = typed(self._record, name)
        except Unreadable as error:
            return self._lost(error, None)
        if name is None or value is None:
            return None
        if (found := control_in(value)) is not None:
            self._misspelt(Unreadable(name, f"has {found}: type it anew"))
            return None
        self._look(value, name)
        return value

    def email(self, ours: str) -> str | None:
        """What nobody sees within an address stays: the rule that judges it says where."""
        name = self._names[ours]
        try:
            value = typed(self._record, name)
        except Unreadable as error:
            return self._lost(error, None)
        if name is not None and value is not None:
            self._look(value, name)
        return value

    def personal_email(self) -> str | None:
        """Nobody's account hangs on it, and the receiver refuses a body for one that is none."""
        name, value = self._names["personal_email"], self.email("personal_email")
        if name is None or value is None or value.isprintable():
            return value
        return self._lost(Unreadable(name, f"has {found_in(value, INVISIBLE)}: type it anew"), None)

    def _misspelt(self, error: Unreadable) -> None:
        """A fault of the person's, whichever name it is: without the preferred one the legal one would be shown."""
        self._lost(error, None)
        if error.field not in self._names["decisive"]:
            self.faults.append(Fault(pointer=f"/{error.field}", message=error.wrong))

    def _look(self, value: str, name: str) -> None:
        if LOST in value:
            whose = f"{self._names['lists'][0]} {self.id}"
            self._reading.slips.note(whose, f"{name} has a character that was lost ({named(LOST)}): type it anew")

    def whole(self, ours: str) -> int | None:
        try:
            return whole(self._record, self._names[ours])
        except Unreadable as error:
            return self._lost(error, None)

    def day(self, ours: str) -> str | None:
        try:
            return day(self._record, self._names[ours], self._reading.zone)
        except Unreadable as error:
            return self._lost(error, None)

    def life_stage(self) -> tuple[int | None, str | None]:
        """A word that nobody knows is told once, whoever has it: it is the school's and nobody's own."""
        try:
            number, word = life_stage(self._record, self._reading.words)
        except Unreadable as error:
            return self._lost(error, (None, None))
        if number is None and word is not None:
            where = f"{self._names['lists'][0]}: systemStatus"
            self._reading.slips.note(where, f'{NOBODY_KNOWS} "{word[:MOST_OF_A_WORD]}"; see system_status_words')
        return number, word

    def _lost(self, error: Unreadable, instead: _T) -> _T:
        self._reading.slips.note(f"{self._names['lists'][0]} {self.id}", error)
        if error.field in self._names["decisive"]:
            self.faults.append(Fault(pointer=f"/{error.field}", message=error.wrong))
        return instead
