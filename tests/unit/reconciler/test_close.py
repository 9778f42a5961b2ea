"""The close of a certified sweep: which removals are planned, which go, which are held, and what is told of them."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest

from services.reconciler import guard
from services.reconciler.absences import is_confirmed_absence, mark_absences
from services.reconciler.budget_usage import Recent
from services.reconciler.close import Closing, close
from services.reconciler.hold_hash import plan_hash
from shared.contract.account_state import Absence, AccountState, HeldPlan, SchoolState, StagedDisable, StagedUnenrol
from shared.contract.events import (
    Absences,
    AccountDisabled,
    Evidence,
    ModuleUnenrolled,
    RemovalHeld,
    RemovalsHeld,
    SweepCompleted,
)
from shared.contract.model import Budget, Settings, Student
from shared.contract.plans import PLANS
from shared.structs import replace
from tests.harness.builders import at
from tests.unit.reconciler.accounts import (
    BEFORE,
    ENGLISH,
    GEOGRAPHY,
    HISTORY,
    NOW,
    ONE,
    YEARS,
    a_school,
    completed,
    details,
    disabled,
    eligible,
    enabled,
    judged,
    left,
    never_had_one,
    some_settings,
)

EXPLAINED, UNEXPLAINED, UNENROL, MOVE = "disable_explained", "disable_unexplained", "unenrol", "move"
STAGED = StagedDisable(digest=left().digest, offset=BEFORE)
AN_HOUR_AGO = Absence(sweep="s8", started_at=at(60))
MUTED = StagedUnenrol(modules=(HISTORY,), offset=BEFORE)
MOVED = StagedUnenrol(modules=(HISTORY,), is_move=True, offset=BEFORE)
DAY, MINUTE = 24 * 60, 1


def people(count: int, **fields: Any) -> list[AccountState]:
    return [enabled(str(3050000001 + n), **fields) for n in range(count)]


def leavers(count: int) -> list[AccountState]:
    return people(count, staged=STAGED, in_roll=False)


def vanished(count: int, **fields: Any) -> list[AccountState]:
    """Whom the last certified sweep, an hour ago, lacked for the first time."""
    return people(count, **({"absence": AN_HOUR_AGO, "in_roll": False} | fields))


Everybody = Callable[[], Iterable[AccountState]]


def never() -> Iterable[AccountState]:
    raise AssertionError("the year groups were counted where nothing depends on it")


def by_year(field: str = "year_group", **counts: int) -> Everybody:
    """A school of so many enabled pupils in each year group: y10=30. ``field``: what their records say it in."""
    years = {}
    for name in counts:
        number = int(name[1:])
        year = YEARS[number] if field == "year_group" else number
        record = eligible(**{"year_group": None, field: number})
        years[name] = enabled(assessment=record, details=replace(details(), year=year))
    return lambda: [
        replace(years[name], student_id=f"{name}-{n}") for name, heads in counts.items() for n in range(heads)
    ]


a_large_year = by_year(y10=100)


def closed(
    states: Iterable[AccountState],
    *,
    there: Iterable[str] | None = None,
    school: SchoolState | None = None,
    event: SweepCompleted | None = None,
    settings: Settings | None = None,
    recent: Mapping[str, Recent] | None = None,
    cohorts: Everybody = a_large_year,
) -> Closing:
    """``there``: the roll (default: everybody whose record says that they are in it)."""
    known = {state.student_id: state for state in states}
    roll = {one for one, state in known.items() if state.in_roll} if there is None else set(there)
    return close(
        school or a_school(),
        event or completed(),
        settings or some_settings(),
        frozenset(roll),
        known,
        recent or {},
        cohorts,
        NOW,
    )


def gone(closing: Closing) -> set[str]:
    return {change.student_id for change in closing.changes if isinstance(change, AccountDisabled)}


def unenrolled(closing: Closing) -> set[str]:
    return {change.student_id for change in closing.changes if isinstance(change, ModuleUnenrolled)}


def ids(states: Iterable[AccountState]) -> set[str]:
    return {state.student_id for state in states}


def the_guard(closing: Closing, name: str) -> Any:
    return next(one for one in closing.report.guards if one.plan == name)


# --- who is absent --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "is_there", "in_roll", "absence"),
    [
        pytest.param(enabled(), True, True, None, id="there as before"),
        pytest.param(enabled(in_roll=False), True, True, None, id="there for the first time"),
        pytest.param(enabled(in_roll=False, absence=AN_HOUR_AGO), True, True, None, id="there again"),
        pytest.param(enabled(), False, False, Absence(sweep="s9", started_at=at(120)), id="gone for the first time"),
        pytest.param(enabled(in_roll=False, absence=AN_HOUR_AGO), False, False, AN_HOUR_AGO, id="gone again"),
        pytest.param(disabled(in_roll=True), False, False, None, id="a disabled one is not missed"),
        pytest.param(never_had_one(), False, False, None, id="nor one without an account"),
        pytest.param(never_had_one(in_roll=False), True, True, None, id="who is there without an account"),
    ],
)
def test_a_first_absence_is_remembered_with_its_sweep(
    state: AccountState, is_there: bool, in_roll: bool, absence: Absence | None
) -> None:
    marked = mark_absences({ONE: state}, frozenset({ONE} if is_there else ()), completed())[ONE]
    assert (marked.in_roll, marked.absence) == (in_roll, absence)
    assert replace(marked, in_roll=state.in_roll, absence=state.absence) == state


@pytest.mark.parametrize(
    ("state", "minutes", "is_confirmed"),
    [
        pytest.param(enabled(in_roll=False, absence=AN_HOUR_AGO), 60, True, id="an hour apart"),
        pytest.param(enabled(in_roll=False, absence=AN_HOUR_AGO), 60.001, False, id="a moment less than asked for"),
        pytest.param(enabled(in_roll=False, absence=AN_HOUR_AGO), 0, True, id="no wait is asked for"),
        pytest.param(
            enabled(in_roll=False, absence=Absence(sweep="s9", started_at=at(0))), 60, False, id="the same sweep again"
        ),
        pytest.param(
            enabled(in_roll=False, absence=Absence(sweep="s8", started_at=at(130))), 60, False, id="a sweep begun later"
        ),
        pytest.param(enabled(in_roll=False), 0, False, id="nothing was marked"),
        pytest.param(enabled(in_roll=True, absence=AN_HOUR_AGO), 0, False, id="in the roll"),
        pytest.param(enabled(in_roll=False, absence=AN_HOUR_AGO, staged=STAGED), 0, False, id="known to have left"),
        pytest.param(disabled(absence=AN_HOUR_AGO), 0, False, id="already disabled"),
    ],
)
def test_an_absence_needs_two_sweeps_begun_far_enough_apart(
    state: AccountState, minutes: float, is_confirmed: bool
) -> None:
    assert is_confirmed_absence(state, completed(), minutes) is is_confirmed


def test_how_far_apart_is_told_by_the_starts_of_the_sweeps() -> None:
    late = completed(started_at=at(119), completed_at=at(900))
    assert gone(closed(vanished(1), event=late)) == set()
    assert gone(closed(vanished(1), event=completed(started_at=at(120), completed_at=at(121)))) == {ONE}


# --- what is planned, and goes --------------------------------------------------------------------------------------


def test_a_leaver_by_record_goes_with_the_records_digest_as_evidence() -> None:
    closing = closed(leavers(1))
    evidence = Evidence(kind="record", ref=STAGED.digest, offset=NOW)
    assert closing.changes == [
        AccountDisabled(school="abbey", student_id=ONE, version=NOW, is_explained=True, evidence=evidence)
    ]
    state = closing.states[ONE]
    assert (state.status, state.evidence, state.spent) == ("disabled", evidence, {EXPLAINED: at(121)})


def test_a_leaver_who_is_still_on_the_pages_goes_too() -> None:
    assert gone(closed(people(1, staged=STAGED))) == {ONE}


def test_an_absence_goes_with_the_sweep_as_evidence() -> None:
    closing = closed(vanished(1))
    evidence = Evidence(kind="certificate", ref="s9", offset=NOW)
    assert closing.changes == [
        AccountDisabled(school="abbey", student_id=ONE, version=NOW, is_explained=False, evidence=evidence)
    ]
    assert closing.states[ONE].spent == {UNEXPLAINED: at(121)}
    assert closing.states[ONE].digest is None


def test_a_leaver_is_explained_though_they_are_absent_as_well() -> None:
    closing = closed(vanished(1, staged=STAGED))
    assert [change.is_explained for change in closing.changes if isinstance(change, AccountDisabled)] == [True]


def test_who_is_missing_for_the_first_time_stays() -> None:
    closing = closed(people(1), there=[])
    assert closing.changes == []
    assert closing.states[ONE].absence == Absence(sweep="s9", started_at=at(120))


def test_whoever_goes_keeps_the_enrolments() -> None:
    closing = closed([*vanished(1, unenrol=MUTED)])
    assert [type(change).__name__ for change in closing.changes] == ["AccountDisabled"]
    assert closing.states[ONE].modules == (ENGLISH, HISTORY)


@pytest.mark.parametrize(
    ("areas", "staged", "goes"),
    [
        pytest.param(("students", "sets"), MUTED, True, id="modules, the sets were read"),
        pytest.param(("students",), MUTED, False, id="modules, the sets were not read"),
        pytest.param(
            ("students",),
            StagedUnenrol(programmes=("Y10",), offset=BEFORE),
            True,
            id="a programme comes with the student",
        ),
        pytest.param(("students",), MOVED, False, id="a move of modules waits too"),
    ],
)
def test_an_enrolment_goes_when_its_area_was_certified(
    areas: tuple[str, ...], staged: StagedUnenrol, goes: bool
) -> None:
    closing = closed(people(1, unenrol=staged), event=completed(areas))
    assert bool(closing.changes) is goes
    if not goes:
        assert closing.states == {}, "it stays staged"


def test_the_changes_stand_in_the_order_of_the_students() -> None:
    closing = closed(reversed(leavers(5)))
    assert [change.student_id for change in closing.changes] == sorted(ids(leavers(5)))


def test_what_a_close_did_not_touch_does_not_come_out() -> None:
    closing = closed([enabled(), disabled("3050000002"), never_had_one("3050000003", in_roll=False)])
    assert (closing.states, closing.changes, closing.held) == ({}, [], [])


def test_every_state_that_comes_out_was_decided_at_the_close() -> None:
    closing = closed([*leavers(1), enabled("3050000002", in_roll=False, absence=AN_HOUR_AGO), *people(3)[2:]], there=[])
    assert {state.offset for state in closing.states.values()} == {NOW}
    assert closing.states["3050000003"].version == BEFORE, "a mark is no change of the account"


# --- budgets --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("states", "enabled_count", "how_many_go"),
    [
        pytest.param(leavers(5), 10, 5, id="explained: the floor"),
        pytest.param(leavers(5), 9, 0, id="explained: more than half"),
        pytest.param(leavers(1), 1, 0, id="explained: the only one"),
        pytest.param(leavers(6), 19, 0, id="explained: beyond the share"),
        pytest.param(leavers(6), 20, 6, id="explained: the share"),
        pytest.param(vanished(2), 4, 2, id="unexplained: the floor"),
        pytest.param(vanished(2), 3, 0, id="unexplained: more than half"),
        pytest.param(vanished(3), 149, 0, id="unexplained: beyond the share"),
        pytest.param(vanished(3), 150, 3, id="unexplained: the share"),
    ],
)
def test_a_plan_goes_whole_or_is_held_whole(states: list[AccountState], enabled_count: int, how_many_go: int) -> None:
    closing = closed(states, school=a_school(enabled_count))
    assert len(gone(closing)) == how_many_go
    assert closing.report.is_held is (how_many_go == 0)


@pytest.mark.parametrize(
    ("count", "of", "plan", "staged", "how_many_go"),
    [
        (5, 10, UNENROL, MUTED, 5),
        (5, 9, UNENROL, MUTED, 0),
        (6, 29, UNENROL, MUTED, 0),
        (6, 30, UNENROL, MUTED, 6),
        (1, 4, MOVE, MOVED, 0),
        (1, 5, MOVE, MOVED, 1),
        (6, 30, MOVE, MOVED, 6),
        (7, 30, MOVE, MOVED, 0),
    ],
)
def test_enrolments_have_budgets_of_their_own(
    count: int, of: int, plan: str, staged: StagedUnenrol, how_many_go: int
) -> None:
    closing = closed(people(count, unenrol=staged), school=a_school(of))
    assert len(unenrolled(closing)) == how_many_go
    assert closing.report.counts == dict.fromkeys(PLANS, 0) | {plan: count}
    if how_many_go:
        assert closing.states[ONE].spent == {plan: at(121)}


def test_in_the_rollover_moves_are_unlimited_and_nothing_else_is() -> None:
    rollover = some_settings(rollover=True)
    lost = StagedUnenrol(programmes=("Y10",), modules=(HISTORY,), is_move=True, offset=BEFORE)
    moves = people(50, programmes=("Y10", "Y11"), unenrol=lost)
    assert unenrolled(closed(moves)) == set()
    closing = closed(moves, settings=rollover)
    assert unenrolled(closing) == ids(moves)
    assert all(state.spent == {} for state in closing.states.values()), "nor do they count for what comes after"
    assert unenrolled(closed(people(50, unenrol=MOVED), settings=rollover)) == set(), "of a year that nobody leaves"
    assert unenrolled(closed(people(50, unenrol=MUTED), settings=rollover)) == set()
    assert gone(closed(leavers(31), settings=rollover)) == set()


def test_explained_leavers_never_wait_for_unexplained_ones() -> None:
    states = [*leavers(3), *vanished(10)[5:]]
    closing = closed(states)
    assert gone(closing) == ids(leavers(3))
    assert set(closing.school.holds) == {UNEXPLAINED}


def test_nor_the_other_way_round() -> None:
    states = [*leavers(40), *vanished(42)[40:]]
    closing = closed(states)
    assert gone(closing) == ids(states[40:])
    assert set(closing.school.holds) == {EXPLAINED}


@pytest.mark.parametrize(
    ("heads", "goes"),
    [
        pytest.param(9, True, id="nine are no year group"),
        pytest.param(10, False, id="three of ten are within, four are not"),
    ],
)
def test_a_year_group_is_not_lost_in_a_large_school(heads: int, goes: bool) -> None:
    closing = closed(vanished(4), school=a_school(1500), cohorts=by_year(y9=1000, y10=heads))
    assert bool(gone(closing)) is goes


def test_leavers_may_be_a_whole_year_group() -> None:
    """Year 13 in the summer: the budget of year groups is for unexplained absences."""
    closing = closed(leavers(10), cohorts=by_year(y10=10))
    assert len(gone(closing)) == 10


@pytest.mark.parametrize("states", [people(3), leavers(3), people(3, unenrol=MUTED), vanished(3)])
def test_the_year_groups_are_counted_only_where_it_matters(states: list[AccountState]) -> None:
    closed(states, cohorts=never)


@pytest.mark.parametrize(
    ("earlier", "goes"),
    [
        pytest.param(DAY + MINUTE, True, id="a day and a minute ago: within the week's share"),
        pytest.param(DAY, True, id="a day ago"),
        pytest.param(DAY - MINUTE, False, id="a minute less than a day"),
    ],
)
def test_what_went_in_the_last_day_counts(earlier: int, goes: bool) -> None:
    """
    Of 100, two may go unexplained within a day. In the week there are 150: 100 who are here and 50 who were disabled,
    and three may.
    """
    went = {f"1{n}": Recent({UNEXPLAINED: at(121 - earlier)}, at(121 - earlier)) for n in range(1)}
    others = {f"2{n}": Recent({}, at(121 - 2 * DAY)) for n in range(50)}
    assert bool(gone(closed(vanished(2), recent=went | others))) is goes


@pytest.mark.parametrize(
    ("earlier", "goes"),
    [
        pytest.param(7 * DAY, True, id="a week ago"),
        pytest.param(7 * DAY - MINUTE, False, id="a minute less than a week"),
    ],
)
def test_what_went_in_the_last_week_counts(earlier: int, goes: bool) -> None:
    went = {"1": Recent({UNEXPLAINED: at(121 - earlier)}, at(121 - earlier))}
    assert bool(gone(closed(vanished(2), recent=went))) is goes


def test_what_was_disabled_lately_counts_among_those_who_could_have_been() -> None:
    """Three of 149 are too many; three of 149 and one who went yesterday are not."""
    states, school = vanished(3), a_school(149)
    yesterday = {"1": Recent({}, at(100))}
    assert gone(closed(states, school=school)) == set()
    assert gone(closed(states, school=school, recent=yesterday)) == ids(states)


def test_each_plan_spends_from_its_own_budget() -> None:
    spent = {str(n): Recent({EXPLAINED: at(100), MOVE: at(100)}, None) for n in range(30)}
    assert gone(closed(vanished(2), recent=spent)) == ids(vanished(2))
    assert gone(closed(leavers(1), recent=spent)) == set()


# --- holds ----------------------------------------------------------------------------------------------------------


def a_hold(name: str, states: Iterable[AccountState], state: Any = "held", **fields: Any) -> HeldPlan:
    states = list(states)
    key = plan_hash(name, [(one.student_id, one) for one in states])
    return HeldPlan(hash=key, count=len(states), since=at(61), budget="-", headroom=-1, state=state, **fields)


def held(states: Iterable[AccountState], hold: HeldPlan, name: str = UNEXPLAINED) -> list[AccountState]:
    return [replace(state, held={name: hold.hash}) for state in states]


def test_a_held_plan_changes_no_account_and_is_told_by_heads() -> None:
    states = vanished(3)
    closing = closed(states)
    key = closing.school.holds[UNEXPLAINED].hash
    assert closing.changes == []
    assert closing.held == [
        RemovalsHeld(
            school="abbey", plan=UNEXPLAINED, hash=key, count=3, version=NOW, budget="2 heads or 2 %", headroom=-1
        ),
        *[
            RemovalHeld(school="abbey", student_id=one, plan=UNEXPLAINED, hash=key, version=NOW)
            for one in sorted(ids(states))
        ],
    ]
    assert closing.school.holds[UNEXPLAINED] == HeldPlan(
        hash=key, count=3, since=at(121), budget="2 heads or 2 %", headroom=-1
    )
    for state in states:
        assert closing.states[state.student_id] == replace(state, offset=NOW, held={UNEXPLAINED: key})


@pytest.mark.parametrize("said", ["held", "refused"])
def test_an_unchanged_plan_is_not_announced_again(said: str) -> None:
    hold = a_hold(UNEXPLAINED, vanished(3), said, operator="kim")
    closing = closed(held(vanished(3), hold), school=a_school(holds={UNEXPLAINED: hold}))
    assert (closing.held, closing.states, closing.changes) == ([], {}, [])
    assert closing.school.holds == {UNEXPLAINED: hold}, "since when, and what a person said, stays"
    assert closing.report.is_held is (said == "held")


@pytest.mark.parametrize("said", ["held", "refused", "released"])
def test_another_set_is_another_hold(said: str) -> None:
    hold = a_hold(UNEXPLAINED, vanished(7), said)
    states = vanished(3)  # of the seven, but as if nobody had reviewed them
    closing = closed(states, school=a_school(holds={UNEXPLAINED: hold}))
    found = closing.school.holds[UNEXPLAINED]
    assert (found.state, found.count, found.since) == ("held", 3, at(121))
    assert found.hash != hold.hash
    assert len(closing.held) == 4
    assert gone(closing) == set()


def test_a_release_lets_the_reviewed_go_and_does_not_spend() -> None:
    hold = a_hold(UNEXPLAINED, vanished(3), "released")
    closing = closed(held(vanished(3), hold), school=a_school(holds={UNEXPLAINED: hold}), cohorts=never)
    assert gone(closing) == ids(vanished(3))
    assert all(state.spent == {} for state in closing.states.values())
    assert closing.school.holds == {}
    report = the_guard(closing, UNEXPLAINED)
    assert (report.planned, report.released, report.let_through, report.held) == (3, 3, 0, 0)


def test_a_release_lets_through_those_who_still_stand() -> None:
    hold = a_hold(UNEXPLAINED, vanished(3), "released")
    first, *rest = held(vanished(3), hold)
    back = replace(first, in_roll=True)
    assert gone(closed([back, *rest], school=a_school(holds={UNEXPLAINED: hold}))) == ids(rest)


def test_a_release_lets_no_others_through() -> None:
    hold = a_hold(UNEXPLAINED, vanished(3), "released")
    states = [*held(vanished(3), hold), *vanished(6)[3:]]
    closing = closed(states, school=a_school(holds={UNEXPLAINED: hold}))
    assert gone(closing) == ids(vanished(3))
    found = closing.school.holds[UNEXPLAINED]
    assert (found.state, found.count) == ("held", 3)
    report = the_guard(closing, UNEXPLAINED)
    assert (report.planned, report.released, report.held) == (6, 3, 3)


def test_others_who_are_within_the_budget_go_beside_a_release_and_spend() -> None:
    hold = a_hold(UNEXPLAINED, vanished(3), "released")
    closing = closed([*held(vanished(3), hold), *vanished(5)[3:]], school=a_school(holds={UNEXPLAINED: hold}))
    assert gone(closing) == ids(vanished(5))
    assert {one for one, state in closing.states.items() if state.spent} == ids(vanished(5)[3:])


@pytest.mark.parametrize("said", ["held", "refused"])
def test_without_a_release_nobody_goes(said: str) -> None:
    hold = a_hold(UNEXPLAINED, vanished(3), said)
    assert gone(closed(held(vanished(3), hold), school=a_school(holds={UNEXPLAINED: hold}))) == set()


def test_a_release_of_one_plan_is_none_of_another() -> None:
    hold = a_hold(EXPLAINED, leavers(40), "released")
    states = [replace(state, held={EXPLAINED: hold.hash}) for state in vanished(3)]
    assert gone(closed(states, school=a_school(holds={EXPLAINED: hold}))) == set()


@pytest.mark.parametrize("said", ["held", "refused"])
@pytest.mark.parametrize("size", [100, 1000], ids=["within the heads", "within a larger school's share"])
def test_correcting_a_mistake_does_not_carry_it_out(said: str, size: int) -> None:
    """The office puts one of three right; that makes the other two no leavers."""
    hold = a_hold(UNEXPLAINED, vanished(3), said)
    first, *rest = held(vanished(3), hold)
    closing = closed([replace(first, in_roll=True), *rest], school=a_school(size, holds={UNEXPLAINED: hold}))
    assert gone(closing) == set()
    assert closing.school.holds == {UNEXPLAINED: replace(hold, count=2)}, "the set keeps its hash"
    assert closing.held == [], "and is not announced again"
    assert closing.states[first.student_id].held == {}


def test_a_release_of_a_set_that_has_shrunk_lets_the_rest_of_it_go() -> None:
    hold = a_hold(UNEXPLAINED, vanished(3))
    first, *rest = held(vanished(3), hold)
    school = closed([replace(first, in_roll=True), *rest], school=a_school(holds={UNEXPLAINED: hold})).school
    released = replace(school.holds[UNEXPLAINED], state="released")
    closing = closed(rest, school=a_school(holds={UNEXPLAINED: released}))
    assert gone(closing) == ids(rest)
    assert closing.school.holds == {}


def test_the_refused_and_those_who_come_after_are_two_sets() -> None:
    hold = a_hold(UNEXPLAINED, vanished(3), "refused")
    states = [*held(vanished(3), hold), *vanished(6)[3:]]
    closing = closed(states, school=a_school(holds={UNEXPLAINED: hold}))
    assert gone(closing) == set()
    assert closing.school.refused == {UNEXPLAINED: hold}
    news = closing.school.holds[UNEXPLAINED]
    assert (news.count, news.state) == (3, "held")
    assert [one.student_id for one in closing.held if isinstance(one, RemovalHeld)] == sorted(ids(vanished(6)[3:]))
    yes = replace(closing.school, open=a_school().open, holds={UNEXPLAINED: replace(news, state="released")})
    after = closed([closing.states.get(one.student_id, one) for one in states], school=yes)
    assert gone(after) == ids(vanished(6)[3:]), "a yes to the one is none to the other"
    assert (after.school.holds, after.school.refused) == ({UNEXPLAINED: hold}, {})


def test_two_refused_sets_become_one_that_nobody_is_told_of() -> None:
    old, new = a_hold(UNEXPLAINED, vanished(3), "refused"), a_hold(UNEXPLAINED, vanished(6)[3:], "refused")
    states = [*held(vanished(3), old), *held(vanished(6)[3:], new)]
    closing = closed(states, school=a_school(holds={UNEXPLAINED: new}, refused={UNEXPLAINED: old}))
    found = closing.school.holds[UNEXPLAINED]
    assert (found.count, found.state, closing.school.refused, closing.held) == (6, "refused", {}, [])
    assert {state.held[UNEXPLAINED] for state in closing.states.values()} == {found.hash}


def test_a_rekey_whose_heir_is_gone_is_no_ordinary_leaver_by_that() -> None:
    hold = a_hold(guard.REKEY, leavers(1), "refused")
    states = [replace(one, held={guard.REKEY: hold.hash}) for one in leavers(1)]
    closing = closed(states, school=a_school(holds={guard.REKEY: hold}))
    assert gone(closing) == set()
    assert closing.school.holds[EXPLAINED].state == "refused"


def test_a_leaver_whom_the_record_names_goes_though_their_absence_was_held() -> None:
    """That is another thing: the source has said it."""
    hold = a_hold(UNEXPLAINED, vanished(3))
    states = [replace(one, held={UNEXPLAINED: hold.hash}) for one in leavers(3)]
    closing = closed(states, school=a_school(holds={UNEXPLAINED: hold}))
    assert gone(closing) == ids(leavers(3))


# --- what is counted together ---------------------------------------------------------------------------------------


def absent(count: int, **fields: Any) -> list[AccountState]:
    """So many whom a pushed body has no more."""
    gone = judged(Student(student_id=ONE, lists=("absent",)))
    return [replace(one, assessment=gone, **fields) for one in leavers(count)]


@pytest.mark.parametrize(
    ("count", "size", "staged_at", "goes", "is_held"),
    [
        pytest.param(5, 1150, NOW, 5, False, id="five: at once"),
        pytest.param(6, 1150, NOW, 0, False, id="six: a second body must lack them too"),
        pytest.param(6, 1150, BEFORE, 6, False, id="and it does"),
        pytest.param(57, 1150, BEFORE, 57, False, id="57 of 1,150 are 4.96 %"),
        pytest.param(58, 1150, BEFORE, 0, True, id="58 are more than 5 %, however many bodies lack them"),
        pytest.param(150, 1150, NOW, 0, True, id="a body that ends after 1,000"),
        pytest.param(5, 8, BEFORE, 0, True, id="five of eight"),
        pytest.param(2, 2, BEFORE, 0, True, id="everybody"),
    ],
)
def test_whom_a_pushed_body_lacks(count: int, size: int, staged_at: int, goes: int, is_held: bool) -> None:
    states = absent(count, staged=StagedDisable(digest="d" * 32, offset=staged_at))
    closing = closed(states, school=a_school(size), cohorts=list)
    assert (len(gone(closing)), closing.report.is_held) == (goes, is_held)
    waits = 0 if is_held else count - goes
    assert closing.report.counts.get("awaits_second_body", 0) == waits
    if is_held:
        assert set(closing.school.holds) == {guard.DISABLE_ABSENT}


@pytest.mark.parametrize(
    ("minutes", "goes"), [pytest.param(60, True, id="an hour later"), pytest.param(61, False, id="a minute less")]
)
def test_the_same_body_again_is_no_second_word(minutes: float, goes: bool) -> None:
    """The sweep begins two hours after the first of the day; its sender may have lost the answer to the one before."""
    first = absent(6, staged=StagedDisable(digest="d" * 32, offset=BEFORE), read_at=at(minutes))
    closing = closed(first, school=a_school(1150), cohorts=list)
    assert bool(gone(closing)) is goes
    assert closing.report.counts.get("awaits_second_body", 0) == (0 if goes else 6)


def test_what_makes_a_list_look_cut_goes_with_the_hold() -> None:
    event = completed(absences=Absences(suspicions=("end_of_the_last_body",)))
    states = [*absent(150), *people(160, unenrol=MUTED)[150:]]
    closing = closed(states, school=a_school(1150), event=event, cohorts=list)
    assert closing.school.holds[guard.DISABLE_ABSENT].suspicions == ("end_of_the_last_body",)
    told = {one.plan: one.suspicions for one in closing.held if isinstance(one, RemovalsHeld)}
    assert told == {guard.DISABLE_ABSENT: ("end_of_the_last_body",)}


def test_whom_nobody_asked_for_may_be_leavers_too() -> None:
    """Fifty of three hundred were asked for by id: judged alone they would be within the budget."""
    event = completed(absences=Absences(by_cause={"not_asked": 250}))
    assert gone(closed(leavers(50), school=a_school(571), event=event)) == set()
    assert len(gone(closed(leavers(50), school=a_school(571)))) == 50


def test_a_code_is_lost_however_it_is_lost() -> None:
    """Fifteen by a move and ten by an un-enrolment are a quarter of a hundred: neither goes."""
    states = [*people(15, unenrol=MOVED), *people(25, unenrol=MUTED)[15:]]
    closing = closed(states)
    assert unenrolled(closing) == set()
    assert {plan: hold.count for plan, hold in closing.school.holds.items()} == {MOVE: 15, UNENROL: 10}


def test_three_floors_do_not_add_up_to_a_school() -> None:
    states = [*leavers(4), *vanished(6)[4:]]
    assert gone(closed(states, school=a_school(10))) == set(), "six of ten, by two floors"
    assert len(gone(closed(states, school=a_school(12)))) == 6, "half of twelve"


@pytest.mark.parametrize("share", ["1/1"])
def test_a_school_is_never_emptied_without_a_person(share: str) -> None:
    every = {name: Budget(floor=9, share=share) for name in (*guard.DISABLES, guard.COHORT)}
    settings = some_settings(budgets=every)
    closing = closed(leavers(4), school=a_school(4), settings=settings)
    assert (gone(closing), closing.school.holds[EXPLAINED].count) == (set(), 4)
    assert len(gone(closed(leavers(4), school=a_school(5), settings=settings))) == 4
    yes = replace(closing.school.holds[EXPLAINED], state="released")
    states = [closing.states[one.student_id] for one in leavers(4)]
    assert len(gone(closed(states, school=a_school(4, holds={EXPLAINED: yes}), settings=settings))) == 4


def test_a_mark_of_a_hold_that_is_gone_goes_too() -> None:
    closing = closed(people(1, held={UNEXPLAINED: "h" * 16}))
    assert closing.states[ONE].held == {}


@pytest.mark.parametrize("staged", [MUTED, MOVED])
def test_a_release_of_unenrolments_takes_them_away(staged: StagedUnenrol) -> None:
    name, states = (MOVE if staged.is_move else UNENROL), people(50, unenrol=staged)
    hold = a_hold(name, states, "released")
    closing = closed(held(states, hold, name), school=a_school(holds={name: hold}))
    assert unenrolled(closing) == ids(states)
    assert all(state.spent == {} for state in closing.states.values())


def test_a_held_unenrolment_stands_while_the_sets_are_not_read() -> None:
    """Sets are read every few hours, students every few minutes: a hold must outlive the sweeps between."""
    states = people(50, unenrol=MUTED)
    for said in ("held", "released", "refused"):
        hold = a_hold(UNENROL, states, said)
        known = held(states, hold, UNENROL)
        between = closed(known, school=a_school(holds={UNENROL: hold}), event=completed(("students",)))
        assert between.school.holds == {UNENROL: hold}
        assert (between.states, between.changes, between.held) == ({}, [], [])
        assert between.report.is_held is (said == "held")


def test_a_programme_does_not_slip_past_a_hold_that_waits_for_the_sets() -> None:
    """The plan is held whole: what is known without the sets waits for the rest of it."""
    of_modules = people(50, unenrol=MUTED)
    hold = a_hold(UNENROL, of_modules)
    more = enabled("3060000000", unenrol=StagedUnenrol(programmes=("Y10",), offset=BEFORE))
    states = [*held(of_modules, hold, UNENROL), more]
    closing = closed(states, school=a_school(holds={UNENROL: hold}), event=completed(("students",)))
    assert closing.school.holds[UNENROL].count == 51, "the set has one more"
    assert closing.changes == []


def test_a_paused_schools_held_unenrolments_stand_without_the_sets_too() -> None:
    states = people(50, unenrol=MUTED)
    hold = a_hold(UNENROL, states)
    school = a_school(is_paused=True, holds={UNENROL: hold})
    closing = closed(held(states, hold, UNENROL), school=school, event=completed(("students",)))
    assert (closing.school.holds, closing.states) == ({UNENROL: hold}, {})


def test_a_held_unenrolment_is_decided_when_the_sets_are_read_again() -> None:
    states = people(50, unenrol=MUTED)
    hold = a_hold(UNENROL, states, "released")
    closing = closed(held(states, hold, UNENROL), school=a_school(holds={UNENROL: hold}))
    assert unenrolled(closing) == ids(states)
    assert closing.school.holds == {}


def test_without_a_hold_a_programme_does_not_wait_for_the_sets() -> None:
    of_module, of_programme = people(2)
    states = [
        replace(of_module, unenrol=MUTED),
        replace(of_programme, unenrol=StagedUnenrol(programmes=("Y10",), offset=BEFORE)),
    ]
    closing = closed(states, event=completed(("students",)))
    assert [type(change).__name__ for change in closing.changes] == ["ProgrammeUnenrolled"]
    assert closing.report.counts[UNENROL] == 1


def test_a_held_absence_stands_through_the_rollover() -> None:
    states = vanished(3)
    hold = a_hold(UNEXPLAINED, states, "refused", operator="kim")
    closing = closed(
        held(states, hold), school=a_school(holds={UNEXPLAINED: hold}), settings=some_settings(rollover=True)
    )
    assert closing.school.holds == {UNEXPLAINED: hold}


# --- the hash that a person reviews ---------------------------------------------------------------------------------


def hash_of(name: str, *states: AccountState) -> str:
    return plan_hash(name, [(state.student_id, state) for state in states])


def test_a_plans_hash_has_nothing_that_another_sweep_would_change() -> None:
    first, second = vanished(2)
    later = replace(
        first, offset=99, read_at=at(500), absence=Absence(sweep="s7", started_at=at(1)), digest="d", assessed="e"
    )
    assert hash_of(UNEXPLAINED, first, second) == hash_of(UNEXPLAINED, second, later)


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        pytest.param(UNEXPLAINED, vanished(2), vanished(3), id="one more"),
        pytest.param(UNEXPLAINED, vanished(3)[:2], vanished(3)[1:], id="another"),
        pytest.param(
            UNENROL,
            people(1, unenrol=MUTED),
            people(1, unenrol=StagedUnenrol(modules=(ENGLISH,), offset=BEFORE)),
            id="another module",
        ),
        pytest.param(
            UNENROL,
            people(1, unenrol=MUTED),
            people(1, unenrol=StagedUnenrol(modules=(ENGLISH, HISTORY), offset=BEFORE)),
            id="one module more",
        ),
    ],
)
def test_a_plans_hash_tells_what_a_person_would_review(
    name: str, one: list[AccountState], other: list[AccountState]
) -> None:
    assert hash_of(name, *one) != hash_of(name, *other)


def test_the_same_people_under_another_plan_are_another_hash() -> None:
    assert hash_of(EXPLAINED, *leavers(3)) != hash_of(UNEXPLAINED, *vanished(3))


# --- paused ---------------------------------------------------------------------------------------------------------


def test_a_paused_school_removes_nothing_and_keeps_what_was_staged() -> None:
    states = [*vanished(2, staged=STAGED), *vanished(4)[2:], *people(6, unenrol=MUTED)[4:]]
    closing = closed(states, school=a_school(is_paused=True), cohorts=never)
    assert (closing.changes, closing.held) == ([], [])
    assert closing.states == {}, "everything is as it was"
    assert closing.report.is_paused
    assert closing.report.counts == dict.fromkeys(PLANS, 0) | {EXPLAINED: 2, UNEXPLAINED: 2, UNENROL: 2}


def test_a_paused_schools_absences_are_seen_all_the_same() -> None:
    closing = closed(people(1), there=[], school=a_school(is_paused=True))
    assert closing.states[ONE].absence == Absence(sweep="s9", started_at=at(120))


@pytest.mark.parametrize("said", ["held", "released", "refused"])
def test_a_paused_schools_holds_stand(said: str) -> None:
    hold = a_hold(UNEXPLAINED, vanished(3), said)
    first, *rest = held(vanished(3), hold)
    school = a_school(is_paused=True, holds={UNEXPLAINED: hold})
    closing = closed([replace(first, in_roll=True, absence=None), *rest], school=school)
    assert gone(closing) == set()
    assert closing.school.holds == {UNEXPLAINED: hold}
    assert closing.states[first.student_id].held == {}, "who is back is not in the reviewed set any more"
    assert rest[0].student_id not in closing.states


# --- what is told, and what the school remembers --------------------------------------------------------------------


def test_a_report_tells_each_guard_and_its_headroom() -> None:
    states = [*leavers(3), *vanished(6)[3:], *people(8, unenrol=MUTED)[6:], *people(9, unenrol=MOVED)[8:]]
    report = closed(states).report
    assert (report.outcome, report.sweep, report.version, report.is_held) == ("certified", "s9", NOW, True)
    assert report.roll_count == 3
    assert {
        one.plan: (one.planned, one.let_through, one.released, one.held, one.headroom) for one in report.guards
    } == {
        EXPLAINED: (3, 3, 0, 0, 27),
        UNEXPLAINED: (3, 0, 0, 3, -1),
        "disable_absent": (0, 0, 0, 0, 5),
        UNENROL: (2, 2, 0, 0, 17),
        MOVE: (1, 1, 0, 0, 17),
        "create": (0, 0, 0, 0, 30),
        "enable": (0, 0, 0, 0, 10),
        "email_change": (0, 0, 0, 0, 5),
        "update": (0, 0, 0, 0, 50),
        "rekey": (0, 0, 0, 0, 0),
        "nulled_column": (0, 0, 0, 0, 0),
    }
    assert the_guard(closed(states), EXPLAINED).budget == "5 heads or 30 % and 200"


@pytest.mark.parametrize("full", [True, False])
def test_a_school_remembers_its_close(full: bool) -> None:
    before = a_school(areas={"students": 3, "staff": 4}, full_offset=7)
    settings = some_settings(version="v2")
    school = closed([], school=before, event=completed(("students",), full=full), settings=settings).school
    assert (school.open, school.offset, school.settings_version) == (None, NOW, "v2")
    assert school.certified is not None
    assert (school.certified.sweep, school.certified.started_at) == ("s9", at(120))
    assert (school.certified.completed_at, school.certified.offset) == (at(121), NOW)
    assert school.full_offset == (NOW if full else 7)
    assert school.areas == {"students": NOW, "staff": 4}


def test_a_budget_of_ones_own_is_used() -> None:
    budgets = some_settings().budgets | {UNEXPLAINED: Budget(floor=0, share="1/1")}
    settings = some_settings(budgets=budgets)
    assert len(gone(closed(vanished(50), settings=settings, cohorts=by_year(y10=200)))) == 50


def test_the_year_group_of_a_pushed_student_is_its_year() -> None:
    record = eligible(year_group=None, year=2)
    states = [replace(state, assessment=record, details=replace(details(), year=2)) for state in vanished(4)]
    assert gone(closed(states, school=a_school(1500), cohorts=by_year("year", y2=10))) == set()


def test_modules_of_two_students_are_told_apart() -> None:
    first, second = people(2)
    states = [
        replace(first, unenrol=MUTED),
        replace(second, unenrol=StagedUnenrol(modules=(ENGLISH, GEOGRAPHY), offset=BEFORE)),
    ]
    closing = closed(states)
    assert [
        (change.student_id, change.module) for change in closing.changes if isinstance(change, ModuleUnenrolled)
    ] == [
        (first.student_id, HISTORY),
        (second.student_id, ENGLISH),
        (second.student_id, GEOGRAPHY),
    ]
