"""
One lane's batch, decided record by record, in order; nothing is folded. It writes nothing: testing it is calling it.

What is unchanged is told by 16 bytes before anything is parsed, and costs neither a write nor a message.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import msgspec

from services.reconciler import keys, messages
from services.reconciler.accounts import Accounts
from services.reconciler.decide import Emit, decide
from services.reconciler.decision_context import DecisionContext
from services.reconciler.email_ownership import wanted_email
from services.reconciler.sweeps import Sweeps
from shared.contract.account_state import LaneState, SchoolState
from shared.contract.causes import Causes
from shared.contract.codec import Message, Record, decode, decoder, digest, type_name
from shared.contract.email import COMPARISON
from shared.contract.events import StaffAssessed, StudentAssessed, SweepCompleted
from shared.contract.model import Kind
from shared.errors import Poison
from shared.lanes import dead_letters
from shared.lanes.handler import Effects, LazyMessages, Questions
from shared.lanes.stretch import Stretch
from shared.lanes.view import StateLost, View
from shared.ports import Ask
from shared.structs import replace

ASSESSED: dict[Kind, bytes] = {
    "student": type_name(StudentAssessed).encode(),
    "staff": type_name(StaffAssessed).encode(),
}
COMPLETED = type_name(SweepCompleted).encode()
_assessed_decoder = decoder(StudentAssessed)
_school_decoder = decoder(SchoolState)

Rebuild = Callable[[int, LaneState | None, Stretch, str], None]


class Reconciler:
    """
    The handler of ``students-assessed``. ``rebuild`` is how a lost lane is made anew, ``care`` how a lane's topic is.
    """

    def __init__(self, rebuild: Rebuild, care: Callable[[int], None] = lambda lane: None) -> None:
        self.rebuild = rebuild
        self.care = care

    def ask(self, records: Sequence[Record]) -> tuple[Questions, Callable[[View], Effects]]:
        batch = _Decisions(records)
        return batch.questions(), batch.decide

    def handle(self, records: Sequence[Record], view: View) -> Effects:
        """The same for whoever has no other lane to share journeys with."""
        questions, decide = self.ask(records)
        asked = next(questions, None)
        while asked is not None:
            try:
                asked = questions.send(view.look(asked))
            except StopIteration:
                break
        return decide(view)


class _Decisions:
    """One lane's batch while it is decided."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._records = records
        self._view: View
        self._sweeps: Sweeps
        self._accounts: dict[str, Accounts] = {}  # by the book's name: all that a key has before its person
        self._digests: list[bytes | None] = []  # of each record's bytes; None for what is no person's
        self._decided: dict[int, StudentAssessed | None] = {}  # what must be decided, by its place in the batch
        self._changes: list[Message | LazyMessages] = []
        self._sizes: Mapping[str, int] = {}
        self._emit: Emit | None = None
        self._emit_told: tuple[bytes | None, ...] = ()

    # --- what a batch needs to know ------------------------------------------------------------------------------

    def questions(self) -> Questions:
        """First the digests of everybody in the batch; then the states of those that differ; then their e-mails."""
        asked, places = self._judge()
        names = list(asked)
        some = {keys.digests(name): ids for name, ids in asked.items() if ids} | {keys.SCHOOLS: names}
        sized = [hash_of(name) for name in names for hash_of in (keys.students, keys.digests, keys.emails)]
        found = yield Ask(some, sizes=[keys.SCHOOLS, *sized])
        self._sizes = found.sizes
        known: list[bytes | None] = [None] * len(self._records)
        for name, value in zip(names, found.some[keys.SCHOOLS], strict=True):
            self._accounts[name] = Accounts(name, None if value is None else _school_decoder.decode(value))
            if asked[name]:
                for place, taken in zip(places[name], found.some[keys.digests(name)], strict=True):
                    known[place] = taken
        differing = self._compare(known)
        if not differing:
            return
        found = yield Ask({keys.students(name): ids for name, ids in differing.items()})
        for name, ids in differing.items():
            self._accounts[name].learn(ids, found.some[keys.students(name)])
        addresses = self._addresses()
        found = yield Ask(
            {of(name): wanted for name, wanted in addresses.items() for of in (keys.emails, keys.waiting)}
        )
        for name, wanted in addresses.items():
            self._accounts[name].learn_emails(wanted, found.some[keys.emails(name)], found.some[keys.waiting(name)])

    def _judge(self) -> tuple[dict[str, list[str]], dict[str, list[int]]]:
        """Digest what is a person's. Returns whom to ask about, by book, and their places in the batch."""
        asked: dict[str, list[str]] = {}
        places: dict[str, list[int]] = {}
        told = self._digests.append
        for place, record in enumerate(self._records):
            name, student = record.whose
            if name not in asked:
                asked[name], places[name] = [], []
            if student:  # no header is read yet: the same bytes under the same key are the same record
                told(digest(record.value))
                asked[name].append(student)
                places[name].append(place)
            else:
                told(None)
        return asked, places

    def _compare(self, known: list[bytes | None]) -> dict[str, list[str]]:
        """Find the records that must be decided. Returns the people whose states that needs, by book."""
        differing: dict[str, list[str]] = {}
        touched: set[str] = set()
        closed: set[str] = set()
        types = {name: ASSESSED[book.kind] for name, book in self._accounts.items()}
        for place, (record, taken) in enumerate(zip(self._records, self._digests, strict=True)):
            if taken is None:
                if record.raw_header("ce_type") == COMPLETED:
                    closed.add(record.key)  # a close may leave something pending with anybody
                self._decided[place] = None
            elif taken != known[place] or record.key in touched or (closed and record.population in closed):
                self._decided[place] = None
                name, student = record.whose
                if record.raw_header("ce_type") != types[name]:
                    self._digests[place] = None
                    continue
                touched.add(record.key)  # this batch changes it: later records are compared with what it then is
                differing.setdefault(name, []).append(student)
        return differing

    def _addresses(self) -> dict[str, list[str]]:
        """Decode those who differ. Returns the e-mails, by book, that they hold or want."""
        addresses: dict[str, dict[str, None]] = {}
        for place in self._decided:
            if self._digests[place] is None:
                continue
            record = self._records[place]
            name, student = record.whose
            try:
                assessed = _assessed_decoder.decode(record.value)
            except msgspec.MsgspecError:
                continue  # told when its turn comes
            self._decided[place] = assessed
            for address in (self._accounts[name].email(student), wanted_email(assessed)):
                if address is not None:
                    addresses.setdefault(name, {})[address] = None
        return {name: list(wanted) for name, wanted in addresses.items()}

    def _check_sizes(self) -> None:
        """
        Raises: StateLost when a hash has not what the records beside it say, or was made by another comparison of
        e-mails: then nobody's address would be found, and a second account could have it.
        """
        lane, sizes = self._view.known, self._sizes
        if lane.comparison != COMPARISON:
            raise StateLost(f"its e-mails are compared as release {lane.comparison} of the comparison did")
        if sizes[keys.SCHOOLS] != lane.schools:
            raise StateLost(f"{sizes[keys.SCHOOLS]} books are here, {lane.schools} should be")
        for name, book in self._accounts.items():
            school = book.school
            expected = (school.students, school.students, school.enabled)
            there = tuple(sizes[hash_of(name)] for hash_of in (keys.students, keys.digests, keys.emails))
            if there != expected:
                raise StateLost(f"{name} has {there} students, digests and e-mails, and should have {expected}")

    # --- deciding ------------------------------------------------------------------------------------------------

    def decide(self, view: View) -> Effects:
        self._view = view
        self._sweeps = Sweeps(view, self._accounts, self._changes)
        self._check_sizes()
        lane = view.known
        for book in self._accounts.values():
            book.open(view)
        self._causes = causes = Causes(lane.causes, lane.cause_epochs)
        for place, assessed in self._decided.items():
            record, taken = self._records[place], self._digests[place]
            if not causes.is_news(record.raw_header("cause")):
                continue
            if taken is None:
                self._other(record)
            else:
                self._student(record, taken, assessed)
        # Whoever was passed over needs no look at the cause. A repeat of them can only differ from what is known if a
        # later record was decided meanwhile, and that one's cause is above theirs.
        causes.is_news(self._records[-1].raw_header("cause"))
        return self._effects(lane)

    def _effects(self, lane: LaneState) -> Effects:
        students, schools = lane.students, lane.schools
        told: list[Message | LazyMessages] = []
        told_last: list[Message | LazyMessages] = []
        for book in self._accounts.values():
            students += book.current().students - book.counted
            written, school = book.flush()
            schools += school is not None and not book.was_known
            if written:
                told.append(partial(messages.account_states, lane.lane, written))
            if school is not None:
                told_last.append(messages.school_state(lane.lane, *school))
        told_last += [
            messages.structure_state(lane.lane, structure) for structure in self._sweeps.structures.changed.values()
        ]
        self._view.update_state(
            causes=self._causes.offsets, cause_epochs=self._causes.epochs, students=students, schools=schools
        )
        if told or told_last:
            position = self._records[-1].offset + 1
            told_last.append(messages.lane_state(replace(self._view.known, position=position)))
        return Effects([self._changes, told + told_last])

    # --- people --------------------------------------------------------------------------------------------------

    def _student(self, record: Record, taken: bytes, assessed: StudentAssessed | None) -> None:
        name, student = record.whose
        book = self._accounts[name]
        try:
            assessed = assessed or _decode_assessed(ASSESSED[book.kind], record.value)
            if (assessed.student_id, assessed.school, assessed.kind) != (student, book.slug, book.kind):
                raise Poison("the key names another student than the value")
        except Poison as poison:
            self._changes.append(dead_letters.letter(record, poison))
            return
        sweep = record.header("sweep")
        if sweep is not None and not book.has_open(sweep):
            return
        before = book.state(student)
        read_at = record.header("read_at") or ""
        if before is not None:
            if record.offset <= before.offset or (before.read_at is not None and read_at < before.read_at):
                return
            if keys.digest_entry(before) == taken:
                return
        book.take(assessed, record.value)
        when = _spends_at(read_at, book.school)
        decide(book, assessed, DecisionContext(record.offset, read_at, taken.hex(), when=when), self._emitting(record))

    def _emitting(self, record: Record) -> Emit:
        """What puts a record's changes among the others. People of one page share it: they were read at once."""
        told = (record.raw_header("read_at"), record.raw_header("sweep"))
        if self._emit is None or told != self._emit_told:
            self._emit_told, self._emit = told, messages.ChangeEnvelope(record).emitting(self._changes)
        return self._emit

    # --- everything else in the lane -----------------------------------------------------------------------------

    def _other(self, record: Record) -> None:
        try:
            event = decode(record.header("ce_type"), record.value)
            book = self._accounts[record.population]
            if (getattr(event, "school", None), getattr(event, "kind", "student")) != (book.slug, book.kind):
                raise Poison(f"the key {record.key!r} names another school or kind than the value")
            if record.offset <= book.school.offset:
                return
            self._sweeps.apply(book, event, record)
        except Poison as poison:
            self._changes.append(dead_letters.letter(record, poison))


def _spends_at(read_at: str, school: SchoolState) -> str:
    """
    When what a reading brings counts against a budget: a clock that is behind, or a reading that is told again, would
    spend where no window looks any more.
    """
    return read_at if school.certified is None else max(read_at, school.certified.completed_at)


def _decode_assessed(name: bytes, value: bytes) -> StudentAssessed:
    assessed = decode(name.decode(), value)
    if not isinstance(assessed, StudentAssessed):
        raise TypeError("the registry gives another model for this name")
    return assessed
