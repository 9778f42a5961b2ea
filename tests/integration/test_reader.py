"""A stretch of a topic, read outside any consumer group, from a real Kafka."""

import time

import pytest

from shared.config import Config
from shared.errors import Retryable
from shared.kafka import KafkaLog, Reader
from shared.kafka_admin import Topics
from shared.topics import TENANT_STATE
from shared.wire import Message

pytestmark = pytest.mark.kafka


def test_a_few_records_are_read_without_waiting_for_many(config: Config) -> None:
    with Topics(config) as topics:
        topics.create()
    out = KafkaLog(config)
    out.publish([Message(TENANT_STATE, 1, f"tenant-{number}", b"{}") for number in range(3)])
    out.close()
    with Reader(config) as reader:
        began = time.monotonic()
        read = list(reader.read(TENANT_STATE, 1))
        took = time.monotonic() - began
    assert [record.key for record in read] == ["tenant-0", "tenant-1", "tenant-2"]
    assert took < 10


def test_a_look_at_the_end_does_not_wait_for_a_fetch_that_has_nothing_to_bring(config: Config) -> None:
    """
    Five tenants of one publisher took minutes to send their first snapshots: each looks at the end of their lane again
    and again, and with the client's default most of these looks take half a second.
    """
    with Topics(config) as topics:
        topics.create()
    out = KafkaLog(config)
    out.publish([Message(TENANT_STATE, 1, "tenant", b"{}")])
    out.close()
    answered = 0
    with Reader(config) as reader:
        for _ in range(20):
            assert len(list(reader.read(TENANT_STATE, 1))) == 1
            try:
                answered += reader.edges(TENANT_STATE, 1, seconds=0.25) == (0, 1)
            except Retryable:
                continue
    assert answered >= 15
