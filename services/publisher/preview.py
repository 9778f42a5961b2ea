"""What a person is shown before a yes: who is in a roster, whom Unitu would disable, what needs a word. Pure."""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from hashlib import blake2b
from typing import Literal

from services.publisher import concerns
from services.publisher.adoption_check import shared_codes, shared_ids
from services.publisher.concerns import Concern
from services.publisher.email_assignment import EmailRule
from services.publisher.facts import caught_up
from services.publisher.last_snapshot import Last, accounts_of, last_of, may_be_at_unitu, outstanding
from services.publisher.roster_entry import Person
from services.publisher.snapshot import Base, Snapshot, take
from services.publisher.tenant_view import TenantView
from shared.config.addresses import canonical
from shared.contract.deliveries import EmailWait
from shared.contract.model import Kind
from shared.contract.tenant_state import Seat, TenantState, email_key

Fate = Literal["kept", "another_has_it", "not_at_unitu", "may_go"]


@dataclass(frozen=True)
class Undecided:
    """
    Somebody whom the roll has and who has no account of ours, with the ids of the rules that say why.

    ``kept``: Unitu has an account of theirs, and the roster has them for it; ``another_has_it``: their e-mail is
    somebody else's in the roster; ``not_at_unitu``: as far as known; ``may_go``: an account that would be disabled may
    be theirs.
    """

    school: str
    kind: Kind
    person: str
    email: str
    reasons: tuple[str, ...]
    fate: Fate


@dataclass(frozen=True)
class KindCounts:
    """Of one kind: how many keep an account, are new to Unitu, or would be disabled (of those that we know)."""

    kept: int = 0
    new: int = 0
    disabled: int = 0


@dataclass(frozen=True)
class Shown:
    """
    What a person says yes to. ``accounts``: the e-mails that Unitu has, as far as known: those of the list that was
    given, if one was, and those that we delivered; ``disabled``: those of them, and of the rosters adopted before, that
    this one lacks. ``by_school`` counts students, ``staff_count`` the staff of all schools and of the protected file.
    ``is_behind``: the view stands before the last accepted snapshot. ``concerns``: what needs a word of its own.
    ``without``: areas that were never read, and that the yes does without.
    """

    tenant: str
    schools: tuple[str, ...]
    roster: Mapping[str, Seat]
    roster_hash: str
    by_school: Mapping[str, int]
    staff_count: int
    by_kind: Mapping[Kind, KindCounts]
    disabled: tuple[str, ...]
    accounts: tuple[str, ...]
    spellings: tuple[str, ...]
    provisioned_count: int
    kept_count: int
    has_accounts: bool
    knows_accounts: bool
    is_behind: bool
    positions: Mapping[str, int]
    rebuilds: Mapping[str, str]
    has_staff: bool
    url: str
    fingerprint: str
    prefixes: Mapping[str, str]
    number: int
    adopted_at: str | None
    waits: tuple[EmailWait, ...]
    left_out_count: int
    undecided: tuple[Undecided, ...]
    kept: Mapping[str, str]
    shared_ids: Mapping[str, tuple[str, ...]]
    shared_codes: tuple[str, ...]
    concerns: tuple[Concern, ...]
    without: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(one.word for one in self.concerns)

    @property
    def bound(self) -> str:
        """The hash of all that the yes is about."""
        about = [
            self.tenant,
            canonical(self.url),
            self.fingerprint,
            self.has_staff,
            self.schools,
            sorted(self.prefixes.items()),
            [(email, seat.ref, seat.email) for email, seat in sorted(self.roster.items())],
            self.accounts,
            self.disabled,
            self.has_accounts,
            self.words,
            [(one.school, one.kind, one.person, one.fate) for one in self.undecided],
            sorted(self.shared_ids.items()),
            self.shared_codes,
            self.without,
        ]
        return blake2b(json.dumps(about).encode(), digest_size=16).hexdigest()


def preview(
    tenant: str, state: TenantState, view: TenantView, rule: EmailRule, accounts: Collection[str] | None
) -> Shown:
    """``accounts``: Unitu's own list of e-mails, in its spelling; None without one."""
    facts = view.facts
    theirs = None if accounts is None else {email_key(email): email.strip() for email in accounts if email_key(email)}
    last = last_of(state)
    last = replace(last, spellings={**last.spellings, **(theirs or {})})
    snapshot = _with_kept(view, state, last, rule, theirs)
    roster = snapshot.roster
    known = (theirs or {}).keys() | accounts_of(state)
    may_be = known | may_be_at_unitu(state)
    disabled = tuple(sorted(may_be - roster.keys()))
    knows = theirs is not None or _knows_accounts(state, view)
    is_behind = caught_up(facts, state.positions | outstanding(state).positions) is not None
    undecided = tuple(_undecided(view, snapshot, may_be, disabled, knows=knows))
    last_roster = {email: seats[0] for email, seats in last.seats.items()}
    ids, codes = shared_ids(snapshot), shared_codes(snapshot)
    students = Counter(seat.school for seat in roster.values() if seat.kind == "student")
    return Shown(
        tenant=tenant,
        schools=facts.schools,
        roster=roster,
        roster_hash=snapshot.roster_hash,
        by_school={school: students[school] for school in facts.schools},
        staff_count=len(snapshot.records) - len(snapshot.students),
        by_kind=_by_kind(snapshot, known, last_roster, has_staff=facts.has_staff),
        disabled=disabled,
        accounts=tuple(sorted(known)),
        spellings=tuple(sorted((theirs or {}).values())),
        provisioned_count=len(roster.keys() - known),
        kept_count=len(roster.keys() & known),
        has_accounts=theirs is not None,
        knows_accounts=knows,
        is_behind=is_behind,
        positions=facts.positions(),
        rebuilds=facts.rebuilds(),
        has_staff=facts.has_staff,
        url=facts.url,
        fingerprint=facts.fingerprint,
        prefixes=facts.prefixes,
        number=state.number,
        adopted_at=state.adoption.adopted_at if state.adoption else None,
        waits=snapshot.waits,
        left_out_count=len(snapshot.without_email) + sum(one.is_left_out for one in snapshot.conflicts),
        undecided=undecided,
        kept={ref: email for ref, email in sorted(snapshot.carried.items()) if facts.people[ref].status == "none"},
        shared_ids=ids,
        shared_codes=codes,
        concerns=(
            *concerns.of_the_list(None if theirs is None else theirs.keys(), roster, is_known=knows),
            *concerns.of_the_roster(roster, is_behind=is_behind),
            *concerns.of_who_would_go(disabled, may_be, last_roster, roster),
            *_of_the_undecided(undecided),
            *concerns.of_two_things(ids, codes, state),
        ),
    )


def _with_kept(
    view: TenantView, state: TenantState, last: Last, rule: EmailRule, theirs: Mapping[str, str] | None
) -> Snapshot:
    """
    The snapshot as it would be sent, with what was let go and what Unitu refused, and with everybody on a roll whom
    Unitu has by its list, or was said to have by an earlier one: unless somebody else is sent under their e-mail.
    Whoever only claims it, and waits, takes it from nobody.
    """
    facts = view.facts
    people = list(facts.people.values())
    base = Base(retired=view.retired, refused=state.refused, releases=state.releases)
    compose = partial(take, people, view.structures, view.protected, rule=rule, base=base, has_staff=facts.has_staff)
    others = compose(last=replace(last, kept={}))
    kept = {
        one.ref: email
        for one in people
        if one.reasons and one.head and (facts.has_staff or one.kind == "student")
        if (email := _their_account(one, last, theirs)) and email_key(email) not in others.roster
    }
    return compose(last=replace(last, kept=kept)) if kept else others


def _their_account(person: Person, last: Last, theirs: Mapping[str, str] | None) -> str:
    """The e-mail under which Unitu has them, in its spelling; "" where it has not, as far as known."""
    if theirs is None:
        return last.kept.get(person.ref, "")
    return theirs.get(email_key(person.email)) or theirs.get(email_key(last.kept.get(person.ref, "")), "")


def _knows_accounts(state: TenantState, view: TenantView) -> bool:
    """Is it known without a list whom Unitu has? After a list was given, or anything accepted, at this institution."""
    adoption, facts = state.adoption, view.facts
    if adoption is None or adoption.fingerprint != facts.fingerprint or canonical(adoption.url) != canonical(facts.url):
        return False
    return adoption.has_accounts or state.accepted is not None


def _undecided(
    view: TenantView, snapshot: Snapshot, may_be: Collection[str], disabled: Collection[str], *, knows: bool
) -> Iterable[Undecided]:
    for ref, person in sorted(view.facts.people.items()):
        if not person.reasons or (person.kind == "staff" and not view.facts.has_staff):
            continue
        key = email_key(person.email)
        fate: Fate = "may_go"
        if ref in snapshot.carried:
            fate = "kept"
        elif key in snapshot.roster:
            fate = "another_has_it"
        elif knows and (not disabled or ("@" in key and key not in may_be)):
            fate = "not_at_unitu"
        yield Undecided(person.school, person.kind, person.person, person.email, person.reasons, fate)


def _of_the_undecided(undecided: Collection[Undecided]) -> Iterable[Concern]:
    if count := sum(one.fate == "may_go" for one in undecided):
        yield Concern(
            concerns.UNDECIDED_MAY_GO,
            f"{count} whom a roll has, and who cannot have an account of ours yet, may be at Unitu and would be"
            " disabled: put their records right, or them into the file of `protected`",
        )


def _by_kind(
    snapshot: Snapshot, known: Collection[str], last: Mapping[str, Seat], *, has_staff: bool
) -> dict[Kind, KindCounts]:
    kinds: tuple[Kind, ...] = ("student", "staff") if has_staff else ("student",)
    kind_of: dict[str, Kind] = {
        email: "student" if email in snapshot.students else "staff" for email in snapshot.records
    }
    counts = Counter((kind, "kept" if email in known else "new") for email, kind in kind_of.items())
    counts.update((seat.kind, "disabled") for email, seat in last.items() if email not in snapshot.roster)
    return {kind: KindCounts(**{name: counts[kind, name] for name in ("kept", "new", "disabled")}) for kind in kinds}
