"""When a tenant's snapshot goes: not at every change, not too often, and again later. Times are Unix seconds."""

from dataclasses import dataclass
from typing import TypeGuard

from shared.clock import parse
from shared.config.settings import Tenant
from shared.contract.tenant_state import Accepted, RefusedSnapshot, Simulated, TenantState
from shared.service import backoff

RETRY_AFTER_CAP_SECONDS = 3600.0  # the other side's wish is honoured up to this
RETRY_BASE_SECONDS = 2.0
LONGEST_LEASE_SECONDS = 3600.0
LEASE_SLACK_SECONDS = 1.0  # all leases are told by one clock
CONTENT = (400, 413, 422)  # refusals of what was sent, not of who sends it
AHEAD_SECONDS = 300.0  # clocks differ; a time further ahead than its setting allows, and this, is not believed


@dataclass(frozen=True)
class Burst:
    """A run of changes with less than the quiet time between them."""

    first_at: float
    last_at: float


def unix(text: str) -> float:
    return parse(text).timestamp()


def extended(burst: Burst | None, now: float, quiet_seconds: float) -> Burst:
    """The burst after one more change."""
    if burst is None or now - burst.last_at > quiet_seconds or burst.last_at > now + AHEAD_SECONDS:
        return Burst(now, now)
    return Burst(burst.first_at, max(burst.last_at, now))


def quiet_at(burst: Burst, tenant: Tenant, attempted_at: float = 0.0) -> float:
    """When enough silence has passed, or enough time since the first change that no snapshot has had yet."""
    waited_since = max(burst.first_at, min(attempted_at, burst.last_at))
    return min(burst.last_at + tenant.quiet_seconds, waited_since + tenant.max_delay_seconds)


def not_before(state: TenantState, tenant: Tenant, now: float, *, is_asked: bool) -> float:
    """
    The earliest time at which anything may be sent. A person who asks waits for one thing only: an open POST.
    """
    times = [0.0]
    if state.intent is not None:
        times.append(unix(state.intent.ends_at))
    if is_asked:
        return max(times)
    times += [at for at, most in _waits(state, tenant) if at <= now + most + AHEAD_SECONDS]
    return max(times)


def _waits(state: TenantState, tenant: Tenant) -> list[tuple[float, float]]:
    """What is waited for, beside a POST: until when, and how far ahead of now that may be."""
    found = []
    if state.not_before is not None:
        found.append((unix(state.not_before), max(2 * tenant.retry_max_seconds, RETRY_AFTER_CAP_SECONDS)))
    if is_of_the_content(state.refusal):
        found.append((unix(state.refusal.refused_at) + tenant.min_interval_seconds, tenant.min_interval_seconds))
    elif state.held is not None and state.held.kind == "rejected":
        resend = tenant.resend_hours * 3600
        found.append((unix(state.held.since) + resend, resend))
    newest = state.accepted.accepted_at if state.accepted else None
    if tenant.mode == "dry-run" and state.simulated:
        newest = max(newest or "", state.simulated.simulated_at)
    if newest is not None and not _adopted_since(state, newest) and not _is_overtaken(state):
        found.append((unix(newest) + tenant.min_interval_seconds, tenant.min_interval_seconds))
    return found


def is_of_the_content(refusal: RefusedSnapshot | None) -> TypeGuard[RefusedSnapshot]:
    """Whether another snapshot may be taken where this one was not: nothing that is sent mends a wrong key."""
    return refusal is not None and refusal.status in CONTENT


def refused_until(state: TenantState, tenant: Tenant, digest: str, *, is_asked: bool) -> float:
    """When this very snapshot, which Unitu refused, is tried again; 0 for any other, and for a person who asks."""
    refusal = state.refusal
    if is_asked or not is_of_the_content(refusal) or refusal.digest != digest:
        return 0.0
    return unix(refusal.refused_at) + tenant.resend_hours * 3600


def ahead(state: TenantState, tenant: Tenant, now: float) -> list[str]:
    """Which of the tenant's times cannot be: a clock was wrong when they were written."""
    named = [("the end of a wait", at, most) for at, most in _waits(state, tenant)]
    if state.resend_at is not None:
        named.append(("the next resend", unix(state.resend_at), tenant.resend_hours * 3600))
    return [name for name, at, most in named if at > now + most + AHEAD_SECONDS]


def believed_end(state: TenantState, now: float) -> float | None:
    """
    When the open POST is over if the intent's own time cannot be: as long from now as it was to take. None: it can.
    """
    if state.intent is None:
        return None
    ends, begins = unix(state.intent.ends_at), unix(state.intent.begun_at)
    lasts = min(max(ends - begins, 0.0), LONGEST_LEASE_SECONDS)
    return now + lasts if ends > now + lasts + LEASE_SLACK_SECONDS else None


def made_at(state: TenantState) -> list[str]:
    """When a snapshot was last accepted, and when one was last rehearsed."""
    return [_moment_of(one) for one in (state.accepted, state.simulated) if one is not None]


def _moment_of(made: Accepted | Simulated) -> str:
    return made.accepted_at if isinstance(made, Accepted) else made.simulated_at


def cause(state: TenantState, tenant: Tenant, digest: str, now: float, *, is_asked: bool) -> str | None:
    """Why the newest snapshot goes now: a word for people. None: nothing is new."""
    before = state.simulated if tenant.mode == "dry-run" else state.accepted
    if before is None:
        return "first"
    if _adopted_since(state, _moment_of(before)):
        return "adoption"
    if before.digest != digest:
        return "change"
    if tenant.mode == "live" and (state.unknown is not None or state.intent is not None):
        return "retry"
    resend_at = None if state.resend_at is None else unix(state.resend_at)
    if resend_at is None or resend_at <= now or resend_at > now + tenant.resend_hours * 3600 + AHEAD_SECONDS:
        return "resend"
    return "request" if is_asked else None


def resend_seconds(cause: str, tenant: Tenant) -> float:
    """When the newest goes again, even if identical: soon after a change, for a programme may be created meanwhile."""
    if cause == "resend":
        return tenant.resend_hours * 3600
    return min(tenant.resend_after_change_seconds, tenant.resend_hours * 3600)


def retry_seconds(tenant: Tenant, retries: int, retry_after: float | None) -> float:
    """After the ``retries``-th failure in a row: capped back-off with jitter, or the other side's own wish."""
    wait = backoff(retries, tenant.retry_max_seconds, min(RETRY_BASE_SECONDS, tenant.retry_max_seconds))
    return max(wait, min(retry_after or 0.0, RETRY_AFTER_CAP_SECONDS))


def _is_overtaken(state: TenantState) -> bool:
    """An older snapshot may have been applied after the last accepted one."""
    return state.accepted is not None and state.accepted.number <= state.overtaken


def _adopted_since(state: TenantState, at: str) -> bool:
    return state.adoption is not None and state.adoption.adopted_at > at
