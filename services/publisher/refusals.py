"""
Which records a refusal points at. Unitu's document does not say how, so each usual way is understood: a JSON pointer
(``/students/3/email``), a path (``students[3].email``), or a list and an index. Pure.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from services.publisher.snapshot import Snapshot, fixed_digest, record_digest
from services.publisher.tenant_view import TenantView
from shared.tenant import email_key

PEOPLE = ("students", "staff")
MOST = 50  # of more records than this at fault, something else is wrong
_PATH = re.compile(r"\b(students|staff)(?:[./]|\[)(\d{1,7})\b")
_LISTS = {"student": "students", "students": "students", "staff": "staff"}


def pointers_in(text: str) -> tuple[tuple[str, int], ...]:
    """
    The people's records that an answer names, as (list, place in it). None where it names too many, or anything else
    of the body: then it is not about a person.
    """
    try:
        answer = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return ()
    found = sorted(set(_pointers(answer)))
    return tuple(found) if len(found) <= MOST else ()


def _pointers(answer: Any) -> Iterator[tuple[str, int]]:
    match answer:
        case str():
            for name, place in _PATH.findall(answer):
                yield name, int(place)
        case list():
            for one in answer:
                yield from _pointers(one)
        case {"list": str(name), "index": int(place)} if name in _LISTS:
            yield _LISTS[name], place
        case dict():
            for one in answer.values():
                yield from _pointers(one)


def refused_records(snapshot: Snapshot, view: TenantView, pointers: Iterable[tuple[str, int]]) -> dict[str, str]:
    """
    Person (or / and a protected e-mail) -> the digest of their own record. None where one of the places is nobody's:
    then the answer was not understood.
    """
    emails = list(snapshot.records)
    of_list = {
        "students": [email for email in emails if email in snapshot.students],
        "staff": [email for email in emails if email not in snapshot.students],
    }
    fixed = {f"/{email_key(one.email)}": fixed_digest(one) for one in view.protected}
    found: dict[str, str] = {}
    for name, place in pointers:
        if place >= len(of_list[name]):
            return {}
        ref = snapshot.roster[of_list[name][place]].ref
        person = view.facts.people.get(ref)
        if person is not None and person.status == "enabled":
            found[ref] = record_digest(person)
        elif ref in fixed:
            found[ref] = fixed[ref]
        else:
            return {}
    return found
