"""
Whether a plan of removals, of new accounts or of changed e-mails may take effect: pure (DESIGN §6, "The guard").

Shares are exact fractions; integer division lets 30.9 % be 30. A *total* counts a plan and what was let through in a
window; its *share* is total ÷ (enabled before the plan + disabled earlier in that window). Each limit must hold for
both windows, the last 24 hours and the last 7 days.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from shared.model import Budget

DISABLE_EXPLAINED = "disable_explained"
DISABLE_UNEXPLAINED = "disable_unexplained"
COHORT = "cohort"
UNENROL = "unenrol"
MOVE = "move"
CREATE = "create"
EMAIL_CHANGE = "email_change"
REKEY = "rekey"  # who is to be disabled and seems to have come back under another id: never without a person
NULLED_COLUMN = "nulled_column"  # what depends on a column of the records that has emptied: never without a person

NOTHING = Budget()
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


def cohorts_within(planned: Mapping[int, int], windows: Iterable[Mapping[int, Window]], budget: Budget) -> bool:
    """
    Whether no year group loses more than its share, in any window. ``planned`` and each window count by year group.

    The budget's ``floor`` is the size from which a year group counts as one: a single pupil of three is no cohort.
    """
    return all(
        Fraction(planned.get(group, 0) + window.spent, window.base) <= share_of(budget)
        for groups in windows
        for group, window in groups.items()
        if window.base >= budget.floor
    )


def words(budget: Budget) -> str:
    """The budget as a person reads it."""
    if budget == NOTHING:
        return "nobody without a person"
    share = f"{float(share_of(budget) * 100):g} %"
    limits = [f"{budget.floor} heads"] if budget.floor else []
    limits.append(f"{share} and {budget.count}" if budget.count is not None else share)
    return " or ".join(limits)
