"""
The course of a sweep as a lane tells it, and an operator's commands: all records that are no person's.

The last SweepStarted opens the only open sweep; its SweepCompleted closes it, and with a certificate that agrees with
what arrived here, removals are decided.
"""

from collections.abc import Mapping

from services.reconciler import keys, messages
from services.reconciler.accounts import Accounts
from services.reconciler.certified_close import CertifiedClose, verify
from services.reconciler.operator_commands import command
from services.reconciler.structures import Structures
from shared.contract.account_state import OpenSweep, SchoolState
from shared.contract.codec import Message, Record, decoder, encode
from shared.contract.commands import AcceptRoll, ForgetStudent, PauseSchool, RefuseHold, ReleaseHold, ResumeSchool
from shared.contract.events import (
    RollRead,
    StructureFetched,
    SweepCompleted,
    SweepFailed,
    SweepReconciled,
    SweepStarted,
)
from shared.contract.model import Frozen
from shared.errors import Poison
from shared.lanes.handler import LazyMessages
from shared.lanes.view import View
from shared.structs import replace

_school_decoder = decoder(SchoolState)


class Sweeps:
    """For one batch of one lane. ``books`` are those that it touches, ``out`` takes what is to be told."""

    def __init__(self, view: View, books: Mapping[str, Accounts], out: list[Message | LazyMessages]) -> None:
        self._view = view
        self._books = books
        self._out = out
        self.structures = Structures(view, out)

    def apply(self, book: Accounts, event: Frozen, record: Record) -> None:
        """Take one record of the lane that is no person's. Raises: Poison."""
        match event:
            case SweepStarted():
                self._drop_chunks(book)
                opened = OpenSweep(
                    sweep=event.sweep, started_at=event.started_at, full=event.full, offset=record.offset
                )
                book.school = replace(book.school, open=opened, offset=record.offset)
            case RollRead():
                if book.has_open(event.sweep):
                    self._view.put(keys.chunks(book.name), str(event.chunk), encode(event))
            case StructureFetched():
                self.structures.take(book, event, record)
            case SweepCompleted():
                self._close(book, event, record)
            case SweepFailed():
                if book.has_open(event.sweep):
                    self._end_unproven(book, record, event, event.reason)
            case ReleaseHold() | RefuseHold() | PauseSchool() | ResumeSchool():
                school, told = command(book.school, event, record.offset)
                book.school = school
                envelope = messages.ChangeEnvelope(record)
                self._out += [envelope.change(one, book.name, "", record.offset) for one in told]
            case AcceptRoll() | ForgetStudent():
                return  # the fetcher's, and a later release's
            case _:
                raise Poison(f"{record.header('ce_type')} does not belong in this lane")

    def _drop_chunks(self, book: Accounts) -> None:
        for chunk in self._view.all(keys.chunks(book.name)):
            self._view.put(keys.chunks(book.name), chunk, None)

    # --- the close of a sweep ------------------------------------------------------------------------------------

    def _close(self, book: Accounts, event: SweepCompleted, record: Record) -> None:
        if not book.has_open(event.sweep):
            return
        settings = event.settings
        if settings is None:
            raise Poison("SweepCompleted has no settings; eligibility stamps them")
        if book.school.open is not None:  # hours lie between sweeps as they were opened, whatever their ends repeat
            event = replace(event, started_at=book.school.open.started_at)
        proof = verify(book, event, self._view.all(keys.chunks(book.name)))
        if isinstance(proof, str):
            self._end_unproven(book, record, event, proof)
            return
        close = CertifiedClose(book, event, proof, record, self._out)
        closing = close.decide(settings, self.structures.programmes_of(book.slug), is_paused=self._is_paused(book))
        self._drop_chunks(book)
        close.carry_out(closing)
        close.settle_emails(closing)
        close.announce(closing)
        close.republish()
        close.report(closing)

    def _end_unproven(self, book: Accounts, record: Record, event: SweepCompleted | SweepFailed, reason: str) -> None:
        """
        A sweep that proves nothing about who is gone. Where it is our state that does not agree, a full one is asked
        for; not at once after a full one, which would go round and round: the next ordinary sweep asks again.
        """
        envelope = messages.ChangeEnvelope(record)
        self._drop_chunks(book)
        book.school = replace(book.school, open=None, offset=record.offset)
        report = SweepReconciled(
            school=book.slug,
            kind=book.kind,
            sweep=event.sweep,
            version=record.offset,
            outcome="failed" if isinstance(event, SweepFailed) else "uncertified",
            reason=reason,
            is_held=any(hold.state == "held" for hold in book.school.holds.values()),
            is_paused=self._is_paused(book),
            roll_count=book.school.roll_count,
            clock_minutes=event.clock_minutes,
        )
        self._out.append(envelope.change(report, book.name, "", report.version))
        if isinstance(event, SweepCompleted) and not event.full:
            self._out.append(envelope.request(book.slug, book.kind, "a certificate proved nothing", record.offset))

    def _is_paused(self, book: Accounts) -> bool:
        """A pause is the school's, and stands in the students' state alone: as this batch has it, if it has it."""
        if book.kind == "student":
            return book.school.is_paused
        students = self._books.get(book.slug)
        if students is not None:
            return students.school.is_paused
        (value,) = self._view.get(keys.SCHOOLS, [book.slug])
        return value is not None and bool(_school_decoder.decode(value).is_paused)
