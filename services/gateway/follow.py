"""
Follows what becomes of accepted bodies: the closes of their sweeps, and the snapshots that Unitu accepted.

Reads two topics outside any group, from the place that was kept in Redis. Doing it twice does no harm, so that any
number of gateways may follow, and a place that is too old costs time alone.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping

import msgspec

from services.gateway.feed_store import Memory
from shared.config.settings import Config
from shared.contract.codec import Record, type_name
from shared.contract.deliveries import SnapshotAccepted
from shared.contract.events import SweepReconciled
from shared.contract.topics import ACCOUNT_CHANGES, DELIVERIES
from shared.errors import Retryable
from shared.kafka.client import topic_name
from shared.kafka.consumer import Tail, ends_of
from shared.lanes.dead_letters import plain_name
from shared.lanes.partition import lane_of
from shared.service import sleep_unless

log = logging.getLogger("rollcall.gateway")

BATCH, WAIT_SECONDS = 1_000, 0.5
AWAY_SECONDS = 5.0  # before Kafka or Redis are tried again
_CLOSED, _SENT = type_name(SweepReconciled), type_name(SnapshotAccepted)


class _Sent(msgspec.Struct):
    """The little that is looked at of a delivery: its report may be large, and is about every school of the tenant."""

    tenant: str
    number: int
    positions: dict[str, int] = {}


class Course:
    """Takes records of the two topics. ``tenants``: of each school that pushes, its tenant."""

    def __init__(self, memory: Memory, tenants: Mapping[str, str]) -> None:
        self._memory = memory
        self._tenants = tenants

    def take(self, records: Iterable[Record]) -> None:
        """Raises: Retryable. What cannot be read is passed over: whoever owns the topic sets it aside."""
        for record in records:
            kind = record.header("ce_type")
            if kind not in (_CLOSED, _SENT):
                continue
            try:
                if kind == _CLOSED:
                    self._closed(msgspec.json.decode(record.value, type=SweepReconciled), record.value)
                else:
                    self._sent(msgspec.json.decode(record.value, type=_Sent))
            except msgspec.MsgspecError as error:
                log.debug("%s skipped: %s", kind, error)

    def _closed(self, event: SweepReconciled, value: bytes) -> None:
        if event.school in self._tenants:
            self._memory.decide(event.school, event.kind, event.sweep, event.version, value)

    def _sent(self, event: _Sent) -> None:
        for school, position in event.positions.items():
            if self._tenants.get(school) == event.tenant:
                self._memory.deliver(school, event.number, position)


class Follower:
    """One gateway's. Nothing is opened until it runs; without a school that pushes there is nothing to follow."""

    def __init__(self, config: Config, memory: Memory) -> None:
        self._config = config
        self._memory = memory
        tenants = {slug: config.schools[slug].tenant for slug in config.pushed}
        self._course = Course(memory, tenants)
        lanes = config.kafka.partitions
        self._places = [
            *((ACCOUNT_CHANGES, lane) for lane in sorted({lane_of(one, lanes) for one in tenants})),
            *((DELIVERIES, lane) for lane in sorted({lane_of(one, lanes) for one in tenants.values()})),
        ]
        self._tail: Tail | None = None
        self._is_away = False

    async def run(self, stop: asyncio.Event) -> None:
        if not self._places:
            await stop.wait()
        try:
            while not stop.is_set():
                try:
                    await asyncio.to_thread(self._step)
                except Retryable as trouble:
                    self._note(str(trouble))
                    await asyncio.to_thread(self._close)
                    await sleep_unless(stop, AWAY_SECONDS)
                else:
                    self._note("")
        finally:
            await asyncio.to_thread(self._close)

    def _step(self) -> None:
        """Raises: Retryable; the records since the place that was kept come again then."""
        if self._tail is None:
            kept = {place: self._memory.place(*place) for place in self._places}
            starts = {(topic_name(self._config, topic), lane): at for (topic, lane), at in kept.items()}
            self._tail = Tail(self._config, starts)
        records = self._tail.take(BATCH, WAIT_SECONDS)
        self._course.take(records)
        for (topic, lane), offset in ends_of(records).items():
            self._memory.keep_place(plain_name(topic), lane, offset)

    def _close(self) -> None:
        tail, self._tail = self._tail, None
        if tail is not None:
            tail.close()

    def _note(self, trouble: str) -> None:
        """One line per change."""
        if bool(trouble) != self._is_away:
            self._is_away = bool(trouble)
            log.warning(
                "following the course of bodies: %s", f"not followed: {trouble}" if trouble else "followed again"
            )
