"""Eligibility's composition root: two topics in, one out. It keeps no state, so its own offsets are its place."""

import asyncio
import logging
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

from confluent_kafka import KafkaException, TopicPartition

from services.eligibility.handler import Eligibility
from services.eligibility.sources import Sources
from shared.config.settings import Config
from shared.contract.codec import Record
from shared.contract.topics import DEAD_LETTERS, OPERATOR_COMMANDS, STUDENTS_FETCHED
from shared.errors import Retryable
from shared.failpoints import at_point
from shared.kafka.client import KafkaLog, Reader, group_name, to_record, topic_name
from shared.kafka.client_errors import listening
from shared.kafka.topic_ids import TopicIds
from shared.lanes.dead_letters import plain_name
from shared.lanes.service import SUBSCRIPTION, broker_for, taking, watch_of

log = logging.getLogger("rollcall.eligibility")

KEEP_SECONDS = 2.0  # for Kafka to answer a service that ends: it is given nine
REFUSED_COMMANDS = f"{OPERATOR_COMMANDS}{DEAD_LETTERS}"  # what strangers send there says nothing of this release
COMMIT_SECONDS = 1.0  # a repeated stretch is passed over by its causes, so committing seldom costs little


class EligibilityService:
    name = "eligibility"

    def __init__(self, config: Config) -> None:
        self._config = config
        self._log = KafkaLog(config)
        self._committed_at = 0.0
        self._done: dict[tuple[str, int], int] = {}
        self._watch = watch_of(config)
        self._places: set[tuple[str, int]] = set()  # the topics' lanes that are here
        self._has_told_clock = False
        self._sources = Sources(TopicIds(config))

    async def run(self, stop: asyncio.Event) -> None:
        handler = Eligibility(self._config, self._sources.name_of)
        failed: list[BaseException] = []
        broker = broker_for(self._config)
        subscriber = broker.subscriber(
            topic_name(self._config, STUDENTS_FETCHED),
            topic_name(self._config, OPERATOR_COMMANDS),
            group_id=group_name(self._config, self.name),
            max_records=self._config.kafka.batch_records,
            polling_interval=self._config.kafka.poll_seconds,
            on_assign=self._assigned,
            on_revoke=self._revoked,
            on_lost=self._revoked,
            **SUBSCRIPTION,
        )
        subscriber(taking(partial(self._step, handler), stop, failed, self.name, log))
        await broker.start()
        self._consumer: Any = listening(subscriber, self._config)
        try:
            await stop.wait()
        finally:
            await asyncio.to_thread(self._keep_place, wait=True)
            await broker.stop()
            await asyncio.to_thread(self._log.close)
        if failed:
            raise failed[0]

    def _step(self, handler: Eligibility, messages: Sequence[Any]) -> None:
        records = self._sources.arrived([to_record(message) for message in messages])
        self._tell_missing_clock(records)
        told = handler.handle(records)
        tally = self._watch.judge(
            {lane for _, lane in self._places}, records, [one for one in told if one.topic != REFUSED_COMMANDS]
        )
        self._log.publish(told)
        self._watch.add(tally)
        at_point("assessed")
        self._done |= {(record.topic, record.lane): record.offset + 1 for record in records}
        self._sources.done(records)
        for topic in self._sources.anew:
            self._begin_anew(topic)
        if time.monotonic() - self._committed_at >= COMMIT_SECONDS:
            self._keep_place(wait=False)

    def _tell_missing_clock(self, records: Sequence[Record]) -> None:
        if not self._has_told_clock and any(record.appended is None for record in records):
            self._has_told_clock = True
            log.warning(
                "Kafka does not say when it took a record, so that every fetcher's clock is believed; "
                "run `rollcall topics create --alter`"
            )

    def _keep_place(self, *, wait: bool) -> None:
        places = [TopicPartition(topic, lane, offset) for (topic, lane), offset in self._done.items()]
        if not places:
            return
        self._committed_at = time.monotonic()
        self._done.clear()
        try:
            if wait:  # committing itself knows no end where nobody answers
                self._consumer.committed(places[:1], timeout=KEEP_SECONDS)
            self._consumer.commit(offsets=places, asynchronous=not wait)
        except KafkaException as error:
            log.info("offset commit failed; records will be re-read and skipped: %s", error)

    def _begin_anew(self, topic: str) -> None:
        """Raises: Retryable; the batch is then taken again, and passed over by its causes."""
        with Reader(self._config) as reader:
            lanes = sorted(lane for name, lane in self._places if name == topic)
            starts = {lane: reader.edges(plain_name(topic), lane)[0] for lane in lanes}
        try:
            for lane, start in starts.items():
                self._consumer.seek(TopicPartition(topic, lane, start))
        except KafkaException as error:
            raise Retryable(f"Kafka: {topic}: {error}") from error
        self._done = {place: offset for place, offset in self._done.items() if place[0] != topic}
        self._sources.begun(topic, starts)
        log.warning("%s was made anew; it is read from its first record", plain_name(topic))

    def _assigned(self, consumer: Any, partitions: list[TopicPartition]) -> None:
        self._places.update((place.topic, place.partition) for place in partitions)
        consumer.incremental_assign(partitions)
        log.info("eligibility: %d partitions assigned", len(partitions))

    def _revoked(self, consumer: Any, partitions: list[TopicPartition]) -> None:
        places = [(place.topic, place.partition) for place in partitions]
        self._places.difference_update(places)
        self._sources.left(places)
        consumer.incremental_unassign(partitions)
