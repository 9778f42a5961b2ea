"""A gateway without a right on any group follows its bodies all the same: it reads outside of every group."""

from typing import Any

import pytest
from confluent_kafka import KafkaError

from services.gateway.follow import Follower
from shared.config.settings import Config
from shared.errors import Retryable
from shared.kafka.consumer import Tail


class Fault:
    def __init__(self, code: int) -> None:
        self._error = KafkaError(code)

    def error(self) -> KafkaError:
        return self._error


class Consumer:
    def __init__(self, *messages: Any) -> None:
        self._messages = messages

    def consume(self, *_: Any) -> list[Any]:
        return list(self._messages)


@pytest.mark.parametrize(
    ("code", "is_trouble"),
    [(KafkaError.GROUP_AUTHORIZATION_FAILED, False), (KafkaError.TOPIC_AUTHORIZATION_FAILED, True)],
)
def test_only_a_topic_that_may_not_be_read_is_trouble(code: int, is_trouble: bool) -> None:
    nothing: Any = None
    follower = Follower(Config(), nothing)
    follower._tail = Tail(Config(), {})
    follower._tail._client = Consumer(Fault(code))
    if is_trouble:
        with pytest.raises(Retryable):
            follower._step()
    else:
        follower._step()
