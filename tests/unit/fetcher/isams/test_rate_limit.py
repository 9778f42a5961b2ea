"""How hard a school is asked."""

import asyncio

import pytest

from services.fetcher.isams.hourly_quota import MemoryAllowance
from services.fetcher.isams.rate_limit import AT_ONCE, PATIENCE_SECONDS, Politeness
from shared.errors import Retryable


class Time:
    """A clock that sleeping moves."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def time() -> Time:
    return Time()


def polite(per_hour: int, time: Time) -> Politeness:
    return Politeness(per_hour, clock=time, sleep=time.sleep)


async def ask(politeness: Politeness) -> None:
    async with politeness.turn():
        pass


async def test_an_hour_sees_no_more_than_its_ceiling(time: Time) -> None:
    politeness = polite(3, time)
    sent: list[float] = []
    for step in range(2000):
        time.now = 1000.0 + step * 10
        try:
            await ask(politeness)
        except Retryable:
            continue
        sent.append(time.now)
    assert len(sent) > 10
    assert all(later - earlier >= 3600 for earlier, later in zip(sent, sent[3:], strict=False))


async def test_a_long_wait_is_the_sweeps_and_a_short_one_ours(time: Time) -> None:
    politeness = polite(2, time)
    await ask(politeness)
    await ask(politeness)
    with pytest.raises(Retryable) as caught:
        await ask(politeness)
    assert caught.value.retry_after == 3600
    time.now += 3600 - PATIENCE_SECONDS
    await ask(politeness)
    assert time.slept == [PATIENCE_SECONDS]


async def test_a_school_that_asks_for_rest_has_it(time: Time) -> None:
    politeness = polite(100, time)
    politeness.quiet(5)
    politeness.quiet(2)
    await ask(politeness)
    assert time.slept == [5]
    politeness.quiet(PATIENCE_SECONDS + 1)
    with pytest.raises(Retryable) as caught:
        await ask(politeness)
    assert caught.value.retry_after == PATIENCE_SECONDS + 1


async def test_only_so_many_are_asked_at_once() -> None:
    politeness = Politeness(1000)
    going, peak = 0, 0
    gate = asyncio.Event()

    async def request() -> None:
        nonlocal going, peak
        async with politeness.turn():
            going += 1
            peak = max(peak, going)
            if going == AT_ONCE:
                gate.set()
            await gate.wait()
            going -= 1

    await asyncio.gather(*(request() for _ in range(5 * AT_ONCE)))
    assert peak == AT_ONCE


async def test_long_lists_leave_room_for_the_students(time: Time) -> None:
    politeness = polite(100, time)
    politeness.check_room(75, "lists")
    with pytest.raises(Retryable, match="max_requests_per_hour is 100"):
        politeness.check_room(76, "lists")
    for _ in range(10):
        await ask(politeness)
    assert politeness.left() == 90
    with pytest.raises(Retryable):
        politeness.check_room(66, "lists")


class TestTogether:
    """Two fetchers that share a host."""

    @pytest.fixture
    def both(self, time: Time) -> tuple[Politeness, Politeness, MemoryAllowance]:
        shared = MemoryAllowance(time)
        one, other = (Politeness(3, clock=time, sleep=time.sleep, shared=shared) for _ in range(2))
        return one, other, shared

    async def test_one_hour_is_shared(self, both: tuple[Politeness, Politeness, MemoryAllowance]) -> None:
        """Fails when the ceiling is each process's own: a second fetcher would double it."""
        one, other, _ = both
        for politeness in (one, other, one):
            await ask(politeness)
        with pytest.raises(Retryable) as caught:
            await ask(other)
        assert caught.value.retry_after is not None
        assert one.left() == other.left() == 0

    async def test_rest_is_kept_by_both(self, both: tuple[Politeness, Politeness, MemoryAllowance], time: Time) -> None:
        one, other, shared = both
        one.quiet(20)
        while shared.take(10**6)[0] == 0:  # noqa: ASYNC110 - told in a task of its own, which has no event
            await asyncio.sleep(0)
        await ask(other)
        assert sum(time.slept) == pytest.approx(20)

    async def test_without_the_common_count_each_goes_by_its_own(
        self,
        both: tuple[Politeness, Politeness, MemoryAllowance],
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        one, _, shared = both

        def away(per_hour: int) -> tuple[float, int]:
            raise Retryable("away")

        monkeypatch.setattr(shared, "take", away)
        for _ in range(3):
            await ask(one)
        with pytest.raises(Retryable):
            await ask(one)
        assert caplog.text.count("the shared count of requests is away") == 1
