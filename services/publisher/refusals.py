"""
Whom a refusal points at, and what it says of them. Unitu's document does not say how, so each usual way is understood:
a JSON pointer (``/students/3/email``), a path (``students[3].email``), also as the name of a field, a list of steps
(``["body", "students", 3, "email"]``), a list and an index, or a person's own e-mail. Pure.
"""

import re
from collections.abc import Collection, Iterator
from itertools import pairwise
from typing import Any, NamedTuple

from services.publisher.snapshot import Snapshot, fixed_digest, record_digest
from services.publisher.tenant_view import TenantView
from shared.contract.tenant_state import email_key
from shared.http_answer import NotJson, decode_json

PEOPLE = ("students", "staff")
MOST = 50  # of more records than this at fault, something else is wrong
WORDS_LIMIT = 200  # characters that are kept of what Unitu says of one record
SAID = ("message", "msg", "detail", "description", "error", "title", "reason")  # the fields that say what is wrong
_PATH = re.compile(r"\b(students|staff)(?:[./]|\[)(\d{1,7})\b\]?[./]?(\w*)", re.IGNORECASE)
_ELSEWHERE = re.compile(r"\b(faculties|departments|programmes|modules)(?:[./]|\[)\d", re.IGNORECASE)
_ADDRESS = re.compile(r"[^\s<>,;|:\"'()\[\]]+@[^\s<>,;|:\"'()\[\]@]+[^\s<>,;|:\"'()\[\]@.]")
_LISTS = {"student": "students", "students": "students", "staff": "staff"}


class Place(NamedTuple):
    """A record of the body: a list of people, and the place in it."""

    list: str
    at: int


class Complaint(NamedTuple):
    """``words``: what the refusal says of the record, in its own words, "" where it says nothing."""

    place: Place
    words: str = ""


class Refusal(NamedTuple):
    """What a refusal points at: places in the body, or else e-mails in its text, each with its words."""

    places: dict[Place, str]
    emails: dict[str, str]


NOBODY = Refusal({}, {})


def refusal_in(text: str) -> Refusal:
    """
    What an answer points at. Nothing where it names too many, or anything else of the body: then it is not about a
    person.
    """
    try:
        answer = decode_json(text)
    except NotJson:
        return NOBODY
    if _ELSEWHERE.search(text):
        return NOBODY
    try:
        return _pointed_at(answer)
    except RecursionError:  # nested so deeply that nobody means anything by it
        return NOBODY


def _pointed_at(answer: Any) -> Refusal:
    places: dict[Place, str] = {}
    for complaint in _complaints(answer):
        places[complaint.place] = places.get(complaint.place) or _cut(complaint.words)
    emails = {email: _cut(words) for words in _texts(answer) for email in _ADDRESS.findall(words)}
    if len(places) > MOST or len(emails) > MOST:
        return NOBODY
    return Refusal(dict(sorted(places.items())), emails)


def _complaints(answer: Any, said: str = "") -> Iterator[Complaint]:
    """``said``: what the object around it says is wrong."""
    match answer:
        case str():
            yield from _of_paths(answer, said or answer)
        case list():
            yield from _of_steps(answer, said)
            for one in answer:
                yield from _complaints(one, said)
        case {"list": str(name), "index": int(index)} if name.lower() in _LISTS:
            field = answer.get("field", "")
            yield Complaint(Place(_LISTS[name.lower()], index), _with_field(str(field), _said(answer)))
        case dict():
            for name, one in answer.items():
                yield from _of_paths(name, next(_texts(one), ""))
                yield from _complaints(one, _said(answer))


def _of_steps(steps: list[Any], said: str) -> Iterator[Complaint]:
    """``["body", "students", 3, "email"]``."""
    for at, (name, index) in enumerate(pairwise(steps)):
        if isinstance(name, str) and name.lower() in PEOPLE and type(index) is int:
            field = next((one for one in steps[at + 2 :] if isinstance(one, str)), "")
            yield Complaint(Place(name.lower(), index), _with_field(field, said))


def _of_paths(text: str, said: str) -> Iterator[Complaint]:
    for name, index, field in _PATH.findall(text):
        words = _with_field(field, said) if text != said else text if " " in text else field
        yield Complaint(Place(name.lower(), int(index)), words)


def _with_field(field: str, said: str) -> str:
    return f"{field}: {said}" if field and said else field or said


def _said(answer: dict[str, Any]) -> str:
    return next((answer[name] for name in SAID if isinstance(answer.get(name), str)), "")


def _texts(answer: Any) -> Iterator[str]:
    match answer:
        case str():
            yield answer
        case list():
            for one in answer:
                yield from _texts(one)
        case dict():
            for one in answer.values():
                yield from _texts(one)


def _cut(words: str) -> str:
    """One line, without what a terminal would obey."""
    line = "".join(one if one.isprintable() else " " for one in words)
    return " ".join(line.split())[:WORDS_LIMIT]


def complaints_of(snapshot: Snapshot, refusal: Refusal) -> dict[str, str]:
    """
    E-mail as compared -> what is said of the record that the snapshot has under it. Empty where one of the places is
    nobody's: then the answer was not understood.
    """
    of_list: dict[str, list[str]] = {"students": [], "staff": []}
    for email in snapshot.records:
        of_list["students" if email in snapshot.students else "staff"].append(email)
    if any(place.at >= len(of_list[place.list]) for place in refusal.places):
        return {}
    if refusal.places:
        return {of_list[place.list][place.at]: words for place, words in refusal.places.items()}
    return {key: words for email, words in refusal.emails.items() if (key := email_key(email)) in snapshot.records}


def refused_records(snapshot: Snapshot, view: TenantView, emails: Collection[str]) -> dict[str, str]:
    """
    Person (or / and a protected e-mail) -> the digest of their own record. Empty where one of them cannot be left as
    last sent, or out.
    """
    fixed = {f"/{email_key(one.email)}": fixed_digest(one) for one in view.protected}
    found: dict[str, str] = {}
    for email in emails:
        ref = snapshot.roster[email].ref
        person = view.facts.people.get(ref)
        if person is not None and person.status == "enabled":
            found[ref] = record_digest(person)
        elif ref in fixed:
            found[ref] = fixed[ref]
        else:
            return {}
    return found
