"""YAML written, never read: plain keys, every other text quoted as JSON does, which YAML 1.2 takes as it is."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_PLAIN = re.compile(r"[A-Za-z$/_][A-Za-z0-9$/_.#-]*")
_NOT_TEXT = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}


def to_yaml(value: Mapping[str, Any]) -> str:
    """A document of mappings, sequences, texts, numbers, truths and nulls, in the order in which they come."""
    return "\n".join(_mapping(value, 0)) + "\n"


def _mapping(value: Mapping[str, Any], depth: int) -> Iterator[str]:
    for key, item in value.items():
        yield from _entry(f"{'  ' * depth}{_text(key)}:", item, depth)


def _sequence(value: Sequence[Any], depth: int) -> Iterator[str]:
    indent = "  " * depth
    for item in value:
        if isinstance(item, Mapping) and item:
            first, *rest = _mapping(item, depth + 1)
            yield f"{indent}- {first.strip()}"
            yield from rest
        else:
            yield from _entry(f"{indent}-", item, depth)


def _entry(start: str, item: Any, depth: int) -> Iterator[str]:
    if isinstance(item, Mapping) and item:
        yield start
        yield from _mapping(item, depth + 1)
    elif isinstance(item, Sequence) and not isinstance(item, str) and item:
        yield start
        yield from _sequence(item, depth + 1)
    else:
        yield f"{start} {_scalar(item)}"


def _scalar(item: Any) -> str:
    if isinstance(item, str):
        return _text(item)
    if isinstance(item, Mapping):
        return "{}"
    if isinstance(item, Sequence):
        return "[]"
    return json.dumps(item)


def _text(text: str) -> str:
    is_plain = _PLAIN.fullmatch(text) and text.lower() not in _NOT_TEXT and not text.endswith("/")
    return text if is_plain else json.dumps(text, ensure_ascii=False)
