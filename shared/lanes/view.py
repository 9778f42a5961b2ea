"""A lane's state as it was at one instant, and the changes that one batch makes to it."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from shared.contract.account_state import LaneState
from shared.contract.codec import decoder, encode
from shared.errors import PositionMoved, RollcallError
from shared.ports import Ask, FencedHashes, Hashes, Write
from shared.structs import replace


class StateLost(RollcallError):
    """What the store has of a lane contradicts itself; the lane must be rebuilt before anything is decided."""


class View:
    """
    One lane as it was at one instant, and the changes that the batch makes to it.

    Reads see the batch's own changes. Any number of reads count as one instant: each checks that the lane's record is
    still the one first read. Raises: PositionMoved when it is not.
    """

    def __init__(self, store: FencedHashes, lane: int, seen: Hashes | None = None) -> None:
        """``seen``: a read of this lane that has been made already, which then is the instant."""
        self.lane = lane
        self._store = store
        seen = seen or store.read(lane)
        self._record = seen.lane
        _refuse_lost(lane, seen)
        self._changes: dict[str, dict[str, bytes | None]] = {}
        self.state: LaneState | None = None if self._record is None else _decode_lane(self._record)

    @property
    def position(self) -> int:
        return self.known.position

    @property
    def known(self) -> LaneState:
        if self.state is None:
            raise StateLost(f"lane {self.lane} has no record")
        return self.state

    def get(self, name: str, fields: Sequence[str]) -> list[bytes | None]:
        """The fields' values, in their order; None for what is not there."""
        return self.get_some({name: fields})[name]

    def get_some(self, wanted: Mapping[str, Sequence[str]]) -> dict[str, list[bytes | None]]:
        """Fields of several hashes in one journey."""
        seen = self._store.read(self.lane, wanted)
        self.check(seen)
        result: dict[str, list[bytes | None]] = {}
        for name, fields in wanted.items():
            found = list(seen.some[name])
            if changes := self._changes.get(name):
                found = [changes.get(at, value) for at, value in zip(fields, found, strict=True)]
            result[name] = found
        return result

    def all(self, name: str) -> dict[str, bytes]:
        """A whole hash. For rare moments: it costs what it holds."""
        seen = self._store.read(self.lane, whole=[name])
        self.check(seen)
        found: dict[str, bytes | None] = {**seen.whole[name], **self._changes.get(name, {})}
        return {at: value for at, value in found.items() if value is not None}

    def look(self, ask: Ask) -> Hashes:
        """What one read sees, this batch's own changes left out."""
        seen = self._store.read_lanes({self.lane: ask})[self.lane]
        self.check(seen)
        return seen

    def put(self, name: str, at: str, value: bytes | None) -> None:
        """Set a field, or delete it with None; written when the batch ends."""
        self._changes.setdefault(name, {})[at] = value

    def update_state(self, **changes: Any) -> None:
        """Change the lane's own record; ``position`` is the loop's."""
        self.state = replace(self.known, **changes)

    def adopt(self, log: str, epoch: int) -> None:
        """``log``: the topic's id, where an older release has not kept it; ``epoch``: of the batch's last record."""
        self.update_state(log=self.known.log or log, leader_epoch=epoch)

    @property
    def has_changes(self) -> bool:
        return bool(self._changes)

    def write(self, position: int) -> Write:
        """The changes and the new position, to be written together."""
        self.update_state(position=position)
        return Write(self._record, encode(self.known), self._changes)

    def check(self, seen: Hashes) -> None:
        """
        Raises: PositionMoved when another owner has moved the lane since the first read; StateLost when a hash has not
        what was written.
        """
        if seen.lane != self._record:
            raise PositionMoved(f"lane {self.lane}: another owner has moved it")
        _refuse_lost(self.lane, seen)


def _refuse_lost(lane: int, seen: Hashes) -> None:
    if seen.lost:
        raise StateLost(f"of lane {lane} something is gone: {', '.join(seen.lost)}")


def _decode_lane(record: bytes) -> LaneState:
    try:
        state: LaneState = decoder(LaneState).decode(record)
    except msgspec.MsgspecError as error:
        raise StateLost(f"the record of a lane cannot be read: {error}") from error
    return state
