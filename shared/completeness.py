"""
How full the columns of a school's records are, of its students or of its staff. Pure.

A permission that is taken from a key empties a column for everybody, and no list gets shorter by it.
"""

from collections import Counter
from itertools import compress
from operator import attrgetter

from shared.contract.model import Student

COLUMNS = (
    "system_status",
    "title",
    "first_name",
    "preferred_name",
    "last_name",
    "date_of_birth",
    "email",
    "personal_email",
    "phone",
    "year_group",
    "year",
    "programmes",
    "modules",
    "metadata",
    "faculties",
    "departments",
)
CODES = ("faculties", "departments")  # of staff alone; None in a record whose area was never read
OF_DETAILS = (  # a column of the record, and what of an account it can empty or change by being empty
    ("preferred_name", "first_name"),
    ("year_group", "year"),
    ("year", "year"),
    ("personal_email", "personal_email"),
    ("phone", "phone"),
    ("title", "title"),  # these three of staff alone: a student's account has none of them
    ("faculties", "faculties"),
    ("departments", "departments"),
    ("metadata", "metadata"),
)


_of = attrgetter(*COLUMNS)


def has(student: Student, column: str) -> bool:
    """Whether a record has something in this column. A status of 0 is something."""
    value = getattr(student, column)
    return bool(value) or value == 0


def count(filled: Counter[str], student: Student) -> None:
    """Add one record of the roll to a count of filled columns."""
    filled.update(compress(COLUMNS, [value or value == 0 for value in _of(student)]))


def fill_of(filled: Counter[str]) -> dict[str, int]:
    """A count as it travels: every column, in one order, so that nothing and not counted are told apart."""
    return {column: filled[column] for column in COLUMNS}
