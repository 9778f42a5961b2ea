"""
Who is who in a body, by what the feed has said before: pure.

A student's key may be missing, malformed, or another's by mistake. Such an entry is somebody, and whoever it is may not
count as gone. What else the entry says (the id where the e-mail is the key, and the other way round) often tells who.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Identity:
    """What one entry says of who it is. ``other`` is the second field that tells one student from another."""

    key: str | None
    other: str | None


@dataclass
class Settled:
    """
    Who each entry is, by its place; None: nobody can tell, so this body cannot say who is gone.

    ``twice``: keys that stand more than once; each is a student of whom nothing can be taken, but that they are there.
    """

    keys: list[str | None]
    twice: set[str] = field(default_factory=set)

    @property
    def without_key(self) -> list[int]:
        return [place for place, key in enumerate(self.keys) if key is None]


def settle(entries: Sequence[Identity], last: Mapping[str, str | None]) -> Settled:
    """``last``: the other field by key, of everybody whom this feed has said to be there."""
    places: dict[str, list[int]] = {}
    for place, entry in enumerate(entries):
        if entry.key is not None:
            places.setdefault(entry.key, []).append(place)
    settled = Settled([entry.key for entry in entries], {key for key, group in places.items() if len(group) > 1})
    nameless = settled.without_key
    if nameless or settled.twice:
        known = _Known(entries, last, places.keys())
        for key in sorted(settled.twice):
            _share(key, places[key], entries, known, settled)
        for place in nameless:
            settled.keys[place] = known.claim(entries[place].other)
    return settled


def _share(key: str, group: Sequence[int], entries: Sequence[Identity], known: "_Known", settled: Settled) -> None:
    """Of several persons under one key one may have it: whoever had it last, else the first whom nobody knows."""
    persons: dict[str | int, list[int]] = {}  # by the other field, else each place by itself
    for place in group:
        second = entries[place].other
        persons.setdefault(place if second is None else second, []).append(place)
    if len(persons) == 1:
        return
    had_it = [other for other in persons if isinstance(other, str) and known.key(other) == key]
    is_given = bool(had_it)
    for other, mine in persons.items():
        if other in had_it:
            continue
        claimed = known.claim(other) if isinstance(other, str) else None
        if claimed is None and not is_given:
            is_given = True
            continue
        for place in mine:
            settled.keys[place] = claimed


class _Known:
    """Keys by the other field, as far as both tell one student from all others."""

    def __init__(self, entries: Sequence[Identity], last: Mapping[str, str | None], present: Collection[str]) -> None:
        self._present = present
        held = Counter(other for other in last.values() if other is not None)
        named = Counter(other for _, other in {(one.key, one.other) for one in entries} if other is not None)
        self._keys = {
            other: key for key, other in last.items() if other is not None and held[other] == 1 and named[other] == 1
        }

    def key(self, other: str) -> str | None:
        return self._keys.get(other)

    def claim(self, other: str | None) -> str | None:
        """The key of somebody who is not in the body by it; None: nobody can tell."""
        key = None if other is None else self._keys.get(other)
        return None if key in self._present else key
