"""The lane loop driven by FastStream: what a topic brings, batch by batch, until the service is stopped."""

import asyncio
import logging
import threading
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any, cast

from confluent_kafka import OFFSET_BEGINNING, KafkaException, TopicPartition
from faststream import AckPolicy
from faststream.confluent import KafkaBroker
from faststream.confluent.message import FAKE_CONSUMER, KafkaMessage

from shared.config.settings import Config
from shared.contract.codec import Record
from shared.errors import Retryable, RollcallError
from shared.kafka.client import (
    FETCH_BYTES,
    REQUEST_SECONDS,
    KafkaLog,
    Reader,
    client_settings,
    group_name,
    to_record,
    topic_name,
)
from shared.kafka.client_errors import listening
from shared.kafka.topic_ids import TopicIds
from shared.lanes.loop import Caring, Handler, LaneLoop
from shared.lanes.poison_limit import PoisonWatch
from shared.ports import LaneStore
from shared.service import STOP_SECONDS, backoff, sleep_unless

log = logging.getLogger("rollcall.lane")

WATCH_SECONDS = 5.0  # how often a lane without traffic is looked at: its state may have been lost
LAG_SECONDS = 1.0  # how often the position is told to Kafka, for lag displays only
RETRY_CAP_SECONDS = 10.0
CONSUMING = {"fetch.queue.backoff.ms": 20, "socket.timeout.ms": REQUEST_SECONDS * 1000}


async def raw_parse(messages: Any) -> KafkaMessage:
    """
    A parser that leaves every record as it came. FastStream's own decodes all headers of a batch beforehand, for as
    much time as reading them took, and one that is not UTF-8 would lose the whole batch.
    """
    return KafkaMessage(body=b"", raw_message=messages, consumer=FAKE_CONSUMER, is_manual=True)


def raw_batch(message: Any) -> Any:
    """A decoder that hands the client's messages on: each record is judged by itself, later."""
    return message.raw_message


def broker_for(config: Config) -> KafkaBroker:
    """FastStream's broker for batches: no access log, no typed decoding, every client setting ours."""
    return KafkaBroker(
        config.kafka.bootstrap_servers,
        config=cast("Any", client_settings(config) | CONSUMING),
        logger=None,
        apply_types=False,
        graceful_timeout=STOP_SECONDS - 2,  # the batch under way is finished
        allow_auto_create_topics=False,
    )


def watch_of(config: Config) -> PoisonWatch:
    """What stops a service that can read next to nothing; one for each run of a service."""
    limit = config.poison
    return PoisonWatch(
        share=limit.share,
        records=limit.records,
        minimum=limit.minimum,
        schools=config.schools,
        partitions=config.kafka.partitions,
    )


SUBSCRIPTION: dict[str, Any] = {
    "batch": True,
    "ack_policy": AckPolicy.MANUAL,
    "auto_offset_reset": "earliest",
    "fetch_max_wait_ms": 50,
    "fetch_max_bytes": FETCH_BYTES,
    "max_poll_interval_ms": 14_400_000,  # of one step, which is as long as its school is large and the line slow
    "session_timeout_ms": 10_000,
    "partition_assignment_strategy": ("cooperative-sticky",),
    "parser": raw_parse,
    "decoder": raw_batch,
}


def taking(
    step: Callable[[Sequence[Any]], None],
    stop: asyncio.Event,
    failed: list[BaseException],
    name: str,
    log: logging.Logger,
) -> Callable[[Sequence[Any]], Awaitable[None]]:
    """
    What takes a subscriber's batches: ``step`` in a thread, with the client's messages.

    A Retryable waits with jitter and takes the same batch again; where ``stop`` comes first, the next start takes it.
    Anything else goes into ``failed``, with which the service ``name`` has to end: no batch is taken any more.
    """

    async def take(messages: Sequence[Any]) -> None:
        if failed:
            return
        try:
            await until_taken(messages)
        except asyncio.CancelledError:
            raise  # told to end; what was under way is taken again at the next start
        except BaseException as error:
            failed.append(error)
            log.error("%s stops: %s: %s", name, type(error).__name__, error)  # to end may take too long to tell
            stop.set()

    async def until_taken(messages: Sequence[Any]) -> None:
        attempt = 0
        while True:
            try:
                await asyncio.to_thread(step, messages)
            except Retryable as trouble:
                attempt += 1
                if attempt == 1:
                    log.warning("%s: retrying: %s", name, trouble)
                if await sleep_unless(stop, trouble.retry_after or backoff(attempt, RETRY_CAP_SECONDS)):
                    return  # no place was kept
                continue
            if attempt:
                log.warning("%s: recovered after %d attempts", name, attempt)
            return

    return take


class LaneService:
    """
    One service that reads one topic lane by lane: ``name`` is its consumer group.

    A Retryable waits with jitter and takes the same batch again; anything else ends the service without moving a
    position. The lanes are shared out among ``workers``, so that one decides while another waits for Kafka or Redis;
    each has a loop and a producer of its own, and a lane is always the same one's.
    """

    def __init__(
        self,
        config: Config,
        name: str,
        topic: str,
        handler: Handler,
        store: LaneStore,
        out: KafkaLog | None = None,
        workers: int = 1,
    ) -> None:
        self.name = name
        self._config = config
        self._topic = topic
        self._outs = [out or KafkaLog(config), *(KafkaLog(config) for _ in range(workers - 1))]
        self._handler = handler
        self._store = store
        self._lanes: set[int] = set()
        self._unsought: set[int] = set()  # of these, those that are read from elsewhere than they ought to be
        self._lock = threading.Lock()  # the loops are one batch's at a time
        self._consumer: Any = None
        self._told_at = 0.0

    async def run(self, stop: asyncio.Event) -> None:
        self._reader = Reader(self._config)
        self._edges_lock = threading.Lock()
        self._ids = TopicIds(self._config)
        watch = watch_of(self._config)  # one for all workers: the schools of all lanes that are here count alike
        self._loops = [
            LaneLoop(self._handler, self._store, out, self._edges, watch, lambda: self._lanes, self._log_id)
            for out in self._outs
        ]
        self._threads = ThreadPoolExecutor(len(self._loops), thread_name_prefix=self.name)
        failed: list[BaseException] = []
        broker = broker_for(self._config)
        subscriber = broker.subscriber(
            topic_name(self._config, self._topic),
            group_id=group_name(self._config, self.name),
            max_records=self._config.kafka.batch_records,
            polling_interval=self._config.kafka.poll_seconds,
            on_assign=self._assigned,
            on_revoke=self._revoked,
            on_lost=self._revoked,
            **SUBSCRIPTION,
        )
        subscriber(taking(self._step, stop, failed, self.name, log))
        await broker.start()
        self._consumer = listening(subscriber, self._config)
        watcher = asyncio.create_task(self._watch(stop))
        try:
            await stop.wait()
        finally:
            watcher.cancel()
            await broker.stop()
            await asyncio.to_thread(self._reader.close)
            self._threads.shutdown(wait=False)
        if failed:
            raise failed[0]
        if watcher.done() and not watcher.cancelled() and (error := watcher.exception()):
            raise error

    def _loop_of(self, lane: int) -> LaneLoop:
        return self._loops[lane % len(self._loops)]

    def _edges(self, lane: int) -> tuple[int, int]:
        with self._edges_lock:
            return self._reader.edges(self._topic, lane)

    def _log_id(self) -> str:
        return self._ids(topic_name(self._config, self._topic))

    def _step(self, messages: Sequence[Any]) -> None:
        batches: dict[int, list[Record]] = defaultdict(list)
        for message in messages:
            record = to_record(message)
            batches[record.lane].append(record)
        with self._lock:
            owned = {lane: records for lane, records in batches.items() if lane in self._lanes}
            if not owned:
                return
            for lane, offset in self._share_out(owned).items():
                self._seek(lane, offset)
            if time.monotonic() - self._told_at >= LAG_SECONDS:
                self._told_at = time.monotonic()
                self._tell_lag({lane: records[-1].offset + 1 for lane, records in owned.items()})

    def _share_out(self, batches: dict[int, list[Record]]) -> dict[int, int]:
        """All workers at once. When one fails the batch comes again, and what another has taken is passed over."""
        shares: dict[LaneLoop, dict[int, list[Record]]] = defaultdict(dict)
        for lane, records in batches.items():
            shares[self._loop_of(lane)][lane] = records
        first, *others = shares.items()
        futures = [self._threads.submit(loop.step, share) for loop, share in others]
        try:
            seeks = first[0].step(first[1])
        finally:
            wait(futures)
        for future in futures:
            seeks |= future.result()
        return seeks

    def _seek(self, lane: int, offset: int) -> None:
        self._unsought.discard(lane)
        try:
            self._consumer.seek(TopicPartition(topic_name(self._config, self._topic), lane, offset))
        except KafkaException as error:
            self._loop_of(lane).leave(lane)  # where it is read from is not known any more
            self._unsought.add(lane)  # nothing may arrive there that would have it sought again
            log.info("lane %d: seek failed: %s", lane, error)

    def _tell_lag(self, offsets: dict[int, int]) -> None:
        name = topic_name(self._config, self._topic)
        try:
            self._consumer.commit(
                offsets=[TopicPartition(name, lane, offset) for lane, offset in offsets.items()], asynchronous=True
            )
        except KafkaException as error:
            log.debug("lag unknown: %s", error)

    def _assigned(self, consumer: Any, partitions: list[TopicPartition]) -> None:
        """
        In the consumer's thread, between batches. A lane whose position cannot be read now begins at the log's start,
        and its first batch sends it where it belongs.
        """
        for place in partitions:
            if place.partition >= self._config.kafka.partitions:
                log.error(
                    "%s has more partitions than the %d under [kafka]; lane %d has no school and is not read; see "
                    "`rollcall topics check`",
                    *(place.topic, self._config.kafka.partitions, place.partition),
                )
                continue
            try:
                place.offset = self._loop_of(place.partition).start(place.partition)
            except RollcallError as trouble:  # what lasts ends the service with its first batch, or at the first look
                log.warning("lane %d: starting without its position: %s", place.partition, trouble)
                place.offset = OFFSET_BEGINNING
            self._lanes.add(place.partition)
        consumer.incremental_assign(partitions)
        log.info("%s: lanes %s assigned", self.name, sorted(self._lanes))

    def _revoked(self, consumer: Any, partitions: list[TopicPartition]) -> None:
        for place in partitions:
            self._lanes.discard(place.partition)
            self._unsought.discard(place.partition)
            self._loop_of(place.partition).leave(place.partition)
        consumer.incremental_unassign(partitions)

    async def _watch(self, stop: asyncio.Event) -> None:
        """A lane whose state was lost is rebuilt although nothing arrives in it."""
        while not await sleep_unless(stop, WATCH_SECONDS):
            for lane in sorted(self._lanes):
                try:
                    await asyncio.to_thread(self._look_at, lane)
                except Retryable as trouble:
                    log.debug("lane %d: check failed: %s", lane, trouble)
                except BaseException:
                    stop.set()
                    raise

    def _look_at(self, lane: int) -> None:
        with self._lock:
            if lane not in self._lanes:
                return
            offset = self._loop_of(lane).heal(lane)
            if offset is None and lane in self._unsought:
                offset = self._loop_of(lane).start(lane)
            if offset is not None:
                # The consumer may hold records already: only the next batch shows whether this took effect.
                self._seek(lane, offset)
            elif isinstance(self._handler, Caring):
                self._handler.care(lane)
