"""What makes a sweep complete, case by case."""

from collections.abc import Sequence

import pytest

from services.fetcher.sweep.certificate import PageRead, doubt, endpoint_read, judge
from shared.contract.codec import roll_hash
from shared.contract.events import EndpointRead
from tests.unit.fetcher.world import ids


def pages(*received: int, total: int | None = None, last: int | None = None) -> list[PageRead]:
    """Pages that agree with each other, unless told otherwise."""
    declared = sum(received) if total is None else total
    return [PageRead(n, last or len(received), declared, count, count) for n, count in enumerate(received, 1)]


FOUR = ["1", "2", "3", "4"]


@pytest.mark.parametrize(
    ("read", "came"),
    [
        pytest.param(pages(4), FOUR, id="one page"),
        pytest.param(pages(2, 2), FOUR, id="two pages"),
        pytest.param(list(reversed(pages(2, 2))), FOUR, id="in any order"),
        pytest.param([PageRead(1, 1, 4, None, 4)], FOUR, id="a page that does not count itself"),
    ],
)
def test_a_whole_list_is_complete(read: list[PageRead], came: list[str]) -> None:
    assert judge(read, came, None) is None


@pytest.mark.parametrize(
    ("read", "came", "reason"),
    [
        pytest.param([], [], "page_missing", id="no page"),
        pytest.param(pages(2, 2, total=6, last=3), FOUR, "page_missing", id="the last page missing"),
        pytest.param(pages(2, 2, 2)[1:], FOUR, "page_missing", id="the first page missing"),
        pytest.param([*pages(2, 2)[:1], *pages(2, 2)[:1]], FOUR, "page_missing", id="one page twice"),
        pytest.param(pages(2, 1, total=4), FOUR[:3], "totals_disagree", id="fewer than declared"),
        pytest.param(pages(4, total=3), FOUR, "totals_disagree", id="more than declared"),
        pytest.param([PageRead(1, 1, 4, 3, 4)], FOUR, "totals_disagree", id="a page that miscounts itself"),
        pytest.param([PageRead(1, 1, None, 4, 4)], FOUR, "totals_disagree", id="no total at all"),
        pytest.param(
            [PageRead(1, 2, 4, 2, 2), PageRead(2, 2, 5, 2, 2)],
            FOUR,
            "totals_disagree",
            id="another total on the way",
        ),
        pytest.param(
            [PageRead(1, 2, 4, 2, 2), PageRead(2, 3, 4, 2, 2)],
            FOUR,
            "totals_disagree",
            id="other pages on the way",
        ),
        pytest.param(pages(4), ["1", "2", "3", "3"], "id_twice", id="an id twice"),
        pytest.param(pages(0), [], "no_students", id="nobody"),
        pytest.param([PageRead(1, 0, 0, 0, 0)], [], "no_students", id="nobody, on no page"),
    ],
)
def test_each_way_to_fail_has_its_reason(read: list[PageRead], came: list[str], reason: str) -> None:
    failure = judge(read, came, None)
    assert failure is not None
    assert failure.reason == reason
    assert not any(id in failure.detail.split() for id in came if len(id) > 1)


@pytest.mark.parametrize(
    ("known", "total", "is_ours"),
    [
        pytest.param(0, 10, False, id="nobody known"),
        pytest.param(1, 10, False, id="10 %"),
        pytest.param(19, 100, False, id="19 %"),
        pytest.param(20, 100, True, id="20 %, exactly"),
        pytest.param(1, 5, True, id="20 %, of five"),
        pytest.param(1, 6, False, id="16.7 %"),
        pytest.param(10, 10, True, id="everybody known"),
    ],
)
def test_less_than_a_fifth_known_is_another_school(known: int, total: int, is_ours: bool) -> None:
    came = ids(total)
    roll = [*came[:known], *ids(50, start=1000)]
    failure = doubt(came, roll)
    assert (failure is None) is is_ours
    assert failure is None or failure.reason == "another_school"


@pytest.mark.parametrize("roll", [None, []], ids=["there was none", "the last one was empty"])
def test_without_a_last_roll_nobody_is_a_stranger(roll: list[str] | None) -> None:
    assert doubt(FOUR, roll) is None


@pytest.mark.parametrize("came", [[], FOUR], ids=["empty", "strangers"])
def test_a_person_can_vouch_for_a_strange_roll(came: Sequence[str]) -> None:
    roll = ids(10)
    assert judge(pages(len(came)), came, roll) is not None
    assert judge(pages(len(came)), came, roll, {roll_hash(["9"])}) is not None
    assert judge(pages(len(came)), came, roll, {roll_hash(came)}) is None


def test_nobody_can_vouch_for_an_incomplete_list() -> None:
    failure = judge(pages(4, total=5), FOUR, None, {roll_hash(FOUR)})
    assert failure is not None
    assert failure.reason == "totals_disagree"


def test_an_endpoint_says_what_was_declared_and_what_came() -> None:
    read = [PageRead(1, 3, 9, 3, 3), PageRead(2, 3, None, 3, 2)]
    assert endpoint_read("/x", read) == EndpointRead(path="/x", pages=2, declared=9, received=5)
