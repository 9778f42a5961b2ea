"""
Who is missing from the roll, and since when: an absence needs two certified sweeps. Pure (DESIGN §6).

An office takes next summer's leavers off the list of students whenever it has time. So whoever is marked as left on a
day that is still to come is not missed before it.
"""

from collections.abc import Mapping

from shared import clock
from shared.contract.account_state import Absence, AccountState
from shared.contract.events import SweepCompleted
from shared.structs import replace

LEFT_BY_NOW = "left_by_now"  # eligibility's rule


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
            state = replace(state, in_roll=in_roll, absence=absence)
        seen[student] = state
    return seen


def is_confirmed_absence(state: AccountState, completed: SweepCompleted, confirm_minutes: float) -> bool:
    """Whether a second certified sweep, begun long enough after the first, lacks the person too."""
    if state.status != "enabled" or state.in_roll or state.staged is not None or state.absence is None:
        return False
    if state.absence.sweep == completed.sweep or _leaves_later(state, completed):
        return False
    return clock.minutes_between(state.absence.started_at, completed.started_at) >= confirm_minutes


def _leaves_later(state: AccountState, completed: SweepCompleted) -> bool:
    """Whether the newest record marks the person as left on a day, or in a year, that has not come at this close."""
    assessed = state.assessment
    if assessed is None or assessed.student is None or (LEFT_BY_NOW, "fail") not in assessed.rules:
        return False
    day = assessed.student.leaving_date or str(assessed.student.leaving_year)
    return completed.completed_at < day
