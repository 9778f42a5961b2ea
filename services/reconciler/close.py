"""
The close of a certified sweep: all removals of a population, planned and decided together. Pure (DESIGN §6).

Explained and unexplained removals are separate plans, so that a leaver never waits for a mystery; enrolments are two
more. New accounts, changed e-mails and details that could not go at once are planned here as well.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

from services.reconciler import changed_ids, emptied_columns, guard
from services.reconciler.absences import mark_absences
from services.reconciler.announce import HoldsAfter, announce, keep
from services.reconciler.budget_usage import Recent, Spending
from services.reconciler.changes import Change
from services.reconciler.judge import JudgedPlan, judge
from services.reconciler.plans import ADMITTED, PlanContext, plans_of
from services.reconciler.removals import disable, unenrol, update
from services.reconciler.reviewed_sets import is_released
from services.reconciler.rollover import kept
from shared.contract.account_state import AccountState, CertifiedSweep, SchoolState
from shared.contract.events import Evidence, GuardReport, RemovalHeld, RemovalsHeld, SweepCompleted, SweepReconciled
from shared.contract.model import Settings
from shared.structs import replace

AWAITED = "awaits_second_body"  # among a report's counts


@dataclass(frozen=True)
class Closing:
    """
    What a close comes to: the states that it changed, the changes in the order of the plans and then of the students,
    the holds' events, the school after it and its report.

    ``admitted``: whose new account or changed e-mail may now take effect, by plan, and whether it spends. That depends
    on who has which e-mail by then, so whoever carries the close out decides them, in this order.
    """

    states: dict[str, AccountState]
    changes: list[Change]
    held: list[RemovalsHeld | RemovalHeld]
    school: SchoolState
    report: SweepReconciled
    admitted: tuple[tuple[str, str, bool], ...] = ()


@dataclass
class _Work:
    completed: SweepCompleted
    at: int
    states: dict[str, AccountState]
    changes: list[Change] = field(default_factory=list)
    admitted: list[tuple[str, str, bool]] = field(default_factory=list)


def close(
    school: SchoolState,
    completed: SweepCompleted,
    settings: Settings,
    roll: frozenset[str],
    states: Mapping[str, AccountState],
    recent: Mapping[str, Recent],
    everybody: Callable[[], Iterable[AccountState]],
    at: int,
    programme_of: Callable[[], Mapping[str, str]] = dict,
) -> Closing:
    """
    Decide the removals of one certified sweep, and whatever else waits for one.

    Shape: ``states`` has at least everybody with something pending, who joined the roll or who left it; ``recent``
    what the last 7 days spent; ``everybody`` gives all of the school and is asked only where year groups or columns
    matter, ``programme_of`` the programme of each module, only at the turn of the year. Every state that comes out has
    been decided at ``at``, the lane offset of the SweepCompleted.
    """
    marked = changed_ids.mark(states, mark_absences(states, roll, completed), roll, completed.completed_at)
    work = _Work(completed, at, marked)
    spending = Spending(recent)
    drops = emptied_columns.drops(marked, everybody)
    released = partial(_is_released, school, marked)
    plans = plans_of(marked, PlanContext(completed, settings, emptied_columns.nulled(drops), released, programme_of))
    if school.is_paused:
        judged, held = {}, keep(school, plans, marked)
    else:
        judged = judge(plans, school, completed, settings, marked, spending, everybody)
        held = announce(school, judged, marked, drops, completed.absences.suspicions, completed.completed_at, at)
    for one in judged.values():
        _carry_out(work, one)
    _mark(work, held)
    counts = {name: len(people) for name, people in plans.people.items()} | kept(plans.later) | _awaited(judged)
    report = SweepReconciled(
        school=school.school,
        kind=school.kind,
        sweep=completed.sweep,
        version=at,
        outcome="certified",
        is_held=any(hold.state == "held" for hold in held.holds.values()),
        is_paused=school.is_paused,
        roll_count=len(roll),
        counts=counts,
        guards=tuple(_report(one, school, spending) for one in judged.values()),
        columns=tuple(drops),
    )
    after = {student: replace(state, offset=at) for student, state in work.states.items() if state != states[student]}
    school = _school_after(school, completed, settings, held, at)
    return Closing(after, work.changes, held.events, school, report, tuple(work.admitted))


def _mark(work: _Work, held: HoldsAfter) -> None:
    """Write into each record which held sets have the person."""
    for student, state in work.states.items():
        if state.held != (marks := held.marks.get(student, {})):
            work.states[student] = replace(state, held=marks)


def _school_after(
    school: SchoolState, completed: SweepCompleted, settings: Settings, held: HoldsAfter, at: int
) -> SchoolState:
    certified = CertifiedSweep(
        sweep=completed.sweep, started_at=completed.started_at, completed_at=completed.completed_at, offset=at
    )
    return replace(
        school,
        offset=at,
        open=None,
        certified=certified,
        full_offset=at if completed.full else school.full_offset,
        areas=school.areas | dict.fromkeys(completed.certificate.areas, at),
        holds=held.holds,
        refused=held.refused,
        rollover=settings.rollover,
        settings_version=settings.version,
        budgets=settings.budgets,
        fill=emptied_columns.fill_of(completed),
    )


def _is_released(school: SchoolState, states: Mapping[str, AccountState], plan: str, student: str) -> bool:
    return is_released(school, plan, states[student])


def _awaited(judged: Mapping[str, JudgedPlan]) -> dict[str, int]:
    count = sum(len(one.waits) for one in judged.values())
    return {AWAITED: count} if count else {}


def _report(one: JudgedPlan, school: SchoolState, spending: Spending) -> GuardReport:
    """What a plan came to. Accounts and e-mails that took effect since the last close, within their budgets, count."""
    before = school.certified
    at_once = spending.since(one.name, before.completed_at) if one.name in ADMITTED and before is not None else 0
    return GuardReport(
        plan=one.name,
        planned=len(one.people) + at_once,
        let_through=len(one.goes) + at_once,
        released=len(one.released),
        held=len(one.held_news) + len(one.reviewed.kept),
        headroom=one.headroom,
        budget=guard.words(one.budget),
    )


def _carry_out(work: _Work, one: JudgedPlan) -> None:
    for student in one.people:
        if student in one.released:
            _take_effect(work, one.name, student, None)
        elif student in one.goes:
            _take_effect(work, one.name, student, None if student in one.unspent else one.name)


def _take_effect(work: _Work, name: str, student: str, spends: str | None) -> None:
    """Let what one plan has for one person happen. ``spends``: the budget that it counts against, if any."""
    state, when = work.states[student], work.completed.completed_at
    if name in ADMITTED or state.create is not None:  # whoever joins as somebody's heir has no account yet
        work.admitted.append((name, student, spends is not None))
        return
    if name in (*guard.DISABLES, guard.REKEY):
        evidence = Evidence(kind="certificate", ref=work.completed.sweep, offset=work.at)
        if state.staged is not None:
            evidence = Evidence(kind="record", ref=state.staged.digest, offset=work.at)
        state, changes = disable(state, evidence, when, spends)
    elif name in guard.LOSSES:
        state, changes = unenrol(state, work.at, when, spends)
    elif name == guard.UPDATE:
        state, changes = update(state, work.at, when, spends)
    else:
        is_emptied = bool(emptied_columns.emptied_enrolments(state))
        state, changes = update(state, work.at, when, None)
        if is_emptied:
            state, more = unenrol(state, work.at, when, None)
            changes = changes + more
    work.states[student] = state
    work.changes.extend(changes)
