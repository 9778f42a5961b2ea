"""
One field of a vendor's record: the only reader of its texts, numbers, truths and days. Pure.

A missing value may be absent, null or empty, and a name may be a lone space: all are None. A value of a type that
cannot be meant is Poison that names the field. A name that is None is of a field that the list does not have.
"""

import re
from collections.abc import Mapping
from datetime import datetime, time, tzinfo
from typing import Any

from shared.contract.canonical_text import canonical
from shared.contract.texts import clean, line
from shared.errors import Poison

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")  # digits by the book; what would break a key or a path is refused
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ].*)?")
_NUMBER = re.compile(r"[+-]?[0-9]{1,9}")
MOST = 10**18  # a whole number from here on counts nothing, and would break whoever calculates with it

Json = Mapping[str, Any]
"""One record as the vendor writes it; nobody else looks inside."""


class Unreadable(Poison):
    """One field of one record cannot be taken. The message never repeats the value: it is somebody's."""

    def __init__(self, field: str, wrong: str) -> None:
        super().__init__(f"{field} {wrong}")
        self.field = field
        self.wrong = wrong


def is_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None


def id_of(record: Json, name: str) -> str:
    """Whose record this is. Raises: Unreadable, when nothing says so."""
    if not isinstance(record, dict):
        raise Unreadable(name, "is missing: the record is no object")
    found = text(record, name)
    if found is None or not is_id(found):
        raise Unreadable(name, "is missing" if found is None else "is no id")
    return found


def text(record: Json, name: str | None) -> str | None:
    if name is None:
        return None
    value = record.get(name)
    if isinstance(value, str):  # first what is most: a large school has a million of these
        return line(value) or None
    return _text_of_another(value, name)


def typed(record: Json, name: str | None) -> str | None:
    """As ``text``, of what somebody typed: what nobody sees within it stays, for whoever judges it."""
    if name is None:
        return None
    value = record.get(name)
    return clean(value) or None if isinstance(value, str) else _text_of_another(value, name)


def _text_of_another(value: object, name: str) -> str | None:
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    raise Unreadable(name, "is no text")


def needed(record: Json, name: str) -> str:
    value = text(record, name)
    if value is None:
        raise Unreadable(name, "is missing")
    return value


def whole(record: Json, name: str | None) -> int | None:
    if name is None:
        return None
    value = record.get(name)
    if value is None:
        return None
    if isinstance(value, int | float) and abs(value) >= MOST:
        raise Unreadable(name, "is a number beyond all limits")
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str):
        if _NUMBER.fullmatch(value.strip()):
            return int(value)
        if not value.strip():
            return None
    raise Unreadable(name, "is no whole number")


def number(record: Json, name: str) -> int:
    value = whole(record, name)
    if value is None:
        raise Unreadable(name, "is missing")
    return value


def count(record: Json, name: str) -> int | None:
    """How many, where the record says it; what is none is as good as missing."""
    try:
        value = whole(record, name)
    except Unreadable:
        return None
    return None if value is None or value < 0 else value


def truth(record: Json, name: str) -> bool:
    """Whether the record clearly says yes: by a truth, a 1, or a word for one. Anything else is no."""
    value = record.get(name)
    if isinstance(value, str):
        return value.strip().casefold() in ("true", "yes", "1")
    return isinstance(value, int) and value == 1


def life_stage(record: Json, words: Mapping[str, int]) -> tuple[int | None, str | None]:
    """The number of the record's status, and the word that it has. ``words`` are by their letters."""
    word = text(record, "systemStatus")
    if word is None:
        return None, None
    if _NUMBER.fullmatch(word):
        return int(word), None if isinstance(record["systemStatus"], int | float) else word
    return words.get(canonical(word)), word


def day(record: Json, name: str | None, zone: tzinfo) -> str | None:
    """
    A date, a date-time without zone, or one with: ``YYYY-MM-DD``.

    Midnight is the day as it is written. Another hour with a zone is that moment's day at the school, since a server
    that stores local midnights as UTC writes the eve. The year 1 is how the vendor's runtime writes *none*.
    """
    written = text(record, name)
    if name is None or written is None:
        return None
    if not _DAY.fullmatch(written):
        raise Unreadable(name, "is no date")
    try:
        moment = datetime.fromisoformat(written)
        if moment.year == 1:
            return None
        if moment.tzinfo is None or moment.time() == time.min:
            return written[:10]
        return moment.astimezone(zone).date().isoformat()
    except (ValueError, OverflowError):
        raise Unreadable(name, "is no date") from None
