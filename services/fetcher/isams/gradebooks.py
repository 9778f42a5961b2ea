"""
Gradebooks as transcripts. Pure.

The vendor's REST gradebooks are in no public document. What is taken here is the shape of the markbooks in its portals:
books with columns, each with a value that is a number, a letter or nothing. A book may name its subject and teacher in
several ways; whatever else it holds is passed over.

An answer of another shape is unreadable, and the transcript of before stands: nothing that was not understood may
empty one.
"""

import re
from collections.abc import Mapping
from typing import Any

from services.fetcher.isams.fields import Unreadable
from shared.contract.profiles import Mark

_NUMBER = re.compile(r"[+-]?[0-9]+([.,][0-9]+)?")
_SAYS = ("value", "comment", "comments")  # where a column has what it says

Json = Mapping[str, Any]


def marks(body: object) -> tuple[Mark, ...]:
    """
    Every value and every comment of one student's gradebooks. Raises: Unreadable, and then nothing is said of them.
    """
    books = _objects(body, "gradebooks")
    _check_columns(books)
    found = [mark for book in books for mark in _of_book(book)]
    return tuple(sorted(found, key=lambda mark: tuple(value or "" for value in _order(mark))))


def _check_columns(books: list[Json]) -> None:
    """Columns of which none has a place for a value are spelt in a way that nobody here knows. Raises: Unreadable."""
    for book in books:
        if "columns" not in book:
            raise Unreadable("columns", "is missing in a book")
    columns = [column for book in books for column in _objects(book["columns"], "columns")]
    if columns and not any(name in column for column in columns for name in _SAYS):
        raise Unreadable("columns/value", "is missing in every column")


def _order(mark: Mark) -> tuple[str | None, ...]:
    return mark.subject, mark.period, mark.name, mark.date, mark.score, mark.grade, mark.comment


def _of_book(book: Json) -> list[Mark]:
    subject = _name(book, "subject") or _name(book, "subjectName") or _name(book, "name")
    if subject is None:
        raise Unreadable("gradebooks/name", "is missing: nothing says of which subject it is")
    teacher = _name(book, "teacher") or _name(book, "teacherName")
    found = [_of_column(column, subject, teacher) for column in _objects(book.get("columns"), "columns")]
    return [mark for mark in found if mark is not None]


def _of_column(column: Json, subject: str, teacher: str | None) -> Mark | None:
    """None for a column that says nothing yet."""
    value, comment = _text(column, "value"), _comment(column)
    if value is None and comment is None:
        return None
    is_number = value is not None and _NUMBER.fullmatch(value) is not None
    groups = [_name(one, "name") for one in _objects(column.get("parentGroupings"), "parentGroupings")]
    date = _text(column, "assessmentDate")
    return Mark(
        subject=subject,
        period=" / ".join(one for one in groups if one) or None,
        name=_name(column, "name"),
        score=value if is_number else None,
        out_of=_text(column, "outOf") if is_number else None,
        grade=None if is_number else value,
        comment=comment,
        teacher=_name(column, "teacher") or teacher,
        date=date[:10] if date else None,
    )


def _comment(column: Json) -> str | None:
    given = column.get("comments", column.get("comment"))
    if isinstance(given, list):
        lines = [_text({"comment": one}, "comment") for one in given]
        return "\n".join(line for line in lines if line) or None
    return _text({"comment": given}, "comment")


def _objects(value: object, name: str) -> list[Json]:
    """A list of objects, bare or under its own name; null is empty. Raises: Unreadable, for any other envelope."""
    if isinstance(value, Mapping):
        if name not in value:
            raise Unreadable(name, "is missing: this is no envelope that is known")
        value = value[name]
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(one, Mapping) for one in value):
        raise Unreadable(name, "is no list of objects")
    return value


def _name(record: Json, name: str) -> str | None:
    """A name, or an object that has one."""
    value = record.get(name)
    if isinstance(value, Mapping):
        return _text(value, "fullName") or _text(value, "name")
    return _text(record, name)


def _text(record: Json, name: str) -> str | None:
    value = record.get(name)
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = f"{value:g}" if isinstance(value, float) else str(value)
    if value is None or isinstance(value, str):
        return (value or "").strip() or None
    raise Unreadable(name, "is no text")
