"""
The close of a certified sweep: all of a school's removals, planned and decided together. Pure (DESIGN §6).

Explained and unexplained removals are separate plans, so that a leaver never waits for a mystery; enrolments are two
more. Each plan goes whole or is held whole, apart from what a person released.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b

from services.reconciler import guard
from services.reconciler.reconcile import Change, changed, disable, unenrol
from services.reconciler.rollover import effect, kept
from shared import clock
from shared.events import Evidence, GuardReport, RemovalHeld, RemovalsHeld, SweepCompleted, SweepReconciled
from shared.model import Budget, Settings
from shared.state import Absence, AccountState, CertifiedSweep, HeldPlan, SchoolState

PLANS = (guard.DISABLE_EXPLAINED, guard.DISABLE_UNEXPLAINED, guard.UNENROL, guard.MOVE)


@dataclass(frozen=True)
class Recent:
    """What a student's record remembers of removals: the time of the last under each plan, and of the disable."""

    spent: Mapping[str, str]
    disabled_at: str | None


@dataclass(frozen=True)
class Closing:
    """
    What a close comes to: the states that it changed, the changes in the order of the students, the holds' events, the
    school after it and its report.
    """

    states: dict[str, AccountState]
    changes: list[Change]
    held: list[RemovalsHeld | RemovalHeld]
    school: SchoolState
    report: SweepReconciled


@dataclass
class _Work:
    school: SchoolState
    completed: SweepCompleted
    settings: Settings
    roll: frozenset[str]
    at: int
    recent: Mapping[str, Recent]
    states: dict[str, AccountState]
    changes: list[Change] = field(default_factory=list)
    held: list[RemovalsHeld | RemovalHeld] = field(default_factory=list)
    guards: list[GuardReport] = field(default_factory=list)
    holds: dict[str, HeldPlan] = field(default_factory=dict)


def mark_absences(
    states: Mapping[str, AccountState], roll: frozenset[str], completed: SweepCompleted
) -> dict[str, AccountState]:
    """Who is in the roll and who is not, written into each record; a first absence is remembered with its sweep."""
    seen: dict[str, AccountState] = {}
    for student, state in states.items():
        in_roll = student in roll
        absence = state.absence
        if in_roll:
            absence = None
        elif absence is None and state.status == "enabled":
            absence = Absence(sweep=completed.sweep, started_at=completed.started_at)
        if (in_roll, absence) != (state.in_roll, state.absence):
            state = changed(state, in_roll=in_roll, absence=absence)
        seen[student] = state
    return seen


def is_confirmed_absence(state: AccountState, completed: SweepCompleted, confirm_minutes: float) -> bool:
    """Whether a second certified sweep, begun long enough after the first, lacks the person too."""
    if state.status != "enabled" or state.in_roll or state.staged is not None or state.absence is None:
        return False
    if state.absence.sweep == completed.sweep:
        return False
    return clock.minutes_between(state.absence.started_at, completed.started_at) >= confirm_minutes


def plan(work: "_Work") -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """
    Who would lose what, by plan; and, by plan, whose removal stands but cannot be judged by this sweep.

    A person who is to be disabled keeps their enrolments: they go with the account.
    """
    plans: dict[str, list[str]] = {name: [] for name in PLANS}
    later: dict[str, list[str]] = {name: [] for name in PLANS}
    areas = work.completed.certificate.areas
    for student in sorted(work.states):
        state = work.states[student]
        if state.status != "enabled":
            continue
        if state.staged is not None:
            plans[guard.DISABLE_EXPLAINED].append(student)
        elif is_confirmed_absence(state, work.completed, work.settings.absence_confirm_minutes):
            name = guard.DISABLE_UNEXPLAINED
            waits = effect(name, work.settings) == "paused" and not _is_released(work, name, student)
            (later if waits else plans)[name].append(student)
        elif (lost := state.unenrol) is not None:
            is_known = not lost.modules or "sets" in areas
            (plans if is_known else later)[guard.MOVE if lost.is_move else guard.UNENROL].append(student)
    return plans, later


def close(
    school: SchoolState,
    completed: SweepCompleted,
    settings: Settings,
    roll: frozenset[str],
    states: Mapping[str, AccountState],
    recent: Mapping[str, Recent],
    cohorts: Callable[[], dict[int, int]],
    at: int,
) -> Closing:
    """
    Decide the removals of one certified sweep.

    Shape: ``states`` has at least everybody with something pending, who joined the roll or who left it; ``recent``
    what the last 7 days removed; ``cohorts`` counts the enabled by year group and is asked only where it matters. Every
    state that comes out has been decided at ``at``, the lane offset of the SweepCompleted.
    """
    work = _Work(school, completed, settings, roll, at, recent, mark_absences(states, roll, completed))
    plans, later = plan(work)
    marks: dict[str, dict[str, str]] = {}
    for name in PLANS:
        people = plans[name]
        if school.is_paused or any(_is_held(work, name, student) for student in later[name]):
            _keep_hold(work, name, people + later[name], marks)
        else:
            _decide(work, name, people, cohorts, marks)
    for student, state in work.states.items():
        if state.held != (marked := marks.get(student, {})):
            work.states[student] = changed(state, held=marked)
    after = {student: changed(state, at=at) for student, state in work.states.items() if state != states[student]}
    certified = CertifiedSweep(
        sweep=completed.sweep, started_at=completed.started_at, completed_at=completed.completed_at, at=at
    )
    school = changed(
        school,
        at=at,
        open=None,
        certified=certified,
        full_at=at if completed.full else school.full_at,
        areas=school.areas | dict.fromkeys(completed.certificate.areas, at),
        holds=work.holds,
        settings_version=settings.version,
    )
    report = SweepReconciled(
        school=school.school,
        sweep=completed.sweep,
        version=at,
        outcome="certified",
        is_held=any(hold.state == "held" for hold in work.holds.values()),
        is_paused=school.is_paused,
        roll_count=len(roll),
        counts={name: len(people) for name, people in plans.items()} | kept(later),
        guards=tuple(work.guards),
    )
    return Closing(after, work.changes, work.held, school, report)


def _decide(
    work: _Work,
    name: str,
    people: list[str],
    cohorts: Callable[[], dict[int, int]],
    marks: dict[str, dict[str, str]],
) -> None:
    released = {student for student in people if _is_released(work, name, student)}
    rest = [student for student in people if student not in released]
    budget = work.settings.budgets[name]
    decision = guard.decide(len(rest), _windows(work, name), budget)
    is_within = decision.is_within or effect(name, work.settings) == "unlimited"
    if is_within and rest and name == guard.DISABLE_UNEXPLAINED:
        is_within = guard.cohorts_within(_by_year_group(work, rest), cohorts(), work.settings.budgets[guard.COHORT])
    for student in people:
        if student in released or is_within:
            _remove(work, name, student, spends=None if student in released else name)
    if rest and not is_within:
        _hold(work, name, rest, budget, decision.headroom, marks)
    work.guards.append(
        GuardReport(
            plan=name,
            planned=len(people),
            let_through=len(rest) if is_within else 0,
            released=len(released),
            held=0 if is_within else len(rest),
            headroom=decision.headroom,
            budget=guard.words(budget),
        )
    )


def _remove(work: _Work, name: str, student: str, spends: str | None) -> None:
    state, when = work.states[student], work.completed.completed_at
    if name == guard.DISABLE_EXPLAINED and state.staged is not None:
        evidence = Evidence(kind="record", ref=state.staged.digest, at=work.at)
        state, changes = disable(state, evidence, when, spends)
    elif name == guard.DISABLE_UNEXPLAINED:
        evidence = Evidence(kind="certificate", ref=work.completed.sweep, at=work.at)
        state, changes = disable(state, evidence, when, spends)
    else:
        state, changes = unenrol(state, work.at, when, spends)
    work.states[student] = state
    work.changes.extend(changes)


def _hold(
    work: _Work, name: str, people: list[str], budget: Budget, headroom: int, marks: dict[str, dict[str, str]]
) -> None:
    """Keep a plan for a person to decide; one that is not news keeps its state and is not announced again."""
    key = plan_hash(name, [(student, work.states[student]) for student in people])
    for student in people:
        marks.setdefault(student, {})[name] = key
    before = work.school.holds.get(name)
    if before is not None and before.hash == key and before.state != "released":
        work.holds[name] = before
        return
    text = guard.words(budget)
    work.holds[name] = HeldPlan(
        hash=key, count=len(people), since=work.completed.completed_at, budget=text, headroom=headroom
    )
    slug = work.school.school
    work.held.append(
        RemovalsHeld(
            school=slug, plan=name, hash=key, count=len(people), version=work.at, budget=text, headroom=headroom
        )
    )
    work.held.extend(
        RemovalHeld(school=slug, student_id=student, plan=name, hash=key, version=work.at) for student in people
    )


def _keep_hold(work: _Work, name: str, people: list[str], marks: dict[str, dict[str, str]]) -> None:
    """
    Decide nothing: what is staged stays, and so does the hold. For a paused school, and for a hold that this sweep
    cannot judge whole (sets are read every few hours, students every few minutes): it must last until one can.
    """
    if (hold := work.school.holds.get(name)) is None:
        return
    work.holds[name] = hold
    for student in people:
        if _is_held(work, name, student):
            marks.setdefault(student, {})[name] = hold.hash


def _is_held(work: _Work, name: str, student: str) -> bool:
    """Whether the student is in the set that was reviewed."""
    hold = work.school.holds.get(name)
    return hold is not None and work.states[student].held.get(name) == hold.hash


def _is_released(work: _Work, name: str, student: str) -> bool:
    """Whether a person has released this student's removal."""
    hold = work.school.holds.get(name)
    return hold is not None and hold.state == "released" and _is_held(work, name, student)


def plan_hash(name: str, people: list[tuple[str, AccountState]]) -> str:
    """What a person reviews: who, and for enrolments which; nothing that another sweep would change."""
    lines = [name]
    for student, state in sorted(people, key=lambda pair: pair[0]):
        lost = state.unenrol if name in (guard.UNENROL, guard.MOVE) else None
        lines.append("\t".join([student, *(lost.programmes + lost.modules if lost else ())]))
    return blake2b("\n".join(lines).encode(), digest_size=8).hexdigest()


def _windows(work: _Work, name: str) -> tuple[guard.Window, ...]:
    now = clock.parse(work.completed.completed_at)
    return tuple(_window(work, name, now - timedelta(hours=hours)) for hours in guard.WINDOW_HOURS)


def _window(work: _Work, name: str, since: datetime) -> guard.Window:
    edge = clock.write(since)
    spent = sum(1 for one in work.recent.values() if one.spent.get(name, "") > edge)
    gone = sum(1 for one in work.recent.values() if one.disabled_at is not None and one.disabled_at > edge)
    return guard.Window(spent, work.school.enabled + gone)


def _by_year_group(work: _Work, students: list[str]) -> dict[int, int]:
    counts: dict[int, int] = {}
    for student in students:
        group = year_group_of(work.states[student])
        if group is not None:
            counts[group] = counts.get(group, 0) + 1
    return counts


def year_group_of(state: AccountState) -> int | None:
    """The year group of the newest assessment; a pushed feed's year serves as one."""
    record = state.assessment.student if state.assessment else None
    if record is None:
        return None
    return record.year_group if record.year_group is not None else record.year
