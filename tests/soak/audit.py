"""
Whether anybody ever lost an account without evidence, and whether what was read was taken: what Unitu did, and what was
read, held against each other. Pure.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from shared.contract.codec import Record, decode
from shared.contract.events import RollRead, SweepCompleted, SweepReconciled, SweepStarted
from shared.contract.model import Kind
from tests.soak.expected import Act, Truth
from tests.soak.reference_model import Oracle

Sweep = tuple[float, float, frozenset[str]]  # of a certified one: when it began and ended, and who was in its roll
SAID = ("leave", "leave_many")  # by a record
ABSENT = ("vanish", "hide")  # "hide_many" is none: so many wait for a person, and are back before there is one
UNSEEN = 2  # heads that may go without a word and without a person, by default
EXPLAINED = (5, 0.30)  # heads, or this share, that may go since a record says so


@dataclass
class Book:
    """
    One book of a story's school. ``name``: as the product has it; ``ends``: of each who left or was not to be seen,
    when and how; ``released``: since when a person has let somebody go.
    """

    kind: Kind
    name: str
    truth: Truth
    oracle: Oracle
    ends: dict[str, list[tuple[float, str]]] = field(default_factory=dict)
    released: dict[str, float] = field(default_factory=dict)

    def act(self, act: Act, now: float) -> None:
        for id in act.touches if act.kind in (*SAID, *ABSENT) else ():
            self.ends.setdefault(id, []).append((now, act.kind))
        self.truth.apply(act)

    def is_evident(self, id: str, at: float, sweeps: Sequence[Sweep]) -> bool:
        ends = [(begun, kind) for begun, kind in self.ends.get(id, []) if begun <= at]
        return any(is_evident(id, begun, kind, at, sweeps) for begun, kind in ends)

    def most_unreleased(self) -> dict[str, int]:
        """How many may go before a person lets them, since a record says so and without a word."""
        heads, share = EXPLAINED
        return {"said": max(heads, int(share * len(self.truth.records))), "absent": UNSEEN}

    def beyond(self, gone: Iterable[tuple[str, float]]) -> set[str]:
        """
        Who was disabled beyond what may go without a person: people and when. ``gone`` is all that ever were.

        A leaver whose record is not looked at any more is one who is absent, and spends of the other budget.
        """
        alone: dict[str, set[str]] = {"said": set(), "absent": set()}
        for id, at in gone:
            last = max((end for end in self.ends.get(id, []) if end[0] <= at), default=None)
            if last is not None and at < self.released.get(id, at + 1):
                alone["said" if last[1] in SAID else "absent"].add(id)
        most = self.most_unreleased()
        if self.kind == "student":  # staff who left are in the list, and their records with them
            most["said"] += UNSEEN
        return {id for name, ids in alone.items() if len(ids) > most[name] for id in ids}


def is_evident(id: str, begun: float, kind: str, at: float, sweeps: Sequence[Sweep]) -> bool:
    """
    Said to have left; or absent from two certified rolls, of sweeps that had not ended by then. Times of sweeps are of
    whole milliseconds, rounded down.
    """
    if kind in SAID:
        return True
    begun = math.floor(begun * 1000) / 1000
    return sum(id not in roll and begun <= end <= at for _, end, roll in sweeps) >= 2


def sweeps_of(book: str, fetched: Iterable[Record]) -> list[Sweep]:
    """The certified sweeps of a book."""
    rolls: dict[str, frozenset[str]] = {}
    parts: dict[str, dict[int, RollRead]] = {}
    found = {}
    for record in fetched:
        if record.key != book:
            continue
        event = decode(record.header("ce_type"), record.value)
        if isinstance(event, RollRead):
            parts.setdefault(event.sweep, {})[event.chunk] = event
        elif isinstance(event, SweepCompleted):
            mine = parts.get(event.sweep, {})
            if mine and len(mine) == next(iter(mine.values())).chunks:
                rolls[event.certificate.roll_hash] = frozenset(id for one in mine.values() for id in one.ids)
            roll = rolls.get(event.certificate.roll_hash)
            if roll is not None:
                found[event.sweep] = (moment(event.started_at), moment(event.completed_at), roll)
    return list(found.values())


def taken_of(book: str, changes: Iterable[Record]) -> list[str]:
    """The book's sweeps that the reconciler has reported, in its order."""
    events = (decode(one.header("ce_type"), one.value) for one in changes if one.key == book)
    return [event.sweep for event in events if isinstance(event, SweepReconciled)]


def opened_twice(books: Iterable[str], fetched: Iterable[Record]) -> set[str]:
    """Sweeps that were opened in more than one of the books: each is a reading of one, and cuts no other off."""
    names = {name: set[str]() for name in books}
    for record in fetched:
        event = decode(record.header("ce_type"), record.value) if record.key in names else None
        if isinstance(event, SweepStarted):
            names[record.key].add(event.sweep)
    seen = Counter(sweep for sweeps in names.values() for sweep in sweeps)
    return {sweep for sweep, count in seen.items() if count > 1}


def passed_over(book: str, fetched: Iterable[Record], changes: Iterable[Record], since: float) -> list[str]:
    """
    Sweeps of the book that were certified and of which nothing came, though no other of the book was opened meanwhile
    and a later one was taken. ``since``: from when on nothing strikes that could explain it.
    """
    opened, whole = "", []
    for record in fetched:
        if record.key != book:
            continue
        event = decode(record.header("ce_type"), record.value)
        if isinstance(event, SweepStarted):
            opened = event.sweep
        elif isinstance(event, SweepCompleted) and event.sweep == opened and moment(event.started_at) >= since:
            whole.append(event.sweep)
    taken = set(taken_of(book, changes))
    last = max((number for number, sweep in enumerate(whole) if sweep in taken), default=0)
    return [sweep for sweep in whole[:last] if sweep not in taken]


def moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
