"""What the fetchers remember, in Redis."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import msgspec

from services.fetcher.sweep.cache import Remembered, SchoolMemory
from shared.contract.codec import encode
from shared.redis.client import Client, away_is_retryable
from shared.sweeps.failing import Failing, once_more

_SLICE = 5_000  # fields in one command


class RedisMemory:
    """
    ``services.fetcher.sweep.cache.Memory`` on a real Redis.

    Five keys and a set for each book, with one tag, so that Redis Cluster keeps them together: ``state``, ``roll``
    (ids, one a line), ``digests`` (id to 16 bytes), ``areas``, ``failing``, ``accepted``.
    """

    def __init__(self, client: Client, prefix: str) -> None:
        self._client: Any = client
        self._prefix = f"{prefix}fetcher:"

    def _key(self, school: str, part: str) -> str:
        return f"{self._prefix}{{{school}}}:{part}"

    def load(self, school: str) -> Remembered:
        with away_is_retryable():
            with self._client.pipeline(transaction=True) as pipe:
                pipe.get(self._key(school, "state"))
                pipe.get(self._key(school, "roll"))
                pipe.hgetall(self._key(school, "areas"))
                pipe.smembers(self._key(school, "accepted"))
                state, roll, areas, accepted = pipe.execute()
            ids = [] if roll is None else roll.decode().split()
            known = self._digests(school, ids)
        return Remembered(
            _state(state),
            None if roll is None else frozenset(ids),
            known,
            {name.decode(): value for name, value in areas.items()},
            frozenset(value.decode() for value in accepted),
        )

    def _digests(self, school: str, ids: Sequence[str]) -> dict[str, str]:
        """
        Piece by piece, and each id of the roll held once: of a large school all at once would be as much again. That
        they are not of one instant with the rest does no harm, as nothing here does.
        """
        same = dict(zip(ids, ids, strict=True))
        found = self._client.hscan_iter(self._key(school, "digests"), count=_SLICE)
        return {same.pop(id := name.decode(), id): value.hex() for name, value in found}

    def load_areas(self, school: str, names: Sequence[str]) -> Remembered:
        with away_is_retryable(), self._client.pipeline(transaction=True) as pipe:
            pipe.get(self._key(school, "state"))
            pipe.hmget(self._key(school, "areas"), list(names))
            state, areas = pipe.execute()
        found = {name: value for name, value in zip(names, areas, strict=True) if value is not None}
        return Remembered(_state(state), areas=found)

    def keep_digests(self, school: str, digests: Mapping[str, str]) -> None:
        with away_is_retryable():
            for part in _slices(digests.items()):
                mapping = {id: bytes.fromhex(digest) for id, digest in part}
                self._client.hset(self._key(school, "digests"), mapping=mapping)

    def keep_areas(self, school: str, areas: Mapping[str, bytes]) -> None:
        if areas:
            with away_is_retryable():
                self._client.hset(self._key(school, "areas"), mapping=dict(areas))

    def keep(self, school: str, state: SchoolMemory) -> None:
        with away_is_retryable():
            self._client.set(self._key(school, "state"), encode(state))

    def certify(
        self, school: str, state: SchoolMemory, roll: Collection[str], *, gone: Collection[str], used: Collection[str]
    ) -> None:
        with away_is_retryable(), self._client.pipeline(transaction=True) as pipe:
            pipe.set(self._key(school, "state"), encode(state))
            pipe.delete(self._key(school, "failing"))
            pipe.set(self._key(school, "roll"), "\n".join(sorted(roll)))
            for part in _slices(gone):
                pipe.hdel(self._key(school, "digests"), *part)
            if used:
                pipe.srem(self._key(school, "accepted"), *used)
            pipe.execute()

    def accept(self, school: str, roll_hash: str) -> None:
        with away_is_retryable():
            self._client.sadd(self._key(school, "accepted"), roll_hash)

    def fail(self, school: str, attempt: Failing) -> None:
        with away_is_retryable():
            before = _failing(self._client.get(self._key(school, "failing")))
            self._client.set(self._key(school, "failing"), encode(once_more(before, attempt)))

    def glance(self, school: str) -> tuple[SchoolMemory, Failing | None]:
        with away_is_retryable():
            state, failing = self._client.mget(self._key(school, "state"), self._key(school, "failing"))
        return _state(state), _failing(failing)


def _state(value: bytes | None) -> SchoolMemory:
    """What an older release wrote in another shape is as good as lost."""
    try:
        return SchoolMemory() if value is None else msgspec.json.decode(value, type=SchoolMemory)
    except msgspec.MsgspecError:
        return SchoolMemory()


def _failing(value: bytes | None) -> Failing | None:
    try:
        return None if value is None else msgspec.json.decode(value, type=Failing)
    except msgspec.MsgspecError:
        return None


def _slices(items: Collection[Any]) -> Iterator[list[Any]]:
    rest = iter(items)
    while part := list(islice(rest, _SLICE)):
        yield part
