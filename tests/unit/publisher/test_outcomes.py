"""What Unitu may have taken: a refused snapshot in part, an overtaken one last of all."""

from pathlib import Path
from typing import Any

import pytest

from services.publisher.unitu import Outcome, classify
from shared.contract.deliveries import SnapshotHeld, SnapshotRetried
from tests.unit.publisher.test_crashes import meanwhile
from tests.unit.publisher.world import LIVE, QUICK, World, a_config, a_leaver, an_account


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(a_config(tmp_path))
    world.tell_school(an_account("1", 1), an_account("2", 2))
    return world


@pytest.mark.parametrize(
    "answer", [pytest.param(classify(422), id="422"), pytest.param(classify(200, text="<html>"), id="a page")]
)
def test_who_is_in_a_snapshot_that_was_not_accepted_may_be_at_unitu_all_the_same(world: World, answer: Outcome) -> None:
    """Three records are wrong, and Unitu took the others; or it took all, and a page came back."""
    world.adopt()
    world.work(until=10)
    world.tell_school(an_account("3", 20), at=30)
    post = world.unitu.post

    async def taken_all_the_same(url: str, key: Any, body: bytes, seconds: float) -> Outcome:
        world.unitu.apply(body)
        return answer

    world.unitu.post = taken_all_the_same  # type: ignore[method-assign]
    world.work(until=1)
    assert "s3@abbey.example" in world.unitu.enabled
    world.unitu.post = post  # type: ignore[method-assign]
    world.forget("3")  # nothing explains it
    world.read()
    world.publish()
    assert "s3@abbey.example" in world.unitu.enabled
    assert [one.code for one in world.deliveries(SnapshotHeld)[-1].reasons] == ["account_unknown"]


def test_after_a_refusal_a_leaver_goes_by_evidence_that_is_newer_than_it(world: World) -> None:
    world.adopt()
    world.work(until=10)
    world.tell_school(an_account("3", 20), at=30)
    world.unitu.plan = [422]
    world.work(until=10)
    world.tell_school(a_leaver("3", 40), at=40)
    world.publish()
    assert world.unitu.enabled == {"s1@abbey.example", "s2@abbey.example"}


@pytest.mark.parametrize(
    "tenant", [LIVE, LIVE + "quiet_seconds = 0\nmax_delay_seconds = 0\nmin_interval_seconds = 0\n"]
)
def test_who_was_overtaken_has_the_newest_sent_at_once(tmp_path: Path, tenant: str) -> None:
    """The second publisher's clock is 60 s ahead: it takes over while the first one's POST is still on its way."""
    world = World(a_config(tmp_path, tenant))
    world.tell_school(an_account("1", 1), an_account("2", 2))
    world.clock.advance(60)  # the quiet time is over
    world.tell_school(a_leaver("2", 20), at=20)
    world.clock.advance(60)
    world.adopt()
    apply = world.unitu.apply

    def slow(body: bytes) -> None:
        world.unitu.apply = apply  # type: ignore[method-assign]

        def other() -> None:
            world.clock.advance(40 + 60)  # 40 s into the POST, by a clock that is 60 s ahead
            world.tell_school(an_account("2", 30), at=30)  # 2 has come back
            world.work(until=15)
            world.clock.advance(-60)

        meanwhile(world, other)
        apply(body)

    world.unitu.apply = slow  # type: ignore[method-assign]
    world.work_once()
    assert world.unitu.posts == 3
    assert "s2@abbey.example" not in world.unitu.enabled  # by a snapshot that a newer one had overtaken
    world.clock.advance(60)
    world.work(until=20)
    assert "s2@abbey.example" in world.unitu.enabled
    assert world.state.unknown is None


def test_a_word_that_is_no_acceptance_is_held_after_three_times_and_goes_again_all_the_same(world: World) -> None:
    world.adopt()
    world.unitu.plan = ["says OK"] * 5
    while world.unitu.posts < 2:  # how long each wait is, is drawn
        at = world.due.next_at()
        assert at is not None
        world.clock.advance(max(0.0, at - world.clock().timestamp()) + 0.001)
        world.work_once()
    assert world.state.held is None  # time may still help
    world.work(until=600)
    [held] = world.deliveries(SnapshotHeld)
    assert [one.code for one in held.reasons] == ["answer_unlike"]
    assert '"OK"' in held.reasons[0].message
    assert "acceptance_text" in held.reasons[0].message
    assert [one.answer.strip() for one in world.deliveries(SnapshotRetried)] == ["OK"] * 5
    assert (world.unitu.posts, world.state.held) == (6, None)  # the sixth was answered as ever
    assert world.state.accepted is not None


def test_a_page_is_held_as_well_and_no_setting_makes_it_a_yes(tmp_path: Path) -> None:
    world = World(a_config(tmp_path, LIVE + QUICK + 'acceptance_text = "OK"\n'))
    world.tell_school(an_account("1", 1))
    world.adopt()
    world.unitu.plan = ["page"] * 3
    world.work(until=60)
    [held] = world.deliveries(SnapshotHeld)
    assert "a page" in held.reasons[0].message
    assert world.state.accepted is not None  # the fourth came through, and the hold is over
    assert world.state.held is None


def test_the_words_that_an_operator_knows_for_a_yes_are_one(tmp_path: Path) -> None:
    world = World(a_config(tmp_path, LIVE + QUICK + 'acceptance_text = " OK "\n'))
    world.tell_school(an_account("1", 1))
    world.adopt()
    world.unitu.plan = ["says OK"]
    world.work(until=10)
    assert (world.unitu.posts, world.state.unknown) == (1, None)
    assert world.state.accepted is not None


def test_whom_a_hold_names_stays_told_beside_an_answer_that_is_none(world: World) -> None:
    world.adopt()
    world.work(until=10)
    world.forget("2")
    world.tell(an_account("3", 20))
    world.unitu.plan = ["says OK"] * 4
    world.work(until=60)
    assert world.state.held is not None
    assert [one.code for one in world.state.held.reasons] == ["account_unknown"]
