"""One delivery after another, over ports: what goes, when, and what a crash between any two effects leaves behind."""

from pathlib import Path

import pytest

from shared.contract.deliveries import (
    SnapshotAccepted,
    SnapshotHeld,
    SnapshotRejected,
    SnapshotRetried,
    SnapshotSimulated,
)
from tests.unit.publisher.world import LIVE, QUICK, World, a_config, a_leaver, a_school, an_account


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A live tenant with two students, adopted."""
    world = World(a_config(tmp_path))
    world.tell_school(an_account("1", 1), an_account("2", 2))
    world.adopt()
    return world


def test_an_adopted_roster_goes(world: World) -> None:
    world.work()
    assert world.unitu.enabled == {"s1@abbey.example", "s2@abbey.example"}
    [event] = world.deliveries(SnapshotAccepted)
    assert (event.number, event.cause, event.roster_count) == (1, "first", 2)
    assert world.state.intent is None
    assert world.state.unknown is None


def test_nothing_goes_before_a_yes(tmp_path: Path) -> None:
    world = World(a_config(tmp_path))
    world.tell_school(an_account("1", 1))
    world.unitu.accounts = {"head@abbey.example": True}
    world.work(until=600)
    assert world.unitu.posts == 0
    [event] = world.deliveries(SnapshotHeld)
    assert [reason.code for reason in event.reasons] == ["not_adopted"]
    world.adopt()
    world.work()
    assert world.unitu.enabled == {"s1@abbey.example"}


def test_many_changes_are_one_post(world: World) -> None:
    world.work()
    world.tell_school(*(an_account(str(n), n) for n in range(3, 20)), at=30)
    world.work()
    assert world.unitu.posts == 2
    assert len(world.unitu.enabled) == 19


def test_nothing_new_is_not_sent(world: World) -> None:
    world.work()
    world.tell(a_school(40))
    world.work(until=10)
    assert world.unitu.posts == 1


def test_the_newest_goes_again_an_hour_after_a_change_and_then_daily(world: World) -> None:
    world.work(until=3599)
    assert world.unitu.posts == 1
    world.work(until=2)
    assert world.unitu.posts == 2
    world.work(until=86_000)
    assert world.unitu.posts == 2
    world.work(until=500)
    assert world.unitu.posts == 3


def test_a_leaver_with_evidence_goes(world: World) -> None:
    world.work()
    world.tell_school(a_leaver("2", 20), at=20)
    world.work()
    assert world.unitu.enabled == {"s1@abbey.example"}
    assert world.roster() == {"s1@abbey.example"}


def test_a_leaver_without_new_evidence_holds_the_delivery(world: World) -> None:
    world.work()
    world.tell_school(a_leaver("2", 20, evidence_at=5), at=20)
    world.work(until=200)
    assert world.unitu.posts == 1
    [event] = world.deliveries(SnapshotHeld)
    assert [(who.person, who.reason) for who in event.who] == [("2", "evidence_before_last_snapshot")]


def test_a_dry_run_posts_nothing_and_tells_everything(tmp_path: Path) -> None:
    world = World(a_config(tmp_path, QUICK))
    world.tell_school(an_account("1", 1))
    world.work(until=60)
    assert world.unitu.posts == 0
    [event] = world.deliveries(SnapshotSimulated)
    assert event.verdict == "send"
    assert event.report.provisioned == ("s1@abbey.example",)


def test_a_paused_tenant_says_nothing(tmp_path: Path) -> None:
    world = World(a_config(tmp_path, 'mode = "paused"\nstaff = "not-in-unitu"'))
    world.tell_school(an_account("1", 1))
    world.work(until=600)
    assert world.unitu.posts == 0
    assert world.deliveries() == []


# --- pacing ----------------------------------------------------------------------------------------------------------


def test_changes_wait_for_silence_but_not_for_ever(tmp_path: Path) -> None:
    world = World(a_config(tmp_path, LIVE + "min_interval_seconds = 0"))
    world.tell_school(an_account("1", 1))
    world.work(until=60)
    world.adopt()
    world.work()
    before = world.clock.moment
    for n in range(2, 100):
        world.tell(an_account(str(n), n + 10))
        world.work(until=1.0)
        if world.unitu.posts > 1:
            break
    assert 14 <= (world.clock.moment - before).total_seconds() <= 17
    world.work(until=60)
    posts = world.unitu.posts
    world.tell(an_account("200", 200))
    world.work(until=1.9)
    assert world.unitu.posts == posts
    world.work(until=0.2)
    assert world.unitu.posts == posts + 1


def test_an_accepted_snapshot_is_followed_by_a_pause(tmp_path: Path) -> None:
    world = World(a_config(tmp_path, LIVE + "quiet_seconds = 0"))
    world.tell_school(an_account("1", 1))
    world.adopt()
    world.work()
    world.tell(an_account("2", 20))
    world.work(until=299)
    assert world.unitu.posts == 1
    world.work(until=2)
    assert world.unitu.posts == 2


def test_a_worker_faster_than_its_lane_waits_for_the_change(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lane wakes before its position moves; nobody wakes again after it."""
    world.work()
    world.append(an_account("3", 20))
    world.wakes.wake(0, len(world.log[0]), ["abbey"])
    world.work_once()
    assert world.unitu.posts == 1
    monkeypatch.setattr(world.wakes, "wake", lambda *_: None)
    world.read()
    world.work(until=1)
    assert "s3@abbey.example" in world.unitu.enabled


def test_a_lane_that_never_moves_is_not_waited_for_for_ever(world: World) -> None:
    world.work()
    world.wakes.wake(0, 10_000, ["abbey"])
    world.tell(an_account("3", 20))
    world.wakes.wake(0, 10_000, ["abbey"])
    world.work(until=59)
    assert world.unitu.posts == 1
    world.work(until=2)
    assert world.unitu.posts == 2


# --- Unitu says something else ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["lost", "times-out", 408, 429, 500, 503])
def test_an_unknown_outcome_is_tried_again_under_another_number(world: World, step: str | int) -> None:
    world.unitu.plan = [step, step]
    world.work(until=1800)
    assert [event.number for event in world.deliveries(SnapshotRetried)] == [1, 2]
    assert [event.number for event in world.deliveries(SnapshotAccepted)] == [3]
    assert world.state.unknown is None
    assert world.state.retries == 0


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_rejection_holds_the_tenant_until_a_person_acts(world: World, status: int) -> None:
    world.unitu.plan = [status]
    world.work()
    world.tell(an_account("3", 20))
    world.work(until=7200)
    assert world.unitu.posts == 1
    [event] = world.deliveries(SnapshotRejected)
    assert event.status == status
    assert world.state.held is not None
    assert world.state.unknown is not None  # a part of it may have been taken
    world.publish()
    assert world.unitu.enabled == {f"s{n}@abbey.example" for n in (1, 2, 3)}
    assert world.state.held is None


def test_a_try_after_a_rejection_is_tried_again_by_itself(world: World) -> None:
    world.unitu.plan = [401, 503]
    world.work()
    world.publish()
    assert world.unitu.posts == 2
    world.work(until=600)
    assert world.unitu.posts == 3
    assert world.unitu.enabled == {"s1@abbey.example", "s2@abbey.example"}


def test_a_wish_is_not_hurried_past_the_back_off(world: World) -> None:
    world.work()
    world.unitu.plan = [503] * 50
    world.publish()
    posts = world.unitu.posts
    for n in range(3, 10):
        world.tell(an_account(str(n), 20 + n))
        world.work()
    assert world.unitu.posts <= posts + 1


def test_a_wish_outlives_a_wait(world: World) -> None:
    world.work()
    world.tell(a_school(20, certified=None))
    world.publish()
    assert world.unitu.posts == 1
    world.work(until=30)
    world.tell(a_school(21))
    world.work(until=30)
    assert world.unitu.posts == 2


# --- crashes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("point", ["announced", "posted", "concluded"])
def test_a_crash_anywhere_ends_with_the_newest_snapshot(world: World, point: str) -> None:
    world.crash_at(point)
    world.tell_school(an_account("3", 20), at=30)
    world.work(until=300)
    world.publish()
    assert world.unitu.bodies[-1]["students"][-1]["email"] == "s3@abbey.example"
    assert world.unitu.enabled == {f"s{n}@abbey.example" for n in (1, 2, 3)}
    assert world.state.intent is None


def test_whoever_takes_over_waits_the_post_out(world: World) -> None:
    world.unitu.plan = ["crash"]
    with pytest.raises(BaseException):  # noqa: B017, PT011 - the process dies
        world.work_once()
    world.empty_redis()  # the lease is gone with it
    world.read()
    world.work(until=80)
    assert world.unitu.posts == 1
    world.work(until=20)
    assert world.state.accepted is not None
    assert world.state.accepted.number == 3  # and the newest goes again: nobody knows how the first ended


def test_a_post_of_which_nobody_learnt_the_outcome_has_the_newest_sent_twice(world: World) -> None:
    """Unitu may apply it last of all, so the one after it settles nothing yet."""
    world.unitu.plan = ["crash"]
    with pytest.raises(BaseException):  # noqa: B017, PT011 - the process dies
        world.work_once()
    world.restart()
    world.tell_school(a_leaver("2", 20), at=20)
    world.work_once()
    world.clock.advance(100)
    world.work_once()
    assert (world.unitu.posts, world.state.unknown is None) == (2, False)
    world.work_once()  # at once: not after an hour, nor after the least interval
    assert (world.unitu.posts, world.state.unknown) == (3, None)
    world.clock.advance(100)
    world.work(until=600)
    assert world.unitu.posts == 3


def test_a_post_that_timed_out_after_it_was_applied_counts_as_sent(world: World) -> None:
    """The joiner was in no accepted snapshot, yet has an account: leaving without evidence holds."""
    world.work()
    world.tell(an_account("3", 20))
    world.unitu.plan = ["times-out"]
    world.work()
    assert "s3@abbey.example" not in world.roster()
    world.forget("3")
    world.read()
    world.work(until=600)
    assert "s3@abbey.example" in world.unitu.enabled
    [event] = world.deliveries(SnapshotHeld)
    assert [(who.person, who.reason) for who in event.who] == [("3", "account_unknown")]


def test_a_worker_that_lost_its_lease_posts_nothing(world: World) -> None:
    claim = world.due.claim(world.clock().timestamp(), 90)
    assert claim is not None
    world.clock.advance(100)
    assert world.due.claim(world.clock().timestamp(), 90) is not None  # somebody else has it now
    import asyncio

    asyncio.run(world.deliverer.deliver(claim))
    assert world.unitu.posts == 0
    assert world.state.intent is None


def test_a_snapshot_judged_before_an_adoption_is_judged_again(world: World) -> None:
    shown = world.desk.show("abbey")
    world.work()
    from services.publisher.decisions import Outdated

    with pytest.raises(Outdated):
        world.desk.adopt(shown, words=shown.words)
