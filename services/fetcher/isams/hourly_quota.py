"""
What one iSAMS was asked in the last hour, counted by all fetchers together: its ceiling is the host's, not a process'.

Hours are counted in whole minutes, the one that has half gone included, so that no hour sees more than the ceiling.
"""

from collections.abc import Callable
from hashlib import blake2b
from typing import Any, Protocol

from shared.redis.client import Client, away_is_retryable

MINUTES = 60  # the running one and so many before it are an hour at least

# KEYS: minute -> requests, and "quiet" -> when the host may be asked again. ARGV: the ceiling. Redis' own clock counts,
# since those of the fetchers may differ. Answers: milliseconds to wait (0: one more was counted), requests counted.
_TAKE = """
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
local minute = math.floor(now / 60)
local used, oldest, quiet = 0, minute, 0
local all = redis.call('HGETALL', KEYS[1])
for n = 1, #all, 2 do
  if all[n] == 'quiet' then
    quiet = tonumber(all[n + 1])
  elseif tonumber(all[n]) < minute - tonumber(ARGV[2]) then
    redis.call('HDEL', KEYS[1], all[n])
  else
    used = used + tonumber(all[n + 1])
    oldest = math.min(oldest, tonumber(all[n]))
  end
end
local wait = quiet - now
if used >= tonumber(ARGV[1]) then wait = math.max(wait, (oldest + tonumber(ARGV[2]) + 1) * 60 - now) end
if wait > 0 then return {math.ceil(wait * 1000), used} end
redis.call('HINCRBY', KEYS[1], minute, 1)
redis.call('EXPIRE', KEYS[1], 7200)
return {0, used + 1}
"""
_QUIET = """
local clock = redis.call('TIME')
local till = tonumber(clock[1]) + tonumber(clock[2]) / 1000000 + tonumber(ARGV[1])
local known = tonumber(redis.call('HGET', KEYS[1], 'quiet') or '0')
if till > known then redis.call('HSET', KEYS[1], 'quiet', string.format('%.6f', till)) end
redis.call('EXPIRE', KEYS[1], 7200)
"""


class Allowance(Protocol):
    """One host's. Both calls block, and raise Retryable when the count cannot be had."""

    def take(self, per_hour: int) -> tuple[float, int]:
        """Count one more request, if there is room: seconds to wait (0: it was counted), and how many are counted."""

    def quiet(self, seconds: float) -> None:
        """The host asked for rest: nobody asks it anything before."""


class RedisAllowance:
    """``Allowance`` on a real Redis. ``host``: the address that a school handed over."""

    def __init__(self, client: Client, prefix: str, host: str) -> None:
        name = blake2b(host.encode(), digest_size=12).hexdigest()
        self._key = f"{prefix}fetcher:hour:{name}"
        self._take: Any = client.register_script(_TAKE)
        self._quiet: Any = client.register_script(_QUIET)

    def take(self, per_hour: int) -> tuple[float, int]:
        with away_is_retryable():
            milliseconds, used = self._take(keys=[self._key], args=[per_hour, MINUTES])
        return milliseconds / 1000, int(used)

    def quiet(self, seconds: float) -> None:
        with away_is_retryable():
            self._quiet(keys=[self._key], args=[repr(seconds)])


class MemoryAllowance:
    """Several fetchers of one process, for fast tests. ``clock``: Unix seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._minutes: dict[int, int] = {}
        self._quiet_until = 0.0

    def take(self, per_hour: int) -> tuple[float, int]:
        now = self._clock()
        minute = int(now // 60)
        self._minutes = {one: count for one, count in self._minutes.items() if one >= minute - MINUTES}
        used = sum(self._minutes.values())
        wait = self._quiet_until - now
        if used >= per_hour:
            wait = max(wait, (min(self._minutes, default=minute) + MINUTES + 1) * 60 - now)
        if wait > 0:
            return wait, used
        self._minutes[minute] = self._minutes.get(minute, 0) + 1
        return 0.0, used + 1

    def quiet(self, seconds: float) -> None:
        self._quiet_until = max(self._quiet_until, self._clock() + seconds)
