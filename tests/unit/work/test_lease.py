"""A lease that is kept: for how long it is held, and what happens to work whose lease is lost."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.errors import Poison, Retryable
from shared.memory import MemoryDueQueue
from shared.ports import Claim
from shared.work import lease as leases
from shared.work.lease import KeptLease, LeaseLost, under

NOW = 1_000_000.0


class Clock:
    """Moved by hand."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return datetime.fromtimestamp(self.now, UTC)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - whatever the condition looks at has no event
            await asyncio.sleep(0)


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is renewed all the time."""
    monkeypatch.setattr(leases, "RENEWALS", 10**9)


class TestLease:
    async def lease(self, seconds: float = 60) -> tuple[KeptLease, MemoryDueQueue, Claim, Clock]:
        due, clock = MemoryDueQueue(), Clock()
        due.ensure({"abbey": NOW})
        claim = due.claim(NOW, 5)
        assert claim is not None
        return KeptLease.of(due, claim, seconds, clock), due, claim, clock

    async def test_it_is_held_for_its_length_and_no_longer(self) -> None:
        lease, due, _, clock = await self.lease()
        assert not lease.held()
        assert await lease.take()
        assert due.members()["abbey"] == NOW + 60
        clock.now = NOW + 59.9
        assert lease.held()
        clock.now = NOW + 60
        assert not lease.held()

    async def test_a_clock_that_is_set_back_makes_it_no_longer(self) -> None:
        due, clock, ticks = MemoryDueQueue(), Clock(), [1000.0]
        due.ensure({"abbey": NOW})
        claim = due.claim(NOW, 5)
        assert claim is not None
        lease = KeptLease.of(due, claim, 60, clock, lambda: ticks[0])
        assert await lease.take()
        clock.now = NOW - 3600
        ticks[0] += 59.9
        assert lease.held()
        ticks[0] += 0.1
        assert not lease.held()

    async def test_one_that_somebody_else_has_is_not_taken(self) -> None:
        lease, due, _, _ = await self.lease()
        assert due.claim(NOW + 6, 5) is not None
        assert not await lease.take()
        assert not lease.held()

    async def test_it_is_renewed_until_it_is_lost(self, always: None) -> None:
        lease, due, _, clock = await self.lease()
        await lease.take()
        keeping = asyncio.create_task(lease.keep())
        clock.now = NOW + 50
        await until(lambda: due.members()["abbey"] == NOW + 110)
        assert due.claim(NOW + 500, 5) is not None
        await asyncio.wait_for(keeping, 30)
        assert not lease.held()

    @pytest.mark.parametrize("trouble", [Retryable("away"), Poison("refused")])
    async def test_while_the_queue_is_away_it_lasts_to_its_end(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, always: None, trouble: Exception
    ) -> None:
        lease, due, _, clock = await self.lease()
        await lease.take()
        tries = 0

        def away(*_: Any) -> bool:
            nonlocal tries
            tries += 1
            raise trouble

        monkeypatch.setattr(due, "renew", away)
        keeping = asyncio.create_task(lease.keep())
        await until(lambda: tries > 2)
        assert lease.held()
        clock.now = NOW + 60
        await asyncio.wait_for(keeping, 30)
        assert not lease.held()
        assert caplog.text.count("renewing the lease failed") == 1

    async def test_it_lasts_from_when_it_was_asked_for(self) -> None:
        """However long the answer took."""
        clock, ticks = Clock(), [0.0]

        def slowly(_: float) -> bool:
            clock.now += 50
            ticks[0] += 50
            return True

        lease = KeptLease(slowly, 60, "abbey", clock, lambda: ticks[0])
        assert await lease.take()
        assert lease.held()
        clock.now += 10
        assert not lease.held()


class TestWorkUnderALease:
    async def test_what_the_work_returns(self) -> None:
        async def work() -> int:
            return 7

        assert await under(KeptLease(lambda _: True, 60, "abbey"), work, "abbey") == 7

    async def test_what_the_work_raises(self) -> None:
        async def work() -> int:
            raise LookupError("ours")

        with pytest.raises(LookupError):
            await under(KeptLease(lambda _: True, 60, "abbey"), work, "abbey")

    async def test_work_does_not_begin_without_the_lease(self) -> None:
        begun = False

        async def work() -> None:
            nonlocal begun
            begun = True

        with pytest.raises(LeaseLost):
            await under(KeptLease(lambda _: False, 60, "abbey"), work, "abbey")
        assert not begun

    async def test_work_ends_as_soon_as_the_lease_is_lost(self, always: None) -> None:
        answers, ended = [False, True], asyncio.Event()

        async def work() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

        with pytest.raises(LeaseLost):
            await under(KeptLease(lambda _: answers.pop(), 60, "abbey"), work, "abbey")
        assert ended.is_set()

    async def test_work_that_is_given_up_ends_with_its_lease_unkept(self) -> None:
        begun, ended = asyncio.Event(), asyncio.Event()

        async def work() -> None:
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

        doing = asyncio.create_task(under(KeptLease(lambda _: True, 60, "abbey"), work, "abbey"))
        await begun.wait()
        doing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await doing
        assert ended.is_set()
