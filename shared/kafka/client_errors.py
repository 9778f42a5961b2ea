"""What the Kafka clients of a process say by the way: every one has an ear, and what it hears is not lost."""

import threading
import time
from collections.abc import Callable
from functools import cache
from typing import Any

from shared.config.settings import Config
from shared.kafka.error_words import DENIED

FRESH_SECONDS = 60.0  # an error explains a silence for so long
AGAIN_SECONDS = 600.0  # what is unusual is told once in so long
USUAL = (  # of the road and of rights, which are looked into; and no error at all
    *("_TRANSPORT", "_ALL_BROKERS_DOWN", "_RESOLVE", "_AUTHENTICATION"),
    *("_SSL", "_TIMED_OUT", "_PARTITION_EOF", "_DESTROY_BROKER"),
    *DENIED,
)


class Ear:
    """An ``error_cb``. Several clients' threads may speak at once."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last: tuple[float, Any] | None = None
        self._unusual: dict[str, str] = {}  # by name, heard and not told yet
        self._told_at: dict[str, float] = {}
        self.news = threading.Event()  # set by whatever is heard, cleared by who looks into it

    def __call__(self, error: Any) -> None:
        if error.name() != "_ALL_BROKERS_DOWN" or self._last is None:  # that one says nothing of the reason
            self._last = self._clock(), error
        if error.name() not in USUAL:
            self._unusual[error.name()] = error.str()
        self.news.set()

    def unusual(self) -> list[str]:
        """What was heard since the last time and nobody else looks into: each kind once in a while."""
        now, heard, self._unusual = self._clock(), self._unusual, {}
        news = [code for code in heard if now - self._told_at.get(code, -AGAIN_SECONDS) >= AGAIN_SECONDS]
        self._told_at |= dict.fromkeys(news, now)
        return [heard[code] for code in news]

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
