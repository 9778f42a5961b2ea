"""Each step of a tenant's state: a TenantState in, the next one out. Pure; ``tenant_store`` makes it last."""

from collections.abc import Collection, Iterable, Mapping

import msgspec

from services.publisher import last_snapshot
from services.publisher.last_snapshot import (
    accounts_of,
    apply,
    carried_over,
    difference,
    last_of,
    may_be_at_unitu,
    on_its_way,
    orphan,
    orphaned,
    outstanding,
    without_orphans,
)
from services.publisher.snapshot import Snapshot
from services.publisher.structure_ledger import Codes, after_acceptance, confirming, doubting, ledger_of
from shared.config.addresses import canonical
from shared.contract.tenant_state import (
    Accepted,
    Adoption,
    Held,
    Intent,
    Reason,
    RefusedSnapshot,
    Seat,
    Simulated,
    TenantState,
    email_key,
)

_with = msgspec.structs.replace


def announced(
    state: TenantState, snapshot: Snapshot, positions: Mapping[str, int], at: str, ends_at: str
) -> TenantState:
    """
    Before the POST: the next number, and the intent. What was open before is of unknown outcome from now on; nobody
    took notice of how it ended, so it counts as one that may be applied after this one.
    """
    is_unnoticed = state.intent is not None
    state = settled(state)
    gained, lost = difference(state, snapshot.roster)
    intent = Intent(
        number=state.number + 1,
        begun_at=at,
        ends_at=ends_at,
        roster_hash=snapshot.roster_hash,
        digest=snapshot.digest,
        gained=gained,
        lost=lost,
        positions=dict(positions),
    )
    held = state.held if state.held and (state.held.kind == "rejected" or state.held.is_partial) else None
    overtaken = intent.number if is_unnoticed else state.overtaken
    return _with(state, number=intent.number, intent=intent, held=held, overtaken=overtaken)


def settled(state: TenantState) -> TenantState:
    """An open intent whose POST is over, its outcome unknown for good."""
    if state.intent is None:
        return state
    return _with(state, intent=None, unknown=outstanding(state), accounts=_joined(state, on_its_way(state)))


def _joined(state: TenantState, emails: Collection[str]) -> tuple[str, ...] | None:
    """Whom Unitu may have since the yes."""
    return None if state.accounts is None else tuple(sorted({*state.accounts, *emails}))


def withdrawn(state: TenantState, number: int, not_before: str) -> TenantState | None:
    """The POST of this number was never sent; the next waits a little. None: the state has moved on."""
    if not _is_open(state, number):
        return None
    return _with(state, intent=None, retries=state.retries + 1, not_before=not_before)


def shortened(state: TenantState, number: int, ends_at: str) -> TenantState | None:
    """The intent said that it ends at a time that cannot be. None: the state has moved on."""
    intent = state.intent
    return _with(state, intent=_with(intent, ends_at=ends_at)) if intent and intent.number == number else None


def taken(
    state: TenantState, number: int, snapshot: Snapshot, known_people: Collection[str], at: str, resend_at: str
) -> TenantState | None:
    """
    Accepted: its roster is the last one, and nothing is unknown any more. None: the state has moved on.

    Unless an older one may be applied after it: the newest goes again then, at once. Whoever has the e-mail now owns
    the account: it is nobody's former one any more. A protected record is nobody, so whose e-mail it has keeps it, also
    while account-state has lost them.
    """
    intent = state.intent
    if intent is None or not _is_open(state, number):
        return None
    roster = apply(state.roster, intent.gained, intent.lost)
    is_overtaken = number <= state.overtaken
    former = {
        person: email
        for person, email in sorted({**_former(state), **snapshot.protected_as}.items())
        if person not in snapshot.carried
        and (person in known_people or _is_protected(snapshot, email))
        and not _is_anothers(snapshot, email, person)
    }
    orphans = _orphans(state, former, snapshot.roster, known_people)
    went = {orphan(email) for email in accounts_of(state) if email not in roster}
    known = {*orphans, *map(orphan, former.values()), *map(orphan, roster)}
    return _with(
        state,
        accepted=Accepted(number=number, accepted_at=at, roster_hash=intent.roster_hash, digest=intent.digest),
        roster=roster,
        positions=intent.positions,
        former=former,
        orphans=orphans,
        gone=tuple(sorted({*state.gone, *went} - known)),
        accounts=None,
        earlier=(),
        kept={person: email for person, email in state.kept.items() if person in known_people},
        intent=None,
        unknown=carried_over(state, roster) if is_overtaken else None,
        email_releases={
            person: email
            for person, email in state.email_releases.items()
            if person in known_people and not _has_moved(snapshot.carried.get(person, ""), email)
        },
        held=state.held if state.held and state.held.is_partial else None,
        retries=0,
        not_before=None,
        resend_at=at if is_overtaken else resend_at,
        releases={hash: when for hash, when in state.releases.items() if hash not in snapshot.used},
        refused={ref: digest for ref, digest in state.refused.items() if ref in snapshot.refused},
        structure=after_acceptance(ledger_of(state), snapshot.entities, at),
        complaints={ref: words for ref, words in state.complaints.items() if ref in snapshot.refused},
        refusal=None,
    )


def overtaken(
    state: TenantState, number: int, roster: Mapping[str, Seat], positions: Mapping[str, int], at: str
) -> TenantState | None:
    """
    A POST has ended that the state took no notice of, since a newer number is out: Unitu may apply it last.

    Whom it has may be there, and the newest goes again at once. None: it is not overtaken.
    """
    if _is_open(state, number):
        return None
    unknown = last_snapshot.overtaken(state, roster, positions)
    return _with(state, unknown=unknown, overtaken=state.number, resend_at=at)


def _former(state: TenantState) -> dict[str, str]:
    """Person -> the e-mail that they had last, whether or not they are in the last snapshot."""
    before = last_of(state)
    return {**before.former, **{person: emails[0] for person, emails in before.emails.items()}}


def _orphans(
    state: TenantState,
    former: Mapping[str, str],
    roster: Mapping[str, Seat],
    known_people: Collection[str] | None = None,
) -> dict[str, str]:
    """The accounts that nobody is sent under, and whose owner has another e-mail or is forgotten."""
    before = last_of(state)
    owned = {orphan(email): seats[0].ref for email, seats in before.seats.items()}
    owned |= {orphan(email): person for person, email in state.former.items()}  # also of who is back under another
    found = without_orphans({**state.orphans, **owned}, (*roster, *former.values()))
    if known_people is None:
        return dict(sorted(found.items()))
    return {hash: ref if ref in known_people else "" for hash, ref in sorted(found.items())}


def _has_moved(carried: str, released: str) -> bool:
    """One that nobody can log in with has the key of its repair, and was not moved to it yet."""
    return email_key(carried) == released and carried.isprintable()


def _is_protected(snapshot: Snapshot, email: str) -> bool:
    seat = snapshot.roster.get(email_key(email))
    return seat is not None and not seat.book


def _is_anothers(snapshot: Snapshot, email: str, person: str) -> bool:
    seat = snapshot.roster.get(email_key(email))
    return seat is not None and bool(seat.book) and seat.ref != person


def unsure(state: TenantState, number: int, not_before: str, held: Held | None = None) -> TenantState | None:
    """Nobody knows whether Unitu took it. ``held``: what a person is told of it. None: the state has moved on."""
    if not _is_open(state, number):
        return None
    held = state.held if state.held and state.held.is_partial else held
    return _with(settled(state), retries=state.retries + 1, not_before=not_before, held=held)


def refused(
    state: TenantState, number: int, refusal: RefusedSnapshot, complaints: Mapping[str, str] | None = None
) -> TenantState | None:
    """
    Unitu said no, and may have taken a part all the same. ``complaints``: person -> what it said of their record. None:
    the state has moved on.
    """
    if not _is_open(state, number):
        return None
    told = dict(sorted((complaints or {}).items()))
    return _with(
        settled(state), held=held_as_refused(refusal), retries=0, not_before=None, refusal=refusal, complaints=told
    )


def held_as_refused(refusal: RefusedSnapshot) -> Held:
    reason = Reason(code=f"rejected_{refusal.status}", message=refusal.message)
    return Held(kind="rejected", reasons=(reason,), since=refusal.refused_at)


def spared(
    state: TenantState, number: int, refused: Mapping[str, str], complaints: Mapping[str, str] | None = None
) -> TenantState | None:
    """
    Unitu said no because of some records (person -> digest): they are held, and the rest goes. It may have taken the
    others, but not these. ``complaints``: person -> what it said of the record. None: the state has moved on.
    """
    if not _is_open(state, number):
        return None
    unknown, before = outstanding(state), state.unknown.gained if state.unknown else {}
    gained = {email: seat for email, seat in unknown.gained.items() if seat.ref not in refused or email in before}
    there = [email for email, seat in _seats(state) if seat.ref not in refused]
    state = _with(state, intent=None, unknown=_with(unknown, gained=gained), accounts=_joined(state, there))
    told = {ref: (complaints or {}).get(ref, "") for ref in refused}
    return _with(
        state,
        refused=dict(sorted((state.refused | dict(refused)).items())),
        complaints=dict(sorted((state.complaints | told).items())),
        retries=0,
    )


def no_longer_refused(state: TenantState, still: Collection[str]) -> TenantState | None:
    """Whose record has changed since Unitu refused it, and needs no snapshot for it. None: nobody's has."""
    if state.refused.keys() <= set(still):
        return None
    gone = state.refused.keys() - set(still)
    return _with(
        state,
        refused={ref: digest for ref, digest in state.refused.items() if ref not in gone},
        complaints={ref: words for ref, words in state.complaints.items() if ref not in gone},
    )


def _seats(state: TenantState) -> Iterable[tuple[str, Seat]]:
    """Of the snapshot whose POST is open."""
    intent = state.intent
    return () if intent is None else apply(state.roster, intent.gained, intent.lost).items()


def let_go(state: TenantState, hashes: Iterable[str], at: str) -> TenantState:
    """A person's yes to what each of these hashes names."""
    return _with(state, releases=state.releases | dict.fromkeys(sorted(hashes), at))


def held(state: TenantState, held: Held | None) -> TenantState:
    """Why nothing goes; None: nothing speaks against it any more."""
    return _with(state, held=held)


def rehearsed(state: TenantState, digest: str, at: str, resend_at: str) -> TenantState:
    return _with(state, simulated=Simulated(simulated_at=at, digest=digest), held=None, resend_at=resend_at)


def adopted(
    state: TenantState,
    adoption: Adoption,
    roster: Mapping[str, Seat],
    positions: Mapping[str, int],
    accounts: tuple[str, ...] = (),
    *,
    spellings: Iterable[str] = (),
    kept: Mapping[str, str] | None = None,
) -> TenantState:
    """
    A person's yes: the roster shown is the last snapshot, and who else Unitu may have from us may go.

    An intent whose POST may still be accepted is told against the new roster. ``spellings``: e-mails as a list of
    Unitu's has them; a newer list goes before an older one.
    """
    here = {seat.ref for seat in roster.values()}
    former = {person: email for person, email in sorted(_former(state).items()) if person not in here}
    intent = state.intent if state.intent and state.intent.ends_at > adoption.adopted_at else None
    if intent is not None:
        members = apply(state.roster, intent.gained, intent.lost)
        gained = {email: seat for email, seat in members.items() if roster.get(email) != seat}
        intent = _with(intent, gained=gained, lost=tuple(sorted(email for email in roster if email not in members)))
    spelled = {email_key(email): email for email in (*state.spellings, *spellings)}
    ledger = ledger_of(state)
    gone = {orphan(email) for email in roster if _is_gone(state, email)} | set(state.gone)
    return _with(
        state,
        adoption=adoption,
        structure=doubting(ledger, adoption.adopted_at) if _is_elsewhere(state.adoption, adoption) else ledger,
        roster=dict(roster),
        positions=dict(positions),
        former=former,
        orphans=_orphans(state, former, roster),
        gone=tuple(sorted(gone - set(map(orphan, accounts)))),
        accounts=accounts,
        earlier=tuple(sorted(may_be_at_unitu(state) - set(accounts))),
        spellings=tuple(spelling for _, spelling in sorted(spelled.items())),
        kept=dict(sorted((kept or {}).items())),
        intent=intent,
        unknown=None,
        held=None,
        retries=0,
        not_before=None,
        resend_at=None,
        refusal=None,
    )


def _is_gone(state: TenantState, email: str) -> bool:
    """Whether Unitu has a disabled account under it: the roster has them again, and no snapshot yet."""
    return orphaned(state.orphans, email) is not None or email in map(email_key, state.former.values())


def key_confirmed(state: TenantState, fingerprint: str, operator: str = "", at: str = "") -> TenantState | None:
    """A person's yes to another key of the same institution. None: there is no adoption that it could belong to."""
    if state.adoption is None:
        return None
    adoption = _with(state.adoption, fingerprint=fingerprint, key_operator=operator, key_confirmed_at=at)
    return _with(state, adoption=adoption, held=None)


def _is_elsewhere(before: Adoption | None, adoption: Adoption) -> bool:
    """Another address or key may be another institution, and nobody has said what that one has."""
    if before is None:
        return False
    is_same_key = before.fingerprint in ("", adoption.fingerprint)
    return not is_same_key or canonical(before.url) != canonical(adoption.url)


def structure_confirmed(
    state: TenantState, codes: Codes, at: str, operator: str = "", *, is_all: bool = False
) -> TenantState:
    """
    Somebody says that Unitu has these. ``is_all``: and nothing else of the lists that are named; what was confirmed of
    them before is doubted.
    """
    ledger = ledger_of(state)
    if is_all:
        others = {name: ledger[name].keys() - codes[name] for name in codes}
        ledger = doubting(ledger, at, others)
    return _with(state, structure=confirming(ledger, codes, at, operator))


def structure_doubted(state: TenantState, codes: Codes, at: str) -> TenantState:
    """Somebody takes back that Unitu has these."""
    return _with(state, structure=doubting(ledger_of(state), at, codes))


def released(state: TenantState, emails: Mapping[str, str]) -> TenantState:
    """A person's yes to changed e-mails: person -> the new e-mail as compared."""
    return _with(state, email_releases=dict(sorted((state.email_releases | dict(emails)).items())))


def _is_open(state: TenantState, number: int) -> bool:
    return state.number == number and state.intent is not None and state.intent.number == number
