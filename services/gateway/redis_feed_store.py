"""What the gateways remember, in Redis."""

import secrets
from collections.abc import Callable
from typing import Any

import msgspec

from services.gateway.feed_store import MOST_AHEAD_MS, Last, Lease, closed, reports_of, snapshot
from services.gateway.progress import Closed, Course, decided_at, later_than, sweeps_of
from shared.contract.codec import encode
from shared.contract.model import Kind
from shared.redis.client import Client, away_is_retryable
from shared.sweeps.failing import Failing, once_more

PROBE_SECONDS = 60  # that the trace of a look at the store stays
STATUS_SECONDS = 14 * 86_400  # as long as what was published is kept
MOST_PLACES = 5_000  # closes and snapshots of a school that are remembered: one in four minutes for so long

# KEYS: the lease, the last moment. ARGV: token, the lease's milliseconds, how far ahead the last moment may be, and a
# test's own time or nothing. Several gateways take turns: the time is Redis's, not that of whichever has the body.
# Returns the moment as text, since Lua's numbers are no 64-bit integers on their way out.
_OPEN = """
if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return false end
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
if ARGV[4] ~= '' then now = tonumber(ARGV[4]) end
local last = tonumber(redis.call('GET', KEYS[2]) or '0')
local moment = math.max(now, last + 1)
if last > now + tonumber(ARGV[3]) then moment = now end
local text = string.format('%.0f', moment)
redis.call('SET', KEYS[2], text)
return text
"""
_RENEW = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
"""
_CLOSE = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"
# KEYS: the lease, what is remembered, the status, what failed. ARGV: token, the new values of the next two, the
# status's seconds, and the last's new value or nothing.
_ACCEPT = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[2], ARGV[2])
redis.call('SET', KEYS[3], ARGV[3], 'EX', ARGV[4])
redis.call('DEL', KEYS[4])
if ARGV[5] ~= '' then redis.call('SET', KEYS[4], ARGV[5]) end
return 1
"""


class RedisMemory:
    """
    Keys ``lease``, ``moment``, ``last``, ``failing``, one for each status and for the closes of its sweeps, and, by
    their places in the lane, ``closes:KIND`` and ``snapshots``; a school's carry one tag, for Redis Cluster.
    ``redis_time`` (milliseconds) is for tests that move it.
    """

    def __init__(self, client: Client, prefix: str, redis_time: Callable[[], int] | None = None) -> None:
        self._client: Any = client
        self._redis_time = redis_time
        self._prefix = f"{prefix}gateway:"
        self._open, self._renew, self._close, self._accept = (
            client.register_script(script) for script in (_OPEN, _RENEW, _CLOSE, _ACCEPT)
        )

    def _key(self, school: str, part: str) -> str:
        return f"{self._prefix}{{{school}}}:{part}"

    def open(self, school: str, now: int, seconds: float) -> Lease | None:
        token = secrets.token_hex(16)
        told = "" if self._redis_time is None else str(self._redis_time())
        keys = [self._key(school, "lease"), self._key(school, "moment")]
        with away_is_retryable():
            moment = self._open(keys=keys, args=[token, int(seconds * 1000), MOST_AHEAD_MS, told])
        return None if moment is None else Lease(school, token, int(moment))

    def renew(self, lease: Lease, seconds: float) -> bool:
        with away_is_retryable():
            return bool(self._renew(keys=[self._key(lease.school, "lease")], args=[lease.token, int(seconds * 1000)]))

    def close(self, lease: Lease) -> None:
        with away_is_retryable():
            self._close(keys=[self._key(lease.school, "lease")], args=[lease.token])

    def last(self, school: str) -> Last | None:
        """What an older release wrote in another shape is as good as lost."""
        with away_is_retryable():
            value = self._client.get(self._key(school, "last"))
        try:
            return None if value is None else msgspec.json.decode(value, type=Last)
        except msgspec.MsgspecError:
            return None

    def accept(self, lease: Lease, last: Last, sweep: str, status: bytes, incomplete: Failing | None = None) -> bool:
        keys = [self._key(lease.school, part) for part in ("lease", "last", f"sweep:{sweep}", "failing")]
        failing = b"" if incomplete is None else encode(incomplete)
        with away_is_retryable():
            return bool(self._accept(keys=keys, args=[lease.token, encode(last), status, STATUS_SECONDS, failing]))

    def refuse(self, school: str, refusal: Failing) -> None:
        with away_is_retryable():
            self._client.set(self._key(school, "failing"), encode(once_more(self.failing(school), refusal)))

    def failing(self, school: str) -> Failing | None:
        with away_is_retryable():
            value = self._client.get(self._key(school, "failing"))
        try:
            return None if value is None else msgspec.json.decode(value, type=Failing)
        except msgspec.MsgspecError:
            return None

    def course(self, school: str, sweep: str) -> Course | None:
        with away_is_retryable(), self._client.pipeline(transaction=False) as pipe:
            pipe.get(self._key(school, f"sweep:{sweep}"))
            pipe.hgetall(self._key(school, f"decided:{sweep}"))
            receipt, values = pipe.execute()
        if receipt is None:
            return None
        reports, sweeps = reports_of(values), sweeps_of(receipt)
        if (at := decided_at(reports, sweeps)) is None:
            return Course(
                receipt, reports, next=later_than(sweep, self._newest(school, sweeps[0] if sweeps else "student"))
            )
        mine, first = reports[sweeps[0]].version, {"start": 0, "num": 1, "withscores": True}
        with away_is_retryable(), self._client.pipeline(transaction=False) as pipe:
            pipe.zrangebyscore(self._key(school, "snapshots"), f"({at}", "+inf", **first)
            pipe.zrangebyscore(self._key(school, f"closes:{sweeps[0]}"), f"({mine}", "+inf", **first)
            sent, later = pipe.execute()
        carried = snapshot((int(sent[0][1]), int(sent[0][0])) if sent else None)
        return Course(receipt, reports, carried, closed((int(later[0][1]), later[0][0].decode()) if later else None))

    def _newest(self, school: str, kind: Kind) -> Closed | None:
        with away_is_retryable():
            found = self._client.zrange(self._key(school, f"closes:{kind}"), -1, -1, withscores=True)
        return closed((int(found[0][1]), found[0][0].decode()) if found else None)

    def decide(self, school: str, kind: Kind, sweep: str, version: int, report: bytes) -> None:
        of_sweep = self._key(school, f"decided:{sweep}")
        with away_is_retryable(), self._client.pipeline(transaction=True) as pipe:
            pipe.hset(of_sweep, kind, report)
            pipe.expire(of_sweep, STATUS_SECONDS)
            self._add(pipe, self._key(school, f"closes:{kind}"), sweep, version)
            pipe.execute()

    def deliver(self, school: str, number: int, position: int) -> None:
        with away_is_retryable(), self._client.pipeline(transaction=True) as pipe:
            self._add(pipe, self._key(school, "snapshots"), str(number), position)
            pipe.execute()

    @staticmethod
    def _add(pipe: Any, key: str, member: str, place: int) -> None:
        """To what is kept in the order of the lane; the oldest beyond a bound are forgotten."""
        pipe.zadd(key, {member: place})
        pipe.zremrangebyrank(key, 0, -MOST_PLACES - 1)
        pipe.expire(key, STATUS_SECONDS)

    def place(self, topic: str, lane: int) -> int | None:
        with away_is_retryable():
            found = self._client.get(f"{self._prefix}followed:{topic}:{lane}")
        return None if found is None else int(found)

    def keep_place(self, topic: str, lane: int, offset: int) -> None:
        with away_is_retryable():
            self._client.set(f"{self._prefix}followed:{topic}:{lane}", offset)

    def probe(self) -> None:
        with away_is_retryable():
            self._client.set(f"{self._prefix}probe", b"", ex=PROBE_SECONDS)
