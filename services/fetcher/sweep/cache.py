"""
What the fetchers remember of a school: it only saves work. ``services.fetcher.sweep.redis_cache`` is the real one.

Stale, restored or lost, it can hide no change, since a certificate covers the content of every record. So nothing here
is fenced; who has lost a lease merely stops writing.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, Protocol, TypeVar

import msgspec

from services.fetcher.isams.entries import Entries
from services.fetcher.sweep.likeness import Likeness
from shared.contract.model import Frozen
from shared.sweeps.failing import Failing, once_more

LIKENESS = "likeness"  # kept among the areas, though it is none that is read

_T = TypeVar("_T", bound=Frozen)


class AreaState(Frozen, kw_only=True):
    """
    When an area is read next (Unix seconds; 0: at the next sweep), when what it says was read, and what was wrong with
    it last (empty: nothing).
    """

    due_at: float = 0.0
    read_at: str = ""
    trouble: str = ""
    failures: int = 0


class SchoolMemory(Frozen, kw_only=True):
    """
    What the last sweeps of a school came to.

    ``roll_hash`` and ``completed_at`` are of the last certified sweep, ``full_at`` (when it started) and
    ``settings_version`` of the last certified full one; ``structure_digest`` is of the structure last acknowledged;
    ``entries`` is what the last certified sweep knew of the leavers' list.
    """

    roll_hash: str | None = None
    completed_at: str | None = None
    full_at: str | None = None
    settings_version: str = ""
    structure_digest: str = ""
    areas: dict[str, AreaState] = {}
    entries: Entries = Entries()


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

    @cached_property
    def marks(self) -> Mapping[str, str]:
        """What identified those of the last certified roll, by id, of whom it is kept."""
        kept = self.area(LIKENESS, Likeness)
        return {} if kept is None else kept.marks

    def area(self, name: str, type: type[_T]) -> _T | None:
        """What an area last said; None also for what an older release kept in another shape."""
        value = self.areas.get(name)
        try:
            return None if value is None else msgspec.json.decode(value, type=type)
        except msgspec.MsgspecError:
            return None


class Memory(Protocol):
    """
    What is remembered of each book (``shared.contract.populations``), by its name. Raises: Retryable when the store is
    away.
    """

    def load(self, school: str) -> Remembered: ...

    def load_areas(self, school: str, names: Sequence[str]) -> Remembered:
        """The state and these areas alone."""

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

    def fail(self, school: str, attempt: Failing) -> None:
        """One more attempt in vain; forgotten by ``certify``."""

    def glance(self, school: str) -> tuple[SchoolMemory, Failing | None]:
        """The state, and the attempts in vain since it was certified."""


class MemoryMemory:
    """Everything in this process, for fast tests."""

    def __init__(self) -> None:
        self.schools: dict[str, Remembered] = {}
        self.failing: dict[str, Failing] = {}

    def load(self, school: str) -> Remembered:
        return self.schools.get(school, Remembered())

    def load_areas(self, school: str, names: Sequence[str]) -> Remembered:
        known = self.load(school)
        return Remembered(known.state, areas={name: known.areas[name] for name in names if name in known.areas})

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
        self.failing.pop(school, None)

    def accept(self, school: str, roll_hash: str) -> None:
        known = self.load(school)
        self._put(school, known, accepted=known.accepted | {roll_hash})

    def fail(self, school: str, attempt: Failing) -> None:
        self.failing[school] = once_more(self.failing.get(school), attempt)

    def glance(self, school: str) -> tuple[SchoolMemory, Failing | None]:
        return self.load(school).state, self.failing.get(school)

    def _put(self, school: str, known: Remembered, **changes: Any) -> None:
        kept = {one.name: getattr(known, one.name) for one in fields(known)}
        self.schools[school] = Remembered(**{**kept, **changes})
