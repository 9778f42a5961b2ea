"""Who of a due-queue is worked on when, and what happens when that goes wrong."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.errors import Retryable
from shared.memory import MemoryDueQueue
from shared.ports import Claim
from shared.work import pool as module
from shared.work.outage import Outage
from shared.work.pool import Pool

NOW = 1_000_000.0
LOG = logging.getLogger("rollcall.test")


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - whatever the condition looks at has no event
            await asyncio.sleep(0)


class World:
    """Work that goes on until it is let go; the clock stands still."""

    def __init__(self, *due: str, **settings: Any) -> None:
        self.due = MemoryDueQueue()
        self.due.ensure(dict.fromkeys(due, NOW))
        self.at_work: list[str] = []
        self.given_up: list[str] = []
        self.gate = asyncio.Event()
        self.trouble: Exception | None = None
        work: Callable[[Claim], Coroutine[Any, Any, None]] = self.work
        self.pool = Pool(
            self.due,
            lambda: datetime.fromtimestamp(NOW, UTC),
            work,
            Outage(LOG, "the queue is away", "the queue is back"),
            **({"places": 2, "lease_seconds": 60.0} | settings),
        )

    async def work(self, claim: Claim) -> None:
        self.at_work.append(claim.member)
        try:
            await self.gate.wait()
            if self.trouble is not None:
                raise self.trouble
            self.due.finish(claim, NOW + 300, fulfilled=True)
        except asyncio.CancelledError:
            self.given_up.append(claim.member)
            raise
        finally:
            self.at_work.remove(claim.member)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Event]:
        stop = asyncio.Event()
        task = asyncio.create_task(self.pool.run(stop))
        try:
            yield stop
        finally:
            stop.set()
            await asyncio.wait_for(task, 30)

    async def looked(self) -> None:
        """It has looked at the queue twice, since the first look may have begun already."""
        for _ in range(2):
            self.pool.look()
            await until(lambda: not self.pool._wake.is_set())


async def test_as_many_are_worked_on_as_there_are_places() -> None:
    world = World("a", "b", "c")
    async with world.running():
        await until(lambda: len(world.at_work) == 2)
        await world.looked()
        assert world.at_work == ["a", "b"]
        world.gate.set()
        await until(lambda: not world.due._leases and world.due.members()["c"] > NOW)


async def test_one_that_takes_long_has_a_place_beside_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SLOW_SECONDS", 0.0)
    world = World("a", "b", "c", "d", places=1, slow_places=2)
    async with world.running():
        await until(lambda: len(world.at_work) == 3)
        await world.looked()
        assert world.at_work == ["a", "b", "c"], "there is an end to how many take long"


async def test_a_suspect_takes_no_place_and_waits_where_there_is_none_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SLOW_SECONDS", 10**6)
    world = World("a", "b", "c", places=1, slow_places=1, is_suspect={"a", "b"}.__contains__)
    async with world.running():
        await until(lambda: world.at_work == ["a", "c"])
        assert world.due.members()["b"] == NOW + module.BUSY_SECONDS
        assert "b" not in world.due._leases


@pytest.mark.parametrize("finishes", [False, True])
async def test_at_the_end_work_is_given_up_or_finished(finishes: bool) -> None:
    world = World("a", finishes=finishes)
    async with world.running() as stop:
        await until(lambda: world.at_work == ["a"])
        stop.set()
        if finishes:
            world.gate.set()
    assert world.given_up == ([] if finishes else ["a"])
    assert ("a" in world.due._leases) is not finishes


async def test_work_that_does_not_finish_is_given_up_with_the_pool() -> None:
    world, stop = World("a", finishes=True), asyncio.Event()
    running = asyncio.create_task(world.pool.run(stop))
    await until(lambda: world.at_work == ["a"])
    stop.set()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert world.given_up == ["a"]


@pytest.mark.parametrize("finishes", [False, True])
async def test_what_work_raises_ends_the_pool(finishes: bool) -> None:
    """Fails when others under way are waited for: whoever runs the pool would not hear of it."""
    world = World("a", finishes=finishes)
    world.trouble = LookupError("ours")
    world.gate.set()
    with pytest.raises(LookupError):
        await asyncio.wait_for(world.pool.run(asyncio.Event()), 30)


async def test_a_queue_that_is_away_is_told_once_and_asked_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    attempts: list[int] = []

    def at_once(attempt: int, cap: float) -> float:
        attempts.append(attempt)
        return 0.0

    monkeypatch.setattr(module, "backoff", at_once)
    troubles = [Retryable("no answer")] * 6

    def moody() -> None:
        if troubles:
            raise troubles.pop()

    world = World("a", begin=moody)
    world.due.claim = _after(world.due.claim, [Retryable("no answer")] * 2)  # type: ignore[method-assign]
    async with world.running():
        await until(lambda: world.at_work == ["a"])
    assert attempts == [1, 2, 3, 4, 5, 6, 7, 8]
    assert [one.getMessage() for one in caplog.records] == ["the queue is away: no answer", "the queue is back"]


def _after(claim: Callable[..., Any], troubles: list[Retryable]) -> Callable[..., Any]:
    def moody(*given: float) -> Any:
        if troubles:
            raise troubles.pop()
        return claim(*given)

    return moody


async def test_what_is_idle_may_fill_the_queue() -> None:
    world = World()
    filled: list[float] = []

    def idle() -> float | None:
        filled.append(NOW)
        world.due.ensure({"a": NOW})
        return NOW

    world.pool.idle = idle
    async with world.running():
        await until(lambda: world.at_work == ["a"])
    assert filled
