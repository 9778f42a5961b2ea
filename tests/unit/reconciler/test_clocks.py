"""
No clock is believed alone: fetchers whose clocks are days ahead or behind, and what becomes of people meanwhile.

Kafka's own clock is right in all of this, as ``School.appended`` has it; a sweep's minutes are its fetcher's word.
"""

from pathlib import Path

import pytest

from services.reconciler import guard
from shared.contract.events import StudentFetched
from tests.harness.builders import SCHOOL, a_leaver, a_student, at
from tests.unit.reconciler.test_budgets import DAY, School, ids, pupils

WEEK = 7 * DAY


@pytest.mark.parametrize("ahead", [6, 61, DAY, 8 * DAY])
def test_a_wrong_leaver_read_by_a_clock_that_is_ahead_comes_back(tmp_path: Path, ahead: int) -> None:
    people = pupils(30)
    school = School(tmp_path, people)
    school.becomes([a_leaver(people[0].student_id)])
    school.reads(10 + ahead, appended=10)
    assert len(school.road.enabled()) == 29
    school.becomes([people[0]])  # corrected ten minutes later, read by another fetcher
    assert school.reads(20).outcome == "certified"
    assert len(school.road.enabled()) == 30


def test_a_reading_of_one_student_by_a_clock_that_is_ahead_stops_no_sweep(tmp_path: Path) -> None:
    people = pupils(30)
    school = School(tmp_path, people)
    renamed = a_student(people[0].student_id, last_name="Moss")
    school.road.read_one(StudentFetched(school=SCHOOL, student=renamed), minutes=DAY, appended=5)
    school.becomes([a_student(people[0].student_id, last_name="Reed")])
    assert school.reads(10).outcome == "certified"
    account = school.road.account(people[0].student_id)
    assert account is not None
    assert account.details is not None
    assert account.details.last_name == "Reed"


@pytest.mark.parametrize("off", [8 * DAY, -8 * DAY])
def test_a_clock_that_is_days_off_opens_no_budget_anew(tmp_path: Path, off: int) -> None:
    people = pupils(100)
    school = School(tmp_path, people)
    school.becomes([a_leaver(one.student_id) for one in people[:25]])
    school.opens(8)
    school.reads(10 + min(off, 0), appended=10)
    assert len(school.road.enabled()) == 75
    school.becomes([a_leaver(one.student_id) for one in people[25:50]])
    school.opens(18)
    school.reads(20 + max(off, 0), appended=20)
    assert len(school.road.enabled()) == 75, "25 and 25 within a day are more than 30 %"
    assert school.held(guard.DISABLE_EXPLAINED) == (25, "held")


@pytest.mark.parametrize("off", [8 * DAY, -8 * DAY])
def test_a_clock_that_is_days_off_brings_no_joiners_beyond_the_budget(tmp_path: Path, off: int) -> None:
    school = School(tmp_path, pupils(30))
    school.becomes(pupils(20, first=30))
    school.reads(10 + off, appended=10)
    assert len(school.road.enabled()) == 50
    school.becomes(pupils(20, first=50))
    school.reads(20)
    assert len(school.road.enabled()) == 50, "20 a day: these wait"
    assert school.held(guard.CREATE) == (20, "held")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(0, 61, id="the second is ahead"),
        pytest.param(-61, 0, id="the first is behind"),
        pytest.param(-8 * DAY, 8 * DAY, id="both are days off"),
    ],
)
def test_the_hour_between_two_sweeps_is_no_fetchers_word(tmp_path: Path, first: int, second: int) -> None:
    people = pupils(100)
    school = School(tmp_path, people)
    school.goes(ids(people[:2]))
    school.reads(10 + first, appended=10)
    school.reads(15 + second, appended=15)
    assert len(school.road.enabled()) == 100, "five minutes lie between them"
    school.reads(69)
    assert len(school.road.enabled()) == 100, "and now 59"
    school.reads(70)
    assert len(school.road.enabled()) == 98


def test_the_hour_begins_where_a_sweep_was_opened_and_not_where_it_ended(tmp_path: Path) -> None:
    """A sweep may last hours; what its end repeats of its beginning is not asked."""
    people = pupils(100)
    school = School(tmp_path, people)
    school.goes(ids(people[:2]))
    school.reads(10, ends_after=300)
    absence = school.road.account(people[0].student_id)
    assert absence is not None
    assert absence.absence is not None
    assert absence.absence.started_at == at(10)
    certified = school.road.school().certified
    assert certified is not None
    assert (certified.started_at, certified.completed_at) == (at(10), at(310))


@pytest.mark.parametrize("off", [61, -61])
def test_how_far_a_clock_is_off_is_told_with_its_sweep(tmp_path: Path, off: int) -> None:
    school = School(tmp_path, pupils(30))
    assert school.reads(10 + off, appended=10).clock_minutes == off
    assert school.reads(20).clock_minutes == 0
    assert school.fails(30 + off, appended=30).clock_minutes == off


def test_a_clock_that_was_ahead_and_is_right_again_freezes_nobody(tmp_path: Path) -> None:
    people = pupils(30)
    school = School(tmp_path, people)
    school.reads(5 + WEEK, full=True, appended=5)
    school.becomes([a_student(one.student_id, phone="07700 900001") for one in people])
    assert school.reads(10).outcome == "certified"
    accounts = [school.road.account(one.student_id) for one in people]
    assert all(one is not None and one.details is not None and one.details.phone for one in accounts)
