"""Which academic year a day is in, when a year turns, and when somebody left."""

from datetime import date, timedelta

import pytest

from services.eligibility.academic_year import academic_year, in_rollover, leaving_academic_year, rollover
from shared.config.values import LONGEST_ROLLOVER

SEPTEMBER = (9, 1)


@pytest.mark.parametrize(
    ("day", "start", "year"),
    [
        pytest.param(date(2026, 8, 31), SEPTEMBER, 2025, id="its last day"),
        pytest.param(date(2026, 9, 1), SEPTEMBER, 2026, id="its first day"),
        pytest.param(date(2026, 12, 31), SEPTEMBER, 2026, id="before new year"),
        pytest.param(date(2027, 1, 1), SEPTEMBER, 2026, id="after new year"),
        pytest.param(date(2028, 2, 29), SEPTEMBER, 2027, id="the leap day"),
        pytest.param(date(2028, 2, 29), (3, 1), 2027, id="the leap day before a year that starts in March"),
        pytest.param(date(2028, 3, 1), (3, 1), 2028, id="the day after it"),
        pytest.param(date(2027, 2, 28), (3, 1), 2026, id="the same in a common year"),
        pytest.param(date(2027, 1, 1), (1, 1), 2027, id="a school whose year is the calendar's"),
        pytest.param(date(2026, 12, 31), (1, 1), 2026, id="and its last day"),
        pytest.param(date(2026, 9, 30), (9, 15), 2026, id="a start in the middle of a month"),
        pytest.param(date(2026, 10, 1), (9, 15), 2026, id="an early day of a later month"),
        pytest.param(date(2026, 9, 14), (9, 15), 2025, id="the day before it"),
    ],
)
def test_a_year_is_named_by_the_calendar_year_in_which_it_starts(day: date, start: tuple[int, int], year: int) -> None:
    assert academic_year(day, start) == year


@pytest.mark.parametrize("start", [(1, 1), (2, 28), (3, 1), (9, 1), (12, 31)])
def test_a_year_rises_on_its_first_day_and_on_no_other(start: tuple[int, int]) -> None:
    day = date(2023, 1, 1)
    while day < date(2029, 1, 1):
        after = day + timedelta(days=1)
        risen = academic_year(after, start) - academic_year(day, start)
        assert risen == ((after.month, after.day) == start)
        day = after


@pytest.mark.parametrize(
    ("day", "start", "is_in"),
    [
        pytest.param(date(2026, 8, 29), SEPTEMBER, False, id="three days before"),
        pytest.param(date(2026, 8, 30), SEPTEMBER, True, id="two days before"),
        pytest.param(date(2026, 9, 1), SEPTEMBER, True, id="the first day"),
        pytest.param(date(2026, 9, 15), SEPTEMBER, True, id="fourteen days after"),
        pytest.param(date(2026, 9, 16), SEPTEMBER, False, id="fifteen days after"),
        pytest.param(date(2026, 12, 30), (1, 1), True, id="before a start in the next calendar year"),
        pytest.param(date(2026, 12, 29), (1, 1), False, id="three days before that"),
        pytest.param(date(2027, 1, 2), (12, 31), True, id="after a start in the last calendar year"),
        pytest.param(date(2027, 1, 15), (12, 31), False, id="fifteen days after that"),
        pytest.param(date(2028, 2, 28), (3, 1), True, id="two days before, over a leap day"),
        pytest.param(date(2028, 2, 27), (3, 1), False, id="three days before, over a leap day"),
    ],
)
def test_the_rollover_has_both_its_edges(day: date, start: tuple[int, int], is_in: bool) -> None:
    assert in_rollover(day, start, before=2, after=14) is is_in


def test_a_rollover_of_no_days_is_the_first_day_alone() -> None:
    days = [date(2026, 8, 31), date(2026, 9, 1), date(2026, 9, 2)]
    assert [in_rollover(day, SEPTEMBER, before=0, after=0) for day in days] == [False, True, False]


@pytest.mark.parametrize(
    ("day", "start", "window"),
    [
        pytest.param(date(2026, 8, 29), SEPTEMBER, (date(2026, 8, 30), date(2026, 9, 15)), id="the next one"),
        pytest.param(date(2026, 9, 15), SEPTEMBER, (date(2026, 8, 30), date(2026, 9, 15)), id="its last day"),
        pytest.param(date(2026, 9, 16), SEPTEMBER, (date(2027, 8, 30), date(2027, 9, 15)), id="over for a year"),
        pytest.param(date(2026, 12, 31), (1, 1), (date(2026, 12, 30), date(2027, 1, 15)), id="over new year"),
        pytest.param(date(2027, 1, 14), (12, 31), (date(2026, 12, 29), date(2027, 1, 14)), id="begun last year"),
    ],
)
def test_the_window_that_is_told_is_this_one_or_the_next(
    day: date, start: tuple[int, int], window: tuple[date, date]
) -> None:
    assert rollover(day, start, before=2, after=14) == window


@pytest.mark.parametrize("start", [(1, 1), (3, 1), (9, 1), (12, 31)])
@pytest.mark.parametrize("length", [0, 14, LONGEST_ROLLOVER])
def test_a_year_has_one_window_and_days_outside_it(start: tuple[int, int], length: int) -> None:
    """Fails when a window of the longest setting meets the next: unexplained removals would then pause for ever."""
    days = [date(2027, 1, 1) + timedelta(days=n) for n in range(4 * 365)]
    inside = [in_rollover(day, start, length, length) for day in days]
    assert sum(inside) <= 4 * (2 * length + 1) + 2 * length
    assert inside.count(False) > 4 * 100


@pytest.mark.parametrize(
    ("leaving_date", "leaving_year", "year_names", "year"),
    [
        pytest.param("2026-08-31", None, "start", 2025, id="on the last day of a year"),
        pytest.param("2026-09-01", None, "start", 2026, id="on the first"),
        pytest.param("2028-02-29", None, "start", 2027, id="on the leap day"),
        pytest.param("2026-07-10", 2030, "start", 2025, id="the date counts, not the year"),
        pytest.param("2026-07-10", 2030, "end", 2025, id="whatever the year names"),
        pytest.param(None, 2025, "start", 2025, id="a year named by its start"),
        pytest.param(None, 2026, "end", 2025, id="a year named by its end"),
        pytest.param(None, None, "start", None, id="nobody knows when"),
    ],
)
def test_when_somebody_left(
    leaving_date: str | None, leaving_year: int | None, year_names: str, year: int | None
) -> None:
    assert leaving_academic_year(leaving_date, leaving_year, SEPTEMBER, year_names) == year


def test_a_leaving_date_that_is_none_is_no_year() -> None:
    with pytest.raises(ValueError, match="out of range"):
        leaving_academic_year("2027-02-29", None, SEPTEMBER, "start")
