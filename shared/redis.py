"""
Last-known state in Redis. The only import of its client, apart from the due-queue's.

All keys of a lane carry the tag ``{lane-N}``, so that Redis Cluster keeps them together. Writing watches the lanes'
records, looks whether they still are what was read, and writes in one transaction: two journeys, and for much data
quicker than a script, which copies every value twice.
"""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from shared.config import Config
from shared.errors import Retryable
from shared.ports import Ask, Hashes, LaneStore, Write

Client = redis.Redis

TIMEOUT_SECONDS = 10.0  # of one command; a lane's batch is far below it
LEFTOVER_SECONDS = 3600  # what a rebuild that died has left behind goes by itself

# KEYS: the lane's record, the set of its hashes' names, the old hashes, then pairs of (temporary, final). ARGV: "1" or
# "0" (was there a record?), that record, the new one, how many are old, then the names of the new.
_REPLACE = """
local now = redis.call('GET', KEYS[1])
if ARGV[1] == '1' then
  if now ~= ARGV[2] then return 0 end
elseif now then
  return 0
end
local old = tonumber(ARGV[4])
for k = 3, 2 + old do redis.call('DEL', KEYS[k]) end
redis.call('DEL', KEYS[2])
local name = 5
for k = 3 + old, #KEYS, 2 do
  redis.call('RENAME', KEYS[k], KEYS[k + 1])
  redis.call('PERSIST', KEYS[k + 1])
  redis.call('SADD', KEYS[2], ARGV[name])
  name = name + 1
end
redis.call('SET', KEYS[1], ARGV[3])
return 1
"""


def connect(config: Config) -> Client:
    """A client that raises at once: who calls it knows what waiting means there."""
    password = config.redis.password
    return redis.Redis.from_url(
        config.redis.url,
        password=password.get_secret_value() if password else None,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 1),
        health_check_interval=30,
    )


@contextmanager
def away_is_retryable() -> Iterator[None]:
    """Redis away, loading, full or a replica: time may help."""
    try:
        yield
    except (redis.ConnectionError, redis.TimeoutError, redis.exceptions.OutOfMemoryError) as error:
        raise Retryable(f"Redis: {error}") from error
    except redis.ResponseError as error:
        if str(error).startswith(("OOM", "READONLY", "LOADING", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN")):
            raise Retryable(f"Redis: {error}") from error
        raise


def _length(ask: Ask) -> int:
    return 1 + sum(1 for fields in ask.some.values() if fields) + len(ask.whole) + len(ask.sizes)


def _unpack(ask: Ask, answer: list[Any]) -> Hashes:
    """The list that EXEC gave, in the order in which ``_queue`` asked."""
    answers = iter(answer)
    record = next(answers)
    some: dict[str, Sequence[bytes | None]] = {
        name: next(answers) if fields else [] for name, fields in ask.some.items()
    }
    whole = {}
    for name in ask.whole:
        pairs = next(answers)
        items = pairs.items() if isinstance(pairs, dict) else zip(pairs[::2], pairs[1::2], strict=True)
        whole[name] = {field.decode(): value for field, value in items}
    return Hashes(record, some, whole, {name: next(answers) for name in ask.sizes})


class RedisLaneStore(LaneStore):
    """``shared.ports.LaneStore`` on a real Redis."""

    def __init__(self, client: Client, prefix: str, namespace: str) -> None:
        self._client: Any = client
        self._start = f"{prefix}{namespace}:"
        self._replace = client.register_script(_REPLACE)

    def key(self, lane: int, name: str) -> str:
        return f"{self._start}{{lane-{lane}}}:{name}"

    def _record(self, lane: int) -> list[str]:
        return [self.key(lane, "!lane"), self.key(lane, "!names")]

    def read_lanes(self, asks: Mapping[int, Ask]) -> dict[int, Hashes]:
        with away_is_retryable(), self._client.pipeline(transaction=False) as pipe:
            for lane, ask in asks.items():
                self._queue(pipe, lane, ask)
            answers = pipe.execute()
        result: dict[int, Hashes] = {}
        place = 0
        for lane, ask in asks.items():
            place += 1 + _length(ask)  # after the answer to MULTI and a "queued" for each command comes what EXEC gave
            result[lane] = _unpack(ask, answers[place])
            place += 1
        return result

    def _queue(self, pipe: Any, lane: int, ask: Ask) -> None:
        """One transaction among others in a pipeline, so that all of a lane is read at one instant."""
        pipe.execute_command("MULTI")
        pipe.execute_command("GET", self._record(lane)[0])
        for name, fields in ask.some.items():
            if fields:
                pipe.execute_command("HMGET", self.key(lane, name), *fields)
        for name in ask.whole:
            pipe.execute_command("HGETALL", self.key(lane, name))
        for name in ask.sizes:
            pipe.execute_command("HLEN", self.key(lane, name))
        pipe.execute_command("EXEC")

    def write_lanes(self, writes: Mapping[int, Write]) -> dict[int, bool]:
        written = dict.fromkeys(writes, False)
        left = dict(writes)
        with away_is_retryable(), self._client.pipeline() as pipe:
            while left:
                records = [self._record(lane)[0] for lane in left]
                pipe.watch(*records)
                seen = pipe.mget(records)
                left = {lane: one for (lane, one), now in zip(left.items(), seen, strict=True) if now == one.expected}
                pipe.multi()
                for lane, write in left.items():
                    self._queue_write(pipe, lane, write)
                try:
                    pipe.execute()
                except redis.WatchError:
                    continue  # one of them was moved just now: nothing was written, and the others can still be
                written |= dict.fromkeys(left, True)
                return written
        return written

    def _queue_write(self, pipe: Any, lane: int, write: Write) -> None:
        record, names = self._record(lane)
        pipe.set(record, write.record)  # first: what Redis says of a command that it refuses has nobody's data in it
        for name, fields in write.changes.items():
            if not fields:
                continue
            key = self.key(lane, name)
            pipe.sadd(names, name)
            gone = [field for field, value in fields.items() if value is None]
            kept = chain.from_iterable(fields.items())
            if gone:
                kept = chain.from_iterable(item for item in fields.items() if item[1] is not None)
                pipe.execute_command("HDEL", key, *gone)
            if len(gone) < len(fields):
                pipe.execute_command("HSET", key, *kept)

    def replace(
        self,
        lane: int,
        expected: bytes | None,
        record: bytes,
        hashes: Mapping[str, Mapping[str, bytes]],
    ) -> bool:
        token = secrets.token_hex(8)
        filled = {name: fields for name, fields in hashes.items() if fields}
        with away_is_retryable():
            old = [name.decode() for name in self._client.smembers(self._record(lane)[1])]
            keys = self._record(lane) + [self.key(lane, name) for name in old]
            for name, fields in filled.items():
                temporary = self.key(lane, f"!new-{token}:{name}")
                self._fill(temporary, fields)
                keys += [temporary, self.key(lane, name)]
            args: list[Any] = ["0" if expected is None else "1", expected or b"", record, len(old), *filled]
            return bool(self._replace(keys=keys, args=args))

    def _fill(self, key: str, fields: Mapping[str, bytes]) -> None:
        items = iter(fields.items())
        while part := dict(islice(items, 1000)):
            with self._client.pipeline(transaction=False) as pipe:
                pipe.hset(key, mapping=part)
                pipe.expire(key, LEFTOVER_SECONDS)
                pipe.execute()
