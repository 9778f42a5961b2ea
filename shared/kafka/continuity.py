"""
Whether what a group reads next follows what it has read. A log that was cut short, as by a power cut or the election of
a replica that lagged, gives its offsets again; the client reads on in the middle of what came since, and says nothing.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Sequence

from shared.contract.codec import Record

log = logging.getLogger("rollcall.kafka")

Place = tuple[str, int]  # a topic, as it is called on the broker, and a lane


class Continuity:
    """
    ``epoch_at`` tells which leader took the record at an offset of a place (None: nobody knows); ``begin`` has a place
    read from its first record, and tells its offset. Both may raise Retryable.
    """

    def __init__(self, epoch_at: Callable[[Place, int], int | None], begin: Callable[[Place], int]) -> None:
        self._epoch_at = epoch_at
        self._begin = begin
        self._last: dict[Place, tuple[int, int]] = {}  # offset and epoch of the last record
        self._awaited: dict[Place, int] = {}  # the offset at which a place goes on: what comes before that is old

    def knows(self, place: Place, offset: int, epoch: int) -> None:
        """The last record that was taken of it."""
        self._last[place] = offset, epoch

    def left(self, places: Sequence[Place]) -> None:
        for place in places:
            self._last.pop(place, None)
            self._awaited.pop(place, None)

    def follows(self, records: Sequence[Record]) -> list[Record]:
        """Those that may be taken, in their order; a log that was cut short is read from its first record then."""
        batches: dict[Place, list[Record]] = defaultdict(list)
        for record in records:
            batches[record.topic, record.lane].append(record)
        passed = {place for place, batch in batches.items() if not self._is_next(place, batch)}
        return [record for record in records if (record.topic, record.lane) not in passed]

    def taken(self, records: Sequence[Record]) -> None:
        for record in records:
            self._last[record.topic, record.lane] = record.offset, record.epoch

    def _is_next(self, place: Place, batch: Sequence[Record]) -> bool:
        awaited = self._awaited.get(place)
        if awaited is not None and batch[0].offset > awaited:
            self._awaited[place] = self._begin(place)  # the client had them already
            return False
        self._awaited.pop(place, None)
        offset, epoch = self._last.get(place, (0, -1))
        for record in batch:
            if record.epoch > epoch >= 0 and self._epoch_at(place, offset) not in (None, epoch):
                self._awaited[place] = self._begin(place)
                self._last.pop(place, None)
                log.warning("%s/%d was cut short below offset %d; it is read from its first record", *place, offset)
                return False
            offset, epoch = record.offset, record.epoch
        return True
