"""
The course of one delivery, over ports.

1. Read the tenant's state. An open intent is waited out: another worker's POST may still be on its way.
2. Read the views; take the snapshot; judge it. Anything but *send* is told and ends here.
3. Write the intent, under a new number. 4. Make sure of the lease. 5. Read the state again: still that number?
6. POST; its total time-out ends before the lease does. 7. Write the outcome. 8. End the claim.

Whatever stops in between leaves an open intent: the last snapshot is then the union of both, and the next claim goes
through all of it again, with what is newest then.
"""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from services.publisher import pacing, transitions
from services.publisher.attempt import Later, Ready
from services.publisher.emails import EmailRule
from services.publisher.last import accounts_of, last_of, outstanding
from services.publisher.messages import Teller
from services.publisher.report import report, sent_after
from services.publisher.safety import Hold, Verdict, Wait, judge, whole
from services.publisher.snapshot import take
from services.publisher.tenant_store import Change, TenantStore
from services.publisher.tenant_view import TenantViews
from services.publisher.unitu import Outcome, Post
from services.publisher.wakes import Wakes
from shared.clock import Clock, parse, write
from shared.config import Config, Tenant
from shared.points import at_point
from shared.ports import Claim, DueQueue, Log
from shared.tenant import Held, Reason, TenantState
from shared.wire import Message

log = logging.getLogger("rollcall.publisher")

TOO_EARLY_SECONDS = 0.1  # a worker was faster than the lane that woke it
WAIT_SECONDS = 2.0  # between two looks at what may pass by itself; five times as long after a minute of it
HOLD_SECONDS = 60.0  # between two looks at what needs a person; a change or a person hastens it
PAUSED_SECONDS = 60.0
FAR_SECONDS = 86_400.0


class Deliverer:
    """Takes one claimed tenant to its end. The ports block, so each step runs in a thread."""

    def __init__(
        self,
        config: Config,
        tenants: TenantStore,
        views: TenantViews,
        wakes: Wakes,
        due: DueQueue,
        out: Log,
        post: Post,
        clock: Clock,
    ) -> None:
        self._config = config
        self._tenants = tenants
        self._views = views
        self._wakes = wakes
        self._due = due
        self._log = out
        self._post = post
        self._clock = clock
        self._tell = Teller(config)

    async def deliver(self, claim: Claim) -> None:
        """Raises: Retryable, and then the tenant comes due again when its lease ends."""
        tenant = self._config.tenants.get(claim.member)
        if tenant is None:
            await asyncio.to_thread(self._due.remove, claim.member)
            return
        found = await asyncio.to_thread(self._prepare, claim, tenant)
        if isinstance(found, Ready):
            found = await self._send(claim, tenant, found)
        await asyncio.to_thread(self._finish, claim, found)

    def _finish(self, claim: Claim, later: Later) -> None:
        next_at = self._clock().timestamp() + min(max(later.seconds, 0.0), FAR_SECONDS)
        self._due.finish(claim, next_at, fulfilled=later.is_told)

    # --- 1, 2: what would be sent --------------------------------------------------------------------------------

    def _prepare(self, claim: Claim, tenant: Tenant) -> Ready | Later:
        name, is_asked, now = claim.member, bool(claim.note), self._clock()
        if tenant.mode == "paused":
            return Later(PAUSED_SECONDS, is_told=True)
        state = self._tenants.read(name)
        wait = pacing.not_before(state, tenant, is_asked=is_asked) - now.timestamp()
        if wait > 0:
            return Later(wait)
        if (early := self._too_early(name, tenant, state, now, is_asked=is_asked)) is not None:
            return early
        view = self._views.read(name)
        wakes = self._wakes.of(view.positions, name)
        if not all(self._wakes.is_visible(wake, view.positions[lane]) for lane, wake in wakes.items()):
            return Later(TOO_EARLY_SECONDS)
        if waiting := whole(view.facts):
            return self._hold(name, state, waiting)
        last = last_of(state)
        rule = EmailRule(sends=tenant.email_change == "send", releases=state.email_releases)
        is_managed = tenant.staff == "managed"
        people = view.facts.people.values()
        snapshot = take(people, view.structures, view.protected, last, rule, has_staff=is_managed)
        positions = state.positions | outstanding(state).positions
        is_live = tenant.mode == "live"
        verdict = judge(view.facts, snapshot, last, positions, state.adoption, rule, is_live=is_live)
        if is_live and isinstance(verdict, Hold | Wait):
            return self._hold(name, state, verdict)
        cause = pacing.cause(state, tenant, snapshot.digest, now.timestamp(), is_asked=is_asked)
        if cause is None:
            return self._nothing_new(name, tenant, state, now)
        sent = self._tenants.sent(name, state.accepted.number) if state.accepted else {}
        known = state.accepted.entities if state.accepted else None
        told = report(snapshot, accounts_of(state), last.former, sent, known)
        ready = Ready(state, view, snapshot, told, sent, cause)
        return ready if is_live else self._simulate(name, tenant, ready, verdict, now)

    def _too_early(
        self, name: str, tenant: Tenant, state: TenantState, now: datetime, *, is_asked: bool
    ) -> Later | None:
        """A burst of changes is not over yet."""
        if is_asked:
            return None
        attempts = [one.at for one in (state.accepted, state.simulated) if one is not None]
        attempted_at = max(map(pacing.unix, attempts), default=0.0)
        wakes = self._wakes.of(set(self._views.lanes_of(name).values()), name)
        quiet_at = [pacing.quiet_at(wake.burst, tenant, attempted_at) for wake in wakes.values()]
        wait = max(quiet_at, default=0.0) - now.timestamp()
        return Later(wait) if 0 < wait <= tenant.max_delay_seconds else None

    def _nothing_new(self, name: str, tenant: Tenant, state: TenantState, now: datetime) -> Later:
        if state.held is not None:
            self._tenants.update(name, lambda newest: _lifted(newest, state))
            log.info("tenant %s is no longer held; nothing has changed", name)
        at = parse(state.resend_at).timestamp() if state.resend_at else now.timestamp() + tenant.resend_hours * 3600
        return Later(at - now.timestamp(), is_told=True)

    def _hold(self, name: str, state: TenantState, verdict: Hold | Wait) -> Later:
        """Told when the reasons change, not at every look."""
        now, is_hold = self._clock(), isinstance(verdict, Hold)
        held = Held(kind="hold" if is_hold else "wait", reasons=verdict.reasons, since=write(now))
        before = state.held
        if before is None or (before.kind, before.reasons) != (held.kind, held.reasons):
            event = self._tell.held(name, state.revision, verdict.who, held, held.since)
            self._tenants.update(name, lambda newest: transitions.held(newest, held), [event])
            level = logging.WARNING if is_hold else logging.INFO
            log.log(level, "tenant %s %s: %s", name, "is held" if is_hold else "waits", _in_words(verdict.reasons))
            before = held
        if is_hold:
            return Later(HOLD_SECONDS, is_told=True)
        is_long = now.timestamp() - pacing.unix(before.since) > 60.0
        return Later(WAIT_SECONDS * (5 if is_long else 1))

    def _simulate(self, name: str, tenant: Tenant, ready: Ready, verdict: Verdict, now: datetime) -> Later:
        at, seconds = write(now), pacing.resend_seconds(ready.cause, tenant)
        event = self._tell.simulated(name, ready.state.revision, ready, verdict, at)
        resend_at = write(now + timedelta(seconds=seconds))
        digest = ready.snapshot.digest
        self._tenants.update(name, lambda state: transitions.rehearsed(state, digest, at, resend_at), [event])
        log.info("tenant %s: dry run of %d e-mails (%s)", name, len(ready.snapshot.roster), ready.cause)
        return Later(seconds, is_told=True)

    # --- 3 to 7: sending it --------------------------------------------------------------------------------------

    async def _send(self, claim: Claim, tenant: Tenant, ready: Ready) -> Later:
        number = await asyncio.to_thread(self._announce, claim, tenant, ready)
        if number is None:
            return Later(0.0)
        at_point("announced")
        if not await asyncio.to_thread(self._may_post, claim, tenant, number):
            await asyncio.to_thread(
                self._tenants.update, claim.member, lambda state: transitions.withdrawn(state, number)
            )
            return Later(0.0)
        outcome = await self._post.post(tenant.url, tenant.api_key, ready.snapshot.body, tenant.timeout_seconds)
        at_point("posted")
        return await asyncio.to_thread(self._conclude, claim.member, tenant, ready, number, outcome)

    def _announce(self, claim: Claim, tenant: Tenant, ready: Ready) -> int | None:
        now = self._clock()
        at, ends_at = write(now), write(now + timedelta(seconds=tenant.lease_seconds))
        positions = ready.view.facts.positions()

        def announce(state: TenantState) -> TenantState | None:
            if state.revision != ready.state.revision:
                return None  # judged by a state that is no longer the newest
            return transitions.announced(state, ready.snapshot, positions, at, ends_at)

        written = self._tenants.update(claim.member, announce)
        return None if written is None else written.number

    def _may_post(self, claim: Claim, tenant: Tenant, number: int) -> bool:
        """The lease is ours for longer than the POST can last, and no newer number is out."""
        renewed_at = self._clock()
        if not self._due.renew(claim, renewed_at.timestamp(), tenant.lease_seconds):
            return False
        state = self._tenants.read(claim.member)
        if state.intent is None or state.number != number or state.intent.number != number:
            return False
        ends_at = min(parse(state.intent.ends_at), renewed_at + timedelta(seconds=tenant.lease_seconds))
        return self._clock() + timedelta(seconds=tenant.timeout_seconds) <= ends_at

    def _conclude(self, name: str, tenant: Tenant, ready: Ready, number: int, outcome: Outcome) -> Later:
        now = self._clock()
        at = write(now)
        match outcome.kind:
            case "accepted":
                return self._accepted(name, tenant, ready, number, outcome, now)
            case "rejected":
                reason = Reason(code=f"rejected_{outcome.status}", message=outcome.message)
                held = Held(kind="rejected", reasons=(reason,), since=at)
                event = self._tell.rejected(name, number, ready, outcome, at)
                self._write(name, number, ready, lambda state: transitions.refused(state, number, held), event)
                if ready.state.held is None or ready.state.held.reasons != held.reasons:
                    log.warning("tenant %s is held, Unitu answered %s: %s", name, outcome.status, outcome.message)
                return Later(tenant.resend_hours * 3600, is_told=True)
            case "unknown":
                wait = pacing.retry_seconds(tenant, ready.state.retries + 1, outcome.retry_after)
                retry_at = write(now + timedelta(seconds=wait))
                event = self._tell.retried(name, number, ready, outcome, retry_at, at)
                self._write(name, number, ready, lambda state: transitions.unsure(state, number, retry_at), event)
                if ready.state.retries == 0:
                    log.warning("tenant %s: %s; trying again", name, outcome.message)
                return Later(wait, is_told=True)

    def _accepted(self, name: str, tenant: Tenant, ready: Ready, number: int, outcome: Outcome, now: datetime) -> Later:
        at, seconds = write(now), pacing.resend_seconds(ready.cause, tenant)
        resend_at = write(now + timedelta(seconds=seconds))
        people = ready.view.facts.people.keys()
        event = self._tell.accepted(name, number, ready, outcome, at)
        take = partial(transitions.taken, snapshot=ready.snapshot, known_people=people, at=at, resend_at=resend_at)
        after = self._write(name, number, ready, lambda state: take(state, number), event)
        at_point("concluded")
        if after is not None:
            self._tenants.remember_sent(name, number, sent_after(ready.snapshot, ready.sent))
        log.info(
            "tenant %s: snapshot %d of %d e-mails accepted (%s)", name, number, len(ready.snapshot.roster), ready.cause
        )
        return Later(seconds, is_told=True)

    def _write(self, name: str, number: int, ready: Ready, change: Change, event: Message) -> TenantState | None:
        """The outcome; told also when the state has moved on and takes no notice of it. The newest goes again then."""
        after = self._tenants.update(name, change, [event])
        if after is None:
            self._log.publish([event])
            now, roster, positions = self._clock(), ready.snapshot.roster, ready.view.facts.positions()
            overtaken = partial(transitions.overtaken, number=number, roster=roster, positions=positions, at=write(now))
            if self._tenants.update(name, overtaken) is not None:
                log.warning("tenant %s: snapshot %d was overtaken; the newest goes again", name, number)
                self._due.hasten(name, now.timestamp())
        return after


def _lifted(newest: TenantState, seen: TenantState) -> TenantState | None:
    return transitions.held(newest, None) if newest.revision == seen.revision else None


def _in_words(reasons: Sequence[Reason]) -> str:
    return "; ".join(f"{reason.school}: {reason.message}" if reason.school else reason.message for reason in reasons)
