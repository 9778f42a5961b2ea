"""Whether a body may still be published: its lease is held, and the gateway is not about to end."""

import asyncio
import logging
import time
from types import TracebackType

from services.gateway.feed_store import Lease, Memory
from services.gateway.problems import Problem, later
from shared.errors import RollcallError
from shared.work.lease import KeptLease, Moment

log = logging.getLogger("rollcall.gateway")

LEASE_SECONDS = 30.0  # after a gateway has died, its school waits for so long
FINISH_SECONDS = 5.0  # that a body which is being published has when the gateway stops


class Stopping:
    """Set once, when the gateway is told to end. ``event`` is for those who wait, ``since`` for threads."""

    def __init__(self) -> None:
        self.event = asyncio.Event()
        self.since: float | None = None

    def begin(self) -> None:
        if self.since is None:
            self.since = time.monotonic()
            self.event.set()


class SenderGone(RollcallError):
    """Nobody waits for the answer any more, and nothing of the body is published."""


def stopped() -> Problem:
    return later("stopping", "This gateway is about to end; send the body again.", 5)


class PublishLease:
    """
    Keeps one body's lease while it is entered. ``check`` is for the thread that publishes; ``asked`` is when the lease
    was asked for.

    Behind it stands the log's own fence: what slips out after the lease is lost belongs to a sweep that is not open.
    """

    def __init__(self, lease: Lease, memory: Memory, stopping: Stopping, seconds: float, asked: Moment) -> None:
        self.lease = lease
        self._memory = memory
        self._stopping = stopping
        self.kept = KeptLease(lambda _: memory.renew(lease, seconds), seconds, lease.school)
        self.kept.given(asked)
        self._is_over = False
        self._has_sender = True
        self._keeper: asyncio.Task[None] | None = None

    def check(self) -> None:
        """Raises: Problem, when nothing more may be published."""
        if self._is_over or not self.kept.held():
            raise lost()
        if self._stopping.since is not None and time.monotonic() - self._stopping.since > FINISH_SECONDS:
            raise stopped()

    def sender_left(self) -> None:
        self._has_sender = False

    def check_wanted(self) -> None:
        """As ``check``, until something is published. Raises: SenderGone, too."""
        if not self._has_sender:
            raise SenderGone
        self.check()

    async def __aenter__(self) -> "PublishLease":
        self._keeper = asyncio.create_task(self.kept.keep())
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._is_over = True
        if self._keeper is not None:
            self._keeper.cancel()
        try:
            await asyncio.to_thread(self._memory.close, self.lease)
        except RollcallError as trouble:
            log.warning("%s: giving the lease back failed, it will expire: %s", self.lease.school, trouble)


def lost() -> Problem:
    return later("lease-lost", "Another body of this school may have taken this one's place; send it again.", 10)
