"""
When somebody left, or will: what of a record's leaving date and year counts. Pure.

Record systems fill what nobody knows with a day of their own, 1900-01-01 or the like: nobody at a school left then, so
such a date is none. One that is still to come switches nobody off before its day.
"""

from datetime import date

from services.eligibility.academic_year import academic_year, leaving_academic_year
from shared.contract.model import Student

FIRST_YEAR = 1950  # whoever left a school before has no account to lose, and was not born when they were at it


def leaving_day(person: Student) -> date | None:
    """The leaving date; None for one before ``FIRST_YEAR`` or the birth. Raises: ValueError for what is no date."""
    if person.leaving_date is None:
        return None
    day = date.fromisoformat(person.leaving_date)
    is_before_birth = person.date_of_birth is not None and day.isoformat() <= person.date_of_birth
    return None if day.year < FIRST_YEAR or is_before_birth else day


def leaving_year(person: Student, start: tuple[int, int], year_names: str) -> int | None:
    """
    The academic year in which somebody left or will: by the date where there is one that counts, else by the year.
    Raises: ValueError for what is no date.
    """
    day = leaving_day(person)
    return leaving_academic_year(None if day is None else day.isoformat(), person.leaving_year, start, year_names)


def is_over(person: Student, day: date) -> bool:
    """Whether somebody's last day is over; on that day itself they are still there. Raises: as ``leaving_day``."""
    last = leaving_day(person)
    return last is not None and last < day


def is_to_come(person: Student, day: date, start: tuple[int, int], year_names: str) -> bool:
    """Whether the leaving date, or where there is none the leaving year, has not begun. Raises: as ``leaving_day``."""
    last = leaving_day(person)
    if last is not None:
        return last > day
    year = leaving_year(person, start, year_names)
    return year is not None and year > academic_year(day, start)
