"""
Whose body is worked at. What one is unpacked into takes memory, so few are worked at together; the others wait.

A school has one body at a time. Of those who wait, the one comes first whose school had its last turn longest ago, so
nobody waits for another school twice; and what is small has one more place, so that large ones do not keep it out.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

LARGE = 2  # at once, of any size
SMALL = 1  # more, of what is small
SMALL_BYTES = 4 * 1024 * 1024  # some 10,000 students


@dataclass(eq=False)
class Turn:
    """``given`` is done when it has come."""

    school: str
    is_small: bool
    given: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    leave: Callable[[], None] | None = None

    def give_up(self, why: Exception) -> None:
        """It has not come, and is not waited for any more."""
        if not self.given.done():
            self.given.set_exception(why)


class Turns:
    def __init__(self, large: int = LARGE, small: int = SMALL) -> None:
        self._free = {False: large, True: small}  # by whether a place is for what is small
        self._waiting: list[Turn] = []
        self._last: dict[str, int] = {}  # the number of each school's last turn
        self._count = 0

    def ask(self, school: str, size: int) -> Turn:
        """It must be ended, whatever comes of it."""
        turn = Turn(school, size <= SMALL_BYTES)
        self._waiting.append(turn)
        self._give()
        return turn

    def end(self, turn: Turn) -> None:
        """Twice does no harm."""
        if turn in self._waiting:
            self._waiting.remove(turn)
        if turn.leave is not None:
            turn.leave()
            turn.leave = None
        self._give()

    def _give(self) -> None:
        for turn in sorted(self._waiting, key=lambda one: self._last.get(one.school, 0)):
            place = turn.is_small and self._free[True] > 0
            if turn.given.done() or not self._free[place]:
                continue
            self._take(turn, place)

    def _take(self, turn: Turn, place: bool) -> None:
        def leave() -> None:
            self._free[place] += 1

        self._free[place] -= 1
        self._count += 1
        self._last[turn.school] = self._count
        self._waiting.remove(turn)
        turn.leave = leave
        turn.given.set_result(None)
