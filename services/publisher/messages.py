"""What is told of each delivery, as messages of the topic ``deliveries``."""

from collections.abc import Sequence
from typing import Literal

from services.publisher.attempt import Ready
from services.publisher.tenant_store import tenant_headers
from services.publisher.unitu import Outcome
from services.publisher.verdict import Hold, Send, Verdict, Wait
from shared.config.settings import Config
from shared.contract.codec import Message, encode, event_id, headers, type_name
from shared.contract.deliveries import (
    WHO_LIMIT,
    SnapshotAccepted,
    SnapshotHeld,
    SnapshotRejected,
    SnapshotRetried,
    SnapshotSimulated,
    Who,
)
from shared.contract.events import SyncRequested
from shared.contract.model import Frozen
from shared.contract.tenant_state import Held
from shared.contract.topics import DELIVERIES, SYNC_REQUESTS
from shared.lanes.partition import lane_of


class Teller:
    """Makes the messages; ``at`` is the time that they bear."""

    def __init__(self, config: Config) -> None:
        self._partitions = config.kafka.partitions

    def accepted(self, tenant: str, number: int, ready: Ready, outcome: Outcome, at: str) -> Message:
        event = SnapshotAccepted(
            tenant=tenant,
            number=number,
            status=outcome.status or 0,
            cause=ready.cause,
            roster_hash=ready.snapshot.roster_hash,
            roster_count=len(ready.snapshot.roster),
            digest=ready.snapshot.digest,
            bytes=len(ready.snapshot.body),
            report=ready.report,
            positions=dict(sorted(ready.view.facts.positions().items())),
        )
        return self._message(event, tenant, number, at)

    def rejected(self, tenant: str, number: int, ready: Ready, outcome: Outcome, at: str) -> Message:
        event = SnapshotRejected(
            tenant=tenant,
            number=number,
            status=outcome.status or 0,
            cause=ready.cause,
            roster_hash=ready.snapshot.roster_hash,
            message=outcome.message,
            answer=outcome.text,
            report=ready.report,
        )
        return self._message(event, tenant, number, at)

    def retried(self, tenant: str, number: int, ready: Ready, outcome: Outcome, retry_at: str, at: str) -> Message:
        event = SnapshotRetried(
            tenant=tenant,
            number=number,
            cause=ready.cause,
            roster_hash=ready.snapshot.roster_hash,
            message=outcome.message,
            retry_at=retry_at,
            status=outcome.status,
            answer=outcome.text,
        )
        return self._message(event, tenant, number, at)

    def simulated(self, tenant: str, revision: int, ready: Ready, verdict: Verdict, at: str) -> Message:
        words: dict[type[Verdict], Literal["send", "hold", "wait"]] = {Send: "send", Hold: "hold", Wait: "wait"}
        event = SnapshotSimulated(
            tenant=tenant,
            cause=ready.cause,
            verdict=words[type(verdict)],
            roster_hash=ready.snapshot.roster_hash,
            roster_count=len(ready.snapshot.roster),
            digest=ready.snapshot.digest,
            bytes=len(ready.snapshot.body),
            report=ready.report,
            reasons=verdict.reasons if isinstance(verdict, Hold | Wait) else (),
            who=_some(verdict.who) if isinstance(verdict, Hold | Wait) else (),
        )
        return self._message(event, tenant, revision, at)

    def held(self, tenant: str, revision: int, who: Sequence[Who], held: Held, at: str) -> Message:
        event = SnapshotHeld(
            tenant=tenant,
            kind="wait" if held.kind == "wait" else "hold",
            reasons=held.reasons,
            who=_some(who),
        )
        return self._message(event, tenant, revision, at)

    def _message(self, event: Frozen, tenant: str, version: int, at: str) -> Message:
        id = event_id(tenant, "", version, type_name(type(event)).split(".")[1])
        lane = lane_of(tenant, self._partitions)
        return Message(DELIVERIES, lane, tenant, encode(event), tenant_headers(type(event), id, tenant, at))


def sync_request(school: str, partitions: int, at: str, *, full: bool = False) -> Message:
    """Asks for a sweep of a school: nothing may be sent that is old, or that lacks whom the reconciler counted."""
    reason = "account-state lacks some of its people" if full else "the publisher needs records that are not old"
    request = SyncRequested(school=school, full=full, reason=reason)
    id = event_id(school, "", 0, "sync_requested", f"publisher/{at}")
    told = headers(SyncRequested, id=id, school=school, subject=school, time=at)
    return Message(SYNC_REQUESTS, lane_of(school, partitions), school, encode(request), told)


def _some(who: Sequence[Who]) -> tuple[Who, ...]:
    return tuple(who[:WHO_LIMIT])
