"""
What the turn of the academic year does to a plan: pure. Eligibility stamps whether a close falls into it.

Around the first day of a year everybody changes programme, and record systems take pupils off the roll before they put
them on again: so moves are unlimited, and who is just not there is not removed until the window is over.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

from services.reconciler import guard
from shared.model import Settings

KEPT = "kept_in_rollover"  # among a report's counts
Effect = Literal["none", "unlimited", "paused"]


def effect(plan: str, settings: Settings) -> Effect:
    """``unlimited``: no budget holds the plan. ``paused``: it waits, apart from what a person has released."""
    if not settings.rollover:
        return "none"
    match plan:
        case guard.MOVE:
            return "unlimited"
        case guard.DISABLE_UNEXPLAINED:
            return "paused"
        case _:
            return "none"


def kept(later: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """How many the pause keeps, for the sweep's report: a pause that nobody sees would look like nobody missing."""
    count = len(later[guard.DISABLE_UNEXPLAINED])
    return {KEPT: count} if count else {}
