"""
From a student fetched to the change told, through both services, at a steady load.

Beside it stands one bare hop through Kafka at the same load in the same run: what no road of two hops can beat.
"""

import threading
import time
from collections.abc import Callable
from pathlib import Path

from confluent_kafka import Consumer, Producer, TopicPartition

from benchmarks import world
from shared import clock
from shared.config.settings import Config
from shared.contract.codec import Message
from shared.contract.events import StudentFetched
from shared.contract.topics import ACCOUNT_CHANGES, DELIVERIES, STUDENTS_FETCHED
from shared.kafka.client import Reader, client_settings, topic_name

PER_SECOND = 1000
SECONDS = 15
WARM = 3 * PER_SECOND  # the first seconds are not counted


def measure(path: Path, config: Config) -> dict[str, tuple[float, float]]:
    """Milliseconds: the median and the ninety-ninth percentile, each with a bare hop's beside it."""
    with world.service("eligibility", path), world.service("reconciler", path):
        _wait_until_they_have_joined(config)
        road = _paced(config, STUDENTS_FETCHED, ACCOUNT_CHANGES, _student)
    hop = _paced(config, DELIVERIES, DELIVERIES, _bare)
    result = {}
    for name, share in (("latency.p50", 0.50), ("latency.p99", 0.99)):
        result[name] = (_percentile(road, share), _percentile(hop, share))
        print(f"{name:24} {result[name][0]:10.1f} ms   bare hop {result[name][1]:6.1f} ms", flush=True)
    return result


def _student(number: int) -> Message:
    student = world.a_student(1_000_000 + number)
    school = world.slug(number % world.SCHOOLS)
    event = StudentFetched(school=school, student=student)
    return world.message(school, event, student.student_id, None, clock.now())


def _bare(number: int) -> Message:
    message = _student(number)
    message.topic = DELIVERIES
    return message


def _wait_until_they_have_joined(config: Config) -> None:
    """One student through the whole road: from then on both services have their lanes."""
    sent, arrived = {}, {}
    reading = _Reading(config, ACCOUNT_CHANGES, arrived)
    producer = Producer(client_settings(config) | {"linger.ms": 0})
    for lane_probe in range(world.SCHOOLS):
        message = _student(900_000 + lane_probe)
        sent[message.key] = time.perf_counter()
        _send(config, producer, message)
    producer.flush(10)
    reading.until(lambda: len(arrived) == len(sent), 60)


def _paced(config: Config, to: str, back: str, make: Callable[[int], Message]) -> list[float]:
    """Send so many a second; the seconds from each one's sending to the first record with its key at the end."""
    total = PER_SECOND * SECONDS
    messages = [make(number) for number in range(total)]
    arrived: dict[str, float] = {}
    reading = _Reading(config, back, arrived)
    producer = Producer(client_settings(config) | {"linger.ms": 0, "queue.buffering.max.messages": 1_000_000})
    sent: dict[str, float] = {}
    begun = time.perf_counter()
    for number, message in enumerate(messages):
        due = begun + number / PER_SECOND
        while (wait := due - time.perf_counter()) > 0:
            time.sleep(wait)
        sent[message.key] = time.perf_counter()
        _send(config, producer, message)
        producer.poll(0)
    producer.flush(30)
    reading.until(lambda: all(key in arrived for key in sent), 60)
    counted = [message.key for message in messages[WARM:]]
    return sorted(arrived[key] - sent[key] for key in counted)


def _send(config: Config, producer: Producer, message: Message) -> None:
    producer.produce(
        topic_name(config, message.topic), message.value, message.key, message.lane, headers=message.headers
    )


class _Reading:
    """Notes when the first record of each key arrives at the end of a topic."""

    def __init__(self, config: Config, topic: str, arrived: dict[str, float]) -> None:
        with Reader(config) as reader:
            ends = world.ends(reader, topic)
        self._arrived = arrived
        self._stop = threading.Event()
        self._consumer = Consumer(
            client_settings(config) | {"group.id": "latency", "enable.auto.commit": False, "fetch.wait.max.ms": 10}
        )
        name = topic_name(config, topic)
        self._consumer.assign([TopicPartition(name, lane, ends[lane]) for lane in ends])
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while not self._stop.is_set():
            for message in self._consumer.consume(500, 0.005):
                self._arrived.setdefault((message.key() or b"").decode(), time.perf_counter())

    def until(self, done: Callable[[], bool], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not done():
            if time.monotonic() > deadline:
                raise RuntimeError("not everything that was sent came out at the end")
            time.sleep(0.05)
        self._stop.set()
        self._thread.join()
        self._consumer.close()


def _percentile(values: list[float], share: float) -> float:
    return values[int(len(values) * share)] * 1000
