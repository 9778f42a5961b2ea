"""
A 2xx that is no acceptance: it is tried again, and told as held once it does not pass by itself. Pure.

What Unitu's document does not promise is never taken for a yes by itself: an operator says how the yes reads.
"""

from dataclasses import replace

from services.publisher.unitu import Outcome
from shared.config.settings import Tenant
from shared.contract.tenant_state import Held, Reason, TenantState

TRIES = 3  # in a row; what stands before Unitu for a moment has gone by then


def as_configured(outcome: Outcome, tenant: Tenant) -> Outcome:
    """The outcome, where an operator has said that Unitu's acceptance reads like this."""
    if outcome.is_unlike and tenant.acceptance_text and outcome.text.strip() == tenant.acceptance_text:
        return replace(outcome, kind="accepted", message="accepted", is_unlike=False)
    return outcome


def held_for(outcome: Outcome, state: TenantState, at: str) -> Held | None:
    """
    What a person is told of an answer that keeps coming; it is tried again all the same. ``state``: from before the
    POST. None: time may help, or some people are held already, and that stays told.
    """
    before = state.held
    if not outcome.is_unlike or state.retries + 1 < TRIES or (before is not None and before.is_partial):
        return None
    held = Held(kind="hold", reasons=(Reason(code="answer_unlike", message=outcome.message),), since=at)
    if before is not None and (before.kind, before.reasons) == (held.kind, held.reasons):
        return before
    return held
