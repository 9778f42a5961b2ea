"""
The due-queue with leases, on Redis: for sweeps and for snapshots.

One sorted set of members by the time they come due; a claim moves its member to the end of its lease, so that a dead
worker's members come due again by themselves. All keys carry one tag: a script can hold them in Redis Cluster.
"""

import secrets
from collections.abc import Mapping
from typing import Any

from shared.ports import Claim
from shared.redis import Client, away_is_retryable

# KEYS: due (member -> time), leases (member -> token), notes (member -> note), wishes (member -> earlier time), again
# (members whose note was given during the lease that they are under).
_CLAIM = """
local found = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, 1)
if #found == 0 then return false end
local member = found[1]
redis.call('ZADD', KEYS[1], ARGV[2], member)
redis.call('HSET', KEYS[2], member, ARGV[3])
redis.call('HDEL', KEYS[4], member)
redis.call('HDEL', KEYS[5], member)
return {member, redis.call('HGET', KEYS[3], member) or ''}
"""
_RENEW = """
if redis.call('HGET', KEYS[2], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('ZADD', KEYS[1], 'XX', ARGV[3], ARGV[1])
return 1
"""
_FINISH = """
if redis.call('HGET', KEYS[2], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HDEL', KEYS[2], ARGV[1])
local again = redis.call('HDEL', KEYS[5], ARGV[1]) == 1
if ARGV[4] == '1' and not again and redis.call('HGET', KEYS[3], ARGV[1]) == ARGV[5] then
  redis.call('HDEL', KEYS[3], ARGV[1])
end
local at = tonumber(ARGV[3])
local wish = redis.call('HGET', KEYS[4], ARGV[1])
if wish then
  redis.call('HDEL', KEYS[4], ARGV[1])
  at = math.min(at, tonumber(wish))
end
redis.call('ZADD', KEYS[1], 'XX', at, ARGV[1])
return 1
"""
_HASTEN = """
if ARGV[3] ~= '' then redis.call('HSET', KEYS[3], ARGV[1], ARGV[3]) end
local at = redis.call('ZSCORE', KEYS[1], ARGV[1])
if at and redis.call('HEXISTS', KEYS[2], ARGV[1]) == 1 then
  local wish = redis.call('HGET', KEYS[4], ARGV[1])
  if not wish or tonumber(wish) > tonumber(ARGV[2]) then redis.call('HSET', KEYS[4], ARGV[1], ARGV[2]) end
  if ARGV[3] ~= '' then redis.call('HSET', KEYS[5], ARGV[1], '1') end
  return
end
if not at or tonumber(at) > tonumber(ARGV[2]) then redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1]) end
"""
_REMOVE = """
redis.call('ZREM', KEYS[1], ARGV[1])
for k = 2, 5 do redis.call('HDEL', KEYS[k], ARGV[1]) end
"""


class RedisDueQueue:
    """``shared.ports.DueQueue`` on a real Redis."""

    def __init__(self, client: Client, prefix: str, name: str) -> None:
        self._client: Any = client
        self._keys = [f"{prefix}{{due-{name}}}:{part}" for part in ("due", "leases", "notes", "wishes", "again")]
        self._claim, self._renew, self._finish, self._hasten, self._remove = (
            client.register_script(script) for script in (_CLAIM, _RENEW, _FINISH, _HASTEN, _REMOVE)
        )

    def ensure(self, members: Mapping[str, float]) -> None:
        if members:
            with away_is_retryable():
                self._client.zadd(self._keys[0], dict(members), nx=True)

    def remove(self, member: str) -> None:
        with away_is_retryable():
            self._remove(keys=self._keys, args=[member])

    def members(self) -> dict[str, float]:
        """Who is in the queue, and when each comes due."""
        with away_is_retryable():
            return {member.decode(): at for member, at in self._client.zrange(self._keys[0], 0, -1, withscores=True)}

    def look(self, member: str) -> tuple[float | None, bool]:
        """When a member comes due (None: it is not in the queue), and whether a worker has it now."""
        with away_is_retryable(), self._client.pipeline(transaction=True) as pipe:
            pipe.zscore(self._keys[0], member)
            pipe.hexists(self._keys[1], member)
            at, is_claimed = pipe.execute()
        return at, bool(is_claimed)

    def hasten(self, member: str, at: float, note: str = "") -> None:
        with away_is_retryable():
            self._hasten(keys=self._keys, args=[member, repr(at), note])

    def claim(self, now: float, lease_seconds: float) -> Claim | None:
        token = secrets.token_hex(16)
        with away_is_retryable():
            found = self._claim(keys=self._keys, args=[repr(now), repr(now + lease_seconds), token])
        return None if found is None else Claim(found[0].decode(), token, found[1].decode())

    def renew(self, claim: Claim, now: float, lease_seconds: float) -> bool:
        with away_is_retryable():
            return bool(self._renew(keys=self._keys, args=[claim.member, claim.token, repr(now + lease_seconds)]))

    def finish(self, claim: Claim, next_at: float, *, fulfilled: bool) -> bool:
        args = [claim.member, claim.token, repr(next_at), "1" if fulfilled else "0", claim.note]
        with away_is_retryable():
            return bool(self._finish(keys=self._keys, args=args))

    def next_at(self) -> float | None:
        with away_is_retryable():
            first = self._client.zrange(self._keys[0], 0, 0, withscores=True)
        return float(first[0][1]) if first else None
