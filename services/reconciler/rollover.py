"""
What the turn of the academic year does to a plan: pure. Eligibility stamps whether a close falls into it.

Around the first day of a year everybody changes programme, and record systems take pupils off the roll before they put
them on again: so what a pupil had in the year that they leave goes unlimited, and who is just not there is not removed
until the window is over.
"""

from collections.abc import Mapping, Sequence

from services.reconciler import guard
from shared.contract.account_state import AccountState, StagedUnenrol

KEPT = "kept_in_rollover"  # among a report's counts


def kept(later: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """How many the pause keeps, for the sweep's report: a pause that nobody sees would look like nobody missing."""
    count = len(later[guard.DISABLE_UNEXPLAINED])
    return {KEPT: count} if count else {}


def is_of_the_turn(state: AccountState, lost: StagedUnenrol, programme_of: Mapping[str, str]) -> bool:
    """
    Whether a loss of codes is what the turn of the year does by itself: a pupil has left a programme for another, and
    nothing goes but that and its modules. Staff leave no year; what they teach changes one for one.

    ``programme_of``: the programme of each module that the school's structure has.
    """
    if state.kind == "staff":
        return lost.is_move
    if not lost.programmes or not set(state.programmes) - set(lost.programmes):
        return False
    return all(_is_in(module, lost.programmes, programme_of) for module in lost.modules)


def _is_in(module: str, programmes: Sequence[str], programme_of: Mapping[str, str]) -> bool:
    """A module that the structure has no more is its programme's by its code (``Y10-HIS``)."""
    known = programme_of.get(module)
    return known in programmes if known is not None else any(module.startswith(f"{one}-") for one in programmes)
