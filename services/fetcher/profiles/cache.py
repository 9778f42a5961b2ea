"""
What the fetchers know of photos and transcripts: what is wanted, and what was last told. It only saves work: lost, a
full sweep says again what is wanted, and everything is fetched once more. Beside it, of whom a whole profile was told:
lost, a leaver's is told again, of the little that their list has.
"""

from collections.abc import Collection, Mapping
from itertools import compress
from typing import Any, Protocol, TypeVar

import msgspec

from shared.contract.codec import encode
from shared.contract.model import Frozen
from shared.redis.client import Client, away_is_retryable

_T = TypeVar("_T", bound=Frozen)


class Wanted(Frozen, array_like=True, kw_only=True):
    """``photo_id``: their newest photo (None: they have none); ``has_marks``: their gradebooks are to be read."""

    photo_id: int | None
    has_marks: bool


class Photographed(Frozen, array_like=True, kw_only=True):
    """The photo last fetched; ``hash`` empty: there was none under this id."""

    photo_id: int
    hash: str


class Marked(Frozen, array_like=True, kw_only=True):
    """When the gradebooks were last read (Unix seconds), and the digest of what was last told of them."""

    read_at: float
    digest: str


class Portraits(Frozen, kw_only=True):
    """All of one school, each by student."""

    wanted: dict[str, Wanted] = {}
    photos: dict[str, Photographed] = {}
    marks: dict[str, Marked] = {}


class ProfileMemory(Protocol):
    """Raises: Retryable when the store is away."""

    def want(self, school: str, students: Mapping[str, Wanted]) -> bool:
        """Note who these are now; True when that differs for anybody."""

    def rest(self, school: str, students: Collection[str]) -> None:
        """No gradebooks are wanted of these any more; the photo that they had stays."""

    def note_full(self, school: str, students: Collection[str]) -> None:
        """Of these a whole profile was told; after the acknowledgement of it."""

    def had_full(self, school: str, students: Collection[str]) -> set[str]:
        """Of which of these a whole profile was ever told."""

    def load(self, school: str) -> Portraits: ...

    def keep_photo(self, school: str, student_id: str, photo: Photographed | None) -> None:
        """After the acknowledgement of what was told; None: they have none any more."""

    def keep_marks(self, school: str, student_id: str, marks: Marked) -> None: ...

    def drop(self, school: str, student_id: str) -> None:
        """Nobody has this id any more: nothing is wanted of them."""


class RedisProfileMemory:
    """``ProfileMemory`` on a real Redis: three hashes and a set for each school."""

    def __init__(self, client: Client, prefix: str) -> None:
        self._client: Any = client
        self._prefix = f"{prefix}fetcher:"

    def _key(self, school: str, part: str) -> str:
        return f"{self._prefix}{{{school}}}:{part}"

    def want(self, school: str, students: Mapping[str, Wanted]) -> bool:
        if not students:
            return False
        key = self._key(school, "wanted")
        now = {id: encode(wanted) for id, wanted in students.items()}
        with away_is_retryable():
            before = dict(zip(now, self._client.hmget(key, list(now)), strict=True))
            changed = {id: value for id, value in now.items() if before[id] != value}
            if changed:
                self._client.hset(key, mapping=changed)
        return bool(changed)

    def rest(self, school: str, students: Collection[str]) -> None:
        ids = list(students)
        with away_is_retryable():
            before = zip(ids, self._client.hmget(self._key(school, "wanted"), ids), strict=True) if ids else ()
            known = _decoded({id.encode(): value for id, value in before if value is not None}, Wanted)
        self.want(school, {id: msgspec.structs.replace(one, has_marks=False) for id, one in known.items()})

    def note_full(self, school: str, students: Collection[str]) -> None:
        if students:
            with away_is_retryable():
                self._client.sadd(self._key(school, "full"), *students)

    def had_full(self, school: str, students: Collection[str]) -> set[str]:
        if not students:
            return set()
        ids = list(students)
        with away_is_retryable():
            return set(compress(ids, self._client.smismember(self._key(school, "full"), ids)))

    def load(self, school: str) -> Portraits:
        with away_is_retryable(), self._client.pipeline(transaction=True) as pipe:
            for part in ("wanted", "photos", "marks"):
                pipe.hgetall(self._key(school, part))
            wanted, photos, marks = pipe.execute()
        return Portraits(
            wanted=_decoded(wanted, Wanted), photos=_decoded(photos, Photographed), marks=_decoded(marks, Marked)
        )

    def keep_photo(self, school: str, student_id: str, photo: Photographed | None) -> None:
        with away_is_retryable():
            if photo is None:
                self._client.hdel(self._key(school, "photos"), student_id)
            else:
                self._client.hset(self._key(school, "photos"), student_id, encode(photo))

    def keep_marks(self, school: str, student_id: str, marks: Marked) -> None:
        with away_is_retryable():
            self._client.hset(self._key(school, "marks"), student_id, encode(marks))

    def drop(self, school: str, student_id: str) -> None:
        with away_is_retryable():
            self._client.hdel(self._key(school, "wanted"), student_id)


class MemoryProfileMemory:
    """Everything in this process, for fast tests."""

    def __init__(self) -> None:
        self.schools: dict[str, Portraits] = {}
        self.full: dict[str, set[str]] = {}

    def load(self, school: str) -> Portraits:
        return self.schools.setdefault(school, Portraits(wanted={}, photos={}, marks={}))

    def want(self, school: str, students: Mapping[str, Wanted]) -> bool:
        known = self.load(school).wanted
        changed = {id: wanted for id, wanted in students.items() if known.get(id) != wanted}
        known.update(changed)
        return bool(changed)

    def rest(self, school: str, students: Collection[str]) -> None:
        known = self.load(school).wanted
        known |= {id: msgspec.structs.replace(known[id], has_marks=False) for id in students if id in known}

    def note_full(self, school: str, students: Collection[str]) -> None:
        self.full.setdefault(school, set()).update(students)

    def had_full(self, school: str, students: Collection[str]) -> set[str]:
        return self.full.get(school, set()) & set(students)

    def keep_photo(self, school: str, student_id: str, photo: Photographed | None) -> None:
        if photo is None:
            self.load(school).photos.pop(student_id, None)
        else:
            self.load(school).photos[student_id] = photo

    def keep_marks(self, school: str, student_id: str, marks: Marked) -> None:
        self.load(school).marks[student_id] = marks

    def drop(self, school: str, student_id: str) -> None:
        self.load(school).wanted.pop(student_id, None)


def _decoded(found: Mapping[bytes, bytes], type: type[_T]) -> dict[str, _T]:
    """What an older release wrote in another shape is as good as lost."""
    result = {}
    for id, value in found.items():
        try:
            result[id.decode()] = msgspec.json.decode(value, type=type)
        except msgspec.MsgspecError:
            continue
    return result
