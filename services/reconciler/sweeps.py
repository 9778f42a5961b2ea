"""
The course of a sweep as a lane tells it, and an operator's commands: all records that are no person's.

The last SweepStarted opens the only open sweep; its SweepCompleted closes it, and with a certificate that agrees with
what arrived here, removals are decided.
"""

from collections.abc import Mapping
from functools import partial

import msgspec

from services.reconciler import certificate, changed_ids, keys, messages
from services.reconciler.accounts import Accounts
from services.reconciler.budget_usage import Recent
from services.reconciler.close import close
from services.reconciler.decide import admit, free
from services.reconciler.operator_commands import command
from shared.contract.account_state import AccountState, OpenSweep, SchoolState, StructureState
from shared.contract.codec import Message, Record, decoder, encode
from shared.contract.commands import AcceptRoll, ForgetStudent, PauseSchool, RefuseHold, ReleaseHold, ResumeSchool
from shared.contract.events import (
    RollRead,
    StructureChanged,
    StructureFetched,
    SweepCompleted,
    SweepFailed,
    SweepReconciled,
    SweepStarted,
)
from shared.contract.model import Frozen, Structure
from shared.contract.retired import retired_from
from shared.errors import Poison
from shared.lanes.loop import Later
from shared.lanes.view import View
from shared.structs import replace

_school_decoder = decoder(SchoolState)
_structure_decoder = decoder(StructureState)


class Sweeps:
    """
    For one batch of one lane. ``books`` are those that it touches, ``out`` takes what is to be told; ``structures`` are
    those that changed.
    """

    def __init__(self, view: View, books: Mapping[str, Accounts], out: list[Message | Later]) -> None:
        self._view = view
        self._books = books
        self._out = out
        self.structures: dict[str, StructureState] = {}

    def apply(self, book: Accounts, event: Frozen, record: Record) -> None:
        match event:
            case SweepStarted():
                self._drop_chunks(book)
                opened = OpenSweep(sweep=event.sweep, started_at=event.started_at, full=event.full, at=record.offset)
                book.school = replace(book.school, open=opened, at=record.offset)
            case RollRead():
                if book.has_open(event.sweep):
                    self._view.put(keys.chunks(book.name), str(event.chunk), encode(event))
            case StructureFetched():
                self._structure(book, event, record)
            case SweepCompleted():
                self._close(book, event, record)
            case SweepFailed():
                if book.has_open(event.sweep):
                    self._end_unproven(book, record, event, event.reason)
            case ReleaseHold() | RefuseHold() | PauseSchool() | ResumeSchool():
                school, told = command(book.school, event, record.offset)
                book.school = school
                envelope = messages.Envelope(record)
                self._out += [envelope.change(one, book.name, "", record.offset) for one in told]
            case AcceptRoll() | ForgetStudent():
                return  # the fetcher's, and a later release's
            case _:
                raise Poison(f"{record.header('ce_type')} does not belong in this lane")

    def _drop_chunks(self, book: Accounts) -> None:
        for chunk in self._view.all(keys.chunks(book.name)):
            self._view.put(keys.chunks(book.name), chunk, None)

    def _known_structure(self, book: Accounts) -> StructureState | None:
        """The school's, as this batch has it: it stands under the students' name alone."""
        known = self.structures.get(book.slug)
        if known is None:
            (value,) = self._view.get(keys.STRUCTURES, [book.slug])
            known = None if value is None else _structure_decoder.decode(value)
        return known

    def _structure(self, book: Accounts, event: StructureFetched, record: Record) -> None:
        known = self._known_structure(book)
        structure = event.structure
        if known is not None and event.missing:  # what was never read is as it was
            kept = {
                name: getattr(known.structure, name) for name in event.missing if name in Structure.__struct_fields__
            }
            structure = replace(structure, **kept)
        if known is not None and (record.offset <= known.at or known.structure == structure):
            return
        sweep = record.header("sweep")
        if sweep is not None and not book.has_open(sweep):
            return
        before = known.structure if known is not None else Structure()
        retired = retired_from(structure, before, known.retired if known is not None else Structure())
        state = StructureState(school=book.slug, at=record.offset, structure=structure, retired=retired)
        self.structures[book.name] = state
        self._view.put(keys.STRUCTURES, book.name, encode(state))
        event_told = StructureChanged(school=book.slug, version=record.offset, **_codes(before, structure))
        self._out.append(messages.Envelope(record).change(event_told, book.name, "", record.offset))
        book.school = replace(book.school, at=max(book.school.at, record.offset))

    # --- the close of a sweep ------------------------------------------------------------------------------------

    def _close(self, book: Accounts, event: SweepCompleted, record: Record) -> None:
        if not book.has_open(event.sweep):
            return
        settings = event.settings
        if settings is None:
            raise Poison("SweepCompleted has no settings; eligibility stamps them")
        if book.school.open is not None:  # hours lie between sweeps as they were opened, whatever their ends repeat
            event = replace(event, started_at=book.school.open.started_at)
        last_roll = book.roll()
        arrived = [_roll_read(value) for value in self._view.all(keys.chunks(book.name)).values()]
        roll = certificate.roll_of(book.current(), event.certificate, last_roll, arrived)
        if roll is None:
            self._end_unproven(book, record, event, "the roll that it names did not arrive")
            return
        pending = book.pending()
        moved = (roll - last_roll) | (last_roll - roll)
        states = book.known(moved.union(pending))
        if certificate.sum_of(book.current(), last_roll, roll, states) != event.certificate.content_sum:
            self._end_unproven(book, record, event, "its content is not what arrived here")
            return
        if event.full:
            states = book.fetch_all()
        recent, at = book.recent(), record.offset
        states |= book.known(_heirs(book, states, roll, recent, event.completed_at))
        known = {student: state for student, state in states.items() if state.at <= record.offset}
        school = replace(book.current(), is_paused=self._is_paused(book))
        modules = partial(self._programme_of, book)
        closing = close(school, event, settings, roll, known, recent, book.everybody, at, modules)
        # whom this very record decided, in a batch that was half published, counts in its plans and is left alone
        done = {student for student, state in known.items() if state.at == record.offset}
        self._drop_chunks(book)
        if roll != last_roll or book.school.roll_hash is None:
            book.put_roll(roll, event.certificate.roll_hash)
        kept, certified = book.school, closing.school.certified
        book.school = replace(
            closing.school,
            is_paused=kept.is_paused,
            roll_hash=kept.roll_hash,
            roll_count=kept.roll_count,
            certified=certified and replace(certified, clock_minutes=event.clock_minutes),
        )
        envelope = messages.Envelope(record)
        emit = envelope.emitting(self._out)
        freed = []
        for student, state in sorted(closing.states.items()):
            if student in done:
                continue
            if state.status == "disabled" and states[student].status == "enabled":
                freed.append((keys.email_of(states[student]), states[student].other_id))
            book.save(state)
        self._out += [
            envelope.change(change, book.name, change.student_id, record.offset)
            for change in closing.changes
            if change.student_id not in done
        ]
        for address, heir in freed:
            free(book, address, record.offset, event.completed_at, emit, heir)
        for _, student, spends in closing.admitted:
            if student not in done:
                admit(book, student, record.offset, event.completed_at, emit, spends=spends)
        self._out += [
            envelope.change(one, book.name, getattr(one, "student_id", ""), record.offset) for one in closing.held
        ]
        if event.full:  # look before you speak: every student of the school anew, changed or not
            for state in book.fetch_all().values():
                if state.at < record.offset:
                    book.save(replace(state, at=record.offset))
        self._report(book, envelope, replace(closing.report, clock_minutes=event.clock_minutes))

    def _programme_of(self, book: Accounts) -> dict[str, str]:
        """The programme of each module that the school's structure has."""
        structure = self._known_structure(book)
        return {} if structure is None else {one.code: one.programme_code for one in structure.structure.modules}

    def _end_unproven(self, book: Accounts, record: Record, event: SweepCompleted | SweepFailed, reason: str) -> None:
        """
        A sweep that proves nothing about who is gone. Where it is our state that does not agree, a full one is asked
        for; not at once after a full one, which would go round and round: the next ordinary sweep asks again.
        """
        envelope = messages.Envelope(record)
        self._drop_chunks(book)
        book.school = replace(book.school, open=None, at=record.offset)
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
        self._report(book, envelope, report)
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

    def _report(self, book: Accounts, envelope: messages.Envelope, report: SweepReconciled) -> None:
        self._out.append(envelope.change(report, book.name, "", report.version))


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
        if (state.other_id is None or state.other_id not in roll) and (address := keys.email_of(state)) is not None
    ]
    if not addresses:
        return []
    book.fetch_emails(addresses)
    waiters = [student for address in addresses for student in book.waiters(address)]
    return [*changed_ids.newcomers(recent, completed_at), *waiters]


def _roll_read(value: bytes) -> RollRead:
    return msgspec.json.decode(value, type=RollRead)


def _codes(before: Structure, after: Structure) -> dict[str, dict[str, tuple[str, ...]]]:
    """Which codes each list of a structure gained and lost."""
    added: dict[str, tuple[str, ...]] = {}
    removed: dict[str, tuple[str, ...]] = {}
    for name in Structure.__struct_fields__:
        old, new = ({one.code for one in getattr(structure, name)} for structure in (before, after))
        if new - old:
            added[name] = tuple(sorted(new - old))
        if old - new:
            removed[name] = tuple(sorted(old - new))
    return {"added": added, "removed": removed}
