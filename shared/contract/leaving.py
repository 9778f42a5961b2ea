"""
When somebody's last day is: what of a record's leaving date counts. Pure.

Record systems fill what nobody knows with a day of their own, 1900-01-01 or the like: nobody at a school left then, so
such a date is none.
"""

from datetime import date

from shared.contract.model import Student

FIRST_YEAR = 1950  # whoever left a school before has no account to lose, and was not born when they were at it


def leaving_day(person: Student) -> date | None:
    """The leaving date; None for one before ``FIRST_YEAR`` or the birth. Raises: ValueError for what is no date."""
    if person.leaving_date is None:
        return None
    day = date.fromisoformat(person.leaving_date)
    is_before_birth = person.date_of_birth is not None and day.isoformat() <= person.date_of_birth
    return None if day.year < FIRST_YEAR or is_before_birth else day


def is_over(person: Student, day: date) -> bool:
    """Whether somebody's last day is over; on that day itself they are still there. Raises: as ``leaving_day``."""
    last = leaving_day(person)
    return last is not None and last < day
