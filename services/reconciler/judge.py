"""
Who of a close's plans goes, and who waits for a person. Pure (DESIGN §6, "The guard").

Each plan goes whole or is held whole, apart from what a person released. Whoever was announced before counts in the
total and is never let through by it. Beside the plans' own budgets: a code is lost however it is lost, so losses have
one total; the floors of several plans of disables do not add up to a school; and a school that was not empty is never
emptied without a person.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from services.reconciler import guard
from services.reconciler.budget_usage import Spending, recent_of_account
from services.reconciler.plans import Plans
from services.reconciler.reviewed_sets import Reviewed, reviewed
from shared import clock
from shared.contract.account_state import AccountState, SchoolState
from shared.contract.events import SweepCompleted
from shared.contract.model import Budget, Settings
from shared.contract.plans import PLANS

NOT_ASKED = "not_asked"  # among the causes of a sweep's absences: those whom nobody had time to ask for by id

Everybody = Callable[[], Iterable[AccountState]]


@dataclass
class JudgedPlan:
    """
    One plan. ``news``: who was not announced before; ``goes``: those of it whom the budget lets through; ``unspent``:
    those of these who count against none. ``waits``: whoever a second body must lack first; nobody has to be asked.
    """

    name: str
    people: list[str]
    later: list[str]
    reviewed: Reviewed
    budget: Budget
    news: list[str]
    goes: set[str] = field(default_factory=set)
    unspent: set[str] = field(default_factory=set)
    waits: set[str] = field(default_factory=set)
    headroom: int = 0

    @property
    def released(self) -> set[str]:
        """Who goes since a person said so."""
        return self.reviewed.released.intersection(self.people)

    @property
    def held_news(self) -> set[str]:
        return set(self.news) - self.goes - self.waits


@dataclass(frozen=True)
class _Court:
    """What all plans of one close are judged by."""

    school: SchoolState
    completed: SweepCompleted
    settings: Settings
    states: Mapping[str, AccountState]
    spending: Spending
    everybody: Everybody

    def windows(self, plan: str) -> tuple[guard.Window, ...]:
        return self.spending.windows(plan, self.school, self.school.enabled, self.completed.completed_at)


def judge(
    plans: Plans,
    school: SchoolState,
    completed: SweepCompleted,
    settings: Settings,
    states: Mapping[str, AccountState],
    spending: Spending,
    everybody: Everybody,
) -> dict[str, JudgedPlan]:
    """By plan. ``states`` are those that the plans were made of; ``everybody`` is asked only for year groups."""
    court = _Court(school, completed, settings, states, spending, everybody)
    found = {name: _begin(name, plans, court) for name in PLANS}
    lost = sum(_judged(one) for name, one in found.items() if name in guard.LOSSES)
    for name, one in found.items():
        _judge(one, court, lost if name in guard.LOSSES else _judged(one))
    _keep_the_school(found, court)
    return found


def _begin(name: str, plans: Plans, court: _Court) -> JudgedPlan:
    people, later = plans.people[name], plans.later[name]
    before = reviewed(court.school, name, [*people, *later], court.states)
    known = before.kept | before.released
    news = [student for student in people if student not in known]
    one = JudgedPlan(name, people, later, before, court.settings.budgets.get(name, guard.NOTHING), news)
    if name in guard.LOSSES:
        one.unspent = plans.unlimited.intersection(news)
    return one


def _judged(one: JudgedPlan) -> int:
    """The total of a plan: its news, and whoever waits for a person already."""
    return len(one.news) - len(one.unspent) + len(one.reviewed.kept)


def _judge(one: JudgedPlan, court: _Court, total: int) -> None:
    windows = court.windows(one.name)
    not_asked = court.completed.absences.by_cause.get(NOT_ASKED, 0) if one.name == guard.DISABLE_EXPLAINED else 0
    total += not_asked  # any of them may be another leaver
    decision = guard.decide(one.name, total, windows, one.budget)
    one.headroom = decision.headroom
    is_within = decision.is_within
    if is_within and one.news and one.name in (guard.DISABLE_UNEXPLAINED, guard.DISABLE_ABSENT):
        is_within = _spares_the_year_groups(one, court)
    one.goes = set(one.news) if is_within else _beside_a_hold(one, windows, not_asked) | one.unspent
    if one.name == guard.DISABLE_ABSENT and is_within:
        is_beyond = guard.is_beyond_the_floor(one.name, total, windows, one.budget)
        one.waits = {student for student in one.news if is_beyond and not _is_confirmed(student, court)}
        one.goes -= one.waits


def _is_confirmed(student: str, court: _Court) -> bool:
    """
    Whether a body before this one lacked the person too, as long ago as two sweeps lie apart that confirm an absence:
    whoever lost the answer pushes the same body again at once, and that is no second word.
    """
    state, opened = court.states[student], court.school.open
    if state.staged is None or opened is None or state.read_at is None or state.staged.offset >= opened.offset:
        return False
    apart = clock.minutes_between(state.read_at, court.completed.started_at)
    return apart >= court.settings.absence_confirm_minutes


def _beside_a_hold(one: JudgedPlan, windows: tuple[guard.Window, ...], not_asked: int) -> set[str]:
    """
    Whoever leaves while a plan of leavers waits for a person, up to the heads that the budget always allows: somebody
    who is expelled today must not keep their account until three hundred others were looked at.
    """
    if one.name != guard.DISABLE_EXPLAINED or not one.reviewed.kept:
        return set()
    heads = Budget(floor=one.budget.floor)
    return set(one.news) if guard.decide(one.name, len(one.news) + not_asked, windows, heads).is_within else set()


def _keep_the_school(found: Mapping[str, JudgedPlan], court: _Court) -> None:
    """Hold all disables that nobody released if, together, they are too many of the school, or all of it."""
    disables = [one for name, one in found.items() if name in (*guard.DISABLES, guard.REKEY)]
    going = sum(len(one.goes) for one in disables)
    if not going:
        return
    released = [student for one in disables for student in one.released if court.states[student].status == "enabled"]
    left = court.school.enabled - going - len(released)
    windows = court.spending.disables(court.school.enabled, court.completed.completed_at)
    if left <= 0 or not guard.disables_together(going, windows, court.settings.budgets):
        for one in disables:
            one.goes = set()


# --- year groups -----------------------------------------------------------------------------------------------------


def _spares_the_year_groups(one: JudgedPlan, court: _Court) -> bool:
    """As ``guard.cohorts_within`` says, counted as the other budgets are: in both windows, by year group."""
    of_group: dict[str, list[AccountState]] = {}
    for state in court.everybody():
        if (group := year_group_of(state)) is not None:
            of_group.setdefault(group, []).append(state)
    concerned = (*one.news, *one.reviewed.kept)
    planned = Counter(group for student in concerned if (group := year_group_of(court.states[student])) is not None)
    windows: list[dict[str, guard.Window]] = [{} for _ in guard.WINDOW_HOURS]
    for group in planned:
        there = of_group.get(group, [])
        recent = {state.student_id: recent_of_account(state) for state in there}
        enabled = sum(state.status == "enabled" for state in there)
        seen = Spending(recent).windows(one.name, court.school, enabled, court.completed.completed_at)
        for window, of_window in zip(windows, seen, strict=True):
            window[group] = of_window
    return guard.cohorts_within(planned, windows, court.settings.budgets[guard.COHORT])


def year_group_of(state: AccountState) -> str | None:
    """
    The year group of an account, which it keeps while the records' column is empty: its year, else its programmes, and
    only where it has neither the newest record's own.
    """
    if state.details is not None and state.details.year is not None:
        return f"year {state.details.year}"
    if state.programmes:
        return " ".join(state.programmes)
    record = state.assessment.student if state.assessment is not None else None
    return f"group {record.year_group}" if record is not None and record.year_group is not None else None
