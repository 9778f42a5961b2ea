"""What is due when: a full sweep, an area, the next sweep. Pure; times come in."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta, tzinfo

from services.fetcher.sweep.cache import AreaState, SchoolMemory
from shared.clock import parse

FIRST_RETRY_SECONDS = 15.0  # a hiccup is over sooner than the next poll
MOST_AHEAD = timedelta(hours=1)  # of what is remembered: a clock that was ahead must not keep a school waiting
LONGEST_RETRY_SECONDS = 900.0  # a school that is back is read again within a quarter of an hour


def full_because(
    state: SchoolMemory, now: datetime, *, version: str, hours: float, zone: tzinfo, year_start: tuple[int, int]
) -> str:
    """Why a full sweep is due, in words; empty when it is not."""
    if state.full_at is None or state.roll_hash is None:
        return "there was none yet"
    if state.settings_version != version:
        return "settings or rules have changed"
    last = parse(state.full_at)
    if last - now > MOST_AHEAD:
        return "the last one is of a time to come"
    if now - last >= timedelta(hours=hours):
        return f"the last one is {hours:g} hours old"
    then, today = last.astimezone(zone).date(), now.astimezone(zone).date()
    if academic_year(then, year_start) != academic_year(today, year_start):
        return "the academic year has begun"
    return ""


def academic_year(day: date, start: tuple[int, int]) -> int:
    """The calendar year in which the academic year of this day began."""
    return day.year if (day.month, day.day) >= start else day.year - 1


def areas_due(states: Mapping[str, AreaState], names: tuple[str, ...], now: datetime, *, full: bool) -> list[str]:
    """
    The areas to read in this sweep: those whose time has come, or that were last read at a time to come; all of them in
    a full one.
    """
    return [name for name in names if full or _is_due(states.get(name, AreaState()), now)]


def _is_due(state: AreaState, now: datetime) -> bool:
    if state.due_at <= now.timestamp():
        return True
    return bool(state.read_at) and parse(state.read_at) - now > MOST_AHEAD


def area_read(state: AreaState, read_at: str) -> AreaState:
    """An area after a reading. It stays due until a sweep with it was certified: see ``area_certified``."""
    return AreaState(due_at=state.due_at, read_at=read_at)


def area_due(state: AreaState) -> AreaState:
    """An area that is to be read in the next sweep."""
    return AreaState(read_at=state.read_at)


def area_certified(state: AreaState, now: datetime, hours: float) -> AreaState:
    return AreaState(due_at=now.timestamp() + hours * 3600, read_at=state.read_at)


def area_failed(state: AreaState, now: datetime, trouble: str, hours: float) -> AreaState:
    """Tried again after a while that doubles, and no later than it would be read anyway."""
    failures = state.failures + 1
    wait = min(60.0 * 2 ** min(failures - 1, 10), hours * 3600)
    return AreaState(due_at=now.timestamp() + wait, read_at=state.read_at, trouble=trouble, failures=failures)


def retry_seconds(failures: int, poll_seconds: float, retry_after: float | None, jitter: float) -> float:
    """
    How long a school rests after so many failures in a row (from 1): doubling from 15 s, or from its own pace where
    that is shorter. ``jitter``: 0 to 1, takes away up to half. What the school itself asked for is the least.
    """
    first = min(FIRST_RETRY_SECONDS, poll_seconds)
    wait = min(first * 2.0 ** min(failures - 1, 20), max(LONGEST_RETRY_SECONDS, poll_seconds))
    return max(wait * (1 - jitter / 2), retry_after or 0.0)
