"""
The decisions that a person makes about a tenant: to adopt its roster, to release changed e-mails, to publish now.

The first snapshot is a decision: Unitu disables every account that it has and the snapshot lacks. A yes is bound to
what was shown, and lost when anything was sent in between.
"""

import csv
import io
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b

from services.publisher import transitions
from services.publisher.emails import EmailRule
from services.publisher.facts import caught_up, miscounted, whole
from services.publisher.keeping import Composed, compose
from services.publisher.last import accounts_of, last_of, outstanding
from services.publisher.releases import Releasable, releasable
from services.publisher.snapshot import Snapshot, take
from services.publisher.tenant_store import TenantStore
from services.publisher.tenant_view import TenantView, TenantViews
from shared.clock import Clock, write
from shared.config import Config
from shared.errors import RollcallError
from shared.ports import DueQueue
from shared.tenant import Adoption, EmailWait, Reason, Seat, TenantState, email_key

ASKED = "asked"  # the note of a tenant that a person wants looked at now
COLUMNS = ("email", "e-mail", "email address", "e-mail address", "emailaddress", "mail", "username")


class NotWhole(RollcallError):
    """There is no whole roster yet; nothing can be adopted."""

    def __init__(self, reasons: Sequence[Reason]) -> None:
        self.reasons = tuple(reasons)
        super().__init__("; ".join(f"{one.school}: {one.message}" for one in reasons))


class Outdated(RollcallError):
    """What was shown is no longer so; look again."""


class NoEmails(RollcallError):
    """A list of accounts in which no column has e-mails."""


@dataclass(frozen=True)
class Shown:
    """
    What a person says yes to. ``accounts``: the e-mails that Unitu has, as far as known: those of the list that was
    given, if one was, and those that we delivered; ``disabled``: those of them that the roster lacks. ``by_school``
    counts students, ``staff_count`` the staff of all schools and of the protected file. ``is_behind``: the view stands
    before the last accepted snapshot.
    """

    tenant: str
    schools: tuple[str, ...]
    roster: Mapping[str, Seat]
    roster_hash: str
    by_school: Mapping[str, int]
    staff_count: int
    disabled: tuple[str, ...]
    accounts: tuple[str, ...]
    provisioned_count: int
    kept_count: int
    has_accounts: bool
    is_behind: bool
    positions: Mapping[str, int]
    rebuilds: Mapping[str, str]
    has_staff: bool
    url: str
    number: int
    waits: tuple[EmailWait, ...]
    left_out_count: int
    without: tuple[str, ...] = ()

    @property
    def bound(self) -> str:
        """The hash of all that the yes is about."""
        lines = [self.tenant, self.roster_hash, self.url, str(self.has_staff), *self.schools, "", *self.disabled]
        lines += ["", *self.without] if self.without else []
        return blake2b("\n".join(lines).encode(), digest_size=16).hexdigest()


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

        Raises: NotWhole, Retryable.
        """
        state = self._tenants.read(tenant)
        view, snapshot = self._snapshot(tenant, state, without)
        facts = view.facts
        if wrong := miscounted(facts):
            raise NotWhole(wrong.reasons)
        theirs = {email_key(email) for email in accounts or () if email_key(email)}
        known = theirs | accounts_of(state)
        students = Counter(seat.school for seat in snapshot.roster.values() if seat.kind == "student")
        return Shown(
            tenant=tenant,
            schools=facts.schools,
            roster=snapshot.roster,
            roster_hash=snapshot.roster_hash,
            by_school={school: students[school] for school in facts.schools},
            staff_count=len(snapshot.records) - len(snapshot.students),
            disabled=tuple(sorted(known - set(snapshot.roster))),
            accounts=tuple(sorted(known)),
            provisioned_count=len(set(snapshot.roster) - known),
            kept_count=len(set(snapshot.roster) & known),
            has_accounts=accounts is not None,
            is_behind=caught_up(facts, state.positions | outstanding(state).positions) is not None,
            positions=facts.positions(),
            rebuilds=facts.rebuilds(),
            has_staff=facts.has_staff,
            url=facts.url,
            number=state.number,
            waits=snapshot.waits,
            left_out_count=len(snapshot.without_email) + sum(one.is_left_out for one in snapshot.conflicts),
            without=tuple(sorted(without)),
        )

    def adopt(self, shown: Shown, operator: str = "") -> TenantState:
        """
        A person's yes to what was shown. The tenant comes due at once.

        Raises: Outdated when a snapshot was sent since, or when another set of schools, address or list of staff
        stands in the configuration; Retryable.
        """
        settings = self._config.tenants[shown.tenant]
        now = tuple(self._config.schools_of(shown.tenant)), settings.staff == "managed", settings.url
        if now != (shown.schools, shown.has_staff, shown.url):
            raise Outdated("the configuration is another than the one that was shown")
        adoption = Adoption(
            at=write(self._clock()),
            bound=shown.bound,
            roster_hash=shown.roster_hash,
            roster_count=len(shown.roster),
            disabled_count=len(shown.disabled),
            schools=shown.schools,
            staff=shown.has_staff,
            url=shown.url,
            operator=operator,
            rebuilds=dict(shown.rebuilds),
            accepts_missing=shown.without,
        )

        def change(state: TenantState) -> TenantState | None:
            if state.number != shown.number:
                return None
            return transitions.adopted(state, adoption, shown.roster, shown.positions, shown.accounts)

        after = self._tenants.update(shown.tenant, change)
        if after is None:
            raise Outdated("a snapshot was sent since the roster was shown")
        self.hasten(shown.tenant)
        return after

    def waits(self, tenant: str) -> tuple[EmailWait, ...]:
        """Whose changed e-mail waits for a release. Raises: NotWhole, Retryable."""
        return self._snapshot(tenant, self._tenants.read(tenant))[1].waits

    def waiting(self, tenant: str, emails: Iterable[str] = ()) -> tuple[EmailWait, ...]:
        """Those of ``waits`` whose old or new e-mail is named; all when none is. Raises: NotWhole, Retryable."""
        wanted = {email_key(email) for email in emails}
        return tuple(
            wait
            for wait in self.waits(tenant)
            if not wanted or {email_key(wait.delivered), email_key(wait.own)} & wanted
        )

    def release(self, tenant: str, waits: Sequence[EmailWait]) -> Sequence[EmailWait]:
        """
        Let these changed e-mails go. The tenant comes due at once. Raises: Retryable.

        A release is of one person and one new e-mail; if the school changes it again, that waits again.
        """
        if waits:
            releases = {wait.ref: email_key(wait.own) for wait in waits}
            self._tenants.update(tenant, lambda state: transitions.released(state, releases))
            self.hasten(tenant)
        return waits

    def hasten(self, tenant: str) -> None:
        """The newest snapshot goes now, changed or not, and although Unitu rejected the last one."""
        self._due.hasten(tenant, self._clock().timestamp(), ASKED)

    def newest(self, tenant: str) -> tuple[TenantView, Snapshot]:
        """What would be sent now. Raises: NotWhole, Retryable."""
        view, composed = self._composed(tenant)
        return view, composed.snapshot

    def holds(self, tenant: str) -> tuple[Releasable, ...]:
        """What waits for a person's yes by its hash. Raises: NotWhole, Retryable."""
        _, composed = self._composed(tenant)
        return releasable(composed, self._tenants.read(tenant), self._config.tenants[tenant], self._clock())

    def let_go(self, tenant: str, hashes: Sequence[str]) -> tuple[Releasable, ...]:
        """
        A person's yes to exactly what these hashes name. The tenant comes due at once.

        Raises: Outdated when nothing is held under one of them (any more); NotWhole, Retryable.
        """
        found = {one.hash: one for one in self.holds(tenant)}
        if unknown := [hash for hash in hashes if hash not in found]:
            raise Outdated(f"nothing is held under {', '.join(unknown)}; `rollcall tenant show {tenant}` says what is")
        at = write(self._clock())
        self._tenants.update(tenant, lambda state: transitions.let_go(state, hashes, at))
        self.hasten(tenant)
        return tuple(found[hash] for hash in hashes)

    def _composed(self, tenant: str) -> tuple[TenantView, Composed]:
        state, settings = self._tenants.read(tenant), self._config.tenants[tenant]
        view = self._views.read(tenant)
        if missing := whole(view.facts, state.adoption.accepts_missing if state.adoption else ()):
            raise NotWhole(missing.reasons)
        sent = partial(self._tenants.sent, tenant, state.accepted.number) if state.accepted else dict
        return view, compose(view, state, settings, sent, is_live=settings.mode == "live")

    def _snapshot(self, tenant: str, state: TenantState, without: Collection[str] = ()) -> tuple[TenantView, Snapshot]:
        settings = self._config.tenants[tenant]
        view = self._views.read(tenant)
        accepted = state.adoption.accepts_missing if state.adoption else ()
        if missing := whole(view.facts, {*without, *accepted}):
            raise NotWhole(missing.reasons)
        rule = EmailRule(sends=settings.email_change == "send", releases=state.email_releases)
        is_managed = settings.staff == "managed"
        people = view.facts.people.values()
        return view, take(people, view.structures, view.protected, last_of(state), rule, has_staff=is_managed)


def emails_of(text: str) -> list[str]:
    """
    The e-mails of a CSV of Unitu's accounts: of the column that is called so, else of the first that has them.

    Raises: NoEmails.
    """
    rows = [row for row in csv.reader(io.StringIO(text.lstrip("\ufeff"))) if any(cell.strip() for cell in row)]
    if not rows:
        return []
    heads = [cell.strip().casefold() for cell in rows[0]]
    column = next((heads.index(name) for name in COLUMNS if name in heads), None)
    if column is None:
        column = next((at for row in rows for at, cell in enumerate(row) if "@" in cell), None)
        if column is None:
            raise NoEmails("no column of the list has e-mails; name one of them email")
    cells = [row[column].strip() for row in rows if len(row) > column]
    return [cell for cell in cells if "@" in cell]
