"""
What the guard's table comes to for whole schools, on both sides of each limit: who goes at once, who waits.

New accounts and changed e-mails go at once while their budgets last; what is beyond is staged, and planned at a close.
"""

from collections.abc import Iterable
from pathlib import Path

import pytest

from services.reconciler import guard
from services.reconciler.budget_usage import Recent, Spending
from services.reconciler.close import Closing, close
from shared.contract.account_state import AccountState, CertifiedSweep, HeldPlan, StagedDisable, StagedUnenrol
from shared.contract.commands import PauseSchool, RefuseHold, ReleaseHold, ResumeSchool
from shared.contract.events import (
    AccountDisabled,
    AccountUpdated,
    HoldReleased,
    RemovalHeld,
    RemovalsHeld,
    StudentFetched,
    SweepReconciled,
)
from shared.contract.model import Student
from shared.structs import replace
from tests.harness.builders import SCHOOL, a_failed_sweep, a_leaver, a_student, a_sweep, at
from tests.harness.pipeline import Road, a_config
from tests.unit.reconciler.accounts import BEFORE, HISTORY, NOW, a_school, completed, enabled, some_settings

DAY = 24 * 60
ONE = enabled()
STAGED = StagedDisable(digest="d" * 32, offset=BEFORE)


def pupils(count: int, first: int = 0, **fields: str) -> list[Student]:
    return [a_student(str(3050000000 + first + n), **fields) for n in range(count)]


def ids(people: Iterable[Student]) -> set[str]:
    return {one.student_id for one in people}


class School:
    """A school whose first sweep was decided at minute 0."""

    def __init__(self, folder: Path, people: list[Student], more: str = "") -> None:
        self.road = Road(a_config(folder, more))
        self.sweeps = 0
        self.people = {one.student_id: one for one in people}
        self.told: dict[str, Student] = {}
        self.reads(0, full=True)

    def becomes(self, people: Iterable[Student]) -> None:
        self.people |= {one.student_id: one for one in people}

    def goes(self, who: Iterable[str]) -> None:
        for id in who:
            self.people.pop(id)

    def opens(self, minutes: float) -> None:
        """A sweep sends whoever is news and does not close."""
        self._fetch(minutes, is_whole=False)

    def reads(
        self, minutes: float, *, full: bool = False, appended: float | None = None, ends_after: float = 1
    ) -> SweepReconciled:
        """``appended``: the minute at which Kafka took it all, where the fetcher's clock is not right."""
        self._fetch(minutes, is_whole=True, full=full, appended=appended, ends_after=ends_after)
        return self._last()

    def fails(self, minutes: float, appended: float | None = None) -> SweepReconciled:
        self.sweeps += 1
        self.road.fetch(a_failed_sweep(f"s{self.sweeps}", [], minutes=minutes), minutes=minutes, appended=appended)
        self.road.run()
        return self._last()

    def _last(self) -> SweepReconciled:
        return [event for event in self.road.changes() if isinstance(event, SweepReconciled)][-1]

    def _fetch(
        self,
        minutes: float,
        *,
        is_whole: bool,
        full: bool = False,
        appended: float | None = None,
        ends_after: float = 1,
    ) -> None:
        self.sweeps += 1
        here = [one for one in self.people.values() if one.system_status != -1]
        sends = [one for id, one in self.people.items() if full or self.told.get(id) != one]
        events = a_sweep(f"s{self.sweeps}", here, sends=sends, minutes=minutes, full=full)
        events[-1] = replace(events[-1], completed_at=at(minutes + ends_after), started_at=at(minutes + ends_after - 1))
        self.road.fetch(events if is_whole else events[: len(sends) + 1], minutes=minutes, appended=appended)
        self.told |= {one.student_id: one for one in sends}
        self.road.run()

    def judge(self, plan: str, order: type[ReleaseHold] | type[RefuseHold] = ReleaseHold) -> None:
        hold = self.road.school().holds[plan]
        self.road.order(order(school=SCHOOL, plan=plan, hash=hold.hash, operator="kim"))
        self.road.run()

    def held(self, plan: str) -> tuple[int, str] | None:
        hold = self.road.school().holds.get(plan)
        return (hold.count, hold.state) if hold else None

    def has_email(self, domain: str) -> int:
        accounts = [self.road.account(id) for id in self.road.enabled()]
        return sum(bool(one and one.details and one.details.email.endswith(domain)) for one in accounts)


# --- new accounts ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("here", "join", "at_once"),
    [
        pytest.param(8, 20, 20, id="eight pupils: twenty heads are always allowed"),
        pytest.param(8, 21, 20, id="and not one more"),
        pytest.param(66, 20, 20, id="66 pupils: 30 % are 19, the floor is more"),
        pytest.param(70, 21, 21, id="70 pupils: 30 % are 21"),
        pytest.param(69, 21, 20, id="69 pupils: 21 would be 30.4 %"),
        pytest.param(100, 30, 30, id="100 pupils: 30"),
        pytest.param(100, 31, 30, id="31 of 100 are more, though they are 23.7 % of the 131"),
    ],
)
def test_joiners_go_at_once_up_to_the_last_head(tmp_path: Path, here: int, join: int, at_once: int) -> None:
    school = School(tmp_path, pupils(here))
    school.becomes(pupils(join, first=here))
    school.opens(10)
    assert len(school.road.enabled()) == here + at_once, "before the close"
    report = school.reads(20)
    assert len(school.road.enabled()) == here + at_once
    beyond = join - at_once
    assert school.held(guard.CREATE) == ((beyond, "held") if beyond else None)
    (told,) = [one for one in report.guards if one.plan == guard.CREATE]
    assert (told.planned, told.let_through, told.held) == (join, at_once, beyond)
    assert report.is_held is bool(beyond)


def test_a_first_sweep_makes_everybodys_account(tmp_path: Path) -> None:
    assert len(School(tmp_path, pupils(150)).road.enabled()) == 150


@pytest.mark.parametrize("fails", [0, 1, 2])
def test_until_a_sweep_was_decided_nobody_is_too_many(tmp_path: Path, fails: int) -> None:
    road = Road(a_config(tmp_path))
    for number in range(fails):
        road.fetch(
            a_failed_sweep(f"s{number}", pupils(100, first=number * 100), minutes=number * 5), minutes=number * 5
        )
    road.fetch(a_sweep("s9", pupils(300), minutes=30, full=True), minutes=30)
    road.run()
    assert len(road.enabled()) == 300


@pytest.mark.parametrize(
    ("earlier", "at_once"),
    [
        pytest.param(7 * DAY, 20, id="a week ago: no more"),
        pytest.param(7 * DAY - 1, 0, id="a minute less than a week"),
        pytest.param(DAY + 1, 0, id="more than a day: the week counts"),
    ],
)
def test_who_joined_within_a_week_counts(tmp_path: Path, earlier: float, at_once: int) -> None:
    """Of 40, twenty heads may join within a day and within a week; of the 60 by then, 30 % are fewer."""
    school = School(tmp_path, pupils(40))
    school.becomes(pupils(20, first=40))
    school.reads(10)
    assert len(school.road.enabled()) == 60
    school.becomes(pupils(20, first=90))
    school.opens(10 + earlier)
    assert len(school.road.enabled()) == 60 + at_once


def test_joiners_of_a_sweep_that_fails_are_delivered_and_count(tmp_path: Path) -> None:
    school = School(tmp_path, pupils(50))
    school.road.fetch(a_failed_sweep("f", pupils(15, first=50), minutes=10), minutes=10)
    school.road.fetch(a_failed_sweep("g", pupils(15, first=65), minutes=15), minutes=15)
    school.road.run()
    assert len(school.road.enabled()) == 70


def a_flood(folder: Path) -> School:
    """Forty pupils, and a sweep shows thirty more: ten are held."""
    school = School(folder, pupils(40))
    school.becomes(pupils(30, first=40))
    school.reads(10)
    assert school.held(guard.CREATE) == (10, "held")
    return school


def test_a_flood_is_told_once_by_heads(tmp_path: Path) -> None:
    school = a_flood(tmp_path)
    school.reads(20)
    told = [event for event in school.road.changes() if isinstance(event, RemovalsHeld | RemovalHeld)]
    assert len(told) == 11
    assert {event.plan for event in told} == {"create"}


def test_a_release_of_new_accounts_makes_those_who_are_still_there(tmp_path: Path) -> None:
    school = a_flood(tmp_path)
    held = [event.student_id for event in school.road.changes() if isinstance(event, RemovalHeld)]
    school.judge(guard.CREATE)
    assert len(school.road.enabled()) == 60, "at the next certified sweep"
    school.goes(held[:1])
    school.becomes(pupils(1, first=200))
    school.reads(20)
    assert school.road.enabled() == ids(pupils(70)) - {held[0]}, "who came since was not reviewed, and is beyond"
    assert school.held(guard.CREATE) == (1, "held")
    state = school.road.account(held[1])
    assert state is not None
    assert (state.spent, state.create, state.held) == ({}, None, {}), "what a person released does not spend"
    school.becomes([a_student(held[0])])
    school.reads(30)
    assert held[0] not in school.road.enabled(), "a release lets through once"


@pytest.mark.parametrize("order", [None, RefuseHold])
def test_a_week_lets_nobody_through_whom_a_person_was_asked_about(
    tmp_path: Path, order: type[RefuseHold] | None
) -> None:
    school = a_flood(tmp_path)
    if order is not None:
        school.judge(guard.CREATE, order)
    report = school.reads(10 + 8 * DAY)
    state = "refused" if order else "held"
    assert (len(school.road.enabled()), report.is_held) == (60, order is None)
    assert school.held(guard.CREATE) == (10, state)


def test_who_waits_does_not_slip_through_by_being_read_again(tmp_path: Path) -> None:
    school = a_flood(tmp_path)
    held = next(event.student_id for event in school.road.changes() if isinstance(event, RemovalHeld))
    later = 10 + 7 * DAY + 5
    school.road.read_one(StudentFetched(school=SCHOOL, student=a_student(held, last_name="Moss")), minutes=later)
    school.road.run()
    assert held not in school.road.enabled()


def test_who_came_since_goes_beside_them_while_there_is_room(tmp_path: Path) -> None:
    school = a_flood(tmp_path)
    school.becomes(pupils(2, first=90))
    school.opens(10 + 7 * DAY + 1)
    assert ids(pupils(2, first=90)) <= school.road.enabled()


def test_a_refused_flood_stays_out_until_it_differs(tmp_path: Path) -> None:
    school = a_flood(tmp_path)
    school.judge(guard.CREATE, RefuseHold)
    assert not school.reads(20).is_held
    assert school.held(guard.CREATE) == (10, "refused")
    school.becomes(pupils(1, first=90))
    assert school.reads(30).is_held
    assert school.held(guard.CREATE) == (1, "held"), "whoever came since is asked about by themselves"
    refused = school.road.school().refused[guard.CREATE]
    assert (refused.count, refused.state) == (10, "refused")
    school.judge(guard.CREATE)
    school.reads(40)
    assert len(school.road.enabled()) == 61
    assert (school.held(guard.CREATE), school.road.school().refused) == ((10, "refused"), {})


def test_who_is_held_and_is_no_longer_there_is_in_no_plan(tmp_path: Path) -> None:
    school = a_flood(tmp_path)
    held = [event.student_id for event in school.road.changes() if isinstance(event, RemovalHeld)]
    school.goes(held)
    report = school.reads(20)
    assert (report.is_held, school.held(guard.CREATE), report.counts[guard.CREATE]) == (False, None, 0)
    school.becomes([a_student(id) for id in held])
    school.told = {id: one for id, one in school.told.items() if id not in held}
    assert school.reads(30).is_held, "and is when they come back"


def test_an_email_that_is_taken_meanwhile_is_waited_for(tmp_path: Path) -> None:
    """Who was admitted wants an e-mail that another has by then: the one who has it keeps it."""
    school = a_flood(tmp_path)
    held = [event.student_id for event in school.road.changes() if isinstance(event, RemovalHeld)]
    wanted = a_student(held[0]).email
    school.road.read_one(StudentFetched(school=SCHOOL, student=a_student("3050000000", email=wanted)), minutes=15)
    school.road.run()
    school.judge(guard.CREATE)
    school.people["3050000000"] = school.told["3050000000"] = a_student("3050000000", email=wanted)
    school.reads(20)
    state = school.road.account(held[0])
    assert state is not None
    assert (state.status, state.waits_for_email) == ("none", wanted)
    assert len(school.road.enabled()) == 69


def test_in_a_paused_school_whoever_is_within_the_budget_joins(tmp_path: Path) -> None:
    school = School(tmp_path, pupils(50))
    school.road.order(PauseSchool(school=SCHOOL, operator="kim"))
    school.becomes(pupils(30, first=50))
    school.reads(10)
    assert (len(school.road.enabled()), school.held(guard.CREATE)) == (70, None)
    school.road.order(ResumeSchool(school=SCHOOL, operator="kim"))
    school.reads(20)
    assert school.held(guard.CREATE) == (10, "held"), "the others stayed staged"


# --- changed e-mails ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("here", "change", "at_once"),
    [
        pytest.param(10, 5, 5, id="ten pupils: five heads"),
        pytest.param(10, 6, 5, id="and not one more"),
        pytest.param(8, 5, 4, id="of eight no more than half"),
        pytest.param(119, 6, 5, id="119 pupils: 6 would be 5.04 %"),
        pytest.param(120, 6, 6, id="120 pupils: 6 are 5 %"),
        pytest.param(120, 7, 6, id="and not one more"),
    ],
)
def test_emails_change_at_once_up_to_the_last_head(tmp_path: Path, here: int, change: int, at_once: int) -> None:
    school = School(tmp_path, pupils(here))
    school.becomes(a_student(str(3050000000 + n), email=f"n{n}@new.example") for n in range(change))
    school.opens(10)
    assert school.has_email("new.example") == at_once, "before the close"
    report = school.reads(20)
    beyond = change - at_once
    assert (school.has_email("new.example"), report.is_held) == (at_once, bool(beyond))
    assert school.held(guard.EMAIL_CHANGE) == ((beyond, "held") if beyond else None)
    assert not [event for event in school.road.changes() if isinstance(event, AccountDisabled)]


def a_new_domain(folder: Path) -> School:
    school = School(folder, pupils(10))
    new = [a_student(str(3050000000 + n), email=f"n{n}@new.example") for n in range(8)]
    school.becomes(replace(one, year_group=9 if n > 4 else 10) for n, one in enumerate(new))
    school.reads(10)
    return school


def test_a_new_domain_is_held_while_the_rest_of_each_record_goes(tmp_path: Path) -> None:
    school = a_new_domain(tmp_path)
    assert (school.has_email("new.example"), school.held(guard.EMAIL_CHANGE)) == (5, (3, "held"))
    for id in ids(pupils(3, first=5)):
        found = school.road.account(id)
        assert found is not None
        assert found.details is not None
        assert (found.details.year, found.details.email) == (3, f"s{id}@abbey.example")


def test_it_changes_when_a_person_says_so(tmp_path: Path) -> None:
    school = a_new_domain(tmp_path)
    school.judge(guard.EMAIL_CHANGE)
    assert not school.reads(20).is_held
    assert school.has_email("new.example") == 8
    assert [type(event) for event in school.road.changes()[-4:-1]] == [AccountUpdated] * 3
    assert len([event for event in school.road.changes() if isinstance(event, HoldReleased)]) == 1


def test_another_address_than_the_reviewed_one_is_another_plan(tmp_path: Path) -> None:
    school = a_new_domain(tmp_path)
    before = school.road.school().holds[guard.EMAIL_CHANGE].hash
    school.judge(guard.EMAIL_CHANGE)
    school.becomes([a_student("3050000007", email="other@new.example")])
    school.reads(20)
    assert school.has_email("new.example") == 7
    assert school.held(guard.EMAIL_CHANGE) == (1, "held")
    assert school.road.school().holds[guard.EMAIL_CHANGE].hash != before


@pytest.mark.parametrize(
    ("earlier", "at_once"),
    [pytest.param(7 * DAY, 8, id="a week ago: no more"), pytest.param(7 * DAY - 1, 5, id="a minute less")],
)
def test_emails_changed_within_a_week_count(tmp_path: Path, earlier: float, at_once: int) -> None:
    school = School(tmp_path, pupils(10))
    school.becomes(a_student(str(3050000000 + n), email=f"n{n}@new.example") for n in range(5))
    school.reads(10)
    school.becomes(a_student(str(3050000005 + n), email=f"m{n}@new.example") for n in range(3))
    school.opens(10 + earlier)
    assert school.has_email("new.example") == at_once


def test_two_who_exchange_their_emails_are_two_changes(tmp_path: Path) -> None:
    """With room for one only, both wait, and a release exchanges them in one step."""
    school = School(tmp_path, pupils(8))
    school.becomes(a_student(str(3050000000 + n), email=f"n{n}@new.example") for n in range(4))
    school.reads(10)
    one, other = "3050000006", "3050000007"
    emails = {id: str(a_student(id).email) for id in (one, other)}
    school.becomes([a_student(one, email=emails[other]), a_student(other, email=emails[one])])
    school.reads(20)

    def has(id: str) -> str:
        state = school.road.account(id)
        assert state is not None
        assert state.details is not None
        return state.details.email

    assert (has(one), has(other), school.held(guard.EMAIL_CHANGE)) == (emails[one], emails[other], (2, "held"))
    school.judge(guard.EMAIL_CHANGE)
    school.reads(30)
    assert (has(one), has(other), school.held(guard.EMAIL_CHANGE)) == (emails[other], emails[one], None)


# --- whole schools --------------------------------------------------------------------------------------------------


def people(count: int, first: int = 0, **fields: object) -> list[AccountState]:
    return [replace(ONE, student_id=str(3050000000 + first + n), **fields) for n in range(count)]


def closed(states: list[AccountState], here: int, *, rollover: bool = False, holds: object = None) -> Closing:
    school = a_school(here, holds=holds or {})
    roll = frozenset(one.student_id for one in states if one.in_roll)
    known = {one.student_id: one for one in states}
    settings = some_settings(rollover=rollover)
    return close(school, completed(), settings, roll, known, {}, lambda: people(here), NOW)


def gone(closing: Closing) -> set[str]:
    return {change.student_id for change in closing.changes if isinstance(change, AccountDisabled)}


@pytest.mark.parametrize(
    ("leave", "here", "is_held"),
    [
        pytest.param(200, 1500, False, id="200 leavers of 1,500"),
        pytest.param(201, 1500, True, id="201: beyond the count, though they are 13.4 %"),
        pytest.param(301, 1500, True, id="301 leavers of 1,500"),
        pytest.param(4, 8, False, id="four of eight"),
        pytest.param(5, 8, True, id="five of eight: more than half"),
        pytest.param(60, 200, False, id="60 of a sixth form of 200"),
        pytest.param(61, 200, True, id="61 of them"),
    ],
)
def test_leavers_of_a_school(leave: int, here: int, is_held: bool) -> None:
    closing = closed(people(leave, staged=STAGED, in_roll=False), here)
    assert len(gone(closing)) == (0 if is_held else leave)
    assert closing.report.is_held is is_held


def test_three_hundred_and_one_leavers_go_when_a_person_says_so() -> None:
    states = people(301, staged=STAGED, in_roll=False)
    hold = closed(states, 1500).school.holds[guard.DISABLE_EXPLAINED]
    held = [replace(state, held={guard.DISABLE_EXPLAINED: hold.hash}) for state in states]
    closing = closed(held, 1500, holds={guard.DISABLE_EXPLAINED: replace(hold, state="released")})
    assert len(gone(closing)) == 301
    assert closing.school.holds == {}
    assert all(closing.states[one].spent == {} for one in gone(closing))


def expelled(states: list[AccountState], count: int) -> tuple[list[AccountState], HeldPlan]:
    """A held plan of leavers, and so many more who have left today."""
    hold = closed(states, 1500).school.holds[guard.DISABLE_EXPLAINED]
    held = [replace(state, held={guard.DISABLE_EXPLAINED: hold.hash}) for state in states]
    return [*held, *people(count, first=900, staged=STAGED, in_roll=False)], hold


@pytest.mark.parametrize("said", ["held", "refused"])
@pytest.mark.parametrize(
    ("count", "goes"),
    [pytest.param(1, True, id="one"), pytest.param(5, True, id="five"), pytest.param(6, False, id="six")],
)
def test_who_is_expelled_while_a_plan_is_held_goes_today(count: int, goes: bool, said: str) -> None:
    """Up to the heads that are always allowed; more of them are news of the plan that waits."""
    states, hold = expelled(people(301, staged=STAGED, in_roll=False), count)
    hold = replace(hold, state=said)
    closing = closed(states, 1500, holds={guard.DISABLE_EXPLAINED: hold})
    found = closing.school.holds[guard.DISABLE_EXPLAINED]
    assert len(gone(closing)) == (count if goes else 0)
    assert (found == hold) is goes, "the plan stays as it was, and is not announced again"
    if said == "refused" and not goes:
        assert closing.school.refused[guard.DISABLE_EXPLAINED] == hold, "the refused stay refused, by themselves"
        assert found.count == count
    else:
        assert found.count == (301 if goes else 301 + count)
    assert bool(closing.held) is not goes
    assert all(closing.states[one].spent == {guard.DISABLE_EXPLAINED: at(121)} for one in gone(closing))


def test_after_a_release_the_expelled_go_within_the_whole_budget() -> None:
    states, hold = expelled(people(301, staged=STAGED, in_roll=False), 6)
    closing = closed(states, 1500, holds={guard.DISABLE_EXPLAINED: replace(hold, state="released")})
    assert len(gone(closing)) == 307
    assert closing.school.holds == {}


def test_what_is_unexplained_goes_beside_no_held_plan() -> None:
    from shared.contract.account_state import Absence

    missing = {"absence": Absence(sweep="s8", started_at=at(60)), "in_roll": False}
    states = people(40, **missing)
    hold = closed(states, 1500).school.holds[guard.DISABLE_UNEXPLAINED]
    held = [replace(state, held={guard.DISABLE_UNEXPLAINED: hold.hash}) for state in states]
    closing = closed([*held, *people(1, first=900, **missing)], 1500, holds={guard.DISABLE_UNEXPLAINED: hold})
    assert gone(closing) == set()
    assert closing.school.holds[guard.DISABLE_UNEXPLAINED].count == 41


def test_a_sixth_form_of_two_years_in_september() -> None:
    """Half of it leaves, the other half moves up: the moves go, the leavers wait for a person."""
    leavers = people(100, staged=STAGED, in_roll=False)
    lost = StagedUnenrol(programmes=("Y10",), modules=(HISTORY,), offset=BEFORE)
    moves = people(100, first=100, programmes=("Y10", "Y11"), unenrol=lost)
    closing = closed([*leavers, *moves], 200, rollover=True)
    plans = {one.plan: one for one in closing.report.guards}
    assert (plans[guard.MOVE].let_through, plans[guard.MOVE].held) == (100, 0)
    assert (plans[guard.DISABLE_EXPLAINED].let_through, plans[guard.DISABLE_EXPLAINED].held) == (0, 100)
    assert set(closing.school.holds) == {guard.DISABLE_EXPLAINED}


def test_and_its_new_year_joins_up_to_thirty_percent(tmp_path: Path) -> None:
    school = School(tmp_path, pupils(40))
    school.becomes([a_leaver(str(3050000000 + n)) for n in range(20)])
    school.becomes(pupils(21, first=100))
    report = school.reads(10)
    plans = {one.plan: (one.let_through, one.held) for one in report.guards}
    assert plans[guard.DISABLE_EXPLAINED] == (0, 20), "half of it"
    assert plans[guard.CREATE] == (20, 1), "twenty heads"
    for plan in (guard.DISABLE_EXPLAINED, guard.CREATE):
        school.judge(plan)
    report = school.reads(20)
    assert (report.is_held, len(school.road.enabled())) == (False, 41)


# --- what was spent -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("minutes", "day", "week"),
    [
        pytest.param(0, 1, 1, id="now"),
        pytest.param(-5, 1, 1, id="told late: later than the moment that is judged"),
        pytest.param(DAY - 1, 1, 1, id="a minute less than a day ago"),
        pytest.param(DAY, 0, 1, id="a day ago"),
        pytest.param(7 * DAY - 1, 0, 1, id="a minute less than a week ago"),
        pytest.param(7 * DAY, 0, 0, id="a week ago"),
    ],
)
def test_a_window_has_what_went_later_than_its_edge(minutes: float, day: int, week: int) -> None:
    now = 30 * DAY
    spending = Spending({"1": Recent({guard.MOVE: at(now - minutes)}, at(now - minutes))})
    windows = spending.windows(guard.MOVE, a_school(), 100, at(now))
    assert windows == (guard.Window(day, 100 + day), guard.Window(week, 100 + week))


def test_accounts_made_since_the_last_close_are_not_those_before_the_plan() -> None:
    certified = CertifiedSweep(sweep="s", started_at=at(0), completed_at=at(1), offset=1)
    spending = Spending({str(n): Recent({guard.CREATE: at(n)}, None) for n in range(10)})
    (window, _) = spending.windows(guard.CREATE, a_school(certified=certified), 100, at(20))
    assert window == guard.Window(10, 92)
    assert spending.windows(guard.CREATE, a_school(certified=None), 100, at(20))[0] == guard.Window(10, 100)
    assert spending.windows(guard.MOVE, a_school(certified=certified), 100, at(20))[0] == guard.Window(0, 100)


def test_what_one_student_spends_is_counted_as_it_changes() -> None:
    before = Recent({guard.MOVE: at(1)}, at(2))
    spending = Spending({"1": before})
    assert (spending.since("disabled", at(0)), spending.since(guard.MOVE, at(0))) == (1, 1)
    spending.change(before, Recent({guard.MOVE: at(9), guard.CREATE: at(9)}, None))
    found = [spending.since(plan, at(5)) for plan in (guard.MOVE, guard.CREATE, "disabled")]
    assert found == [1, 1, 0]
    assert spending.since(guard.MOVE, at(0)) == 1
