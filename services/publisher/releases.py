"""What waits for a person's yes by its hash, with everybody whom it concerns. Pure."""

from dataclasses import dataclass
from datetime import datetime

from services.publisher.freshness import is_long_ago
from services.publisher.keeping import Composed
from services.publisher.last_snapshot import last_of
from shared.config.settings import Tenant
from shared.contract.tenant_state import Reason, TenantState


@dataclass(frozen=True)
class Releasable:
    """``gives``: e-mails that one person would have from another, as (e-mail, from whom, to whom)."""

    hash: str
    code: str
    message: str
    disabled: tuple[str, ...] = ()
    provisioned: tuple[str, ...] = ()
    gives: tuple[tuple[str, str, str], ...] = ()


def releasable(
    composed: Composed,
    state: TenantState,
    settings: Tenant,
    now: datetime,
) -> tuple[Releasable, ...]:
    snapshot, last = composed.snapshot, last_of(state)
    found = []
    for verdict in (composed.partial, composed.blocked):
        if verdict is None:
            continue
        gone = tuple(one.email for one in verdict.who if one.reason == "too_many_at_once")
        found += [_of(reason, gone) for reason in verdict.reasons if reason.hash and reason.code != "address_moves"]
    for move in snapshot.moves:
        words = "an e-mail that is one person's account at Unitu would become another's"
        gives = (move.email, move.owner, move.ref)
        found.append(Releasable(move.hash, "address_moves", words, gives=(gives,)))
    missing = tuple(sorted(email for email in last.seats if email not in snapshot.roster))
    joined = tuple(sorted(email for email in snapshot.roster if email not in last.seats))
    stale = [one for one in (state.held.reasons if state.held else ()) if one.code in ("not_fresh", "sweep_ahead")]
    long_ago = is_long_ago(state, settings, snapshot, now)
    whole = [*stale, *(long_ago.reasons if long_ago else ())]
    return (*found, *(_of(reason, missing, joined) for reason in whole if reason.hash))


def _of(reason: Reason, disabled: tuple[str, ...], provisioned: tuple[str, ...] = ()) -> Releasable:
    return Releasable(reason.hash, reason.code, reason.message, disabled, provisioned)
