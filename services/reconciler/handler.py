"""
One lane's batch, decided record by record, in order; nothing is folded. It writes nothing: testing it is calling it.

What is unchanged is told by 16 bytes before anything is parsed, and costs neither a write nor a message.
"""

from collections.abc import Callable, Sequence

import msgspec

from services.reconciler import emails, ledger, messages, proof
from services.reconciler.close import close
from services.reconciler.holds import command
from services.reconciler.ledger import Ledger
from services.reconciler.reconcile import Change, Reading, changed
from shared import dead_letters
from shared.errors import Poison
from shared.events import (
    AcceptRoll,
    ForgetStudent,
    PauseSchool,
    RefuseHold,
    ReleaseHold,
    ResumeSchool,
    RollRead,
    StructureChanged,
    StructureFetched,
    StudentAssessed,
    SweepCompleted,
    SweepFailed,
    SweepReconciled,
    SweepStarted,
)
from shared.lane import Effects, StateLost, View
from shared.model import Frozen, Structure
from shared.ports import LaneStore
from shared.state import AccountState, LaneState, OpenSweep, SchoolState, StructureState
from shared.wire import Message, Record, decode, decoder, digest, encode, type_name

ASSESSED = type_name(StudentAssessed).encode()
COMPLETED = type_name(SweepCompleted).encode()
_assessed_decoder = decoder(StudentAssessed)
_school_decoder = decoder(SchoolState)
_structure_decoder = decoder(StructureState)

Rebuild = Callable[[int, LaneState | None, int, int], None]


class Reconciler:
    """The handler of ``students-assessed``. ``rebuild`` is how a lost lane is made anew."""

    def __init__(self, rebuild: Rebuild) -> None:
        self.rebuild = rebuild

    def handle(self, records: Sequence[Record], view: View) -> Effects:
        return _Batch(view).take(records)


class _Batch:
    """One lane's batch while it is decided."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._ledgers: dict[str, Ledger] = {}
        self._assessed: dict[int, StudentAssessed] = {}
        self._digests: dict[tuple[str, str], bytes | None] = {}
        self._changes: list[Message] = []
        self._states: list[Message] = []
        self._structures: dict[str, StructureState] = {}

    def take(self, records: Sequence[Record]) -> Effects:
        lane = self._view.known
        causes: dict[bytes, int] = {source.encode(): offset for source, offset in lane.causes.items()}
        fresh = [record for record in records if _is_news(record, causes)]
        for record, taken in self._what_differs(fresh):
            if taken is not None:
                self._student(record, taken)
            else:
                self._other(record)
        state_messages, school_messages = [], []
        students, schools = lane.students, lane.schools
        for one in self._ledgers.values():
            students += one.current().students - one.counted
            written, school = one.flush()
            schools += school is not None and not one.was_known
            state_messages += [messages.account_state(lane.lane, state, value) for state, value in written]
            if school is not None:
                school_messages.append(messages.school_state(lane.lane, *school))
        for structure in self._structures.values():
            school_messages.append(messages.structure_state(lane.lane, structure))
        self._view.update_state(
            causes={source.decode(): offset for source, offset in causes.items()}, students=students, schools=schools
        )
        if state_messages or school_messages:
            position = records[-1].offset + 1
            school_messages.append(messages.lane_state(changed(self._view.known, position=position)))
        return Effects([self._changes, state_messages + school_messages])

    # --- what a batch needs to know ------------------------------------------------------------------------------

    def _what_differs(self, records: Sequence[Record]) -> list[tuple[Record, bytes | None]]:
        """
        The records that must be decided, in order; a student's with the digest of its bytes, any other's with None.

        One journey for all digests of the batch, a second for the states of those that differ.
        """
        wanted: dict[str, list[str]] = {}
        judged: list[tuple[Record, str, str, bytes]] = []
        for record in records:
            school, _, student = record.key.partition("/")
            if record.raw_header("ce_type") == ASSESSED and student:
                judged.append((record, school, student, digest(record.value)))
                wanted.setdefault(school, []).append(student)
            else:
                judged.append((record, school, "", b""))
                wanted.setdefault(school, [])
        self._open_ledgers(wanted)
        differing: dict[str, list[str]] = {}
        result: list[tuple[Record, bytes | None]] = []
        touched: set[tuple[str, str]] = set()
        closed: set[str] = set()
        for record, school, student, taken in judged:
            if not student:
                if record.raw_header("ce_type") == COMPLETED:
                    closed.add(school)  # a close may leave something pending with anybody
                result.append((record, None))
                continue
            who = (school, student)
            if who in touched or school in closed or self._digests[who] != taken:
                touched.add(who)  # this batch changes it: later records are compared with what it then is
                differing.setdefault(school, []).append(student)
                result.append((record, taken))
        self._learn(differing, result)
        return result

    def _learn(self, differing: dict[str, list[str]], records: Sequence[tuple[Record, bytes | None]]) -> None:
        """What deciding these records will ask for: the students' states, then who holds the e-mails concerned."""
        if not differing:
            return
        found = self._view.get_some({ledger.students(school): ids for school, ids in differing.items()})
        for school, ids in differing.items():
            self._ledgers[school].learn(ids, found[ledger.students(school)])
        addresses: dict[str, list[str]] = {}
        for record, taken in records:
            if taken is None:
                continue
            slug, _, student = record.key.partition("/")
            try:
                assessed = _assessed_decoder.decode(record.value)
            except msgspec.MsgspecError:
                continue  # told when its turn comes
            self._assessed[record.offset] = assessed
            held = ledger.email_of(self._ledgers[slug].state(student))
            wanted = emails.wanted_email(assessed)
            addresses.setdefault(slug, []).extend(address for address in (held, wanted) if address is not None)
        ledger.fetch_emails(self._view, [(self._ledgers[slug], wanted) for slug, wanted in addresses.items()])

    def _open_ledgers(self, wanted: dict[str, list[str]]) -> None:
        slugs = list(wanted)
        some = {ledger.digests(school): ids for school, ids in wanted.items()} | {ledger.SCHOOLS: slugs}
        found, sizes = self._view.look(
            some,
            [ledger.SCHOOLS, *map(ledger.students, slugs), *map(ledger.digests, slugs), *map(ledger.emails, slugs)],
        )
        if sizes[ledger.SCHOOLS] != self._view.known.schools:
            raise StateLost(f"{sizes[ledger.SCHOOLS]} schools are here, {self._view.known.schools} should be")
        for slug, value in zip(slugs, found[ledger.SCHOOLS], strict=True):
            school = None if value is None else _school_decoder.decode(value)
            expected = (school.students, school.students, school.enabled) if school else (0, 0, 0)
            there = tuple(sizes[name(slug)] for name in (ledger.students, ledger.digests, ledger.emails))
            if there != expected:
                raise StateLost(f"{slug} has {there} students, digests and e-mails, and should have {expected}")
            self._ledgers[slug] = Ledger(self._view, slug, school)
            for student, taken in zip(wanted[slug], found[ledger.digests(slug)], strict=True):
                self._digests[slug, student] = taken

    # --- students ------------------------------------------------------------------------------------------------

    def _student(self, record: Record, taken: bytes) -> None:
        slug, _, student = record.key.partition("/")
        book = self._ledgers[slug]
        try:
            assessed = self._assessed.get(record.offset) or _decode_assessed(record.value)
            if (assessed.school, assessed.student_id) != (slug, student):
                raise Poison("the key names another student than the value")
        except Poison as poison:
            self._changes.append(dead_letters.letter(record, poison))
            return
        sweep = record.header("sweep")
        if sweep is not None and (book.school.open is None or book.school.open.sweep != sweep):
            return  # the log is the fence: only the open sweep's records count, however late another's come
        before = book.state(student)
        read_at = record.header("read_at") or ""
        if before is not None:
            if record.offset <= before.at or (before.read_at is not None and read_at < before.read_at):
                return
            if ledger.digest_entry(before) == taken:
                return
        emails.decide(
            book, assessed, Reading(record.offset, read_at, taken.hex()), self._emit(messages.Envelope(record))
        )

    def _emit(self, envelope: messages.Envelope) -> emails.Emit:
        def emit(state: AccountState, changes: Sequence[Change]) -> None:
            for change in changes:
                self._changes.append(envelope.change(change, state.school, state.student_id, change.version))

        return emit

    # --- everything else in the lane -----------------------------------------------------------------------------

    def _other(self, record: Record) -> None:
        try:
            event = decode(record.header("ce_type"), record.value)
            slug = getattr(event, "school", None)
            if slug != record.key.partition("/")[0]:
                raise Poison(f"the key {record.key!r} names another school than the value")
            book = self._ledgers[slug]
            if record.offset <= book.school.at:
                return
            self._apply(book, event, record)
        except Poison as poison:
            self._changes.append(dead_letters.letter(record, poison))

    def _apply(self, book: Ledger, event: Frozen, record: Record) -> None:
        match event:
            case SweepStarted():
                self._drop_chunks(book)
                opened = OpenSweep(sweep=event.sweep, started_at=event.started_at, full=event.full, at=record.offset)
                book.school = changed(book.school, open=opened, at=record.offset)
            case RollRead():
                if book.school.open is not None and book.school.open.sweep == event.sweep:
                    self._view.put(ledger.chunks(book.slug), str(event.chunk), encode(event))
            case StructureFetched():
                self._structure(book, event, record)
            case SweepCompleted():
                self._close(book, event, record)
            case SweepFailed():
                if book.school.open is not None and book.school.open.sweep == event.sweep:
                    self._end_unproven(book, record, event.sweep, "failed", event.reason)
            case ReleaseHold() | RefuseHold() | PauseSchool() | ResumeSchool():
                school, told = command(book.school, event, record.offset)
                book.school = school
                envelope = messages.Envelope(record)
                self._changes += [envelope.change(one, book.slug, "", record.offset) for one in told]
            case AcceptRoll() | ForgetStudent():
                return  # the fetcher's, and a later release's
            case _:
                raise Poison(f"{record.header('ce_type')} does not belong in this lane")

    def _drop_chunks(self, book: Ledger) -> None:
        for chunk in self._view.all(ledger.chunks(book.slug)):
            self._view.put(ledger.chunks(book.slug), chunk, None)

    def _structure(self, book: Ledger, event: StructureFetched, record: Record) -> None:
        known = self._structures.get(book.slug)
        if known is None:
            (value,) = self._view.get(ledger.STRUCTURES, [book.slug])
            known = None if value is None else _structure_decoder.decode(value)
        if known is not None and (record.offset <= known.at or known.structure == event.structure):
            return
        sweep = record.header("sweep")
        if sweep is not None and (book.school.open is None or book.school.open.sweep != sweep):
            return
        state = StructureState(school=book.slug, at=record.offset, structure=event.structure)
        self._structures[book.slug] = state
        self._view.put(ledger.STRUCTURES, book.slug, encode(state))
        before = known.structure if known is not None else Structure()
        event_told = StructureChanged(school=book.slug, version=record.offset, **_codes(before, event.structure))
        self._changes.append(messages.Envelope(record).change(event_told, book.slug, "", record.offset))
        book.school = changed(book.school, at=max(book.school.at, record.offset))

    # --- the close of a sweep ------------------------------------------------------------------------------------

    def _close(self, book: Ledger, event: SweepCompleted, record: Record) -> None:
        opened = book.school.open
        if opened is None or opened.sweep != event.sweep:
            return
        if event.settings is None:
            raise Poison("SweepCompleted has no settings; eligibility stamps them")
        last_roll = book.roll()
        arrived = [_roll_read(value) for value in self._view.all(ledger.chunks(book.slug)).values()]
        roll = proof.roll_of(book.current(), event.certificate, last_roll, arrived)
        if roll is None:
            self._end_unproven(book, record, event.sweep, "uncertified", "the roll that it names did not arrive")
            return
        pending = book.pending()
        moved = (roll - last_roll) | (last_roll - roll)
        states = book.known(moved.union(pending))
        if proof.sum_of(book.current(), last_roll, roll, states) != event.certificate.content_sum:
            self._end_unproven(book, record, event.sweep, "uncertified", "its content is not what arrived here")
            return
        if event.full:
            states = book.fetch_all()
        undecided = {student: state for student, state in states.items() if state.at < record.offset}
        closing = close(
            book.current(), event, event.settings, roll, undecided, book.recent(), book.cohorts, record.offset
        )
        self._drop_chunks(book)
        if roll != last_roll or book.school.roll_hash is None:
            book.put_roll(roll, event.certificate.roll_hash)
        kept = book.school
        book.school = changed(closing.school, roll_hash=kept.roll_hash, roll_count=kept.roll_count)
        envelope = messages.Envelope(record)
        emit = self._emit(envelope)
        freed = []
        for student, state in closing.states.items():
            if state.status == "disabled" and states[student].status == "enabled":
                freed.append(ledger.email_of(states[student]))
            book.save(state)
        self._changes += [
            envelope.change(change, change.school, change.student_id, record.offset) for change in closing.changes
        ]
        for address in freed:
            emails.free(book, address, record.offset, emit)
        self._changes += [
            envelope.change(one, book.slug, getattr(one, "student_id", ""), record.offset) for one in closing.held
        ]
        if event.full:  # look before you speak: every student of the school anew, changed or not
            for state in book.fetch_all().values():
                if state.at < record.offset:
                    book.save(changed(state, at=record.offset))
        self._report(book, envelope, closing.report)

    def _end_unproven(self, book: Ledger, record: Record, sweep: str, outcome: str, reason: str) -> None:
        """A sweep that proves nothing about who is gone. Where our state does not agree, a full one is asked for."""
        envelope = messages.Envelope(record)
        self._drop_chunks(book)
        book.school = changed(book.school, open=None, at=record.offset)
        report = SweepReconciled(
            school=book.slug,
            sweep=sweep,
            version=record.offset,
            outcome="failed" if outcome == "failed" else "uncertified",
            reason=reason,
            is_held=any(hold.state == "held" for hold in book.school.holds.values()),
            is_paused=book.school.is_paused,
            roll_count=book.school.roll_count,
        )
        self._report(book, envelope, report)
        if outcome == "uncertified":
            self._changes.append(envelope.request(book.slug, "a certificate proved nothing", record.offset))

    def _report(self, book: Ledger, envelope: messages.Envelope, report: SweepReconciled) -> None:
        self._changes.append(envelope.change(report, book.slug, "", report.version))


def _is_news(record: Record, causes: dict[bytes, int]) -> bool:
    """
    Whether a record's cause is above the highest that was seen of its source; it is then the highest.

    Raises: nothing; a record whose cause cannot be read is judged by its offset alone.
    """
    cause = record.raw_header("cause")
    if cause is None:
        return True
    source, _, offset = cause.rpartition(b":")
    if not offset.isdigit():
        return True
    number = int(offset)
    if number <= causes.get(source, -1):
        return False
    causes[source] = number
    return True


def _decode_assessed(value: bytes) -> StudentAssessed:
    assessed = decode(ASSESSED.decode(), value)
    if not isinstance(assessed, StudentAssessed):
        raise TypeError("the registry gives another model for this name")
    return assessed


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


__all__ = ["LaneStore", "Reconciler"]
