"""
How hard a school may be asked: so many requests in any hour, so many at once, and rest when it asks for rest.

The hour is counted with all other fetchers (``services.fetcher.isams.hourly_quota``), and in this process besides:
while the common count is away, each fetcher goes by its own.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from services.fetcher.isams.hourly_quota import Allowance
from shared.errors import Retryable

log = logging.getLogger("rollcall.fetcher")

HOUR_SECONDS = 3600.0
AT_ONCE = 4  # requests to one school
PATIENCE_SECONDS = 30.0  # a longer rest is taken by the whole sweep, which gives its place to another school
STUDENTS_SHARE = 4  # one part in so many of an hour's requests is kept free for the students

Sleep = Callable[[float], Awaitable[None]]


class Politeness:
    """
    One school's allowance. Exact: no hour, whenever it begins, sees more than ``per_hour`` requests.

    ``clock`` is in seconds and never goes back. ``shared``: the count of all fetchers; None: this one is alone.
    """

    def __init__(
        self,
        per_hour: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Sleep = asyncio.sleep,
        shared: Allowance | None = None,
    ) -> None:
        self._per_hour = per_hour
        self._clock = clock
        self._sleep = sleep
        self._sent: deque[float] = deque()
        self._quiet_until = 0.0
        self._shared = shared
        self._counted = 0  # by all of us, when last asked
        self._telling: set[asyncio.Task[None]] = set()
        self._is_away = False
        self._places = asyncio.Semaphore(AT_ONCE)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Room for one request. Raises: Retryable when that would take longer than we wait."""
        async with self._places:
            await self._wait()
            await self._count()
            self._sent.append(self._clock())
            yield

    def quiet(self, seconds: float) -> None:
        """The school asked for rest: nobody asks it anything before, neither here nor, once told, elsewhere."""
        self._quiet_until = max(self._quiet_until, self._clock() + seconds)
        if self._shared is not None:
            task = asyncio.create_task(self._tell(self._shared, seconds))
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)

    def left(self) -> int:
        """How many requests this hour still has room for, as far as known."""
        return self._per_hour - max(self._used(), self._counted)

    def check_room(self, requests: int, what: str) -> None:
        """Raises: Retryable when so many would use up what is left for the students; none of them is sent then."""
        room = self.left() - self._per_hour // STUDENTS_SHARE
        if requests > room:
            raise Retryable(
                f"{what} take {requests} requests, and this hour has room for {max(room, 0)} of them; "
                f"max_requests_per_hour is {self._per_hour}"
            )

    async def rest(self, seconds: float) -> None:
        await self._sleep(seconds)

    def _used(self) -> int:
        start = self._clock() - HOUR_SECONDS
        while self._sent and self._sent[0] <= start:
            self._sent.popleft()
        return len(self._sent)

    async def _count(self) -> None:
        """With the others, who may have left less room than we know. Raises: Retryable as ``turn`` does."""
        if self._shared is None:
            return
        while True:
            try:
                seconds, self._counted = await asyncio.to_thread(self._shared.take, self._per_hour)
            except Retryable as trouble:
                self._note_away(str(trouble))
                return
            self._note_away("")
            if seconds <= 0:
                return
            if seconds > PATIENCE_SECONDS:
                raise Retryable(f"no request for another {seconds:.0f} s, by any fetcher", retry_after=seconds)
            await self._sleep(seconds)

    async def _tell(self, shared: Allowance, seconds: float) -> None:
        try:
            await asyncio.to_thread(shared.quiet, seconds)
        except Retryable as trouble:
            self._note_away(str(trouble))

    def _note_away(self, trouble: str) -> None:
        """One line per change."""
        if bool(trouble) != self._is_away:
            self._is_away = bool(trouble)
            log.warning("the shared count of requests is %s", f"away: {trouble}" if trouble else "there again")

    async def _wait(self) -> None:
        while (seconds := self._seconds_to_wait()) > 0:
            if seconds > PATIENCE_SECONDS:
                raise Retryable(f"no request for another {seconds:.0f} s", retry_after=seconds)
            await self._sleep(seconds)

    def _seconds_to_wait(self) -> float:
        now = self._clock()
        full = self._used() >= self._per_hour
        return max(self._quiet_until - now, self._sent[0] + HOUR_SECONDS - now if full else 0.0)
