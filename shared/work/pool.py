"""
Workers of a due-queue: members are claimed as they come due, and several are worked on at once, each under its lease.

None waits for another: one that takes long, or that is suspected to, has a place beside those that the others share,
where there are such places. Whatever is given up leaves its member due.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from shared.clock import Clock
from shared.errors import Retryable
from shared.ports import Claim, DueQueue
from shared.service import backoff
from shared.work.outage import Outage

QUEUE = ""  # waits beside the members
AWAY_CAP_SECONDS = 10.0  # the longest rest before a queue that is away is asked again
SHORTEST_SECONDS = 0.01  # between two looks at the queue: clocks of two machines may differ
SLOW_SECONDS = 3.0  # work that takes longer gives its place up and goes on beside the others
BUSY_SECONDS = 5.0  # before a suspect is claimed again where every place for such is taken


@dataclass
class _Working:
    """One member's work under way. ``is_slow``: it does not count among those that the places are for."""

    is_slow: bool = False


@dataclass
class Pool:
    """
    ``work`` takes one claim to its end, and gives it back; what it raises ends the pool. ``outage`` tells when the
    queue is away. ``places`` are worked on at once, and beside them ``slow_places`` that take long or that
    ``is_suspect`` names. ``look_seconds``: the longest time between two looks at the queue, since another process may
    have hastened somebody.

    ``begin`` is done once, before the first claim; ``idle`` when nobody is due, and says when the next comes due. Both
    are called in a thread, again where they raise Retryable. ``finishes``: after ``stop`` what is under way may end,
    until the pool is cancelled; else it is given up at once.
    """

    due: DueQueue
    clock: Clock
    work: Callable[[Claim], Coroutine[Any, Any, None]]
    outage: Outage
    places: int
    lease_seconds: float
    look_seconds: float = 1.0
    slow_places: int = 0
    is_suspect: Callable[[str], bool] = lambda _: False
    begin: Callable[[], None] | None = None
    idle: Callable[[], float | None] | None = None
    finishes: bool = False

    def __post_init__(self) -> None:
        self._running: dict[asyncio.Task[None], _Working] = {}
        self._wake = asyncio.Event()
        self._failed: BaseException | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop``. Raises: what a ``work`` raised."""
        stopping = asyncio.create_task(self._wake_at(stop))
        try:
            while not stop.is_set() and self._failed is None:
                self._wake.clear()
                await self._rest(await self._fill(stop))
            if self.finishes and self._running and self._failed is None:
                await asyncio.wait(self._running)
        finally:
            stopping.cancel()
            running = list(self._running)
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
        if self._failed is not None:
            raise self._failed

    def look(self) -> None:
        """Look at the queue at once: a member of this process may have come due."""
        self._wake.set()

    async def _fill(self, stop: asyncio.Event) -> float:
        """Claim while there is room and somebody is due. Returns how long to rest: until the next comes due."""
        try:
            while self._has_room() and not stop.is_set():
                if self.begin is not None:
                    await asyncio.to_thread(self.begin)
                    self.begin = None
                now = self.clock().timestamp()
                claim = await asyncio.to_thread(self.due.claim, now, self.lease_seconds)
                next_at = await asyncio.to_thread(self.idle or self.due.next_at) if claim is None else None
                self.outage.goes_on(QUEUE)
                if claim is None:
                    wait = self.look_seconds if next_at is None else next_at - self.clock().timestamp()
                    return min(max(wait, SHORTEST_SECONDS), self.look_seconds)
                await self._begin_work(claim, now)
        except Retryable as trouble:
            failures = self.outage.waits(QUEUE, trouble)
            return trouble.retry_after or backoff(failures, AWAY_CAP_SECONDS)
        return self.look_seconds

    async def _begin_work(self, claim: Claim, now: float) -> None:
        is_suspect = self.is_suspect(claim.member)
        if is_suspect and not self._has_slow_place():
            await asyncio.to_thread(lambda: self.due.finish(claim, now + BUSY_SECONDS, fulfilled=False))
            return
        task = asyncio.create_task(self.work(claim), name=claim.member)
        self._running[task] = _Working(is_slow=is_suspect)
        timer = asyncio.get_running_loop().call_later(SLOW_SECONDS, self._turn_slow, task)
        task.add_done_callback(lambda _: timer.cancel())
        task.add_done_callback(self._ended)

    def _turn_slow(self, task: asyncio.Task[None]) -> None:
        """Where there is no place for another slow one it keeps its own, so that there is an end to their number."""
        working = self._running.get(task)
        if working is not None and not working.is_slow and self._has_slow_place():
            working.is_slow = True
            self._wake.set()

    def _has_room(self) -> bool:
        return sum(not one.is_slow for one in self._running.values()) < self.places

    def _has_slow_place(self) -> bool:
        return sum(one.is_slow for one in self._running.values()) < self.slow_places

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.pop(task, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed = self._failed or error
        self._wake.set()

    async def _rest(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()

    async def _wake_at(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._wake.set()
