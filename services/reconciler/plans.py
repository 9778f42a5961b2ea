"""
Of whom what would change at a close, by plan. Pure (DESIGN §6).

Whoever was announced under a plan stays in it while the same thing is to happen to them, though they alone would be
planned otherwise: what a person was asked about is not decided under another name.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from services.reconciler import emptied_columns, guard
from services.reconciler.absences import is_confirmed_absence
from services.reconciler.enrolments import needs_sets
from services.reconciler.rollover import is_of_the_turn
from shared.contract.account_state import AccountState, StagedUnenrol
from shared.contract.events import SweepCompleted
from shared.contract.model import Settings
from shared.contract.plans import PLANS

ADMITTED = (guard.CREATE, guard.ENABLE, guard.EMAIL_CHANGE)
ABSENT = ("absent",)  # the lists of somebody whom a pushed body lacks


@dataclass(frozen=True)
class PlanContext:
    """
    What a plan is made from. ``nulled``: the columns that have emptied; ``is_released``: whether a person has released
    somebody under a plan; ``programme_of``: the programme of each module, asked only at the turn of the year.
    """

    completed: SweepCompleted
    settings: Settings
    nulled: frozenset[str]
    is_released: Callable[[str, str], bool]
    programme_of: Callable[[], Mapping[str, str]]


@dataclass
class Plans:
    """
    ``people`` by plan, in the order of their ids; ``later``: those for whom it stands and whom this sweep cannot judge.
    ``unlimited``: those whose loss of codes is the turn of the year's.
    """

    people: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in PLANS})
    later: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in PLANS})
    unlimited: set[str] = field(default_factory=set)


def plans_of(states: Mapping[str, AccountState], closed: PlanContext) -> Plans:
    """A person who is to be disabled keeps their enrolments: they go with the account."""
    plans = Plans()
    for student in sorted(states):
        state = states[student]
        if state.status != "enabled":
            plan, staged = (guard.CREATE, state.create) if state.status == "none" else (guard.ENABLE, state.enable)
            if staged is not None and state.in_roll:
                plans.people[guard.REKEY if plan == guard.CREATE and state.other_id else plan].append(student)
        elif (name := _disable_of(state, closed)) is not None:
            is_paused = name == guard.DISABLE_UNEXPLAINED and closed.settings.rollover
            where = plans.later if is_paused and not closed.is_released(name, student) else plans.people
            where[name].append(student)
        else:
            _plan_details(plans, closed, student, state)
            _plan_enrolments(plans, closed, student, state)
    return plans


def _disable_of(state: AccountState, closed: PlanContext) -> str | None:
    """Under which plan somebody would be disabled, if they would."""
    if state.staged is not None:
        if state.other_id:
            return guard.REKEY
        return guard.DISABLE_ABSENT if is_absent(state) else guard.DISABLE_EXPLAINED
    if is_confirmed_absence(state, closed.completed, closed.settings.absence_confirm_minutes):
        return guard.REKEY if state.other_id else guard.DISABLE_UNEXPLAINED
    return None


def is_absent(state: AccountState) -> bool:
    """Whether all that the newest record says is that a pushed body lacks the person."""
    record = state.assessment.student if state.assessment is not None else None
    return record is not None and record.lists == ABSENT


def _plan_details(plans: Plans, closed: PlanContext, student: str, state: AccountState) -> None:
    if state.email_change is not None and state.in_roll:
        plans.people[guard.EMAIL_CHANGE].append(student)
    if (update := state.update) is None or not state.in_roll:
        return
    is_nulled = bool(update.collapsed) or not closed.nulled.isdisjoint(update.columns)
    name = guard.NULLED_COLUMN if is_nulled or _is_marked(state, guard.NULLED_COLUMN) else guard.UPDATE
    is_said = state.assessment is not None and state.assessment.details is not None
    (plans.people if is_said else plans.later)[name].append(student)  # an undecided record says nothing to take


def _plan_enrolments(plans: Plans, closed: PlanContext, student: str, state: AccountState) -> None:
    if (lost := state.unenrol) is None:
        return
    name = _marked_for(state) or _loss_of(state, lost, closed)
    if name is None:
        name = guard.MOVE
        plans.unlimited.add(student)
    is_known = not needs_sets(lost) or "sets" in closed.completed.certificate.areas
    where = plans.people if is_known else plans.later
    if student not in plans.people[name] and student not in plans.later[name]:
        where[name].append(student)


def _marked_for(state: AccountState) -> str | None:
    """Under which plan a person was asked about the codes."""
    if _is_marked(state, guard.NULLED_COLUMN) and emptied_columns.emptied_enrolments(state):
        return guard.NULLED_COLUMN
    return next((plan for plan in guard.LOSSES if _is_marked(state, plan)), None)


def _loss_of(state: AccountState, lost: StagedUnenrol, closed: PlanContext) -> str | None:
    """
    Under which plan codes are lost; None where nothing limits it. In September the old sets are gone before the new
    ones are made: no column has emptied by that.
    """
    if closed.settings.rollover and is_of_the_turn(state, lost, closed.programme_of()):
        return None
    if not closed.nulled.isdisjoint(emptied_columns.emptied_enrolments(state)):
        return guard.NULLED_COLUMN
    return guard.MOVE if lost.is_move else guard.UNENROL


def _is_marked(state: AccountState, plan: str) -> bool:
    return plan in state.held
