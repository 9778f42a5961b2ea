"""
Reading what changes slowly, each area with a permission and a pace of its own.

An area that fails degrades itself alone: what it last said goes on being said, and a line in the log tells why.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from services.fetcher import schedule
from services.fetcher.memory import AreaState, Remembered
from services.fetcher.source import Source
from services.fetcher.structure import SchoolLists, TeachingLists
from shared.clock import Clock, write
from shared.errors import RollcallError
from shared.model import Frozen
from shared.wire import encode

log = logging.getLogger("rollcall.fetcher")

STATUSES = "statuses"
STRUCTURE = "structure"
SETS = "sets"
AREAS = (STATUSES, STRUCTURE, SETS)

_T = TypeVar("_T", bound=Frozen)


class StatusWords(Frozen):
    words: dict[str, int] = {}


@dataclass(frozen=True)
class AreasRead:
    """
    What each area says, now or at its last reading; None: it was never read. ``fresh`` are those read whole just now.
    """

    statuses: StatusWords | None
    structure: SchoolLists | None
    sets: TeachingLists | None
    states: Mapping[str, AreaState]
    fresh: Mapping[str, bytes]

    @property
    def read_at(self) -> str:
        """When the newest of what makes the structure was read."""
        return max(self.states.get(name, AreaState()).read_at for name in (STRUCTURE, SETS))


async def read_areas(
    school: str, source: Source, known: Remembered, due: Sequence[str], hours: float, clock: Clock
) -> AreasRead:
    """Read the areas that are due; take the others, and those that fail, from memory. Raises: nothing of its own."""
    readers: dict[str, Callable[[], Awaitable[Frozen]]] = {
        STATUSES: lambda: _statuses(source),
        STRUCTURE: source.school_lists,
        SETS: source.teaching_lists,
    }
    states = dict(known.state.areas)
    fresh: dict[str, Frozen] = {}
    for name in due:
        state = states.get(name, AreaState())
        started = clock()
        try:
            fresh[name] = await readers[name]()
        except RollcallError as error:
            states[name] = schedule.area_failed(state, clock(), str(error), hours)
            if not state.trouble:
                log.warning("%s: %s cannot be read and stays as it was: %s", school, name, error)
            continue
        states[name] = schedule.area_read(state, write(started))
        if state.trouble:
            log.info("%s: %s can be read again", school, name)
    return AreasRead(
        _or_known(fresh, known, STATUSES, StatusWords),
        _or_known(fresh, known, STRUCTURE, SchoolLists),
        _or_known(fresh, known, SETS, TeachingLists),
        states,
        {name: encode(value) for name, value in fresh.items()},
    )


def certified(areas: AreasRead, now: datetime, hours: float) -> dict[str, AreaState]:
    """The areas' states after a certified sweep: what was read in it rests until it is due again."""
    return dict(areas.states) | {name: schedule.area_certified(areas.states[name], now, hours) for name in areas.fresh}


async def _statuses(source: Source) -> StatusWords:
    return StatusWords(words=dict(sorted((await source.status_words()).items())))


def _or_known(fresh: Mapping[str, Frozen], known: Remembered, name: str, type: type[_T]) -> _T | None:
    value = fresh.get(name)
    return value if isinstance(value, type) else known.area(name, type)
