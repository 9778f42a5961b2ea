"""
The close of a certified sweep: all removals of a book, planned and decided together. Pure (DESIGN §6).

Explained and unexplained removals are separate plans, so that a leaver never waits for a mystery; enrolments are two
more. New accounts, changed e-mails and emptied details that could not go at once are planned here as well. Each plan
goes whole or is held whole, apart from what a person released.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from services.reconciler import columns, guard, twins
from services.reconciler.absences import is_confirmed_absence, mark_absences
from services.reconciler.reconcile import Change, changed, disable, empty, unenrol
from services.reconciler.reviewed import ENROLMENTS, plan_hash
from services.reconciler.rollover import effect, kept
from services.reconciler.spending import Recent, Spending
from shared.events import (
    ColumnDrop,
    Evidence,
    GuardReport,
    RemovalHeld,
    RemovalsHeld,
    SweepCompleted,
    SweepReconciled,
)
from shared.model import Budget, Settings
from shared.state import AccountState, CertifiedSweep, HeldPlan, SchoolState

PLANS = (
    *(guard.DISABLE_EXPLAINED, guard.DISABLE_UNEXPLAINED, guard.REKEY, guard.UNENROL, guard.MOVE),
    *(guard.CREATE, guard.EMAIL_CHANGE, guard.NULLED_COLUMN),
)
ADMITTED = (guard.CREATE, guard.EMAIL_CHANGE)


@dataclass(frozen=True)
class Closing:
    """
    What a close comes to: the states that it changed, the changes in the order of the students, the holds' events, the
    school after it and its report.

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
    school: SchoolState
    completed: SweepCompleted
    settings: Settings
    at: int
    spending: Spending
    states: dict[str, AccountState]
    drops: dict[str, ColumnDrop] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    admitted: list[tuple[str, str, bool]] = field(default_factory=list)
    held: list[RemovalsHeld | RemovalHeld] = field(default_factory=list)
    guards: list[GuardReport] = field(default_factory=list)
    holds: dict[str, HeldPlan] = field(default_factory=dict)
    marks: dict[str, dict[str, str]] = field(default_factory=dict)


def plan(work: "_Work") -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """
    Of whom what would change, by plan; and, by plan, of whom it stands but cannot be judged by this sweep.

    A person who is to be disabled keeps their enrolments: they go with the account.
    """
    plans: dict[str, list[str]] = {name: [] for name in PLANS}
    later: dict[str, list[str]] = {name: [] for name in PLANS}
    for student in sorted(work.states):
        state = work.states[student]
        if state.status != "enabled":
            if state.create is not None and state.in_roll:
                plans[guard.REKEY if state.twin else guard.CREATE].append(student)
        elif state.staged is not None:
            plans[guard.REKEY if state.twin else guard.DISABLE_EXPLAINED].append(student)
        elif is_confirmed_absence(state, work.completed, work.settings.absence_confirm_minutes):
            name = guard.REKEY if state.twin else guard.DISABLE_UNEXPLAINED
            is_paused = effect(guard.DISABLE_UNEXPLAINED, work.settings) == "paused"
            where = later if is_paused and not _is_released(work, name, student) else plans
            where[name].append(student)
        else:
            _plan_details(work, student, state, plans)
            _plan_enrolments(work, student, state, plans, later)
    return plans, later


def _plan_details(work: "_Work", student: str, state: AccountState, plans: dict[str, list[str]]) -> None:
    if state.email_change is not None and state.in_roll:
        plans[guard.EMAIL_CHANGE].append(student)
    if state.update is not None and not work.drops.keys().isdisjoint(state.update.columns):
        plans[guard.NULLED_COLUMN].append(student)


def _plan_enrolments(
    work: "_Work", student: str, state: AccountState, plans: dict[str, list[str]], later: dict[str, list[str]]
) -> None:
    if (lost := state.unenrol) is None:
        return
    is_known = not lost.modules or "sets" in work.completed.certificate.areas
    name = guard.MOVE if lost.is_move else guard.UNENROL
    if not work.drops.keys().isdisjoint(columns.emptied_enrolments(state)):
        name = guard.NULLED_COLUMN
    where = plans if is_known else later
    if student not in where[name]:
        where[name].append(student)


def close(
    school: SchoolState,
    completed: SweepCompleted,
    settings: Settings,
    roll: frozenset[str],
    states: Mapping[str, AccountState],
    recent: Mapping[str, Recent],
    everybody: Callable[[], Iterable[AccountState]],
    at: int,
) -> Closing:
    """
    Decide the removals of one certified sweep, and whatever else waits for one.

    Shape: ``states`` has at least everybody with something pending, who joined the roll or who left it; ``recent``
    what the last 7 days spent; ``everybody`` gives all of the school and is asked only where year groups matter. Every
    state that comes out has been decided at ``at``, the lane offset of the SweepCompleted.
    """
    marked = twins.mark(states, mark_absences(states, roll, completed), roll, completed.completed_at)
    work = _Work(school, completed, settings, at, Spending(recent), marked)
    waiting = Counter(column for state in marked.values() for column in columns.emptied_for(state))
    work.drops = columns.drops(school.fill, completed, waiting) if waiting else {}
    if not school.is_paused:
        _empty_the_others(work)
    plans, later = plan(work)
    for name in PLANS:
        people = plans[name]
        if school.is_paused or any(_is_held(work, name, student) for student in later[name]):
            _keep_hold(work, name, people + later[name])
        else:
            _decide(work, name, people, everybody)
    for student, state in work.states.items():
        if state.held != (marks := work.marks.get(student, {})):
            work.states[student] = changed(state, held=marks)
    after = {student: changed(state, at=at) for student, state in work.states.items() if state != states[student]}
    certified = CertifiedSweep(
        sweep=completed.sweep, started_at=completed.started_at, completed_at=completed.completed_at, at=at
    )
    waits = [work.states[student] for student, marks in work.marks.items() if guard.NULLED_COLUMN in marks]
    still = {column for state in waits for column in columns.emptied_for(state)}
    unsettled = {column: drop for column, drop in work.drops.items() if column in still}
    school = changed(
        school,
        at=at,
        open=None,
        certified=certified,
        full_at=at if completed.full else school.full_at,
        areas=school.areas | dict.fromkeys(completed.certificate.areas, at),
        holds=work.holds,
        settings_version=settings.version,
        budgets=settings.budgets,
        fill=school.fill if school.is_paused else columns.baseline(school.fill, completed, unsettled),
    )
    report = SweepReconciled(
        school=school.school,
        kind=school.kind,
        sweep=completed.sweep,
        version=at,
        outcome="certified",
        is_held=any(hold.state == "held" for hold in work.holds.values()),
        is_paused=school.is_paused,
        roll_count=len(roll),
        counts={name: len(people) for name, people in plans.items()} | kept(later),
        guards=tuple(work.guards),
        columns=tuple(work.drops.values()),
    )
    return Closing(after, work.changes, work.held, school, report, tuple(work.admitted))


def _decide(work: _Work, name: str, people: list[str], everybody: Callable[[], Iterable[AccountState]]) -> None:
    released = {student for student in people if _is_released(work, name, student)}
    rest = [student for student in people if student not in released]
    budget = work.settings.budgets.get(name, guard.NOTHING)
    windows = work.spending.windows(name, work.school, work.school.enabled, work.completed.completed_at)
    decision = guard.decide(len(rest), windows, budget)
    is_within = decision.is_within or effect(name, work.settings) == "unlimited"
    if is_within and rest and name == guard.DISABLE_UNEXPLAINED:
        is_within = _spares_the_year_groups(work, rest, everybody())
    goes = set(rest) if is_within else _beside_a_hold(work, name, rest, windows, budget)
    for student in people:
        if student in released or student in goes:
            _carry_out(work, name, student, spends=None if student in released else name)
    if held := [student for student in rest if student not in goes]:
        _hold(work, name, held, budget, decision.headroom)
    at_once = _gone_at_once(work, name)
    work.guards.append(
        GuardReport(
            plan=name,
            planned=len(people) + at_once,
            let_through=len(goes) + at_once,
            released=len(released),
            held=len(held),
            headroom=decision.headroom,
            budget=guard.words(budget),
        )
    )


def _gone_at_once(work: _Work, name: str) -> int:
    """New accounts and changed e-mails that took effect since the last close, within their budgets."""
    before = work.school.certified
    return work.spending.since(name, before.completed_at) if name in ADMITTED and before is not None else 0


def _beside_a_hold(
    work: _Work, name: str, rest: list[str], windows: tuple[guard.Window, ...], budget: Budget
) -> set[str]:
    """
    Whoever leaves while a plan of leavers waits for a person, up to the heads that the budget always allows: somebody
    who is expelled today must not keep their account until three hundred others were looked at.
    """
    hold = work.school.holds.get(name)
    if name != guard.DISABLE_EXPLAINED or hold is None or hold.state == "released":
        return set()
    newcomers = {student for student in rest if not _is_held(work, name, student)}
    heads = Budget(floor=budget.floor)
    return newcomers if guard.decide(len(newcomers), windows, heads).is_within else set()


def _carry_out(work: _Work, name: str, student: str, spends: str | None) -> None:
    state, when = work.states[student], work.completed.completed_at
    changes: list[Change] = []
    if name in ADMITTED or state.create is not None:
        work.admitted.append((name, student, spends is not None))
        return
    if name in (guard.DISABLE_EXPLAINED, guard.DISABLE_UNEXPLAINED, guard.REKEY):
        evidence = Evidence(kind="certificate", ref=work.completed.sweep, at=work.at)
        if state.staged is not None:
            evidence = Evidence(kind="record", ref=state.staged.digest, at=work.at)
        state, changes = disable(state, evidence, when, spends)
    elif name in ENROLMENTS:
        state, changes = unenrol(state, work.at, when, spends)
    else:
        state, changes = empty(state, work.at)
        if not work.drops.keys().isdisjoint(columns.emptied_enrolments(state)):
            state, more = unenrol(state, work.at, when, None)
            changes = changes + more
    work.states[student] = state
    work.changes.extend(changes)


def _empty_the_others(work: _Work) -> None:
    """Details that single records no longer have, of columns that are as full as they were."""
    for student, state in work.states.items():
        is_news = state.update is not None and work.drops.keys().isdisjoint(state.update.columns)
        if is_news and state.status == "enabled" and state.in_roll and state.staged is None:
            work.states[student], changes = empty(state, work.at)
            work.changes.extend(changes)


def _hold(work: _Work, name: str, people: list[str], budget: Budget, headroom: int) -> None:
    """Keep a plan for a person to decide; one that is not news keeps its state and is not announced again."""
    key = plan_hash(name, [(student, work.states[student]) for student in people], work.drops.keys())
    for student in people:
        work.marks.setdefault(student, {})[name] = key
    before = work.school.holds.get(name)
    if before is not None and before.hash == key and before.state != "released":
        work.holds[name] = before
        return
    text = guard.words(budget)
    why = tuple(work.drops.values()) if name == guard.NULLED_COLUMN else ()
    told: dict[str, Any] = {"hash": key, "count": len(people), "budget": text, "headroom": headroom, "columns": why}
    work.holds[name] = HeldPlan(**told, since=work.completed.completed_at)
    whose: dict[str, Any] = {"school": work.school.school, "kind": work.school.kind, "plan": name, "version": work.at}
    work.held.append(RemovalsHeld(**told, **whose))
    work.held.extend(RemovalHeld(**whose, student_id=student, hash=key) for student in people)


def _keep_hold(work: _Work, name: str, people: list[str]) -> None:
    """
    Decide nothing: what is staged stays, and so does the hold. For a paused school, and for a hold that this sweep
    cannot judge whole (sets are read every few hours, students every few minutes): it must last until one can.
    """
    if (hold := work.school.holds.get(name)) is None:
        return
    work.holds[name] = hold
    for student in people:
        if _is_held(work, name, student):
            work.marks.setdefault(student, {})[name] = hold.hash


def _is_held(work: _Work, name: str, student: str) -> bool:
    """Whether the student is in the set that was reviewed."""
    hold = work.school.holds.get(name)
    return hold is not None and work.states[student].held.get(name) == hold.hash


def _is_released(work: _Work, name: str, student: str) -> bool:
    """Whether a person has released this student's removal."""
    hold = work.school.holds.get(name)
    return hold is not None and hold.state == "released" and _is_held(work, name, student)


def _spares_the_year_groups(work: _Work, students: list[str], everybody: Iterable[AccountState]) -> bool:
    """As ``guard.cohorts_within`` says, counted as the other budgets are: in both windows, by year group."""
    of_group: dict[int, list[AccountState]] = {}
    for state in everybody:
        if (group := year_group_of(state)) is not None:
            of_group.setdefault(group, []).append(state)
    planned = Counter(group for student in students if (group := year_group_of(work.states[student])) is not None)
    windows: list[dict[int, guard.Window]] = [{} for _ in guard.WINDOW_HOURS]
    for group in planned:
        there = of_group.get(group, [])
        recent = {one.student_id: Recent(one.spent, one.disabled_at) for one in there}
        enabled = sum(one.status == "enabled" for one in there)
        found = Spending(recent).windows(guard.DISABLE_UNEXPLAINED, work.school, enabled, work.completed.completed_at)
        for window, seen in zip(windows, found, strict=True):
            window[group] = seen
    return guard.cohorts_within(planned, windows, work.settings.budgets[guard.COHORT])


def year_group_of(state: AccountState) -> int | None:
    """The year group of the newest assessment; a pushed feed's year serves as one."""
    record = state.assessment.student if state.assessment else None
    if record is None:
        return None
    return record.year_group if record.year_group is not None else record.year
