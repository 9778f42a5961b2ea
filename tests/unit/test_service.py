"""What is given back although the other side is away."""

import asyncio

import pytest

from shared import service
from shared.errors import Retryable
from shared.redis.answers import RedisRefused
from shared.service import backoff, insist, run_services


class Moody:
    """Away so many times."""

    def __init__(self, troubles: int) -> None:
        self.left = troubles
        self.tries = 0

    def __call__(self) -> None:
        self.tries += 1
        if self.left:
            self.left -= 1
            raise Retryable("away")


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "backoff", lambda attempt, cap: 0.001)


async def test_it_is_done_when_the_other_side_is_there_again() -> None:
    action = Moody(3)
    assert await insist(action, 60, asyncio.Event())
    assert action.tries == 4


async def test_after_its_time_it_is_let_be() -> None:
    action = Moody(10**6)
    assert not await insist(action, 0.01, asyncio.Event())


async def test_it_ends_when_told_to_stop() -> None:
    stop, action = asyncio.Event(), Moody(10**6)
    stop.set()
    assert not await insist(action, 60, stop)
    assert action.tries == 1


async def test_what_is_no_such_trouble_is_raised() -> None:
    def broken() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await insist(broken, 60, asyncio.Event())


async def test_what_ends_a_service_on_purpose_is_told_in_its_own_words(caplog: pytest.LogCaptureFixture) -> None:
    class Ends:
        name = "reader"

        async def run(self, stop: asyncio.Event) -> None:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._refused())
                both.create_task(stop.wait())

        async def _refused(self) -> None:
            raise RedisRefused("Redis: it wants a password")

    assert await run_services([Ends()]) == 1
    assert "reader stopped, position unchanged: Redis: it wants a password" in caplog.text
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize(("attempt", "most"), [(1, 0.5), (2, 1.0), (3, 2.0), (9, 8.0), (5_000, 8.0)])
def test_back_off_doubles_up_to_a_cap(attempt: int, most: float) -> None:
    waits = [backoff(attempt, 8.0, 0.25) for _ in range(300)]
    assert 0.125 <= min(waits) < 0.125 + 0.2 * most
    assert 0.8 * most < max(waits) <= most
