"""
Entries that say the same as another one of their list, and so are taken once. Pure.

The same in everything that is taken, with nothing wrong in either: then they are one person, as Unitu has one account
for an e-mail. Entries that merely share an id or an address are not (``identity``).
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from hashlib import sha256
from typing import Any

import msgspec

from services.gateway.key_resolution import Identity
from services.gateway.wanted import GoOn, always, while_wanted

Read = Callable[[int], Mapping[str, Any]]


def repeats(
    identities: Sequence[Identity], at_fault: Collection[int], fields_of: Read, go_on: GoOn = always
) -> dict[int, int]:
    """
    By the place of each repeat, the place of the first. ``fields_of`` reads an entry again: each once, however many
    others may say the same.
    """
    firsts: dict[Identity, int] = {}
    digests: dict[int, bytes] = {}
    found: dict[int, int] = {}
    for place, identity in while_wanted(identities, go_on):
        if place in at_fault:
            continue
        first = firsts.setdefault(identity, place)
        if first == place:
            continue
        if first not in digests:
            digests[first] = _digest(fields_of(first))
        if digests[first] == _digest(fields_of(place)):
            found[place] = first
    return found


def _digest(fields: Mapping[str, Any]) -> bytes:
    return sha256(msgspec.json.encode(fields)).digest()
