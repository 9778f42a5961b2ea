"""The turn of the academic year, by the calendar of each school, on the real handlers."""

from pathlib import Path
from typing import Any

import pytest

from services.reconciler import guard
from services.reconciler.rollover import is_of_the_turn
from shared.contract.account_state import StagedUnenrol
from shared.contract.commands import ReleaseHold
from shared.contract.events import SweepReconciled
from shared.contract.model import Student
from tests.harness.builders import SCHOOL, a_student, a_sweep
from tests.harness.pipeline import Road, a_config
from tests.unit.reconciler.accounts import enabled

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


HISTORY = {"H1": "Y10", "H2": "Y11"}  # a structure: the programme of each module


@pytest.mark.parametrize(
    ("account", "lost", "is_turn"),
    [
        pytest.param(("Y10", "Y11"), {"programmes": ("Y10",)}, True, id="a year for another"),
        pytest.param(("Y10", "Y11"), {"programmes": ("Y10",), "modules": ("H1",)}, True, id="with its modules"),
        pytest.param(("Y10", "Y11"), {"programmes": ("Y10",), "modules": ("H2",)}, False, id="the next year's module"),
        pytest.param(("Y10", "Y11"), {"programmes": ("Y10",), "modules": ("Y10-ART",)}, True, id="by its code"),
        pytest.param(("Y10", "Y11"), {"programmes": ("Y10",), "modules": ("ART",)}, False, id="of no known programme"),
        pytest.param(("Y10",), {"programmes": ("Y10",)}, False, id="a year for none"),
        pytest.param(("Y10",), {"modules": ("H1",), "is_move": True}, False, id="a module of a year that goes on"),
    ],
)
def test_at_the_turn_goes_what_belongs_to_the_year_that_is_left(
    account: tuple[str, ...], lost: dict[str, Any], is_turn: bool
) -> None:
    state = enabled(programmes=account)
    assert is_of_the_turn(state, StagedUnenrol(offset=1, **lost), HISTORY) is is_turn


@pytest.mark.parametrize("is_move", [True, False])
def test_staff_leave_no_year(is_move: bool) -> None:
    state = enabled(kind="staff")
    assert is_of_the_turn(state, StagedUnenrol(offset=1, modules=("H1",), is_move=is_move), HISTORY) is is_move


def test_one_new_module_is_no_turn_of_the_year(tmp_path: Path) -> None:
    """Eight modules for one, in the window: every school would lose its enrolments by it."""
    road = a_road(tmp_path, "11-23")
    bare = [a_student(one.student_id, email=one.email, modules=("Y10-PSH",)) for one in ALL]
    sweep(road, bare, 120, sends=bare)
    assert road.kinds().count("ModuleUnenrolled") == 0
    assert road.school().holds[guard.MOVE].count == 60


def test_a_whole_year_that_has_no_modules_yet_moves_up(tmp_path: Path) -> None:
    """In September the old sets are gone before the new ones are made."""
    road = a_road(tmp_path, "11-23")
    up = [a_student(one.student_id, email=one.email, year_group=11, programmes=("Y11",), modules=()) for one in ALL]
    sweep(road, up[:3], 120, sends=up[:3])
    sweep(road, [*up[:3], *ALL[3:]], 130, sends=[])
    assert road.kinds().count("ModuleUnenrolled") == 6


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
    assert set(road.school().holds) == (set() if moved else {guard.MOVE, guard.UPDATE})


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
