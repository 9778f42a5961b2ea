"""
The only loop: a batch of some lanes in, effects in one written order, each lane's position moved last.

**The position travels with the state.** A lane's record in the store says which offset comes next; Kafka's committed
offset is only for showing lag. Whoever decides from a lane must have read its record and its state at one instant, and
can only write while nobody else has moved that record.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from shared.contract.account_state import LaneState
from shared.contract.codec import Message, Record
from shared.errors import PositionMoved, Retryable
from shared.failpoints import at_point
from shared.lanes.handler import Asking, Edges, Effects, Handler, LazyMessages
from shared.lanes.poison_limit import PoisonWatch, Tally
from shared.lanes.stretch import Stretch
from shared.lanes.view import StateLost, View
from shared.ports import Ask, FencedHashes, Hashes, Log

log = logging.getLogger("rollcall.lane")


def _made(told: Iterable[Message | LazyMessages]) -> Iterator[Message]:
    for one in told:
        if isinstance(one, Message):
            yield one
        else:
            yield from one()


class _Look:
    """One lane's batch while what it needs is read: in as many journeys as its handler has questions."""

    def __init__(self, handler: Handler, lane: int, records: Sequence[Record]) -> None:
        self.lane = lane
        self.records = records
        self.wanted: Sequence[Record] = ()  # those of the records that are to be decided
        self.view: View
        self.is_begun = False
        self.is_asking = isinstance(handler, Asking)
        self._handler = handler
        if isinstance(handler, Asking):
            self._questions, self._decide = handler.ask(records)

    def first(self) -> Ask:
        """What the first journey brings, in which the position is read as well."""
        return next(self._questions, Ask()) if self.is_asking else Ask()

    def begin(self, view: View, wanted: Sequence[Record]) -> None:
        """Questions about other records than these, or by other offsets, are of no use."""
        self.view, self.wanted, self.is_begun = view, wanted, True
        self.is_asking = self.is_asking and len(wanted) == len(self.records) and not view.known.base

    def answer(self, found: Hashes) -> Ask | None:
        try:
            return self._questions.send(found)
        except StopIteration:
            return None

    def decide(self) -> Effects:
        return self._decide(self.view) if self.is_asking else self._handler.handle(self.wanted, self.view)


class LaneLoop:
    """
    Takes batches to their end. A Retryable from any line leaves position and state where they were.

    1. read each lane's record; no record: rebuild; not the place from which this batch was read: seek, decide nothing.
    2. handle, record by record, from states read at that position: no effect yet. Too much poison: stop.
    3. publish group by group; await every acknowledgement.
    4. write the states and move the position, together, if nobody moved it since 1; else seek.
    """

    def __init__(
        self,
        handler: Handler,
        store: FencedHashes,
        out: Log,
        edges: Edges,
        watch: PoisonWatch | None = None,
        lanes: Callable[[], Iterable[int]] = tuple,
        log_id: Callable[[], str] = str,
        epoch_at: Callable[[int, int], int | None] = lambda lane, offset: None,
    ) -> None:
        """
        ``lanes``: those of the whole process, where this loop is one of several; ``watch`` is of all of them.
        ``log_id`` asks for the topic's own id; "" for a log that has none. ``epoch_at``: of a lane and an offset of the
        log, see ``Stretch``. Both raise Retryable.
        """
        self._handler = handler
        self._watch = watch
        self._lanes = lanes
        self._store = store
        self._log = out
        self._edges = edges
        self._log_id = log_id
        self._epoch_at = epoch_at
        self._logs: dict[int, str] = {}  # of each lane's topic, when it was last looked at
        self._read_from: dict[int, int] = {}  # the log's offset from which each lane's next batch is surely read

    def step(self, batches: Mapping[int, Sequence[Record]]) -> dict[int, int]:
        """
        Take one batch of each lane; offsets of the records are the log's own.

        Returns, for the lanes whose batch was not taken, the offset in the log at which to go on reading. Raises:
        TooMuchPoison, before any effect.
        """
        seeks: dict[int, int] = {}
        ends = {lane: records[-1].offset + 1 for lane, records in batches.items()}
        at_point("reading")
        taken = self._decide(batches, seeks)
        tally = self._judge(batches, taken)
        at_point("decided")
        self._publish([effects for _, effects in taken])
        self._write(taken, ends, seeks)
        at_point("written")
        if self._watch is not None:
            self._watch.add(tally)
        self._read_from.update(ends | seeks)
        return seeks

    def _decide(self, batches: Mapping[int, Sequence[Record]], seeks: dict[int, int]) -> list[tuple[View, Effects]]:
        taken: list[tuple[View, Effects]] = []
        for look in self._look(batches, seeks):
            with self._seeking(look.lane, seeks):
                taken.append((look.view, look.decide()))
        return taken

    def _publish(self, effects: Sequence[Effects]) -> None:
        """The first groups of all lanes, then the second ones, and so on; then what wakes others."""
        for group in range(max((len(one.publish) for one in effects), default=0)):
            told = [message for one in effects for part in one.publish[group : group + 1] for message in part]
            if told:
                self._log.publish(_made(told))
                at_point(f"published-{group}")
        for one in effects:
            if one.wake:
                one.wake()

    def _write(self, taken: Sequence[tuple[View, Effects]], ends: Mapping[int, int], seeks: dict[int, int]) -> None:
        writes = {view.lane: view.write(ends[view.lane] + view.known.base) for view, _ in taken}
        for lane, was_written in self._store.write_lanes(writes).items() if writes else ():
            if not was_written:
                log.info("lane %d: another owner wrote first; re-reading", lane)
                seeks[lane] = self.position(lane)

    def _judge(self, batches: Mapping[int, Sequence[Record]], taken: Sequence[tuple[View, Effects]]) -> Tally:
        if self._watch is None or not taken:
            return Tally()
        records = [record for view, _ in taken for record in batches[view.lane]]
        messages = [
            one for _, effects in taken for group in effects.publish for one in group if isinstance(one, Message)
        ]
        return self._watch.judge({*self._lanes(), *self._read_from, *batches}, records, messages)

    def _look(self, batches: Mapping[int, Sequence[Record]], seeks: dict[int, int]) -> list["_Look"]:
        """
        Read what the batches need, all lanes in the same journeys. Whatever was read is of the instant of the first
        journey, or the lane is left out.
        """
        looks = {lane: _Look(self._handler, lane, records) for lane, records in batches.items()}
        ready: list[_Look] = []
        asks = {lane: look.first() for lane, look in looks.items()}
        while asks:
            seen, asks = self._store.read_lanes(asks), {}
            for lane, found in seen.items():
                with self._seeking(lane, seeks):
                    ask = self._answer(looks[lane], found)
                    if ask is not None:
                        asks[lane] = ask
                    elif looks[lane].wanted:
                        ready.append(looks[lane])
        return ready

    def _answer(self, look: "_Look", found: Hashes) -> Ask | None:
        """Hand over what was read for one lane. Returns what it asks for next; None when it asks for nothing more."""
        if not look.is_begun:
            view = View(self._store, look.lane, found)
            wanted = self._align(view, look.records)
            if wanted:
                view.adopt(self._logs.get(look.lane, ""), wanted[-1].epoch)
            look.begin(view, wanted)
            if not look.is_asking:
                return None
        look.view.check(found)
        return look.answer(found)

    @contextmanager
    def _seeking(self, lane: int, seeks: dict[int, int]) -> Iterator[None]:
        """Where another owner was faster, or the state contradicts itself, the lane goes on from elsewhere."""
        try:
            yield
        except PositionMoved:
            seeks[lane] = self.position(lane)
        except StateLost as lost:
            seeks[lane] = self._rebuild(lane, str(lost))

    def start(self, lane: int) -> int:
        """The log's offset at which a newly assigned lane is read. A lane that has no record is rebuilt first."""
        self._read_from[lane] = offset = self.position(lane)
        return offset

    def heal(self, lane: int) -> int | None:
        """Rebuild a lane that has lost something, or whose log has. Returns the offset at which to go on then."""
        _, fault = self._stand(lane, is_thorough=False)
        if fault is None and (lost := self._store.lost(lane)):
            fault = f"something is gone: {', '.join(lost)}"
        if fault is None:
            return None
        self._read_from[lane] = offset = self._rebuild(lane, fault)
        return offset

    def leave(self, lane: int) -> None:
        self._read_from.pop(lane, None)

    def position(self, lane: int) -> int:
        """Where the lane stands, as an offset of the log; a lane without a record, or outside the log, is rebuilt."""
        state, fault = self._stand(lane)
        return self._rebuild(lane, fault or "") if state is None or fault else state.position - state.base

    def _stand(self, lane: int, *, is_thorough: bool = True) -> tuple[LaneState | None, str | None]:
        """The lane's record, and why it cannot go on there, if so. Raises: Retryable."""
        try:
            state = View(self._store, lane).state
        except StateLost as lost:
            return None, str(lost)
        if state is None:
            return None, "the store has no record of it"
        return state, self._there(lane, is_thorough=is_thorough).fault_of(state)

    def _there(self, lane: int, *, is_thorough: bool = True) -> Stretch:
        """
        ``is_thorough``: the record before a position is looked at too. Raises: Retryable, also while the topic is made
        anew: its edges would be those of another.
        """
        log_id = self._log_id()
        first, end = self._edges(lane)
        if self._log_id() != log_id:
            raise Retryable(f"lane {lane}: its topic is being made anew")
        self._logs[lane] = log_id
        there = Stretch(first, end, log_id)
        return replace(there, epoch_at=partial(self._epoch_at, lane)) if is_thorough else there

    def _align(self, view: View, records: Sequence[Record]) -> list[Record]:
        """
        The batch's records from the lane's position on, with the lane's offsets. Raises: PositionMoved when it must be
        read elsewhere.

        A log may have holes (compaction), so a batch may begin above the position, if it was read from there or before
        and the log still reaches back that far.
        """
        if view.state is None:
            raise PositionMoved(f"lane {view.lane} has no record")
        base, offset = view.state.base, view.state.position - view.state.base
        wanted = [record for record in records if record.offset >= offset]
        first = records[0].offset
        if not wanted and records[-1].offset + 1 < self._read_from.get(view.lane, 0):
            raise PositionMoved(f"lane {view.lane}: read again from where nobody has sought: the log may be another")
        if first > offset and (self._read_from.get(view.lane, first) > offset or self._edges(view.lane)[0] > offset):
            raise PositionMoved(f"lane {view.lane} stands at {offset}, and the batch begins at {first}")
        if wanted and wanted[0].epoch > view.state.leader_epoch >= 0 and self._there(view.lane).fault_of(view.state):
            raise PositionMoved(f"lane {view.lane}: its log has other records than it has taken")
        return [record.at_offset(record.offset + base) for record in wanted] if base else wanted

    def _rebuild(self, lane: int, reason: str) -> int:
        """Raises: Retryable, also when another owner rebuilds it at the same time, or the store was emptied again."""
        log.warning("lane %d: rebuilding from its topics: %s", lane, reason)
        try:
            old = View(self._store, lane).state
        except StateLost:
            old = None
        try:
            self._handler.rebuild(lane, old, self._there(lane), reason)
            state = View(self._store, lane).known
        except (PositionMoved, StateLost) as moved:
            raise Retryable(f"lane {lane} moved while it was rebuilt: {moved}") from moved
        log.info("lane %d: continuing at offset %d", lane, state.position)
        return state.position - state.base
