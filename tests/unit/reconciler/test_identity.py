"""Who seems to have come back under another id in the sweep in which they went: held for a person."""

from pathlib import Path
from typing import Any

import pytest

from services.reconciler.hold_hash import plan_hash
from services.reconciler.reconcile import changed
from services.reconciler.twins import identity, mark
from shared.events import AccountDisabled, RefuseHold, ReleaseHold, RemovalHeld
from shared.model import Student
from shared.state import Absence, AccountState, StagedDisable
from tests.builders import SCHOOL, a_leaver, a_student, a_sweep, at
from tests.road import Road, a_config
from tests.unit.reconciler.accounts import ONE, disabled, eligible, enabled, never_had_one, unreadable

OTHER, THIRD = "3050000002", "3050000003"
BORN = "2010-03-04"
STAGED = StagedDisable(digest="d" * 32, at=1)
NOW_ABSENT = Absence(sweep="s9", started_at=at(120))
BEFORE_ABSENT = Absence(sweep="s8", started_at=at(60))


def known(student_id: str, state: Any = enabled, born: str | None = BORN, **fields: Any) -> AccountState:
    names = {name: fields.pop(name) for name in ("first_name", "last_name") if name in fields}
    found: AccountState = state(student_id, assessment=eligible(student_id, date_of_birth=born, **names), **fields)
    return found


def joiner(student_id: str = OTHER, **fields: Any) -> tuple[AccountState, AccountState]:
    """Before and after the close that first has them in its roll."""
    after = known(student_id, **fields)
    return changed(after, in_roll=False), after


@pytest.mark.parametrize(
    ("state", "is_known"),
    [
        pytest.param(known(ONE), True, id="both names and a birth date"),
        pytest.param(known(ONE, born=None), False, id="no birth date"),
        pytest.param(known(ONE, first_name=None), False, id="no first name"),
        pytest.param(known(ONE, last_name=None), False, id="no last name"),
        pytest.param(enabled(assessment=unreadable()), False, id="an unreadable record"),
        pytest.param(enabled(assessment=None), False, id="no record"),
    ],
)
def test_somebody_is_known_by_names_and_birth_date(state: AccountState, is_known: bool) -> None:
    assert (identity(state) is not None) is is_known


def test_names_are_compared_without_case_and_space() -> None:
    assert identity(known(ONE, first_name=" ADA ", last_name="fern")) == ("ada", "fern", BORN)


@pytest.mark.parametrize(
    ("gone", "there", "twin"),
    [
        pytest.param(known(ONE, staged=STAGED, in_roll=False), {}, OTHER, id="left by a record"),
        pytest.param(known(ONE, absence=NOW_ABSENT, in_roll=False), {}, OTHER, id="missing for the first time"),
        pytest.param(known(ONE, absence=BEFORE_ABSENT, in_roll=False), {}, None, id="missing since an earlier sweep"),
        pytest.param(known(ONE), {}, None, id="still there"),
        pytest.param(known(ONE, disabled, absence=NOW_ABSENT), {}, None, id="disabled long ago"),
        pytest.param(known(ONE, staged=STAGED), {"born": "2010-03-05"}, None, id="another birth date"),
        pytest.param(known(ONE, staged=STAGED), {"first_name": "Bea"}, None, id="a sister of the same day"),
        pytest.param(known(ONE, staged=STAGED), {"last_name": "Moss"}, None, id="another surname"),
        pytest.param(known(ONE, staged=STAGED, born=None), {"born": None}, None, id="nothing known of either"),
        pytest.param(known(ONE, staged=STAGED), {"state": never_had_one}, None, id="without a name yet"),
    ],
)
def test_a_leaver_has_the_joiner_of_the_same_sweep_as_twin(
    gone: AccountState, there: dict[str, Any], twin: str | None
) -> None:
    before, after = joiner(**{key: value for key, value in there.items() if key != "state"})
    if "state" in there:
        before = after = never_had_one(OTHER)
    marked = mark({ONE: gone, OTHER: before}, {ONE: gone, OTHER: after}, "s9")
    assert marked[ONE].twin == twin
    assert marked[OTHER].twin is None


def test_who_was_there_before_is_no_joiner() -> None:
    gone, there = known(ONE, staged=STAGED), known(OTHER)
    assert mark({ONE: gone, OTHER: there}, {ONE: gone, OTHER: there}, "s9")[ONE].twin is None


def test_nobody_is_their_own_twin() -> None:
    back = known(ONE, staged=STAGED)
    assert mark({ONE: changed(back, in_roll=False)}, {ONE: back}, "s9")[ONE].twin is None


def test_of_two_joiners_the_first_by_id_is_named() -> None:
    gone = known(ONE, staged=STAGED, in_roll=False)
    (before, after), (before_too, after_too) = joiner(OTHER), joiner(THIRD)
    marked = mark({ONE: gone, THIRD: before_too, OTHER: before}, {ONE: gone, THIRD: after_too, OTHER: after}, "s9")
    assert marked[ONE].twin == OTHER


@pytest.mark.parametrize(
    ("state", "keeps"),
    [
        pytest.param(known(ONE, twin=OTHER, absence=BEFORE_ABSENT, in_roll=False), True, id="still missing"),
        pytest.param(known(ONE, twin=OTHER, staged=STAGED), True, id="still a leaver"),
        pytest.param(known(ONE, twin=OTHER), False, id="there again"),
    ],
)
def test_a_twin_is_remembered_until_the_person_is_there_again(state: AccountState, keeps: bool) -> None:
    assert mark({ONE: state}, {ONE: state}, "s9")[ONE].twin == (OTHER if keeps else None)


def test_a_twin_that_is_known_is_not_another_one() -> None:
    gone = known(ONE, twin=THIRD, staged=STAGED, in_roll=False)
    before, after = joiner()
    assert mark({ONE: gone, OTHER: before}, {ONE: gone, OTHER: after}, "s9")[ONE].twin == THIRD


def test_the_reviewed_set_names_the_twin() -> None:
    one, other = known(ONE, twin=OTHER, staged=STAGED), known(ONE, twin=THIRD, staged=STAGED)
    assert plan_hash("rekey", [(ONE, one)]) != plan_hash("rekey", [(ONE, other)])


# --- on the road ----------------------------------------------------------------------------------------------------

PEOPLE = [a_student(str(3050000000 + n), first_name=f"P{n}", date_of_birth=f"2010-03-{n + 1:02}") for n in range(20)]
OLD = PEOPLE[0].student_id
REST = PEOPLE[1:]
NEW = "3059999999"


def renumbered(**fields: Any) -> Student:
    """The first pupil under a new id."""
    return a_student(NEW, **({"first_name": "P0", "date_of_birth": "2010-03-01", "email": PEOPLE[0].email} | fields))


@pytest.fixture
def road(tmp_path: Path) -> Road:
    road = Road(a_config(tmp_path))
    road.fetch(a_sweep("s1", PEOPLE, full=True))
    road.run()
    return road


def reads(road: Road, sweep: str, people: list[Student], sends: list[Student], minutes: float) -> None:
    road.fetch(a_sweep(sweep, people, sends=sends, minutes=minutes), minutes=minutes)
    road.run()


def leaver(**fields: Any) -> Student:
    return a_leaver(OLD, first_name="P0", date_of_birth="2010-03-01", **fields)


def test_a_pupil_with_a_new_id_is_held_as_a_suspected_rekey(road: Road) -> None:
    """One leaver of twenty would be within every budget. Fails when only counts are looked at."""
    reads(road, "s2", [*REST, renumbered()], [leaver(), renumbered()], 10)
    assert OLD in road.enabled()
    assert NEW not in road.enabled(), "who wants the e-mail of somebody who is here waits"
    hold = road.school().holds["rekey"]
    assert (hold.count, hold.state, hold.budget) == (1, "held", "nobody without a person")
    assert [event.plan for event in road.changes() if isinstance(event, RemovalHeld)] == ["rekey"]


def test_a_release_hands_the_email_over(road: Road) -> None:
    reads(road, "s2", [*REST, renumbered()], [leaver(), renumbered()], 10)
    road.order(ReleaseHold(school=SCHOOL, plan="rekey", hash=road.school().holds["rekey"].hash, operator="kim"))
    reads(road, "s3", [*REST, renumbered()], [], 20)
    assert (OLD in road.enabled(), NEW in road.enabled(), road.school().holds) == (False, True, {})
    (event,) = [event for event in road.changes() if isinstance(event, AccountDisabled)]
    assert (event.is_explained, event.evidence.kind) == (True, "record")


def test_a_whole_school_with_new_ids_is_one_decision(tmp_path: Path) -> None:
    """After a migration. Fails when the heirs' accounts are new ones to the guard: twenty of sixty would be made."""
    old = [a_student(str(3050000000 + n), first_name=f"P{n}", date_of_birth="2010-03-04") for n in range(60)]
    new = [
        a_student(f"9{one.student_id}", first_name=one.first_name, date_of_birth="2010-03-04", email=one.email)
        for one in old
    ]
    road = Road(a_config(tmp_path))
    road.fetch(a_sweep("s1", old, full=True))
    reads(road, "s2", new, new, 10)
    reads(road, "s3", new, [], 80)
    assert (road.school().holds["rekey"].count, len(road.enabled())) == (60, 60)
    road.order(ReleaseHold(school=SCHOOL, plan="rekey", hash=road.school().holds["rekey"].hash, operator="kim"))
    reads(road, "s4", new, [], 90)
    assert road.enabled() == {one.student_id for one in new}
    assert road.school().holds == {}


def test_the_heir_has_the_email_before_another_who_waits(road: Road) -> None:
    rival = a_student("3050000100", first_name="Bea", email=PEOPLE[0].email)
    there = [*REST, rival, renumbered()]
    reads(road, "s2", there, [leaver(), rival, renumbered()], 10)
    road.order(ReleaseHold(school=SCHOOL, plan="rekey", hash=road.school().holds["rekey"].hash, operator="kim"))
    reads(road, "s3", there, [], 20)
    assert (NEW in road.enabled(), rival.student_id in road.enabled()) == (True, False)


def test_a_pupil_who_only_vanished_is_held_when_the_absence_is_sure(road: Road) -> None:
    """The joiner is no news by then: the leaver remembers who came when they went."""
    there = [*REST, renumbered(email="p0@new.example")]
    reads(road, "s2", there, there[-1:], 10)
    reads(road, "s3", there, [], 80)
    assert (OLD in road.enabled(), NEW in road.enabled()) == (True, True)
    assert set(road.school().holds) == {"rekey"}
    road.order(ReleaseHold(school=SCHOOL, plan="rekey", hash=road.school().holds["rekey"].hash, operator="kim"))
    reads(road, "s4", there, [], 90)
    (event,) = [event for event in road.changes() if isinstance(event, AccountDisabled)]
    assert (event.is_explained, event.evidence.kind, event.evidence.ref) == (False, "certificate", "s4")


def test_a_refused_one_keeps_both(road: Road) -> None:
    reads(road, "s2", [*REST, renumbered()], [leaver(), renumbered()], 10)
    road.order(RefuseHold(school=SCHOOL, plan="rekey", hash=road.school().holds["rekey"].hash, operator="kim"))
    for number in range(3):
        reads(road, f"s{number + 3}", [*REST, renumbered()], [], 80.0 * (number + 1))
    assert OLD in road.enabled()
    assert road.school().holds["rekey"].state == "refused"


def test_a_leaver_and_somebody_else_who_joins_are_two(road: Road) -> None:
    other = renumbered(first_name="Bea", email="bea@abbey.example")
    reads(road, "s2", [*REST, other], [leaver(), other], 10)
    assert (OLD in road.enabled(), NEW in road.enabled()) == (False, True)


def test_who_is_there_again_under_the_old_id_is_no_suspect(road: Road) -> None:
    reads(road, "s2", [*REST, renumbered()], [renumbered()], 10)
    reads(road, "s3", [*PEOPLE, renumbered()], [PEOPLE[0]], 80)
    state = road.account(OLD)
    assert state is not None
    assert (state.twin, road.school().holds) == (None, {})
