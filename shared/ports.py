"""
All that a handler may know of the world.

Each port has two worlds: the real one (``shared.kafka.client``, ``shared.redis.client``) and the one of fast tests and
rehearsals (``shared.memory``). One suite of contract tests runs on both.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from shared.contract.codec import Message


class Log(Protocol):
    """Where messages go."""

    def publish(self, messages: Iterable[Message]) -> None:
        """
        Publish and wait for every acknowledgement; none of the messages is kept. Blocks; call it from a thread.

        Raises: Retryable when not every message was acknowledged; any number of them may have been written.
        """


@dataclass(frozen=True)
class Ask:
    """What one read of a lane wants: fields of some hashes, all of others, the sizes of others."""

    some: Mapping[str, Sequence[str]] = field(default_factory=dict)
    whole: Sequence[str] = ()
    sizes: Sequence[str] = ()


@dataclass(frozen=True)
class Write:
    """Changes of one lane (None deletes a field) and its new record, if its record still is ``expected``."""

    expected: bytes | None
    record: bytes
    changes: Mapping[str, Mapping[str, bytes | None]]


@dataclass(frozen=True)
class Hashes:
    """
    What one read of a lane saw, at one instant: the lane's record, and the hashes that were asked for.

    ``lost``: those of them that have not as many fields as were written. What a lane has lost in part proves nothing.
    """

    lane: bytes | None
    some: Mapping[str, Sequence[bytes | None]]
    whole: Mapping[str, Mapping[str, bytes]]
    sizes: Mapping[str, int]
    lost: Sequence[str] = ()


class FencedHashes(Protocol):
    """
    Named hashes of fields, by lane, and of each lane one record that says how far they are: the fence. What a lane last
    knew of everybody is kept so, and a tenant's state under the lane of its name.

    Everything of a lane moves together, or not at all. How many fields each hash has is kept beside them, so that a
    hash which vanished is told from one that never was.
    """

    def read_lanes(self, asks: Mapping[int, Ask]) -> dict[int, Hashes]:
        """
        Of several lanes in one journey: each lane's record and what was asked for, all of one lane at one instant.

        Raises: Retryable when the store is away.
        """

    def write_lanes(self, writes: Mapping[int, Write]) -> dict[int, bool]:
        """
        Write several lanes in one journey, each whole or not at all.

        False for a lane: somebody else has moved it, or one of these hashes is lost, and nothing of it was written.
        Raises: Retryable when the store is away; any of the lanes may have been written then.
        """

    def lost(self, lane: int) -> Sequence[str]:
        """All hashes of a lane that have not as many fields as were written."""

    def read(
        self,
        lane: int,
        some: Mapping[str, Sequence[str]] | None = None,
        whole: Sequence[str] = (),
        sizes: Sequence[str] = (),
    ) -> Hashes:
        """``read_lanes`` of one lane."""
        return self.read_lanes({lane: Ask(some or {}, whole, sizes)})[lane]

    def write(
        self,
        lane: int,
        expected: bytes | None,
        record: bytes,
        changes: Mapping[str, Mapping[str, bytes | None]],
    ) -> bool:
        """``write_lanes`` of one lane."""
        return self.write_lanes({lane: Write(expected, record, changes)})[lane]

    def replace(
        self,
        lane: int,
        expected: bytes | None,
        record: bytes,
        hashes: Mapping[str, Mapping[str, bytes]],
    ) -> bool:
        """Of one lane: it then has these hashes and no others. How a rebuilt lane takes its place. False as above."""


@dataclass(frozen=True)
class Claim:
    """One member of a due-queue, leased to one worker. ``token`` is the lease's own; ``note`` came with the request."""

    member: str
    token: str
    note: str


class DueQueue(Protocol):
    """
    Who is due when, shared by any number of workers. Times are Unix seconds.

    A claimed member is hidden until its lease ends; a dead worker's members come due again by themselves.
    """

    def ensure(self, members: Mapping[str, float]) -> None:
        """Add the members that are not there yet; those that are keep their time."""

    def remove(self, member: str) -> None:
        """Forget a member that the configuration no longer has."""

    def hasten(self, member: str, at: float, note: str = "") -> None:
        """
        Make a member due at ``at`` or earlier. While it is claimed, it comes due again after the claim is finished.

        ``note`` stays with it until a claim that saw it is finished successfully (the wish for a full sweep does).
        """

    def claim(self, now: float, lease_seconds: float) -> Claim | None:
        """The member that has been due longest, hidden for the length of the lease; None if nobody is due."""

    def renew(self, claim: Claim, now: float, lease_seconds: float) -> bool:
        """False: the lease is lost, and the worker must stop what it does."""

    def finish(self, claim: Claim, next_at: float, *, fulfilled: bool) -> bool:
        """End the claim. ``fulfilled`` forgets the note that the claim saw. False: the lease was lost before."""

    def next_at(self) -> float | None:
        """When the next member comes due; None for an empty queue."""
