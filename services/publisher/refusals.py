"""
Whom a refusal points at, and what it says of them. Unitu's document does not say how, so each usual way is understood:
a JSON pointer (``/students/3/email``), a path (``students[3].email``), also as the name of a field, a list of steps
(``["body", "students", 3, "email"]``), a list and an index, or a person's own e-mail. Pure.
"""

import re
from collections.abc import Collection, Iterator
from itertools import islice, pairwise
from typing import Any, NamedTuple

from services.publisher.snapshot import Snapshot, fixed_digest, record_digest
from services.publisher.tenant_view import TenantView
from shared.contract.tenant_state import email_key
from shared.http_answer import NotJson, decode_json

PEOPLE = ("students", "staff")
MOST = 50  # of more records than this at fault, something else is wrong
WORDS_LIMIT = 200  # characters that are kept of what Unitu says of one record
LOOKED_AT = 2_000  # characters of one text that its words are made of: a text may name thousands of records
NODES = 100  # values that are looked at for the text under a path
STEPS = 8  # behind a list and an index, where the field may be
SAID = ("message", "msg", "detail", "description", "error", "title", "reason")  # the fields that say what is wrong
_PATH = re.compile(r"\b(students|staff)(?:[./]|\[)(\d{1,7})\b\]?[./]?(\w*)", re.IGNORECASE)
_ELSEWHERE = re.compile(r"\b(faculties|departments|programmes|modules)(?:[./]|\[)\d", re.IGNORECASE)
_BETWEEN = re.compile(r"[\s<>,;|:\"'()\[\]]+")  # what parts one address from the next
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
    """Its time grows with the answer's size and no faster: whoever answers may mean harm."""
    places: dict[Place, str] = {}
    for complaint in _complaints(answer):
        places[complaint.place] = places.get(complaint.place) or _cut(complaint.words)
        if len(places) > MOST:
            return NOBODY
    emails: dict[str, str] = {}
    for text in _texts(answer):
        for email in _addresses(text):
            if email not in emails:
                emails[email] = _cut(text)
            if len(emails) > MOST:
                return NOBODY
    return Refusal(dict(sorted(places.items())), emails)


def _addresses(text: str) -> Iterator[str]:
    """Whatever has the form of an e-mail, without the end of its sentence."""
    for word in _BETWEEN.split(text) if "@" in text else ():
        local, _, domain = word.rstrip(".@").rpartition("@")
        if local and len(domain) > 1:
            yield f"{local}@{domain}"


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
                if _PATH.search(name):
                    yield from _of_paths(name, _first_text(one))
                yield from _complaints(one, _said(answer))


def _of_steps(steps: list[Any], said: str) -> Iterator[Complaint]:
    """``["body", "students", 3, "email"]``."""
    for at, (name, index) in enumerate(pairwise(steps)):
        if isinstance(name, str) and name.lower() in PEOPLE and type(index) is int:
            field = next((one for one in steps[at + 2 : at + 2 + STEPS] if isinstance(one, str)), "")
            yield Complaint(Place(name.lower(), index), _with_field(field, said))


def _of_paths(text: str, said: str) -> Iterator[Complaint]:
    is_itself, text_begun, said = text == said, text[:LOOKED_AT], said[:LOOKED_AT]
    for name, index, field in _PATH.findall(text):
        words = _with_field(field, said) if not is_itself else text_begun if " " in text_begun else field
        yield Complaint(Place(name.lower(), int(index)), words)


def _with_field(field: str, said: str) -> str:
    return f"{field}: {said}" if field and said else field or said


def _said(answer: dict[str, Any]) -> str:
    return next((answer[name] for name in SAID if isinstance(answer.get(name), str)), "")


def _first_text(answer: Any) -> str:
    return next((one for one in islice(_values(answer), NODES) if isinstance(one, str)), "")


def _texts(answer: Any) -> Iterator[str]:
    return (one for one in _values(answer) if isinstance(one, str))


def _values(answer: Any) -> Iterator[Any]:
    """Everything in it, in order. Each is looked at once, however deep it is."""
    rest = [answer]
    while rest:
        yield (one := rest.pop())
        match one:
            case list():
                rest.extend(reversed(one))
            case dict():
                rest.extend(reversed(one.values()))


def _cut(words: str) -> str:
    """One line, without what a terminal would obey."""
    line = "".join(one if one.isprintable() else " " for one in words[:LOOKED_AT])
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
