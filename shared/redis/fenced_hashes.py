"""
``shared.ports.FencedHashes`` on a real Redis.

All keys of a lane carry the tag ``{lane-N}``, so that Redis Cluster keeps them together. Writing is one script that is
handed the lane's record as it was read: equal to WATCH and EXEC, in one journey.
"""

import secrets
from collections.abc import Mapping, Sequence
from hashlib import sha1
from itertools import islice
from typing import Any

import redis

from shared.ports import Ask, FencedHashes, Hashes, Write
from shared.redis.client import Client, away_is_retryable

LEFTOVER_SECONDS = 3600  # what a rebuild that died has left behind goes by itself

# KEYS: the lane's record, the hash of its hashes' sizes, then the hashes. ARGV: "1" or "0" (was there a record?), that
# record, the new one, the hashes' names, then for each how many fields are set, field and value of each, how many are
# deleted, and those. unpack() takes at most some thousands of values: hence the slices.
_WRITE = """
local now = redis.call('GET', KEYS[1])
if ARGV[1] == '1' then
  if now ~= ARGV[2] then return 0 end
elseif now then
  return 0
end
for k = 3, #KEYS do
  if redis.call('HLEN', KEYS[k]) ~= tonumber(redis.call('HGET', KEYS[2], ARGV[k + 1]) or 0) then return 0 end
end
local a = #KEYS + 2
for k = 3, #KEYS do
  local set = tonumber(ARGV[a])
  a = a + 1
  local last = a + 2 * set
  while a < last do
    local stop = math.min(a + 4000, last)
    redis.call('HSET', KEYS[k], unpack(ARGV, a, stop - 1))
    a = stop
  end
  local gone = tonumber(ARGV[a])
  a = a + 1
  last = a + gone
  while a < last do
    local stop = math.min(a + 4000, last)
    redis.call('HDEL', KEYS[k], unpack(ARGV, a, stop - 1))
    a = stop
  end
  redis.call('HSET', KEYS[2], ARGV[k + 1], redis.call('HLEN', KEYS[k]))
end
redis.call('SET', KEYS[1], ARGV[3])
return 1
"""

# KEYS: the lane's record, the hash of sizes, then the old hashes, then pairs of (temporary, final). ARGV: as above, the
# new record, how many are old, then the names of the new.
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
  redis.call('HSET', KEYS[2], ARGV[name], redis.call('HLEN', KEYS[k + 1]))
  name = name + 1
end
redis.call('SET', KEYS[1], ARGV[3])
return 1
"""
_WRITE_SHA = sha1(_WRITE.encode(), usedforsecurity=False).hexdigest()  # the name by which Redis knows a script


def _names(ask: Ask) -> list[str]:
    """Of the hashes that are looked at."""
    return list(dict.fromkeys([*(name for name, fields in ask.some.items() if fields), *ask.whole, *ask.sizes]))


def _length(ask: Ask) -> int:
    names = _names(ask)
    return 1 + bool(names) + len(names) + sum(1 for fields in ask.some.values() if fields) + len(ask.whole)


def _unpack(ask: Ask, answer: list[Any]) -> Hashes:
    """The list that EXEC gave, in the order in which ``_queue`` asked."""
    answers = iter(answer)
    record = next(answers)
    names = _names(ask)
    kept = next(answers) if names else []
    sizes: dict[str, int] = {name: next(answers) for name in names}
    lost = [name for name, size in zip(names, kept, strict=True) if sizes[name] != int(size or 0)]
    some: dict[str, Sequence[bytes | None]] = {
        name: next(answers) if fields else [] for name, fields in ask.some.items()
    }
    whole = {}
    for name in ask.whole:
        pairs = next(answers)
        items = pairs.items() if isinstance(pairs, dict) else zip(pairs[::2], pairs[1::2], strict=True)
        whole[name] = {field.decode(): value for field, value in items}
    return Hashes(record, some, whole, {name: sizes[name] for name in ask.sizes}, () if record is None else lost)


class RedisFencedHashes(FencedHashes):
    """Those of one ``namespace``."""

    def __init__(self, client: Client, prefix: str, namespace: str) -> None:
        self._client: Any = client
        self._start = f"{prefix}{namespace}:"
        self._replace = client.register_script(_REPLACE)

    def key(self, lane: int, name: str) -> str:
        return f"{self._start}{{lane-{lane}}}:{name}"

    def _record(self, lane: int) -> list[str]:
        return [self.key(lane, "!lane"), self.key(lane, "!sizes")]

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
        record, sizes = self._record(lane)
        pipe.execute_command("GET", record)
        if names := _names(ask):
            pipe.execute_command("HMGET", sizes, *names)
        for name in names:
            pipe.execute_command("HLEN", self.key(lane, name))
        for name, fields in ask.some.items():
            if fields:
                pipe.execute_command("HMGET", self.key(lane, name), *fields)
        for name in ask.whole:
            pipe.execute_command("HGETALL", self.key(lane, name))
        pipe.execute_command("EXEC")

    def write_lanes(self, writes: Mapping[int, Write]) -> dict[int, bool]:
        with away_is_retryable():
            try:
                answers = self._run_writes(writes)
            except redis.exceptions.NoScriptError:  # a Redis that has just begun; nothing was done
                self._client.script_load(_WRITE)
                answers = self._run_writes(writes)
        return {lane: bool(answer) for lane, answer in zip(writes, answers, strict=True)}

    def _run_writes(self, writes: Mapping[int, Write]) -> list[Any]:
        with self._client.pipeline(transaction=False) as pipe:
            for lane, write in writes.items():
                keys, args = self._write_arguments(lane, write)
                pipe.execute_command("EVALSHA", _WRITE_SHA, len(keys), *keys, *args)
            return list(pipe.execute())

    def _write_arguments(self, lane: int, write: Write) -> tuple[list[str], list[Any]]:
        keys = self._record(lane)
        changes = {name: fields for name, fields in write.changes.items() if fields}
        args: list[Any] = ["0" if write.expected is None else "1", write.expected or b"", write.record, *changes]
        for name, fields in changes.items():
            keys.append(self.key(lane, name))
            gone = [field for field, value in fields.items() if value is None]
            args.append(len(fields) - len(gone))
            for field, value in fields.items():
                if value is not None:
                    args += (field, value)
            args.append(len(gone))
            args += gone
        return keys, args

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
            old = self._hashes_of(lane)
            keys = self._record(lane) + [self.key(lane, name) for name in old]
            for name, fields in filled.items():
                temporary = self.key(lane, f"!new-{token}:{name}")
                self._fill(temporary, fields)
                keys += [temporary, self.key(lane, name)]
            args: list[Any] = ["0" if expected is None else "1", expected or b"", record, len(old), *filled]
            return bool(self._replace(keys=keys, args=args))

    def lost(self, lane: int) -> Sequence[str]:
        with away_is_retryable():
            sizes = {name.decode(): int(size) for name, size in self._client.hgetall(self._record(lane)[1]).items()}
            return self.read(lane, sizes=list(sizes)).lost if sizes else ()

    def _hashes_of(self, lane: int) -> list[str]:
        """Their names; looked for one by one where they are not known any more."""
        names = self._client.hkeys(self._record(lane)[1])
        if not names:
            start = self.key(lane, "")
            names = [key.removeprefix(start.encode()) for key in self._client.scan_iter(f"{start}*", count=1000)]
        return [name.decode() for name in names if not name.startswith(b"!")]

    def _fill(self, key: str, fields: Mapping[str, bytes]) -> None:
        items = iter(fields.items())
        while part := dict(islice(items, 1000)):
            with self._client.pipeline(transaction=False) as pipe:
                pipe.hset(key, mapping=part)
                pipe.expire(key, LEFTOVER_SECONDS)
                pipe.execute()
