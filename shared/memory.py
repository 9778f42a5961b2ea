"""An in-memory twin of each port: for fast tests and rehearsals. The contract suite holds it to the real thing."""

import secrets
import threading
from collections.abc import Iterable, Mapping, Sequence

from shared.contract.codec import Message
from shared.errors import Retryable
from shared.ports import Ask, Claim, FencedHashes, Hashes, Write


class MemoryLog:
    """Keeps what was published; ``fail_after`` makes it refuse after so many messages, as a broker that goes away."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.fail_after: int | None = None

    def publish(self, messages: Iterable[Message]) -> None:
        messages = list(messages)
        if self.fail_after is not None and len(messages) > self.fail_after:
            self.messages.extend(messages[: self.fail_after])
            self.fail_after = None
            raise Retryable("the log is away")
        self.messages.extend(messages)

    def of(self, topic: str) -> list[Message]:
        return [message for message in self.messages if message.topic == topic]


class MemoryFencedHashes(FencedHashes):
    def __init__(self) -> None:
        self.records: dict[int, bytes] = {}
        self.hashes: dict[int, dict[str, dict[str, bytes]]] = {}
        self.sizes: dict[int, dict[str, int]] = {}

    def read_lanes(self, asks: Mapping[int, Ask]) -> dict[int, Hashes]:
        return {lane: self._read(lane, ask) for lane, ask in asks.items()}

    def _read(self, lane: int, ask: Ask) -> Hashes:
        hashes = self.hashes.get(lane, {})
        record = self.records.get(lane)
        return Hashes(
            record,
            {name: [hashes.get(name, {}).get(field) for field in fields] for name, fields in ask.some.items()},
            {name: dict(hashes.get(name, {})) for name in ask.whole},
            {name: len(hashes.get(name, {})) for name in ask.sizes},
            () if record is None else self._lost(lane, [*ask.some, *ask.whole, *ask.sizes]),
        )

    def lost(self, lane: int) -> Sequence[str]:
        return self._lost(lane, self.sizes.get(lane, {}))

    def _lost(self, lane: int, names: Iterable[str]) -> list[str]:
        hashes, sizes = self.hashes.get(lane, {}), self.sizes.get(lane, {})
        return [name for name in dict.fromkeys(names) if len(hashes.get(name, {})) != sizes.get(name, 0)]

    def write_lanes(self, writes: Mapping[int, Write]) -> dict[int, bool]:
        return {lane: self._write(lane, write) for lane, write in writes.items()}

    def _write(self, lane: int, write: Write) -> bool:
        if self.records.get(lane) != write.expected or self._lost(lane, write.changes):
            return False
        for name, fields in write.changes.items():
            kept = self.hashes.setdefault(lane, {}).setdefault(name, {})
            for field, value in fields.items():
                if value is None:
                    kept.pop(field, None)
                else:
                    kept[field] = value
            self.sizes.setdefault(lane, {})[name] = len(kept)
        self.records[lane] = write.record
        return True

    def replace(
        self,
        lane: int,
        expected: bytes | None,
        record: bytes,
        hashes: Mapping[str, Mapping[str, bytes]],
    ) -> bool:
        if self.records.get(lane) != expected:
            return False
        self.hashes[lane] = {name: dict(fields) for name, fields in hashes.items()}
        self.sizes[lane] = {name: len(fields) for name, fields in hashes.items()}
        self.records[lane] = record
        return True


class MemoryDueQueue:
    def __init__(self) -> None:
        self._due: dict[str, float] = {}
        self._leases: dict[str, str] = {}
        self._notes: dict[str, str] = {}
        self._wishes: dict[str, float] = {}
        self._again: set[str] = set()  # whose note was given during the lease that they are under
        self._lock = threading.Lock()

    def ensure(self, members: Mapping[str, float]) -> None:
        with self._lock:
            self._due = dict(members) | self._due

    def remove(self, member: str) -> None:
        with self._lock:
            for kept in (self._due, self._leases, self._notes, self._wishes):
                kept.pop(member, None)
            self._again.discard(member)

    def members(self) -> dict[str, float]:
        return dict(self._due)

    def hasten(self, member: str, at: float, note: str = "") -> None:
        with self._lock:
            is_leased = member in self._leases and member in self._due
            if note:
                self._notes[member] = note
            if note and is_leased:
                self._again.add(member)
            kept = self._wishes if is_leased else self._due
            kept[member] = min(at, kept.get(member, at))

    def claim(self, now: float, lease_seconds: float) -> Claim | None:
        with self._lock:
            due = sorted((at, member) for member, at in self._due.items() if at <= now)
            if not due:
                return None
            member = due[0][1]
            self._due[member] = now + lease_seconds
            self._leases[member] = secrets.token_hex(16)
            self._wishes.pop(member, None)
            self._again.discard(member)
            return Claim(member, self._leases[member], self._notes.get(member, ""))

    def renew(self, claim: Claim, now: float, lease_seconds: float) -> bool:
        with self._lock:
            if self._leases.get(claim.member) != claim.token:
                return False
            self._due[claim.member] = now + lease_seconds
            return True

    def finish(self, claim: Claim, next_at: float, *, fulfilled: bool) -> bool:
        with self._lock:
            if self._leases.get(claim.member) != claim.token:
                return False
            del self._leases[claim.member]
            if fulfilled and claim.member not in self._again and self._notes.get(claim.member) == claim.note:
                self._notes.pop(claim.member, None)
            self._again.discard(claim.member)
            self._due[claim.member] = min(next_at, self._wishes.pop(claim.member, next_at))
            return True

    def next_at(self) -> float | None:
        return min(self._due.values(), default=None)
