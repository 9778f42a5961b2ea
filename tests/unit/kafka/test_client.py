"""What a reader does when Kafka is away in the middle of a question."""

from typing import Any

import pytest
from confluent_kafka import (
    TIMESTAMP_CREATE_TIME,
    TIMESTAMP_LOG_APPEND_TIME,
    TIMESTAMP_NOT_AVAILABLE,
    KafkaError,
    KafkaException,
)

from shared.config.settings import Config
from shared.contract.topics import TOPICS
from shared.errors import Retryable
from shared.kafka import client
from shared.kafka.admin import wanted_topics
from shared.kafka.client import Reader, to_record


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
    monkeypatch.setattr(client, "Consumer", Away)
    reader = Reader(Config())
    with pytest.raises(Retryable, match="Kafka"):
        reader.edges("account-state", 0)
    assert reader._consumer.asked == ["edges", "leaders"]


class Decommissioned(Away):
    """Lets go of the connection by which it was asked, twice; then it answers."""

    def _is_let_go(self, what: str) -> None:
        self.asked.append(what)
        if self.asked.count(what) == 1:
            raise KafkaException(KafkaError(KafkaError._DESTROY_BROKER))

    def get_watermark_offsets(self, place: Any, timeout: float) -> tuple[int, int]:
        self._is_let_go("edges")
        return 3, 14

    def list_topics(self, topic: str, timeout: float) -> None:
        self._is_let_go("leaders")


def test_a_question_whose_connection_is_let_go_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails when it is told as Kafka being away: a client swaps the address that it was given for those it learns."""
    monkeypatch.setattr(client, "Consumer", Decommissioned)
    reader = Reader(Config())
    assert reader.edges("account-state", 0) == (3, 14)
    assert reader._consumer.asked == ["edges", "leaders", "edges"]


def test_a_question_does_not_wait_long_behind_a_fetch_that_has_nothing_to_bring(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """
    The broker answers one after the other, and a fetch at a topic's end after half a second by default: five tenants of
    one publisher took minutes to send their first snapshots, as each looks at the end of their lane again and again.
    """
    monkeypatch.setattr(client, "Consumer", Away)
    assert Reader(Config())._client().settings["fetch.wait.max.ms"] <= 50


class Taken:
    """A client's message, with the time that the broker gave it or kept of its producer."""

    def __init__(self, whose: int) -> None:
        self._whose = whose

    def leader_epoch(self) -> int | None:
        return 7

    def timestamp(self) -> tuple[int, int]:
        return self._whose, 1_795_420_800_123

    def topic(self) -> str:
        return "students-fetched"

    def key(self) -> bytes:
        return b"abbey"

    def value(self) -> bytes:
        return b"{}"

    def partition(self) -> int:
        return 3

    def offset(self) -> int:
        return 7

    def headers(self) -> list[tuple[str, bytes]]:
        return []


@pytest.mark.parametrize(
    ("whose", "appended"),
    [
        pytest.param(TIMESTAMP_LOG_APPEND_TIME, 1_795_420_800_123, id="the broker's own word"),
        pytest.param(TIMESTAMP_CREATE_TIME, None, id="a producer's clock is nobody's"),
        pytest.param(TIMESTAMP_NOT_AVAILABLE, None, id="none"),
    ],
)
def test_a_record_bears_the_brokers_time_and_no_producers(whose: int, appended: int | None) -> None:
    record = to_record(Taken(whose), base=100)
    assert (record.appended, record.offset) == (appended, 107)
    assert record.at_offset(9).appended == appended


def test_every_topic_bears_the_brokers_time() -> None:
    """Fails when a topic, or its dead letters, would keep its producers' clocks: retention counts by them, too."""
    wanted = wanted_topics(Config())
    assert len(wanted) == 2 * len(TOPICS)
    assert {one.settings.get("message.timestamp.type") for one in wanted} == {"LogAppendTime"}


def test_a_reader_that_is_asked_nothing_opens_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Any] = []
    monkeypatch.setattr(client, "Consumer", opened.append)
    reader = Reader(Config())
    reader.close()
    assert opened == []
    with pytest.raises(Retryable, match="closed"):
        reader.edges("account-state", 0)
    assert opened == []
