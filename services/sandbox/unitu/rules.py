"""
What Unitu does with a snapshot, by its document: the accounts before and a snapshot in, the accounts after and a report
out.

Pure. It provisions whoever is new, enrols only into programmes and modules that exist at Unitu, updates first name,
last name, year and phone, takes a personal e-mail and an id the first time only, disables every enabled account that
the snapshot lacks, enables again who returns, and creates no entity.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import ceil
from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType, field
from msgspec.structs import replace

from services.sandbox.unitu.body import Body, StaffEntry, StudentEntry

Kind = Literal["student", "staff"]
EntityKind = Literal["faculties", "departments", "programmes", "modules"]
ENTITY_KINDS: tuple[EntityKind, ...] = ("faculties", "departments", "programmes", "modules")


class Account(Struct, kw_only=True, frozen=True):
    """What a person has at Unitu. ``number`` is Unitu's own; nothing in a snapshot names it."""

    number: int = 0
    email: str
    first_name: str
    last_name: str
    kind: Kind = "student"
    enabled: bool = True
    id: str | None = None
    year: int | None = None
    phone: str | None = None
    personal_email: str | None = None
    university_title: str | None = None
    programmes: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    faculties: tuple[str, ...] = ()
    departments: tuple[str, ...] = ()
    metadata: dict[str, str] = field(default_factory=dict)


class Entities(Struct, kw_only=True, frozen=True):
    """What exists at Unitu: the name of each code, and the programme that a module belongs to where that is known."""

    faculties: dict[str, str] = field(default_factory=dict)
    departments: dict[str, str] = field(default_factory=dict)
    programmes: dict[str, str] = field(default_factory=dict)
    modules: dict[str, str] = field(default_factory=dict)
    module_programmes: dict[str, str] = field(default_factory=dict)


class Rules(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What the document leaves open."""

    match_by: Literal["email", "id"] = "email"
    letter_exact: bool = False  # an e-mail in other letters is another account's
    absent_list: Literal["empty", "not_supplied"] = (
        "empty"  # a body without students (staff): nobody is in it, or nothing is said of them
    )
    absent_phone: Literal["keep", "clear"] = "keep"
    absent_modules: Literal["keep", "clear"] = "keep"
    provisions_without_programme: bool = True  # also who is in no programme that exists
    module_needs_programme: bool = False  # enrol into a module only those who are in its programme


_DOCUMENT = Rules()


class Change(Struct, kw_only=True, frozen=True):
    """One change of one account. ``what``: the field, or the kind of entity; ``code``: which one."""

    kind: Literal["provision", "update", "disable", "reenable", "enrol", "unenrol"]
    account: int
    email: str
    what: str = ""
    code: str = ""
    before: Any = None
    after: Any = None


class Report(Struct, kw_only=True, frozen=True):
    """What a snapshot did, or would have done, for Customer Success Managers to read."""

    counts: dict[str, int]  # by kind of change
    present: int  # accounts that the snapshot has
    new_entities: dict[str, list[str]]  # codes that Unitu has not, by kind
    first_seen_entities: dict[str, list[str]]  # of these, the ones that no earlier snapshot had
    renamed_entities: dict[str, list[str]]
    missing_entities: dict[str, list[str]]  # codes that Unitu has and the snapshot has not
    blocked: dict[str, dict[str, int]]  # heads that could not be enrolled, by kind and code
    repeated: list[str]  # e-mails (or ids) that stood more than once; the first counts
    not_taken: list[str]  # e-mails of accounts whose personal e-mail, id or kind differs and stays


class Applied(Struct, kw_only=True, frozen=True):
    accounts: dict[int, Account]  # all of them, by number
    changes: list[Change]
    report: Report


def apply(
    accounts: Mapping[int, Account],
    snapshot: Body,
    entities: Entities,
    rules: Rules = _DOCUMENT,
    seen_before: Mapping[str, Iterable[str]] | None = None,
) -> Applied:
    """
    The accounts after a snapshot. ``seen_before``: the codes of each kind of entity that earlier snapshots had.

    Changes come in the order of the snapshot, then the disabled ones in the order of their numbers. Raises: nothing.
    """
    after = dict(accounts)
    finder = _Finder(accounts.values(), rules)
    changes: list[Change] = []
    blocked: dict[str, Counter[str]] = {"programmes": Counter(), "modules": Counter()}
    present: set[int] = set()
    last = max(accounts, default=0)
    repeated: list[str] = []
    not_taken: list[str] = []
    for entry in (*(snapshot.students or ()), *(snapshot.staff or ())):
        found = finder.find(entry)
        if found in present:
            repeated.append(entry.email)
            continue
        before = after.get(found) if found is not None else None
        wanted = _wanted(entry, before, entities, rules, blocked)
        if before is None:
            if not wanted.programmes and not rules.provisions_without_programme:
                continue
            last += 1
            wanted = replace(wanted, number=last)
        elif _differs_for_good(before, entry):
            not_taken.append(before.email)
        finder.add(wanted)
        present.add(wanted.number)
        after[wanted.number] = wanted
        changes += _changes(before, wanted)
    for number, account in sorted(accounts.items()):
        if account.enabled and number not in present and not _unsaid(account.kind, snapshot, rules):
            after[number] = replace(account, enabled=False)
            changes.append(Change(kind="disable", account=number, email=account.email))
    report = Report(
        counts=dict(sorted(Counter(change.kind for change in changes).items())),
        present=len(present),
        blocked={kind: dict(sorted(heads.items())) for kind, heads in blocked.items()},
        repeated=repeated,
        not_taken=not_taken,
        **_entities(snapshot, entities, seen_before or {}),
    )
    return Applied(accounts=after, changes=changes, report=report)


def take_part(
    accounts: Mapping[int, Account], snapshot: Body, entities: Entities, rules: Rules, share: float
) -> dict[int, Account]:
    """The accounts after the first records of a snapshot that is then refused: nobody is disabled by it."""
    students, staff = list(snapshot.students or ()), list(snapshot.staff or ())
    part = replace(snapshot, students=_first(students, share), staff=_first(staff, share))
    after = apply(accounts, part, entities, rules).accounts
    return {**accounts, **{number: account for number, account in after.items() if account.enabled}}


def _first(entries: list[Any], share: float) -> list[Any]:
    return entries[: ceil(len(entries) * share)]


class _Finder:
    """Whose account an entry of the snapshot is."""

    def __init__(self, accounts: Iterable[Account], rules: Rules) -> None:
        self.by_id = rules.match_by == "id"
        self.key = exact if rules.letter_exact else normal
        self.emails: dict[str, int] = {}
        self.ids: dict[str, int] = {}
        self.without_id: set[int] = set()
        for account in accounts:
            self.add(account)

    def add(self, account: Account) -> None:
        self.emails.setdefault(self.key(account.email), account.number)
        if account.id is None:
            self.without_id.add(account.number)
        else:
            self.ids.setdefault(account.id, account.number)
            self.without_id.discard(account.number)

    def find(self, entry: StudentEntry | StaffEntry) -> int | None:
        by_email = self.emails.get(self.key(entry.email))
        if not self.by_id or entry.id is UNSET:
            return by_email
        found = self.ids.get(entry.id)
        if found is not None:
            return found
        # An account that has no id yet takes it the first time.
        return by_email if by_email in self.without_id else None


def normal(email: str) -> str:
    """How e-mails are compared: trimmed, case-folded."""
    return email.strip().casefold()


def exact(email: str) -> str:
    """How a Unitu compares them that takes every letter as it stands."""
    return email.strip()


def _wanted(
    entry: StudentEntry | StaffEntry,
    before: Account | None,
    entities: Entities,
    rules: Rules,
    blocked: Mapping[str, Counter[str]],
) -> Account:
    """The account as the snapshot wants it, as far as Unitu goes along."""
    old = before or Account(
        email=entry.email.strip(),
        first_name=entry.first_name,
        last_name=entry.last_name,
        kind="staff" if isinstance(entry, StaffEntry) else "student",
    )
    programmes = _enrolled(old.programmes, entry.programme_codes, entities.programmes, blocked["programmes"])
    if entry.module_codes is UNSET and rules.absent_modules == "keep":
        modules = old.modules
    else:
        exist = entities.modules
        if rules.module_needs_programme:
            exist = {code: name for code, name in exist.items() if entities.module_programmes.get(code) in programmes}
        modules = _enrolled(old.modules, _list(entry.module_codes), exist, blocked["modules"])
    phone = (old.phone if rules.absent_phone == "keep" else None) if entry.phone is UNSET else entry.phone
    new = replace(
        old,
        enabled=True,
        first_name=entry.first_name,
        last_name=entry.last_name,
        phone=phone,
        personal_email=old.personal_email or _text(entry.personal_email),
        id=old.id or _text(entry.id),
        programmes=programmes,
        modules=modules,
    )
    if isinstance(entry, StudentEntry):
        return replace(new, year=entry.year, metadata=new.metadata if before else _map(entry.metadata))
    return replace(
        new,
        university_title=new.university_title if before else entry.university_title,
        faculties=_enrolled(old.faculties, entry.faculty_codes, entities.faculties, None),
        departments=_enrolled(old.departments, entry.department_codes, entities.departments, None),
        metadata=new.metadata if before else _map(entry.metadata),
    )


def _enrolled(
    old: Sequence[str], codes: Sequence[str], exist: Mapping[str, str], blocked: Counter[str] | None
) -> tuple[str, ...]:
    """Out of what is no longer named, into what is named and exists."""
    named = set(codes)
    into = named & exist.keys()
    if blocked is not None:
        blocked.update(named - into - set(old))
    return tuple(sorted((set(old) & named) | into))


def _changes(before: Account | None, after: Account) -> list[Change]:
    def change(kind: Any, **rest: Any) -> Change:
        return Change(kind=kind, account=after.number, email=after.email, **rest)

    changes: list[Change] = []
    if before is None:
        changes.append(change("provision"))
    else:
        if not before.enabled:
            changes.append(change("reenable"))
        for name in ("first_name", "last_name", "year", "phone", "personal_email", "id"):
            old, new = getattr(before, name), getattr(after, name)
            if old != new:
                changes.append(change("update", what=name, before=old, after=new))
    for kind in ("faculties", "departments", "programmes", "modules"):
        had, has = set(getattr(before, kind) if before else ()), set(getattr(after, kind))
        changes += [change("unenrol", what=kind, code=code) for code in sorted(had - has)]
        changes += [change("enrol", what=kind, code=code) for code in sorted(has - had)]
    return changes


def _differs_for_good(account: Account, entry: StudentEntry | StaffEntry) -> bool:
    """Whether the snapshot says something of this account that Unitu takes the first time only."""
    kind = "staff" if isinstance(entry, StaffEntry) else "student"
    return (
        account.kind != kind
        or (account.id is not None and entry.id is not UNSET and entry.id != account.id)
        or (
            account.personal_email is not None
            and entry.personal_email is not UNSET
            and entry.personal_email != account.personal_email
        )
        or normal(account.email) != normal(entry.email)
    )


def _unsaid(kind: Kind, snapshot: Body, rules: Rules) -> bool:
    entries = snapshot.students if kind == "student" else snapshot.staff
    return entries is UNSET and rules.absent_list == "not_supplied"


def _entities(
    snapshot: Body, entities: Entities, seen_before: Mapping[str, Iterable[str]]
) -> dict[str, dict[str, list[str]]]:
    names: dict[str, dict[str, str]] = {
        kind: {entry.code: entry.name for entry in getattr(snapshot, kind) or ()} for kind in ENTITY_KINDS
    }
    exist: dict[str, dict[str, str]] = {kind: getattr(entities, kind) for kind in ENTITY_KINDS}
    new: dict[str, list[str]] = {kind: sorted(names[kind].keys() - exist[kind].keys()) for kind in ENTITY_KINDS}
    return {
        "new_entities": new,
        "first_seen_entities": {kind: sorted(set(new[kind]) - set(seen_before.get(kind, ()))) for kind in ENTITY_KINDS},
        "renamed_entities": {
            kind: sorted(code for code, name in names[kind].items() if exist[kind].get(code, name) != name)
            for kind in ENTITY_KINDS
        },
        "missing_entities": {kind: sorted(exist[kind].keys() - names[kind].keys()) for kind in ENTITY_KINDS},
    }


def _list(codes: list[str] | UnsetType) -> list[str]:
    return [] if codes is UNSET else codes


def _text(value: str | UnsetType) -> str | None:
    return None if value is UNSET else value


def _map(value: dict[str, str] | UnsetType) -> dict[str, str]:
    return {} if value is UNSET else value
