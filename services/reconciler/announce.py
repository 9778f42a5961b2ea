"""
The holds after a close, whose marks stand, and what is announced of them: pure.

One set of a plan waits for a person; those whom a person has refused stand beside it as a set of their own, so that
neither a yes nor a no to the one is about the other. A set of which some have gone keeps its hash and is not announced
again; one with somebody new is another.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from services.reconciler import guard
from services.reconciler.emptied_columns import nulled
from services.reconciler.hold_hash import plan_hash
from services.reconciler.judge import JudgedPlan
from services.reconciler.plans import Plans
from services.reconciler.reviewed_sets import refused_before, sets_of
from shared.contract.account_state import AccountState, HeldPlan, SchoolState
from shared.contract.events import ColumnDrop, RemovalHeld, RemovalsHeld
from shared.contract.plans import PLANS
from shared.structs import replace


@dataclass
class HoldsAfter:
    """``marks``: by student, plan and the hash of the set that has them."""

    holds: dict[str, HeldPlan] = field(default_factory=dict)
    refused: dict[str, HeldPlan] = field(default_factory=dict)
    marks: dict[str, dict[str, str]] = field(default_factory=dict)
    events: list[RemovalsHeld | RemovalHeld] = field(default_factory=list)

    def mark(self, students: Collection[str], plan: str, key: str) -> None:
        for student in sorted(students):
            self.marks.setdefault(student, {})[plan] = key


@dataclass(frozen=True)
class _Announcement:
    school: SchoolState
    states: Mapping[str, AccountState]
    drops: Sequence[ColumnDrop]
    suspicions: tuple[str, ...]
    when: str
    at: int


def keep(school: SchoolState, plans: Plans, states: Mapping[str, AccountState]) -> HoldsAfter:
    """Of a paused school nothing is decided: what is staged stays, and so does each hold that has somebody."""
    held = HoldsAfter()
    for name in PLANS:
        _keep(held, school, name, [*plans.people[name], *plans.later[name]], states)
    return held


def _keep(
    held: HoldsAfter, school: SchoolState, name: str, students: Collection[str], states: Mapping[str, AccountState]
) -> None:
    there = sets_of(school, name)
    for student in students:
        if (key := states[student].held.get(name)) in there:
            held.mark([student], name, str(key))
    if name in school.holds:
        held.holds[name] = school.holds[name]
    if name in school.refused:
        held.refused[name] = school.refused[name]


def announce(
    school: SchoolState,
    judged: Mapping[str, JudgedPlan],
    states: Mapping[str, AccountState],
    drops: Sequence[ColumnDrop],
    suspicions: tuple[str, ...],
    when: str,
    at: int,
) -> HoldsAfter:
    """
    ``when``: the close's time; ``at``: its lane offset; ``drops``: the columns that a nulled plan is about;
    ``suspicions``: what makes a pushed list look cut.
    """
    held, how = HoldsAfter(), _Announcement(school, states, drops, suspicions, when, at)
    for name, one in judged.items():
        if one.reviewed.released.intersection(one.later):
            # released, and this sweep cannot judge it: the yes must last until one can, and nobody else is asked yet
            _keep(held, school, name, one.reviewed.kept | one.reviewed.released.intersection(one.later), states)
            continue
        waiting, refused = one.reviewed.waiting | one.held_news, one.reviewed.refused
        if refused:
            where = held.refused if waiting else held.holds
            where[name] = _refused(held, how, name, refused)
        if waiting:
            held.holds[name] = _waiting(held, how, one, waiting)
    return held


def _refused(held: HoldsAfter, how: _Announcement, name: str, students: set[str]) -> HeldPlan:
    """What a person refused stays refused; two refused sets become one. That is no news to anybody."""
    key, hold = _standing(how, name, students)
    if hold is None:
        hold = replace(refused_before(how.school, name), hash=key)
    held.mark(students, name, key)
    return replace(hold, count=len(students))


def _waiting(held: HoldsAfter, how: _Announcement, one: JudgedPlan, students: set[str]) -> HeldPlan:
    """The set that waits for a person: announced when somebody in it is news, or what is to happen to them."""
    key, hold = _standing(how, one.name, students)
    held.mark(students, one.name, key)
    if hold is not None and hold.state == "held":
        return replace(hold, count=len(students))
    budget = guard.words(one.budget)
    columns = tuple(how.drops) if one.name == guard.NULLED_COLUMN else ()
    suspicions = how.suspicions if one.name == guard.DISABLE_ABSENT else ()
    count, school = len(students), how.school
    held.events.append(
        RemovalsHeld(
            school=school.school,
            kind=school.kind,
            plan=one.name,
            hash=key,
            count=count,
            version=how.at,
            budget=budget,
            headroom=one.headroom,
            columns=columns,
            suspicions=suspicions,
        )
    )
    held.events.extend(
        RemovalHeld(school=school.school, kind=school.kind, student_id=student, plan=one.name, hash=key, version=how.at)
        for student in sorted(students)
    )
    return HeldPlan(
        hash=key,
        count=count,
        budget=budget,
        headroom=one.headroom,
        columns=columns,
        suspicions=suspicions,
        since=how.when,
    )


def _standing(how: _Announcement, name: str, students: set[str]) -> tuple[str, HeldPlan | None]:
    """The set's hash and its hold: the one that has them all, or one of the same content; else a new one."""
    there = sets_of(how.school, name)
    keys = {how.states[student].held.get(name) for student in students}
    if len(keys) == 1 and (key := keys.pop()) is not None and key in there:
        return key, there[key]
    key = plan_hash(name, [(student, how.states[student]) for student in students], nulled(how.drops))
    return key, there.get(key)
