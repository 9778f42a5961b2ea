"""
Names that stand twice in one object of an entry. Pure.

A decoder keeps the last of them and says nothing: which address somebody has would be a matter of order. To look at
every name takes as long as reading the entry, so colons are counted first: there is one for each name.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.gateway.pointers import escape

MOST = 100  # that are told of one entry
_BLANK_BEFORE_COLON = re.compile(rb"[ \t\r\n]:")


def repeated_names(raw: bytes, entry: Mapping[str, Any]) -> tuple[str, ...]:
    """
    JSON pointers of those names, each once. ``entry`` is what a decoder made of ``raw``. Raises: RecursionError.
    """
    if raw.count(b'":') == _names(entry) and _BLANK_BEFORE_COLON.search(raw) is None:  # the other colons stand in texts
        return ()
    return _below(json.loads(raw, strict=False, object_pairs_hook=_read, parse_int=str, parse_float=str))


def has_a_colon_for_each_name(raw: bytes, entry: Any) -> bool:
    """And no more: then no name stands twice. So it is with nearly every entry."""
    return type(entry) is dict and raw.count(b":") == _names(entry)


def _names(entry: Mapping[str, Any]) -> int:
    """Of the entry and of the objects right below it: never more than there are."""
    count = len(entry)
    for value in entry.values():
        if type(value) is dict:
            count += len(value)
        elif type(value) is list and value and type(value[0]) is dict:
            count += sum(len(one) for one in value if type(one) is dict)
    return count


@dataclass(frozen=True)
class _Object:
    repeated: tuple[str, ...]


def _read(fields: list[tuple[str, Any]]) -> _Object:
    seen: set[str] = set()
    repeated: dict[str, None] = {}
    for name, value in fields:
        step = f"/{escape(name)}"
        if name in seen:
            repeated[step] = None
        seen.add(name)
        for below in _below(value):
            repeated[step + below] = None
    return _Object(tuple(repeated)[:MOST])


def _below(value: Any) -> tuple[str, ...]:
    if isinstance(value, _Object):
        return value.repeated
    if isinstance(value, list):
        return tuple(f"/{place}{below}" for place, one in enumerate(value) for below in _below(one))[:MOST]
    return ()
