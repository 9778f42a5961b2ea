"""
The only loop: a batch of some lanes in, effects in one written order, each lane's position moved last.

**The position travels with the state.** A lane's record in the store says which offset comes next; Kafka's committed
offset is only for showing lag. Whoever decides from a lane must have read its record and its state at one instant, and
can only write while nobody else has moved that record.
"""

import logging
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol, runtime_checkable

from shared.contract.account_state import LaneState
from shared.contract.codec import Message, Record
from shared.errors import PositionMoved, Retryable
from shared.failpoints import at_point
from shared.lanes.poison_limit import PoisonWatch, Tally
from shared.lanes.stretch import Stretch
from shared.lanes.view import StateLost, View
from shared.ports import Ask, Hashes, LaneStore, Log

log = logging.getLogger("rollcall.lane")


Later = Callable[[], Iterable[Message]]
"""Messages that are made when they are sent: in a batch of new students they would be most of its memory."""


@dataclass
class Effects:
    """
    What one lane's batch comes to. ``publish``: groups of messages, each acknowledged before the next is sent. Dead
    letters are there as they are, never for later: they are counted before anything is sent.

    ``wake`` runs after them and before the position moves; it may run twice.
    """

    publish: list[list[Message | Later]] = field(default_factory=list)
    wake: Callable[[], None] | None = None


Questions = Generator[Ask, Hashes, None]


class Handler(Protocol):
    """What a service decides. It writes nothing by itself, so that testing it is calling it."""

    def handle(self, records: Sequence[Record], view: View) -> Effects:
        """A lane's batch in; what to publish out. What to remember goes into the view. Offsets are the lane's own."""

    def rebuild(self, lane: int, old: LaneState | None, there: Stretch, reason: str) -> None:
        """
        Make a lane's state anew: it is gone, contradicts itself, or its position is none of the log.

        After it the store has a record for the lane.
        """


@runtime_checkable
class Asking(Protocol):
    """A handler that says beforehand what its batch will need, so that all lanes of a batch share the journeys."""

    def ask(self, records: Sequence[Record]) -> tuple[Questions, Callable[[View], Effects]]:
        """
        Questions about one lane's batch, each answered before the next is asked; and what then decides the batch. No
        effect, and no decision that a wrong position would make wrong, before that is called.
        """


@runtime_checkable
class Caring(Protocol):
    """A handler that looks after its lanes between batches."""

    def care(self, lane: int) -> None:
        """Look at what the lane has told. Nothing of the lane is decided meanwhile. Raises: Retryable."""


class Edges(Protocol):
    def __call__(self, lane: int) -> tuple[int, int]:
        """The first offset that the log still has of a lane, and its end. Raises: Retryable."""


def _made(told: Iterable[Message | Later]) -> Iterator[Message]:
    for one in told:
        if isinstance(one, Message):
            yield one
        else:
            yield from one()


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
        store: LaneStore,
        out: Log,
        edges: Edges,
        watch: PoisonWatch | None = None,
        lanes: Callable[[], Iterable[int]] = tuple,
        log_id: Callable[[], str] = str,
    ) -> None:
        """
        ``lanes``: those of the whole process, where this loop is one of several; ``watch`` is of all of them.
        ``log_id`` asks for the topic's own id; "" for a log that has none. Raises: Retryable.
        """
        self._handler = handler
        self._watch = watch
        self._lanes = lanes
        self._store = store
        self._log = out
        self._edges = edges
        self._log_id = log_id
        self._logs: dict[int, str] = {}  # of each lane's topic, when it was last looked at
        self._read_from: dict[int, int] = {}  # the log's offset from which each lane's next batch is surely read

    def step(self, batches: Mapping[int, Sequence[Record]]) -> dict[int, int]:
        """
        Take one batch of each lane; offsets of the records are the log's own.

        Returns, for the lanes whose batch was not taken, the offset in the log at which to go on reading. Raises:
        TooMuchPoison, before any effect.
        """
        seeks: dict[int, int] = {}
        taken: list[tuple[View, Effects]] = []
        ends = {lane: records[-1].offset + 1 for lane, records in batches.items()}
        at_point("reading")
        for lane, (view, decide) in self._look(batches, seeks).items():
            try:
                taken.append((view, decide()))
            except PositionMoved:
                seeks[lane] = self.position(lane)
            except StateLost as lost:
                seeks[lane] = self._rebuild(lane, str(lost))
        tally = self._judge(batches, taken)
        at_point("decided")
        for group in range(max((len(effects.publish) for _, effects in taken), default=0)):
            told = [one for _, effects in taken for part in effects.publish[group : group + 1] for one in part]
            if told:
                self._log.publish(_made(told))
                at_point(f"published-{group}")
        for _, effects in taken:
            if effects.wake:
                effects.wake()
        writes = {view.lane: view.write(ends[view.lane] + view.known.base) for view, _ in taken}
        for lane, was_written in self._store.write_lanes(writes).items() if writes else ():
            if not was_written:
                log.info("lane %d: another owner wrote first; re-reading", lane)
                seeks[lane] = self.position(lane)
        at_point("written")
        if self._watch is not None:
            self._watch.add(tally)
        self._read_from.update(ends | seeks)
        return seeks

    def _judge(self, batches: Mapping[int, Sequence[Record]], taken: Sequence[tuple[View, Effects]]) -> Tally:
        if self._watch is None or not taken:
            return Tally()
        records = [record for view, _ in taken for record in batches[view.lane]]
        messages = [
            one for _, effects in taken for group in effects.publish for one in group if isinstance(one, Message)
        ]
        return self._watch.judge({*self._lanes(), *self._read_from, *batches}, records, messages)

    def _look(
        self, batches: Mapping[int, Sequence[Record]], seeks: dict[int, int]
    ) -> dict[int, tuple[View, Callable[[], Effects]]]:
        """
        Read what the batches need, all lanes in the same journeys. Whatever was read is of the instant of the first
        journey, or the lane is left out.
        """
        questions: dict[int, Questions] = {}
        decides: dict[int, Callable[[View], Effects]] = {}
        asks: dict[int, Ask] = {}
        for lane, records in batches.items():
            if isinstance(self._handler, Asking):
                questions[lane], decides[lane] = self._handler.ask(records)
                asks[lane] = next(questions[lane], Ask())
            else:
                asks[lane] = Ask()
        views: dict[int, View] = {}
        result: dict[int, tuple[View, Callable[[], Effects]]] = {}
        while asks:
            seen, asks = self._store.read_lanes(asks), {}
            for lane, found in seen.items():
                try:
                    if lane not in views:
                        views[lane] = View(self._store, lane, found)
                        views[lane].adopt(self._logs.get(lane, ""))
                        wanted = self._align(views[lane], batches[lane])
                        if wanted is None:
                            seeks[lane] = self.position(lane)
                            continue
                        if not wanted:
                            continue
                        if len(wanted) != len(batches[lane]) or lane not in decides or views[lane].known.base:
                            result[lane] = (views[lane], partial(self._handler.handle, wanted, views[lane]))
                            continue
                    views[lane].check(found)
                    try:
                        asks[lane] = questions[lane].send(found)
                    except StopIteration:
                        result[lane] = (views[lane], partial(decides[lane], views[lane]))
                except PositionMoved:
                    seeks[lane] = self.position(lane)
                except StateLost as lost:
                    seeks[lane] = self._rebuild(lane, str(lost))
        return result

    def start(self, lane: int) -> int:
        """The log's offset at which a newly assigned lane is read. A lane that has no record is rebuilt first."""
        self._read_from[lane] = offset = self.position(lane)
        return offset

    def heal(self, lane: int) -> int | None:
        """Rebuild a lane that has lost something, or whose log has. Returns the offset at which to go on then."""
        _, fault = self._stand(lane)
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

    def _stand(self, lane: int) -> tuple[LaneState | None, str | None]:
        """The lane's record, and why it cannot go on there, if so. Raises: Retryable."""
        try:
            state = View(self._store, lane).state
        except StateLost as lost:
            return None, str(lost)
        if state is None:
            return None, "the store has no record of it"
        return state, self._there(lane).fault_of(state)

    def _there(self, lane: int) -> Stretch:
        """Raises: Retryable, also while the topic is made anew: its edges would be those of another."""
        log_id = self._log_id()
        first, end = self._edges(lane)
        if self._log_id() != log_id:
            raise Retryable(f"lane {lane}: its topic is being made anew")
        self._logs[lane] = log_id
        return Stretch(first, end, log_id)

    def _align(self, view: View, records: Sequence[Record]) -> list[Record] | None:
        """
        The batch's records from the lane's position on, with the lane's offsets; None when it must be read elsewhere.

        A log may have holes (compaction), so a batch may begin above the position, if it was read from there or before
        and the log still reaches back that far.
        """
        if view.state is None:
            return None
        base, offset = view.state.base, view.state.position - view.state.base
        wanted = [record for record in records if record.offset >= offset]
        first = records[0].offset
        if not wanted and records[-1].offset + 1 < self._read_from.get(view.lane, 0):
            return None  # read again from where nobody has sought: the log may be another
        if first > offset and (self._read_from.get(view.lane, first) > offset or self._edges(view.lane)[0] > offset):
            return None
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
