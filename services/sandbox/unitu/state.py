"""
One university inside the Unitu twin: its accounts and entities, the snapshots that came, and when each is applied.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
from msgspec import Struct, field

from services.sandbox.faults import OF_ANY_ANSWER, Answer, Call, Fault, Faults
from services.sandbox.unitu.body import Body, Wrong
from services.sandbox.unitu.rules import (
    ENTITY_KINDS,
    Account,
    Change,
    Entities,
    Report,
    Rules,
    apply,
    normal,
    take_part,
)

Mode = Literal["enabled", "disabled", "dry-run"]


class ApplyThenTimeOut(Fault, tag="apply_then_time_out", kw_only=True):
    """The snapshot is taken and will be applied; the answer comes too late or never. Units: seconds; then 504."""

    seconds: float = 600.0


class OutOfOrder(Fault, tag="out_of_order", kw_only=True):
    """
    The snapshot is accepted and applied right after the next one that comes, or after so many seconds if none does.
    """

    seconds: float = 30.0


class Lost(Fault, tag="lost"):
    """Accepted, and never applied."""


class Page(Fault, tag="page", kw_only=True):
    """Something in between answers in Unitu's place, and nothing reaches it. ``text``: by default a log-in page."""

    status: int = 200
    text: str = "<!doctype html><title>Sign in</title><p>Please sign in to continue.</p>"
    content_type: str = "text/html; charset=utf-8"

    async def before(self, call: Call) -> Answer | None:
        return Answer(self.status, self.text.encode(), self.content_type)


class TakenInPart(Fault, tag="taken_in_part", kw_only=True):
    """The first records are taken, then one is refused, and the answer is a 422. ``share``: of each list."""

    share: float = 0.5


KINDS: tuple[type[Fault], ...] = (
    *OF_ANY_ANSWER,
    ApplyThenTimeOut,
    OutOfOrder,
    Lost,
    Page,
    TakenInPart,
)


class Settings(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What the document leaves open about the endpoint; ``rules`` is what it leaves open about the accounts."""

    rules: Rules = field(default_factory=Rules)
    delay_seconds: float = 0.05  # from being accepted to being applied
    accepted_status: int = 202
    max_body_bytes: int = 64 * 1024 * 1024
    strict_headers: bool = True  # refuse without the document's Content-Type and Cache-Control
    null_is_absent: bool = False  # take null for an optional field
    keep_bodies: int = 200  # snapshots whose bodies can still be read


class Received(Struct, kw_only=True):
    """One POST that named this university. ``number`` counts them all, refused ones too."""

    number: int
    at: datetime
    status: int
    fate: Literal["refused", "waiting", "applied", "simulated", "ignored", "lost"] = "refused"
    applied_at: datetime | None = None
    order: int | None = None  # the how-manieth to be applied
    wrong: list[Wrong] = field(default_factory=list)
    body: msgspec.Raw | None = None


class Event(Struct, kw_only=True, frozen=True):
    """One change of one account, with the snapshot that made it (0: a person did)."""

    at: datetime
    snapshot: int
    change: Change


class Told(Struct, kw_only=True, frozen=True):
    """One report, and of what."""

    snapshot: int
    at: datetime
    mode: Mode
    report: Report
    changes: list[Change]


class University:
    """Applies snapshots in the order in which they came, each after the delay, unless a fault says otherwise."""

    def __init__(
        self, api_key: str, settings: Settings, mode: Mode, accounts: Iterable[Account], entities: Entities
    ) -> None:
        self.api_key, self.settings, self.mode, self.entities = api_key, settings, mode, entities
        self.faults = Faults(KINDS)
        self.accounts: dict[int, Account] = {}
        self.received: list[Received] = []
        self.history: list[Event] = []
        self.reports: list[Told] = []
        self.seen_codes: dict[str, set[str]] = {kind: set() for kind in ENTITY_KINDS}
        self._bodies: deque[Received] = deque()
        self._queue: deque[tuple[Received, Body]] = deque()
        self._late: list[Callable[[], None]] = []
        self._due = 0.0
        self._orders = 0
        self.seed(accounts)

    @property
    def idle(self) -> bool:
        """Whether everything that was accepted has been applied."""
        return not any(entry.fate == "waiting" for entry in self.received[-1000:])

    def seed(self, accounts: Iterable[Account]) -> None:
        """Accounts that are there whatever any snapshot says; those of the same e-mail are replaced."""
        for account in accounts:
            known = self.find(account.email)
            number = account.number or (known.number if known else max(self.accounts, default=0) + 1)
            self.accounts[number] = msgspec.structs.replace(account, number=number)

    def find(self, email: str) -> Account | None:
        return next((account for account in self.accounts.values() if normal(account.email) == normal(email)), None)

    def rename(self, old: str, new: str) -> Account:
        """What only a person at Unitu can do: give an account another e-mail."""
        account = self.find(old)
        if account is None:
            raise LookupError(f"No account has the e-mail {old}.")
        taken = self.find(new)
        if taken is not None and taken.number != account.number:
            raise msgspec.ValidationError(f"Another account has the e-mail {new}.")
        renamed = msgspec.structs.replace(account, email=new)
        self.accounts[account.number] = renamed
        change = Change(kind="update", account=account.number, email=new, what="email", before=old, after=new)
        self.history.append(Event(at=datetime.now(UTC), snapshot=0, change=change))
        return renamed

    def note(self, status: int, raw: bytes | None = None, wrong: Iterable[Wrong] = ()) -> Received:
        """A POST has come."""
        entry = Received(number=len(self.received) + 1, at=datetime.now(UTC), status=status, wrong=list(wrong))
        if raw is not None:
            entry.body = msgspec.Raw(raw)
            self._bodies.append(entry)
            while len(self._bodies) > self.settings.keep_bodies:
                self._bodies.popleft().body = None
        self.received.append(entry)
        return entry

    def accept(self, entry: Received, body: Body, faults: Iterable[Fault]) -> None:
        """Have it applied in its turn, on the running event loop."""
        entry.fate = "waiting"
        kinds = {type(fault): fault for fault in faults}
        if Lost in kinds:
            entry.fate = "lost"
            return
        loop = asyncio.get_running_loop()
        late = kinds.get(OutOfOrder)
        if isinstance(late, OutOfOrder):
            self._late.append(lambda: self._apply(entry, body))
            loop.call_later(late.seconds, self._apply, entry, body)
            return
        self._due = max(self._due, loop.time() + self.settings.delay_seconds)
        # Timers of one moment go off in any order: so a timer says when, and the queue which one.
        self._queue.append((entry, body))
        loop.call_at(self._due, self._apply_next)

    def take_part(self, body: Body, share: float) -> None:
        """What is done of a snapshot before it is refused, at once."""
        self.accounts = take_part(self.accounts, body, self.entities, self.settings.rules, share)

    def _apply_next(self) -> None:
        self._apply(*self._queue.popleft())
        late, self._late = self._late, []
        for run in late:
            run()

    def _apply(self, entry: Received, body: Body) -> None:
        if entry.fate != "waiting":
            return
        entry.applied_at = datetime.now(UTC)
        self._orders += 1
        entry.order = self._orders
        if self.mode == "disabled":
            entry.fate = "ignored"
            return
        applied = apply(self.accounts, body, self.entities, self.settings.rules, self.seen_codes)
        for kind in ENTITY_KINDS:
            self.seen_codes[kind].update(code.code for code in getattr(body, kind) or ())
        told = Told(
            snapshot=entry.number, at=entry.applied_at, mode=self.mode, report=applied.report, changes=applied.changes
        )
        self.reports.append(told)
        if self.mode == "dry-run":
            entry.fate = "simulated"
            return
        entry.fate = "applied"
        self.accounts = applied.accounts
        self.history += [Event(at=entry.applied_at, snapshot=entry.number, change=change) for change in applied.changes]

    def adopt(self, snapshot: Body) -> None:
        """What a Customer Success Manager does with a report: make every entity of a snapshot exist."""
        new: dict[str, Any] = {
            kind: {
                **getattr(self.entities, kind),
                **{entry.code: entry.name for entry in getattr(snapshot, kind) or ()},
            }
            for kind in ENTITY_KINDS
        }
        belongs = {entry.code: entry.programme_code for entry in snapshot.modules or ()}
        self.entities = Entities(**new, module_programmes=self.entities.module_programmes | belongs)

    def add_entities(self, more: Entities) -> None:
        both = {name: getattr(self.entities, name) | getattr(more, name) for name in Entities.__struct_fields__}
        self.entities = Entities(**both)

    def summary(self, name: str) -> Mapping[str, Any]:
        enabled = sum(account.enabled for account in self.accounts.values())
        applied = max(
            (entry for entry in self.received if entry.order), key=lambda entry: entry.order or 0, default=None
        )
        return {
            "name": name,
            "mode": self.mode,
            "idle": self.idle,
            "accounts": {"enabled": enabled, "disabled": len(self.accounts) - enabled},
            "received": len(self.received),
            "accepted": sum(entry.fate != "refused" for entry in self.received),
            "last_applied": applied.number if applied else None,
            "faults": self.faults.set,
        }
