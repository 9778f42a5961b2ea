"""
The ways to fail, told apart by what would help.

RollcallError
  Retryable    time may help: time-out, 429, 5xx, broker away   wait with jitter, same position; nothing is skipped
  Poison       nothing will: bad JSON, schema, unknown type     <topic>-dlq with the reason; the lane goes on
  Hold         sound but unsafe: half a school has gone         an event; a person releases or refuses it
  ConfigError  the configuration is wrong                       nothing starts; the file, the key and the fix are named

Anything else is a bug: the service stops without moving its position.
"""


class RollcallError(Exception):
    """The root of what Rollcall raises on purpose."""


class Retryable(RollcallError):
    """Time may help. ``retry_after`` is the other side's own wish, in seconds, where it gave one."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Poison(RollcallError):
    """No retry will help this one record; the rest of its lane is fine."""


class Hold(RollcallError):
    """Well formed but unsafe; a person must say yes."""


class ConfigError(RollcallError):
    """The configuration is refused; the message lists every fault, each with file, key and fix."""


class PositionMoved(RollcallError):
    """Another owner has moved this lane; what was read is out of date, so nothing may be decided from it."""
