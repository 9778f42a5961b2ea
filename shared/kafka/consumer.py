"""
How records come: to a member of a consumer group, batch by batch until its service is stopped, or to whoever follows
topics outside any group. The only use of FastStream.
"""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, cast

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition
from faststream import AckPolicy
from faststream.confluent import KafkaBroker
from faststream.confluent.message import FAKE_CONSUMER, KafkaMessage

from shared.config.settings import Config
from shared.contract.codec import Record
from shared.errors import Retryable
from shared.kafka.client import (
    FETCH_BYTES,
    REQUEST_SECONDS,
    Reader,
    client_settings,
    group_name,
    to_record,
    topic_name,
)
from shared.kafka.client_errors import Ear, ear_of
from shared.kafka.cluster import TopicIds
from shared.kafka.continuity import Continuity, Place
from shared.lanes.dead_letters import plain_name
from shared.service import STOP_SECONDS, backoff, sleep_unless

RETRY_CAP_SECONDS = 10.0
COMMIT_SECONDS = 2.0  # for Kafka to answer a service that ends: it is given nine
BEGINNING = OFFSET_BEGINNING  # of a lane's log
_CONSUMING = {"fetch.queue.backoff.ms": 20, "socket.timeout.ms": REQUEST_SECONDS * 1000}


async def raw_parse(messages: Any) -> KafkaMessage:
    """
    A parser that leaves every record as it came. FastStream's own decodes all headers of a batch beforehand, for as
    much time as reading them took, and one that is not UTF-8 would lose the whole batch.
    """
    return KafkaMessage(body=b"", raw_message=messages, consumer=FAKE_CONSUMER, is_manual=True)


def raw_batch(message: Any) -> Any:
    """A decoder that hands the client's messages on: each record is judged by itself, later."""
    return message.raw_message


_SUBSCRIPTION: dict[str, Any] = {
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


def _broker(config: Config) -> KafkaBroker:
    """FastStream's broker for batches: no access log, no typed decoding, every client setting ours."""
    return KafkaBroker(
        config.kafka.bootstrap_servers,
        config=cast("Any", client_settings(config) | _CONSUMING),
        logger=None,
        apply_types=False,
        graceful_timeout=STOP_SECONDS - 2,  # the batch under way is finished
        allow_auto_create_topics=False,
    )


class Listening:
    """
    A consumer whose errors are heard: FastStream drops them, and a topic that may not be read is then just quiet.

    Other threads than the one that consumes may seek and commit. It is never closed under one of these: the client
    would end neither, for good.
    """

    def __init__(self, consumer: Any, ear: Ear) -> None:
        self._consumer = consumer
        self._ear = ear
        self._lock = threading.Lock()
        self._is_closed = False

    def consume(self, *args: Any, **settings: Any) -> list[Any]:
        batch: list[Any] = self._consumer.consume(*args, **settings)
        for message in batch:
            if (error := message.error()) is not None:
                self._ear(error)
        return batch

    def seek(self, place: Any) -> None:
        """Raises: KafkaException."""
        with self._open():
            self._consumer.seek(place)

    def commit(self, **settings: Any) -> Any:
        """Raises: KafkaException."""
        with self._open():
            return self._consumer.commit(**settings)

    @contextmanager
    def _open(self) -> Iterator[None]:
        with self._lock:
            if self._is_closed:
                raise KafkaException(KafkaError(KafkaError._STATE, "the consumer is closed"))
            yield

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
        self._consumer.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._consumer, name)


class BatchConsumer:
    """
    ``name`` is the service's, and its group's. ``take`` is given one batch at a time, in the order of each lane: a
    Retryable waits with jitter and the same batch is taken again; anything else ends the service, and no batch is taken
    any more. ``take`` commits whenever it wants.

    ``assigned`` is told of new places before anything of them is taken, in the consumer's thread, and says from where
    those are read that do not begin where the group committed; ``revoked`` of those that are another's now.

    What is committed names the topic's own id, and the epoch of the leader that took the record before: where the topic
    was made anew, or its log cut short, since then, the group begins at the first record.
    """

    def __init__(
        self,
        config: Config,
        name: str,
        topics: Sequence[str],
        take: Callable[[Sequence[Record]], Awaitable[None]],
        log: logging.Logger,
        *,
        most: int | None = None,
        silence_seconds: float | None = None,
        assigned: Callable[[Sequence[Place]], Mapping[Place, int]] = lambda _: {},
        revoked: Callable[[Sequence[Place]], None] = lambda _: None,
    ) -> None:
        self._config = config
        self._name = name
        self._topics = [topic_name(config, topic) for topic in topics]
        self._take = take
        self._log = log
        self._most = most or config.kafka.batch_records
        self._silence = config.kafka.poll_seconds if silence_seconds is None else silence_seconds
        self._on_assigned = assigned
        self._on_revoked = revoked
        self._failed: BaseException | None = None
        self._stop = asyncio.Event()
        self._client: Any = None
        self.places: set[Place] = set()
        self._ids = TopicIds(config)
        self._logs: dict[str, str] = {}  # of each topic, when it was assigned
        self._epochs: dict[Place, int] = {}
        self._continuity = Continuity(self._epoch_at, self._begin)
        self._own: set[Place] = set()  # of the places, those that begin where the group committed

    @asynccontextmanager
    async def running(self, stop: asyncio.Event) -> AsyncIterator[None]:
        """
        Batches are taken while it is entered; what fails sets ``stop``. Leaving it ends the batch under way. Raises: at
        its end, what failed.
        """
        self._stop = stop
        broker = _broker(self._config)
        subscriber = broker.subscriber(
            *self._topics,
            group_id=group_name(self._config, self._name),
            max_records=self._most,
            polling_interval=self._silence,
            on_assign=self._assigned,
            on_revoke=self._revoked,
            on_lost=self._revoked,
            **_SUBSCRIPTION,
        )
        subscriber(self._taken)
        await broker.start()
        consumer: Any = subscriber.consumer
        self._client = consumer.consumer = Listening(consumer.consumer, ear_of(self._config))
        try:
            yield
        finally:
            await broker.stop()
        if self._failed is not None:
            raise self._failed

    async def _taken(self, messages: Sequence[Any]) -> None:
        if self._failed is not None:
            return
        try:
            await self._until_taken([to_record(message) for message in messages])
        except asyncio.CancelledError:
            raise  # told to end; what was under way is taken again at the next start
        except BaseException as error:
            self._failed = error
            # to end may take too long to tell
            self._log.error("%s stops: %s: %s", self._name, type(error).__name__, error)
            self._stop.set()

    async def _until_taken(self, records: Sequence[Record]) -> None:
        attempt = 0
        while True:
            try:
                if followers := await asyncio.to_thread(self._following, records):
                    await self._take(followers)
                    self._continuity.taken(followers)
            except Retryable as trouble:
                attempt += 1
                if attempt == 1:
                    self._log.warning("%s: retrying: %s", self._name, trouble)
                if await sleep_unless(self._stop, trouble.retry_after or backoff(attempt, RETRY_CAP_SECONDS)):
                    return  # no place was kept
                continue
            if attempt:
                self._log.warning("%s: recovered after %d attempts", self._name, attempt)
            return

    def seek(self, place: Place, offset: int) -> None:
        """
        The consumer may hold records already: only the next batch shows whether this took effect. Raises: Retryable.
        """
        try:
            self._client.seek(TopicPartition(*place, offset))
        except KafkaException as error:
            raise Retryable(f"Kafka: {place[0]}: {error}") from error

    def commit(self, offsets: Mapping[Place, int], *, wait: bool = False) -> None:
        """Where the group would go on. Where that cannot be told, records come again. ``wait``: for the answer."""
        places = [
            TopicPartition(*place, offset, self._logs.get(place[0], ""), self._epochs.get(place, -1))
            for place, offset in offsets.items()
        ]
        if not places:
            return
        try:
            if wait:  # committing itself knows no end where nobody answers
                self._client.committed(places[:1], timeout=COMMIT_SECONDS)
            self._client.commit(offsets=places, asynchronous=not wait)
        except KafkaException as error:
            level = logging.INFO if wait else logging.DEBUG
            self._log.log(level, "offset commit failed; records will be re-read and skipped: %s", error)

    def _assigned(self, consumer: Any, partitions: list[TopicPartition]) -> None:
        places = [(one.topic, one.partition) for one in partitions]
        starts = dict(self._on_assigned(places))
        starts |= self._of_other_logs(consumer, [place for place in places if place not in starts])
        for one in partitions:
            one.offset = starts.get((one.topic, one.partition), one.offset)
        self.places.update(places)
        consumer.incremental_assign(partitions)
        lanes = sorted({lane for _, lane in self.places if lane < self._config.kafka.partitions})
        self._log.info("%s: lanes %s assigned", self._name, lanes)

    def _following(self, records: Sequence[Record]) -> Sequence[Record]:
        """Raises: Retryable."""
        own = [record for record in records if (record.topic, record.lane) in self._own]
        kept = {(record.topic, record.lane) for record in self._continuity.follows(own)}
        result = [one for one in records if (one.topic, one.lane) in kept or (one.topic, one.lane) not in self._own]
        self._epochs |= {(record.topic, record.lane): record.epoch for record in result}
        return result

    def _epoch_at(self, place: Place, offset: int) -> int | None:
        with Reader(self._config) as reader:
            return reader.epoch_at(plain_name(place[0]), place[1], offset)

    def _begin(self, place: Place) -> int:
        with Reader(self._config) as reader:
            first, _ = reader.edges(plain_name(place[0]), place[1])
        self.seek(place, first)
        return first

    def _of_other_logs(self, consumer: Any, places: Sequence[Place]) -> dict[Place, int]:
        """Where the committed offset is one of a topic that is no more: from the first record."""
        try:
            self._logs |= {topic: self._ids(topic) for topic in sorted({topic for topic, _ in places})}
            kept = consumer.committed([TopicPartition(*place) for place in places], timeout=COMMIT_SECONDS)
        except (Retryable, KafkaException) as trouble:
            self._log.warning("%s: committed offsets cannot be checked and are believed: %s", self._name, trouble)
            return {}
        self._own.update(places)
        for one in kept:
            if one.offset > 0 and one.leader_epoch is not None:
                self._continuity.knows((one.topic, one.partition), one.offset - 1, one.leader_epoch)
        other = [(one.topic, one.partition) for one in kept if one.metadata not in (None, "", self._logs[one.topic])]
        for topic in sorted({topic for topic, _ in other}):
            self._log.warning("%s: %s was made anew; it is read from its first record", self._name, topic)
        self._continuity.left(other)
        return dict.fromkeys(other, BEGINNING)

    def _revoked(self, consumer: Any, partitions: list[TopicPartition]) -> None:
        places = [(one.topic, one.partition) for one in partitions]
        self.places.difference_update(places)
        self._own.difference_update(places)
        self._continuity.left(places)
        self._on_revoked(places)
        consumer.incremental_unassign(partitions)


class Tail:
    """
    Follows places outside any group. ``starts``: from where each is read, None: from its first record. Opened on first
    use, by one thread at a time.
    """

    def __init__(self, config: Config, starts: Mapping[Place, int | None]) -> None:
        self._config = config
        self._starts = starts
        self._client: Any = None

    def _open(self) -> Any:
        if self._client is None:
            self._client = Consumer(
                client_settings(self._config)
                | {
                    "group.id": group_name(self._config, "reader"),  # never joined: partitions are assigned by hand
                    "enable.auto.commit": False,
                    "fetch.max.bytes": FETCH_BYTES,
                    "socket.timeout.ms": REQUEST_SECONDS * 1000,
                    "auto.offset.reset": "earliest",  # also where a log that was made anew has no such place
                }
            )
            places = [TopicPartition(*one, BEGINNING if at is None else at) for one, at in self._starts.items()]
            self._client.assign(places)
        return self._client

    def take(self, most: int, seconds: float) -> list[Record]:
        """What has come. Raises: Retryable; close it then."""
        try:
            messages = self._open().consume(most, seconds)
        except KafkaException as error:
            raise Retryable(f"Kafka: {error}") from error
        faults = [one.error() for one in messages if one.error()]
        if faults := [one for one in faults if one.name() != "GROUP_AUTHORIZATION_FAILED"]:  # of one never joined
            raise Retryable(f"Kafka: {faults[0]}")
        return [to_record(one) for one in messages if not one.error()]

    def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()


def ends_of(records: Sequence[Record]) -> dict[Place, int]:
    """Where each place of a batch goes on after it."""
    return {(record.topic, record.lane): record.offset + 1 for record in records}
