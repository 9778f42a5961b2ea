"""The whole of a tenant as Unitu's ``POST /v1/sync`` takes it: the same input gives the same bytes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import msgspec

from services.publisher.emails import EmailRule, assign, candidates
from services.publisher.last import Last
from services.publisher.person import Person
from shared.model import Department, Faculty, Kind, Module, Programme, Structure
from shared.tenant import EmailConflict, EmailWait, Seat, Who, email_key

_json = msgspec.json.Encoder()
LISTS = ("faculties", "departments", "programmes", "modules")

Entity = tuple[str, str | None]


@dataclass(frozen=True)
class Fixed:
    """A protected record: it is in every snapshot, as it stands."""

    kind: Kind
    email: str
    json: bytes

    def spelled(self, email: str) -> "Fixed":
        """The record with its e-mail as Unitu has it."""
        if email == self.email:
            return self
        return Fixed(self.kind, email, _json.encode(msgspec.json.decode(self.json) | {"email": email}))


@dataclass(frozen=True)
class Snapshot:
    """
    ``roster``: e-mail -> whose it is; ``records``: e-mail -> the record as sent; ``carried``: person -> e-mail as sent.
    ``entities``: list -> code -> (name, code of what it belongs to). ``repeated_codes``: codes that two schools define
    differently; the first school wins.
    """

    body: bytes
    digest: str
    roster: Mapping[str, Seat]
    roster_hash: str
    records: Mapping[str, bytes]
    carried: Mapping[str, str]
    entities: Mapping[str, Mapping[str, Entity]]
    students: frozenset[str]
    waits: tuple[EmailWait, ...]
    conflicts: tuple[EmailConflict, ...]
    without_email: tuple[Who, ...]
    repeated_codes: Mapping[str, tuple[str, ...]]


def roster_hash(emails: Iterable[str]) -> str:
    """Of the e-mails as compared, sorted, each once."""
    return blake2b("\n".join(sorted(set(emails))).encode(), digest_size=16).hexdigest()


def take(
    people: Iterable[Person],
    structures: Mapping[str, Structure],
    fixed: Sequence[Fixed],
    last: Last,
    rule: EmailRule,
    *,
    has_staff: bool,
) -> Snapshot:
    """
    Everyone whose account is enabled or whom Unitu shall keep, each under one e-mail, and every protected record.

    Shape: six lists, always (``staff`` only where it is managed), each sorted: people by e-mail, entities by code.
    """
    enabled = {
        person.ref: person
        for person in people
        if person.head and (has_staff or person.kind == "student")
        if person.status == "enabled" or (person.status == "none" and person.ref in last.kept)
    }
    fixed = [record.spelled(last.spelled(record.email)) for record in fixed if has_staff or record.kind == "student"]
    protected = {email_key(record.email): record for record in fixed}
    wanted = {ref: candidates(person, last, rule) for ref, person in sorted(enabled.items())}
    carried = {ref: last.spelled(email) for ref, email in assign(wanted, protected.keys(), last).items()}
    records = {email: record.json for email, record in protected.items()}
    roster = {email: _seat("", email, record.email) for email, record in protected.items()}
    students = {email for email, record in protected.items() if record.kind == "student"}
    for ref, email in carried.items():
        person, key = enabled[ref], email_key(email)
        records[key] = person.json(email)
        roster[key] = _seat(person.book, person.person, email)
        if person.kind == "student":
            students.add(key)
    entities, lists, repeated = _structure(structures)
    emails = sorted(records)
    parts = [_list(name, lists[name]) for name in LISTS]
    parts.append(_list("students", [records[email] for email in emails if email in students]))
    if has_staff:
        parts.append(_list("staff", [records[email] for email in emails if email not in students]))
    body = b"{" + b",".join(parts) + b"}"
    return Snapshot(
        body=body,
        digest=blake2b(body, digest_size=16).hexdigest(),
        roster={email: roster[email] for email in emails},
        roster_hash=roster_hash(emails),
        records={email: records[email] for email in emails},
        carried=carried,
        entities=entities,
        students=frozenset(students),
        waits=_waits(enabled, carried, last, rule),
        conflicts=_conflicts(enabled, wanted, carried, roster),
        without_email=tuple(
            Who(**_whose(enabled[ref]), email="", reason="has no e-mail")
            for ref, emails in wanted.items()
            if not emails
        ),
        repeated_codes=repeated,
    )


def _seat(book: str, person: str, email: str) -> Seat:
    return Seat(book=book, person=person, email="" if email == email_key(email) else email)


def _whose(person: Person) -> dict[str, Any]:
    return {"school": person.school, "kind": person.kind, "person": person.person}


def _list(name: str, items: Sequence[bytes]) -> bytes:
    return b'"%s":[%s]' % (name.encode(), b",".join(items))


def _waits(
    enabled: Mapping[str, Person], carried: Mapping[str, str], last: Last, rule: EmailRule
) -> tuple[EmailWait, ...]:
    """Who is sent under the e-mail that was delivered, because nobody has released the new one."""
    return tuple(
        EmailWait(**_whose(person), delivered=carried[ref], own=person.email)
        for ref, person in sorted(enabled.items())
        if ref in carried
        and email_key(person.email) not in ("", email_key(carried[ref]))  # a spelling is not a new e-mail
        and not rule.lets(ref, person.email)
        and (ref in last.emails or ref in last.former)
    )


def _conflicts(
    enabled: Mapping[str, Person],
    wanted: Mapping[str, Sequence[str]],
    carried: Mapping[str, str],
    roster: Mapping[str, Seat],
) -> tuple[EmailConflict, ...]:
    """Whose first e-mail is somebody else's in this snapshot."""
    found = []
    for ref, emails in wanted.items():
        if not emails or email_key(carried.get(ref, "")) == email_key(emails[0]):
            continue
        found.append(
            EmailConflict(
                **_whose(enabled[ref]),
                email=emails[0],
                holder=roster[email_key(emails[0])].ref,
                is_left_out=ref not in carried,
            )
        )
    return tuple(found)


def _structure(
    structures: Mapping[str, Structure],
) -> tuple[dict[str, dict[str, Entity]], dict[str, list[bytes]], dict[str, tuple[str, ...]]]:
    """The schools' structures as one, by list: what is in it, the records, and codes that are defined twice."""
    entities: dict[str, dict[str, Entity]] = {name: {} for name in LISTS}
    lists: dict[str, list[bytes]] = {}
    repeated: dict[str, tuple[str, ...]] = {}
    for name in LISTS:
        found: dict[str, bytes] = {}
        again: set[str] = set()
        for _, structure in sorted(structures.items()):
            for entity in getattr(structure, name):
                fields, parent = _entity(entity)
                record = _json.encode(fields)
                if found.setdefault(entity.code, record) != record:
                    again.add(entity.code)
                entities[name].setdefault(entity.code, (entity.name, parent))
        lists[name] = [record for _, record in sorted(found.items())]
        if again:
            repeated[name] = tuple(sorted(again))
    return entities, lists, repeated


def _entity(entity: Faculty | Department | Programme | Module) -> tuple[dict[str, Any], str | None]:
    """The record of Unitu's body, and the code of what the entity belongs to."""
    record: dict[str, Any] = {"code": entity.code, "name": entity.name}
    parent: str | None = None
    match entity:
        case Department(faculty_code=str(parent)):
            record["facultyCode"] = parent
        case Programme(department_code=str(parent)):
            record["departmentCode"] = parent
        case Module(programme_code=parent):
            record["programmeCode"] = parent
            record["years"] = [{"year": year.year, "isOptional": year.is_optional} for year in entity.years]
    return record, parent
