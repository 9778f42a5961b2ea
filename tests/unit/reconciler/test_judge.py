"""Single sums of the guard at a close: what a year group is, what is left of a school, what counts nowhere."""

from typing import Any

import pytest

from services.reconciler import guard
from services.reconciler.close import Closing
from services.reconciler.hold_hash import plan_hash
from services.reconciler.judge import year_group_of
from services.reconciler.plans import PlanContext, plans_of
from services.reconciler.reviewed_sets import all_sets, is_released, refused_before, reviewed
from shared.contract.account_state import AccountState, HeldPlan, StagedDisable, StagedUnenrol, StagedUpdate
from shared.contract.events import Absences, AccountDisabled
from shared.structs import replace
from tests.harness.builders import at
from tests.unit.reconciler.accounts import (
    BEFORE,
    HISTORY,
    NOW,
    a_school,
    a_slip,
    completed,
    details,
    eligible,
    enabled,
    never_had_one,
    some_settings,
)
from tests.unit.reconciler.test_close import STAGED, absent, closed, leavers, people, vanished


def gone(closing: Closing) -> int:
    return sum(isinstance(one, AccountDisabled) for one in closing.changes)


def a_hold(key: str = "h", state: str = "held", since: str = at(0)) -> HeldPlan:
    return HeldPlan(hash=key, count=1, since=since, budget="", headroom=0, state=state)  # type: ignore[arg-type]


# --- year groups -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "group"),
    [
        pytest.param({}, "year 4", id="the account's year"),
        pytest.param({"details": replace(details(), year=0)}, "year 0", id="a year of 0 is one"),
        pytest.param({"details": replace(details(), year=None)}, "Y10", id="its programme, where it has no year"),
        pytest.param({"details": None, "programmes": ("BSC", "MSC")}, "BSC MSC", id="or its programmes"),
        pytest.param({"details": None, "programmes": ()}, "group 10", id="the record's, where it has neither"),
        pytest.param({"details": None, "programmes": (), "assessment": None}, None, id="nothing is known"),
        pytest.param(
            {"details": None, "programmes": (), "assessment": eligible(year_group=None)}, None, id="nothing is said"
        ),
    ],
)
def test_the_year_group_of_an_account(fields: dict[str, Any], group: str | None) -> None:
    assert year_group_of(enabled(**fields)) == group


@pytest.mark.parametrize(
    ("spent", "goes"),
    [
        pytest.param({}, True, id="three of ten"),
        pytest.param({guard.DISABLE_UNEXPLAINED: at(100)}, False, id="and one who went an hour ago"),
        pytest.param({guard.DISABLE_EXPLAINED: at(100)}, True, id="who went since a record said so counts elsewhere"),
    ],
)
def test_who_went_before_counts_in_their_year_group(spent: dict[str, str], goes: bool) -> None:
    there = [enabled(str(n)) for n in range(9)]
    there.append(enabled("9", status="disabled", disabled_at=at(100), spent=spent))
    closing = closed(vanished(3), school=a_school(1500), cohorts=lambda: there)
    assert bool(gone(closing)) is goes


@pytest.mark.parametrize(("not_asked", "goes"), [(0, 1), (4, 1), (5, 0)])
def test_whom_nobody_asked_for_counts_beside_a_held_plan_too(not_asked: int, goes: int) -> None:
    """Of five heads, so many may be leavers whom nobody has asked about."""
    hold = a_hold()
    held = [replace(one, held={guard.DISABLE_EXPLAINED: "h"}) for one in leavers(40)]
    event = completed(absences=Absences(by_cause={"not_asked": not_asked}))
    school = a_school(100, holds={guard.DISABLE_EXPLAINED: hold})
    assert gone(closed([*held, *leavers(41)[40:]], school=school, event=event)) == goes


# --- the school as a whole -------------------------------------------------------------------------------------------


def test_who_is_released_leaves_the_school_as_well() -> None:
    """Two by a person's yes and two by a budget are all four of them."""
    hold = a_hold(state="released")
    first = [replace(one, held={guard.DISABLE_UNEXPLAINED: "h"}) for one in vanished(2)]
    states = [*first, *leavers(4)[2:]]
    holds = {guard.DISABLE_UNEXPLAINED: hold}
    closing = closed(states, school=a_school(4, holds=holds))
    assert gone(closing) == 2, "the two who were released"
    assert closing.school.holds[guard.DISABLE_EXPLAINED].count == 2
    assert gone(closed(states, school=a_school(5, holds=holds))) == 4


def test_of_a_single_pupil_codes_may_go_and_the_account_may_not() -> None:
    lost = people(1, unenrol=StagedUnenrol(modules=(HISTORY,), offset=BEFORE))
    assert len(closed(lost, school=a_school(1)).changes) == 1
    assert closed(leavers(1), school=a_school(1)).changes == []


def test_an_heir_who_is_let_in_takes_nobody_away() -> None:
    hold = a_hold(state="released")
    joins = never_had_one("9", create=BEFORE, other_id="7", held={guard.REKEY: "h"}, assessment=eligible("9"))
    closing = closed([joins, *leavers(1)], school=a_school(2, holds={guard.REKEY: hold}))
    assert gone(closing) == 1
    assert closing.admitted == ((guard.REKEY, "9", False),)


def test_what_the_turn_of_the_year_takes_counts_for_no_other_loss() -> None:
    lost = StagedUnenrol(programmes=("Y10",), modules=(HISTORY,), offset=BEFORE)
    turn = people(50, programmes=("Y10", "Y11"), unenrol=lost)
    others = people(60, unenrol=StagedUnenrol(modules=(HISTORY,), offset=BEFORE))[50:]
    settings = some_settings(rollover=True)
    closing = closed([*turn, *others], settings=settings)
    assert {one.student_id for one in closing.changes} == {one.student_id for one in [*turn, *others]}
    more = people(75, unenrol=StagedUnenrol(modules=(HISTORY,), offset=BEFORE))[50:]
    closing = closed([*turn, *more], settings=settings)
    assert {one.student_id for one in closing.changes} == {one.student_id for one in turn}, "25 % wait, and they alone"


# --- a second body ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("school", "person"),
    [
        pytest.param({"open": None}, {}, id="of a sweep that nobody saw begin"),
        pytest.param({}, {"read_at": None}, id="of a body that came nobody knows when"),
        pytest.param({}, {"staged": StagedDisable(digest="d" * 32, offset=NOW - 1)}, id="of the sweep's own beginning"),
    ],
)
def test_no_second_word_is_seen_where_nobody_knows_the_first(school: dict[str, Any], person: dict[str, Any]) -> None:
    closing = closed([replace(one, **person) for one in absent(6)], school=a_school(1150, **school), cohorts=list)
    assert gone(closing) == 0
    assert closing.report.counts["awaits_second_body"] == 6


# --- plans and sets ---------------------------------------------------------------------------------------------------


def planned(state: AccountState) -> dict[str, tuple[list[str], list[str]]]:
    closed_by = PlanContext(completed(), some_settings(), frozenset(), lambda plan, student: False, dict)
    plans = plans_of({state.student_id: state}, closed_by)
    return {
        name: (plans.people[name], plans.later[name])
        for name in plans.people
        if plans.people[name] or plans.later[name]
    }


LOST = StagedUnenrol(modules=(HISTORY,), offset=BEFORE)
UPDATE = StagedUpdate(fields=("phone",), columns=("phone",), offset=BEFORE)


@pytest.mark.parametrize(
    ("state", "plans"),
    [
        pytest.param(never_had_one("1", create=BEFORE), {guard.CREATE: (["1"], [])}, id="a new account"),
        pytest.param(never_had_one("1", create=BEFORE, in_roll=False), {}, id="of somebody who is not there"),
        pytest.param(never_had_one("1", create=BEFORE, other_id="2"), {guard.REKEY: (["1"], [])}, id="of an heir"),
        pytest.param(never_had_one("1"), {}, id="of nobody"),
        pytest.param(
            never_had_one("1", status="disabled", enable=BEFORE, other_id="2"),
            {guard.ENABLE: (["1"], [])},
            id="a return",
        ),
        pytest.param(enabled("1", email_change=BEFORE), {guard.EMAIL_CHANGE: (["1"], [])}, id="an e-mail"),
        pytest.param(enabled("1", email_change=BEFORE, in_roll=False), {}, id="of somebody who is gone"),
        pytest.param(enabled("1", update=UPDATE), {guard.UPDATE: (["1"], [])}, id="a detail"),
        pytest.param(enabled("1", update=UPDATE, in_roll=False), {}, id="a detail of somebody who is gone"),
        pytest.param(
            enabled("1", update=UPDATE, held={guard.NULLED_COLUMN: "h"}),
            {guard.NULLED_COLUMN: (["1"], [])},
            id="a detail that a person was asked about as a column's",
        ),
        pytest.param(
            enabled("1", update=UPDATE, assessment=a_slip("1")), {guard.UPDATE: ([], ["1"])}, id="while undecided"
        ),
        pytest.param(enabled("1", update=UPDATE, assessment=None), {guard.UPDATE: ([], ["1"])}, id="without a record"),
        pytest.param(
            enabled("1", unenrol=LOST, assessment=eligible("1", modules=()), held={guard.NULLED_COLUMN: "h"}),
            {guard.NULLED_COLUMN: (["1"], [])},
            id="codes that a person was asked about as a column's",
        ),
        pytest.param(
            enabled("1", unenrol=LOST, held={guard.NULLED_COLUMN: "h"}),
            {guard.UNENROL: (["1"], [])},
            id="but of a column that has something again",
        ),
        pytest.param(enabled("1", unenrol=LOST, held={guard.MOVE: "h"}), {guard.MOVE: (["1"], [])}, id="or as a move"),
        pytest.param(
            enabled("1", unenrol=LOST, assessment=eligible("1", modules=())), {guard.UNENROL: (["1"], [])}, id="nobody"
        ),
        pytest.param(enabled("1", staged=STAGED, other_id="2"), {guard.REKEY: (["1"], [])}, id="a leaver with an heir"),
        pytest.param(
            enabled("1", staged=STAGED, assessment=None),
            {guard.DISABLE_EXPLAINED: (["1"], [])},
            id="a leaver of whom the record is lost",
        ),
        pytest.param(
            replace(vanished(1)[0], student_id="1", other_id="2"),
            {guard.REKEY: (["1"], [])},
            id="missing, with an heir",
        ),
    ],
)
def test_each_account_has_its_plan(state: AccountState, plans: dict[str, tuple[list[str], list[str]]]) -> None:
    assert planned(state) == plans


@pytest.mark.parametrize("waits", ["overwritten", "collapsed"])
def test_a_nulled_plan_is_reviewed_with_its_values_and_its_codes(waits: str) -> None:
    """Else a yes to one telephone would be a yes to another, or to the loss of modules that nobody was shown."""
    update = StagedUpdate(fields=("phone",), columns=(), offset=BEFORE, **{waits: ("phone",)})

    def key(phone: str, lost: StagedUnenrol | None) -> str:
        record = eligible("1", phone=phone, modules=())
        state = enabled("1", update=update, unenrol=lost, assessment=record)
        return plan_hash(guard.NULLED_COLUMN, [("1", state)], frozenset({"modules"}))

    keys = [key("1", None), key("2", None), key("1", LOST), key("1", replace(LOST, modules=("Y10-ENG", HISTORY)))]
    assert len(set(keys)) == 4


def test_a_mark_of_which_the_set_is_gone_waits() -> None:
    state = enabled("1", held={guard.UPDATE: "gone"})
    found = reviewed(a_school(), guard.UPDATE, ["1"], {"1": state})
    assert (found.waiting, found.refused, found.released) == ({"1"}, set(), set())


def test_all_sets_are_named_by_plan_with_both_of_one() -> None:
    school = a_school(holds={"b": a_hold("1"), "a": a_hold("2")}, refused={"b": a_hold("3", "refused")})
    assert [(plan, hold.hash) for plan, hold in all_sets(school)] == [("a", "2"), ("b", "1"), ("b", "3")]


def test_the_newest_refusal_is_the_one_that_is_kept() -> None:
    older, newer = a_hold("1", "refused", at(1)), a_hold("2", "refused", at(2))
    school = a_school(holds={guard.UPDATE: newer}, refused={guard.UPDATE: older})
    assert refused_before(school, guard.UPDATE) == newer
    assert is_released(school, guard.UPDATE, enabled(held={guard.UPDATE: "2"})) is False
    yes = a_school(holds={guard.UPDATE: a_hold("2", "released")})
    assert is_released(yes, guard.UPDATE, enabled(held={guard.UPDATE: "2"})) is True
    assert is_released(yes, guard.UPDATE, enabled()) is False
