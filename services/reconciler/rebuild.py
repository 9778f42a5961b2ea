"""
A lane's state made anew from ``account-state``: its records taken as they are, every index derived from them.

A stale owner's late record can be the last of its key in a compacted topic, so the newest is the one with the highest
``at``; and what was rebuilt may be a little old all the same. So the lane's schools come due for a full sweep.
"""

import logging
import secrets
from collections import defaultdict
from collections.abc import Callable, Iterable

from services.reconciler import keys
from services.reconciler.messages import ChangeEnvelope, lane_state
from shared import clock
from shared.contract.account_state import AccountState, LaneState, SchoolState, StructureState
from shared.contract.codec import MODULUS, Record, decode, encode, roll_hash
from shared.contract.email import COMPARISON, email_key
from shared.contract.populations import book_of, kind_of, school_of
from shared.contract.topics import STUDENTS_ASSESSED
from shared.errors import Poison, PositionMoved
from shared.lanes.partition import lane_of
from shared.lanes.stretch import Stretch
from shared.ports import FencedHashes, Log
from shared.structs import replace

log = logging.getLogger("rollcall.reconciler")

Read = Callable[[int], Iterable[Record]]
Hashes = dict[str, dict[str, bytes]]


class Rebuilder:
    """``read`` gives the records of ``account-state`` of one lane, from the first to the end."""

    def __init__(self, store: FencedHashes, log: Log, read: Read, schools: Iterable[str], partitions: int) -> None:
        self._store = store
        self._log = log
        self._read = read
        self._schools = sorted(schools)
        self._partitions = partitions

    def __call__(self, lane: int, old: LaneState | None, there: Stretch, reason: str = "") -> None:
        """
        Where the position is none of the log, the lane's offsets go on rising from a new base, so that no version is
        ever given twice. Raises: Retryable.
        """
        expected = self._store.read(lane).lane
        newest = newest_of(self._read(lane))
        told = newest.lane or old or LaneState(lane=lane, position=there.first)
        place = where(told, there, newest.highest_at)
        hashes, students = derive(newest.students.values(), newest.schools, newest.structures)
        state = replace(
            told,
            position=place.position,
            base=place.base,
            causes=told.causes if place.base == told.base else {},
            cause_epochs=told.cause_epochs if place.base == told.base else {},
            leader_epoch=told.leader_epoch if place.base == told.base else -1,
            students=students,
            schools=len(hashes.get(keys.SCHOOLS, {})),
            log=there.log or told.log,
            epoch=secrets.token_hex(8),
            comparison=COMPARISON,
            rebuilt_offset=place.position if newest.lane is not None or newest.students else told.rebuilt_offset,
            rebuilt_because=reason or told.rebuilt_because,
        )
        self._log.publish([lane_state(state)])
        if not self._store.replace(lane, expected, encode(state), hashes):
            raise PositionMoved(f"lane {lane}: another owner was rebuilding it")
        self._ask_for_full_sweeps(lane, state)
        if state.rebuilt_offset >= 0:
            log.warning("lane %d: rebuilt from account-state: %d people in %d books", lane, students, state.schools)

    def _ask_for_full_sweeps(self, lane: int, state: LaneState) -> None:
        if state.rebuilt_offset < 0:
            return  # nothing was ever here
        record = Record(STUDENTS_ASSESSED, lane, state.position, "", b"", {"read_at": clock.now()})
        envelope = ChangeEnvelope(record)
        schools = [slug for slug in self._schools if lane_of(slug, self._partitions) == lane]
        self._log.publish(
            [
                envelope.request(slug, None, f"lane {lane} was rebuilt ({state.epoch})", state.position)
                for slug in schools
            ]
        )


class Newest:
    """The newest record of each key, by ``at``: people by book and id, the books' own by their name."""

    def __init__(self) -> None:
        self.students: dict[tuple[str, str], AccountState] = {}
        self.schools: dict[str, SchoolState] = {}
        self.structures: dict[str, StructureState] = {}
        self.lane: LaneState | None = None

    @property
    def highest_at(self) -> int:
        """The highest offset that any of them was decided at."""
        found = [one.offset for group in (self.students, self.schools, self.structures) for one in group.values()]
        return max(found, default=-1)

    def take(self, state: object) -> None:
        match state:
            case AccountState():
                key = (book_of(state.school, state.kind), state.student_id)
                if key not in self.students or self.students[key].offset <= state.offset:
                    self.students[key] = state
            case SchoolState():
                book = book_of(state.school, state.kind)
                if book not in self.schools or self.schools[book].offset <= state.offset:
                    self.schools[book] = state
            case StructureState():
                if state.school not in self.structures or self.structures[state.school].offset <= state.offset:
                    self.structures[state.school] = state
            case LaneState():
                if self.lane is None or self.lane.position <= state.position:
                    self.lane = state


def newest_of(records: Iterable[Record]) -> Newest:
    """What a compacted topic comes to: a record without a value takes its key away."""
    newest = Newest()
    for record in records:
        if not record.value:
            newest.students.pop(record.whose, None)
            continue
        try:
            newest.take(decode(record.header("ce_type"), record.value))
        except Poison as poison:
            log.error("record of account-state skipped, it is unreadable: %s", poison)
    return newest


class LanePlace:
    def __init__(self, position: int, base: int) -> None:
        self.position = position
        self.base = base


def where(told: LaneState, there: Stretch, highest_at: int) -> LanePlace:
    """
    Where the lane goes on. A position outside the log (trimmed, cut, or made anew) is never skipped over in silence:
    the lane goes on at the first record that is there, under offsets above all that were ever given.
    """
    if there.fault_of(told) is None:
        return LanePlace(told.position, told.base)
    position = max(told.position, highest_at + 1)
    return LanePlace(position, position - there.first)


def derive(
    states: Iterable[AccountState], schools: dict[str, SchoolState], structures: dict[str, StructureState]
) -> tuple[Hashes, int]:
    """Every hash of a lane from its records, and how many people it has. ``schools`` are by book."""
    hashes: Hashes = defaultdict(dict)
    by_book: dict[str, list[AccountState]] = defaultdict(list)
    count = 0
    for state in sorted(states, key=lambda one: one.version):
        count += 1
        book = book_of(state.school, state.kind)
        by_book[book].append(state)
        _put(hashes, book, state)
    for book in sorted({*schools, *by_book}):
        school = schools.get(book) or SchoolState(school=school_of(book), kind=kind_of(book), offset=-1)
        people = by_book[book]
        roll = sorted(one.student_id for one in people if one.in_roll)
        has_roll = school.roll_hash is not None or bool(roll)  # a first close may be published as far as some students
        if has_roll:
            hashes[keys.ROLLS][book] = keys.roll_entry(roll)
        total = sum(keys.in_sum(one) for one in people) % MODULUS
        school = replace(
            school,
            students=len(people),
            enabled=sum(one.status == "enabled" for one in people),
            content_sum=f"{total:032x}",
            roll_hash=roll_hash(roll) if has_roll else None,
            roll_count=len(roll),
        )
        hashes[keys.SCHOOLS][book] = encode(school)
    for slug, structure in structures.items():
        hashes[keys.STRUCTURES][slug] = encode(structure)
    return dict(hashes), count


def _put(hashes: Hashes, book: str, state: AccountState) -> None:
    student = state.student_id
    if state.waits_for_email is not None:  # an earlier release may have compared in another way
        state = replace(state, waits_for_email=email_key(state.waits_for_email))
    hashes[keys.students(book)][student] = encode(state)
    hashes[keys.digests(book)][student] = keys.digest_entry(state)
    if keys.is_pending(state):
        hashes[keys.pending(book)][student] = b"1"
    if (entry := keys.recent_entry(state)) is not None:
        hashes[keys.recent(book)][student] = entry
    if (address := keys.email_of(state)) is not None:
        held = hashes[keys.emails(book)]
        if address in held:  # two of a half-published batch; in the order of versions the later one is right
            held[keys.second_holder(address, held[address].decode())] = held[address]
        held[address] = student.encode()
    if state.waits_for_email is not None:
        waits = hashes[keys.waiting(book)]
        before = keys.names(waits.get(state.waits_for_email))
        waits[state.waits_for_email] = keys.names_entry(keys.in_line((*before, student)))
