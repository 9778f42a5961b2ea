"""What one look at a tenant comes to: a snapshot that may be sent, or when to look again."""

from dataclasses import dataclass
from datetime import datetime

from services.publisher import pacing
from services.publisher.report import Sent
from services.publisher.snapshot import Snapshot
from services.publisher.tenant_view import TenantView
from services.publisher.verdict import Hold, Wait
from shared.contract.deliveries import Report
from shared.contract.tenant_state import Held, TenantState

WAIT_SECONDS = 2.0  # between two looks at what may pass by itself; five times as long after a minute of it
HOLD_SECONDS = 60.0  # between two looks at what needs a person; a change or a person hastens it


@dataclass(frozen=True)
class Later:
    """Nothing to send now. ``is_told``: the wish of whoever asked has had its answer."""

    seconds: float
    is_told: bool = False


@dataclass(frozen=True)
class Ready:
    """What may be sent, and what it was made from. ``look_again``: in how many seconds, for those who are held."""

    state: TenantState
    view: TenantView
    snapshot: Snapshot
    report: Report
    sent: dict[str, Sent]
    cause: str
    look_again: float | None = None


def look_again(held: Hold | Wait | None, before: Held | None, now: datetime) -> float | None:
    """In how many seconds what is held is looked at again; None where nothing is."""
    if held is None:
        return None
    return HOLD_SECONDS if isinstance(held, Hold) else patience(before, now)


def patience(before: Held | None, now: datetime) -> float:
    """Between two looks at what may pass by itself; longer after a minute of it."""
    is_long = before is not None and abs(now.timestamp() - pacing.unix(before.since)) > 60.0
    return WAIT_SECONDS * (5 if is_long else 1)
