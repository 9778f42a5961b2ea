"""Waiting for something that must come, with a limit and with the name of who is late."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from services.sandbox.demo.plan import DemoFailed

LOOK_SECONDS = 0.05

T = TypeVar("T")


class Patience:
    """``checks`` run at every look: they raise when waiting has become pointless, or show how far things are."""

    def __init__(self, *checks: Callable[[], None]) -> None:
        self._checks: Sequence[Callable[[], None]] = checks

    def until(
        self,
        found: Callable[[], T | None],
        seconds: float,
        what: str,
        late: Callable[[], tuple[str, Path]] | None = None,
    ) -> T:
        """
        The first answer of ``found`` that is neither None nor false. ``late`` names who has not done their part, and
        their log. Raises: DemoFailed.
        """
        deadline = time.monotonic() + seconds
        while not (answer := found()):
            for check in self._checks:
                check()
            if time.monotonic() > deadline:
                who, log = late() if late else ("", None)
                raise DemoFailed(f"{what}: not within {seconds:.0f} s" + (f"; waiting for {who}" if who else ""), log)
            time.sleep(LOOK_SECONDS)
        return answer
