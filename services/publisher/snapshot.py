"""The whole of a tenant as Unitu's ``POST /v1/sync`` takes it: the same input gives the same bytes. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import msgspec

from services.publisher.codes import Entities, Entity, entities_of, named_in, with_codes_of, without_undefined
from services.publisher.email_assignment import EmailRule, assign, candidates
from services.publisher.last_snapshot import Last
from services.publisher.moves import Move, Owners
from services.publisher.roster_entry import Person
from shared.contract.deliveries import EmailConflict, EmailWait, Who
from shared.contract.email import is_another_account
from shared.contract.model import Kind, Structure
from shared.contract.retired import LISTS
from shared.contract.tenant_state import Seat, email_key


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
        return Fixed(self.kind, email, msgspec.json.encode(msgspec.json.decode(self.json) | {"email": email}))


@dataclass(frozen=True)
class Kept:
    """Somebody who is held: their record as it was sent, under the e-mail that it was sent under."""

    seat: Seat
    json: bytes


@dataclass(frozen=True)
class Base:
    """
    What else a snapshot is made of. ``kept``: e-mail -> who stays as last sent. ``codes``: e-mail -> the record whose
    enrolments nobody may lose now. ``retired``: school -> what it no longer lists. ``refused``: person -> the digest of
    the record that Unitu refused. ``releases``: the hashes of what a person has let go.
    """

    kept: Mapping[str, Kept] = field(default_factory=dict)
    codes: Mapping[str, bytes] = field(default_factory=dict)
    retired: Mapping[str, Structure] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    releases: Collection[str] = ()


PLAIN = Base()


@dataclass(frozen=True)
class Snapshot:
    """
    ``roster``: e-mail -> whose it is; ``records``: e-mail -> the record as sent; ``carried``: person -> e-mail as sent.
    ``entities``: list -> code -> (name, code of what it belongs to). ``repeated_codes``: codes that two schools define
    differently; the first school wins. ``moves``: e-mails that wait for a yes to go from one person to another.
    ``used``: the releases that it was taken with. ``undefined``: list -> codes that no school defines, so nobody is
    sent with them. ``refused``: people whose record Unitu refused and is still the same. ``protected_as``: person ->
    the e-mail under which the protected file has them, so that they get no second account.
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
    moves: tuple[Move, ...] = ()
    used: frozenset[str] = frozenset()
    undefined: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    refused: frozenset[str] = frozenset()
    protected_as: Mapping[str, str] = field(default_factory=dict)


def roster_hash(emails: Iterable[str]) -> str:
    """Of the e-mails as compared, sorted, each once."""
    return blake2b("\n".join(sorted(set(emails))).encode(), digest_size=16).hexdigest()


def take(
    people: Iterable[Person],
    structures: Mapping[str, Structure],
    fixed: Sequence[Fixed],
    last: Last,
    rule: EmailRule,
    base: Base = PLAIN,
    *,
    has_staff: bool,
) -> Snapshot:
    """
    Everyone whose account is enabled or whom Unitu shall keep, each under one e-mail, every protected record, and
    whoever is held as last sent.

    Shape: six lists, always (``staff`` only where it is managed), each sorted: people by e-mail, entities by code.
    """
    everybody = {person.ref: person for person in people}
    owners = Owners(last, everybody, base.releases)
    held = {kept.seat.ref for kept in base.kept.values() if kept.seat.book}
    enabled = {
        ref: person
        for ref, person in everybody.items()
        if person.head and (has_staff or person.kind == "student")
        if person.status == "enabled" or (person.status == "none" and ref in last.kept)
    }
    refused = {ref for ref, digest in base.refused.items() if ref in enabled and record_digest(enabled[ref]) == digest}
    enabled = {ref: person for ref, person in enabled.items() if ref not in held and ref not in refused}
    in_file = {
        email_key(record.email): record
        for record in (one.spelled(last.spelled(one.email)) for one in fixed)
        if has_staff or record.kind == "student"
    }
    protected = {
        key: record
        for key, record in in_file.items()
        if key not in base.kept and not _is_refused(record, base) and owners.may_be_protected(key, record.json)
    }
    wanted = {ref: candidates(person, last, rule) for ref, person in sorted(enabled.items())}
    # also while the record is refused, stays as sent or waits for a yes, or the person is undecided: it is theirs
    claims = {ref: [person.email] for ref, person in everybody.items() if person.status == "none"} | wanted
    fixed_json = {key: record.json for key, record in in_file.items()}
    is_fixed = {ref: owners.protected_as(ref, emails, fixed_json) for ref, emails in claims.items()}
    allowed = {
        ref: [] if is_fixed[ref] is not None else [email for email in emails if owners.may_have(ref, email_key(email))]
        for ref, emails in wanted.items()
    }
    assigned = assign(allowed, protected.keys() | base.kept.keys(), last)
    carried = {ref: last.spelled(email) for ref, email in assigned.items()}
    draft = _Draft(has_staff=has_staff)
    for email, record in protected.items():
        draft.add(email, _seat("", email, record.email), record.kind, record.json)
    for email, kept in base.kept.items():
        draft.add(email, kept.seat, kept.seat.kind, kept.json)
    for ref, email in carried.items():
        person, key = enabled[ref], email_key(email)
        json = person.json(email)
        if key in base.codes:
            json = with_codes_of(json, base.codes[key])
        draft.add(key, _seat(person.book, person.person, email), person.kind, json)
    carried |= {kept.seat.ref: kept.seat.email or email for email, kept in base.kept.items() if kept.seat.book}
    entities = draft.define(structures, base.retired)
    body, emails = draft.body(entities), sorted(draft.records)
    return Snapshot(
        body=body,
        digest=blake2b(body, digest_size=16).hexdigest(),
        roster={email: draft.roster[email] for email in emails},
        roster_hash=roster_hash(emails),
        records={email: draft.records[email] for email in emails},
        carried=carried,
        entities=entities.known,
        students=frozenset(draft.students),
        waits=_waits({ref: everybody[ref] for ref in carried if ref in everybody}, carried, last, rule),
        conflicts=_conflicts(enabled, wanted, carried, draft.roster, owners),
        without_email=tuple(
            Who(**_whose(enabled[ref]), email="", reason="has no e-mail")
            for ref, emails in wanted.items()
            if not emails
        ),
        repeated_codes=entities.repeated,
        moves=tuple(move for _, move in sorted(owners.asked.items()) if not _keeps_it(move, wanted)),
        used=frozenset(base.releases),
        undefined={name: tuple(sorted(codes)) for name, codes in draft.undefined.items()},
        refused=frozenset(refused | {f"/{email_key(one.email)}" for one in fixed if _is_refused(one, base)}),
        protected_as={ref: email for ref, email in is_fixed.items() if email is not None},
    )


def _keeps_it(move: Move, wanted: Mapping[str, Sequence[str]]) -> bool:
    """The owner goes on under it, so nothing moves, and the other is told as a conflict."""
    emails = wanted.get(move.owner, ())
    return bool(emails) and email_key(emails[0]) == move.email and not move.ref.startswith("/")


def record_digest(person: Person) -> str:
    """Of a person's own record, whatever else decides how it is sent."""
    return blake2b(person.json(person.email), digest_size=16).hexdigest()


def fixed_digest(record: Fixed) -> str:
    return blake2b(record.json, digest_size=16).hexdigest()


def _is_refused(record: Fixed, base: Base) -> bool:
    return base.refused.get(f"/{email_key(record.email)}") == fixed_digest(record)


class _Draft:
    """The records of a body, by e-mail, as they come together."""

    def __init__(self, *, has_staff: bool) -> None:
        self._has_staff = has_staff
        self.records: dict[str, bytes] = {}
        self.roster: dict[str, Seat] = {}
        self.students: set[str] = set()
        self.undefined: dict[str, set[str]] = {}

    def add(self, email: str, seat: Seat, kind: Kind, json: bytes) -> None:
        self.records[email], self.roster[email] = json, seat
        if kind == "student":
            self.students.add(email)

    def define(self, structures: Mapping[str, Structure], retired: Mapping[str, Structure]) -> Entities:
        """What the records name; whatever no school defines is taken out of them."""
        named = {code for record in self.records.values() for codes in named_in(record) for code in codes}
        entities = entities_of(structures, retired, named)
        if structures:
            for email, record in self.records.items():
                self.records[email], wrong = without_undefined(record, entities.known)
                for name, codes in wrong.items():
                    self.undefined.setdefault(name, set()).update(codes)
        return entities

    def body(self, entities: Entities) -> bytes:
        emails = sorted(self.records)
        parts = [_list(name, entities.records[name]) for name in LISTS]
        parts.append(_list("students", [self.records[email] for email in emails if email in self.students]))
        if self._has_staff:
            parts.append(_list("staff", [self.records[email] for email in emails if email not in self.students]))
        return b"{" + b",".join(parts) + b"}"


def _seat(book: str, person: str, email: str) -> Seat:
    return Seat(book=book, person=person, email="" if email == email_key(email) else email)


def _whose(person: Person) -> dict[str, Any]:
    return {"school": person.school, "kind": person.kind, "person": person.person}


def _list(name: str, items: Sequence[bytes]) -> bytes:
    return b'"%s":[%s]' % (name.encode(), b",".join(items))


def _waits(
    people: Mapping[str, Person], carried: Mapping[str, str], last: Last, rule: EmailRule
) -> tuple[EmailWait, ...]:
    """Who is sent under the e-mail that was delivered, because nobody has released the new one."""
    return tuple(
        EmailWait(**_whose(person), delivered=carried[ref], own=person.email)
        for ref, person in sorted(people.items())
        if person.status != "disabled"
        and email_key(person.email)
        and is_another_account(carried[ref], person.email)  # a spelling is not
        and not rule.lets(ref, person.email)
        and (ref in last.emails or ref in last.former)
    )


def _conflicts(
    enabled: Mapping[str, Person],
    wanted: Mapping[str, Sequence[str]],
    carried: Mapping[str, str],
    roster: Mapping[str, Seat],
    owners: Owners,
) -> tuple[EmailConflict, ...]:
    """Whose first e-mail is somebody else's, in this snapshot or at Unitu."""
    found = []
    for ref, emails in wanted.items():
        if not emails or email_key(carried.get(ref, "")) == email_key(emails[0]):
            continue
        key = email_key(emails[0])
        holder = roster[key].ref if key in roster else next(iter(owners.of(key)), "")
        found.append(
            EmailConflict(**_whose(enabled[ref]), email=emails[0], holder=holder, is_left_out=ref not in carried)
        )
    return tuple(found)
