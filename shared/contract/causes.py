"""
The cause of an assessed record: from where in its source topic it was taken, and whether that is a repeat. Pure.

Kafka numbers the records of a partition anew where its log was cut short, as after the election of a replica that
lagged: what comes then has offsets that were given before. But it has a higher leader epoch, so that records are in one
order by epoch and offset, whatever was lost.
"""

from collections.abc import Mapping

UNKNOWN = -1


def cause_of(source: str, epoch: int, offset: int) -> str:
    """``source``: the topic's name and its own id. Without an epoch where the broker told none."""
    return f"{source}:{offset}" if epoch < 0 else f"{source}#{epoch}:{offset}"


class Causes:
    """The highest that a lane has taken of each source, as ``LaneState`` keeps it."""

    def __init__(self, offsets: Mapping[str, int], epochs: Mapping[str, int]) -> None:
        self._offsets = {source.encode(): offset for source, offset in offsets.items()}
        self._epochs = {source.encode(): epoch for source, epoch in epochs.items()}

    def is_news(self, cause: bytes | None) -> bool:
        """
        Whether a cause is above the highest that was seen of its source; it is then the highest.

        Raises: nothing; a record whose cause cannot be read is judged by its offset in the lane alone.
        """
        if cause is None:
            return True
        place, _, digits = cause.rpartition(b":")
        if not digits.isdigit():
            return True
        source, _, name = place.partition(b"#")
        epoch, offset = int(name) if name.isdigit() else UNKNOWN, int(digits)
        seen = self._epochs.get(source, UNKNOWN)
        is_later = epoch > seen if UNKNOWN not in (epoch, seen) and epoch != seen else None
        if is_later is None:
            is_later = offset > self._offsets.get(source, -1)
        if is_later:
            self._offsets[source] = offset
            if epoch != UNKNOWN:
                self._epochs[source] = epoch
        return is_later

    @property
    def offsets(self) -> dict[str, int]:
        return {source.decode(): offset for source, offset in self._offsets.items()}

    @property
    def epochs(self) -> dict[str, int]:
        return {source.decode(): epoch for source, epoch in self._epochs.items()}
