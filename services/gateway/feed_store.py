"""
What the gateways remember of each school that pushes, and the lease by which one body is taken at a time.

Lost or stale, it can hide nothing and remove nobody: who is who is read back from the accounts, which prove nobody's
absence, and what an old memory says of somebody absent from a body is as true as what a new one says. Moments never
go back, whichever gateway's clock they are of: a student's older reading would be passed over.
``services.gateway.redis_feed_store`` is the real one.
"""

import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from services.gateway.key_resolution import Key
from services.gateway.progress import Closed, Course, Snapshot, decided_at, later_than, report_of, sweeps_of
from services.gateway.register import Register, of_roll
from services.gateway.structure import Lists
from shared.contract.events import SweepReconciled
from shared.contract.model import Frozen, Kind
from shared.sweeps.failing import Failing, once_more

MOST_AHEAD_MS = 5 * 60_000  # that a kept moment may be ahead: one of a clock that was wrong would freeze the school


@dataclass(frozen=True)
class Lease:
    """The right to take one body; ``moment`` is that of its reading, in milliseconds since 1970."""

    school: str
    token: str
    moment: int


class Last(Frozen, kw_only=True):
    """
    What the accepted bodies of a school came to: its structure, and who is who in each list. ``key`` is the setting.
    ``roll`` and ``staff`` are what an older release kept in place of the registers: by key, the other of the two fields
    that tell one person from another.
    """

    key: Key
    lists: Lists = Lists()
    roll: dict[str, str | None] | None = None
    staff: dict[str, str | None] | None = None
    registers: dict[Kind, Register] = {}

    def register(self, kind: Kind) -> Register:
        """By the keys and addresses of now: an earlier release may have compared them in another way."""
        of_old = self.staff if kind == "staff" else self.roll
        return (self.registers.get(kind) or of_roll(of_old or {}, self.key)).compared_anew()


class Memory(Protocol):
    """Raises: Retryable when the store is away."""

    def open(self, school: str, now: int, seconds: float) -> Lease | None:
        """
        None: another body of the school is being taken. ``now``: the gateway's time, where the store has none of its
        own. The moment is above the last one, unless that is of a clock which was far ahead.
        """

    def renew(self, lease: Lease, seconds: float) -> bool:
        """False: the lease is lost, and whoever had it must stop."""

    def close(self, lease: Lease) -> None: ...

    def last(self, school: str) -> Last | None: ...

    def accept(self, lease: Lease, last: Last, sweep: str, status: bytes, incomplete: Failing | None = None) -> bool:
        """
        After the acknowledgement of everything. ``incomplete``: why the body says of nobody that they are gone. False:
        the lease was lost before, and nothing was written.
        """

    def refuse(self, school: str, refusal: Failing) -> None:
        """A body was refused whole: forgotten when one is accepted."""

    def failing(self, school: str) -> Failing | None:
        """The bodies in vain since the last that was accepted and complete."""

    def course(self, school: str, sweep: str) -> Course | None:
        """What became of a body; None: the school has no accepted one by that name, or not any more."""

    def decide(self, school: str, kind: Kind, sweep: str, version: int, report: bytes) -> None:
        """A sweep was closed; it may be that of a body which is just being accepted, or of none that is known."""

    def deliver(self, school: str, number: int, position: int) -> None:
        """A snapshot was accepted that has what was decided before this position of the school's lane."""

    def place(self, topic: str, lane: int) -> int | None:
        """Up to where a topic was followed."""

    def keep_place(self, topic: str, lane: int, offset: int) -> None: ...

    def probe(self) -> None:
        """Write something, to see whether the store takes it. Raises: Retryable, RedisRefused."""


class MemoryMemory:
    """Everything in this process, for fast tests. Leases end when they are closed, or by ``lose``."""

    def __init__(self) -> None:
        self._leases: dict[str, str] = {}
        self._moments: dict[str, int] = {}
        self.lasts: dict[str, Last] = {}
        self.statuses: dict[tuple[str, str], bytes] = {}
        self.refusals: dict[str, Failing] = {}
        self.reports: dict[tuple[str, str], dict[Kind, bytes]] = {}
        self.closes: dict[tuple[str, Kind], dict[str, int]] = {}
        self.snapshots: dict[str, dict[int, int]] = {}
        self.places: dict[tuple[str, int], int] = {}
        self._lock = threading.Lock()

    def open(self, school: str, now: int, seconds: float) -> Lease | None:
        with self._lock:
            if school in self._leases:
                return None
            last = self._moments.get(school, 0)
            self._moments[school] = moment = now if last > now + MOST_AHEAD_MS else max(now, last + 1)
            self._leases[school] = token = secrets.token_hex(16)
            return Lease(school, token, moment)

    def renew(self, lease: Lease, seconds: float) -> bool:
        return self._leases.get(lease.school) == lease.token

    def close(self, lease: Lease) -> None:
        with self._lock:
            if self.renew(lease, 0):
                del self._leases[lease.school]

    def lose(self, school: str) -> None:
        """The lease's time is over, and nobody has renewed it."""
        self._leases.pop(school, None)

    def last(self, school: str) -> Last | None:
        return self.lasts.get(school)

    def accept(self, lease: Lease, last: Last, sweep: str, status: bytes, incomplete: Failing | None = None) -> bool:
        with self._lock:
            if not self.renew(lease, 0):
                return False
            self.lasts[lease.school] = last
            self.statuses[lease.school, sweep] = status
            self.refusals.pop(lease.school, None)
        if incomplete is not None:
            self.refuse(lease.school, incomplete)
        return True

    def refuse(self, school: str, refusal: Failing) -> None:
        self.refusals[school] = once_more(self.refusals.get(school), refusal)

    def failing(self, school: str) -> Failing | None:
        return self.refusals.get(school)

    def probe(self) -> None:
        return

    def course(self, school: str, sweep: str) -> Course | None:
        receipt = self.statuses.get((school, sweep))
        if receipt is None:
            return None
        reports = reports_of(self.reports.get((school, sweep), {}))
        sweeps = sweeps_of(receipt)
        if (at := decided_at(reports, sweeps)) is None:
            whose: Kind = sweeps[0] if sweeps else "student"
            newest = max(
                ((version, one) for one, version in self.closes.get((school, whose), {}).items()), default=None
            )
            return Course(receipt, reports, next=later_than(sweep, closed(newest)))
        sent = [(position, number) for number, position in self.snapshots.get(school, {}).items() if position > at]
        mine = reports[sweeps[0]].version
        later = [(version, one) for one, version in self.closes[school, sweeps[0]].items() if version > mine]
        return Course(receipt, reports, snapshot(min(sent, default=None)), closed(min(later, default=None)))

    def decide(self, school: str, kind: Kind, sweep: str, version: int, report: bytes) -> None:
        self.reports.setdefault((school, sweep), {})[kind] = report
        self.closes.setdefault((school, kind), {})[sweep] = version

    def deliver(self, school: str, number: int, position: int) -> None:
        self.snapshots.setdefault(school, {})[number] = position

    def place(self, topic: str, lane: int) -> int | None:
        return self.places.get((topic, lane))

    def keep_place(self, topic: str, lane: int, offset: int) -> None:
        self.places[topic, lane] = offset


def reports_of(values: Mapping[Any, bytes]) -> dict[Kind, SweepReconciled]:
    return {one.kind: one for one in map(report_of, values.values())}


def snapshot(found: tuple[int, int] | None) -> Snapshot | None:
    return None if found is None else Snapshot(position=found[0], number=found[1])


def closed(found: tuple[int, str] | None) -> Closed | None:
    return None if found is None else Closed(version=found[0], sweep=found[1])
