"""
The worker: claims schools as they come due and reads several at once, each under a lease of its own. A school whose
staff is managed is there twice: its staff are a book beside its students, with a pace, a lease and failures of its own.

A school that fails rests, longer each time, and comes back by itself. A sweep that is given up (stop, lost lease)
leaves its school due.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Mapping
from contextlib import suppress

from services.fetcher.population import School
from services.fetcher.sweep import due_times
from services.fetcher.sweep.areas import SETS, STRUCTURE
from services.fetcher.sweep.cache import Memory
from services.fetcher.sweep.certificate import Failure
from services.fetcher.sweep.sweep import Result, run_sweep
from shared.clock import Clock, write
from shared.contract.populations import book_of
from shared.errors import Retryable
from shared.ports import Claim, DueQueue, Log
from shared.redis.answers import RedisRefused
from shared.service import finish_anyway, insist
from shared.sweeps.failing import Failing
from shared.work.lease import KeptLease, LeaseLost, under
from shared.work.outage import Outage
from shared.work.pool import Pool

log = logging.getLogger("rollcall.fetcher")

FULL = "full"  # the note of a school that is to be read in full
GIVE_UP_SECONDS = 3.0  # to tell the queue that a sweep was given up; after that its lease ends by itself
SLOW_PLACES = 4  # for each of the others': sweeps that mostly wait cost a socket and their school's ids


class Rounds:
    """
    Reads the books of one process, by name: ``concurrency`` at once, and beside them up to ``SLOW_PLACES`` times as
    many that take long or failed last time. ``jitter`` gives numbers from 0 to 1.
    """

    def __init__(
        self,
        schools: Mapping[str, School],
        due: DueQueue,
        out: Log,
        memory: Memory,
        clock: Clock,
        concurrency: int,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._schools = schools
        self._due = due
        self._out = out
        self._memory = memory
        self._clock = clock
        self._jitter = jitter
        self._failures: dict[str, int] = {}
        self._stop = asyncio.Event()
        self.pool = Pool(
            due,
            clock,
            self._take,
            Outage(log, "the due-queue is unreachable", "the due-queue is reachable again"),
            places=concurrency,
            slow_places=SLOW_PLACES * concurrency,
            is_suspect=self._failures.__contains__,
            lease_seconds=min((school.settings.lease_seconds for school in schools.values()), default=60.0),
            begin=self._begin,
            idle=self._next_at,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop``; sweeps under way are then given up."""
        self._stop = stop
        await self.pool.run(stop)

    def look(self) -> None:
        """Look at the queue at once: a school of this process may have come due."""
        self.pool.look()

    def _begin(self) -> None:
        """Every school is due at the start."""
        self._next_at()
        for book in self._schools:
            self._due.hasten(book, self._clock().timestamp())

    def _next_at(self) -> float | None:
        """
        When the next school comes due. Schools that are not in the queue are put there; where there is no queue at all,
        whatever was asked for has gone with it, so that everything is read in full.
        """
        now = self._clock().timestamp()
        next_at = self._due.next_at()
        if next_at is None and self._schools:
            log.warning("the due-queue was empty: reading all %d in full", len(self._schools))
            for book in self._schools:
                self._due.hasten(book, now, FULL)
            return now
        self._due.ensure(dict.fromkeys(self._schools, now))
        return next_at

    async def _take(self, claim: Claim) -> None:
        """A bug here is one school's: its lease ends by itself."""
        try:
            await self._take_school(claim)
        except Exception:
            log.exception("%s failed on a bug; its lease will expire", claim.member)

    async def _take_school(self, claim: Claim) -> None:
        """One claim, from the first look at it to its end."""
        school = self._schools.get(claim.member)
        if school is None:
            with suppress(Retryable):  # it comes due again when its lease ends
                await asyncio.to_thread(self._due.remove, claim.member)
            log.info("%s: not a school of this configuration any more", claim.member)
            return
        claimed_at = self._clock().timestamp()
        outcome: Result | Failure
        try:
            outcome = await self._sweep(school, claim)
        except asyncio.CancelledError:
            with suppress(Exception):
                async with asyncio.timeout(GIVE_UP_SECONDS):
                    await self._finish(claim, self._clock().timestamp(), False)
            raise
        except LeaseLost as lost:
            log.warning("%s; nothing more of it is published", lost)
            return
        except Retryable as trouble:
            outcome = Failure("away", str(trouble), trouble.retry_after)
        except RedisRefused as refusal:
            outcome = Failure("refused", str(refusal))
        except Exception as bug:
            log.exception("%s: sweep failed on a bug", school.book)
            outcome = Failure("bug", type(bug).__name__)
        await finish_anyway(self._conclude(school, claim, claimed_at, outcome), GIVE_UP_SECONDS)

    async def _conclude(self, school: School, claim: Claim, claimed_at: float, outcome: Result | Failure) -> None:
        """The sweep has ended: when the next one is, and that this one's claim is over."""
        result = outcome if isinstance(outcome, Result) else None
        failure = outcome if isinstance(outcome, Failure) else outcome.failure
        if failure is not None:
            next_at = await self._failed(school, failure)
        elif result is not None:
            next_at = self._next_after(school, result, claimed_at)
        fulfilled = result is not None and failure is None and (result.full or claim.note != FULL)
        await insist(
            lambda: self._due.finish(claim, next_at, fulfilled=fulfilled), school.settings.lease_seconds, self._stop
        )  # not done: the lease has ended by itself, and the school is due again
        if result is not None:
            await self._hasten_staff(school, result)

    async def _sweep(self, school: School, claim: Claim) -> Result:
        """Raises: LeaseLost as soon as the lease is; whatever the sweep raises."""
        lease = KeptLease.of(self._due, claim, school.settings.lease_seconds, self._clock)
        full = claim.note == FULL
        return await under(
            lease,
            lambda: run_sweep(school, self._out, self._memory, lease, self._clock, wants_full=full),
            f"{school.book}: the sweep",
        )

    async def _hasten_staff(self, school: School, result: Result) -> None:
        """
        Where staff belong rests on what the students' sweeps read: they are read when that differs, unless they rest
        after a failure.
        """
        staff = book_of(school.slug, "staff")
        is_read = staff in self._schools and staff not in self._failures
        if is_read and not result.areas.isdisjoint((STRUCTURE, SETS)):
            with suppress(Retryable):  # their own pace brings it too
                await asyncio.to_thread(self._due.hasten, staff, self._clock().timestamp())

    async def _finish(self, claim: Claim, next_at: float, fulfilled: bool) -> None:
        await asyncio.to_thread(lambda: self._due.finish(claim, next_at, fulfilled=fulfilled))

    def _next_after(self, school: School, result: Result, claimed_at: float) -> float:
        if self._failures.pop(school.book, 0):
            log.warning("%s: recovered", school.book)
        level = logging.INFO if result.sent or result.full else logging.DEBUG
        log.log(level, "%s: sweep completed, %d on the roll, %d published", school.book, result.roll_count, result.sent)
        return max(claimed_at + school.poll_seconds, self._clock().timestamp())

    async def _failed(self, school: School, failure: Failure) -> float:
        """Remember why, for whoever asks how the school stands. Returns when it is tried again."""
        failures = self._failures[school.book] = self._failures.get(school.book, 0) + 1
        wait = due_times.retry_seconds(failures, school.poll_seconds, failure.retry_after, self._jitter())
        level, why = logging.WARNING if failures == 1 else logging.DEBUG, f"{failure.reason}: {failure.detail}"
        log.log(level, "%s: sweep failed (%s); retrying in %.0f s", school.book, why, wait)
        now = write(self._clock())
        attempt = Failing(since=now, failed_at=now, reason=failure.reason, detail=failure.detail, said=failure.said)
        try:
            await asyncio.to_thread(self._memory.fail, school.book, attempt)
        except (Retryable, RedisRefused) as trouble:
            log.debug("%s: storing the failure failed: %s", school.book, trouble)
        return self._clock().timestamp() + wait
