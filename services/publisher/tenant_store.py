"""
TenantState, kept so that it can neither be lost nor go back: the log is the fence, Redis saves reading it whole.

A writing counts when it is the first of its revision in the topic ``tenant-state``; whoever wrote another of that
revision reads and decides again. Every reading goes to the log's end first, so an emptied or older Redis changes
nothing. A record that does not count, but is the last of its key, would outlive the one that does when the topic is
compacted: whoever sees it writes the state once more. ``tenant_log`` says which records count.
"""

import logging
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

from services.publisher import report
from services.publisher.rekeyed import rekeyed, rekeyed_values
from services.publisher.report import Sent
from services.publisher.tenant_log import LaneMark, StateKey, Taken, take
from shared.clock import Clock, write
from shared.contract.codec import Message, Record, decoder, encode, event_id, headers
from shared.contract.model import Frozen
from shared.contract.tenant_state import TenantState
from shared.contract.topics import TENANT_STATE
from shared.errors import Retryable
from shared.lanes.partition import lane_of
from shared.ports import FencedHashes, Hashes, Log

log = logging.getLogger("rollcall.publisher")

TENANTS, SENT_NUMBERS = "tenants", "sent-numbers"
TRIES = 20

Change = Callable[[TenantState], TenantState | None]


class History(Protocol):
    """One lane of the topic ``tenant-state``. Both raise Retryable."""

    def edges(self, lane: int) -> tuple[int, int]:
        """The first offset that is still there, and the one that the next record will have."""

    def read(self, lane: int, start: int) -> Iterable[Record]:
        """Every record from ``start`` to the end as it is now."""


def sent_of(tenant: str) -> str:
    """The name of the hash: e-mail -> what was last accepted under it."""
    return f"sent:{tenant}"


def tenant_headers(model: type[Frozen], id: str, tenant: str, time: str) -> list[tuple[str, bytes]]:
    """The CloudEvents attributes of what concerns a tenant, not a school."""
    found = headers(model, id=id, school="", subject=tenant, time=time)
    source = f"/rollcall/tenants/{tenant}".encode()
    return [(name, source if name == "ce_source" else value) for name, value in found]


class TenantStore:
    """
    ``store`` is a namespace of its own; its lane record says how far the topic has been read into it, and with which
    key the states are signed.
    """

    def __init__(
        self,
        store: FencedHashes,
        out: Log,
        history: History,
        partitions: int,
        clock: Clock,
        key: StateKey | None = None,
    ) -> None:
        self._store = store
        self._log = out
        self._history = history
        self._partitions = partitions
        self._clock = clock
        self._key = key or StateKey()

    def read(self, tenant: str) -> TenantState:
        """The newest state; an empty one for a tenant that has none. Raises: Retryable."""
        return self._read(tenant)[0]

    def _read(self, tenant: str) -> tuple[TenantState, bool]:
        states, is_signed = self._read_lane(self._lane(tenant))
        return states.get(tenant) or TenantState(tenant=tenant), is_signed

    def update(self, tenant: str, change: Change, also: Sequence[Message] = ()) -> TenantState | None:
        """
        Write what ``change`` makes of the newest state; ``also`` is published with it. None: it wanted no change.

        ``change`` is asked again when another writer was faster; ``also`` is then published again, under the same ids.
        Raises: Retryable, and then nobody knows whether it was written.
        """
        for _ in range(TRIES):
            before, is_signed = self._read(tenant)
            after = change(before)
            if after is None:
                return None
            writer = secrets.token_hex(8)
            after = msgspec.structs.replace(after, revision=before.revision + 1, writer=writer)
            self._log.publish([self._message(after, is_signed=is_signed), *also])
            if self.read(tenant).writer == writer:
                return after
        raise Retryable(f"the state of tenant {tenant} keeps moving")

    def sent(self, tenant: str, number: int) -> dict[str, Sent]:
        """E-mail -> what snapshot ``number`` had under it; empty when that is not known any more."""
        seen = self._store.read(self._lane(tenant), {SENT_NUMBERS: [tenant]}, whole=[sent_of(tenant)])
        if seen.lost or seen.some[SENT_NUMBERS][0] != str(number).encode():
            return {}
        return rekeyed_values({email: report.unpack(value) for email, value in seen.whole[sent_of(tenant)].items()})

    def remember_sent(self, tenant: str, number: int, changes: Mapping[str, Sent | None]) -> None:
        """Only reports are made from it: if it gets lost, they say less."""
        packed = {email: None if sent is None else report.pack(sent) for email, sent in changes.items()}
        lane = self._lane(tenant)
        for _ in range(TRIES):
            seen = self._store.read(lane, sizes=[sent_of(tenant), SENT_NUMBERS])
            record = seen.lane
            if seen.lost:
                self._begin_again(lane, record)
            if record is None or seen.lost:
                self._read_lane(lane)
                continue
            hashes: dict[str, dict[str, bytes | None]] = {
                sent_of(tenant): packed,
                SENT_NUMBERS: {tenant: str(number).encode()},
            }
            if self._store.write(lane, record, record, hashes):
                return
        raise Retryable(f"the memory of tenant {tenant} keeps moving")

    def _lane(self, tenant: str) -> int:
        return lane_of(tenant, self._partitions)

    def _read_lane(self, lane: int) -> tuple[dict[str, TenantState], bool]:
        """The newest state of every tenant in the lane, with the log read to its end, and whether they are signed."""
        for _ in range(TRIES):
            seen = self._store.read(lane, whole=[TENANTS])
            if seen.lost:
                self._begin_again(lane, seen.lane)
            elif (found := self._read_on(lane, seen)) is not None:
                return found
        raise Retryable(f"lane {lane} of {TENANT_STATE} keeps moving")

    def _read_on(self, lane: int, seen: Hashes) -> tuple[dict[str, TenantState], bool] | None:
        """None: somebody else was faster, or something was written that is to be read first."""
        mark = None if seen.lane is None else LaneMark.decode(seen.lane)
        key, begins = mark.key if mark is not None else "", self._key.begins_with(mark)
        states = {tenant: _decode(value) for tenant, value in seen.whole[TENANTS].items()}
        first, end = self._history.edges(lane)
        offset = first if mark is None else mark.offset
        if mark is not None and offset == end and not begins:
            return states, bool(key)
        if offset > end:
            self._tell_again(lane, states, is_signed=bool(key))
            first, end = self._history.edges(lane)
            offset = first
        taken = take(self._history.read(lane, max(offset, first)), self._key, mark, states, self._partitions)
        bare: list[TenantState] = []
        if begins or (taken.signed and not key):
            key, bare = self._key.name, taken.unsigned_of(states | taken.news)
            self._sign(lane, bare)
        told = LaneMark(max(taken.offset, end), key).encode()
        changes: dict[str, bytes | None] = {tenant: encode(state) for tenant, state in taken.news.items()}
        if not self._store.write(lane, seen.lane, told, {TENANTS: changes}) or bare:
            return None
        states |= taken.news
        return None if self._repair(lane, states, taken, is_signed=bool(key)) else (states, bool(key))

    def _begin_again(self, lane: int, record: bytes | None) -> None:
        """Something of the lane is gone from the store: nothing of it counts, and the log is read from its start."""
        log.warning("lane %d of %s: re-reading from the start, the store has lost part of it", lane, TENANT_STATE)
        key = "" if record is None else LaneMark.decode(record).key
        self._store.replace(lane, record, LaneMark(0, key).encode(), {})

    def _sign(self, lane: int, states: Sequence[TenantState]) -> None:
        """From here on nothing counts that is not signed with this key: what was known before is written once more."""
        if states:
            log.warning("%s/%d: signing its %d states with the key under [operators]", TENANT_STATE, lane, len(states))
            self._log.publish([self._once_more(state, is_signed=True) for state in states])

    def _repair(self, lane: int, states: Mapping[str, TenantState], taken: Taken, *, is_signed: bool) -> bool:
        """Write those states once more whose last record in the log does not count."""
        if taken.refused:
            log.error("%s/%d: %d records skipped; the first: %s", TENANT_STATE, lane, taken.refused, taken.reason)
        wrong = taken.overwritten(states)
        if wrong:
            self._log.publish([self._once_more(one, is_signed=is_signed) for one in wrong])
        return bool(wrong)

    def _tell_again(self, lane: int, states: Mapping[str, TenantState], *, is_signed: bool) -> None:
        """The topic was made anew: what is still known goes into it."""
        log.warning("%s/%d is shorter than it was; republishing its %d states", TENANT_STATE, lane, len(states))
        self._log.publish([self._message(state, is_signed=is_signed) for state in states.values()])

    def _once_more(self, state: TenantState, *, is_signed: bool) -> Message:
        """The writer stays: whoever wrote it still sees that it counts."""
        return self._message(msgspec.structs.replace(state, revision=state.revision + 1), is_signed=is_signed)

    def _message(self, state: TenantState, *, is_signed: bool) -> Message:
        id = event_id(state.tenant, "", state.revision, "tenant_state", state.writer)
        message = Message(
            TENANT_STATE,
            self._lane(state.tenant),
            state.tenant,
            encode(state),
            tenant_headers(TenantState, id, state.tenant, write(self._clock())),
        )
        return self._key.sign(message) if is_signed else message


def _decode(value: bytes) -> TenantState:
    return rekeyed(decoder(TenantState).decode(value))
