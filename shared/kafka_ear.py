"""What the Kafka clients of a process say by the way: every one has an ear, and what it hears is not lost."""

import threading
import time
from collections.abc import Callable
from functools import cache
from typing import Any

from confluent_kafka import KafkaError

from shared.config import Config

FRESH_SECONDS = 60.0  # an error explains a silence for so long


class Ear:
    """An ``error_cb``. Several clients' threads may speak at once."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last: tuple[float, Any] | None = None
        self.news = threading.Event()  # set by whatever is heard, cleared by who looks into it

    def __call__(self, error: Any) -> None:
        if error.code() != KafkaError._ALL_BROKERS_DOWN or self._last is None:  # that one says nothing of the reason
            self._last = self._clock(), error
        self.news.set()

    def lately(self) -> Any:
        """The last error, if it is fresh; None."""
        last = self._last
        return last[1] if last is not None and self._clock() - last[0] < FRESH_SECONDS else None


@cache
def _ear(_servers: str, _user: str | None) -> Ear:
    return Ear()


def ear_of(config: Config) -> Ear:
    """One for all clients of a process that go to the same cluster as the same user."""
    return _ear(config.kafka.bootstrap_servers, config.kafka.sasl_username)
