"""A student's gradebooks as marks."""

from typing import Any

import pytest

from services.fetcher.isams.fields import Unreadable
from services.fetcher.isams.gradebooks import marks
from shared.contract.profiles import Mark


def a_book(*columns: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": 1, "name": "10B/Hi1", "subject": "History", "columns": list(columns)} | more


def a_column(**more: Any) -> dict[str, Any]:
    return {"name": "Essay 1", "type": "Assessment", "value": "62"} | more


@pytest.mark.parametrize(
    ("value", "score", "grade"),
    [
        ("62", "62", None),
        (" 62.5 ", "62.5", None),
        (62, "62", None),
        (62.5, "62.5", None),
        ("B+", None, "B+"),
        ("7a", None, "7a"),
        ("Absent", None, "Absent"),
    ],
)
def test_a_number_is_a_score_and_anything_else_a_grade(value: Any, score: str | None, grade: str | None) -> None:
    (mark,) = marks([a_book(a_column(value=value, outOf=80))])
    assert (mark.score, mark.grade, mark.out_of) == (score, grade, "80" if score else None)


@pytest.mark.parametrize(
    ("book", "column", "expected"),
    [
        pytest.param(
            {}, {"parentGroupings": [{"name": "2026"}, {"name": "Autumn"}]}, {"period": "2026 / Autumn"}, id="period"
        ),
        pytest.param({}, {"parentGroupings": None}, {"period": None}, id="no period"),
        pytest.param({"teacher": "Ms Oak"}, {}, {"teacher": "Ms Oak"}, id="the book's teacher"),
        pytest.param(
            {"teacher": "Ms Oak"}, {"teacher": {"name": "Mr Elm"}}, {"teacher": "Mr Elm"}, id="the column's own"
        ),
        pytest.param({"subject": None}, {}, {"subject": "10B/Hi1"}, id="a book that names no subject"),
        pytest.param(
            {"subject": {"id": 7, "name": "Latin"}}, {}, {"subject": "Latin"}, id="a subject that is an object"
        ),
        pytest.param({}, {"comment": " Fine. "}, {"comment": "Fine."}, id="comment"),
        pytest.param({}, {"comments": ["One.", "", "Two."]}, {"comment": "One.\nTwo."}, id="comments"),
        pytest.param({}, {"assessmentDate": "2026-10-09T00:00:00"}, {"date": "2026-10-09"}, id="date"),
    ],
)
def test_what_a_mark_says_is_found_in_several_places(
    book: dict[str, Any], column: dict[str, Any], expected: dict[str, Any]
) -> None:
    (mark,) = marks({"gradebooks": [a_book(a_column(**column), **book)]})
    assert {name: getattr(mark, name) for name in expected} == expected


def test_a_column_that_says_nothing_yet_is_no_mark() -> None:
    assert marks([a_book(a_column(value=None), a_column(value=" "), a_column(value=None, comment="Ill."))]) == (
        Mark(subject="History", name="Essay 1", comment="Ill."),
    )


@pytest.mark.parametrize("body", [None, [], {"gradebooks": None}, [a_book()], [{"name": "x", "columns": None}]])
def test_nothing_is_no_mark(body: Any) -> None:
    assert marks(body) == ()


def test_a_column_without_a_place_for_a_value_is_no_mark_beside_one_that_has_it() -> None:
    assert [one.score for one in marks([a_book({"name": "Essay 2"}, a_column())])] == ["62"]


def test_the_order_of_the_books_makes_no_other_transcript() -> None:
    """Fails when the bytes differ from reading to reading: each would be told as news."""
    books = [a_book(a_column(name="2"), a_column(name="1")), a_book(a_column(), subject="Art")]
    assert marks(books) == marks(books[::-1])
    assert [one.subject for one in marks(books)] == ["Art", "History", "History"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"gradebooks": "x"}, "gradebooks"),
        ({}, "gradebooks"),
        ({"data": [a_book(a_column())]}, "gradebooks"),
        ({"message": "not authorised"}, "gradebooks"),
        ({"gradebooks": {"items": []}}, "gradebooks"),
        ([a_book(), {"name": "x", "assessments": []}], "columns"),
        ([a_book({"name": "Essay 1", "mark": "62"}), a_book()], "columns/value"),
        ([7], "gradebooks"),
        ([{"columns": []} | a_book(subject=None, name=None)], "gradebooks/name"),
        ([a_book() | {"columns": [7]}], "columns"),
        ([a_book(a_column(value=["62"]))], "value"),
        ([a_book(a_column(value=True))], "value"),
    ],
)
def test_what_cannot_be_meant_names_its_field(body: Any, field: str) -> None:
    with pytest.raises(Unreadable) as caught:
        marks(body)
    assert caught.value.field == field
