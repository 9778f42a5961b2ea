"""
Eligibility and the reconciler joined by memory instead of Kafka: the real handlers and the real loop, one lane.

``Road`` can crash between any two effects, repeat what it has read, and lose its state, as the real one may.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from services.eligibility.handler import Eligibility
from services.reconciler import keys
from services.reconciler.batch import Reconciler
from services.reconciler.rebuild import Rebuilder
from shared import clock, failpoints
from shared.config.load import load
from shared.config.settings import Config
from shared.contract.account_state import AccountState, SchoolState
from shared.contract.codec import Message, Record, decode, decoder, digest, encode, event_id, headers
from shared.contract.events import RollRead, StaffFetched, StudentFetched, SweepCompleted, SweepFailed, SweepStarted
from shared.contract.model import Frozen
from shared.contract.populations import book_of
from shared.contract.signatures import sign
from shared.contract.topics import (
    ACCOUNT_CHANGES,
    ACCOUNT_STATE,
    OPERATOR_COMMANDS,
    STUDENTS_ASSESSED,
    STUDENTS_FETCHED,
)
from shared.lanes.loop import LaneLoop
from shared.memory import MemoryFencedHashes, MemoryLog
from tests.harness.builders import SCHOOL, at

LANE = 0
OPERATORS_KEY = "the-operators-key-of-all-tests"


class Crash(BaseException):
    """The process dies here."""


def a_config(folder: Path, more: str = "", schools: Iterable[str] = (SCHOOL,), lanes: int = 1) -> Config:
    """One tenant with some iSAMS schools; ``more`` goes into each school's table."""
    (folder / "secret").write_text("made-up")
    (folder / "operators.key").write_text(OPERATORS_KEY)
    text = f'[kafka]\npartitions = {lanes}\n[operators]\nkey = {{ file = "operators.key" }}\n'
    text += '[tenants.abbey]\napi_key = { file = "secret" }\n'
    for slug in schools:
        text += (
            f'[schools.{slug}]\ntenant = "abbey"\nsource = "isams"\nbase_url = "http://127.0.0.1:9"\n'
            f'client_id = "made-up"\nclient_secret = {{ file = "secret" }}\n{more.replace("SLUG", slug)}\n'
        )
    path = folder / "rollcall.toml"
    path.write_text(text)
    return load(path, {})


def _said(event: Frozen, minutes: float) -> str:
    """The time that an event bears itself."""
    match event:
        case SweepStarted():
            return event.started_at
        case SweepCompleted():
            return event.completed_at
        case SweepFailed():
            return event.failed_at
        case _:
            return at(minutes)


class Road:
    def __init__(self, config: Config) -> None:
        self.config = config
        self.eligibility = Eligibility(config, lambda topic: topic)
        self.store = MemoryFencedHashes()
        self.out = MemoryLog()
        self.lane: list[Record] = []  # students-assessed, all of it
        self.fetched = 0
        self.commands = 0
        self.read = 0
        self.start()

    def start(self) -> None:
        """A new reconciler process: it knows nothing but the store and the log."""
        rebuilder = Rebuilder(self.store, self.out, lambda lane: self.states(), self.config.schools, 1)
        self.loop = LaneLoop(Reconciler(rebuilder), self.store, self.out, lambda lane: (0, len(self.lane)))
        self.read = self.loop.start(LANE)

    # --- in ----------------------------------------------------------------------------------------------------------

    def fetch(
        self,
        events: Sequence[Frozen],
        minutes: float = 0.0,
        sweep: str | None = None,
        appended: float | None = None,
    ) -> None:
        """
        Put events on students-fetched and let eligibility judge them. ``sweep``: whose students these are.
        ``appended``: the minute at which Kafka took the first, and the others as much later as they say; at the time
        that each says itself, where None.
        """
        records = []
        ahead = 0.0 if appended is None else clock.minutes_between(at(appended), _said(events[0], minutes))
        for event in events:
            match event:
                case SweepStarted() | RollRead() | SweepCompleted() | SweepFailed():
                    sweep = event.sweep
            records.append(self._fetched(event, minutes, sweep, ahead))
        self.judge(records)

    def read_one(
        self, event: StudentFetched | StaffFetched, minutes: float = 0.0, appended: float | None = None
    ) -> None:
        """A reading of one person: it belongs to no sweep."""
        self.judge([self._fetched(event, minutes, None, 0.0 if appended is None else minutes - appended)])

    def order(self, event: Frozen) -> None:
        """An operator's command."""
        school = getattr(event, "school", "")
        book = book_of(school, getattr(event, "kind", "student"))
        told = headers(type(event), id=f"c{self.commands}", school=school, subject=book, time=at())
        signed = sign(Message(OPERATOR_COMMANDS, LANE, book, encode(event), told), OPERATORS_KEY)
        taken, raw = clock.millis(at()), dict(signed.headers)
        record = Record(OPERATOR_COMMANDS, LANE, self.commands, book, encode(event), raw=raw, appended=taken)
        self.commands += 1
        self.judge([record])

    def judge(self, records: Iterable[Record]) -> None:
        for message in self.eligibility.handle(list(records)):
            if message.topic == STUDENTS_ASSESSED:
                self.append(message)
            else:
                self.out.publish([message])

    def append(self, message: Message) -> None:
        self.lane.append(
            Record(
                STUDENTS_ASSESSED, LANE, len(self.lane), message.key, message.value or b"", raw=dict(message.headers)
            )
        )

    def _fetched(self, event: Frozen, minutes: float, sweep: str | None, ahead: float = 0.0) -> Record:
        value, school = encode(event), getattr(event, "school", "")
        student = event.student.student_id if isinstance(event, StudentFetched | StaffFetched) else ""
        book = book_of(school, "staff" if isinstance(event, StaffFetched) else getattr(event, "kind", "student"))
        key = f"{book}/{student}" if student else book
        told = headers(
            type(event),
            id=event_id(book, student, self.fetched, "fetched"),
            school=school,
            subject=key,
            time=at(minutes),
            read_at=at(minutes),
            sweep=sweep,
            digest=digest(value).hex(),
        )
        self.fetched += 1
        taken = clock.millis(_said(event, minutes)) - round(ahead * 60_000)
        return Record(STUDENTS_FETCHED, LANE, self.fetched - 1, key, value, raw=dict(told), appended=taken)

    # --- on ----------------------------------------------------------------------------------------------------------

    def run(self, batch: int = 10_000) -> None:
        """Let the reconciler take everything that is there, in batches of so many records."""
        while self.read < len(self.lane):
            records = self.lane[self.read : self.read + batch]
            seeks = self.loop.step({LANE: records})
            self.read = seeks.get(LANE, self.read + len(records))

    def crash_at(self, point: str, batch: int = 10_000) -> None:
        """Run until a named point, die there, and start again."""

        def die() -> None:
            raise Crash(point)

        failpoints.hooks[point] = die
        try:
            self.run(batch)
        except Crash:
            self.start()
        finally:
            failpoints.hooks.clear()

    # --- out ---------------------------------------------------------------------------------------------------------

    def states(self) -> Iterator[Record]:
        """account-state as it stands."""
        for number, message in enumerate(self.out.of(ACCOUNT_STATE)):
            yield Record(ACCOUNT_STATE, LANE, number, message.key, message.value or b"", raw=dict(message.headers))

    def changes(self) -> list[Frozen]:
        """Each event of account-changes once, in order, as a consumer that drops repeats sees them."""
        seen: dict[str, Frozen] = {}
        for message in self.out.of(ACCOUNT_CHANGES):
            told = dict(message.headers)
            event = decode(told["ce_type"].decode(), message.value or b"")
            before = seen.setdefault(told["ce_id"].decode(), event)
            assert before == event, "one id bore two contents"
        return list(seen.values())

    def kinds(self) -> list[str]:
        return [type(event).__name__ for event in self.changes()]

    def account(self, student: str, school: str = SCHOOL) -> AccountState | None:
        value = self.store.hashes.get(LANE, {}).get(keys.students(school), {}).get(student)
        return None if value is None else decoder(AccountState).decode(value)

    def school(self, school: str = SCHOOL) -> SchoolState:
        state: SchoolState = decoder(SchoolState).decode(self.store.hashes[LANE][keys.SCHOOLS][school])
        return state

    def enabled(self, school: str = SCHOOL) -> set[str]:
        people = self.store.hashes.get(LANE, {}).get(keys.students(school), {})
        return {student for student, value in people.items() if decoder(AccountState).decode(value).status == "enabled"}
