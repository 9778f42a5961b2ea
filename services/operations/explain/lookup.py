"""
Where ``rollcall explain`` looks: the stores in Redis, and a bounded piece of ``account-changes``.

Reads and changes nothing. The apps of the services are not imported: they take longer to import than to answer.
"""

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, Protocol

from services.operations import stores
from services.operations.errors import Code, OperationError
from services.operations.explain.evidence import Carried, PersonEvidence
from services.operations.explain.model import Changed, NextSweep
from services.operations.explain.unitu import delivered_email
from services.operations.holds.holdings import book_state, nothing_known
from services.publisher.projection import people_of
from services.publisher.rekeyed import rekeyed
from services.publisher.roster_entry import unpack
from services.publisher.tenant_store import TENANTS
from services.reconciler import keys
from shared import clock
from shared.config.settings import Config, IsamsSchool
from shared.contract.account_state import AccountState, SchoolState
from shared.contract.codec import Record, decode, decoder, type_name
from shared.contract.deliveries import SnapshotAccepted
from shared.contract.events import AccountDisabled, AccountUpdated
from shared.contract.model import Frozen, Kind
from shared.contract.populations import book_of, kind_of, person_word, school_of
from shared.contract.tenant_state import TenantState, email_key
from shared.contract.topics import ACCOUNT_CHANGES, DELIVERIES
from shared.errors import Retryable
from shared.lanes.partition import lane_of
from shared.ports import FencedHashes
from shared.redis.client import connect
from shared.redis.due_queue import RedisDueQueue
from shared.redis.fenced_hashes import RedisFencedHashes

TAIL = 10_000  # records of account-changes that are looked at, from its end
LAST_CHANGES = 10  # that are told
DELIVERIES_TAIL = 50  # a delivery's report may be large; and it is asked for one who is out of the snapshot only
KAFKA_SECONDS = 3.0  # without an answer; the rest is told then
_ACCEPTED = type_name(SnapshotAccepted)


class PersonPlaces(Protocol):
    """All that is asked. Each raises Retryable."""

    @property
    def reconciler(self) -> FencedHashes: ...

    @property
    def publisher(self) -> FencedHashes: ...

    @property
    def tenants(self) -> FencedHashes: ...

    def due(self, book: str) -> tuple[float | None, bool]:
        """When a book is read next (Unix seconds; None: it is not in the queue), and whether a worker has it."""

    def tail(self, lane: int) -> Iterable[Record]:
        """The last records of a lane of ``account-changes``."""

    def deliveries(self, lane: int) -> Iterable[Record]:
        """The last deliveries of a lane."""


class Stores:
    """``PersonPlaces`` on the real servers."""

    def __init__(self, config: Config) -> None:
        client, prefix = connect(config), config.redis.key_prefix
        self.reconciler: FencedHashes = RedisFencedHashes(client, prefix, stores.RECONCILER)
        self.publisher: FencedHashes = RedisFencedHashes(client, prefix, stores.PUBLISHER)
        self.tenants: FencedHashes = RedisFencedHashes(client, prefix, stores.TENANTS)
        self._due = RedisDueQueue(client, prefix, stores.SWEEPS)
        self._config = config

    def due(self, book: str) -> tuple[float | None, bool]:
        return self._due.look(book)

    def tail(self, lane: int) -> Iterable[Record]:
        return self._last(ACCOUNT_CHANGES, lane, TAIL)

    def deliveries(self, lane: int) -> Iterable[Record]:
        return self._last(DELIVERIES, lane, DELIVERIES_TAIL)

    def _last(self, topic: str, lane: int, count: int) -> Iterable[Record]:
        from shared.kafka.client import Reader

        with Reader(self._config) as reader:
            low, high = reader.edges(topic, lane, KAFKA_SECONDS)
            return list(reader.read(topic, lane, max(low, high - count)))


def look(
    config: Config, places: PersonPlaces, slug: str, word: str, now: datetime, kind: Kind = "student"
) -> PersonEvidence:
    """
    One person by id, or by the e-mail of their account, at a moment. Where only Kafka is away, the answer says so and
    has the rest. Raises: OperationError (nothing-known, unknown-student); Retryable when Redis is away.
    """
    lane = lane_of(slug, config.kafka.partitions)
    with ThreadPoolExecutor(1) as beside:  # Kafka's answer takes longer than all of Redis's
        tail = beside.submit(lambda: list(places.tail(lane)))
        return _look(config, places, book_of(slug, kind), lane, word, now, tail)


def _look(
    config: Config, places: PersonPlaces, book: str, lane: int, word: str, now: datetime, tail: "Future[list[Record]]"
) -> PersonEvidence:
    slug = school_of(book)
    school, account = _known(places.reconciler, lane, book, word)
    holder = None
    if account.waits_for_email is not None:
        seen = places.reconciler.read(lane, {keys.emails(book): [account.waits_for_email]})
        (value,) = seen.some[keys.emails(book)]
        holder = None if value is None else value.decode()
    name = people_of(book)
    (person,) = places.publisher.read(lane, {name: [account.student_id]}).some[name]
    tenant = config.schools[slug].tenant
    at = lane_of(tenant, config.kafka.partitions)
    (state,) = places.tenants.read(at, {TENANTS: [tenant]}).some[TENANTS]
    notes: list[str] = []
    known = None if state is None else _tenant(state)
    return PersonEvidence(
        school=school,
        account=account,
        email_holder=holder,
        changes=_changes(tail, book, account, notes, is_pushed=slug in config.pushed),
        tenant=known,
        carried=None if known is None else _carried(places, at, known, f"{book}/{account.student_id}", notes),
        person=None if person is None else unpack(person),
        next_sweep=_next_sweep(places, book, now) if isinstance(config.schools[slug], IsamsSchool) else None,
        notes=tuple(notes),
    )


def _tenant(value: bytes) -> TenantState:
    return rekeyed(decoder(TenantState).decode(value))


def _known(store: FencedHashes, lane: int, book: str, word: str) -> tuple[SchoolState, AccountState]:
    slug, kind = school_of(book), kind_of(book)
    students, emails = keys.students(book), keys.emails(book)
    seen = store.read(lane, {keys.SCHOOLS: [book, slug], students: [word], emails: [email_key(word)]})
    if seen.lane is None:
        raise nothing_known(slug, lane)
    (found,), (holder,) = seen.some[students], seen.some[emails]
    if holder is not None:  # before whose key it is: a pushed person may be keyed by an address that another has now
        (found,) = store.read(lane, {students: [holder.decode()]}).some[students]
    state = book_state(*seen.some[keys.SCHOOLS]) or SchoolState(school=slug, kind=kind, offset=-1)
    if found is None:
        when = (
            f"its last certified sweep is of {state.certified.started_at}" if state.certified else "none was certified"
        )
        id = "the employee's id" if kind == "staff" else "schoolId"
        raise OperationError(
            Code.UNKNOWN_STUDENT,
            f"{slug}: no {person_word(kind)} {word!r} was ever read ({when}). Give the id that the record system has "
            f"(iSAMS: {id}), or the e-mail of an enabled account"
            + ("" if kind == "staff" else "; --live asks the record system itself"),
        )
    return state, decoder(AccountState).decode(found)


def _next_sweep(places: PersonPlaces, book: str, now: datetime) -> NextSweep | None:
    at, is_claimed = places.due(book)
    if at is None:
        return None
    if is_claimed and at > now.timestamp():  # the end of a lease; a dead worker's has passed
        return NextSweep(at=None, is_under_way=True)
    return NextSweep(at=clock.write(datetime.fromtimestamp(at, UTC)), is_under_way=False)


def _changes(
    coming: "Future[list[Record]]", book: str, account: AccountState, notes: list[str], *, is_pushed: bool
) -> tuple[Changed, ...] | None:
    """The person's newest changes, newest first."""
    key = f"{book}/{account.student_id}"
    try:
        tail = coming.result()
    except Retryable as trouble:
        notes.append(f"The last changes cannot be told: {trouble}")
        return None
    told: dict[str, Changed] = {}  # by id: what was decided twice was told twice
    for record in tail:
        if record.key == key:
            told[record.header("ce_id") or str(record.offset)] = changed(record, is_pushed=is_pushed)
    found = list(told.values())[::-1]
    if account.version >= 0 and not any(one.version == account.version for one in found):
        notes.append(
            f"The change that made the account as it is (version {account.version}) is not among the last "
            f"{len(tail)} changes of its lane; account-state has what it came to."
        )
    return tuple(found[:LAST_CHANGES])


def _carried(places: PersonPlaces, lane: int, state: TenantState, ref: str, notes: list[str]) -> Carried | None:
    """The last accepted snapshot that had somebody who is out of it: the one before the one that left them out."""
    email = state.former.get(ref)
    if email is None or delivered_email(state, ref) is not None:
        return None
    try:
        records = [one for one in places.deliveries(lane) if one.key == state.tenant]
    except Retryable as trouble:
        notes.append(f"The last snapshot that had the student cannot be told: {trouble}")
        return None
    told: dict[int, tuple[SnapshotAccepted, str]] = {}
    for record in records:
        if record.header("ce_type") == _ACCEPTED:
            event: SnapshotAccepted = decoder(SnapshotAccepted).decode(record.value)
            told[event.number] = event, record.header("ce_time") or ""
    without = max((number for number, (event, _) in told.items() if _is_gone(event, email)), default=None)
    before = max((number for number in told if without is not None and number < without), default=None)
    if before is None:
        notes.append(f"The last snapshot that had the student is not among the last {len(records)} deliveries.")
        return None
    return Carried(before, told[before][1])


def _is_gone(event: SnapshotAccepted, email: str) -> bool:
    return email_key(email) in map(email_key, event.report.disabled)


def changed(record: Record, *, is_pushed: bool = False) -> Changed:
    """Raises: Poison."""
    event: Any = decode(record.header("ce_type"), record.value)
    kind = (record.header("ce_type") or "").removeprefix("rollcall.").rpartition(".v")[0]
    return Changed(
        kind=kind, version=event.version, at=record.header("ce_time") or "", detail=_detail(event, is_pushed)
    )


def left_words(is_pushed: bool) -> str:
    """What a record that disabled an account said: no record of a pushed feed says that anybody has left."""
    return "the pushed body had them no more" if is_pushed else "the record says left"


def _detail(event: Frozen, is_pushed: bool) -> str:
    match event:
        case AccountUpdated():
            return ", ".join(event.fields)
        case AccountDisabled():
            is_record = event.evidence.kind == "record"
            proof = left_words(is_pushed) if is_record else "a certified sweep lacked them"
            return f"{proof} ({event.evidence.ref})"
        case _:
            return next(
                (str(found) for name in ("programme", "module", "plan") if (found := getattr(event, name, ""))), ""
            )
