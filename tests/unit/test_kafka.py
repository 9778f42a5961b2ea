"""What a reader does when Kafka is away in the middle of a question."""

from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from shared import kafka
from shared.config import Config
from shared.errors import Retryable
from shared.kafka import Reader


class Away:
    """Has no leader for a partition, and then is not there to be asked who leads it now."""

    def __init__(self, settings: Any) -> None:
        self.settings = settings
        self.asked: list[str] = []

    def get_watermark_offsets(self, place: Any, timeout: float) -> tuple[int, int]:
        self.asked.append("edges")
        raise KafkaException(KafkaError(KafkaError.LEADER_NOT_AVAILABLE))

    def list_topics(self, topic: str, timeout: float) -> None:
        self.asked.append("leaders")
        raise KafkaException(KafkaError(KafkaError._TRANSPORT))


def test_a_kafka_that_goes_while_a_leader_is_looked_for_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails when only the first question is guarded: a service took a restart of Kafka for a bug of its own."""
    monkeypatch.setattr(kafka, "Consumer", Away)
    reader = Reader(Config())
    with pytest.raises(Retryable, match="Kafka"):
        reader.edges("account-state", 0)
    assert reader._consumer.asked == ["edges", "leaders"]


def test_a_question_does_not_wait_long_behind_a_fetch_that_has_nothing_to_bring(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """
    The broker answers one after the other, and a fetch at a topic's end after half a second by default: five tenants of
    one publisher took minutes to send their first snapshots, as each looks at the end of their lane again and again.
    """
    monkeypatch.setattr(kafka, "Consumer", Away)
    assert Reader(Config())._consumer.settings["fetch.wait.max.ms"] <= 50
