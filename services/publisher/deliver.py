"""
The course of one delivery, over ports.

1. Read the tenant's state. An open intent is waited out: another worker's POST may still be on its way.
2. Read the views; take the snapshot; judge it. Who may not go stays as last sent; where nothing may go, it is told and
   ends here.
3. Write the intent, under a new number. 4. Make sure of the lease. 5. Read the state again: still that number?
6. POST; its total time-out ends before the lease does. 7. Write the outcome. 8. End the claim.

Whatever stops in between leaves an open intent: the last snapshot is then the union of both, and the next claim goes
through all of it again, with what is newest then.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

from services.publisher import pacing, transitions
from services.publisher.answers import as_configured, held_for
from services.publisher.attempt import HOLD_SECONDS, Later, Ready, look_again, patience
from services.publisher.change_notices import Wakes
from services.publisher.facts import whole
from services.publisher.freshness import Times, fresh, is_long_ago
from services.publisher.keeping import compose
from services.publisher.last_snapshot import accounts_of, last_of, left_behind
from services.publisher.messages import Teller
from services.publisher.refusals import complaints_of, refused_records
from services.publisher.report import report, sent_after
from services.publisher.structure_ledger import ledger_of
from services.publisher.sweep_requests import SweepRequests
from services.publisher.tenant_store import Change, TenantStore
from services.publisher.tenant_view import TenantView, TenantViews, read_to
from services.publisher.unitu import Outcome, Post
from services.publisher.verdict import Hold, Send, Verdict, Wait, held_by, in_words, is_same
from shared.clock import Clock, parse, write
from shared.config.settings import Config, Tenant
from shared.contract.codec import Message
from shared.contract.tenant_state import RefusedSnapshot, TenantState
from shared.failpoints import at_point
from shared.ports import Claim, DueQueue, Log

log = logging.getLogger("rollcall.publisher")

TOO_EARLY_SECONDS = 0.1  # a worker was faster than the lane that woke it
PAUSED_SECONDS = 60.0
PATIENCE_SECONDS = 60.0  # how long a view that reads on keeps the others waiting
FAR_SECONDS = 86_400.0

Ends = Callable[[Collection[int]], Mapping[int, int]]


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
        ends: Ends,
    ) -> None:
        """``ends``: where ``account-state`` ends in these lanes. ``clock``: one for all publishers."""
        self._config = config
        self._tenants = tenants
        self._views = views
        self._wakes = wakes
        self._due = due
        self._log = out
        self._post = post
        self._clock = clock
        self._ends = ends
        self._tell = Teller(config)
        self._began_at: datetime | None = None
        self._goals: dict[str, tuple[float, Mapping[int, int]]] = {}  # since when, and what the view must have read
        self._requests = SweepRequests(config, out)

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
        self._began_at = min(self._began_at or now, now)  # a clock that went back was wrong before
        if tenant.mode == "paused":
            return Later(PAUSED_SECONDS, is_told=True)
        state = self._tenants.read(name)
        if (wait := self._must_wait(name, tenant, state, now, is_asked=is_asked)) is not None:
            return wait
        view = self._view(name, now)
        if isinstance(view, Later):
            return view
        if waiting := whole(view.facts, state.adoption.accepts_missing if state.adoption else ()):
            return self._hold(name, state, waiting)
        sent = partial(self._tenants.sent, name, state.accepted.number) if state.accepted else dict
        is_live = tenant.mode == "live"
        found = compose(view, state, tenant, sent, is_live=is_live)
        if is_live and found.blocked is not None:
            return self._hold(name, state, found.blocked)
        snapshot = found.snapshot
        self._requests.for_the_uncounted(found.partial, state, now)
        refused_until = pacing.refused_until(state, tenant, snapshot.digest, is_asked=is_asked)
        if is_live and refused_until > now.timestamp():
            return self._still_refused(name, state, refused_until - now.timestamp())
        cause = pacing.cause(state, tenant, snapshot.digest, now.timestamp(), is_asked=is_asked)
        if cause is None:
            if state.refused.keys() - snapshot.refused:
                forget = partial(transitions.no_longer_refused, still=snapshot.refused)
                state = self._tenants.update(name, forget) or state
            return self._nothing_new(name, tenant, state, found.partial, now)
        if is_live:
            times = Times(began_at=self._began_at, now=now)
            old = fresh(view.facts, self._config.schools, tenant, state, times)
            if old is not None:
                self._requests.for_the_old(old, now)
            if gone := old or is_long_ago(state, tenant, snapshot, now):
                return self._hold(name, state, gone)
            if found.partial is not None or (state.held is not None and state.held.is_partial):
                told = self._tell_partial(name, state, found.partial)
                if told is None:
                    return Later(0.0)
                state = told
        was_sent = sent()
        told_report = report(snapshot, accounts_of(state), last_of(state), was_sent, ledger_of(state))
        ready = Ready(state, view, snapshot, told_report, was_sent, cause, look_again(found.partial, state.held, now))
        verdict: Verdict = found.blocked or found.partial or Send()
        return ready if is_live else self._simulate(name, tenant, ready, verdict, now)

    def _must_wait(
        self, name: str, tenant: Tenant, state: TenantState, now: datetime, *, is_asked: bool
    ) -> Later | None:
        at = now.timestamp()
        if (ends_at := pacing.believed_end(state, at)) is not None and state.intent is not None:
            number = state.intent.number
            log.warning("tenant %s: its open POST would end at %s, which no clock allows", name, state.intent.ends_at)
            shorten = write(datetime.fromtimestamp(ends_at, now.tzinfo))
            self._tenants.update(name, lambda newest: transitions.shortened(newest, number, shorten))
            return Later(ends_at - at)
        for what in pacing.ahead(state, tenant, at):
            log.warning("tenant %s: %s lies further ahead than its setting allows, and is passed over", name, what)
        wait = pacing.not_before(state, tenant, at, is_asked=is_asked) - at
        if wait > 0:
            return Later(wait)
        return self._too_early(name, tenant, state, now, is_asked=is_asked)

    def _view(self, name: str, now: datetime) -> TenantView | Later:
        """
        The view, once it has read what ``account-state`` had when this delivery began. A view that reads on for too
        long is marked: whoever joined goes then, and nobody is taken out.
        """
        lanes = set(self._views.lanes_of(name).values())
        since, goal = self._goals.get(name) or (now.timestamp(), self._ends(lanes))
        view = self._views.read(name)
        wakes = self._wakes.of(view.positions, name)
        wanted = {lane: max(goal[lane], wakes[lane].position if lane in wakes else 0) for lane in lanes}
        is_whole = view.facts.lane_of
        read = {school: view.positions[lane] for school, lane in view.facts.lanes.items() if is_whole(school).is_whole}
        is_there = all(position >= wanted[view.facts.lanes[school]] for school, position in read.items())
        if not is_there and 0 <= now.timestamp() - since <= PATIENCE_SECONDS:
            self._goals[name] = since, goal
            return Later(TOO_EARLY_SECONDS)
        self._goals.pop(name, None)
        return read_to(view, wanted)

    def _too_early(
        self, name: str, tenant: Tenant, state: TenantState, now: datetime, *, is_asked: bool
    ) -> Later | None:
        """A burst of changes is not over yet."""
        if is_asked:
            return None
        attempted_at = max(map(pacing.unix, pacing.made_at(state)), default=0.0)
        wakes = self._wakes.of(set(self._views.lanes_of(name).values()), name)
        quiet_at = [pacing.quiet_at(wake.burst, tenant, attempted_at) for wake in wakes.values()]
        wait = max(quiet_at, default=0.0) - now.timestamp()
        return Later(wait) if 0 < wait <= tenant.max_delay_seconds else None

    def _nothing_new(
        self, name: str, tenant: Tenant, state: TenantState, held: Hold | Wait | None, now: datetime
    ) -> Later:
        if held is not None:
            self._tell_partial(name, state, held)
        elif state.held is not None:
            self._tenants.update(name, lambda newest: _lifted(newest, state))
            log.info("tenant %s: no longer held; nothing to send", name)
        at = parse(state.resend_at).timestamp() if state.resend_at else now.timestamp() + tenant.resend_hours * 3600
        seconds = at - now.timestamp()
        again = look_again(held, state.held, now)
        is_told = held is None or isinstance(held, Hold)
        return Later(seconds if again is None else min(seconds, again), is_told=is_told)

    def _still_refused(self, name: str, state: TenantState, seconds: float) -> Later:
        """What Unitu refused is what would be sent: nothing goes, and whatever held it meanwhile is over."""
        if state.refusal is not None and (state.held is None or state.held.kind != "rejected"):
            held = transitions.held_as_refused(state.refusal)
            self._tenants.update(
                name, lambda newest: transitions.held(newest, held) if newest.revision == state.revision else None
            )
        return Later(seconds, is_told=True)

    def _hold(self, name: str, state: TenantState, verdict: Hold | Wait) -> Later:
        """Nothing goes. Told when the reasons change, not at every look."""
        now, is_hold = self._clock(), isinstance(verdict, Hold)
        held = held_by(verdict, write(now))
        before = state.held
        if before is None or not is_same(before, held):
            event = self._tell.held(name, state.revision, verdict.who, held, held.since)
            self._tenants.update(name, lambda newest: transitions.held(newest, held), [event])
            level = logging.WARNING if is_hold else logging.INFO
            log.log(level, "tenant %s %s: %s", name, "is held" if is_hold else "waits", in_words(verdict.reasons))
            before = held
        if is_hold:
            return Later(HOLD_SECONDS, is_told=True)
        return Later(patience(before, now))

    def _tell_partial(self, name: str, state: TenantState, verdict: Hold | Wait | None) -> TenantState | None:
        """
        Some are sent as before, and all else goes; told when the reasons change. The state as it is then; None: it has
        moved on.
        """
        now = self._clock()
        held = None if verdict is None else held_by(verdict, write(now), is_partial=True)
        if state.held == held or (state.held is not None and held is not None and is_same(state.held, held)):
            return state
        who = () if verdict is None else verdict.who
        events = [] if held is None else [self._tell.held(name, state.revision, who, held, held.since)]
        after = self._tenants.update(
            name,
            lambda newest: transitions.held(newest, held) if newest.revision == state.revision else None,
            events,
        )
        if after is not None and held is not None:
            level = logging.WARNING if held.kind == "hold" else logging.INFO
            log.log(level, "tenant %s: %d held back as last sent: %s", name, len(who), in_words(held.reasons))
        return after

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
            return await asyncio.to_thread(self._withdraw, claim.member, tenant, ready, number)
        outcome = await self._post.post(tenant.url, tenant.api_key, ready.snapshot.body, tenant.timeout_seconds)
        at_point("posted")
        return await asyncio.to_thread(self._conclude, claim.member, tenant, ready, number, outcome)

    def _withdraw(self, name: str, tenant: Tenant, ready: Ready, number: int) -> Later:
        """The lease or the number is another's, or there is too little time left for a POST."""
        now, wait = self._clock(), pacing.retry_seconds(tenant, ready.state.retries + 1, None)
        not_before = write(now + timedelta(seconds=wait))
        self._tenants.update(name, lambda state: transitions.withdrawn(state, number, not_before))
        log.warning(
            "tenant %s: snapshot %d not sent, its lease had expired or was too short; retrying soon", name, number
        )
        return Later(wait)

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
        now, outcome = self._clock(), as_configured(outcome, tenant)
        at = write(now)
        match outcome.kind:
            case "accepted":
                return self._accepted(name, tenant, ready, number, outcome, now)
            case "rejected":
                return self._rejected(name, tenant, ready, number, outcome, at)
            case "unknown":
                wait = pacing.retry_seconds(tenant, ready.state.retries + 1, outcome.retry_after)
                retry_at = write(now + timedelta(seconds=wait))
                event = self._tell.retried(name, number, ready, outcome, retry_at, at)
                unlike = held_for(outcome, ready.state, at)
                is_news = unlike is not None and unlike != ready.state.held
                also = [self._tell.held(name, number, (), unlike, at)] if unlike is not None and is_news else []
                unsure = partial(transitions.unsure, number=number, not_before=retry_at, held=unlike)
                self._write(name, number, ready, unsure, event, also)
                if ready.state.retries == 0 or also:
                    word = "is held" if also else "tries again"
                    log.warning("tenant %s %s: %s", name, word, outcome.message)
                return Later(wait, is_told=True)

    def _rejected(self, name: str, tenant: Tenant, ready: Ready, number: int, outcome: Outcome, at: str) -> Later:
        """Of records that it points at, only these are held; else, or where that would not help, all of it."""
        event = self._tell.rejected(name, number, ready, outcome, at)
        said = complaints_of(ready.snapshot, outcome.refusal)
        refused = refused_records(ready.snapshot, ready.view, said)
        told = {ready.snapshot.roster[email].ref: words for email, words in said.items()}
        if any(ready.state.refused.get(ref) != digest for ref, digest in refused.items()):
            self._write(name, number, ready, lambda state: transitions.spared(state, number, refused, told), event)
            log.warning("tenant %s: Unitu refused the records of %d; sending the rest", name, len(refused))
            return Later(0.0)
        message = f"{outcome.message} (it points at the records of {len(told)})" if told else outcome.message
        refusal = RefusedSnapshot(
            digest=ready.snapshot.digest, refused_at=at, status=outcome.status or 0, message=message
        )
        self._write(name, number, ready, lambda state: transitions.refused(state, number, refusal, told), event)
        if ready.state.refusal is None or ready.state.refusal.message != message:
            log.warning("tenant %s: held, Unitu answered %s: %s", name, outcome.status, message)
        return Later(tenant.resend_hours * 3600, is_told=True)

    def _accepted(self, name: str, tenant: Tenant, ready: Ready, number: int, outcome: Outcome, now: datetime) -> Later:
        at, seconds = write(now), pacing.resend_seconds(ready.cause, tenant)
        resend_at = write(now + timedelta(seconds=seconds))
        people = ready.view.facts.people.keys()
        event = self._tell.accepted(name, number, ready, outcome, at)
        take = partial(transitions.taken, snapshot=ready.snapshot, known_people=people, at=at, resend_at=resend_at)
        after = self._write(name, number, ready, lambda state: take(state, number), event)
        at_point("concluded")
        if after is not None:
            ledger = ledger_of(ready.state)  # as the report had it, whatever somebody has confirmed since
            changes = sent_after(ready.snapshot, ready.sent, ledger, left_behind(after, ready.sent))
            self._tenants.remember_sent(name, number, changes)
        log.info(
            "tenant %s: snapshot %d of %d e-mails accepted (%s)", name, number, len(ready.snapshot.roster), ready.cause
        )
        if after is not None and after.unknown is not None:
            return Later(0.0)  # an older one may be applied after it
        again = ready.look_again
        return Later(seconds if again is None else min(seconds, again), is_told=True)

    def _write(
        self, name: str, number: int, ready: Ready, change: Change, event: Message, also: Sequence[Message] = ()
    ) -> TenantState | None:
        """The outcome; told also when the state has moved on and takes no notice of it. The newest goes again then."""
        after = self._tenants.update(name, change, [event, *also])
        if after is None:
            self._log.publish([event])
            now, roster, positions = self._clock(), ready.snapshot.roster, ready.view.facts.positions()
            overtaken = partial(transitions.overtaken, number=number, roster=roster, positions=positions, at=write(now))
            if self._tenants.update(name, overtaken) is not None:
                log.warning("tenant %s: snapshot %d was overtaken; sending the newest again", name, number)
                self._due.hasten(name, now.timestamp())
        return after


def _lifted(newest: TenantState, seen: TenantState) -> TenantState | None:
    return transitions.held(newest, None) if newest.revision == seen.revision else None
