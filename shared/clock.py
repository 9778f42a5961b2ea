"""Times as they travel: RFC 3339 in UTC with milliseconds, always of one shape, so that they sort as text."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def utc_now() -> datetime:
    """The clock of production; tests pass another."""
    return datetime.now(UTC)


def write(moment: datetime) -> str:
    """``2026-11-22T14:05:09.123Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def now() -> str:
    return write(utc_now())


def parse(text: str) -> datetime:
    """Raises: ValueError for what is not RFC 3339 with a zone."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone; write it as 2026-11-22T14:05:09.123Z")
    return moment


def millis(text: str) -> int:
    """A time as it travels, as whole milliseconds since 1970. Raises: ValueError as ``parse`` does."""
    return (parse(text) - _EPOCH) // _MILLISECOND


def of_millis(moment: int) -> str:
    """``millis`` the other way round."""
    return write(_EPOCH + moment * _MILLISECOND)


def minutes_between(earlier: str, later: str) -> float:
    return (parse(later) - parse(earlier)).total_seconds() / 60
