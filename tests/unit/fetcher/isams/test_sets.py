"""A teaching set as the vendor may write it: its subject, its year, its teachers."""

from typing import Any

import pytest

from services.fetcher.isams.curriculum import Subject, TeachingSet
from services.fetcher.isams.sets import is_hidden, subjects_by, teachers, teaching_set

HISTORY, ART = Subject(id=7, code="HIS", name="History"), Subject(id=8, code="ART", name="Art")
BY = subjects_by([HISTORY, ART])


def read(members: Any = (), **fields: Any) -> TeachingSet:
    return teaching_set({"id": 41} | fields, [one["schoolId"] for one in members], members, BY)


@pytest.mark.parametrize(
    ("fields", "subject", "is_stray"),
    [
        pytest.param({"subjectId": 7}, 7, False, id="its id"),
        pytest.param({"subjectId": "7"}, 7, False, id="its id as a text"),
        pytest.param({"subject": 7}, 7, False, id="a number"),
        pytest.param({"subject": {"id": 7, "name": "Art"}}, 7, False, id="an object: its id goes before its name"),
        pytest.param({"subjectCode": "his"}, 7, False, id="its code, whatever its case"),
        pytest.param({"subject": "HIS"}, 7, False, id="its code alone"),
        pytest.param({"subjectName": "History"}, 7, False, id="its name"),
        pytest.param({"subject": "History", "subjectCode": "HIS", "subjectName": "History"}, 7, False, id="a portal's"),
        pytest.param({"subjectId": 8, "subjectCode": "HIS"}, 8, False, id="an id goes before a code"),
        pytest.param({"subjectCode": "ART", "subjectName": "History"}, 8, False, id="a code goes before a name"),
        pytest.param({"subjectId": 99, "subjectCode": "HIS"}, 7, False, id="an id of no list, and a code of one"),
        pytest.param({"subjectId": 99}, 99, True, id="an id of no list"),
        pytest.param({"subjectCode": "ZOO"}, None, True, id="a code of no list"),
        pytest.param({"subject": "Zoology"}, None, True, id="a text of no list"),
        pytest.param({"subjectId": None, "subject": None, "subjectCode": " "}, None, False, id="nothing said"),
        pytest.param({"subjectId": ["what"], "subject": {"what": 1}}, None, False, id="nothing understood"),
        pytest.param({}, None, False, id="nothing"),
    ],
)
def test_a_set_names_its_subject_in_some_way(fields: dict[str, Any], subject: int | None, is_stray: bool) -> None:
    found = read(**fields)
    assert (found.subject, found.is_stray) == (subject, is_stray)


def test_of_two_subjects_with_one_code_the_older_is_meant() -> None:
    by = subjects_by([Subject(id=9, code="HIS", name="History II"), HISTORY])
    assert by.of({"subjectCode": "HIS"}) == (7, False)


@pytest.mark.parametrize(
    ("fields", "ids"),
    [
        pytest.param({"teacherId": 214}, {"214"}, id="an id"),
        pytest.param({"teacherIds": [214, "215"]}, {"214", "215"}, id="several ids"),
        pytest.param({"staffId": 214}, {"214"}, id="as the other API calls it"),
        pytest.param({"employee": {"id": 214}}, {"214"}, id="a nested employee"),
        pytest.param({"teacher": {"employee": {"id": 214}}}, {"214"}, id="a teacher who is an employee"),
        pytest.param({"teacher": 214}, {"214"}, id="a number"),
        pytest.param({"teacher": {"id": 214, "name": "Sam Oak"}}, {"214"}, id="an object"),
        pytest.param({"employeeId": "214"}, {"214"}, id="a number in a text"),
        pytest.param({"teacherId": 214, "associatedTeachers": [{"employeeId": 215}]}, {"214", "215"}, id="two"),
        pytest.param(
            {"teacher": {"userCode": "SO", "schoolEmailAddress": "S.Oak@abbey.example"}},
            {"s.oak@abbey.example"},
            id="by their e-mail",
        ),
        pytest.param({"teacher": {"id": 214, "schoolEmailAddress": "s.oak@abbey.example"}}, {"214"}, id="an id first"),
        pytest.param({"teacherId": None, "teacher": "Mr Oak", "associatedTeachers": None}, set(), id="a name is no id"),
        pytest.param({"teacher": True, "teachers": "Sam", "associatedTeachers": [None, [], {}]}, set(), id="nonsense"),
        pytest.param({}, set(), id="nothing"),
    ],
)
def test_a_set_names_its_teachers_in_some_way(fields: dict[str, Any], ids: set[str]) -> None:
    assert teachers({"id": 41} | fields) == ids
    assert set(read(**fields).teachers) == ids


def test_a_set_that_does_not_say_its_year_has_that_of_its_members() -> None:
    members = [{"schoolId": "2", "yearGroup": "10"}, {"schoolId": "1", "yearGroup": 10}]
    found = read(members, name="10B/Hi1", subjectId=7)
    assert (found.nc_year, found.members, found.code) == (10, ("1", "2"), "10B/Hi1")


@pytest.mark.parametrize(
    ("own", "members", "year"),
    [(11, [10], 11), ("11", [10], 11), (None, [10, 11], None), (None, [], None), (["what"], [10], 10)],
)
def test_a_year_is_never_guessed_from_a_mixed_set(own: Any, members: list[int], year: int | None) -> None:
    people = [{"schoolId": str(n), "yearGroup": nc} for n, nc in enumerate(members)]
    assert read(people, name="mixed", year=own).nc_year == year


def test_a_set_without_any_name_is_called_by_its_id() -> None:
    found = read()
    assert (found.name, found.code, found.subject) == ("Set 41", "", None)


@pytest.mark.parametrize(
    ("hidden", "expected"),
    [(True, True), ("true", True), (1, True), (False, False), (None, False), ("no", False), (0, False), ([], False)],
)
def test_only_a_clear_word_hides_a_set(hidden: Any, expected: bool) -> None:
    assert is_hidden({"hidden": hidden}) is expected
