"""
The names under which causes have their topics, and what happens when one is made anew while its records are taken.

Offsets begin again in a topic that was deleted and made anew. Under the old name they would count as repeats, for
good; under the new one a record of the old topic would hide as many of the new one. No record says which of the two it
is of, so: what is in hand when the change is noticed goes on under the old name, where at worst it is passed over, and
then the new topic is read from its first record, under the new name.
"""

import time
from collections.abc import Callable, Iterable, Sequence

from shared.contract.codec import Record
from shared.lanes.dead_letters import plain_name

LOOK_SECONDS = 2.0  # between two questions for the ids; one whose offsets go back is asked for at once

Place = tuple[str, int]  # a topic and a lane


class Sources:
    """``id_of`` asks the cluster for a topic's id. Raises: Retryable, as it does."""

    def __init__(self, id_of: Callable[[str], str], ticks: Callable[[], float] = time.monotonic) -> None:
        self._id_of = id_of
        self._ticks = ticks
        self._ids: dict[str, str] = {}
        self._asked_at = float("-inf")
        self._next: dict[Place, int] = {}
        self._anew: dict[str, str] = {}  # topic -> the id that it has now
        self._awaited: dict[Place, int] = {}  # the offset at which a place goes on: what comes before that is old

    def name_of(self, topic: str) -> str:
        if topic not in self._ids:
            self._ids[topic] = self._id_of(topic)
        return f"{plain_name(topic)}@{self._ids[topic]}"

    def arrived(self, records: Iterable[Record]) -> list[Record]:
        """
        Those of a batch that may be taken: after a topic was made anew, the client may still hold some of before.

        ``anew`` then says whether one of their topics is another than it was.
        """
        taken = []
        for record in records:
            place = record.topic, record.lane
            awaited = self._awaited.get(place)
            if awaited is not None and record.offset > awaited:
                self._anew.setdefault(record.topic, self._ids[record.topic])  # sought again
                continue
            self._awaited.pop(place, None)
            taken.append(record)
        self._look(taken)
        return taken

    def _look(self, records: Sequence[Record]) -> None:
        topics = {record.topic for record in records}
        goes_back = any(record.offset < self._next.get((record.topic, record.lane), 0) for record in records)
        now = self._ticks()
        if goes_back or now - self._asked_at >= LOOK_SECONDS:
            for topic in topics:
                known, id = self._ids.get(topic), self._id_of(topic)
                if known is None:
                    self._ids[topic] = id
                elif id != known:
                    self._anew[topic] = id
            self._asked_at = now

    def done(self, records: Iterable[Record]) -> None:
        """They are published."""
        for record in records:
            self._next[record.topic, record.lane] = record.offset + 1

    @property
    def anew(self) -> list[str]:
        """The topics that have to be read from their first record, once the batch in hand is done."""
        return sorted(self._anew)

    def begun(self, topic: str, starts: dict[int, int]) -> None:
        """It is sought at these offsets, by lane; whatever comes from before is not of it."""
        self._ids[topic] = self._anew.pop(topic)
        self._next = {place: offset for place, offset in self._next.items() if place[0] != topic}
        self._awaited |= {(topic, lane): offset for lane, offset in starts.items()}

    def left(self, places: Iterable[Place]) -> None:
        """Lanes that are another's now."""
        for place in places:
            self._next.pop(place, None)
            self._awaited.pop(place, None)
