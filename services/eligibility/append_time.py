"""
A sender's times beside the broker's: pure. No clock is believed alone.

Nothing can be read, opened or closed after Kafka took the record that says so. A time that is more than a few minutes
later is one of a clock that is ahead, and the record's append time stands in its place. A close is told at once, so
that its time is measured in the other direction too; a reading may be old, as one that is replayed is, and whoever
compares readings passes an older one over.

All of it comes from the record alone: whoever judges it again says the same. Where the append time is not known
(``Record.appended``), a time is taken as it was said.
"""

from functools import lru_cache
from typing import Any

import msgspec

from shared import clock
from shared.contract.events import SweepCompleted, SweepFailed, SweepStarted
from shared.contract.model import Frozen

MOST_MINUTES = 5  # between two clocks that agree: a reading waits for its page, a close for its acknowledgement
_MOST_MS = MOST_MINUTES * 60_000

_millis = lru_cache(maxsize=4096)(clock.millis)  # people of one page were read at one moment
_text = lru_cache(maxsize=4096)(clock.of_millis)  # and taken in one batch


def not_later(said: str, appended: int | None) -> str:
    """The time of a reading, or of whatever may be old. Raises: ValueError for what is no time."""
    if appended is None or _millis(said) - appended <= _MOST_MS:
        return said
    return _text(appended)


def measured(said: str, appended: int | None) -> str:
    """The time of what was told as it happened. Raises: ValueError for what is no time."""
    return _text(appended) if appended is not None and minutes_off(said, appended) else said


def minutes_off(said: str, appended: int | None) -> int:
    """
    By how many minutes the sender's clock is ahead of the broker's, below zero behind it; 0 where they agree, within
    ``MOST_MINUTES``. Raises: ValueError for what is no time.
    """
    moment = _millis(said)
    off = 0 if appended is None else moment - appended
    return round(off / 60_000) if abs(off) > _MOST_MS else 0


def timed(event: Frozen, appended: int | None) -> Frozen:
    """
    A sweep's event with the times that are believed; any other as it is. How far the clock was off is told at the end
    of a sweep alone: before its opening stands whatever time the first page took.

    Raises: ValueError for what is no time.
    """
    match event:
        case SweepStarted():
            _millis(event.started_at)
            return _with(event, started_at=measured(event.started_at, appended))
        case SweepCompleted():
            return _with(
                event,
                completed_at=measured(event.completed_at, appended),
                **_ended(event, event.completed_at, appended),
            )
        case SweepFailed():
            return _with(
                event, failed_at=measured(event.failed_at, appended), **_ended(event, event.failed_at, appended)
            )
        case _:
            return event


def _ended(event: SweepCompleted | SweepFailed, said: str, appended: int | None) -> dict[str, Any]:
    """A clock that is off at a sweep's end was so at its beginning: the sweep lasted as long as it says."""
    started, off = _millis(event.started_at), minutes_off(said, appended)
    if appended is None or not off:
        return {"started_at": event.started_at, "clock_minutes": 0}
    return {"started_at": _text(started + appended - _millis(said)), "clock_minutes": off}


def _with(event: Frozen, **fields: Any) -> Frozen:
    """The very event where nothing differs, so that its bytes can go on as they came."""
    same = all(getattr(event, name) == value for name, value in fields.items())
    return event if same else msgspec.structs.replace(event, **fields)
