"""
What the fetchers know of photos and transcripts: what is wanted, and what was last told. It only saves work: lost, a
full sweep says again what is wanted, and everything is fetched once more.
"""

from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

import msgspec

from shared.model import Frozen
from shared.redis import Client, away_is_retryable
from shared.wire import encode

_T = TypeVar("_T", bound=Frozen)


class Wanted(Frozen, array_like=True):
    """``photo_id``: their newest photo (None: they have none); ``has_marks``: their gradebooks are to be read."""

    photo_id: int | None
    has_marks: bool


class Photographed(Frozen, array_like=True):
    """The photo last fetched; ``hash`` empty: there was none under this id."""

    photo_id: int
    hash: str


class Marked(Frozen, array_like=True):
    """When the gradebooks were last read (Unix seconds), and the digest of what was last told of them."""

    read_at: float
    digest: str


class Portraits(Frozen):
    """All of one school, each by student."""

    wanted: dict[str, Wanted] = {}
    photos: dict[str, Photographed] = {}
    marks: dict[str, Marked] = {}


class ProfileMemory(Protocol):
    """Raises: Retryable when the store is away."""

    def want(self, school: str, students: Mapping[str, Wanted]) -> bool:
        """Note who these are now; True when that differs for anybody."""

    def load(self, school: str) -> Portraits: ...

    def keep_photo(self, school: str, student_id: str, photo: Photographed | None) -> None:
        """After the acknowledgement of what was told; None: they have none any more."""

    def keep_marks(self, school: str, student_id: str, marks: Marked) -> None: ...

    def drop(self, school: str, student_id: str) -> None:
        """Nobody has this id any more: nothing is wanted of them."""


class RedisProfileMemory:
    """``ProfileMemory`` on a real Redis: three hashes for each school."""

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

    def load(self, school: str) -> Portraits:
        return self.schools.setdefault(school, Portraits(wanted={}, photos={}, marks={}))

    def want(self, school: str, students: Mapping[str, Wanted]) -> bool:
        known = self.load(school).wanted
        changed = {id: wanted for id, wanted in students.items() if known.get(id) != wanted}
        known.update(changed)
        return bool(changed)

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
