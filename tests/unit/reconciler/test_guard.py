"""Each budget on both sides of each of its limits, in both windows, by exact fractions (DESIGN §6, "The guard")."""

import pytest

from services.reconciler import guard
from services.reconciler.guard import Window, allowance, cohorts_within, decide, disables_together, words
from shared.contract.model import Budget

EXPLAINED = Budget(floor=5, share="3/10", count=200)
UNEXPLAINED = Budget(floor=2, share="1/50")
UNENROL = Budget(floor=5, share="1/5")
MOVE = Budget(share="1/5")
COHORT = Budget(floor=10, share="3/10")

NOTHING_YET = 0


def quiet(base: int) -> tuple[Window, ...]:
    """Both windows of a school that has removed nobody."""
    return Window(NOTHING_YET, base), Window(NOTHING_YET, base)


@pytest.mark.parametrize(
    ("planned", "base", "budget", "is_within"),
    [
        pytest.param(5, 10, EXPLAINED, True, id="explained: five of ten are within the floor"),
        pytest.param(6, 10, EXPLAINED, False, id="explained: six of ten are not"),
        pytest.param(5, 9, EXPLAINED, False, id="explained: five of nine are more than half"),
        pytest.param(4, 9, EXPLAINED, True, id="explained: four of nine are not"),
        pytest.param(1, 1, EXPLAINED, False, id="explained: the only one"),
        pytest.param(6, 20, EXPLAINED, True, id="explained: 6 of 20 are 30 %"),
        pytest.param(6, 19, EXPLAINED, False, id="explained: 6 of 19 are more"),
        pytest.param(300, 1000, EXPLAINED, False, id="explained: 30 % of 1,000 are more than 200"),
        pytest.param(200, 1000, EXPLAINED, True, id="explained: 200 of 1,000"),
        pytest.param(201, 1000, EXPLAINED, False, id="explained: 201 of 1,000"),
        pytest.param(200, 667, EXPLAINED, True, id="explained: 200 of 667 are 29.99 %"),
        pytest.param(200, 666, EXPLAINED, False, id="explained: 200 of 666 are 30.03 %"),
        pytest.param(309, 1000, Budget(share="3/10"), False, id="30.9 % of 1,000 are not 30 %"),
        pytest.param(300, 1000, Budget(share="3/10"), True, id="30 % of 1,000 are"),
        pytest.param(301, 1000, Budget(share="3/10"), False, id="30.1 % of 1,000 are not"),
        pytest.param(309, 1000, Budget(share="309/1000"), True, id="30.9 % are 30.9 %"),
        pytest.param(310, 1000, Budget(share="309/1000"), False, id="31 % are not 30.9 %"),
        pytest.param(1, 3, Budget(share="1/3"), True, id="a third is a third, not 0.333"),
        pytest.param(2, 4, UNEXPLAINED, True, id="unexplained: two heads"),
        pytest.param(2, 3, UNEXPLAINED, False, id="unexplained: two of three are more than half"),
        pytest.param(3, 149, UNEXPLAINED, False, id="unexplained: 3 of 149 are more than 2 %"),
        pytest.param(3, 150, UNEXPLAINED, True, id="unexplained: 3 of 150 are 2 %"),
        pytest.param(30, 1500, UNEXPLAINED, True, id="unexplained: 30 of 1,500"),
        pytest.param(31, 1500, UNEXPLAINED, False, id="unexplained: 31 of 1,500"),
        pytest.param(5, 10, UNENROL, True, id="un-enrolments: the floor"),
        pytest.param(6, 29, UNENROL, False, id="un-enrolments: 6 of 29 are more than a fifth"),
        pytest.param(6, 30, UNENROL, True, id="un-enrolments: 6 of 30 are a fifth"),
        pytest.param(1, 4, MOVE, False, id="moves have no floor"),
        pytest.param(1, 5, MOVE, True, id="moves: 1 of 5 is a fifth"),
        pytest.param(7, 7, Budget(share="1/1"), True, id="a share may be all"),
        pytest.param(0, 0, UNEXPLAINED, True, id="nobody of nobody"),
        pytest.param(1, 100, Budget(), False, id="a budget of nothing"),
    ],
)
def test_a_plan_is_within_its_budget_up_to_the_last_head(
    planned: int, base: int, budget: Budget, is_within: bool
) -> None:
    decision = decide(guard.DISABLE_EXPLAINED, planned, quiet(base), budget)
    assert decision.is_within is is_within
    assert (decision.headroom >= 0) is is_within


@pytest.mark.parametrize(
    ("planned", "day", "week", "is_within"),
    [
        pytest.param(2, Window(0, 100), Window(0, 100), True, id="two heads in a quiet week"),
        pytest.param(1, Window(1, 100), Window(1, 100), True, id="one today, one more"),
        pytest.param(1, Window(2, 100), Window(2, 100), False, id="two today, one more"),
        pytest.param(2, Window(1, 100), Window(1, 100), False, id="one today, two more"),
        pytest.param(2, Window(0, 100), Window(2, 102), False, id="two this week, two more"),
        pytest.param(1, Window(0, 100), Window(1, 101), True, id="one this week, one more"),
        pytest.param(1, Window(2, 200), Window(2, 100), False, id="the week's base is too small"),
        pytest.param(1, Window(2, 100), Window(2, 200), False, id="the day's base is too small"),
        pytest.param(1, Window(2, 150), Window(2, 150), True, id="with what was disabled, both are large enough"),
    ],
)
def test_each_limit_must_hold_for_both_windows(planned: int, day: Window, week: Window, is_within: bool) -> None:
    assert decide(guard.DISABLE_UNEXPLAINED, planned, (day, week), UNEXPLAINED).is_within is is_within


@pytest.mark.parametrize(
    ("planned", "windows", "budget", "headroom"),
    [
        pytest.param(0, quiet(100), EXPLAINED, 30, id="all of it"),
        pytest.param(30, quiet(100), EXPLAINED, 0, id="none is left"),
        pytest.param(31, quiet(100), EXPLAINED, -1, id="one too many"),
        pytest.param(301, quiet(1500), EXPLAINED, -101, id="beyond the count"),
        pytest.param(0, (Window(0, 100), Window(4, 104)), UNENROL, 16, id="the tighter window tells: 20 - 4"),
        pytest.param(0, (Window(4, 104), Window(0, 100)), UNENROL, 16, id="whichever it is"),
        pytest.param(3, quiet(20), UNEXPLAINED, -1, id="the floor where it is the larger"),
    ],
)
def test_headroom_is_what_the_tighter_window_leaves(
    planned: int, windows: tuple[Window, ...], budget: Budget, headroom: int
) -> None:
    assert decide(guard.UNENROL, planned, windows, budget).headroom == headroom


@pytest.mark.parametrize(
    ("base", "budget", "largest"),
    [
        pytest.param(10, EXPLAINED, 5, id="never below the floor"),
        pytest.param(0, EXPLAINED, 0, id="of nobody nobody"),
        pytest.param(7, EXPLAINED, 3, id="and by a floor never more than half"),
        pytest.param(16, EXPLAINED, 5, id="a share below the floor"),
        pytest.param(20, EXPLAINED, 6, id="a share above it"),
        pytest.param(10_000, EXPLAINED, 200, id="never above the count"),
        pytest.param(10_000, UNEXPLAINED, 200, id="no count, no end"),
        pytest.param(99, Budget(floor=9, share="1/1", count=3), 9, id="a count below the floor does not lower it"),
    ],
)
def test_the_allowance_is_the_largest_total_within(base: int, budget: Budget, largest: int) -> None:
    assert allowance(guard.DISABLE_EXPLAINED, base, budget) == largest
    assert decide(guard.DISABLE_EXPLAINED, largest, quiet(base), budget).is_within
    assert not decide(guard.DISABLE_EXPLAINED, largest + 1, quiet(base), budget).is_within


@pytest.mark.parametrize(
    ("plan", "base", "floor"),
    [
        pytest.param(guard.CREATE, 1, 5, id="a new account takes nothing from anybody"),
        pytest.param(guard.ENABLE, 0, 5, id="nor does one that comes back"),
        pytest.param(guard.DISABLE_ABSENT, 9, 4, id="a disable: half"),
        pytest.param(guard.DISABLE_ABSENT, 1, 0, id="and never the only one"),
        pytest.param(guard.UPDATE, 9, 4, id="details: half"),
        pytest.param(guard.UPDATE, 1, 1, id="but one person's always"),
        pytest.param(guard.UNENROL, 1, 1, id="a code likewise"),
        pytest.param(guard.EMAIL_CHANGE, 2, 1, id="an e-mail likewise"),
        pytest.param(guard.DISABLE_ABSENT, 10, 5, id="all of it where half is enough"),
    ],
)
def test_a_floor_never_lets_through_more_than_half(plan: str, base: int, floor: int) -> None:
    assert guard.floor_of(plan, base, Budget(floor=5)) == floor


def test_how_far_a_floor_goes_is_its_plans() -> None:
    budget = Budget(floor=5)
    assert guard.allowance(guard.CREATE, 1, budget) == 5
    assert decide(guard.CREATE, 5, quiet(1), budget).is_within
    assert not guard.is_beyond_the_floor(guard.CREATE, 5, quiet(1), budget)
    assert guard.is_beyond_the_floor(guard.UPDATE, 2, quiet(1), budget)


@pytest.mark.parametrize(
    ("planned", "spent", "base", "share", "is_within"),
    [
        pytest.param(5, 0, 10, "0/1", True, id="half of ten"),
        pytest.param(6, 0, 10, "0/1", False, id="more than half"),
        pytest.param(3, 3, 10, "0/1", False, id="what went before counts"),
        pytest.param(6, 0, 10, "3/5", True, id="where a share allows more, it does"),
        pytest.param(7, 0, 10, "3/5", False, id="and not one more"),
        pytest.param(5, 0, 9, "0/1", False, id="five of nine are more than half"),
    ],
)
def test_the_floors_of_several_plans_do_not_add_up_to_a_school(
    planned: int, spent: int, base: int, share: str, is_within: bool
) -> None:
    budgets = {guard.DISABLE_EXPLAINED: Budget(floor=9, share=share), guard.DISABLE_ABSENT: Budget(floor=9)}
    windows = (Window(spent, base), Window(spent, base))
    assert disables_together(planned, windows, budgets) is is_within


@pytest.mark.parametrize(
    ("planned", "spent", "is_beyond"),
    [pytest.param(5, 0, False), pytest.param(6, 0, True), pytest.param(1, 5, True), pytest.param(1, 4, False)],
)
def test_beyond_the_floor_is_beyond_it_in_either_window(planned: int, spent: int, is_beyond: bool) -> None:
    windows = (Window(0, 100), Window(spent, 100))
    assert guard.is_beyond_the_floor(guard.DISABLE_ABSENT, planned, windows, Budget(floor=5)) is is_beyond


@pytest.mark.parametrize(
    ("planned", "enabled", "is_within"),
    [
        pytest.param({"10": 3}, {"10": 10}, True, id="3 of ten are 30 %"),
        pytest.param({"10": 4}, {"10": 10}, False, id="4 of ten are more"),
        pytest.param({"10": 9}, {"10": 9}, True, id="nine pupils are no year group"),
        pytest.param({"10": 4}, {"10": 13}, False, id="4 of 13 are 30.8 %"),
        pytest.param({"10": 4}, {"10": 14}, True, id="4 of 14 are 28.6 %"),
        pytest.param({"9": 0, "10": 4}, {"9": 100, "10": 10}, False, id="one year group is enough"),
        pytest.param({"9": 30, "10": 3}, {"9": 100, "10": 10}, True, id="each by itself"),
        pytest.param({}, {"10": 10}, True, id="nobody goes"),
        pytest.param({"11": 2}, {"10": 10}, True, id="of a year group that nobody else is in"),
    ],
)
def test_no_year_group_of_ten_or_more_loses_more_than_its_share(
    planned: dict[str, int], enabled: dict[str, int], is_within: bool
) -> None:
    quiet = {group: Window(NOTHING_YET, heads) for group, heads in enabled.items()}
    assert cohorts_within(planned, [quiet, quiet], COHORT) is is_within


@pytest.mark.parametrize(
    ("planned", "day", "week", "is_within"),
    [
        pytest.param(1, Window(2, 10), Window(2, 10), True, id="two went today, one more of ten is 30 %"),
        pytest.param(2, Window(2, 10), Window(2, 10), False, id="two went today, two more are not"),
        pytest.param(2, Window(0, 8), Window(2, 10), False, id="two of ten went this week, two more are not"),
        pytest.param(1, Window(0, 8), Window(2, 10), True, id="eight who are left today are no year group"),
        pytest.param(3, Window(0, 10), Window(0, 100), True, id="each window by itself: the day's base"),
        pytest.param(4, Window(0, 10), Window(0, 100), False, id="one too many of the day's base"),
    ],
)
def test_a_year_group_is_counted_in_both_windows(planned: int, day: Window, week: Window, is_within: bool) -> None:
    assert cohorts_within({"10": planned}, [{"10": day}, {"10": week}], COHORT) is is_within


def test_a_year_group_of_which_nobody_goes_now_is_judged_by_what_went() -> None:
    assert cohorts_within({"9": 1}, [{"9": Window(0, 10), "10": Window(3, 10)}], COHORT)


@pytest.mark.parametrize(
    ("budget", "told"),
    [
        pytest.param(EXPLAINED, "5 heads or 30 % and 200", id="floor, share and count"),
        pytest.param(UNEXPLAINED, "2 heads or 2 %", id="floor and share"),
        pytest.param(MOVE, "20 %", id="share alone"),
        pytest.param(Budget(share="309/1000"), "30.9 %", id="a share between whole ones"),
        pytest.param(Budget(), "nobody without a person", id="nothing at all"),
    ],
)
def test_a_budget_is_told_in_words(budget: Budget, told: str) -> None:
    assert words(budget) == told
