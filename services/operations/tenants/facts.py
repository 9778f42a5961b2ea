"""What is known of a tenant: its last snapshot, what holds it, who waits for an e-mail to be released; and its key."""

from collections import Counter

from services.operations.errors import Code, OperationError
from services.operations.tenants.complaints import complaints_in
from services.operations.tenants.desk import refusals
from services.operations.tenants.model import (
    AcceptedFacts,
    AdoptedFacts,
    KeyFacts,
    OpenIntent,
    RefusedFacts,
    TenantFacts,
)
from services.publisher.decisions import Desk
from services.publisher.releases import Releasable
from services.publisher.structure_ledger import Ledger, ledger_of
from shared.config.settings import Config
from shared.contract.deliveries import EmailWait
from shared.contract.tenant_state import TenantState


def facts_of(config: Config, desk: Desk, tenant: str) -> TenantFacts:
    """Raises: Retryable."""
    state, settings = desk.state(tenant), config.tenants[tenant]
    waits, releasable = _waiting(desk, tenant)
    return TenantFacts(
        tenant=state.tenant,
        mode=settings.mode,
        schools=tuple(config.schools_of(state.tenant)),
        key=desk.fingerprint(tenant),
        adopted=_adopted(state),
        accepted=_accepted(state),
        roster=len(state.roster),
        open_intent=_open_intent(state),
        is_outcome_unknown=state.unknown is not None or state.intent is not None,
        held=state.held,
        refused=_refused(state),
        retry_not_before=state.not_before,
        resend_at=state.resend_at,
        released_emails=len(state.email_releases),
        structure=counts_of(ledger_of(state)),
        complaints=tuple(complaints_in(state)),
        waits=waits,
        releasable=releasable,
        orders=state.orders,
    )


def _adopted(state: TenantState) -> AdoptedFacts | None:
    one = state.adoption
    if one is None:
        return None
    return AdoptedFacts(at=one.adopted_at, operator=one.operator, count=one.roster_count, key=one.fingerprint)


def _accepted(state: TenantState) -> AcceptedFacts | None:
    one = state.accepted
    return None if one is None else AcceptedFacts(number=one.number, at=one.accepted_at, digest=one.digest)


def _open_intent(state: TenantState) -> OpenIntent | None:
    one = state.intent
    return None if one is None else OpenIntent(number=one.number, ends_at=one.ends_at)


def _refused(state: TenantState) -> RefusedFacts | None:
    one = state.refusal
    return None if one is None else RefusedFacts(at=one.refused_at, status=one.status)


def _waiting(desk: Desk, tenant: str) -> tuple[tuple[EmailWait, ...] | None, tuple[Releasable, ...]]:
    try:
        with refusals():
            return desk.waits(tenant), desk.holds(tenant)
    except OperationError as error:
        if error.code is not Code.NOT_WHOLE:
            raise
        return None, ()


def counts_of(ledger: Ledger) -> dict[str, int]:
    """How much of its structure is told and how much confirmed; `rollcall structure` has each."""
    states = Counter(one.state for entities in ledger.values() for one in entities.values())
    return {"told": states["told"], "confirmed": states["confirmed"]}


def key_of(desk: Desk, tenant: str) -> KeyFacts:
    """Raises: Retryable."""
    return _key(desk, desk.state(tenant), is_confirmed=False)


def confirm_key(desk: Desk, tenant: str, fingerprint: str, operator: str, note: str = "") -> KeyFacts:
    """
    The configured key, which has this fingerprint, is of the institution whose roster was adopted. Raises:
    OperationError (outdated: it is another key, or nothing was adopted); Retryable.
    """
    before = desk.state(tenant)
    with refusals():
        desk.confirm_key(tenant, fingerprint, operator, note)
    return _key(desk, before, is_confirmed=True)


def _key(desk: Desk, state: TenantState, *, is_confirmed: bool) -> KeyFacts:
    adopted = state.adoption.fingerprint if state.adoption else ""
    configured = desk.fingerprint(state.tenant)
    return KeyFacts(tenant=state.tenant, adopted=adopted, configured=configured, is_confirmed=is_confirmed)
