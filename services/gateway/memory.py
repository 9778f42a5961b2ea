"""
What the gateways remember of each school that pushes, in Redis, and the lease by which one body is taken at a time.

Lost or stale, it can hide nothing and remove nobody: who is who is read back from the accounts, which prove nobody's
absence, and what an old memory says of somebody absent from a body is as true as what a new one says. Moments never
go back, whichever gateway's clock they are of: a student's older reading would be passed over.
"""

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from services.fetcher.failing import Failing, once_more
from services.gateway.identity import Key
from services.gateway.register import Register, of_roll
from services.gateway.structure import Lists
from shared.model import Frozen, Kind
from shared.redis import Client, away_is_retryable
from shared.wire import encode

MOST_AHEAD_MS = 5 * 60_000  # that a kept moment may be ahead: one of a clock that was wrong would freeze the school
STATUS_SECONDS = 14 * 86_400  # as long as what was published is kept


@dataclass(frozen=True)
class Lease:
    """The right to take one body; ``moment`` is that of its reading, in milliseconds since 1970."""

    school: str
    token: str
    moment: int


class Last(Frozen, kw_only=True):
    """
    What the accepted bodies of a school came to: its structure, and who is who in each list. ``key`` is the setting.
    ``roll`` and ``staff`` are what an older release kept in place of the registers: by key, the other of the two fields
    that tell one person from another.
    """

    key: Key
    lists: Lists = Lists()
    roll: dict[str, str | None] | None = None
    staff: dict[str, str | None] | None = None
    registers: dict[Kind, Register] = {}

    def register(self, kind: Kind) -> Register:
        """By the keys and addresses of now: an earlier release may have compared them in another way."""
        of_old = self.staff if kind == "staff" else self.roll
        return (self.registers.get(kind) or of_roll(of_old or {}, self.key)).compared_anew()


class Memory(Protocol):
    """Raises: Retryable when the store is away."""

    def open(self, school: str, now: int, seconds: float) -> Lease | None:
        """
        None: another body of the school is being taken. ``now``: the gateway's time, where the store has none of its
        own. The moment is above the last one, unless that is of a clock which was far ahead.
        """

    def renew(self, lease: Lease, seconds: float) -> bool:
        """False: the lease is lost, and whoever had it must stop."""

    def close(self, lease: Lease) -> None: ...

    def last(self, school: str) -> Last | None: ...

    def accept(self, lease: Lease, last: Last, sweep: str, status: bytes, incomplete: Failing | None = None) -> bool:
        """
        After the acknowledgement of everything. ``incomplete``: why the body says of nobody that they are gone. False:
        the lease was lost before, and nothing was written.
        """

    def refuse(self, school: str, refusal: Failing) -> None:
        """A body was refused whole: forgotten when one is accepted."""

    def failing(self, school: str) -> Failing | None:
        """The bodies in vain since the last that was accepted and complete."""

    def status(self, school: str, sweep: str) -> bytes | None: ...


class MemoryMemory:
    """Everything in this process, for fast tests. Leases end when they are closed, or by ``lose``."""

    def __init__(self) -> None:
        self._leases: dict[str, str] = {}
        self._moments: dict[str, int] = {}
        self.lasts: dict[str, Last] = {}
        self.statuses: dict[tuple[str, str], bytes] = {}
        self.refusals: dict[str, Failing] = {}
        self._lock = threading.Lock()

    def open(self, school: str, now: int, seconds: float) -> Lease | None:
        with self._lock:
            if school in self._leases:
                return None
            last = self._moments.get(school, 0)
            self._moments[school] = moment = now if last > now + MOST_AHEAD_MS else max(now, last + 1)
            self._leases[school] = token = secrets.token_hex(16)
            return Lease(school, token, moment)

    def renew(self, lease: Lease, seconds: float) -> bool:
        return self._leases.get(lease.school) == lease.token

    def close(self, lease: Lease) -> None:
        with self._lock:
            if self.renew(lease, 0):
                del self._leases[lease.school]

    def lose(self, school: str) -> None:
        """The lease's time is over, and nobody has renewed it."""
        self._leases.pop(school, None)

    def last(self, school: str) -> Last | None:
        return self.lasts.get(school)

    def accept(self, lease: Lease, last: Last, sweep: str, status: bytes, incomplete: Failing | None = None) -> bool:
        with self._lock:
            if not self.renew(lease, 0):
                return False
            self.lasts[lease.school] = last
            self.statuses[lease.school, sweep] = status
            self.refusals.pop(lease.school, None)
        if incomplete is not None:
            self.refuse(lease.school, incomplete)
        return True

    def refuse(self, school: str, refusal: Failing) -> None:
        self.refusals[school] = once_more(self.refusals.get(school), refusal)

    def failing(self, school: str) -> Failing | None:
        return self.refusals.get(school)

    def status(self, school: str, sweep: str) -> bytes | None:
        return self.statuses.get((school, sweep))


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
    Keys ``lease``, ``moment``, ``last``, ``failing`` and one for each status; a school's carry one tag, for Redis
    Cluster.
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

    def status(self, school: str, sweep: str) -> bytes | None:
        with away_is_retryable():
            found: bytes | None = self._client.get(self._key(school, f"sweep:{sweep}"))
        return found
