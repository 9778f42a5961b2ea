"""
One school claimed for one sweep, kept by renewing it.

It is over when either of two clocks of this process says so: the wall's, which goes on while a machine sleeps, or the
monotonic one, which nobody sets back. The queue counts it by Redis's.
"""

import asyncio
import logging
import time
from collections.abc import Callable

from shared.clock import Clock
from shared.errors import Retryable
from shared.ports import Claim, DueQueue

log = logging.getLogger("rollcall.fetcher")

RENEWALS = 3  # in the length of a lease
RETRY_SECONDS = 1.0  # while the queue is away


class KeptLease:
    """
    ``services.fetcher.sweep.outbox.Lease``: lost when somebody else has it, or when it could not be renewed in time.
    """

    def __init__(
        self,
        due: DueQueue,
        claim: Claim,
        seconds: float,
        clock: Clock,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._due = due
        self._claim = claim
        self._seconds = seconds
        self._clock = clock
        self._ticks = ticks
        self._until = 0.0
        self._last_tick = 0.0

    def held(self) -> bool:
        return self._clock().timestamp() < self._until and self._ticks() < self._last_tick

    async def take(self) -> bool:
        """Begin: the claim was made for a length that suits any school, from now on it has this one's."""
        return await self._renew()

    async def keep(self) -> None:
        """Renew until the lease is lost; then return."""
        while self.held():
            await asyncio.sleep(self._seconds / RENEWALS)
            while self.held():
                try:
                    if not await self._renew():
                        return
                    break
                except Retryable as trouble:
                    log.warning("%s: renewing the lease failed: %s", self._claim.member, trouble)
                    await asyncio.sleep(min(RETRY_SECONDS, self._seconds / RENEWALS))

    async def _renew(self) -> bool:
        now, tick = self._clock().timestamp(), self._ticks()
        renewed = await asyncio.to_thread(self._due.renew, self._claim, now, self._seconds)
        self._last_tick = tick + self._seconds
        self._until = now + self._seconds if renewed else 0.0
        return renewed
