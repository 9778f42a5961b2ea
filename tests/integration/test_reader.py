"""A stretch of a topic, read outside any consumer group, from a real Kafka."""

import threading
from typing import Any

import pytest

from shared.config.settings import Config
from shared.contract.codec import Message
from shared.contract.topics import TENANT_STATE
from shared.errors import Retryable
from shared.kafka.client import KafkaLog, Reader
from tests.conftest import create_topics

pytestmark = pytest.mark.kafka


class Client:
    """The real one, and how long it was asked to wait for a full batch."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.waits: list[float] = []

    def consume(self, count: int, seconds: float) -> Any:
        self.waits.append(seconds)
        return self._client.consume(count, seconds)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


def test_a_few_records_are_read_without_waiting_for_many(config: Config) -> None:
    create_topics(config)
    out = KafkaLog(config)
    out.publish([Message(TENANT_STATE, 1, f"tenant-{number}", b"{}") for number in range(3)])
    out.close()
    with Reader(config) as reader:
        reader._consumer = client = Client(reader._client())
        read = list(reader.read(TENANT_STATE, 1))
    assert [record.key for record in read] == ["tenant-0", "tenant-1", "tenant-2"]
    assert max(client.waits) < 1


def test_a_reader_closed_while_another_thread_asks_ends_for_both(config: Config) -> None:
    """Fails when the client is closed under a question: neither thread comes back, and a service never ends."""
    create_topics(config)
    reader, asked, ended = Reader(config), threading.Event(), threading.Event()

    def ask() -> None:
        try:
            while True:
                reader.edges(TENANT_STATE, 0)
                asked.set()
        except Retryable:
            ended.set()

    threading.Thread(target=ask, daemon=True).start()
    assert asked.wait(60)
    closing = threading.Thread(target=reader.close, daemon=True)
    closing.start()
    closing.join(60)
    assert ended.wait(60)
    assert not closing.is_alive()
    reader.close()
