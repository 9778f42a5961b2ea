"""The road in and out of Kafka: the producer, the compacted read, and a client's settings."""

import logging
import threading
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any

from confluent_kafka import (
    OFFSET_BEGINNING,
    TIMESTAMP_LOG_APPEND_TIME,
    Consumer,
    KafkaError,
    KafkaException,
    Producer,
    TopicPartition,
)

from shared.config.settings import Config
from shared.contract.codec import Message, Record
from shared.contract.limits import MAX_MESSAGE_BYTES
from shared.errors import Retryable
from shared.kafka.client_errors import ear_of
from shared.kafka.error_words import DENIED, away, may_not, no_road, not_taken
from shared.kafka.piece_size import PieceSize

log = logging.getLogger("rollcall.kafka")

SILENCE_SECONDS = 30.0  # without one acknowledgement; then the batch is decided again from the state as it stands
SLOWEST = 64 * 1024  # bytes a second that a line has at least: one record cannot be sent in pieces
ACK_LOOK_SECONDS = 0.5
READ_SECONDS = 30.0  # the longest silence while a topic is read to its end
LOOK_SECONDS = 0.05  # the client waits so long for a full batch, also where the topic has no more records
EDGE_SECONDS = 10.0  # of one question for a partition's edges
FETCH_WAIT_MS = 20  # the default, 500, is for consumers that wait for what comes next
_ASK_AGAIN = (  # no leader, or not known yet: a topic that is being made shows before its partitions do
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError._UNKNOWN_PARTITION,
    KafkaError._DESTROY_BROKER,  # the client let go of the connection that it asked by, for one that it learned of
)
# What one request takes over a slow line must end before the client loses patience with it, and does not grow with how
# much there is: five requests of 256 KiB are under way at once, and one answer to a fetch has 8 MiB.
MESSAGE_BYTES = 256  # about what a record's key, headers and frame take beside its value
REQUEST_BYTES = 256 * 1024
FETCH_BYTES = 8 * 1024 * 1024
REQUEST_SECONDS = MAX_MESSAGE_BYTES // SLOWEST + 30  # the largest record over the slowest line


def topic_name(config: Config, topic: str) -> str:
    """The topic's name on the broker: tests that share one have prefixes."""
    return f"{config.kafka.topic_prefix}{topic}"


def group_name(config: Config, group: str) -> str:
    return f"{config.kafka.group_prefix}{group}"


def client_settings(config: Config) -> dict[str, Any]:
    """What every librdkafka client needs to reach the cluster."""
    kafka = config.kafka
    settings: dict[str, Any] = {
        "bootstrap.servers": kafka.bootstrap_servers,
        "security.protocol": kafka.security_protocol.lower(),
        "reconnect.backoff.max.ms": 2000,
        "log_level": 2,  # it repeats itself while a broker is away; we tell a change of state once
        "error_cb": ear_of(config),
    }
    if kafka.sasl_mechanism:
        settings["sasl.mechanism"] = kafka.sasl_mechanism
        settings["sasl.username"] = kafka.sasl_username
        settings["sasl.password"] = kafka.sasl_password.get_secret_value() if kafka.sasl_password else ""
    if kafka.ssl_ca_file:
        settings["ssl.ca.location"] = str(kafka.ssl_ca_file)
    return settings


def to_record(message: Any, base: int = 0) -> Record:
    """A client's message as ours; ``base`` is added to its offset (``LaneState.base``)."""
    key = message.key()
    whose, moment = message.timestamp()
    epoch = message.leader_epoch()
    return Record(
        message.topic(),
        message.partition(),
        message.offset() + base,
        key.decode("utf-8", "replace") if key else "",
        message.value() or b"",
        late=message.headers,
        appended=moment if whose == TIMESTAMP_LOG_APPEND_TIME else None,
        epoch=-1 if epoch is None else epoch,
    )


class KafkaLog:
    """
    ``shared.ports.Log`` on Kafka: idempotent, every message acknowledged by all replicas before ``publish`` returns.

    Opened on first use. Several threads may publish; each call waits for its own messages only. Much is published in
    pieces, and what ends the wait is silence: a slow line with a large school on it is no fault.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._producer: Any = None
        self._failures: list[tuple[Any, str]] = []  # of the messages that are under way, with their topics
        self._piece = PieceSize()
        self._lock = threading.Lock()

    def _open(self) -> Any:
        if self._producer is None:
            self._producer = Producer(
                client_settings(self._config)
                | {
                    "enable.idempotence": True,
                    "acks": "all",
                    "linger.ms": 20,  # a flush does not wait for it
                    "compression.type": "none",
                    "queue.buffering.max.messages": 1_000_000,
                    "queue.buffering.max.kbytes": 262_144,
                    "batch.size": REQUEST_BYTES,
                    "message.max.bytes": MAX_MESSAGE_BYTES,
                    "socket.timeout.ms": REQUEST_SECONDS * 1000,
                    "delivery.timeout.ms": 0,  # counts from when a message is queued; we count silence
                    "delivery.report.only.error": True,
                    "on_delivery": self._told,
                }
            )
        return self._producer

    def publish(self, messages: Iterable[Message]) -> None:
        with self._lock:
            self._open()
            self._failures.clear()
            try:
                self._publish(messages)
            except (KafkaException, SystemError) as error:  # the latter is the client's, after a fatal error of its own
                self._start_again()
                raise Retryable(f"Kafka: {self._reason(error)}") from error
            except Retryable:
                self._start_again()
                raise

    def _publish(self, messages: Iterable[Message]) -> None:
        prefix, size, largest = self._config.kafka.topic_prefix, 0, 0
        produce = self._producer.produce
        partitions = self._config.kafka.partitions
        for one in messages:
            length = len(one.value or b"") + MESSAGE_BYTES
            where, lane = prefix + one.topic, one.lane
            if lane >= partitions and where.endswith("-dlq"):
                lane %= partitions  # it came from a partition that the topic of its kind need not have; it says which
            try:
                produce(where, one.value, one.key, lane, headers=one.headers)
            except BufferError:  # what is queued goes first
                self._await(size, largest)
                produce(where, one.value, one.key, lane, headers=one.headers)
                size = largest = 0
            except KafkaException as error:
                raise Retryable(f"Kafka: {not_taken(error.args[0], self._config.kafka, where)}") from error
            size += length
            largest = max(largest, length)
            if size >= self._piece.bytes:
                self._await(size, largest)
                size = largest = 0
        if size:
            self._await(size, largest)

    def _await(self, size: int, largest: int) -> None:
        """Return when all that was handed over is acknowledged. Raises: Retryable."""
        began = time.monotonic()
        patience = SILENCE_SECONDS + largest / SLOWEST
        left, deadline = len(self._producer), began + patience
        while (now := self._producer.flush(ACK_LOOK_SECONDS)) and not self._failures:
            if now < left:
                left, deadline = now, time.monotonic() + patience
            elif time.monotonic() > deadline:
                raise Retryable(f"Kafka: {now} records not acknowledged: {self._reason(None)}")
        if self._failures:
            error, topic = self._failures[0]
            raise Retryable(f"Kafka: not acknowledged: {not_taken(error, self._config.kafka, topic)}")
        self._piece.took(size, time.monotonic() - began)

    def _reason(self, error: Any) -> str:
        """What the client said lately of its road to the cluster is nearer to the cause than what followed from it."""
        if (heard := ear_of(self._config).lately()) is not None:
            return away(self._config.kafka, no_road(heard, self._config.kafka))
        return str(error) if error is not None else f"no answer in {SILENCE_SECONDS:.0f} s"

    def _told(self, error: Any, message: Any) -> None:
        if error is not None:
            self._failures.append((error, message.topic()))

    def _start_again(self) -> None:
        """Forget what is queued: whoever called decides again, and a late old record must not follow the new one."""
        producer, self._producer = self._producer, None
        with suppress(SystemError):  # as above
            producer.purge()
            producer.flush(1)

    def close(self) -> None:
        with self._lock:
            if self._producer is not None:
                self._producer.flush(SILENCE_SECONDS)
                self._producer = None


class Reader:
    """
    Reads stretches of topics outside any consumer group: to rebuild, to look, to find a topic's edges. Opened on first
    use.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._lock = threading.Lock()
        self._asking = 0  # threads that wait for an answer
        self._is_closed = False
        self._consumer: Any = None

    def edges(self, topic: str, lane: int, seconds: float = EDGE_SECONDS) -> tuple[int, int]:
        """
        The first offset that is still there, and the one that the next record will have. Any thread may ask. Raises:
        Retryable, after so many seconds without an answer.
        """
        with self._open():
            return self._edges(topic, lane, seconds)

    @contextmanager
    def _open(self) -> Iterator[None]:
        """The client is there until the block ends. Raises: Retryable."""
        with self._lock:
            if self._is_closed:
                raise Retryable("Kafka: its reader is closed")
            if self._consumer is None:
                self._consumer = self._client()
            self._asking += 1
        try:
            yield
        finally:
            with self._lock:
                self._asking -= 1
                is_last = self._is_closed and not self._asking
            if is_last:
                self._consumer.close()

    def _client(self) -> Any:
        return Consumer(
            client_settings(self._config)
            | {
                "group.id": group_name(self._config, "reader"),  # never joined: partitions are assigned by hand
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "fetch.queue.backoff.ms": 20,
                # A fetch that found nothing new is answered after so long, and whatever is asked next waits behind it.
                "fetch.wait.max.ms": FETCH_WAIT_MS,
                "fetch.max.bytes": FETCH_BYTES,
                "socket.timeout.ms": REQUEST_SECONDS * 1000,
            }
        )

    def _edges(self, topic: str, lane: int, seconds: float) -> tuple[int, int]:
        place = TopicPartition(topic_name(self._config, topic), lane)
        deadline = time.monotonic() + seconds
        while True:
            try:
                low, high = self._consumer.get_watermark_offsets(place, timeout=seconds)
                return low, high
            except KafkaException as error:
                # A partition that has just been made has no leader for a moment.
                if time.monotonic() > deadline or error.args[0].code() not in _ASK_AGAIN:
                    raise self._trouble(error.args[0], place.topic) from error
                time.sleep(0.1)
                self._look_again(place.topic, seconds)

    def _look(self, name: str) -> list[Any]:
        """What has come. Raises: Retryable."""
        batch = []
        for message in self._consumer.consume(2000, LOOK_SECONDS):
            if (fault := message.error()) is None:
                batch.append(message)
            elif fault.code() != KafkaError.GROUP_AUTHORIZATION_FAILED:  # of a group that is never joined
                raise self._trouble(fault, name)
        return batch

    def _look_again(self, name: str, seconds: float) -> None:
        """Who leads the partitions now. Raises: Retryable."""
        try:
            found = self._consumer.list_topics(name, timeout=seconds)
        except KafkaException as error:
            if error.args[0].code() == KafkaError._DESTROY_BROKER:
                return  # the question is asked again, until its time is over
            raise self._trouble(error.args[0], name) from error
        if (fault := found.topics[name].error) is not None and fault.name() in DENIED:
            raise self._trouble(fault, name)

    def _trouble(self, error: Any, topic: str) -> Retryable:
        if error.name() in DENIED:
            return Retryable(f"Kafka: {may_not(self._config.kafka, 'READ', 'topic', topic)}")
        return Retryable(f"Kafka: {error.str() or error}")

    def read(self, topic: str, lane: int, start: int = OFFSET_BEGINNING) -> Generator[Record]:
        """Every record from ``start`` to the end as it was when the reading began. Raises: Retryable."""
        low, high = self.edges(topic, lane)
        if start < low:
            start = low
        if start >= high:
            return
        place = TopicPartition(topic_name(self._config, topic), lane, start)
        self._consumer.assign([place])
        deadline = time.monotonic() + READ_SECONDS
        try:
            while True:
                for message in (batch := self._look(place.topic)):
                    if message.offset() < high:
                        yield to_record(message)
                # Compaction leaves holes, also at the end: only the client's position says how far it is.
                position = self._consumer.position([place])[0].offset
                if position >= high or (batch and batch[-1].offset() >= high - 1):
                    return
                if batch:
                    deadline = time.monotonic() + READ_SECONDS
                elif time.monotonic() > deadline:
                    raise Retryable(f"Kafka: {topic}/{lane} fell silent at {position} of {high}")
        except KafkaException as error:
            raise Retryable(f"Kafka: {error}") from error
        finally:
            self._consumer.unassign()

    def epoch_at(self, topic: str, lane: int, offset: int) -> int | None:
        """Of the leader that took the record at this offset; None where there is no such record. Raises: Retryable."""
        with self._open(), closing(self.read(topic, lane, offset)) as records:
            record = next(records, None)
            return record.epoch if record is not None and record.offset == offset and record.epoch >= 0 else None

    def close(self) -> None:
        """Whoever is asking meanwhile closes it: a client that is closed under a question answers neither, for good."""
        with self._lock:
            is_last, self._is_closed = not (self._is_closed or self._asking), True
        if is_last and self._consumer is not None:
            self._consumer.close()

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_compacted(config: Config, topic: str, lane: int) -> Iterator[Record]:
    """One partition of a topic, from its first record to its end."""
    with Reader(config) as reader:
        yield from reader.read(topic, lane)
