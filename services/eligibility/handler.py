"""
One record out for each one in: students and staff judged, commands and a sweep's own records passed on. Stateless.

Each carries ``cause``, its source topic and offset, so that whoever reads can tell a repeat.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from services.eligibility.academic_year import in_rollover
from services.eligibility.append_time import not_later, timed
from services.eligibility.assess import ASSESSED_OF, assess, rulebook_of, undecided, years_of
from services.eligibility.category import Rulebook
from shared import clock
from shared.clock import Clock
from shared.config.settings import Config, School
from shared.contract.causes import cause_of
from shared.contract.codec import Message, Record, decode, decoder, digest, encode, event_id, headers, type_name
from shared.contract.commands import Command, ReleaseHold
from shared.contract.events import StaffFetched, StudentAssessed, StudentFetched, SweepCompleted, SweepFailed
from shared.contract.model import Budget, Frozen, Kind, Settings
from shared.contract.populations import KINDS, book_of, school_of
from shared.contract.signatures import objection_to
from shared.contract.topics import OPERATOR_COMMANDS, STUDENTS_ASSESSED
from shared.errors import Poison
from shared.lanes import dead_letters

log = logging.getLogger("rollcall.eligibility")

_FETCHED_OF: dict[Kind, type[Frozen]] = {"student": StudentFetched, "staff": StaffFetched}
_FETCHED = frozenset(map(type_name, _FETCHED_OF.values()))
_PASSED_ON = ("ce_id", "ce_type", "ce_source", "ce_subject", "ce_time", "read_at", "sweep", "traceparent")
_TIMES = frozenset({"ce_time", "read_at"})

Causes = Callable[[str], str]


@dataclass(frozen=True)
class _Book:
    """What judging a school's students, or its staff, needs to know: looked up by the book's name."""

    slug: str
    kind: Kind
    rules: Rulebook
    years: dict[int, int]
    zone: ZoneInfo
    fetched: str
    fetched_decoder: "msgspec.json.Decoder[Any]"
    assessed: type[StudentAssessed]
    event: str  # the answer's kind, as ids have it


def _no_lane(record: Record, partitions: int) -> Poison:
    """The topics that follow have no such partition, and the service would wait for it for ever."""
    return Poison(
        f"{dead_letters.plain_name(record.topic)}/{record.lane} is no school's, there are {partitions} partitions "
        "under [kafka]; whoever wrote this has another number there: see `rollcall topics check`"
    )


def _book(slug: str, kind: Kind, school: School) -> _Book:
    fetched, assessed = _FETCHED_OF[kind], ASSESSED_OF[kind]
    return _Book(
        slug=slug,
        kind=kind,
        rules=rulebook_of(school),
        years=years_of(school),
        zone=school.zone,
        fetched=type_name(fetched),
        fetched_decoder=decoder(fetched),
        assessed=assessed,
        event=type_name(assessed).split(".")[1],
    )


class Eligibility:
    """``source_of`` gives a topic's name as causes have it: with the topic's own id, which a remade topic changes."""

    def __init__(self, config: Config, source_of: Causes, now: Clock = clock.utc_now) -> None:
        self._config = config
        self._objection_to = objection_to(config.operators, now)
        self._source_of = source_of
        self._books = {
            book_of(slug, kind): _book(slug, kind, school) for slug, school in config.schools.items() for kind in KINDS
        }

    def handle(self, records: Sequence[Record]) -> list[Message]:
        """A batch of any lanes in, in the order of each lane; what to publish out."""
        messages: list[Message] = []
        refused: list[Poison] = []
        for record in records:
            messages.extend(self._one(record, refused))
        if refused:
            log.warning("%d commands refused; the last: %s", len(refused), refused[-1])
        return messages

    def _one(self, record: Record, refused: list[Poison]) -> list[Message]:
        if record.lane >= self._config.kafka.partitions:
            return [dead_letters.letter(record, _no_lane(record, self._config.kafka.partitions))]
        cause = cause_of(self._source_of(record.topic), record.epoch, record.offset)
        kind = record.header("ce_type")
        is_command = record.topic.endswith(OPERATOR_COMMANDS)
        if kind in _FETCHED and not is_command:
            return self._person(record, kind, cause)
        try:
            event = decode(kind, record.value)
            if is_command or isinstance(event, Command):
                value = self._command(record, event, refused)
            else:
                value = self._value(record, event)
        except Poison as poison:
            return [dead_letters.letter(record, poison)]
        return [self._message(record, cause, value)]

    def _command(self, record: Record, event: Frozen, refused: list[Poison]) -> bytes:
        """A command on its topic, and nothing else there; elsewhere it is nobody's. Raises: Poison."""
        if not isinstance(event, Command) or not record.topic.endswith(OPERATOR_COMMANDS):
            raise Poison(f"{record.header('ce_type')} does not belong on {dead_letters.plain_name(record.topic)}")
        if objection := self._objection_to(record):
            refused.append(Poison(f"{record.header('ce_type')}: {objection}"))
            raise refused[-1]
        if not isinstance(event, ReleaseHold):
            return record.value
        return encode(msgspec.structs.replace(event, two_people_above=self._config.operators.two_people_above))

    def _value(self, record: Record, event: Frozen) -> bytes:
        """What goes on of a record that is no person's: as it came, apart from times that are not believed."""
        try:
            believed = timed(event, record.appended)
        except ValueError as error:
            raise Poison(f"{record.header('ce_type')}: {error}") from error
        if isinstance(believed, SweepCompleted | SweepFailed) and believed.clock_minutes:
            _tell_clock(believed)
        if isinstance(believed, SweepCompleted):
            believed = self._stamped(record, believed)
        return record.value if believed is event else encode(believed)

    def _stamped(self, record: Record, event: SweepCompleted) -> SweepCompleted:
        school = self._config.schools.get(event.school)
        if school is None:
            raise _unknown_school(event.school)
        if record.key != book_of(event.school, event.kind):
            raise Poison(f"the key {record.key!r} names another school or kind than the value")
        return msgspec.structs.replace(event, settings=settings_of(school, _day(event.completed_at, school.zone)))

    def _person(self, record: Record, kind: str, cause: str) -> list[Message]:
        """A student or a member of staff, by the key; what is none is set aside, and whoever it names is undecided."""
        name, person = record.whose
        book = self._books.get(name)
        if book is None:
            return [dead_letters.letter(record, _unknown_school(school_of(name)))]
        taken = digest(record.value).hex()
        said = record.header("read_at") or ""
        read_at = _believed(said, record.appended)
        letters: list[Message] = []
        try:
            if kind != book.fetched:
                raise Poison(f"the key {record.key!r} is none of a {kind}")
            try:
                fetched = book.fetched_decoder.decode(record.value)
            except msgspec.MsgspecError as error:
                raise Poison(f"{kind}: {error}") from error
            if fetched.student.student_id != person or fetched.school != book.slug:
                raise Poison("the key names another student than the value")
            assessed = self._assess(read_at, fetched, taken, book)
        except Poison as poison:
            letters.append(dead_letters.letter(record, poison))
            assessed = undecided(book.slug, person, taken, book.kind)
        out = headers(
            book.assessed,
            id=event_id(name, person, record.offset, book.event, cause),
            school=book.slug,
            subject=record.key,
            time=read_at,
            read_at=read_at,
            said_at=None if read_at == said else said,
            sweep=record.header("sweep"),
            cause=cause,
            traceparent=record.header("traceparent"),
        )
        return [*letters, Message(STUDENTS_ASSESSED, record.lane, record.key, encode(assessed), out)]

    def _assess(self, read_at: str, fetched: StudentFetched | StaffFetched, taken: str, book: _Book) -> StudentAssessed:
        try:
            day = _day(read_at, book.zone)
        except ValueError as error:
            raise Poison(f"the header read_at: {error}") from error
        try:
            return assess(fetched.school, fetched.student, taken, day, book.rules, book.years, book.kind)
        except ValueError as error:  # a date that is none
            raise Poison(f"{book.fetched}: {error}") from error

    def _message(self, record: Record, cause: str, value: bytes) -> Message:
        kept = [
            (name, _believed(found.decode("utf-8", "replace"), record.appended).encode() if name in _TIMES else found)
            for name in _PASSED_ON
            if (found := record.raw_header(name)) is not None
        ]
        kept += [("ce_specversion", b"1.0"), ("content-type", b"application/json"), ("cause", cause.encode())]
        return Message(STUDENTS_ASSESSED, record.lane, record.key, value, kept)


def _believed(said: str, appended: int | None) -> str:
    """A header's time; what is none is told where the day is needed."""
    try:
        return not_later(said, appended)
    except ValueError:
        return said


def _tell_clock(event: SweepCompleted | SweepFailed) -> None:
    off = event.clock_minutes
    log.warning(
        "%s: the clock of whoever read sweep %s is %d minutes %s Kafka's; its times are not believed, Kafka's count",
        book_of(event.school, event.kind),
        event.sweep,
        abs(off),
        "ahead of" if off > 0 else "behind",
    )


@lru_cache(maxsize=4096)
def _day(moment: str, zone: ZoneInfo) -> date:
    """The day of a reading where the school is."""
    return clock.parse(moment).astimezone(zone).date()


def settings_of(school: School, day: date) -> Settings:
    """What a sweep's close depends on, by the configuration of this moment."""
    budgets = {}
    for name in type(school.guard).model_fields:
        budget = getattr(school.guard, name)
        budgets[name] = Budget(
            floor=getattr(budget, "floor", getattr(budget, "heads", 0)),
            share=f"{budget.share.numerator}/{budget.share.denominator}",
            count=getattr(budget, "count", None),
        )
    return Settings(
        version=school.settings_version,
        absence_confirm_minutes=school.absence_confirm_minutes,
        budgets=budgets,
        rollover=in_rollover(day, school.academic_year_start, school.rollover_days_before, school.rollover_days_after),
    )


def _unknown_school(slug: str) -> Poison:
    return Poison(f"school {slug!r} is not configured here; add [schools.{slug}] or discard this record")
