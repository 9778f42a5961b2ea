"""Eligibility's composition root: two topics in, one out. It keeps no state, so its own offsets are its place."""

import asyncio
import logging
import time
from collections.abc import Sequence

from services.eligibility.handler import Eligibility
from services.eligibility.sources import Sources
from shared.config.settings import Config
from shared.contract.codec import Record
from shared.contract.topics import DEAD_LETTERS, OPERATOR_COMMANDS, STUDENTS_FETCHED
from shared.failpoints import at_point
from shared.kafka.client import KafkaLog, Reader
from shared.kafka.cluster import TopicIds
from shared.kafka.consumer import BatchConsumer, ends_of
from shared.kafka.continuity import Place
from shared.lanes.dead_letters import plain_name
from shared.lanes.poison_limit import watch_of

log = logging.getLogger("rollcall.eligibility")

REFUSED_COMMANDS = f"{OPERATOR_COMMANDS}{DEAD_LETTERS}"  # what strangers send there says nothing of this release
COMMIT_SECONDS = 1.0  # a repeated stretch is passed over by its causes, so committing seldom costs little


class EligibilityService:
    name = "eligibility"

    def __init__(self, config: Config) -> None:
        self._config = config
        self._log = KafkaLog(config)
        self._committed_at = 0.0
        self._done: dict[Place, int] = {}
        self._watch = watch_of(config)
        self._has_told_clock = False
        self._sources = Sources(TopicIds(config))
        self._handler = Eligibility(config, self._sources.name_of)
        self._consumer = BatchConsumer(
            config,
            self.name,
            (STUDENTS_FETCHED, OPERATOR_COMMANDS),
            self._take,
            log,
            revoked=self._sources.left,
        )

    async def run(self, stop: asyncio.Event) -> None:
        try:
            async with self._consumer.running(stop):
                try:
                    await stop.wait()
                finally:
                    await asyncio.to_thread(self._commit, wait=True)
        finally:
            await asyncio.to_thread(self._log.close)

    async def _take(self, records: Sequence[Record]) -> None:
        await asyncio.to_thread(self._step, records)

    def _step(self, records: Sequence[Record]) -> None:
        records = self._sources.arrived(records)
        self._tell_missing_clock(records)
        told = self._handler.handle(records)
        tally = self._watch.judge(
            {lane for _, lane in self._consumer.places}, records, [one for one in told if one.topic != REFUSED_COMMANDS]
        )
        self._log.publish(told)
        self._watch.add(tally)
        at_point("assessed")
        self._done |= ends_of(records)
        self._sources.done(records)
        for topic in self._sources.anew:
            self._begin_anew(topic)
        if time.monotonic() - self._committed_at >= COMMIT_SECONDS:
            self._commit()

    def _tell_missing_clock(self, records: Sequence[Record]) -> None:
        if not self._has_told_clock and any(record.appended is None for record in records):
            self._has_told_clock = True
            log.warning(
                "Kafka does not say when it took a record, so that every fetcher's clock is believed; "
                "run `rollcall topics create --alter`"
            )

    def _commit(self, *, wait: bool = False) -> None:
        done, self._done, self._committed_at = self._done, {}, time.monotonic()
        self._consumer.commit(done, wait=wait)

    def _begin_anew(self, topic: str) -> None:
        """Raises: Retryable; the batch is then taken again, and passed over by its causes."""
        with Reader(self._config) as reader:
            lanes = sorted(lane for name, lane in self._consumer.places if name == topic)
            starts = {lane: reader.edges(plain_name(topic), lane)[0] for lane in lanes}
        for lane, start in starts.items():
            self._consumer.seek((topic, lane), start)
        self._done = {place: offset for place, offset in self._done.items() if place[0] != topic}
        self._sources.begun(topic, starts)
        log.warning("%s was made anew; it is read from its first record", plain_name(topic))
