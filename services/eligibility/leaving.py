"""
When somebody left, or will, by a record's leaving date and year. Pure.

What is still to come switches nobody off before its day.
"""

from datetime import date

from services.eligibility.academic_year import academic_year, leaving_academic_year
from shared.contract.leaving import leaving_day
from shared.contract.model import Student


def leaving_year(person: Student, start: tuple[int, int], year_names: str) -> int | None:
    """
    The academic year in which somebody left or will: by the date where there is one that counts, else by the year.
    Raises: ValueError for what is no date.
    """
    day = leaving_day(person)
    return leaving_academic_year(None if day is None else day.isoformat(), person.leaving_year, start, year_names)


def is_to_come(person: Student, day: date, start: tuple[int, int], year_names: str) -> bool:
    """Whether the leaving date, or where there is none the leaving year, has not begun. Raises: as ``leaving_day``."""
    last = leaving_day(person)
    if last is not None:
        return last > day
    year = leaving_year(person, start, year_names)
    return year is not None and year > academic_year(day, start)
