"""
The publisher's own view of each lane, from ``account-state``: what every snapshot of the lane's tenants would have.

Hashes: ``people:<book>`` (account key -> Person), ``counts`` (book -> how many those are), ``schools`` (book -> state),
``structures`` (school -> state), ``retired`` (school -> what it no longer lists), ``lane`` (the reconciler's
LaneState), ``rebuild`` (what a full sweep must reach after this view was made anew). A book is a school's students, or
its staff: ``shared.contract.populations`` names them.

The newest by ``at`` stands: a stale owner's late record can be the last of its key.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from services.publisher.change_notices import Wakes
from services.publisher.roster_entry import pack, person_of, unpack
from shared.clock import Clock, write
from shared.config.settings import Config, School
from shared.contract.account_state import AccountState, LaneState, SchoolState, StructureState
from shared.contract.codec import Message, Record, decode, decoder, digest, encode, event_id, headers
from shared.contract.events import SyncRequested
from shared.contract.model import Structure
from shared.contract.populations import book_of, kind_of, school_of
from shared.contract.retired import retired_from
from shared.contract.topics import SYNC_REQUESTS
from shared.errors import Poison
from shared.lanes.dead_letters import letter
from shared.lanes.handler import Effects
from shared.lanes.partition import lane_of
from shared.lanes.stretch import Stretch
from shared.lanes.view import StateLost, View
from shared.ports import Ask, FencedHashes, Log

log = logging.getLogger("rollcall.publisher")

SCHOOLS, STRUCTURES, RETIRED, COUNTS, LANE, REBUILD = "schools", "structures", "retired", "counts", "lane", "rebuild"
OF_BOOKS = (SCHOOLS, STRUCTURES, RETIRED, COUNTS)
STATE, MARK, IDENTITY = "state", "mark", "id"  # fields of ``lane`` and of ``rebuild``


def people_of(book: str) -> str:
    """The name of the hash."""
    return f"people:{book}"


@dataclass
class _Batch:
    """What one batch has touched so far: the books whose snapshot may differ, and the letters for the dead."""

    touched: set[str] = field(default_factory=set)
    letters: list[Message] = field(default_factory=list)


class PublisherView:
    """The lane handler. ``store`` is the one that the loop uses; it is written here only when a lane is rebuilt."""

    def __init__(self, config: Config, store: FencedHashes, out: Log, wakes: Wakes, clock: Clock) -> None:
        self._config = config
        self._store = store
        self._log = out
        self._wakes = wakes
        self._clock = clock

    def handle(self, records: Sequence[Record], view: View) -> Effects:
        batch = _Batch()
        _check_counts(view)
        kept = _Kept(view, records, self._config.schools)
        end = view.known.rebuilt_offset
        for record in records:
            try:
                self._take(record, kept, batch, is_told_again=record.offset < end)
            except Poison as reason:
                batch.letters.append(letter(record, reason))
        kept.count()
        position = records[-1].offset + 1
        if view.position < end <= position:
            batch.touched.update(view.all(SCHOOLS))
            log.info("lane %d: the view is complete again", view.lane)
        tenants = self._tenants_of(batch.touched)
        return Effects([[*batch.letters]], lambda: self._wakes.wake(view.lane, position, tenants))

    def _tenants_of(self, books: Iterable[str]) -> set[str]:
        """Those whose snapshot these books are part of."""
        schools, tenants = self._config.schools, self._config.tenants
        found = ((kind_of(book), schools[school].tenant) for book in books if (school := school_of(book)) in schools)
        return {tenant for kind, tenant in found if kind == "student" or tenants[tenant].staff == "managed"}

    def _take(self, record: Record, kept: "_Kept", batch: _Batch, *, is_told_again: bool) -> None:
        book, key = record.whose
        if not record.value:
            if "/" in record.key and kept.forget(book, key):
                batch.touched.add(book)
            return
        state = decode(record.header("ce_type"), record.value)
        match state:
            case AccountState() | SchoolState() if (said := book_of(state.school, state.kind)) != book:
                raise Poison(f"its key is of {book}, its value of {said}")
            case AccountState():
                is_news = kept.account(book, key, state)
            case SchoolState():
                is_news = kept.school(book, state)
                if is_told_again:
                    kept.mark(state.full_offset + 1)
            case StructureState():
                is_news = kept.structure(state)
            case LaneState():
                kept.lane(state)
                if is_told_again:
                    kept.mark(state.position)
                return
            case _:
                raise Poison(f"{record.headers.get('ce_type')} does not belong into this topic")
        if is_news:
            batch.touched.add(book)

    def rebuild(self, lane: int, old: LaneState | None, there: Stretch, reason: str) -> None:
        """
        Read everything again from the log's start. Nothing is published from the lane before ``end`` was reached.

        What stands in a compacted topic may be a little old: every school of the lane is asked for a full sweep.
        """
        first, end, now = there.first, there.end, write(self._clock())
        identity = digest(f"{lane}/{first}/{end}/{now}".encode()).hex()[:12]
        rebuilt_offset = end if end > first else -1  # an empty log leaves nothing to doubt
        hashes = {REBUILD: {IDENTITY: identity.encode(), MARK: b"0"}} if end > first else {}
        if end > first:
            self._log.publish([self._full_sweep(school, lane, identity, now) for school in self._schools_of(lane)])
        record = encode(
            LaneState(lane=lane, position=first, rebuilt_offset=rebuilt_offset, log=there.log, rebuilt_because=reason)
        )
        self._store.replace(lane, self._store.read_lanes({lane: Ask()})[lane].lane, record, hashes)

    def _schools_of(self, lane: int) -> list[str]:
        partitions = self._config.kafka.partitions
        return sorted(school for school in self._config.schools if lane_of(school, partitions) == lane)

    def _full_sweep(self, school: str, lane: int, identity: str, now: str) -> Message:
        request = SyncRequested(school=school, full=True, reason="the publisher's view was rebuilt")
        id = event_id(school, "", 0, "sync_requested", f"publisher/{identity}")
        return Message(
            SYNC_REQUESTS,
            lane,
            school,
            encode(request),
            headers(SyncRequested, id=id, school=school, subject=school, time=now),
        )


def _check_counts(view: View) -> None:
    """Raises: StateLost when a book has another number of people than is kept beside them."""
    counts = {people_of(book): int(count) for book, count in view.all(COUNTS).items()}
    if view.look(Ask(sizes=list(counts))).sizes != counts:
        raise StateLost(f"lane {view.lane} has lost some of its people")


class _Kept:
    """What the view has of everything that a batch names, read in one journey; the newest by ``at`` stands."""

    def __init__(self, view: View, records: Sequence[Record], schools: Mapping[str, School]) -> None:
        self._view = view
        self._schools = schools
        wanted: dict[str, dict[str, None]] = {name: {} for name in OF_BOOKS}
        for record in records:
            book, key = record.whose
            if "/" in record.key:
                wanted.setdefault(people_of(book), {})[key] = None
            for name in OF_BOOKS:
                wanted[name][book] = None
        fields = {name: list(keys) for name, keys in wanted.items()} | {LANE: [STATE], REBUILD: [MARK]}
        found = view.get_some(fields)
        self._gained: Counter[str] = Counter()
        self._values = {
            (name, at): value for name in fields for at, value in zip(fields[name], found[name], strict=True)
        }

    def _put(self, name: str, at: str, value: bytes | None) -> None:
        self._values[name, at] = value
        self._view.put(name, at, value)

    def account(self, book: str, key: str, state: AccountState) -> bool:
        """Returns, as the others do, whether a snapshot may differ."""
        name = people_of(book)
        new, value = person_of(state, key, self._schools.get(state.school)), self._values[name, key]
        old = None if value is None else unpack(value)
        if old is not None and old.at > new.at:
            return False
        self._put(name, key, pack(new))
        if old is None:
            self._gained[book] += 1
            return new.status != "none"
        return msgspec.structs.replace(old, at=new.at) != new

    def forget(self, book: str, key: str) -> bool:
        if self._values.get((people_of(book), key)) is None:
            return False
        self._put(people_of(book), key, None)
        self._gained[book] -= 1
        return True

    def count(self) -> None:
        """Keep how many people each book has beside them."""
        for book, gained in self._gained.items():
            if gained:
                self._put(COUNTS, book, str(int(self._values[COUNTS, book] or b"0") + gained).encode())

    def school(self, book: str, state: SchoolState) -> bool:
        value = self._values[SCHOOLS, book]
        old = None if value is None else decoder(SchoolState).decode(value)
        if old is not None and old.offset > state.offset:
            return False
        self._put(SCHOOLS, book, encode(state))
        return old is None or _proven(old) != _proven(state)

    def structure(self, state: StructureState) -> bool:
        value = self._values[STRUCTURES, state.school]
        old = None if value is None else decoder(StructureState).decode(value)
        if old is not None and old.offset > state.offset:
            return False
        self._put(STRUCTURES, state.school, encode(state))
        self._retire(state, old)
        return old is None or old.structure != state.structure

    def _retire(self, new: StructureState, old: StructureState | None) -> None:
        """
        Whoever is still in something that the school no longer lists needs its definition in the body. An earlier
        release's state does not say what that is: then it is what this view has seen itself.
        """
        value = self._values[RETIRED, new.school]
        seen = Structure() if value is None else decoder(StructureState).decode(value).structure
        if old is not None:
            seen = retired_from(new.structure, old.structure, seen)
        retired = retired_from(new.structure, new.retired, seen)
        if value is not None or retired != Structure():
            self._put(
                RETIRED, new.school, encode(StructureState(school=new.school, offset=new.offset, structure=retired))
            )

    def lane(self, state: LaneState) -> None:
        value = self._values[LANE, STATE]
        if value is None or decoder(LaneState).decode(value).position <= state.position:
            self._put(LANE, STATE, encode(state))

    def mark(self, position: int) -> None:
        """A full sweep decided before here may be hidden by a stale record: it does not count after the rebuild."""
        if position > int(self._values[REBUILD, MARK] or b"0"):
            self._put(REBUILD, MARK, str(position).encode())


def _proven(state: SchoolState) -> tuple[bool, tuple[str, ...], int]:
    return state.certified is not None, tuple(sorted(state.areas)), state.full_offset
