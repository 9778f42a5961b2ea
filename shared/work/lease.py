"""
A lease that is kept by renewing it, for as long as somebody works under it.

It is over when either of two clocks of this process says so: the wall's, which goes on while a machine sleeps, or the
monotonic one, which nobody sets back. Whoever gave it counts it by its own.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple, Protocol, TypeVar

from shared.clock import Clock, utc_now
from shared.errors import RollcallError
from shared.ports import Claim, DueQueue

log = logging.getLogger("rollcall.work")

_T = TypeVar("_T")

RENEWALS = 3  # in the length of a lease
RETRY_SECONDS = 1.0  # while it cannot be renewed


class Lease(Protocol):
    def held(self) -> bool:
        """False as soon as what it is for may be another's."""


class LeaseLost(RollcallError):
    """Another process may have what this one works on: stop at once, and say nothing more."""


class Moment(NamedTuple):
    """When a lease was asked for: Unix seconds, and by the monotonic clock."""

    wall: float
    tick: float


def now(clock: Clock = utc_now, ticks: Callable[[], float] = time.monotonic) -> Moment:
    return Moment(clock().timestamp(), ticks())


class KeptLease:
    """
    Lost when somebody else has it, or when it could not be renewed in time. ``renew`` asks for its length once more,
    from a Unix time on (False: it is another's), and is called in a thread; ``name`` is what it is for, in the log.
    """

    def __init__(
        self,
        renew: Callable[[float], bool],
        seconds: float,
        name: str,
        clock: Clock = utc_now,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = renew
        self._seconds = seconds
        self._name = name
        self._clock = clock
        self._ticks = ticks
        self._until = Moment(0.0, 0.0)

    @classmethod
    def of(
        cls, due: DueQueue, claim: Claim, seconds: float, clock: Clock, ticks: Callable[[], float] = time.monotonic
    ) -> "KeptLease":
        """Of what was claimed from a due-queue."""
        return cls(lambda at: due.renew(claim, at, seconds), seconds, claim.member, clock, ticks)

    def held(self) -> bool:
        return self._clock().timestamp() < self._until.wall and self._ticks() < self._until.tick

    def given(self, asked: Moment) -> None:
        """It was given for its length when it was asked for then."""
        self._until = Moment(asked.wall + self._seconds, asked.tick + self._seconds)

    async def take(self) -> bool:
        """Begin: what was claimed for a length that suits any member has this one's from now on."""
        asked = now(self._clock, self._ticks)
        renewed = await asyncio.to_thread(self._ask, asked.wall)
        if renewed:
            self.given(asked)
        else:
            self._until = Moment(0.0, 0.0)
        return renewed

    async def keep(self) -> None:
        """Renew until the lease is lost; then return."""
        pause = self._seconds / RENEWALS
        is_away = False
        while self.held():
            await asyncio.sleep(min(RETRY_SECONDS, pause) if is_away else pause)
            if not self.held():
                return
            try:
                if not await self.take():
                    return
                is_away = False
            except RollcallError as trouble:
                if not is_away:
                    log.warning("%s: renewing the lease failed: %s", self._name, trouble)
                is_away = True


async def under(lease: KeptLease, work: Callable[[], Coroutine[Any, Any, _T]], name: str) -> _T:
    """The work, under a lease that is kept meanwhile. Raises: LeaseLost as soon as it is lost; what the work raises."""
    if not await lease.take():
        raise LeaseLost(f"{name}: the claim was lost before it began")
    working, keeping = asyncio.create_task(work()), asyncio.create_task(lease.keep())
    try:
        await asyncio.wait({working, keeping}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise LeaseLost(f"{name}: the lease was lost in the middle of it")
        return working.result()
    finally:
        for task in (working, keeping):
            task.cancel()
        await asyncio.gather(working, keeping, return_exceptions=True)
