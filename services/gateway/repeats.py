"""
Entries that say the same as another one of their list, and so are taken once. Pure.

The same in everything that is taken, with nothing wrong in either: then they are one person, as Unitu has one account
for an e-mail. Entries that merely share an id or an address are not (``identity``).
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from services.gateway.key_resolution import Identity

Read = Callable[[int], Mapping[str, Any]]


def repeats(identities: Sequence[Identity], at_fault: Collection[int], fields_of: Read) -> dict[int, int]:
    """By the place of each repeat, the place of the first. ``fields_of`` reads an entry again."""
    firsts: dict[Identity, int] = {}
    found: dict[int, int] = {}
    for place, identity in enumerate(identities):
        if place in at_fault:
            continue
        first = firsts.setdefault(identity, place)
        if first != place and fields_of(first) == fields_of(place):
            found[place] = first
    return found
