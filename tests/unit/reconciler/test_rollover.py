"""The turn of the academic year, by the calendar of each school, on the real handlers."""

from pathlib import Path

import pytest

from services.reconciler import guard
from services.reconciler.rollover import effect
from shared.events import ReleaseHold, SweepReconciled
from shared.model import Student
from tests.builders import SCHOOL, a_student, a_sweep
from tests.road import Road, a_config
from tests.unit.reconciler.accounts import some_settings

ALL = [a_student(str(3050000000 + n), email=f"s{n}@abbey.example") for n in range(60)]
DAY = 24 * 60  # minutes; the first sweep is on 23 November
PLAN = guard.DISABLE_UNEXPLAINED


def a_road(folder: Path, first_day: str, *settings: str) -> Road:
    lines = [f'academic_year_starts = "{first_day}"', *settings]
    road = Road(a_config(folder, "\n".join(lines)))
    road.fetch(a_sweep("s0", ALL, full=True))
    road.run()
    return road


def sweep(road: Road, roll: list[Student], minutes: float, sends: list[Student] | None = None) -> None:
    road.fetch(a_sweep(f"s{minutes}", roll, sends=sends or [], minutes=minutes), minutes=minutes)
    road.run()


def gone(road: Road) -> int:
    return road.kinds().count("AccountDisabled")


def counts(road: Road) -> dict[str, int]:
    """Of the newest report."""
    return next(one.counts for one in reversed(road.changes()) if isinstance(one, SweepReconciled))


@pytest.mark.parametrize("plan", [guard.DISABLE_EXPLAINED, PLAN, guard.UNENROL, guard.MOVE])
def test_the_calendar_touches_moves_and_unexplained_removals_alone(plan: str) -> None:
    wanted = {guard.MOVE: "unlimited", PLAN: "paused"}
    assert effect(plan, some_settings(rollover=True)) == wanted.get(plan, "none")
    assert effect(plan, some_settings(rollover=False)) == "none"


def test_who_is_just_not_there_stays_until_the_window_is_over(tmp_path: Path) -> None:
    """Fails when the pause forgets the absence, lasts too long, or is not the school's own: 23 November is day 0."""
    road = a_road(tmp_path, "11-23")
    for minutes, kept in ((120, 0), (300, 1), (14 * DAY, 1)):
        sweep(road, ALL[1:], minutes)
        assert (gone(road), counts(road).get("kept_in_rollover", 0)) == (0, kept), minutes
    sweep(road, ALL[1:], 15 * DAY)
    assert gone(road) == 1
    assert "kept_in_rollover" not in counts(road), "and the report of any other sweep says nothing of it"


def test_outside_the_window_the_same_pupil_goes(tmp_path: Path) -> None:
    road = a_road(tmp_path, "09-01")
    for minutes in (120, 300):
        sweep(road, ALL[1:], minutes)
    assert gone(road) == 1


def test_who_comes_back_before_the_window_ends_was_never_away(tmp_path: Path) -> None:
    road = a_road(tmp_path, "11-23")
    for minutes in (120, 300):
        sweep(road, ALL[1:], minutes)
    sweep(road, ALL, 400, sends=[ALL[0]])
    for minutes in (15 * DAY, 15 * DAY + 5):
        sweep(road, ALL, minutes)
    assert gone(road) == 0


@pytest.mark.parametrize(("first_day", "moved"), [("11-23", 60), ("09-01", 0)])
def test_a_whole_school_moves_in_the_window_and_is_held_outside_it(tmp_path: Path, first_day: str, moved: int) -> None:
    road = a_road(tmp_path, first_day)
    up = [
        a_student(one.student_id, email=one.email, year_group=11, programmes=("Y11",), modules=("Y11-ENG",))
        for one in ALL
    ]
    sweep(road, up, 120, sends=up)
    assert road.kinds().count("ProgrammeUnenrolled") == moved
    assert set(road.school().holds) == (set() if moved else {guard.MOVE})


def test_what_a_person_released_does_not_wait_for_the_window_to_end(tmp_path: Path) -> None:
    """The hold came before the window, the yes in it. Fails when the pause overrules a person for two weeks."""
    road = a_road(tmp_path, "11-26")  # the window begins on 24 November, a day after the first sweep
    for minutes in (120, 300):
        sweep(road, ALL[3:], minutes)
    hold = road.school().holds[PLAN]
    assert (gone(road), hold.count) == (0, 3)
    sweep(road, ALL[3:], 2 * DAY)
    assert (gone(road), road.school().holds[PLAN].state) == (0, "held")
    road.order(ReleaseHold(school=SCHOOL, plan=PLAN, hash=hold.hash, operator="kim"))
    sweep(road, ALL[4:], 2 * DAY + 5)
    assert gone(road) == 3, "the fourth has just vanished, and waits"
    assert road.school().holds == {}


@pytest.mark.parametrize(
    ("setting", "last_minute"),
    [
        pytest.param("rollover_days_after = 0", 16 * 60 - 1, id="a window that ends with the first day"),
        pytest.param('time_zone = "Pacific/Auckland"', 14 * DAY + 3 * 60 - 1, id="a midnight of its own"),
    ],
)
def test_the_window_ends_where_the_school_is(tmp_path: Path, setting: str, last_minute: int) -> None:
    """The first sweep begins at 08:00 in London; each takes a minute."""
    road = a_road(tmp_path, "11-23", setting)
    sweep(road, ALL[1:], 120)
    sweep(road, ALL[1:], last_minute - 1)
    assert gone(road) == 0
    sweep(road, ALL[1:], last_minute)
    assert gone(road) == 1
