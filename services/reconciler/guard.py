"""
Whether a plan of removals may take effect: pure (DESIGN §6, "The guard").

Shares are exact fractions; integer division lets 30.9 % be 30. A *total* counts a plan and what was let through in a
window; its *share* is total ÷ (enabled before the plan + disabled earlier in that window). Each limit must hold for
both windows, the last 24 hours and the last 7 days.
"""

from dataclasses import dataclass
from fractions import Fraction

from shared.model import Budget

DISABLE_EXPLAINED = "disable_explained"
DISABLE_UNEXPLAINED = "disable_unexplained"
COHORT = "cohort"
UNENROL = "unenrol"
MOVE = "move"

WINDOW_HOURS = (24, 7 * 24)


@dataclass(frozen=True)
class Window:
    """What one window has already seen: ``spent`` people under this plan, of ``base`` who could have been."""

    spent: int
    base: int


@dataclass(frozen=True)
class Decision:
    """Whether the plan may take effect, and how many more (or, below zero, how many fewer) its budget has room for."""

    is_within: bool
    headroom: int


def share_of(budget: Budget) -> Fraction:
    """Raises: ValueError or ZeroDivisionError for what is no fraction."""
    return Fraction(budget.share)


def allowance(base: int, budget: Budget) -> int:
    """The largest total that the budget allows where ``base`` people could be concerned."""
    by_share = int(share_of(budget) * base)  # floor: the largest whole number that is not above the share
    if budget.count is not None:
        by_share = min(by_share, budget.count)
    return max(budget.floor, by_share)


def decide(planned: int, windows: tuple[Window, ...], budget: Budget) -> Decision:
    """Total ≤ floor, or share ≤ limit and total ≤ count: in every window."""
    headroom = min(allowance(window.base, budget) - window.spent - planned for window in windows)
    return Decision(headroom >= 0, headroom)


def cohorts_within(planned: dict[int, int], enabled: dict[int, int], budget: Budget) -> bool:
    """
    Whether no year group loses more than its share in this plan. ``planned`` and ``enabled`` count by year group.

    The budget's ``floor`` is the size from which a year group counts as one: a single pupil of three is no cohort.
    """
    return all(
        Fraction(planned.get(group, 0), heads) <= share_of(budget)
        for group, heads in enabled.items()
        if heads >= budget.floor
    )


def words(budget: Budget) -> str:
    """The budget as a person reads it."""
    share = f"{float(share_of(budget) * 100):g} %"
    limits = [f"{budget.floor} heads"] if budget.floor else []
    limits.append(f"{share} and {budget.count}" if budget.count is not None else share)
    return " or ".join(limits)
