"""Academic years: pure. A year is named by the calendar year in which it starts."""

from datetime import date, timedelta


def academic_year(day: date, start: tuple[int, int]) -> int:
    """The academic year that holds ``day``; ``start`` is its first day as (month, day)."""
    return day.year if (day.month, day.day) >= start else day.year - 1


def rollover(day: date, start: tuple[int, int], before: int, after: int) -> tuple[date, date]:
    """
    The first and the last day of the window around an academic year's first day: of the one that holds ``day``, else of
    the next. ``before`` and ``after`` are days, each less than half a year.
    """
    windows = (
        (date(year, *start) - timedelta(days=before), date(year, *start) + timedelta(days=after))
        for year in (day.year - 1, day.year, day.year + 1)
    )
    return next(window for window in windows if day <= window[1])


def in_rollover(day: date, start: tuple[int, int], before: int, after: int) -> bool:
    """Whether ``day`` lies in the window, its edges included."""
    return rollover(day, start, before, after)[0] <= day


def leaving_academic_year(
    leaving_date: str | None, leaving_year: int | None, start: tuple[int, int], year_names: str
) -> int | None:
    """
    The academic year in which somebody left: by the date where there is one, else by ``leaving_year``.

    ``year_names`` says whether that names the academic year's ``start`` or its ``end``.
    """
    if leaving_date is not None:
        return academic_year(date.fromisoformat(leaving_date), start)
    if leaving_year is not None:
        return leaving_year if year_names == "start" else leaving_year - 1
    return None
