"""
Are these the people whom the last certified roll had under their ids? Pure.

Two schools may count their ids alike. So of each person a few hashes are kept, of what identifies them: names in one
canonical form, birth date, pupil number, person's id. Somebody of whom one of these is as it was is who they were: a
new surname, e-mail or phone number makes nobody another, and nor does a new spelling. Of a large school a sample is
kept: what is kept is in memory for the length of each sweep.
"""

import zlib
from collections.abc import Mapping
from hashlib import blake2b
from itertools import zip_longest

from services.fetcher.isams.field_names import Spelling
from services.fetcher.isams.fields import Json, Unreadable, text
from services.fetcher.sweep.certificate import KNOWN_SHARE, Failure
from shared.contract.canonical_text import canonical
from shared.contract.model import Frozen

SAMPLE = 2_000  # people, about
FEWEST = 3  # of whom something can be compared, before they are doubted
_MARKS = ("last_name", "first_name", "date_of_birth", "unique_pupil_number", "person_guid")


class Likeness(Frozen, kw_only=True):
    """What is kept of whom, by id: a hash for each of ``_MARKS``, with a dot between; empty where there is none."""

    marks: dict[str, str] = {}


def is_sampled(id: str, count: int) -> bool:
    """Whether somebody is in the sample of so many people: the same ones in every sweep."""
    return zlib.crc32(id.encode()) % max(1, count // SAMPLE) == 0


def marks_of(id: str, record: Json, names: Spelling) -> str:
    """``names``: how the record's list spells them. A day is a day, however much of its hours is written."""
    values = {ours: _value(record, names[ours]) for ours in _MARKS}
    values["date_of_birth"] = values["date_of_birth"][:8]
    return ".".join(_mark(id, value) for value in values.values())


def doubt(now: Mapping[str, str], then: Mapping[str, str]) -> Failure | None:
    """Whether those who are in both are others than they were: fewer than the share that must be known are alike."""
    compared = [found for id, marks in now.items() if id in then and (found := _is_alike(marks, then[id])) is not None]
    alike = sum(compared)
    if len(compared) < FEWEST or alike * KNOWN_SHARE[1] >= len(compared) * KNOWN_SHARE[0]:
        return None
    words = f"only {alike} of {len(compared)} have a name, birth date or number of whoever had their id"
    return Failure("another_school", f"{words} in the last certified roll")


def _is_alike(now: str, then: str) -> bool | None:
    """None: nothing is known of both."""
    pairs = [(one, other) for one, other in zip_longest(now.split("."), then.split("."), fillvalue="") if one and other]
    return any(one == other for one, other in pairs) if pairs else None


def _value(record: Json, name: str | None) -> str:
    try:
        return canonical(text(record, name) or "")
    except Unreadable:
        return ""


def _mark(id: str, value: str) -> str:
    return blake2b(f"{id}/{value}".encode(), digest_size=4).hexdigest() if value else ""
