"""A change of what the cluster serves or allows is logged once, in both directions."""

import logging
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from shared.config.settings import Config, Kafka
from shared.errors import ConfigError, Retryable
from shared.kafka.client_errors import AGAIN_SECONDS, Ear, ear_of
from shared.kafka.consumer import Listening
from shared.kafka.watch import KafkaWatch

RIGHT = {"r": "reconciler: user x may not READ topic t; allow READ on topic t"}


class Cluster:
    """Answers, one after the other."""

    def __init__(self, *answers: dict[str, str] | Exception) -> None:
        self.answers = list(answers)

    def __call__(self) -> dict[str, str]:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def config() -> Config:
    return Config(kafka=Kafka(bootstrap_servers="watched:1"))


async def told(config: Config, caplog: pytest.LogCaptureFixture, *answers: dict[str, str] | Exception) -> list[str]:
    watch = KafkaWatch(config, ["reconciler"], Cluster(*answers))
    with caplog.at_level(logging.WARNING):
        for _ in answers:
            await watch.look()
    return caplog.messages


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        pytest.param(({}, {}), [], id="nothing is wrong"),
        pytest.param((RIGHT, RIGHT, RIGHT), [RIGHT["r"]], id="told once"),
        pytest.param((RIGHT, {}, {}), [RIGHT["r"], "over: reconciler: user x may not READ topic t"], id="over"),
        pytest.param((RIGHT, {}, RIGHT), [RIGHT["r"], "over: " + RIGHT["r"].partition(";")[0], RIGHT["r"]], id="again"),
        pytest.param((Retryable("away; see"), {}), ["away; see", "over: away"], id="away and back"),
        pytest.param(
            (RIGHT, Retryable("away; see"), RIGHT), [RIGHT["r"], "away; see", "over: away"], id="unknown meanwhile"
        ),
        pytest.param((ConfigError("ssl_ca_file"), ConfigError("ssl_ca_file")), ["ssl_ca_file"], id="misconfigured"),
    ],
)
async def test_each_change_is_told_once(
    config: Config, caplog: pytest.LogCaptureFixture, answers: tuple[Any, ...], said: list[str]
) -> None:
    assert await told(config, caplog, *answers) == said


async def test_what_nobody_looks_into_is_told_as_it_is(config: Config, caplog: pytest.LogCaptureFixture) -> None:
    ear_of(config)(KafkaError(KafkaError._MAX_POLL_EXCEEDED, "Application maximum poll interval exceeded"))
    ear_of(config)(KafkaError(KafkaError._TRANSPORT, "watched:1: Connection refused"))
    said = await told(config, caplog, {}, {})
    assert said == ["Kafka client: Application maximum poll interval exceeded"]


def test_the_unusual_is_told_again_after_a_while() -> None:
    now = [0.0]
    ear = Ear(lambda: now[0])
    error = KafkaError(KafkaError._FATAL, "fenced")
    ear(error)
    assert ear.unusual() == ["fenced"]
    ear(error)
    assert ear.unusual() == []
    now[0] = AGAIN_SECONDS
    ear(error)
    assert ear.unusual() == ["fenced"]


class Consumer:
    def __init__(self, *errors: KafkaError | None) -> None:
        self._errors = errors

    def consume(self, *, num_messages: int, timeout: float) -> list[Any]:
        class Message:
            def __init__(self, error: KafkaError | None) -> None:
                self.error = lambda: error

        return [Message(error) for error in self._errors]

    def seek(self, place: str) -> None:
        self.sought = place

    def close(self) -> None:
        self.is_closed = True


def test_a_consumers_errors_are_heard_and_all_else_goes_through() -> None:
    ear = Ear()
    client = Consumer(None, KafkaError(KafkaError.GROUP_AUTHORIZATION_FAILED))
    consumer = Listening(client, ear)
    assert len(consumer.consume(num_messages=2, timeout=0.1)) == 2
    assert ear.news.is_set()
    consumer.seek("there")
    assert client.sought == "there"


def test_a_closed_consumer_refuses_other_threads_and_asks_its_client_for_nothing() -> None:
    client = Consumer()
    consumer = Listening(client, Ear())
    consumer.close()
    assert client.is_closed
    with pytest.raises(KafkaException, match="closed"):
        consumer.seek("there")
    with pytest.raises(KafkaException, match="closed"):
        consumer.commit(offsets=[], asynchronous=True)
    assert not hasattr(client, "sought")
