"""
Tells the workers that a tenant has changed: when its burst of changes began and ended, and what they must see first.

A lane wakes its tenants before its position moves, so that a crash between the two loses no wake. So a worker may be
faster than the lane: the wake names the position that the view will have.
"""

from collections.abc import Iterable, Mapping

import msgspec

from services.publisher import pacing
from services.publisher.pacing import Burst
from shared.clock import Clock
from shared.config.settings import Tenant
from shared.contract.model import Frozen
from shared.errors import Retryable
from shared.ports import Ask, DueQueue, FencedHashes

NAME = "wakes"
PATIENCE_SECONDS = 60.0  # a lane that has not moved after this is stuck; whoever joined goes, whoever left stays
TRIES = 20


class Wake(Frozen, array_like=True, kw_only=True):
    """``position``: where the lane's view stands once it has the change. Times are Unix seconds."""

    position: int
    first_at: float
    last_at: float

    @property
    def burst(self) -> Burst:
        return Burst(self.first_at, self.last_at)


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Wake).decode


class Wakes:
    """``store`` is a namespace of its own: it must not move with the view."""

    def __init__(self, store: FencedHashes, due: DueQueue, tenants: Mapping[str, Tenant], clock: Clock) -> None:
        self._store = store
        self._due = due
        self._tenants = tenants
        self._clock = clock

    def wake(self, lane: int, position: int, names: Iterable[str]) -> None:
        """Runs twice without harm. Raises: Retryable."""
        wanted = sorted(names)
        if not wanted:
            return
        for _ in range(TRIES):
            now = self._clock().timestamp()
            seen = self._store.read_lanes({lane: Ask({NAME: wanted})})[lane]
            wakes: dict[str, Wake] = {}
            for name, value in zip(wanted, seen.some[NAME], strict=True):
                before = None if value is None else _decode(value).burst
                burst = pacing.extended(before, now, self._tenants[name].quiet_seconds)
                wakes[name] = Wake(position=position, first_at=burst.first_at, last_at=burst.last_at)
            record = str(int(seen.lane or b"0") + 1).encode()
            changes = {NAME: {name: _encode(wake) for name, wake in wakes.items()}}
            if seen.lost:
                self._store.replace(lane, seen.lane, record, {})
            elif self._store.write(lane, seen.lane, record, changes):
                break
        else:
            raise Retryable(f"the wakes of lane {lane} keep moving")
        for name, wake in wakes.items():
            self._due.hasten(name, pacing.quiet_at(wake.burst, self._tenants[name]))

    def of(self, lanes: Iterable[int], name: str) -> dict[int, Wake]:
        """The newest wake of a tenant in each lane that has one."""
        ask = Ask({NAME: [name]})
        seen = self._store.read_lanes(dict.fromkeys(lanes, ask))
        values = {lane: one.some[NAME][0] for lane, one in seen.items()}
        return {lane: _decode(value) for lane, value in values.items() if value is not None}

    def is_visible(self, wake: Wake, position: int) -> bool:
        """Has a view at this position what the wake was for?"""
        return position >= wake.position or self._clock().timestamp() - wake.last_at > PATIENCE_SECONDS
