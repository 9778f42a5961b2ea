"""The process dies before or after any effect of a delivery; whoever goes on sends nothing stale and loses nobody."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from services.publisher.tenant_view import TenantView
from shared import failpoints
from tests.unit.publisher.world import Crash, World, a_config, a_leaver, an_account

EFFECTS = 40  # more than a delivery has


@pytest.fixture
def world(tmp_path: Path) -> World:
    """1 and 2 are with Unitu; 3 has joined and 2 has left since."""
    world = World(a_config(tmp_path))
    world.tell_school(an_account("1", 1), an_account("2", 2))
    world.adopt()
    world.work()
    world.tell_school(an_account("3", 20), a_leaver("2", 30), at=30)
    return world


@pytest.fixture(autouse=True)
def _no_hooks_left() -> Iterator[None]:
    yield
    failpoints.hooks.clear()


class Trip:
    """Dies at the ``nth`` call of any effect, before or after it took place."""

    def __init__(self, world: World, nth: int, *, after: bool) -> None:
        self.left, self.after = nth, after
        for owner, name in (
            (world.out, "publish"),
            (world.tenant_hashes, "write_lanes"),
            (world.due, "renew"),
            (world.due, "finish"),
        ):
            setattr(owner, name, self._wrapped(getattr(owner, name)))
        post = world.unitu.post

        async def posted(*given: Any) -> Any:
            self._die(is_after=False)
            outcome = await post(*given)
            self._die(is_after=True)
            return outcome

        world.unitu.post = posted  # type: ignore[method-assign]

    def _wrapped(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def tripping(*given: Any, **named: Any) -> Any:
            self._die(is_after=False)
            result = call(*given, **named)
            self._die(is_after=True)
            return result

        return tripping

    def _die(self, *, is_after: bool) -> None:
        if is_after == self.after:
            self.left -= 1
            if self.left == 0:
                raise Crash


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("loses_redis", [False, True])
def test_a_crash_before_or_after_any_effect_loses_nobody(tmp_path: Path, after: bool, loses_redis: bool) -> None:
    crashes = 0
    for nth in range(1, EFFECTS):
        world = World(a_config(tmp_path))
        world.tell_school(an_account("1", 1), an_account("2", 2))
        world.adopt()
        world.work()
        world.tell_school(an_account("3", 20), a_leaver("2", 30), at=30)
        trip = Trip(world, nth, after=after)
        try:
            world.work()
        except Crash:
            crashes += 1
        if trip.left > 0:
            break
        number = world.state.number
        if loses_redis:
            world.empty_redis()
        world.restart()
        world.read()
        world.tell_school(an_account("4", 40), at=50)
        world.work(until=400)
        assert world.unitu.enabled == {f"s{n}@abbey.example" for n in (1, 3, 4)}, nth
        assert world.roster() == world.unitu.enabled
        assert world.state.number > number
        assert world.state.intent is None
        assert world.state.unknown is None
        have_four = ["s4@abbey.example" in [one["email"] for one in body["students"]] for body in world.unitu.bodies]
        assert have_four == sorted(have_four), "an older snapshot came after a newer one"
    assert crashes >= 8


def meanwhile(world: World, act: Callable[[], Any]) -> None:
    """Another process does something: in a thread, since this one's loop is running."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            act()
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]


def test_a_worker_that_slept_through_its_lease_sends_nothing_stale(world: World) -> None:
    """Paused after its intent; another takes over, waits it out, and sends what is newest."""

    def pause() -> None:
        failpoints.hooks.clear()

        def other() -> None:
            world.clock.advance(100)
            world.tell(an_account("4", 40))
            world.work(until=1)

        meanwhile(world, other)

    failpoints.hooks["announced"] = pause
    world.work_once()
    assert world.unitu.posts == 3  # the other cannot know that nothing was sent, so it makes sure
    assert "s4@abbey.example" in world.unitu.enabled
    assert world.state.intent is None


def test_a_worker_that_wakes_up_late_but_alone_does_not_post_beyond_its_lease(world: World) -> None:
    failpoints.hooks["announced"] = lambda: world.clock.advance(89)
    world.work_once()
    assert world.unitu.posts == 1
    failpoints.hooks.clear()
    world.work(until=10)
    assert world.unitu.posts == 2


def test_a_newer_number_stops_a_post_even_where_the_lease_seems_ours(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The due-queue was put back to an older copy: two workers have the tenant."""

    def pause() -> None:
        failpoints.hooks.clear()

        def other() -> None:
            world.clock.advance(100)
            world.tell(an_account("4", 40))
            world.work(until=1)
            world.clock.advance(-100)

        meanwhile(world, other)
        monkeypatch.setattr(world.due, "renew", lambda *_: True)

    failpoints.hooks["announced"] = pause
    world.work_once()
    assert world.unitu.posts == 3  # the other cannot know that nothing was sent, so it makes sure
    assert "s4@abbey.example" in world.unitu.enabled


def test_what_a_person_decides_while_a_snapshot_is_made_counts_for_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.work()
    world.tell(an_account("1", 40, email="new@x"), an_account("5", 41))
    waits, read = world.desk.waits("abbey"), world.views.read

    def read_slowly(tenant: str) -> TenantView:
        view = read(tenant)
        monkeypatch.undo()
        world.desk.release("abbey", waits)
        return view

    monkeypatch.setattr(world.views, "read", read_slowly)
    world.work(until=1)
    assert world.unitu.posts == 3
    assert "new@x" in world.unitu.enabled


def test_bytes_that_were_long_on_their_way_are_put_right_by_the_next_resend(world: World) -> None:
    """Unitu applies the older of two snapshots last: nothing can prevent it, so the newest goes again."""
    apply = world.unitu.apply

    def late(body: bytes) -> None:
        world.unitu.apply = apply  # type: ignore[method-assign]

        def other() -> None:
            world.clock.advance(100)
            world.tell(an_account("4", 40))
            world.work(until=1)

        meanwhile(world, other)
        apply(body)

    world.unitu.apply = late  # type: ignore[method-assign]
    world.work_once()
    assert "s4@abbey.example" not in world.unitu.enabled
    assert "s4@abbey.example" in world.roster()
    world.work(until=3700)
    assert world.unitu.enabled == {f"s{n}@abbey.example" for n in (1, 3, 4)}


def test_two_publishers_share_the_tenants_and_each_snapshot_goes_once(world: World) -> None:
    claim = world.due.claim(world.clock().timestamp(), 90)
    assert claim is not None
    assert not world.work_once()  # the other finds nothing due
    world.due.finish(claim, world.clock().timestamp(), fulfilled=False)
    assert world.work_once()
    assert world.unitu.posts == 2


def test_an_adoption_during_a_post_is_refused_or_kept(world: World) -> None:
    """The yes was to another roster than the one on its way."""
    from services.publisher.decisions import Outdated

    shown = world.desk.show("abbey")
    refused: list[bool] = []

    def decide() -> None:
        try:
            meanwhile(world, lambda: world.desk.adopt(shown))
        except Outdated:
            refused.append(True)

    failpoints.hooks["posted"] = decide
    world.work_once()
    assert refused == [True]
    assert world.roster() == {"s1@abbey.example", "s3@abbey.example"}


def test_a_release_during_a_post_is_kept(world: World) -> None:
    world.work()
    world.tell(an_account("1", 40, email="new@x"))
    waits = world.desk.waits("abbey")
    world.tell(an_account("5", 41))
    failpoints.hooks["posted"] = lambda: meanwhile(world, lambda: world.desk.release("abbey", waits))
    world.work_once()
    assert "new@x" not in world.unitu.enabled
    failpoints.hooks.clear()
    world.work(until=1)
    assert "new@x" in world.unitu.enabled
