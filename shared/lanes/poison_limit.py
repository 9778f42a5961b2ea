"""
How much of what came lately could not be read. A bad sender is set aside; a bad release of ours stops itself.

One sender's rubbish is one school's, however much of it there is; a release that cannot read its input cannot read
anybody's. So each school counts alike: the share of poison among its own last records, and the mean of these shares
over the schools of the lanes that are here. One that has sent little counts as if the rest had been sound, and so does
one that has not been heard yet (docs/decisions/0040-poison-is-counted-by-school.md).
"""

import re
import threading
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from shared.config.settings import Config
from shared.contract.codec import Message, Record, whose
from shared.contract.populations import school_of
from shared.contract.topics import DEAD_LETTERS
from shared.errors import RollcallError
from shared.lanes.partition import lane_of

OTHERS = ""  # the keys that name no school of the configuration, all together: rubbish may have any key


class TooMuchPoison(RollcallError):
    """So much cannot be read that the fault is likelier ours: the service stops, and its position has not moved."""


@dataclass(frozen=True)
class Tally:
    """One batch by schools: how many records, and how many of them became dead letters."""

    records: Mapping[str, int] = field(default_factory=dict)
    poison: Mapping[str, int] = field(default_factory=dict)


class _Window:
    """The last records of one school, by whole batches."""

    def __init__(self) -> None:
        self.parts: deque[tuple[int, int]] = deque()
        self.records = 0
        self.poison = 0

    def add(self, records: int, poison: int, most: int) -> None:
        self.parts.append((records, poison))
        self.records += records
        self.poison += poison
        while self.records - self.parts[0][0] >= most:
            old, bad = self.parts.popleft()
            self.records -= old
            self.poison -= bad


class PoisonWatch:
    """
    Counts what one process of one service sets aside, from its start on: by nature of one release.

    ``share``: more than this stops the service; 1 never does. ``records``: how many of each school's last count.
    ``minimum``: a school that sent fewer counts as if it had sent so many, the rest of them sound.
    """

    def __init__(
        self, *, share: Fraction, records: int, minimum: int, schools: Iterable[str] = (), partitions: int = 1
    ) -> None:
        self._share = share
        self._most = records
        self._minimum = minimum
        self._lanes = {slug: lane_of(slug, partitions) for slug in schools}
        self._windows: dict[str, _Window] = defaultdict(_Window)
        self._lock = threading.Lock()  # a service's workers share it

    def judge(self, lanes: Iterable[int], records: Iterable[Record], messages: Sequence[Message]) -> Tally:
        """
        Whether a batch may be taken: ``messages`` is what it comes to, before any is published; ``lanes`` are those of
        this process. Nothing is counted until ``add``, so a batch that is tried again counts once.

        Raises: TooMuchPoison.
        """
        dead = {topic for topic in {message.topic for message in messages} if topic.endswith(DEAD_LETTERS)}
        letters = [message for message in messages if message.topic in dead] if dead else []
        sent = Counter([record.population for record in records])
        tally = Tally(self._by_school(sent), self._by_school(Counter(whose(one.key)[0] for one in letters)))
        if letters:
            with self._lock:
                share = self._share_with(set(lanes), tally)
            if share > self._share:
                raise TooMuchPoison(self._words(share, letters[0]))
        return tally

    def add(self, tally: Tally) -> None:
        """The batch was taken."""
        with self._lock:
            for school, count in tally.records.items():
                self._windows[school].add(count, tally.poison.get(school, 0), self._most)

    def _by_school(self, counted: Counter[str]) -> dict[str, int]:
        found: Counter[str] = Counter()
        for book, count in counted.items():
            school = school_of(book)
            found[school if school in self._lanes else OTHERS] += count
        return dict(found)

    def _share_with(self, lanes: set[int], tally: Tally) -> Fraction:
        here = {slug for slug, lane in self._lanes.items() if lane in lanes}
        here |= {slug for slug, count in tally.poison.items() if count}
        if OTHERS in self._windows and self._windows[OTHERS].poison:
            here.add(OTHERS)
        return sum((self._share_of(slug, tally) for slug in here), Fraction()) / len(here)

    def _share_of(self, slug: str, tally: Tally) -> Fraction:
        known = self._windows.get(slug) or _Window()
        poison = known.poison + tally.poison.get(slug, 0)
        records = known.records + tally.records.get(slug, 0)
        return Fraction(min(poison, records), max(records, self._minimum))

    def _words(self, share: Fraction, letter: Message) -> str:
        told = {name: (value or b"").decode("utf-8", "replace") for name, value in letter.headers}
        place = f"{told.get('dlq_topic')}/{told.get('dlq_partition')} at {told.get('dlq_offset')}"
        return (
            f"too much poison: {float(share):.0%} of what came lately cannot be read, each school counted alike; more "
            f"than poison.share = {float(self._share):.0%}. The first here is {place}: {without_values(told)}. "
            f"This batch was not taken. If this release is at fault, go back to the one before; if it is the senders, "
            f"set poison.share = 1.0 and start again: what cannot be read is then set aside, whatever its share."
        )


def without_values(told: Mapping[str, str]) -> str:
    """The reason without what stands in quotes: it may be somebody's, and this is for a log."""
    return re.sub(r"'[^']*'|\"[^\"]*\"", "'…'", told.get("dlq_error", ""))


def watch_of(config: Config) -> PoisonWatch:
    """What stops a service that can read next to nothing; one for each run of a service."""
    limit = config.poison
    return PoisonWatch(
        share=limit.share,
        records=limit.records,
        minimum=limit.minimum,
        schools=config.schools,
        partitions=config.kafka.partitions,
    )
