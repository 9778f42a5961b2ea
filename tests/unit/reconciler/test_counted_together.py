"""What is small, split or alike for many, on the road: no two budgets for one loss, no school by its floors."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from services.reconciler import guard
from shared.contract.commands import ReleaseHold
from shared.contract.model import Student
from tests.harness.builders import SCHOOL, a_failed_sweep, a_leaver, a_member, a_student, a_sweep
from tests.harness.pipeline import Road, a_config
from tests.unit.reconciler.test_budgets import DAY, School, ids, pupils

EIGHT = tuple(f"Y10-{name}" for name in ("ART", "BIO", "CHE", "ENG", "FRE", "GEO", "HIS", "MAT"))
DEPARTMENTS = ("ENG", "HIS")


def with_detail(school: School, name: str, value: object) -> int:
    """How many enabled accounts have this detail."""
    accounts = [school.road.account(id) for id in school.road.enabled()]
    return sum(bool(one and one.details and getattr(one.details, name) == value) for one in accounts)


# --- details ---------------------------------------------------------------------------------------------------------


def renamed(count: int, **fields: Any) -> Iterable[Student]:
    return [a_student(str(3050000000 + n), **({"last_name": f"New{n}"} | fields)) for n in range(count)]


@pytest.mark.parametrize(
    ("here", "change", "at_once"),
    [
        pytest.param(40, 20, 20, id="forty: twenty heads, or half"),
        pytest.param(40, 21, 20, id="and not one more"),
        pytest.param(30, 16, 15, id="thirty: half is less than twenty heads"),
        pytest.param(50, 25, 25, id="fifty: half"),
        pytest.param(50, 26, 25, id="and not one more of these"),
    ],
)
def test_updates_go_at_once_up_to_the_last_head(tmp_path: Path, here: int, change: int, at_once: int) -> None:
    school = School(tmp_path, pupils(here))
    school.becomes(renamed(change))
    school.opens(10)
    assert here - with_detail(school, "last_name", "Fern") == at_once, "before the close"
    school.reads(20)
    beyond = change - at_once
    assert school.held(guard.UPDATE) == ((beyond, "held") if beyond else None)
    assert here - with_detail(school, "last_name", "Fern") == at_once
    if beyond:
        school.judge(guard.UPDATE, ReleaseHold)
        school.reads(30)
        assert here - with_detail(school, "last_name", "Fern") == change


def test_another_value_than_the_reviewed_one_is_another_update(tmp_path: Path) -> None:
    school = School(tmp_path, pupils(10))
    school.becomes(renamed(6))
    school.reads(10)
    assert school.held(guard.UPDATE) == (1, "held")
    school.judge(guard.UPDATE, ReleaseHold)
    waits = next(one for one in renamed(6) if with_detail(school, "last_name", one.last_name) == 0)
    school.becomes([a_student(waits.student_id, last_name="Other")])
    school.reads(20)
    assert with_detail(school, "last_name", "Other") == 0
    assert school.held(guard.UPDATE) == (1, "held")


def test_what_is_filled_in_for_everybody_spends_nothing(tmp_path: Path) -> None:
    """A permission more for the key: nobody's detail is lost by it."""
    school = School(tmp_path, pupils(60))
    school.becomes(pupils(60, phone="07700 900123"))
    school.reads(10)
    assert (with_detail(school, "phone", "07700 900123"), school.road.school().holds) == (60, {})


def test_sixty_who_take_one_name_are_held_but_for_three(tmp_path: Path) -> None:
    school = School(tmp_path, pupils(60))
    school.becomes([a_student(one.student_id, first_name="Test", last_name="Test") for one in pupils(60)])
    report = school.reads(10)
    assert with_detail(school, "last_name", "Test") == 3
    assert school.held(guard.NULLED_COLUMN) == (57, "held")
    assert {(one.column, one.now, one.collapsed) for one in report.columns} == {
        ("first_name", "3/60", True),
        ("last_name", "3/60", True),
    }
    school.reads(20 + 8 * DAY)
    assert with_detail(school, "last_name", "Test") == 3, "nor does a week make it news"
    school.judge(guard.NULLED_COLUMN, ReleaseHold)
    school.reads(30 + 8 * DAY)
    assert with_detail(school, "last_name", "Test") == 60


def test_brothers_and_sisters_take_one_name_at_once(tmp_path: Path) -> None:
    school = School(tmp_path, pupils(60))
    school.becomes([a_student(one.student_id, last_name="Moss") for one in pupils(3)])
    school.opens(10)
    assert with_detail(school, "last_name", "Moss") == 3


def test_at_the_turn_of_the_year_everybodys_year_is_another(tmp_path: Path) -> None:
    school = School(tmp_path, pupils(60), 'academic_year_starts = "11-20"')
    school.becomes([a_student(one.student_id, year_group=11, programmes=("Y11",), modules=()) for one in pupils(60)])
    school.reads(10)
    assert (with_detail(school, "year", 5), school.road.school().holds) == (60, {})


# --- accounts that come back ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("here", "back", "at_once"),
    [pytest.param(100, 5, 5, id="five heads"), pytest.param(100, 12, 10, id="a tenth of a hundred")],
)
def test_accounts_come_back_at_once_up_to_the_last_head(tmp_path: Path, here: int, back: int, at_once: int) -> None:
    school = School(tmp_path, pupils(here))
    school.becomes([a_leaver(one.student_id) for one in pupils(back)])
    school.reads(10)
    assert len(school.road.enabled()) == here - back
    school.becomes(pupils(back))
    school.opens(20)
    assert len(school.road.enabled()) == here - back + at_once, "before the close"
    school.reads(30)
    beyond = back - at_once
    assert school.held(guard.ENABLE) == ((beyond, "held") if beyond else None)
    if beyond:
        school.judge(guard.ENABLE, ReleaseHold)
        school.reads(40)
        assert len(school.road.enabled()) == here


# --- codes ------------------------------------------------------------------------------------------------------------


def test_history_is_lost_to_nobody_by_two_budgets(tmp_path: Path) -> None:
    people = pupils(100)
    school = School(tmp_path, people)
    school.becomes([a_student(one.student_id, modules=("Y10-ENG",)) for one in people[:20]])
    school.becomes([a_student(one.student_id, modules=("Y10-PSH",)) for one in people[20:40]])
    school.reads(10)
    accounts = [school.road.account(one.student_id) for one in people]
    assert sum(one is not None and "Y10-HIS" in one.modules for one in accounts) == 100


def test_one_new_module_for_eight_is_no_move_in_the_window(tmp_path: Path) -> None:
    people = [a_student(str(3050000000 + n), modules=EIGHT) for n in range(100)]
    school = School(tmp_path, people, 'academic_year_starts = "11-20"')
    school.becomes([a_student(one.student_id, modules=("Y10-PSH",)) for one in people])
    school.reads(10)
    assert "ModuleUnenrolled" not in school.road.kinds()
    assert school.held(guard.UNENROL) == (100, "held")


STAFF = f"{SCHOOL}+staff"


def a_college(folder: Path) -> tuple[Road, list[Student]]:
    road = Road(a_config(folder))
    staff = [a_member(str(200 + n), departments=DEPARTMENTS, faculties=("PRI", "SEC")) for n in range(40)]
    road.fetch(a_sweep("s1", staff, full=True, kind="staff"))
    road.run()
    return road, staff


def departments(road: Road, person: str = "200") -> tuple[str, ...]:
    account = road.account(person, STAFF)
    assert account is not None
    assert account.details is not None
    return account.details.departments


def test_staff_lose_no_department_by_a_sweep_that_fails(tmp_path: Path) -> None:
    road, _ = a_college(tmp_path)
    fewer = [a_member(str(200 + n), departments=("ENG",), faculties=("SEC",)) for n in range(40)]
    road.fetch(a_failed_sweep("s2", fewer, minutes=10, kind="staff"), minutes=10)
    road.run()
    assert departments(road) == DEPARTMENTS


@pytest.mark.parametrize(
    ("count", "goes"), [pytest.param(8, True, id="a fifth of forty"), pytest.param(9, False, id="and not one more")]
)
def test_staff_lose_departments_by_a_certificate_and_within_a_budget(tmp_path: Path, count: int, goes: bool) -> None:
    road, staff = a_college(tmp_path)
    fewer = [a_member(str(200 + n), departments=("ENG",), faculties=("PRI", "SEC")) for n in range(count)]
    road.fetch(a_sweep("s2", [*fewer, *staff[count:]], sends=fewer, minutes=10, kind="staff"), minutes=10)
    road.run()
    assert departments(road) == (("ENG",) if goes else DEPARTMENTS)
    assert set(road.school(STAFF).holds) == (set() if goes else {guard.UNENROL})


def test_a_department_more_is_there_at_once(tmp_path: Path) -> None:
    road, _ = a_college(tmp_path)
    more = a_member("200", departments=("ART", "ENG"), faculties=("PRI", "SEC"))
    road.fetch(a_failed_sweep("s2", [more], minutes=10, kind="staff"), minutes=10)
    road.run()
    assert departments(road) == ("ART", "ENG", "HIS"), "and the one that it has no more waits"


# --- year groups ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_nulled", [False, True])
def test_a_year_group_is_looked_at_while_its_column_is_nulled(tmp_path: Path, is_nulled: bool) -> None:
    people = [a_student(str(3050000000 + n), year_group=12 if n < 20 else 10) for n in range(1000)]
    school = School(tmp_path, people)
    if is_nulled:
        school.becomes([a_student(one.student_id, year_group=None) for one in people])
        school.reads(5)
    school.goes(ids(people[:15]))
    school.reads(10)
    school.reads(80)
    assert len(school.road.enabled()) == 1000
