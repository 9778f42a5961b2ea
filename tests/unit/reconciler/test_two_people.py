"""A large release needs the word of two operators: what the first and the second do to a held set."""

import pytest

from services.reconciler.operator_commands import command
from shared.contract.account_state import HeldPlan, SchoolState
from shared.contract.commands import RefuseHold, ReleaseHold
from shared.contract.events import HoldRefused, HoldReleased
from shared.structs import replace
from tests.harness.builders import SCHOOL, at

PLAN, KEY = "disable_explained", "a" * 16


def held(count: int = 51, **fields: object) -> SchoolState:
    hold = HeldPlan(hash=KEY, count=count, since=at(), budget="-", headroom=-1)
    return SchoolState(school=SCHOOL, offset=1, holds={PLAN: replace(hold, **fields)})


def release(operator: str, above: int | None = 50) -> ReleaseHold:
    return ReleaseHold(school=SCHOOL, plan=PLAN, hash=KEY, operator=operator, note="seen", two_people_above=above)


def told(school: SchoolState, *orders: ReleaseHold | RefuseHold) -> tuple[HeldPlan, list[HoldReleased | HoldRefused]]:
    events = []
    for at_, order in enumerate(orders, start=2):
        school, more = command(school, order, at_)
        events += more
    return school.holds[PLAN], events


def test_the_first_word_lets_nobody_go_and_is_kept() -> None:
    hold, events = told(held(), release("kim"))
    assert (hold.state, hold.first_operator, hold.operator, events) == ("held", "kim", "", [])


def test_the_same_operators_second_word_is_still_the_first() -> None:
    hold, events = told(held(), release("kim"), release("kim"))
    assert (hold.state, hold.first_operator, events) == ("held", "kim", [])


def test_another_operators_word_lets_them_go() -> None:
    hold, events = told(held(), release("kim"), release("ada"))
    assert (hold.state, hold.operator, hold.first_operator) == ("released", "ada", "")
    assert [type(one).__name__ for one in events] == ["HoldReleased"]


@pytest.mark.parametrize(
    ("count", "above", "state"), [(50, 50, "released"), (51, 50, "held"), (51, None, "released"), (1, 0, "held")]
)
def test_one_word_is_enough_up_to_the_limit(count: int, above: int | None, state: str) -> None:
    hold, _ = told(held(count), release("kim", above))
    assert hold.state == state


def test_a_no_takes_the_first_word_back() -> None:
    no = RefuseHold(school=SCHOOL, plan=PLAN, hash=KEY, operator="ada")
    hold, _ = told(held(), release("kim"), no)
    assert (hold.state, hold.first_operator) == ("refused", "")
    hold, events = told(held(), release("kim"), no, release("ada"))
    assert (hold.state, hold.first_operator) == ("refused", "ada")
    assert [type(one).__name__ for one in events] == ["HoldRefused"]


def test_what_was_released_is_not_asked_about_again() -> None:
    hold, _ = told(held(state="released", operator="ada"), release("kim"))
    assert (hold.state, hold.first_operator) == ("released", "")


def test_a_set_that_has_shrunk_to_the_limit_needs_one_word() -> None:
    hold, _ = told(held(50, first_operator="kim"), release("kim"))
    assert hold.state == "released"
