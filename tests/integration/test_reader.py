"""A stretch of a topic, read outside any consumer group, from a real Kafka."""

import time

import pytest

from shared.config import Config
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
