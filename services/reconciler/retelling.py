"""
``account-state`` is looked at while the store is sound: what the topic has lost of it is told again.

A topic that was made anew, trimmed, or cleaned by a wrong policy ends lower or begins higher than it did. Then it is
read from its start, and every record that it lacks, or has older, is written from the store.
"""

import json
import logging
from collections.abc import Callable, Iterable, Iterator

from services.reconciler import keys
from services.reconciler.messages import account_state, lane_state, school_state, structure_state
from services.reconciler.rebuild import Newest, newest_of
from shared.contract.account_state import AccountState, LaneState, SchoolState, StructureState
from shared.contract.codec import Message, Record, decoder
from shared.contract.populations import book_of
from shared.lanes.handler import Edges
from shared.ports import FencedHashes, Hashes, Log

log = logging.getLogger("rollcall.reconciler")

TOPIC, EDGES = "account-state", "edges"  # a hash of the lane, and its field: where the topic began and ended

_account, _school = decoder(AccountState), decoder(SchoolState)
_structure, _lane = decoder(StructureState), decoder(LaneState)


class Retelling:
    """``edges`` and ``read`` are of ``account-state``. One lane at a time, while nothing of it is decided."""

    def __init__(self, store: FencedHashes, out: Log, edges: Edges, read: Callable[[int], Iterable[Record]]) -> None:
        self._store = store
        self._log = out
        self._edges = edges
        self._read = read

    def __call__(self, lane: int) -> None:
        """Raises: Retryable; then the next look reads the whole topic again."""
        first, end = self._edges(lane)
        seen = self._store.read(lane, {TOPIC: [EDGES]})
        if seen.lane is None or self._store.lost(lane):
            return  # it is the store that has lost something, and is made anew from the topic
        before = _edges_of(seen)
        if before == (first, end):
            return
        if before is None or end < before[1] or first > before[0]:
            self._note(lane, seen.lane, None)  # whatever stops in between: look at all of it again
            self._tell_again(lane)
            first, end = self._edges(lane)
        self._note(lane, seen.lane, (first, end))

    def _note(self, lane: int, record: bytes, edges: tuple[int, int] | None) -> None:
        value = None if edges is None else json.dumps(edges).encode()
        self._store.write(lane, record, record, {TOPIC: {EDGES: value}})  # not written: another owner looks as well

    def _tell_again(self, lane: int) -> None:
        newest = newest_of(self._read(lane))
        told = [*self._lacking(lane, newest)]
        if not told:
            return
        self._log.publish(told)
        log.warning(
            "lane %d: account-state had lost %d records and has them again from Redis: it was made anew, trimmed or"
            " cleaned (its cleanup.policy must be compact)",
            lane,
            len(told),
        )

    def _lacking(self, lane: int, newest: Newest) -> Iterator[Message]:
        """In the order in which a batch tells them: people, then the books' own and the lane."""
        seen = self._store.read(lane, whole=[keys.SCHOOLS, keys.STRUCTURES])
        schools = seen.whole[keys.SCHOOLS]
        for book in sorted(schools):
            people = self._store.read(lane, whole=[keys.students(book)]).whole[keys.students(book)]
            for value in people.values():
                state: AccountState = _account.decode(value)
                if _is_older(newest.students.get((book_of(state.school, state.kind), state.student_id)), state):
                    yield account_state(lane, state, value)
        for book, value in sorted(schools.items()):
            school: SchoolState = _school.decode(value)
            if _is_older(newest.schools.get(book), school):
                yield school_state(lane, school, value)
        for slug, value in sorted(seen.whole[keys.STRUCTURES].items()):
            structure: StructureState = _structure.decode(value)
            if _is_older(newest.structures.get(slug), structure):
                yield structure_state(lane, structure)
        if seen.lane is not None and schools:
            position: LaneState = _lane.decode(seen.lane)
            if newest.lane is None:
                yield lane_state(position)


def _edges_of(seen: Hashes) -> tuple[int, int] | None:
    value = seen.some[TOPIC][0]
    if value is None:
        return None
    first, end = json.loads(value)
    return first, end


def _is_older(
    told: AccountState | SchoolState | StructureState | None, kept: AccountState | SchoolState | StructureState
) -> bool:
    return told is None or told.offset < kept.offset
