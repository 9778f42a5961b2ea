"""
The decisions that a person makes about a tenant: to adopt its roster, to confirm a key, to release changed e-mails, to
publish now, and what they say of Unitu's structure.

The first snapshot is a decision: Unitu disables every account that it has and the snapshot lacks. A yes is bound to
what was shown, and lost when anything was sent in between.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from functools import partial
from hashlib import blake2b

from services.publisher import transitions
from services.publisher.adoption_check import nobody_of
from services.publisher.concerns import Concern
from services.publisher.email_assignment import EmailRule
from services.publisher.facts import miscounted, whole
from services.publisher.fingerprint import fingerprint_of
from services.publisher.keeping import Composed, compose, email_rule
from services.publisher.last_snapshot import accounts_of, last_of
from services.publisher.orders import noted, order_of
from services.publisher.prefixes import prefixes_of
from services.publisher.preview import Shown, preview
from services.publisher.releases import Releasable, releasable
from services.publisher.report import Sent, entities_of
from services.publisher.snapshot import Snapshot, take
from services.publisher.structure_ledger import Codes, ledger_of
from services.publisher.tenant_store import TenantStore
from services.publisher.tenant_view import TenantView, TenantViews
from services.publisher.unconfirmed import Standing, standings
from shared.clock import Clock, write
from shared.config.addresses import canonical
from shared.config.settings import Config
from shared.contract.deliveries import EmailWait
from shared.contract.tenant_state import Adoption, OrderKind, Reason, TenantOrder, TenantState, email_key
from shared.errors import RollcallError
from shared.ports import DueQueue

ASKED = "asked"  # the note of a tenant that a person wants looked at now


class NotWhole(RollcallError):
    """There is no whole roster yet; nothing can be adopted."""

    def __init__(self, reasons: Sequence[Reason]) -> None:
        self.reasons = tuple(reasons)
        super().__init__("; ".join(f"{one.school}: {one.message}" for one in reasons))


class Outdated(RollcallError):
    """What was shown is no longer so; look again."""


class NeedsWord(RollcallError):
    """Something about the roster needs a word of its own, and did not have it."""

    def __init__(self, concerns: Sequence[Concern]) -> None:
        self.concerns = tuple(concerns)
        super().__init__("; ".join(f"{one.message} ({one.option})" for one in concerns))


class Desk:
    """Where a person's decisions about tenants are made."""

    def __init__(self, config: Config, tenants: TenantStore, views: TenantViews, due: DueQueue, clock: Clock) -> None:
        self._config = config
        self._tenants = tenants
        self._views = views
        self._due = due
        self._clock = clock

    def state(self, tenant: str) -> TenantState:
        return self._tenants.read(tenant)

    def show(self, tenant: str, accounts: Collection[str] | None = None, without: Collection[str] = ()) -> Shown:
        """
        The roster as it is now, and who would be disabled: of ``accounts`` (Unitu's e-mails) and of what was delivered.
        ``without``: areas, as "school/area", that were never read, and that this yes does without.

        Raises: NotWhole, also where a population has a roll and nobody in the roster; Retryable.
        """
        state = self._tenants.read(tenant)
        view, snapshot = self._snapshot(tenant, state, without)
        if wrong := miscounted(view.facts):
            raise NotWhole(wrong.reasons)
        if nobody := tuple(nobody_of(view.facts, snapshot)):
            raise NotWhole(nobody)
        shown = preview(tenant, state, view, self._rule(tenant, state), accounts)
        return replace(shown, without=tuple(sorted(without)))

    def emails(self, tenant: str, without: Collection[str] = ()) -> frozenset[str]:
        """Every e-mail, as compared, that a list of Unitu's accounts may be known by. Raises: NotWhole, Retryable."""
        view, snapshot = self._snapshot(tenant, self._tenants.read(tenant), without)
        people = {email_key(person.email) for person in view.facts.people.values()}
        return frozenset(snapshot.roster) | (people - {""})

    def adopt(self, shown: Shown, operator: str = "", words: Collection[str] = (), note: str = "") -> TenantState:
        """
        A person's yes to what was shown, with a word for each of its concerns. The tenant comes due at once.

        Raises: NeedsWord; Outdated when a snapshot was sent or a roster adopted since, or when another set of schools,
        address, key, prefix or list of staff stands in the configuration; Retryable.
        """
        if missing := [one for one in shown.concerns if one.word not in words]:
            raise NeedsWord(missing)
        if self._configured(shown.tenant) != _as_shown(shown):
            raise Outdated("the configuration is another than the one that was shown")
        adoption = self._adoption(shown, operator)

        def change(state: TenantState) -> TenantState | None:
            adopted_at = state.adoption.adopted_at if state.adoption else None
            if (state.number, adopted_at) != (shown.number, shown.adopted_at):
                return None
            return transitions.adopted(
                state,
                adoption,
                shown.roster,
                shown.positions,
                shown.accounts,
                spellings=shown.spellings,
                kept=shown.kept,
            )

        after = self._update(shown.tenant, change, self._order("adopt", operator, note, shown.bound))
        if after is None:
            raise Outdated("a snapshot was sent, or a roster adopted, since this one was shown; look again")
        self.hasten(shown.tenant)
        return after

    def _adoption(self, shown: Shown, operator: str) -> Adoption:
        return Adoption(
            adopted_at=write(self._clock()),
            bound=shown.bound,
            roster_hash=shown.roster_hash,
            roster_count=len(shown.roster),
            disabled_count=len(shown.disabled),
            schools=shown.schools,
            staff=shown.has_staff,
            url=canonical(shown.url),
            operator=operator,
            rebuilds=dict(shown.rebuilds),
            fingerprint=shown.fingerprint,
            has_accounts=shown.knows_accounts,
            prefixes=dict(shown.prefixes),
            shared_ids=tuple(shown.shared_ids),
            shared_codes=shown.shared_codes,
            words=shown.words,
            accepts_missing=shown.without,
        )

    def _configured(self, tenant: str) -> tuple[object, ...]:
        settings, schools = self._config.tenants[tenant], self._config.schools_of(tenant)
        prefixes = {one: bound for one in schools if (bound := prefixes_of(self._config.schools[one]).bound)}
        key = fingerprint_of(tenant, settings.api_key)
        return tuple(schools), settings.staff == "managed", canonical(settings.url), key, prefixes

    def fingerprint(self, tenant: str) -> str:
        """Of the API key that is configured."""
        return fingerprint_of(tenant, self._config.tenants[tenant].api_key)

    def confirm_key(self, tenant: str, fingerprint: str, operator: str = "", note: str = "") -> TenantState:
        """
        A person's yes to the key that is configured: it is of the institution whose roster was adopted.

        Raises: Outdated when it is another key than the one named, or when nothing was adopted; Retryable.
        """
        if fingerprint != self.fingerprint(tenant):
            raise Outdated(f"the configured key has the fingerprint {self.fingerprint(tenant)}")
        order = self._order("confirm_key", operator, note, fingerprint)
        confirm = partial(transitions.key_confirmed, fingerprint=fingerprint, operator=operator, at=order.at)
        after = self._update(tenant, confirm, order)
        if after is None:
            raise Outdated("nobody has adopted this tenant's roster: `rollcall tenant adopt` asks about the key, too")
        self.hasten(tenant)
        return after

    def waits(self, tenant: str) -> tuple[EmailWait, ...]:
        """Whose changed e-mail waits for a release. Raises: NotWhole, Retryable."""
        return self.newest(tenant)[1].waits

    def waiting(self, tenant: str, emails: Iterable[str] = ()) -> tuple[EmailWait, ...]:
        """Those of ``waits`` whose old or new e-mail is named; all when none is. Raises: NotWhole, Retryable."""
        wanted = {email_key(email) for email in emails}
        return tuple(
            wait
            for wait in self.waits(tenant)
            if not wanted or {email_key(wait.delivered), email_key(wait.own)} & wanted
        )

    def release(
        self, tenant: str, waits: Sequence[EmailWait], operator: str = "", note: str = ""
    ) -> Sequence[EmailWait]:
        """
        Let these changed e-mails go. The tenant comes due at once. Raises: Retryable.

        A release is of one person and one new e-mail; if the school changes it again, that waits again.
        """
        if waits:
            releases = {wait.ref: email_key(wait.own) for wait in waits}
            order = self._order("release_emails", operator, note, hash_of_waits(waits))
            self._update(tenant, lambda state: transitions.released(state, releases), order)
            self.hasten(tenant)
        return waits

    def hasten(self, tenant: str) -> None:
        """The newest snapshot goes now, changed or not, and although Unitu rejected the last one."""
        self._due.hasten(tenant, self._clock().timestamp(), ASKED)

    def publish(self, tenant: str, operator: str = "", note: str = "") -> None:
        """A person wants the newest snapshot sent now. Raises: Retryable."""
        self._update(tenant, lambda state: state, self._order("publish", operator, note))
        self.hasten(tenant)

    def newest(self, tenant: str) -> tuple[TenantView, Snapshot]:
        """What would be sent now. Raises: NotWhole, Retryable."""
        view, composed = self._composed(tenant)
        return view, composed.snapshot

    def holds(self, tenant: str) -> tuple[Releasable, ...]:
        """What waits for a person's yes by its hash. Raises: NotWhole, Retryable."""
        _, composed = self._composed(tenant)
        return releasable(composed, self._tenants.read(tenant), self._config.tenants[tenant], self._clock())

    def let_go(self, tenant: str, hashes: Sequence[str], operator: str = "", note: str = "") -> tuple[Releasable, ...]:
        """
        A person's yes to exactly what these hashes name. The tenant comes due at once.

        Raises: Outdated when nothing is held under one of them (any more); NotWhole, Retryable.
        """
        found = {one.hash: one for one in self.holds(tenant)}
        if unknown := [hash for hash in hashes if hash not in found]:
            raise Outdated(f"nothing is held under {', '.join(unknown)}; `rollcall tenant show {tenant}` says what is")
        order = self._order("release_hold", operator, note, ", ".join(hashes))
        self._update(tenant, lambda state: transitions.let_go(state, hashes, order.at), order)
        self.hasten(tenant)
        return tuple(found[hash] for hash in hashes)

    def structure(self, tenant: str) -> tuple[Standing, ...]:
        """What its newest snapshot has, or Unitu, and whom that blocks. Raises: NotWhole, Retryable."""
        state = self._tenants.read(tenant)
        snapshot, sent = self.newest(tenant)[1], self._sent_by(state)()
        ledger = ledger_of(state)
        missing = entities_of(snapshot, accounts_of(state), last_of(state), sent, ledger)
        return standings(snapshot.entities, missing, ledger)

    def confirm_structure(
        self, tenant: str, codes: Codes, operator: str = "", note: str = "", *, is_all: bool = False
    ) -> TenantState:
        """
        A person's word, or a list's, that Unitu has these; ``is_all``: and no other of the lists that are named. The
        tenant comes due at once: who was blocked by them is enrolled.

        Raises: Outdated while the key is not the one that was adopted; TooManyEntities; Retryable.
        """
        adoption = self._tenants.read(tenant).adoption
        if adoption is not None and adoption.fingerprint not in ("", self.fingerprint(tenant)):
            raise Outdated(
                "the configured key is not the one that was adopted, and another institution has other entities: first"
                f" `rollcall tenant confirm-key {tenant}`, or adopt"
            )
        order = self._order("confirm_structure", operator, note, _counted(codes))
        confirm = partial(transitions.structure_confirmed, codes=codes, at=order.at, operator=operator, is_all=is_all)
        return self._changed_structure(tenant, confirm, order)

    def doubt_structure(self, tenant: str, codes: Codes, operator: str = "", note: str = "") -> TenantState:
        """A person takes back that Unitu has these. Raises: Retryable."""
        order = self._order("doubt_structure", operator, note, _counted(codes))
        return self._changed_structure(tenant, partial(transitions.structure_doubted, codes=codes, at=order.at), order)

    def _changed_structure(
        self, tenant: str, change: Callable[[TenantState], TenantState], order: TenantOrder
    ) -> TenantState:
        before = self._tenants.read(tenant)
        after = self._update(tenant, lambda state: None if change(state) == state else change(state), order)
        if after is None:
            return before
        self.hasten(tenant)
        return after

    def _order(self, kind: OrderKind, operator: str, note: str, about: str = "") -> TenantOrder:
        return order_of(kind, write(self._clock()), operator, note, about)

    def _update(
        self, tenant: str, change: Callable[[TenantState], TenantState | None], order: TenantOrder
    ) -> TenantState | None:
        """As ``TenantStore.update``, with who wanted it."""

        def noted_change(state: TenantState) -> TenantState | None:
            after = change(state)
            return None if after is None else noted(after, order)

        return self._tenants.update(tenant, noted_change)

    def _sent_by(self, state: TenantState) -> Callable[[], dict[str, Sent]]:
        return partial(self._tenants.sent, state.tenant, state.accepted.number) if state.accepted else dict

    def _composed(self, tenant: str) -> tuple[TenantView, Composed]:
        state, settings = self._tenants.read(tenant), self._config.tenants[tenant]
        view = self._views.read(tenant)
        if missing := whole(view.facts, state.adoption.accepts_missing if state.adoption else ()):
            raise NotWhole(missing.reasons)
        return view, compose(view, state, settings, self._sent_by(state), is_live=settings.mode == "live")

    def _snapshot(self, tenant: str, state: TenantState, without: Collection[str] = ()) -> tuple[TenantView, Snapshot]:
        view = self._views.read(tenant)
        accepted = state.adoption.accepts_missing if state.adoption else ()
        if missing := whole(view.facts, {*without, *accepted}):
            raise NotWhole(missing.reasons)
        people, rule, has_staff = view.facts.people.values(), self._rule(tenant, state), view.facts.has_staff
        return view, take(people, view.structures, view.protected, last_of(state), rule, has_staff=has_staff)

    def _rule(self, tenant: str, state: TenantState) -> EmailRule:
        return email_rule(state, self._config.tenants[tenant])


def hash_of_waits(waits: Iterable[EmailWait]) -> str:
    """Of changed e-mails as they were shown: each person's old and new one."""
    lines = sorted(f"{wait.ref}\n{email_key(wait.delivered)}\n{email_key(wait.own)}" for wait in waits)
    return blake2b("\n\n".join(lines).encode(), digest_size=6).hexdigest()


def _as_shown(shown: Shown) -> tuple[object, ...]:
    return shown.schools, shown.has_staff, canonical(shown.url), shown.fingerprint, dict(shown.prefixes)


def _counted(codes: Codes) -> str:
    return ", ".join(f"{len(of)} {name}" for name, of in codes.items()) or "nothing"
