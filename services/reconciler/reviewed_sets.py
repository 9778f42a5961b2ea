"""
Who of a plan a person was asked about before, and what they said: pure.

Whoever was announced in a held or a refused set leaves it only by the source or by a release that names them; never as
"within budget", however the counts, the base, the windows or the settings change. A set that shrinks keeps its hash: a
release lets through those of the reviewed set who still stand.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from services.reconciler import guard
from shared.contract.account_state import AccountState, HeldPlan, SchoolState

# Under which plans somebody's mark binds a plan as well: a re-key whose heir is gone is no ordinary leaver by that.
_BOUND_BY = {
    guard.DISABLE_EXPLAINED: (guard.DISABLE_EXPLAINED, guard.REKEY),
    guard.DISABLE_ABSENT: (guard.DISABLE_ABSENT, guard.REKEY),
    guard.DISABLE_UNEXPLAINED: (guard.DISABLE_UNEXPLAINED, guard.DISABLE_ABSENT, guard.DISABLE_EXPLAINED, guard.REKEY),
    guard.CREATE: (guard.CREATE, guard.REKEY),
}


@dataclass
class Reviewed:
    """A plan's people who were announced, by what was said of their set: nothing yet, no, or yes."""

    waiting: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    released: set[str] = field(default_factory=set)

    @property
    def kept(self) -> set[str]:
        return self.waiting | self.refused


def sets_of(school: SchoolState, plan: str) -> dict[str, HeldPlan]:
    """The reviewed sets of a plan that stand, by hash."""
    found = (school.holds.get(plan), school.refused.get(plan))
    return {hold.hash: hold for hold in found if hold is not None}


def all_sets(school: SchoolState) -> list[tuple[str, HeldPlan]]:
    """Every reviewed set of a school with its plan: by plan, the one that was refused before the others came last."""
    return [
        (plan, hold) for plan in sorted({*school.holds, *school.refused}) for hold in sets_of(school, plan).values()
    ]


def refused_before(school: SchoolState, plan: str) -> HeldPlan:
    """The newest refusal that binds a plan's people. Raises: ValueError when there is none."""
    sets = (hold for name in _BOUND_BY.get(plan, (plan,)) for hold in sets_of(school, name).values())
    return max((hold for hold in sets if hold.state == "refused"), key=lambda hold: hold.since)


def is_released(school: SchoolState, plan: str, state: AccountState) -> bool:
    """Whether a person has released this one's removal."""
    hold = sets_of(school, plan).get(state.held.get(plan, ""))
    return hold is not None and hold.state == "released"


def reviewed(school: SchoolState, plan: str, people: Iterable[str], states: Mapping[str, AccountState]) -> Reviewed:
    """Who of these was announced before. A mark of which the set is gone counts as one that waits."""
    found = Reviewed()
    for student in people:
        if (mark := _mark(plan, states[student])) is None:
            continue
        under, key = mark
        hold = sets_of(school, under).get(key)
        match hold.state if hold is not None else "held":
            case "released":
                (found.released if under == plan else found.waiting).add(student)
            case "refused":
                found.refused.add(student)
            case _:
                found.waiting.add(student)
    return found


def _mark(plan: str, state: AccountState) -> tuple[str, str] | None:
    """The plan that somebody is marked under, as far as it binds this one, and their set's hash."""
    return next(((name, state.held[name]) for name in _BOUND_BY.get(plan, (plan,)) if name in state.held), None)
