"""What Unitu will do with a snapshot, by its document, as far as known. For people: nothing is decided by it. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec

from services.publisher.last_snapshot import Last, orphan, orphaned
from services.publisher.snapshot import Snapshot
from services.publisher.structure_ledger import Ledger, confirmed_in
from services.publisher.unconfirmed import Blocked, unconfirmed
from shared.contract.deliveries import CodesChanged, FieldsUpdated, NotTaken, Report
from shared.contract.entities import EntityList, NewEntity
from shared.contract.model import Frozen
from shared.contract.tenant_state import email_key

LIST_LIMIT = 5_000  # of each list; a report is one message, and Kafka takes 16 MiB. The counts are always of all
UPDATED = ("firstName", "lastName", "year")  # what Unitu's document says that it updates, beside what may be left out


_Once = tuple[Literal["id", "personalEmail"], str | None, str | None]  # a field, what Unitu has, and what is said now


class Sent(Frozen, array_like=True, kw_only=True):
    """
    What was last accepted under one e-mail, the ``id`` and ``personalEmail`` that Unitu took the first time, and the
    ``phone`` that was said last. ``is_gone``: in an earlier snapshot than the last; Unitu has the account, disabled.
    ``is_whole``: the account is in everything that the record names. Else it is in ``programmes`` and ``modules``, as
    far as known; None in what was written before there was a ledger, and then in what is confirmed of it.
    """

    json: bytes
    id: str | None = None
    personal_email: str | None = None
    phone: str | None = None
    is_gone: bool = False
    programmes: tuple[str, ...] | None = None
    modules: tuple[str, ...] | None = None
    is_whole: bool = False


class _Fields(msgspec.Struct, frozen=True, rename="camel"):
    """What a report compares of a record."""

    first_name: str = ""
    last_name: str = ""
    year: int | None = None
    phone: str | None = None
    id: str | None = None
    personal_email: str | None = None
    programme_codes: tuple[str, ...] = ()
    module_codes: tuple[str, ...] | None = None  # left out, it takes nobody out of a module

    def updated(self) -> tuple[object, ...]:
        return self.first_name, self.last_name, self.year


_packer = msgspec.msgpack.Encoder()
_unpacker = msgspec.msgpack.Decoder(Sent)
_fields = msgspec.json.Decoder(_Fields)


def pack(sent: Sent) -> bytes:
    return _packer.encode(sent)


def unpack(value: bytes) -> Sent:
    return _unpacker.decode(value)


@dataclass(frozen=True)
class _Courses:
    """The programmes and modules that an account is in, or that exist at Unitu."""

    programmes: frozenset[str] = frozenset()
    modules: frozenset[str] = frozenset()

    def after(self, record: _Fields, exist: "_Courses") -> "_Courses":
        """Out of what the record no longer names, into what it names and exists."""
        programmes = frozenset(record.programme_codes) & (self.programmes | exist.programmes)
        if record.module_codes is None:
            return _Courses(programmes, self.modules)
        return _Courses(programmes, frozenset(record.module_codes) & (self.modules | exist.modules))


def _existing(confirmed: Mapping[EntityList, frozenset[str]]) -> _Courses:
    return _Courses(confirmed["programmes"], confirmed["modules"])


def _named_in(record: _Fields) -> _Courses:
    return _Courses(frozenset(record.programme_codes), frozenset(record.module_codes or ()))


def _courses_of(sent: Sent, record: _Fields, exist: _Courses) -> _Courses:
    """What the account is in; ``record``: that of ``sent``."""
    if sent.is_whole:
        return _named_in(record)
    if sent.programmes is None or sent.modules is None:
        return _Courses().after(record, exist)
    return _Courses(frozenset(sent.programmes), frozenset(sent.modules))


def sent_after(
    snapshot: Snapshot, before: Mapping[str, Sent], ledger: Ledger, left: Collection[str] = ()
) -> dict[str, Sent | None]:
    """
    What changes in the memory of what was sent when this snapshot is accepted; None forgets an e-mail. ``left``: the
    e-mails that their people have left behind, and may come back to.
    """
    changes: dict[str, Sent | None] = {}
    exist = _existing(confirmed_in(ledger))
    for email, old in before.items():
        if email in snapshot.records:
            continue
        if email not in left:
            changes[email] = None
        elif not old.is_gone:
            changes[email] = msgspec.structs.replace(old, is_gone=True)
    for email, json in snapshot.records.items():
        known = before.get(email, Sent(json=b"{}"))
        if not _is_as_sent(known, json) and (sent := _sent_now(known, json, exist)) != known:
            changes[email] = sent
    return changes


def _is_as_sent(known: Sent, json: bytes) -> bool:
    """The record was taken as it stands: nothing of it can come to anything else now."""
    return known.json == json and known.is_whole and not known.is_gone


def _sent_now(known: Sent, json: bytes, exist: _Courses) -> Sent:
    fields, old = _fields.decode(json), _fields.decode(known.json)
    courses = _courses_of(known, old, exist).after(fields, exist)
    is_whole = courses == _named_in(fields)
    return Sent(
        json=json,
        id=known.id if known.id is not None else fields.id,
        personal_email=known.personal_email if known.personal_email is not None else fields.personal_email,
        phone=fields.phone if fields.phone is not None else _phone(known),
        programmes=None if is_whole else tuple(sorted(courses.programmes)),
        modules=None if is_whole else tuple(sorted(courses.modules)),
        is_whole=is_whole,
    )


def _phone(sent: Sent) -> str | None:
    """A record that leaves it out does not take it away."""
    return sent.phone if sent.phone is not None else _fields.decode(sent.json).phone


def report(
    snapshot: Snapshot, accounts: Collection[str], last: Last, sent: Mapping[str, Sent], ledger: Ledger
) -> Report:
    """
    ``accounts``: the e-mails that are enabled at Unitu, as far as known; ``last`` knows which were there before.
    ``sent``: e-mail -> what was last accepted under it; empty after it was lost. ``ledger``: what is known of Unitu's
    structure.
    """
    draft = _drafted(snapshot, accounts, last, sent, ledger)
    disabled = tuple(sorted(email for email in accounts if email not in snapshot.roster))
    entities = unconfirmed(snapshot.entities, ledger, draft.blocked_students)
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
    counts["new_entities"] = sum(one.state == "new" for one in entities)
    empty = Report(
        is_compared=draft.is_compared,
        counts=counts,
        repeated_codes=dict(snapshot.repeated_codes),
        undefined_codes=dict(snapshot.undefined),
    )
    return msgspec.structs.replace(empty, **{name: found[:LIST_LIMIT] for name, found in lists.items()})


def entities_of(
    snapshot: Snapshot, accounts: Collection[str], last: Last, sent: Mapping[str, Sent], ledger: Ledger
) -> tuple[NewEntity, ...]:
    """All that a report has at most 5,000 of."""
    return unconfirmed(snapshot.entities, ledger, _drafted(snapshot, accounts, last, sent, ledger).blocked_students)


def _drafted(
    snapshot: Snapshot, accounts: Collection[str], last: Last, sent: Mapping[str, Sent], ledger: Ledger
) -> "_Draft":
    draft = _Draft(snapshot, accounts, last, sent, ledger)
    for email, json in snapshot.records.items():
        draft.take(email, _fields.decode(json))
    return draft


class _Draft:
    """Takes the snapshot's records one by one, sorted by e-mail."""

    def __init__(
        self,
        snapshot: Snapshot,
        accounts: Collection[str],
        last: Last,
        sent: Mapping[str, Sent],
        ledger: Ledger,
    ) -> None:
        self._snapshot, self._accounts, self._sent = snapshot, accounts, sent
        self._exist = _existing(confirmed_in(ledger))
        self._former = {email_key(email) for email in last.former.values()}
        self._orphans, self._gone = last.orphans, last.gone
        self.is_compared = True
        self.provisioned: list[str] = []
        self.enabled: list[str] = []
        self.updated: list[FieldsUpdated] = []
        self.enrolled: list[CodesChanged] = []
        self.unenrolled: list[CodesChanged] = []
        self.blocked: list[CodesChanged] = []
        self.not_taken: list[NotTaken] = []
        self.blocked_students = Blocked()

    def take(self, email: str, now: _Fields) -> None:
        kept = self._sent.get(email)
        is_there = email in self._accounts
        if not is_there and not self._was_there(email):
            self.provisioned.append(email)
            self._enrol(email, _Courses(), now)
            return
        if not is_there:
            self.enabled.append(email)  # with what it had: a disabled account is taken out of nothing
        if kept is None:
            self.is_compared = False
            self._block(email, _Courses().after(now, self._exist), now)
        else:
            self._compare(email, kept, now)

    def _was_there(self, email: str) -> bool:
        return email in self._former or orphaned(self._orphans, email) is not None or orphan(email) in self._gone

    def _compare(self, email: str, kept: Sent, now: _Fields) -> None:
        once: tuple[_Once, ...] = ("id", kept.id, now.id), ("personalEmail", kept.personal_email, now.personal_email)
        before = now
        if kept.json != self._snapshot.records[email]:
            before = _fields.decode(kept.json)
            names = zip(UPDATED, before.updated(), now.updated(), strict=True)
            is_student = email in self._snapshot.students  # a member of staff has no year, and takes away nobody's
            fields = [name for name, old, new in names if old != new and (name != "year" or is_student)]
            first = [(name, old, new) for name, old, new in once if old is None]
            said = ("phone", _phone(kept), now.phone), *first
            fields += [name for name, old, new in said if new not in (None, old)]
            if fields:
                self.updated.append(FieldsUpdated(email=email, fields=tuple(fields)))
        if not _is_as_sent(kept, self._snapshot.records[email]):
            self._enrol(email, _courses_of(kept, before, self._exist), now)
        self.not_taken += [
            NotTaken(email=email, field=name) for name, old, new in once if old and new not in (None, old)
        ]

    def _enrol(self, email: str, before: _Courses, now: _Fields) -> None:
        after = before.after(now, self._exist)
        _add(self.enrolled, email, after.programmes - before.programmes, after.modules - before.modules)
        _add(self.unenrolled, email, before.programmes - after.programmes, before.modules - after.modules)
        self._block(email, after, now)

    def _block(self, email: str, into: _Courses, now: _Fields) -> None:
        programmes = frozenset(now.programme_codes) - into.programmes
        modules = frozenset(now.module_codes or ()) - into.modules
        _add(self.blocked, email, programmes, modules)
        if email in self._snapshot.students:
            self.blocked_students.programmes[email] = programmes
            self.blocked_students.modules[email] = modules


def _add(found: list[CodesChanged], email: str, programmes: Collection[str], modules: Collection[str]) -> None:
    if programmes or modules:
        found.append(CodesChanged(email=email, programmes=tuple(sorted(programmes)), modules=tuple(sorted(modules))))
