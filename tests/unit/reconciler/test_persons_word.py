"""What a person was asked about, or has refused, goes by the source or by their yes: never by a sum, on the road."""

from pathlib import Path

import pytest

from services.reconciler import guard
from shared.contract.commands import PauseSchool, RefuseHold, ReleaseHold, ResumeSchool
from shared.contract.events import RemovalsHeld, StudentFetched
from shared.contract.model import Student
from tests.harness.builders import SCHOOL, a_leaver, a_student, a_sweep
from tests.unit.reconciler.test_budgets import DAY, School, ids, pupils

WIDE = "guard = { disable_explained = { floor = 50, share = 1.0 } }"


def left(school: School, people: list[Student]) -> None:
    school.becomes([a_leaver(one.student_id) for one in people])


def a_wrong_list(folder: Path, order: type[RefuseHold] | None, more: str = "") -> tuple[School, list[Student]]:
    """Nineteen of sixty are marked as leavers by mistake: 31.7 %."""
    people = pupils(60)
    school = School(folder, people, more)
    left(school, people[:19])
    school.reads(10)
    assert school.held(guard.DISABLE_EXPLAINED) == (19, "held")
    if order is not None:
        school.judge(guard.DISABLE_EXPLAINED, order)
    return school, people


@pytest.mark.parametrize("order", [None, RefuseHold])
def test_the_office_puts_one_right_and_the_others_stay(tmp_path: Path, order: type[RefuseHold] | None) -> None:
    school, people = a_wrong_list(tmp_path, order)
    told = len([event for event in school.road.changes() if isinstance(event, RemovalsHeld)])
    school.becomes(people[:1])
    school.reads(20)
    assert len(school.road.enabled()) == 60
    assert school.held(guard.DISABLE_EXPLAINED) == (18, "refused" if order else "held")
    assert len([event for event in school.road.changes() if isinstance(event, RemovalsHeld)]) == told


@pytest.mark.parametrize("order", [None, RefuseHold])
def test_a_larger_base_lets_nobody_through(tmp_path: Path, order: type[RefuseHold] | None) -> None:
    school, _ = a_wrong_list(tmp_path, order)
    school.becomes(pupils(18, first=100))
    school.reads(20)
    assert len(school.road.enabled()) == 78, "19 of 78 are 24.4 %"


@pytest.mark.parametrize("order", [None, RefuseHold])
def test_a_week_that_passes_lets_nobody_through(tmp_path: Path, order: type[RefuseHold] | None) -> None:
    people = pupils(20)
    school = School(tmp_path, people)
    school.goes(ids(people[:2]))
    school.reads(10)
    school.reads(80)
    assert len(school.road.enabled()) == 18, "two heads, spent"
    school.goes(ids(people[2:4]))
    school.reads(100)
    school.reads(170)
    assert school.held(guard.DISABLE_UNEXPLAINED) == (2, "held")
    if order is not None:
        school.judge(guard.DISABLE_UNEXPLAINED, order)
    school.reads(200 + 8 * DAY)
    assert len(school.road.enabled()) == 18


@pytest.mark.parametrize("order", [None, RefuseHold])
def test_a_wider_budget_lets_nobody_through(tmp_path: Path, order: type[RefuseHold] | None) -> None:
    school, _ = a_wrong_list(tmp_path, order)
    wider = School(tmp_path, pupils(60), WIDE)  # the same school's configuration of the next day
    school.road.eligibility = wider.road.eligibility
    school.reads(20)
    assert len(school.road.enabled()) == 60
    left(wider, pupils(19))
    wider.reads(20)
    assert len(wider.road.enabled()) == 41, "which lets through whoever is news"


def test_the_turn_of_the_year_lets_no_refused_move_through(tmp_path: Path) -> None:
    people = pupils(40)
    school = School(tmp_path, people, 'academic_year_starts = "12-01"')  # the window begins on 29 November
    school.becomes([a_student(one.student_id, programmes=("Y11",), modules=("Y11-ENG",)) for one in people[:20]])
    school.reads(10)
    assert school.held(guard.MOVE) == (20, "held")
    school.judge(guard.MOVE, RefuseHold)
    school.reads(7 * DAY)
    account = school.road.account(people[0].student_id)
    assert account is not None
    assert "Y10-HIS" in account.modules


def test_refused_strangers_stay_out_a_week_later(tmp_path: Path) -> None:
    school = School(tmp_path, pupils(60))
    school.becomes(pupils(15, first=60))
    school.reads(10)
    school.becomes(pupils(10, first=100))  # another school's
    school.reads(20)
    school.judge(guard.CREATE, RefuseHold)
    before = len(school.road.enabled())
    school.reads(8 * DAY)
    assert len(school.road.enabled()) == before


def test_who_waits_leaves_less_room_for_who_joins(tmp_path: Path) -> None:
    """Ten refused strangers count in the total, in the stream as at a close."""
    school = School(tmp_path, pupils(40))
    school.becomes(pupils(30, first=40))
    school.reads(10)
    assert school.held(guard.CREATE) == (10, "held")
    school.becomes(pupils(12, first=100))
    school.opens(10 + 8 * DAY)
    assert len(ids(pupils(12, first=100)) & school.road.enabled()) == 10, "of twenty heads ten wait"


def test_a_refused_set_stays_refused_through_a_rebuild(tmp_path: Path) -> None:
    school, people = a_wrong_list(tmp_path, RefuseHold)
    left(school, people[19:30])
    school.reads(20)
    assert school.held(guard.DISABLE_EXPLAINED) == (11, "held")
    school.road.store.hashes, school.road.store.records = {}, {}
    school.road.start()
    school.reads(30, full=True)
    assert len(school.road.enabled()) == 60
    assert school.road.school().refused[guard.DISABLE_EXPLAINED].count == 19
    assert school.held(guard.DISABLE_EXPLAINED) == (11, "held")


def test_a_refused_set_can_be_released_by_its_hash_while_another_waits(tmp_path: Path) -> None:
    school, people = a_wrong_list(tmp_path, RefuseHold)
    left(school, people[19:30])
    school.reads(20)
    refused = school.road.school().refused[guard.DISABLE_EXPLAINED]
    school.road.order(
        ReleaseHold(school=SCHOOL, plan=guard.DISABLE_EXPLAINED, hash=refused.hash, operator="kim", note="they had")
    )
    school.reads(30)
    assert school.road.enabled() == ids(people[19:]), "nobody of those who wait"
    assert school.held(guard.DISABLE_EXPLAINED) == (11, "held")


# --- what withstands ------------------------------------------------------------------------------------------------


def test_who_came_back_after_a_release_is_news_again(tmp_path: Path) -> None:
    school, people = a_wrong_list(tmp_path, None)
    school.judge(guard.DISABLE_EXPLAINED)
    school.becomes(people[:1])
    school.opens(12)
    school.becomes([a_leaver(people[0].student_id, last_name="Again")])
    school.reads(15)
    assert len(school.road.enabled()) == 41, "the eighteen by the yes, and one who is news"


def test_a_pause_keeps_a_yes_and_who_came_back_meanwhile_stays(tmp_path: Path) -> None:
    school, people = a_wrong_list(tmp_path, None)
    school.road.order(PauseSchool(school=SCHOOL, operator="kim"))
    school.judge(guard.DISABLE_EXPLAINED)
    school.reads(20)
    assert len(school.road.enabled()) == 60
    school.becomes(people[:19])
    school.reads(30)
    school.road.order(ResumeSchool(school=SCHOOL, operator="kim"))
    school.reads(40)
    assert (len(school.road.enabled()), school.road.school().holds) == (60, {})


def test_who_was_read_alone_after_a_yes_has_to_be_missed_again(tmp_path: Path) -> None:
    people = pupils(60)
    school = School(tmp_path, people)
    school.goes(ids(people[:10]))
    school.reads(10)
    school.reads(80)
    assert school.held(guard.DISABLE_UNEXPLAINED) == (10, "held")
    school.judge(guard.DISABLE_UNEXPLAINED)
    for one in people[:10]:
        school.road.read_one(StudentFetched(school=SCHOOL, student=one), minutes=90)
    school.reads(100)
    school.reads(170)
    assert len(school.road.enabled()) == 60
    assert school.held(guard.DISABLE_UNEXPLAINED) == (10, "held")


def test_a_yes_to_another_population_or_plan_does_nothing(tmp_path: Path) -> None:
    school, _ = a_wrong_list(tmp_path, None)
    key = school.road.school().holds[guard.DISABLE_EXPLAINED].hash
    for kind, plan in (("staff", guard.DISABLE_EXPLAINED), ("student", guard.DISABLE_UNEXPLAINED)):
        school.road.order(ReleaseHold(school=SCHOOL, kind=kind, plan=plan, hash=key, operator="kim"))  # type: ignore[arg-type]
    school.reads(20)
    assert len(school.road.enabled()) == 60


def test_a_close_that_comes_twice_confirms_no_absence(tmp_path: Path) -> None:
    people = pupils(60)
    school = School(tmp_path, people)
    school.road.fetch(a_sweep("x1", people[1:], sends=[], minutes=10))
    school.road.fetch(a_sweep("x1", people[1:], sends=[], minutes=90)[1:])
    school.road.run()
    assert len(school.road.enabled()) == 60
