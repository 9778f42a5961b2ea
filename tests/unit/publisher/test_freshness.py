"""Never old: nothing goes that was read too long ago, before this publisher began, or after a long silence."""

import copy
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from services.publisher import freshness
from services.publisher.freshness import AHEAD_SECONDS, LEAST_SECONDS, limit_seconds
from shared.clock import write
from shared.contract.account_state import CertifiedSweep
from shared.memory import MemoryDueQueue
from tests.unit.publisher.world import MANAGED, QUICK, World, a_config, an_account, an_employee

LIMIT = 900.0  # three polls of five minutes
EVERYBODY = {"s1@abbey.example", "s2@abbey.example"}


def ended(world: World, seconds_ago: float = 0.0) -> CertifiedSweep:
    at = write(world.clock() - timedelta(seconds=seconds_ago))
    return CertifiedSweep(sweep=at, started_at=at, completed_at=at, offset=10)


def swept(world: World, *accounts: Any, at: int = 10, ago: float = 0.0, **more: Any) -> None:
    world.tell_school(*accounts, at=at, certified=ended(world, ago), **more)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Two students whom Unitu has, by a sweep that ends just now."""
    world = World(a_config(tmp_path))
    world.work_once()  # it begins to look
    world.clock.advance(1)
    swept(world, an_account("1", 1), an_account("2", 2))
    world.adopt()
    world.work(until=1)
    world.clock.advance(1)
    assert world.unitu.enabled == EVERYBODY
    return world


def held(world: World) -> list[str]:
    return [one.code for one in world.state.held.reasons] if world.state.held else []


# --- how old ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ago", "goes"), [(LIMIT - 20, True), (LIMIT + 20, False)])
def test_a_sweep_may_be_three_polls_old(world: World, ago: float, goes: bool) -> None:
    world.clock.advance(2000)
    swept(world, an_account("3", 20), at=30, ago=ago)
    world.publish()
    assert ("s3@abbey.example" in world.unitu.enabled) == goes
    assert held(world) == ([] if goes else ["not_fresh"])


def test_nothing_is_sent_again_from_records_that_nobody_has_read_for_days(world: World) -> None:
    """The record system's password runs out; somebody adds the new pupils at Unitu by hand; the resend is old."""
    world.work(until=3700)
    world.clock.advance(3 * 86_400)
    world.unitu.accounts["added.by.hand@abbey.example"] = True
    posts = world.unitu.posts
    world.work(until=2 * 86_400)
    assert world.unitu.posts == posts
    assert world.unitu.accounts["added.by.hand@abbey.example"]


def test_a_wait_for_a_sweep_asks_for_one_once_per_poll(world: World) -> None:
    world.clock.advance(3000)
    world.tell(an_account("3", 20))
    world.work(until=250)
    assert [one.school for one in world.requests() if not one.full] == ["abbey"]
    world.work(until=100)
    assert len([one for one in world.requests() if not one.full]) == 2


def test_a_new_sweep_ends_the_wait(world: World) -> None:
    world.clock.advance(3000)
    world.tell(an_account("3", 20))
    world.work(until=30)
    assert held(world) == ["not_fresh"]
    swept(world, at=30)
    world.work(until=30)
    assert world.unitu.enabled == {*EVERYBODY, "s3@abbey.example"}
    assert world.state.held is None


def test_nothing_is_asked_of_an_old_sweep_while_nothing_is_to_be_sent(world: World) -> None:
    world.clock.advance(3000)
    world.work(until=100)
    assert world.state.held is None
    assert not [one for one in world.requests() if not one.full]


def test_each_population_is_read_by_a_sweep_of_its_own(tmp_path: Path) -> None:
    world = World(a_config(tmp_path, MANAGED + QUICK))
    swept(world, an_account("1", 1), ago=-1.0)
    swept(world, an_employee("214", 2), kind="staff", at=12, ago=4 * 3600)
    world.adopt()
    world.work(until=1)
    assert held(world) == ["not_fresh"]
    swept(world, kind="staff", at=13, ago=-1.0)
    world.work(until=30)
    assert len(world.unitu.enabled) == 2


# --- since this publisher began --------------------------------------------------------------------------------------


def test_a_sweep_before_this_publisher_began_proves_nothing(world: World) -> None:
    world.clock.advance(60)
    swept(world, an_account("3", 20), at=30)
    world.clock.advance(60)
    world.restart()
    world.publish()
    assert world.unitu.enabled == EVERYBODY
    assert held(world) == ["not_fresh"]
    swept(world, at=31, ago=-1.0)
    world.work(until=30)
    assert "s3@abbey.example" in world.unitu.enabled


def test_a_machine_put_back_to_yesterday_reads_before_it_speaks(world: World) -> None:
    """Kafka and Redis on one machine, put back to its backup: everything agrees, and everything is old."""
    backup = copy.deepcopy((world.log, world.out, world.lanes, world.tenant_hashes, world.wake_hashes))
    world.clock.advance(60)
    swept(world, an_account("3", 20), at=30)
    world.work(until=10)
    assert "s3@abbey.example" in world.unitu.enabled
    world.log, world.out, world.lanes, world.tenant_hashes, world.wake_hashes = backup
    world.due = MemoryDueQueue()
    world.clock.advance(60)  # so young that no limit would find it old
    world.restart()
    world.publish()
    world.work(until=7200)
    assert "s3@abbey.example" in world.unitu.enabled


def test_last_nights_backup_of_the_two_topics_sends_nothing_of_its_own(world: World) -> None:
    """As docs/operating.md says: account-state and tenant-state are backed up, and Redis needs no backup."""
    backup = copy.deepcopy((world.log, world.out))
    world.clock.advance(12 * 3600)
    swept(world, an_account("3", 20), at=30)
    world.work(until=10)
    assert world.unitu.enabled == {*EVERYBODY, "s3@abbey.example"}
    world.log, world.out = backup
    world.clock.advance(3600)
    world.empty_redis()
    world.read()
    world.work(until=10)
    assert "s3@abbey.example" in world.unitu.enabled


# --- clocks ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ahead", "goes"), [(AHEAD_SECONDS - 20, True), (AHEAD_SECONDS + 20, False)])
def test_a_sweep_that_ends_in_the_future_is_not_believed(world: World, ahead: float, goes: bool) -> None:
    swept(world, an_account("3", 20), at=30, ago=-ahead)
    world.publish()
    assert ("s3@abbey.example" in world.unitu.enabled) == goes
    assert held(world) == ([] if goes else ["sweep_ahead"])


# --- pushed schools --------------------------------------------------------------------------------------------------


@pytest.fixture
def pushed(tmp_path: Path) -> World:
    config = a_config(tmp_path)
    path = tmp_path / "rollcall.toml"
    text = path.read_text()
    head = text[: text.index("[schools.abbey]")]
    path.write_text(head + '[schools.abbey]\ntenant = "abbey"\nsource = "push"\napi_key = { file = "secret" }\n')
    from shared.config.load import load

    world = World(load(path, {}))
    assert world.config != config
    world.work_once()  # it begins to look
    world.clock.advance(1)
    swept(world, an_account("1", 1), an_account("2", 2))
    world.adopt()
    world.work(until=1)
    world.clock.advance(1)
    assert world.unitu.enabled == EVERYBODY
    return world


@pytest.mark.parametrize(("hours", "goes"), [(25, True), (27, False)])
def test_a_pushed_body_may_be_sent_on_for_a_day(pushed: World, hours: int, goes: bool) -> None:
    pushed.clock.advance(hours * 3600)
    pushed.tell(an_account("3", 20))
    pushed.publish()
    assert ("s3@abbey.example" in pushed.unitu.enabled) == goes
    assert not [one for one in pushed.requests() if not one.full]  # nobody can ask for a body


def test_a_body_that_was_never_sent_outlives_a_restart(pushed: World) -> None:
    pushed.clock.advance(60)
    swept(pushed, an_account("3", 20), at=30)
    pushed.clock.advance(60)
    pushed.restart()
    pushed.publish()
    assert "s3@abbey.example" in pushed.unitu.enabled


def test_after_a_restart_a_body_that_was_sent_waits_for_the_next_or_for_a_yes(pushed: World) -> None:
    pushed.clock.advance(60)
    pushed.restart()
    pushed.tell(an_account("3", 20))
    pushed.publish()
    assert held(pushed) == ["not_fresh"]
    [hold] = pushed.desk.holds("abbey")
    pushed.desk.let_go("abbey", [hold.hash])
    pushed.work(until=1)
    assert "s3@abbey.example" in pushed.unitu.enabled


def test_the_limit_is_three_polls_and_never_longer_than_a_resend(tmp_path: Path) -> None:
    config = a_config(tmp_path, MANAGED + QUICK + "resend_hours = 2")
    tenant, school = config.tenants["abbey"], config.schools["abbey"]
    assert limit_seconds(school, tenant, "abbey") == LIMIT
    assert limit_seconds(school, tenant, "abbey+staff") == 7200
    often = school.model_copy(update={"poll_seconds": 1})
    assert limit_seconds(often, tenant, "abbey") == LEAST_SECONDS


# --- a long silence --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("days", "goes"), [(6.9, True), (7.1, False)])
def test_after_a_week_without_a_snapshot_a_person_says_yes(world: World, days: float, goes: bool) -> None:
    """A summer of ``paused``: nobody knows what Unitu has by now."""
    world.is_swept = True
    world.clock.advance(days * 86_400)
    world.publish()
    assert world.unitu.posts == (2 if goes else 1)
    assert held(world) == ([] if goes else ["long_ago"])


def test_the_yes_after_a_long_silence_is_to_the_roster_that_was_shown(world: World) -> None:
    world.is_swept = True
    world.clock.advance(30 * 86_400)
    world.publish()
    [shown] = world.desk.holds("abbey")
    world.tell(an_account("3", 20))
    world.publish()
    world.desk.let_go("abbey", [one.hash for one in world.desk.holds("abbey")])
    assert shown.hash not in world.state.releases
    world.work(until=1)
    assert "s3@abbey.example" in world.unitu.enabled
    assert world.state.releases == {}


def test_adopting_anew_after_a_long_silence_is_a_yes(world: World) -> None:
    world.is_swept = True
    world.clock.advance(30 * 86_400)
    world.publish()
    assert world.unitu.posts == 1
    world.adopt()
    world.work(until=1)
    assert world.unitu.posts == 2


def test_a_time_that_cannot_be_read_is_not_believed() -> None:
    assert freshness._moment("2026") is None
