"""What is away, told once."""

import logging
import time
from collections.abc import Callable

from shared.errors import Retryable

FORGET_SECONDS = 600.0  # who is heard of no more: another process may have taken it over


class Outage:
    """
    Told when the first has to wait, not at each try nor for each who waits; and when nobody waits any more, since one
    that needs nothing of what is away may go on all the time.
    """

    def __init__(self, log: logging.Logger, away: str, back: str, ticks: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._away = away
        self._back = back
        self._ticks = ticks
        self._failures: dict[str, tuple[int, float]] = {}  # of each that waits: how often, and when the last was

    def waits(self, who: str, trouble: Retryable) -> int:
        """Returns how often this one has failed in a row."""
        now = self._ticks()
        self._failures = {one: kept for one, kept in self._failures.items() if now - kept[1] < FORGET_SECONDS}
        if not self._failures:
            self._log.warning("%s: %s", self._away, trouble)
        failures = self._failures.get(who, (0, now))[0] + 1
        self._failures[who] = failures, now
        return failures

    def goes_on(self, who: str) -> None:
        if self._failures.pop(who, None) is not None and not self._failures:
            self._log.warning("%s", self._back)
