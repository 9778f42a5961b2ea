"""
Numbers and truths that stand where the document has text: which text they are, where that is sure. Pure.

Two of them that differ must never come to one text: an id that lost its last digits is another person.
"""

from typing import Any

import msgspec

MOST_DIGITS = 20  # of a number that names something
_EXACT = 2.0**53  # below it every whole number is a float of its own


def text_of_number(value: Any) -> str | None:
    """The digits of a whole number; ``7.0``, as some exports write it, is 7. None: it is none, or not surely so."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < _EXACT else None
    return str(value) if abs(value) < 10**MOST_DIGITS else None


def text_of_scalar(value: Any) -> str | None:
    """The JSON of a number or a truth, and a text itself. None: it is a list, an object, null or beyond all limits."""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return msgspec.json.encode(value).decode()
    if isinstance(value, bool):
        return "true" if value else "false"
    return text_of_number(value)
