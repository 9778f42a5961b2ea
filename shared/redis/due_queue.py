"""
The due-queue with leases, on Redis: for sweeps and for snapshots.

One sorted set of members by the time they come due; a claim moves its member to the end of its lease, so that a dead
worker's members come due again by themselves. All keys carry one tag: a script can hold them in Redis Cluster.

Times in the set are Redis's own, since no worker's clock is believed alone: a worker says what time it is where it is,
and what is kept is the difference. So a clock that is a day ahead takes nobody's lease, and keeps no school waiting.
"""

import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any

from shared.ports import Claim
from shared.redis.client import Client, away_is_retryable

# KEYS: due (member -> time), leases (member -> token), notes (member -> note), wishes (member -> earlier time), again
# (members whose note was given during the lease that they are under). ARGV: the worker's time, and a test's own time
# instead of Redis's or nothing; then each script's own. ``here`` makes a worker's time one of Redis's.
_TIMES = """
local function redis_now()
  if ARGV[2] ~= '' then return tonumber(ARGV[2]) end
  local clock = redis.call('TIME')
  return tonumber(clock[1]) + tonumber(clock[2]) / 1000000
end
local now = redis_now()
local function here(at) return string.format('%.6f', tonumber(at) + now - tonumber(ARGV[1])) end
"""
_ENSURE = """
for i = 3, #ARGV, 2 do redis.call('ZADD', KEYS[1], 'NX', here(ARGV[i + 1]), ARGV[i]) end
"""
_CLAIM = """
local found = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('%.6f', now), 'LIMIT', 0, 1)
if #found == 0 then return false end
local member = found[1]
redis.call('ZADD', KEYS[1], here(ARGV[3]), member)
redis.call('HSET', KEYS[2], member, ARGV[4])
redis.call('HDEL', KEYS[4], member)
redis.call('HDEL', KEYS[5], member)
return {member, redis.call('HGET', KEYS[3], member) or ''}
"""
_RENEW = """
if redis.call('HGET', KEYS[2], ARGV[3]) ~= ARGV[4] then return 0 end
redis.call('ZADD', KEYS[1], 'XX', here(ARGV[5]), ARGV[3])
return 1
"""
_FINISH = """
if redis.call('HGET', KEYS[2], ARGV[3]) ~= ARGV[4] then return 0 end
redis.call('HDEL', KEYS[2], ARGV[3])
local again = redis.call('HDEL', KEYS[5], ARGV[3]) == 1
if ARGV[6] == '1' and not again and redis.call('HGET', KEYS[3], ARGV[3]) == ARGV[7] then
  redis.call('HDEL', KEYS[3], ARGV[3])
end
local at = here(ARGV[5])
local wish = redis.call('HGET', KEYS[4], ARGV[3])
if wish then
  redis.call('HDEL', KEYS[4], ARGV[3])
  if tonumber(wish) < tonumber(at) then at = wish end
end
redis.call('ZADD', KEYS[1], 'XX', at, ARGV[3])
return 1
"""
_HASTEN = """
if ARGV[5] ~= '' then redis.call('HSET', KEYS[3], ARGV[3], ARGV[5]) end
local wanted = here(ARGV[4])
local at = redis.call('ZSCORE', KEYS[1], ARGV[3])
if at and redis.call('HEXISTS', KEYS[2], ARGV[3]) == 1 then
  local wish = redis.call('HGET', KEYS[4], ARGV[3])
  if not wish or tonumber(wish) > tonumber(wanted) then redis.call('HSET', KEYS[4], ARGV[3], wanted) end
  if ARGV[5] ~= '' then redis.call('HSET', KEYS[5], ARGV[3], '1') end
  return
end
if not at or tonumber(at) > tonumber(wanted) then redis.call('ZADD', KEYS[1], wanted, ARGV[3]) end
"""
_REMOVE = """
redis.call('ZREM', KEYS[1], ARGV[3])
for k = 2, 5 do redis.call('HDEL', KEYS[k], ARGV[3]) end
"""
# What is due, and the time at which that was so.
_LOOK = """
return {string.format('%.6f', now), redis.call('ZRANGE', KEYS[1], 0, tonumber(ARGV[3]), 'WITHSCORES')}
"""
_LOOK_AT = """
return {string.format('%.6f', now), redis.call('ZSCORE', KEYS[1], ARGV[3]), redis.call('HEXISTS', KEYS[2], ARGV[3])}
"""


class RedisDueQueue:
    """
    ``shared.ports.DueQueue`` on a real Redis. ``clock`` gives the worker's own time, in which times are given and told;
    ``redis_time`` is for tests that move both.
    """

    def __init__(
        self,
        client: Client,
        prefix: str,
        name: str,
        clock: Callable[[], float] = time.time,
        redis_time: Callable[[], float] | None = None,
    ) -> None:
        self._client: Any = client
        self._clock = clock
        self._redis_time = redis_time
        self._keys = [f"{prefix}{{due-{name}}}:{part}" for part in ("due", "leases", "notes", "wishes", "again")]
        self._scripts = {
            script: client.register_script(_TIMES + script)
            for script in (_ENSURE, _CLAIM, _RENEW, _FINISH, _HASTEN, _REMOVE, _LOOK, _LOOK_AT)
        }

    def _run(self, script: str, *args: str, now: float | None = None) -> Any:
        """``now``: what time it is where the worker is, if its own clock is another than the queue's."""
        redis_time = "" if self._redis_time is None else repr(self._redis_time())
        told = repr(self._clock() if now is None else now)
        with away_is_retryable():
            return self._scripts[script](keys=self._keys, args=[told, redis_time, *args])

    def ensure(self, members: Mapping[str, float]) -> None:
        if members:
            self._run(_ENSURE, *(word for member, at in members.items() for word in (member, repr(at))))

    def remove(self, member: str) -> None:
        self._run(_REMOVE, member)

    def members(self) -> dict[str, float]:
        """Who is in the queue, and when each comes due."""
        return self._first(-1)

    def look(self, member: str) -> tuple[float | None, bool]:
        """When a member comes due (None: it is not in the queue), and whether a worker has it now."""
        now, at, is_claimed = self._run(_LOOK_AT, member)
        return None if at is None else self._mine(at, now), bool(is_claimed)

    def hasten(self, member: str, at: float, note: str = "") -> None:
        self._run(_HASTEN, member, repr(at), note)

    def claim(self, now: float, lease_seconds: float) -> Claim | None:
        token = secrets.token_hex(16)
        found = self._run(_CLAIM, repr(now + lease_seconds), token, now=now)
        return None if found is None else Claim(found[0].decode(), token, found[1].decode())

    def renew(self, claim: Claim, now: float, lease_seconds: float) -> bool:
        return bool(self._run(_RENEW, claim.member, claim.token, repr(now + lease_seconds), now=now))

    def finish(self, claim: Claim, next_at: float, *, fulfilled: bool) -> bool:
        args = (claim.member, claim.token, repr(next_at), "1" if fulfilled else "0", claim.note)
        return bool(self._run(_FINISH, *args))

    def next_at(self) -> float | None:
        return min(self._first(0).values(), default=None)

    def _first(self, last: int) -> dict[str, float]:
        """Those up to the place ``last``, in the order in which they come due; -1: all of them."""
        now, found = self._run(_LOOK, str(last))
        return {member.decode(): self._mine(at, now) for member, at in zip(found[::2], found[1::2], strict=True)}

    def _mine(self, at: bytes, now: bytes) -> float:
        """One of Redis's times, as the worker's clock has it. ``now``: of Redis, at this moment."""
        return round(float(at) + self._clock() - float(now), 6)
