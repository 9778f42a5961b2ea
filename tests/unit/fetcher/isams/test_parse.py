"""The vendor's records become ours, or name the field that cannot."""

from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.fetcher.isams import parse
from services.fetcher.isams.field_names import ParseContext
from services.fetcher.isams.fields import Unreadable
from services.fetcher.isams.slips import Slips
from shared.contract.model import Student
from tests.unit.fetcher.world import record

READING = ParseContext(words={"current": 1, "former": -1}, years={10: 4}, zone=ZoneInfo("Europe/London"))
ADA = "3050112467"


def read(**fields: Any) -> Student:
    return parse.student(record(ADA, **fields), READING)


def test_a_whole_record_becomes_a_whole_student() -> None:
    given = record(
        ADA,
        preferredName="Addie",
        middlenames="Beth",
        dob="2011-04-09T00:00:00",
        uniquePupilNumber="A123456789012",
        personGuid="0d5f-77",
        formGroup="10B",
        academicHouse="Elm",
        boardingHouse="Oak",
        personalEmailAddress="ada@home.example",
        mobileNumber="07700 900001",
        enrolmentYear=2022,
        leavingDate="2027-07-09",
        admissionStatus="Current Pupil",
        latestPhotoId=9912,
    )
    assert parse.student(given, READING) == Student(
        student_id=ADA,
        system_status=1,
        system_status_word="Current",
        admission_status="Current Pupil",
        enrolment_year=2022,
        leaving_date="2027-07-09",
        title="Miss",
        first_name="Ada",
        preferred_name="Addie",
        middle_names="Beth",
        last_name="Fern",
        date_of_birth="2011-04-09",
        unique_pupil_number="A123456789012",
        person_guid="0d5f-77",
        email=f"{ADA}@abbey.example",
        personal_email="ada@home.example",
        phone="07700 900001",
        year_group=10,
        year=4,
        form="10B",
        house="Elm",
        photo_id=9912,
    )


MISSING = {
    "title": "title",
    "forename": "first_name",
    "preferredName": "preferred_name",
    "middlenames": "middle_names",
    "surname": "last_name",
    "dob": "date_of_birth",
    "uniquePupilNumber": "unique_pupil_number",
    "personGuid": "person_guid",
    "schoolEmailAddress": "email",
    "personalEmailAddress": "personal_email",
    "mobileNumber": "phone",
    "yearGroup": "year_group",
    "formGroup": "form",
    "academicHouse": "house",
    "latestPhotoId": "photo_id",
    "enrolmentYear": "enrolment_year",
    "leavingDate": "leaving_date",
    "admissionStatus": "admission_status",
    "systemStatus": "system_status_word",
}


@pytest.mark.parametrize("value", [None, "", " ", "absent"], ids=["null", "empty", "a lone space", "absent"])
@pytest.mark.parametrize(("theirs", "ours"), MISSING.items(), ids=list(MISSING))
def test_null_absent_and_empty_are_alike(theirs: str, ours: str, value: Any) -> None:
    given = record(ADA, **{theirs: value})
    if value == "absent":
        del given[theirs]
    assert getattr(parse.student(given, READING), ours) is None


@pytest.mark.parametrize(
    ("written", "day"),
    [
        pytest.param("2011-04-09", "2011-04-09", id="a date"),
        pytest.param("2011-04-09T00:00:00", "2011-04-09", id="without a zone"),
        pytest.param("2011-04-09T17:30:00", "2011-04-09", id="without a zone, in the afternoon"),
        pytest.param("2011-04-09T00:00:00Z", "2011-04-09", id="midnight is the day as written"),
        pytest.param("2011-04-09T00:00:00+09:00", "2011-04-09", id="midnight anywhere"),
        pytest.param("2011-04-08T23:00:00Z", "2011-04-09", id="a local midnight stored as UTC"),
        pytest.param("2011-04-09T10:00:00.1234567Z", "2011-04-09", id="seven digits of a second"),
        pytest.param("0001-01-01T00:00:00", None, id="how the vendor's runtime writes none"),
    ],
)
def test_dates_come_in_three_shapes(written: str, day: str | None) -> None:
    assert read(dob=written).date_of_birth == day


@pytest.mark.parametrize(
    ("word", "status", "kept"),
    [
        pytest.param("Current", 1, "Current", id="listed"),
        pytest.param(" current ", 1, "current", id="whatever its case"),
        pytest.param("Former", -1, "Former", id="left"),
        pytest.param("BlankPupil", None, "BlankPupil", id="a word that nobody knows is kept"),
        pytest.param(1, 1, None, id="already a number"),
        pytest.param(-1, -1, None, id="already a number, left"),
        pytest.param("-1", -1, "-1", id="a number in quotes"),
        pytest.param("CURRENT.", 1, "CURRENT.", id="by its letters and digits alone"),
        pytest.param(None, None, None, id="none"),
    ],
)
def test_a_status_is_looked_up(word: Any, status: int | None, kept: str | None) -> None:
    student = read(systemStatus=word)
    assert (student.system_status, student.system_status_word) == (status, kept)


def test_a_status_that_nobody_knows_is_told_once_whoever_has_it() -> None:
    reading = replace(READING, slips=Slips())
    for id in (ADA, "3050112468"):
        parse.student(record(id, systemStatus="Guest"), reading)
    assert reading.slips.words == ('students: systemStatus: nobody knows "Guest"; see system_status_words',)


@pytest.mark.parametrize(("year_group", "year"), [(10, 4), (11, None), ("10", 4), (10.0, 4), (-2, None), (None, None)])
def test_the_receivers_year_is_that_of_the_map_else_null(year_group: Any, year: int | None) -> None:
    assert read(yearGroup=year_group).year == year


def test_a_boarding_house_is_a_house_where_there_is_no_other() -> None:
    assert read(academicHouse=" ", boardingHouse="Oak").house == "Oak"


@pytest.mark.parametrize(
    ("field", "ours", "value"),
    [
        pytest.param("forename", "first_name", ["Ada"], id="a list"),
        pytest.param("surname", "last_name", {"name": "Fern"}, id="an object"),
        pytest.param("schoolEmailAddress", "email", True, id="a truth"),
        pytest.param("title", "title", 1.5, id="half a number"),
        pytest.param("systemStatus", "system_status", ["Current"], id="a list of statuses"),
    ],
)
def test_a_field_that_decides_and_cannot_be_read_is_a_fault_and_the_rest_is_there(
    field: str, ours: str, value: Any
) -> None:
    found = read(**{field: value, "dob": "2011-04-09"})
    assert [fault.pointer for fault in found.faults] == [f"/{field}"]
    assert str(value) not in found.faults[0].message
    assert getattr(found, ours) is None
    assert found.date_of_birth == "2011-04-09"


@pytest.mark.parametrize(
    ("field", "ours", "value"),
    [
        pytest.param("yearGroup", "year_group", "ten", id="a word for a number"),
        pytest.param("yearGroup", "year_group", 10.5, id="half a year"),
        pytest.param("latestPhotoId", "photo_id", True, id="a truth for a number"),
        pytest.param("dob", "date_of_birth", "09/04/2011", id="a date of another kind"),
        pytest.param("dob", "date_of_birth", "2011-13-40", id="no date"),
        pytest.param("dob", "date_of_birth", "2011-W03", id="a week"),
        pytest.param("dob", "date_of_birth", "9999-12-31T23:00:00-05:00", id="beyond the calendar"),
        pytest.param("leavingDate", "leaving_date", 20260701, id="a number for a date"),
        pytest.param("mobileNumber", "phone", ["07700 900001"], id="a list"),
        pytest.param("preferredName", "preferred_name", {"of": "Ada"}, id="an object"),
    ],
)
def test_a_field_that_decides_nothing_and_cannot_be_read_costs_that_field(field: str, ours: str, value: Any) -> None:
    """Else a leaver stays for ever, and a joiner never comes, because of a phone number."""
    reading = replace(READING, slips=Slips())
    found = parse.student(record(ADA, **{field: value}), reading)
    assert (found.faults, found.system_status, found.last_name) == ((), 1, "Fern")
    assert getattr(found, ours) is None
    (slip,) = reading.slips.words
    assert slip.startswith(f"students {ADA}: {field} is no ")
    assert str(value) not in slip


@pytest.mark.parametrize(
    ("lists", "read_one"),
    [("applicants", parse.applicant), ("leavers", parse.leaver)],
)
def test_the_other_lists_lose_a_field_alike(lists: str, read_one: Any) -> None:
    found = read_one({"schoolId": ADA, "surname": "Fern", "dateOfBirth": "soon", "systemStatus": "Former"}, READING)
    assert (found.lists, found.last_name, found.system_status, found.faults) == ((lists,), "Fern", -1, ())


@pytest.mark.parametrize("name", ["dob", "dateOfBirth"])
def test_a_leaver_has_what_identifies_them_where_the_list_has_it(name: str) -> None:
    given = {"schoolId": ADA, name: "2011-04-09T00:00:00", "uniquePupilNumber": "A1", "personGuid": "0d5f"}
    found = parse.leaver(given, READING)
    assert (found.date_of_birth, found.unique_pupil_number, found.person_guid) == ("2011-04-09", "A1", "0d5f")


@pytest.mark.parametrize("id", [None, "", " ", "../students", "a/b", "x" * 65, ["1"], True, {}])
def test_a_record_that_says_not_whose_it_is_is_refused(id: Any) -> None:
    with pytest.raises(Unreadable, match="schoolId"):
        parse.student_id({"schoolId": id})


@pytest.mark.parametrize("given", [None, [], "text", 7])
def test_what_is_no_object_has_no_id(given: Any) -> None:
    with pytest.raises(Unreadable, match="schoolId"):
        parse.student_id(given)


def test_an_id_is_text_even_where_it_comes_as_a_number() -> None:
    assert parse.student_id({"schoolId": 3050112467}) == ADA


def test_status_words_are_their_letters_and_digits() -> None:
    given = [{"id": 1, "description": " Current "}, {"id": -1, "description": "FORMER"}]
    given += [{"id": 4, "description": "Re-Admission"}]
    assert parse.status_words(given) == {"current": 1, "former": -1, "readmission": 4}


@pytest.mark.parametrize("entry", [{"id": 1, "description": None}, {"id": None, "description": "Current"}])
def test_a_list_of_statuses_with_a_hole_is_refused(entry: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        parse.status_words([entry])


def test_a_year_group_keeps_its_divisions_in_order() -> None:
    found = parse.year_group({"ncYear": 10, "code": "Y10", "name": None}, [3, 1])
    assert (found.name, found.divisions) == ("Y10", (3, 1))


@pytest.mark.parametrize(("name", "called"), [("History", "History"), (None, "HIS")])
def test_a_subject_has_its_code_and_a_name(name: str | None, called: str) -> None:
    found = parse.subject({"id": 7, "code": " HIS ", "name": name})
    assert (found.id, found.code, found.name) == (7, "HIS", called)


def test_a_division_is_called_by_its_code_where_it_has_no_name() -> None:
    assert parse.division({"id": 1, "code": "SEN", "name": " ", "order": 2}).name == "SEN"


class Watched(dict[str, Any]):
    """A record that knows what it was asked for."""

    asked: set[str]

    def get(self, key: str, default: Any = None) -> Any:
        self.asked.add(key)
        return super().get(key, default)


def test_all_that_a_student_is_read_from_is_taken_off_the_wire() -> None:
    """Fails when a field is read that a page's decoder passes over: it would be empty for everybody."""
    watched = Watched(record("3050100000", academicHouse=None))
    watched.asked = set()
    parse.student(watched, READING)
    assert watched.asked == set(parse.StudentFields.__annotations__)
