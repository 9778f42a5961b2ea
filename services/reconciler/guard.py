"""
Whether a plan of removals, of new accounts or of changed details may take effect: pure (DESIGN §6, "The guard").

Shares are exact fractions; integer division lets 30.9 % be 30. A *total* counts a plan, those of it who wait for a
person already, and what was let through in a window; its *share* is total ÷ (enabled before the plan + disabled earlier
in that window). Each limit must hold for both windows, the last 24 hours and the last 7 days. Un-enrolments and moves
have one total: a code is lost however it is lost.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from shared.contract.model import Budget
from shared.contract.plans import COHORT as COHORT
from shared.contract.plans import CREATE as CREATE
from shared.contract.plans import DISABLE_ABSENT as DISABLE_ABSENT
from shared.contract.plans import DISABLE_EXPLAINED as DISABLE_EXPLAINED
from shared.contract.plans import DISABLE_UNEXPLAINED as DISABLE_UNEXPLAINED
from shared.contract.plans import EMAIL_CHANGE as EMAIL_CHANGE
from shared.contract.plans import ENABLE as ENABLE
from shared.contract.plans import MOVE as MOVE
from shared.contract.plans import NULLED_COLUMN as NULLED_COLUMN
from shared.contract.plans import REKEY as REKEY
from shared.contract.plans import UNENROL as UNENROL
from shared.contract.plans import UPDATE as UPDATE

DISABLES = (DISABLE_EXPLAINED, DISABLE_UNEXPLAINED, DISABLE_ABSENT)
LOSSES = (UNENROL, MOVE)
GROWTH = (CREATE, ENABLE)  # where a floor may be more than half of who is there
ALWAYS_ONE = (*LOSSES, EMAIL_CHANGE, UPDATE)  # of a single person, and that takes nobody's account

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


def floor_of(plan: str, base: int, budget: Budget) -> int:
    """
    The heads that a budget always allows: never more than half of the ``base``, or a school of five could be switched
    off whole by it.
    """
    if plan in GROWTH:
        return budget.floor
    half = base // 2
    return min(budget.floor, max(1, half) if plan in ALWAYS_ONE else half)


def share_allowance(base: int, budget: Budget) -> int:
    """The largest total that the share and the count allow where ``base`` people could be concerned."""
    by_share = int(share_of(budget) * base)  # floor: the largest whole number that is not above the share
    return by_share if budget.count is None else min(by_share, budget.count)


def allowance(plan: str, base: int, budget: Budget) -> int:
    """The largest total that the budget allows: its floor, or its share and count, whichever is more."""
    return max(floor_of(plan, base, budget), share_allowance(base, budget))


def decide(plan: str, planned: int, windows: tuple[Window, ...], budget: Budget) -> Decision:
    """Total ≤ floor, or share ≤ limit and total ≤ count: in every window."""
    headroom = min(allowance(plan, window.base, budget) - window.spent - planned for window in windows)
    return Decision(headroom >= 0, headroom)


def is_beyond_the_floor(plan: str, planned: int, windows: tuple[Window, ...], budget: Budget) -> bool:
    """Whether the heads that the budget always allows are not enough for the plan."""
    return any(window.spent + planned > floor_of(plan, window.base, budget) for window in windows)


def disables_together(planned: int, windows: tuple[Window, ...], budgets: Mapping[str, Budget]) -> bool:
    """
    Whether all disables of a close are, together, within half of the base, or within the largest share that one of
    their budgets allows: the floors of three plans do not add up to a school.
    """
    return all(
        window.spent + planned
        <= max(window.base // 2, *(share_allowance(window.base, budgets.get(plan, NOTHING)) for plan in DISABLES))
        for window in windows
    )


def cohorts_within(planned: Mapping[str, int], windows: Iterable[Mapping[str, Window]], budget: Budget) -> bool:
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
