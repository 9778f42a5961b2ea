"""No clock is believed alone: leases, intents and waits that a wrong clock has written stop nobody for long."""

from datetime import timedelta
from pathlib import Path

import pytest

from services.publisher import app, pacing
from services.publisher.app import PublisherService
from services.publisher.pacing import AHEAD_SECONDS, Burst
from shared import failpoints
from shared.clock import write
from shared.contract.tenant_state import Intent, TenantState
from shared.memory import MemoryDueQueue
from tests.unit.publisher.world import LIVE, QUICK, START, World, a_config, an_account

YEAR = 365 * 86_400.0
NOW = START.timestamp()


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(a_config(tmp_path))
    world.tell_school(an_account("1", 1), an_account("2", 2))
    world.adopt()
    return world


@pytest.mark.parametrize("outcome", [202, "times-out", "lost", 422, 503])
def test_a_clock_that_was_a_year_ahead_once_stops_nobody(world: World, outcome: str | int) -> None:
    world.unitu.plan = [outcome]
    world.clock.advance(YEAR)
    world.work(until=1)
    world.clock.advance(-YEAR)
    world.restart()
    world.tell_school(an_account("3", 20), at=30)
    world.work(until=86_400)
    assert "s3@abbey.example" in world.unitu.enabled


def test_an_intent_that_a_wrong_clock_wrote_is_waited_out_for_as_long_as_it_was_to_take(world: World) -> None:
    world.clock.advance(YEAR)
    world.crash_at("announced")
    world.clock.advance(-YEAR)
    world.due.remove("abbey")  # as ``PublisherService`` does with a lease of a year
    world.due.ensure({"abbey": 0.0})
    world.work(until=85)
    assert world.unitu.posts == 0
    world.work(until=20)
    assert world.unitu.posts == 2  # at once again: nobody knows what became of the first
    assert world.unitu.enabled == {"s1@abbey.example", "s2@abbey.example"}


def test_a_time_that_cannot_be_is_told(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.clock.advance(YEAR)
    world.work(until=1)
    world.clock.advance(-YEAR)
    world.publish()
    assert any("further ahead than its setting allows" in one.getMessage() for one in caplog.records)


def intent(begins: float, ends: float) -> TenantState:
    def at(seconds: float) -> str:
        return write(START + timedelta(seconds=seconds))

    return TenantState(
        tenant="abbey", intent=Intent(number=1, begun_at=at(begins), ends_at=at(ends), roster_hash="", digest="")
    )


@pytest.mark.parametrize(
    ("begins", "ends", "believed"),
    [
        pytest.param(0, 90, None, id="as it is written"),
        pytest.param(-80, 10, None, id="nearly over"),
        pytest.param(-200, -110, None, id="over"),
        pytest.param(YEAR, YEAR + 90, NOW + 90, id="a year ahead"),
        pytest.param(0, YEAR, NOW + pacing.LONGEST_LEASE_SECONDS, id="a lease of a year"),
    ],
)
def test_an_intent_ends_when_it_can(begins: float, ends: float, believed: float | None) -> None:
    assert pacing.believed_end(intent(begins, ends), NOW) == believed


@pytest.mark.parametrize(("ahead", "is_kept"), [(AHEAD_SECONDS - 1, True), (AHEAD_SECONDS + 1, False)])
def test_a_burst_of_changes_from_the_future_begins_anew(ahead: float, is_kept: bool) -> None:
    before = Burst(NOW + ahead, NOW + ahead)
    assert (pacing.extended(before, NOW, 2.0) == before) == is_kept


def test_a_post_that_was_withdrawn_is_tried_after_a_while_and_told(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    failpoints.hooks["announced"] = lambda: world.clock.advance(89)
    try:
        for _ in range(20):
            world.clock.advance(0.01)
            world.work_once()
    finally:
        failpoints.hooks.clear()
    assert world.unitu.posts == 0
    assert world.state.number == 1, "it went round and round"
    assert any("not sent, its lease" in one.getMessage() for one in caplog.records)
    world.work(until=30)
    assert world.unitu.posts == 1


@pytest.mark.parametrize(
    ("timeout", "lease", "is_sound"),
    [(60, 60.01, False), (60, 69.9, False), (60, 70, True), (2, 2.9, False), (2, 3, True)],
)
def test_a_lease_that_hardly_outlasts_a_post_is_refused(
    tmp_path: Path, timeout: float, lease: float, is_sound: bool
) -> None:
    text = LIVE + QUICK + f"timeout_seconds = {timeout}\nlease_seconds = {lease}\n"
    if is_sound:
        assert a_config(tmp_path, text).tenants["abbey"].lease_seconds == lease
        return
    with pytest.raises(Exception, match="lease_seconds: must be at least"):
        a_config(tmp_path, text)


@pytest.mark.parametrize("is_leased", [False, True])
def test_a_tenant_that_is_due_in_a_year_is_looked_at_now(tmp_path: Path, is_leased: bool) -> None:
    due = MemoryDueQueue()
    due.ensure({"abbey": NOW + YEAR})
    if is_leased:
        assert due.claim(NOW + YEAR, 90.0) is not None
    service = PublisherService(a_config(tmp_path), clock=lambda: START)

    class Parts:
        clock = staticmethod(lambda: START)

    parts = Parts()
    parts.due = due  # type: ignore[attr-defined]
    service._make_sure(parts)  # type: ignore[arg-type]
    assert due.next_at() == NOW
    assert app.FAR_SECONDS < YEAR
