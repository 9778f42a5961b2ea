"""What Unitu will do with a snapshot, by its document, as far as known. For people; nothing is decided from it."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec

from services.publisher.codes import LISTS
from services.publisher.last import Last, orphaned
from services.publisher.snapshot import Snapshot
from shared.model import Frozen
from shared.tenant import CodesChanged, FieldsUpdated, NewEntity, NotTaken, Report, email_key

LIST_LIMIT = 5_000  # of each list; a report is one message, and Kafka takes 16 MiB. The counts are always of all
UPDATED = ("firstName", "lastName", "year")  # what Unitu's document says that it updates, beside what may be left out


_Once = tuple[Literal["id", "personalEmail"], str | None, str | None]  # a field, what Unitu has, and what is said now


class Sent(Frozen, array_like=True, kw_only=True):
    """
    What was last accepted under one e-mail, the ``id`` and ``personalEmail`` that Unitu took the first time, and the
    ``phone`` that was said last. ``is_gone``: in an earlier snapshot than the last; Unitu has the account, disabled.
    """

    json: bytes
    id: str | None = None
    personal_email: str | None = None
    phone: str | None = None
    is_gone: bool = False


class _Fields(msgspec.Struct, frozen=True, rename="camel"):
    """What a report compares of a record."""

    first_name: str = ""
    last_name: str = ""
    year: int | None = None
    phone: str | None = None
    id: str | None = None
    personal_email: str | None = None
    programme_codes: tuple[str, ...] = ()
    module_codes: tuple[str, ...] = ()

    def updated(self) -> tuple[object, ...]:
        return self.first_name, self.last_name, self.year


_packer = msgspec.msgpack.Encoder()
_unpacker = msgspec.msgpack.Decoder(Sent)
_fields = msgspec.json.Decoder(_Fields)


def pack(sent: Sent) -> bytes:
    return _packer.encode(sent)


def unpack(value: bytes) -> Sent:
    return _unpacker.decode(value)


def sent_after(snapshot: Snapshot, before: Mapping[str, Sent], left: Collection[str] = ()) -> dict[str, Sent | None]:
    """
    What changes in the memory of what was sent when this snapshot is accepted; None forgets an e-mail. ``left``: the
    e-mails that their people have left behind, and may come back to.
    """
    changes: dict[str, Sent | None] = {}
    for email, old in before.items():
        if email in snapshot.records:
            continue
        if email not in left:
            changes[email] = None
        elif not old.is_gone:
            changes[email] = msgspec.structs.replace(old, is_gone=True)
    for email, json in snapshot.records.items():
        known = before.get(email, Sent(json=b"{}"))
        if known.json == json and not known.is_gone:
            continue
        fields = _fields.decode(json)
        changes[email] = Sent(
            json=json,
            id=known.id if known.id is not None else fields.id,
            personal_email=known.personal_email if known.personal_email is not None else fields.personal_email,
            phone=fields.phone if fields.phone is not None else _phone(known),
        )
    return changes


def _phone(sent: Sent) -> str | None:
    """A record that leaves it out does not take it away."""
    return sent.phone if sent.phone is not None else _fields.decode(sent.json).phone


def report(
    snapshot: Snapshot,
    accounts: Collection[str],
    last: Last,
    sent: Mapping[str, Sent],
    known: Mapping[str, Iterable[str]] | None,
) -> Report:
    """
    ``accounts``: the e-mails that are enabled at Unitu, as far as known; ``last`` knows which were there before.
    ``sent``: e-mail -> what was last accepted under it; empty after it was lost. ``known``: list -> the codes of the
    last accepted snapshot, None when none was accepted yet.
    """
    new = {name: _new_codes(name, snapshot, known) for name in LISTS}
    records = {email: _fields.decode(json) for email, json in snapshot.records.items()}
    draft = _Draft(snapshot, records, accounts, last, sent, new)
    for email in records:
        draft.take(email)
    disabled = tuple(sorted(email for email in accounts if email not in snapshot.roster))
    entities = _new_entities(snapshot, new, draft.enrolments)
    lists = {
        "provisioned": tuple(draft.provisioned),
        "updated": tuple(draft.updated),
        "disabled": disabled,
        "enabled": tuple(draft.enabled),
        "enrolled": tuple(draft.enrolled),
        "unenrolled": tuple(draft.unenrolled),
        "entities": entities,
        "blocked": tuple(draft.blocked),
        "waits": snapshot.waits,
        "conflicts": snapshot.conflicts,
        "without_email": snapshot.without_email,
        "not_taken": tuple(draft.not_taken),
    }
    counts = {"students": len(snapshot.students), "staff": len(snapshot.records) - len(snapshot.students)}
    counts |= {name: len(found) for name, found in lists.items()}
    empty = Report(
        is_compared=draft.is_compared,
        counts=counts,
        repeated_codes=dict(snapshot.repeated_codes),
        undefined_codes=dict(snapshot.undefined),
    )
    return msgspec.structs.replace(empty, **{name: found[:LIST_LIMIT] for name, found in lists.items()})


@dataclass
class _Enrolments:
    """Who is in what: e-mail -> programme codes, e-mail -> module codes. Students only."""

    programmes: dict[str, tuple[str, ...]]
    modules: dict[str, tuple[str, ...]]


class _Draft:
    """Takes the snapshot's records one by one, sorted by e-mail."""

    def __init__(
        self,
        snapshot: Snapshot,
        records: Mapping[str, _Fields],
        accounts: Collection[str],
        last: Last,
        sent: Mapping[str, Sent],
        new: Mapping[str, frozenset[str]],
    ) -> None:
        self._snapshot, self._records, self._accounts, self._sent = snapshot, records, accounts, sent
        there = {name: snapshot.entities[name].keys() - new[name] for name in ("programmes", "modules")}
        self._programmes, self._modules = there["programmes"], there["modules"]
        self._former = {email_key(email) for email in last.former.values()}
        self._orphans = last.orphans
        self.is_compared = True
        self.provisioned: list[str] = []
        self.enabled: list[str] = []
        self.updated: list[FieldsUpdated] = []
        self.enrolled: list[CodesChanged] = []
        self.unenrolled: list[CodesChanged] = []
        self.blocked: list[CodesChanged] = []
        self.not_taken: list[NotTaken] = []
        self.enrolments = _Enrolments({}, {})

    def take(self, email: str) -> None:
        now = self._records[email]
        if email in self._snapshot.students:
            self.enrolments.programmes[email] = now.programme_codes
            self.enrolments.modules[email] = now.module_codes
        blocked = set(now.programme_codes) - self._programmes
        _add(self.blocked, email, blocked, set(now.module_codes) - self._modules)
        kept = self._sent.get(email)
        is_there = email in self._accounts
        if not is_there and not self._was_there(email):
            self.provisioned.append(email)
            self._enrol(email, _Fields(), now)
            return
        if not is_there:
            self.enabled.append(email)  # with what it had: a disabled account is taken out of nothing
        if kept is None:
            self.is_compared = False
        else:
            self._compare(email, kept, now)

    def _was_there(self, email: str) -> bool:
        return email in self._former or orphaned(self._orphans, email) is not None

    def _compare(self, email: str, kept: Sent, now: _Fields) -> None:
        once: tuple[_Once, ...] = ("id", kept.id, now.id), ("personalEmail", kept.personal_email, now.personal_email)
        if kept.json != self._snapshot.records[email]:
            before = _fields.decode(kept.json)
            names = zip(UPDATED, before.updated(), now.updated(), strict=True)
            fields = [name for name, old, new in names if old != new]
            first = [(name, old, new) for name, old, new in once if old is None]
            said = ("phone", _phone(kept), now.phone), *first
            fields += [name for name, old, new in said if new not in (None, old)]
            if fields:
                self.updated.append(FieldsUpdated(email=email, fields=tuple(fields)))
            self._enrol(email, before, now)
        self.not_taken += [
            NotTaken(email=email, field=name) for name, old, new in once if old and new not in (None, old)
        ]

    def _enrol(self, email: str, before: _Fields, now: _Fields) -> None:
        programmes, modules = set(now.programme_codes), set(now.module_codes)
        had_programmes, had_modules = set(before.programme_codes), set(before.module_codes)
        gained = (programmes - had_programmes) & self._programmes
        _add(self.enrolled, email, gained, (modules - had_modules) & self._modules)
        _add(self.unenrolled, email, had_programmes - programmes, had_modules - modules)


def _add(found: list[CodesChanged], email: str, programmes: Collection[str], modules: Collection[str]) -> None:
    if programmes or modules:
        found.append(CodesChanged(email=email, programmes=tuple(sorted(programmes)), modules=tuple(sorted(modules))))


def _new_codes(name: str, snapshot: Snapshot, known: Mapping[str, Iterable[str]] | None) -> frozenset[str]:
    return frozenset(snapshot.entities[name]) - frozenset((known or {}).get(name, ()))


def _new_entities(
    snapshot: Snapshot, new: Mapping[str, frozenset[str]], enrolments: _Enrolments
) -> tuple[NewEntity, ...]:
    """With the number of students that each would unblock: of a department's programmes, of a faculty's departments."""
    programmes = Counter(code for codes in enrolments.programmes.values() for code in set(codes))
    modules = Counter(code for codes in enrolments.modules.values() for code in set(codes))
    departments = _of_parents(snapshot, "programmes", {email: set(c) for email, c in enrolments.programmes.items()})
    faculties = _of_parents(snapshot, "departments", departments)
    students: dict[str, Mapping[str, int]] = {
        "faculties": Counter(code for codes in faculties.values() for code in codes),
        "departments": Counter(code for codes in departments.values() for code in codes),
        "programmes": programmes,
        "modules": modules,
    }
    found: list[NewEntity] = []
    names: tuple[Literal["faculties", "departments", "programmes", "modules"], ...]
    names = ("faculties", "departments", "programmes", "modules")
    for name in names:
        found += [
            NewEntity(list=name, code=code, name=snapshot.entities[name][code][0], students=students[name].get(code, 0))
            for code in sorted(new[name])
        ]
    return tuple(found)


def _of_parents(snapshot: Snapshot, name: str, codes: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """E-mail -> the codes of what its entities of this list belong to."""
    entities = snapshot.entities[name]
    return {
        email: {parent for code in of if code in entities and (parent := entities[code][1]) is not None}
        for email, of in codes.items()
    }
