"""Whatever is pushed, and however late the follower reads: each body goes forward only, and ends where the log says."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from shared.contract.deliveries import SnapshotAccepted
from shared.contract.topics import ACCOUNT_CHANGES, DELIVERIES
from tests.unit.gateway.test_progress import Followed
from tests.unit.gateway.world import a_body, pupils

ORDER = {"accepted": 0, "decided": 1, "delivered": 2, "superseded": 2}
bodies = st.lists(st.tuples(st.integers(24, 30), st.booleans()), min_size=1, max_size=6)


def states(followed: Followed) -> list[str]:
    return [str(followed.get(url)["state"]) for url in followed.urls]


def from_the_start(followed: Followed) -> None:
    """A gateway that has lost its place reads all of it again."""
    followed.restart()
    followed.places = {ACCOUNT_CHANGES: 0, DELIVERIES: 0}
    followed.follow()


def with_a_follower(check: Callable[[Followed], None]) -> None:
    with TemporaryDirectory() as folder:
        followed = Followed(Path(folder))
        try:
            check(followed)
        finally:
            followed.runner.close()


@given(bodies)
def test_a_body_goes_forward_only_and_ends(pushed: list[tuple[int, bool]]) -> None:
    """``pushed``: how many pupils are in each body, and whether the publisher works after it."""

    def check(followed: Followed) -> None:
        before: list[str] = []
        for count, works in [(30, True), *pushed, (30, True)]:
            followed.send(a_body(pupils(count)), until=900, works=works)
            now = states(followed)
            assert all(ORDER[then] <= ORDER[one] for then, one in zip(before, now, strict=False))
            assert all(then == one for then, one in zip(before, now, strict=False) if ORDER[then] == 2)
            before = now
        assert "accepted" not in before
        told = [followed.get(url) for url in followed.urls]
        numbers = [one["snapshot"] for one in told if one["state"] == "delivered"]
        assert all(one < other for one, other in pairwise(numbers)), "a snapshot carries one body of a school"
        sent = {event.number for event in followed.unitu.deliveries(SnapshotAccepted)}
        assert set(numbers) <= sent
        later = {one["sweep"]: place for place, one in enumerate(told)}
        assert all(
            later[one["superseded_by"]] > place for place, one in enumerate(told) if one["state"] == "superseded"
        )
        from_the_start(followed)
        assert [followed.get(url) for url in followed.urls] == told

    with_a_follower(check)
