"""What one look at a tenant comes to: a snapshot that may be sent, or when to look again."""

from dataclasses import dataclass

from services.publisher.report import Sent
from services.publisher.snapshot import Snapshot
from services.publisher.tenant_view import TenantView
from shared.contract.deliveries import Report
from shared.contract.tenant_state import TenantState


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
