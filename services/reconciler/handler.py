"""
One lane's batch, decided record by record, in order; nothing is folded. It writes nothing: testing it is calling it.

What is unchanged is told by 16 bytes before anything is parsed, and costs neither a write nor a message.
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from services.reconciler import emails, ledger, messages
from services.reconciler.ledger import Ledger
from services.reconciler.reconcile import Reading, changed
from services.reconciler.sweeps import Sweeps
from shared import dead_letters
from shared.errors import Poison
from shared.events import StudentAssessed, SweepCompleted
from shared.lane import Effects, Questions, StateLost, View
from shared.ports import Ask
from shared.state import LaneState, SchoolState
from shared.wire import Message, Record, decode, decoder, digest, type_name

ASSESSED = type_name(StudentAssessed).encode()
COMPLETED = type_name(SweepCompleted).encode()
_assessed_decoder = decoder(StudentAssessed)
_school_decoder = decoder(SchoolState)

Rebuild = Callable[[int, LaneState | None, int, int], None]


class Reconciler:
    """The handler of ``students-assessed``. ``rebuild`` is how a lost lane is made anew."""

    def __init__(self, rebuild: Rebuild) -> None:
        self.rebuild = rebuild

    def ask(self, records: Sequence[Record]) -> tuple[Questions, Callable[[View], Effects]]:
        batch = _Batch(records)
        return batch.questions(), batch.decide

    def handle(self, records: Sequence[Record], view: View) -> Effects:
        questions, decide = self.ask(records)
        asked = next(questions, None)
        while asked is not None:
            try:
                asked = questions.send(view.look(asked))
            except StopIteration:
                break
        return decide(view)


class _Batch:
    """One lane's batch while it is decided."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._records = records
        self._view: View
        self._ledgers: dict[str, Ledger] = {}
        self._assessed: dict[int, StudentAssessed] = {}
        self._differing: list[tuple[Record, bytes | None]] = []
        self._changes: list[Message] = []
        self._sizes: Mapping[str, int] = {}

    # --- what a batch needs to know ------------------------------------------------------------------------------

    def questions(self) -> Questions:
        """First the digests of everybody in the batch; then the states of those that differ; then their e-mails."""
        judged, wanted = self._judge()
        slugs = list(wanted)
        some = {ledger.digests(slug): ids for slug, ids in wanted.items() if ids} | {ledger.SCHOOLS: slugs}
        sized = [name(slug) for slug in slugs for name in (ledger.students, ledger.digests, ledger.emails)]
        found = yield Ask(some, sizes=[ledger.SCHOOLS, *sized])
        self._sizes = found.sizes
        taken: dict[tuple[str, str], bytes | None] = {}
        for slug, value in zip(slugs, found.some[ledger.SCHOOLS], strict=True):
            school = None if value is None else _school_decoder.decode(value)
            self._ledgers[slug] = Ledger(slug, school)
            if ids := wanted[slug]:
                taken.update(
                    ((slug, student), one) for student, one in zip(ids, found.some[ledger.digests(slug)], strict=True)
                )
        differing = self._compare(judged, taken)
        if not differing:
            return
        found = yield Ask({ledger.students(slug): ids for slug, ids in differing.items()})
        for slug, ids in differing.items():
            self._ledgers[slug].learn(ids, found.some[ledger.students(slug)])
        addresses = self._addresses()
        found = yield Ask(
            {name(slug): asked for slug, asked in addresses.items() for name in (ledger.emails, ledger.waiting)}
        )
        for slug, asked in addresses.items():
            self._ledgers[slug].learn_emails(asked, found.some[ledger.emails(slug)], found.some[ledger.waiting(slug)])

    def _judge(self) -> tuple[list[tuple[Record, str, str, bytes]], dict[str, list[str]]]:
        """Each record with its school, student and digest (none for what is no student's); whom to ask about."""
        judged: list[tuple[Record, str, str, bytes]] = []
        wanted: dict[str, list[str]] = {}
        for record in self._records:
            slug, _, student = record.key.partition("/")
            if student and record.raw_header("ce_type") == ASSESSED:
                judged.append((record, slug, student, digest(record.value)))
                wanted.setdefault(slug, []).append(student)
            else:
                judged.append((record, slug, "", b""))
                wanted.setdefault(slug, [])
        return judged, wanted

    def _compare(
        self, judged: list[tuple[Record, str, str, bytes]], taken: dict[tuple[str, str], bytes | None]
    ) -> dict[str, list[str]]:
        """Keep the records that must be decided, in order. Returns the students whose states that needs."""
        differing: dict[str, list[str]] = {}
        touched: set[tuple[str, str]] = set()
        closed: set[str] = set()
        for record, slug, student, its_digest in judged:
            if not student:
                if record.raw_header("ce_type") == COMPLETED:
                    closed.add(slug)  # a close may leave something pending with anybody
                self._differing.append((record, None))
            elif (slug, student) in touched or slug in closed or taken[slug, student] != its_digest:
                touched.add((slug, student))  # this batch changes it: later records are compared with what it then is
                differing.setdefault(slug, []).append(student)
                self._differing.append((record, its_digest))
        return differing

    def _addresses(self) -> dict[str, list[str]]:
        """The e-mails, by school, that these students hold or want."""
        addresses: dict[str, dict[str, None]] = {}
        for record, taken in self._differing:
            if taken is None:
                continue
            slug, _, student = record.key.partition("/")
            try:
                assessed = _assessed_decoder.decode(record.value)
            except msgspec.MsgspecError:
                continue  # told when its turn comes
            self._assessed[record.offset] = assessed
            for address in (self._ledgers[slug].email(student), emails.wanted_email(assessed)):
                if address is not None:
                    addresses.setdefault(slug, {})[address] = None
        return {slug: list(asked) for slug, asked in addresses.items()}

    def _check_sizes(self) -> None:
        """Raises: StateLost when a hash has not what the records beside it say."""
        lane, sizes = self._view.known, self._sizes
        if sizes[ledger.SCHOOLS] != lane.schools:
            raise StateLost(f"{sizes[ledger.SCHOOLS]} schools are here, {lane.schools} should be")
        for slug, book in self._ledgers.items():
            school = book.school
            expected = (school.students, school.students, school.enabled)
            there = tuple(sizes[name(slug)] for name in (ledger.students, ledger.digests, ledger.emails))
            if there != expected:
                raise StateLost(f"{slug} has {there} students, digests and e-mails, and should have {expected}")

    # --- deciding ------------------------------------------------------------------------------------------------

    def decide(self, view: View) -> Effects:
        self._view = view
        self._sweeps = Sweeps(view, self._changes)
        self._check_sizes()
        lane = view.known
        for book in self._ledgers.values():
            book.open(view)
        fresh = self._news(lane.causes)
        for record, taken in self._differing:
            if record.offset not in fresh:
                continue
            if taken is not None:
                self._student(record, taken)
            else:
                self._other(record)
        return self._effects(lane)

    def _news(self, known: Mapping[str, int]) -> set[int]:
        """The offsets of the records whose cause is above the highest that was seen of its source."""
        causes = {source.encode(): offset for source, offset in known.items()}
        fresh = {record.offset for record in self._records if _is_news(record, causes)}
        self._causes = {source.decode(): offset for source, offset in causes.items()}
        return fresh

    def _effects(self, lane: LaneState) -> Effects:
        students, schools = lane.students, lane.schools
        told: list[Message] = []
        told_last: list[Message] = []
        for book in self._ledgers.values():
            students += book.current().students - book.counted
            written, school = book.flush()
            schools += school is not None and not book.was_known
            told += [messages.account_state(lane.lane, state, value) for state, value in written]
            if school is not None:
                told_last.append(messages.school_state(lane.lane, *school))
        told_last += [messages.structure_state(lane.lane, structure) for structure in self._sweeps.structures.values()]
        self._view.update_state(causes=self._causes, students=students, schools=schools)
        if told or told_last:
            position = self._records[-1].offset + 1
            told_last.append(messages.lane_state(changed(self._view.known, position=position)))
        return Effects([self._changes, told + told_last])

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
            book,
            assessed,
            Reading(record.offset, read_at, taken.hex()),
            messages.Envelope(record).emitting(self._changes),
        )

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
            self._sweeps.apply(book, event, record)
        except Poison as poison:
            self._changes.append(dead_letters.letter(record, poison))


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
