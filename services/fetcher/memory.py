"""
What the fetchers remember of a school, in Redis: it only saves work.

Stale, restored or lost, it can hide no change, since a certificate covers the content of every record. So nothing here
is fenced; who has lost a lease merely stops writing.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol, TypeVar

import msgspec

from shared.model import Frozen
from shared.redis import Client, away_is_retryable
from shared.wire import encode

_SLICE = 5_000  # fields in one command
_T = TypeVar("_T", bound=Frozen)


class AreaState(Frozen):
    """
    When an area is read next (Unix seconds; 0: at the next sweep), when what it says was read, and what was wrong with
    it last (empty: nothing).
    """

    due_at: float = 0.0
    read_at: str = ""
    trouble: str = ""
    failures: int = 0


class SchoolMemory(Frozen):
    """
    What the last sweeps of a school came to.

    ``roll_hash`` and ``completed_at`` are of the last certified sweep, ``full_at`` (when it started) and
    ``settings_version`` of the last certified full one; ``structure_digest`` is of the structure last acknowledged.
    """

    roll_hash: str | None = None
    completed_at: str | None = None
    full_at: str | None = None
    settings_version: str = ""
    structure_digest: str = ""
    areas: dict[str, AreaState] = {}


@dataclass(frozen=True)
class Remembered:
    """
    Everything of one school. ``roll`` is the last certified one (None: there was none), ``digests`` hold who was last
    acknowledged with what, ``areas`` what each area last said, ``accepted`` the rolls that a person has vouched for.
    """

    state: SchoolMemory = field(default_factory=SchoolMemory)
    roll: frozenset[str] | None = None
    digests: Mapping[str, str] = field(default_factory=dict)
    areas: Mapping[str, bytes] = field(default_factory=dict)
    accepted: frozenset[str] = frozenset()

    def area(self, name: str, type: type[_T]) -> _T | None:
        """What an area last said; None also for what an older release kept in another shape."""
        value = self.areas.get(name)
        try:
            return None if value is None else msgspec.json.decode(value, type=type)
        except msgspec.MsgspecError:
            return None


class Memory(Protocol):
    """One school's memory. Raises: Retryable when the store is away."""

    def load(self, school: str) -> Remembered: ...

    def keep_digests(self, school: str, digests: Mapping[str, str]) -> None:
        """After the acknowledgement of these, never before."""

    def keep_areas(self, school: str, areas: Mapping[str, bytes]) -> None: ...

    def keep(self, school: str, state: SchoolMemory) -> None: ...

    def certify(
        self, school: str, state: SchoolMemory, roll: Collection[str], *, gone: Collection[str], used: Collection[str]
    ) -> None:
        """
        After the acknowledgement of SweepCompleted: the new roll, all at once. ``gone`` are digests to forget, ``used``
        accepted rolls that have served.
        """

    def accept(self, school: str, roll_hash: str) -> None:
        """A person says that this roll is right."""


class MemoryMemory:
    """Everything in this process, for fast tests."""

    def __init__(self) -> None:
        self.schools: dict[str, Remembered] = {}

    def load(self, school: str) -> Remembered:
        return self.schools.get(school, Remembered())

    def keep_digests(self, school: str, digests: Mapping[str, str]) -> None:
        known = self.load(school)
        self._put(school, known, digests={**known.digests, **digests})

    def keep_areas(self, school: str, areas: Mapping[str, bytes]) -> None:
        known = self.load(school)
        self._put(school, known, areas={**known.areas, **areas})

    def keep(self, school: str, state: SchoolMemory) -> None:
        self._put(school, self.load(school), state=state)

    def certify(
        self, school: str, state: SchoolMemory, roll: Collection[str], *, gone: Collection[str], used: Collection[str]
    ) -> None:
        known = self.load(school)
        digests = {id: digest for id, digest in known.digests.items() if id not in gone}
        accepted = known.accepted - set(used)
        self._put(school, known, state=state, roll=frozenset(roll), digests=digests, accepted=accepted)

    def accept(self, school: str, roll_hash: str) -> None:
        known = self.load(school)
        self._put(school, known, accepted=known.accepted | {roll_hash})

    def _put(self, school: str, known: Remembered, **changes: Any) -> None:
        self.schools[school] = Remembered(**{**vars(known), **changes})


class RedisMemory:
    """
    Four keys and a set for each school, with one tag, so that Redis Cluster keeps them together: ``state``, ``roll``
    (ids, one a line), ``digests`` (id to 16 bytes), ``areas``, ``accepted``.
    """

    def __init__(self, client: Client, prefix: str) -> None:
        self._client: Any = client
        self._prefix = f"{prefix}fetcher:"

    def _key(self, school: str, part: str) -> str:
        return f"{self._prefix}{{{school}}}:{part}"

    def load(self, school: str) -> Remembered:
        with away_is_retryable(), self._client.pipeline(transaction=True) as pipe:
            pipe.get(self._key(school, "state"))
            pipe.get(self._key(school, "roll"))
            pipe.hgetall(self._key(school, "digests"))
            pipe.hgetall(self._key(school, "areas"))
            pipe.smembers(self._key(school, "accepted"))
            state, roll, digests, areas, accepted = pipe.execute()
        return Remembered(
            _state(state),
            None if roll is None else frozenset(roll.decode().split()),
            {id.decode(): value.hex() for id, value in digests.items()},
            {name.decode(): value for name, value in areas.items()},
            frozenset(value.decode() for value in accepted),
        )

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
            pipe.set(self._key(school, "roll"), "\n".join(sorted(roll)))
            for part in _slices(gone):
                pipe.hdel(self._key(school, "digests"), *part)
            if used:
                pipe.srem(self._key(school, "accepted"), *used)
            pipe.execute()

    def accept(self, school: str, roll_hash: str) -> None:
        with away_is_retryable():
            self._client.sadd(self._key(school, "accepted"), roll_hash)


def _state(value: bytes | None) -> SchoolMemory:
    """What an older release wrote in another shape is as good as lost."""
    try:
        return SchoolMemory() if value is None else msgspec.json.decode(value, type=SchoolMemory)
    except msgspec.MsgspecError:
        return SchoolMemory()


def _slices(items: Collection[Any]) -> Iterator[list[Any]]:
    rest = iter(items)
    while part := list(islice(rest, _SLICE)):
        yield part
