"""What goes out in a sweep: who is news, published and acknowledged, and then remembered. Nothing without the lease."""

import asyncio
from collections.abc import Mapping, Sequence

from services.fetcher.sweep.cache import Memory, Remembered
from shared.contract.codec import Message
from shared.failpoints import at_point
from shared.ports import Log
from shared.sweeps.messages import Envelope, Letter
from shared.work.lease import Lease, LeaseLost


class Delivery:
    """
    One sweep's way out. ``digests`` grows into its roll: id to the digest of what the school says of them now; that is
    all that memory holds of a student who was delivered.
    """

    def __init__(
        self, out: Log, memory: Memory, lease: Lease, envelope: Envelope, known: Remembered, full: bool
    ) -> None:
        self._out = out
        self._memory = memory
        self._lease = lease
        self._envelope = envelope
        self._known = known
        self._full = full
        self.digests: dict[str, str] = {}
        self.sent = 0

    async def publish(self, batch: Sequence[Message]) -> None:
        """Raises: LeaseLost, and then nothing went out; Retryable when not everything was acknowledged."""
        if not batch:
            return
        if not self._lease.held():
            raise LeaseLost(f"{self._envelope.book}: the lease of sweep {self._envelope.sweep} is lost")
        at_point("sending")
        await asyncio.to_thread(self._out.publish, batch)

    async def enrol(self, letters: Mapping[str, Letter], read_at: str) -> None:
        """Put students in the roll, and publish those who are news."""
        known = self._known.digests
        for id, letter in letters.items():
            last = known.get(id)
            self.digests[id] = last if last == letter.digest else letter.digest  # the same text is held once
        await self.send({id: letter for id, letter in letters.items() if self._is_news(id, letter.digest)}, read_at)

    async def tell(self, letters: Mapping[str, Letter], read_at: str) -> None:
        """Publish people who are in no roll, where they are news."""
        news = {id: one for id, one in letters.items() if self._full or self._known.digests.get(id) != one.digest}
        await self.send(news, read_at)

    async def send(self, letters: Mapping[str, Letter], read_at: str) -> None:
        """Publish students whatever is remembered of them; remember them after the acknowledgement."""
        await self.publish([self._envelope.student(letter, read_at) for letter in letters.values()])
        self.sent += len(letters)
        new = {id: letter.digest for id, letter in letters.items() if self._known.digests.get(id) != letter.digest}
        if new:
            await asyncio.to_thread(self._memory.keep_digests, self._envelope.book, new)

    def _is_news(self, id: str, digest: str) -> bool:
        """Who was not in the last certified roll is new, or has returned to an account that may have been disabled."""
        is_returner = self._known.roll is None or id not in self._known.roll
        return self._full or is_returner or self._known.digests.get(id) != digest
