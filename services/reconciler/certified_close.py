"""
One sweep that has ended is closed: its certificate verified, the removals decided, and everything that follows.

Whoever was decided by this very record already, in a batch that was half published, counts in its plans and is left
alone.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import msgspec

from services.reconciler import certificate, changed_ids, messages
from services.reconciler.accounts import Accounts
from services.reconciler.budget_usage import Recent
from services.reconciler.close import Closing, close
from services.reconciler.decide import admit, free
from services.reconciler.keys import email_of
from shared.contract.account_state import AccountState
from shared.contract.codec import Message, Record
from shared.contract.events import RollRead, SweepCompleted
from shared.contract.model import Settings
from shared.lanes.handler import LazyMessages
from shared.structs import replace


class Proof(NamedTuple):
    """
    What a certificate proves: who is on the roll, and who was on the last one. ``states`` has whoever came or went in
    between, and whoever has something pending.
    """

    roll: frozenset[str]
    last_roll: frozenset[str]
    states: dict[str, AccountState]


def verify(book: Accounts, completed: SweepCompleted, chunks: Mapping[str, bytes]) -> Proof | str:
    """What a sweep proves, or why it proves nothing. ``chunks``: those of its roll that have arrived."""
    last_roll = book.roll()
    arrived = [_roll_read(value) for value in chunks.values()]
    roll = certificate.roll_of(book.current(), completed.certificate, last_roll, arrived)
    if roll is None:
        return "the roll that it names did not arrive"
    states = book.known((roll ^ last_roll).union(book.pending()))
    if certificate.sum_of(book.current(), last_roll, roll, states) != completed.certificate.content_sum:
        return "its content is not what arrived here"
    return Proof(roll, last_roll, states)


class CertifiedClose:
    """What a certified sweep changes in a book, in the order of its effects; ``out`` takes what is to be told."""

    def __init__(
        self, book: Accounts, completed: SweepCompleted, proof: Proof, record: Record, out: list[Message | LazyMessages]
    ) -> None:
        self._book = book
        self._completed = completed
        self._proof = proof
        self._at = record.offset
        self._out = out
        self._envelope = messages.ChangeEnvelope(record)
        self._before: dict[str, AccountState] = {}
        self._done: set[str] = set()

    def decide(self, settings: Settings, programme_of: Callable[[], Mapping[str, str]], *, is_paused: bool) -> Closing:
        """All removals of the book, planned and decided together."""
        book, completed, at = self._book, self._completed, self._at
        states = book.fetch_all() if completed.full else self._proof.states
        recent = book.recent()
        states |= book.known(_heirs(book, states, self._proof.roll, recent, completed.completed_at))
        self._before = {student: state for student, state in states.items() if state.offset <= at}
        self._done = {student for student, state in self._before.items() if state.offset == at}
        school = replace(book.current(), is_paused=is_paused)
        roll = self._proof.roll
        return close(school, completed, settings, roll, self._before, recent, book.everybody, at, programme_of)

    def carry_out(self, closing: Closing) -> None:
        """Remember the roll, the book and every state that is another now, and tell what has changed."""
        book, proof = self._book, self._proof
        if proof.roll != proof.last_roll or book.school.roll_hash is None:
            book.put_roll(proof.roll, self._completed.certificate.roll_hash)
        kept, certified = book.school, closing.school.certified
        book.school = replace(
            closing.school,
            is_paused=kept.is_paused,
            roll_hash=kept.roll_hash,
            roll_count=kept.roll_count,
            certified=certified and replace(certified, clock_minutes=self._completed.clock_minutes),
        )
        for student, state in sorted(closing.states.items()):
            if student not in self._done:
                book.save(state)
        self._out += [
            self._envelope.change(change, book.name, change.student_id, self._at)
            for change in closing.changes
            if change.student_id not in self._done
        ]

    def settle_emails(self, closing: Closing) -> None:
        """The e-mails of those who went are free now; whoever waited for this close may have an account or e-mail."""
        emit, when = self._envelope.emitting(self._out), self._completed.completed_at
        for student, state in sorted(closing.states.items()):
            before = self._before[student]
            if student not in self._done and state.status == "disabled" and before.status == "enabled":
                free(self._book, email_of(before), self._at, when, emit, before.other_id)
        for _, student, spends in closing.admitted:
            if student not in self._done:
                admit(self._book, student, self._at, when, emit, spends=spends)

    def announce(self, closing: Closing) -> None:
        """What waits for a person."""
        self._out += [
            self._envelope.change(event, self._book.name, getattr(event, "student_id", ""), self._at)
            for event in closing.held
        ]

    def republish(self) -> None:
        """After a full sweep every student of the school goes out anew, changed or not: look before you speak."""
        if not self._completed.full:
            return
        for state in self._book.fetch_all().values():
            if state.offset < self._at:
                self._book.save(replace(state, offset=self._at))

    def report(self, closing: Closing) -> None:
        """What the close came to, last: whoever follows a sweep waits for it."""
        report = replace(closing.report, clock_minutes=self._completed.clock_minutes)
        self._out.append(self._envelope.change(report, self._book.name, "", report.version))


def _heirs(
    book: Accounts,
    states: Mapping[str, AccountState],
    roll: frozenset[str],
    recent: Mapping[str, Recent],
    completed_at: str,
) -> list[str]:
    """Who came before this sweep, and may be one of those who go by it: made lately, or waiting for their e-mails."""
    addresses = [
        address
        for student, state in states.items()
        if state.staged is not None or student not in roll
        if (state.other_id is None or state.other_id not in roll) and (address := email_of(state)) is not None
    ]
    if not addresses:
        return []
    book.fetch_emails(addresses)
    waiters = [student for address in addresses for student in book.waiters(address)]
    return [*changed_ids.newcomers(recent, completed_at), *waiters]


def _roll_read(value: bytes) -> RollRead:
    return msgspec.json.decode(value, type=RollRead)
