"""
Lists that contradict the record, and days that are no days: what they come to for accounts, at the closes that follow.

Whoever is in the leavers' list is in it for ever, and an office marks next summer's leavers when it has time for it.
"""

from pathlib import Path
from typing import Any

import pytest

from services.fetcher.isams.source import LEAVERS
from shared.contract.model import Fault
from tests.harness.builders import SCHOOL, a_leaver, a_member, a_student, a_sweep
from tests.harness.pipeline import Road, a_config
from tests.unit.fetcher.whole import Whole
from tests.unit.fetcher.world import Abbey, AbbeySource, alumnus, record, settings
from tests.unit.fetcher.world import ids as ids_of
from tests.unit.reconciler.test_budgets import DAY, School, pupils

BOTH = ("students", "leavers")
COMING = "2027-07-10"  # the road begins on 23 November 2026
YEAR = 365 * DAY


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({}, id="who is current: nobody knows which is so"),
        pytest.param({"system_status": None, "system_status_word": "ReAdmission"}, id="a word that nobody knows"),
        pytest.param({"system_status": None, "system_status_word": None}, id="no word at all"),
        pytest.param({"system_status": 0, "admission_status": "Accepted"}, id="an applicant's status"),
        pytest.param({"system_status": 7}, id="a number that means nothing"),
        pytest.param(
            {"system_status": None, "faults": (Fault(pointer="/dob", message="is no date"),)},
            id="a record that cannot be read",
        ),
        pytest.param({"system_status": None, "leaving_date": "2024-07-10"}, id="with the leaving date of then"),
    ],
)
def test_a_readmitted_pupil_stays_whatever_is_wrong_with_the_record(tmp_path: Path, fields: dict[str, Any]) -> None:
    people = pupils(30)
    school = School(tmp_path, people)
    school.becomes([a_student(people[0].student_id, lists=BOTH, **fields)])
    school.reads(10)
    school.reads(80)
    assert len(school.road.enabled()) == 30


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"lists": BOTH}, id="in both lists, and the status says so"),
        pytest.param({"lists": ("leavers",), "system_status": None, "system_status_word": None}, id="in one list"),
        pytest.param({"lists": ("leavers",), "leaving_date": "1900-01-01"}, id="with a date that nobody has"),
        pytest.param({"leaving_date": "2026-11-23"}, id="on the last day"),
    ],
)
def test_a_leaver_goes(tmp_path: Path, fields: dict[str, Any]) -> None:
    people = pupils(30)
    school = School(tmp_path, people)
    school.becomes([a_leaver(people[0].student_id, **fields)])
    school.reads(10)
    assert len(school.road.enabled()) == 29


@pytest.mark.parametrize("lists", [("students",), BOTH, ("leavers",)], ids=" and ".join)
def test_a_leaver_whose_day_has_not_come_stays_until_it_comes(tmp_path: Path, lists: tuple[str, ...]) -> None:
    """Fails when a mark that is set in November switches off in November whoever leaves in July."""
    people = pupils(60)
    school = School(tmp_path, people)
    status = None if lists == ("leavers",) else -1
    school.becomes([a_leaver(people[0].student_id, lists=lists, system_status=status, leaving_date=COMING)])
    for minutes in (10, 80, 10 * DAY):
        school.reads(minutes)
        assert len(school.road.enabled()) == 60, "also who is on no list of students any more"
    school.reads(YEAR, full=True)
    assert people[0].student_id not in school.road.enabled()


def test_who_was_to_leave_and_is_in_no_list_any_more_is_missed_from_that_day(tmp_path: Path) -> None:
    people = pupils(60)
    school = School(tmp_path, people)
    school.becomes([a_leaver(people[0].student_id, leaving_date=COMING)])
    school.reads(10)
    school.goes([people[0].student_id])
    school.reads(80)
    assert len(school.road.enabled()) == 60
    school.reads(YEAR)
    assert people[0].student_id not in school.road.enabled()


async def test_a_readmitted_pupil_whom_the_fetcher_cannot_read_stays(tmp_path: Path) -> None:
    """From the record system to the account: a birth date that is none, of somebody in both lists."""
    all = ids_of(30)
    source = AbbeySource([record(id) for id in all])
    whole = Whole(Abbey(source, settings(structure_hours=0.0, lists_hours=0.0)), tmp_path)
    await whole.sweep()
    source.short[LEAVERS] = [alumnus(all[0])]
    whole.abbey.clock.forward(hours=3)
    await whole.sweep()
    assert len(whole.road.enabled()) == 30, "in two lists"
    source.pupils[0] = record(all[0], dob="13/13/2012")
    whole.abbey.clock.forward(minutes=5)
    await whole.sweep()
    assert len(whole.road.enabled()) == 30


def test_a_member_of_staff_who_leaves_in_summer_works_until_then(tmp_path: Path) -> None:
    road = Road(a_config(tmp_path))
    staff = [a_member(str(200 + n)) for n in range(10)]
    road.fetch(a_sweep("s1", staff, full=True, kind="staff"))
    marked = [a_member("200", leaving_date=COMING), a_member("201", leaving_date=COMING, system_status=-1)]
    marked += [a_member("202", leaving_date="1900-01-01"), *staff[3:]]
    road.fetch(a_sweep("s2", marked, minutes=10, kind="staff"), minutes=10)
    road.run()
    assert len(road.enabled(f"{SCHOOL}+staff")) == 10
    gone = [one for one in marked if one.system_status == -1]
    here = [one for one in marked if one.system_status != -1]
    road.fetch(a_sweep("s3", here, sends=[*here, *gone], minutes=YEAR, kind="staff"), minutes=YEAR)
    road.run()
    assert len(road.enabled(f"{SCHOOL}+staff")) == 8
