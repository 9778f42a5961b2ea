"""
The last snapshot: whom Unitu has from us, as far as anyone knows.

While an outcome is unknown it is the union of the last accepted snapshot and of those that may have been applied. Pure:
no function here knows where a TenantState is kept.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

import msgspec

from shared.contract.email import older_keys
from shared.contract.tenant_state import Intent, Seat, TenantState, Unknown, email_key


@dataclass(frozen=True)
class Last:
    """
    ``seats``: e-mail -> who had it, the newest first, each with the position of the last snapshot that had them there.
    ``emails``: person -> the e-mails under which Unitu may have them, the newest first. ``former``: person -> the
    e-mail of one who is in no last snapshot, but was in an earlier one. ``orphans``: as the state has them, and of who
    may be back under another e-mail.
    ``spellings``: e-mail -> how Unitu's own list has it. ``kept``: person without an account of ours -> the e-mail
    under which Unitu has one of theirs. ``gone``: as the state has them.
    """

    seats: Mapping[str, tuple[Seat, ...]] = field(default_factory=dict)
    emails: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    former: Mapping[str, str] = field(default_factory=dict)
    orphans: Mapping[str, str] = field(default_factory=dict)
    spellings: Mapping[str, str] = field(default_factory=dict)
    kept: Mapping[str, str] = field(default_factory=dict)
    gone: Collection[str] = ()

    def spelled(self, email: str) -> str:
        """As Unitu has it, where its own list says so."""
        return self.spellings.get(email_key(email), email)

    def holder(self, email: str) -> str | None:
        """Whose account the e-mail was last."""
        seats = self.seats.get(email)
        return seats[0].ref if seats else None


def last_of(state: TenantState) -> Last:
    unknown = outstanding(state)
    seats: dict[str, tuple[Seat, ...]] = {}
    for email, seat in state.roster.items():
        position = _position(state, seat)
        if email not in unknown.gained and seat.position < 0:  # else the newer snapshots had it as ``gained`` says
            position = unknown.lost.get(email, unknown.positions.get(seat.school, position))
        seats[email] = (msgspec.structs.replace(seat, position=position),)
    for email, seat in unknown.gained.items():
        seats[email] = (seat, *seats.get(email, ()))
    emails: dict[str, list[str]] = {}
    newest_first = [unknown.gained, state.roster]
    for members in newest_first:
        for email, seat in members.items():
            if seat.book:
                kept = emails.setdefault(seat.ref, [])
                if email not in map(email_key, kept):
                    kept.append(seat.email or email)
    former = {person: email for person, email in state.former.items() if person not in emails}
    returned = {orphan(email): person for person, email in state.former.items() if person in emails}  # under another
    spellings = {email_key(email): email for email in state.spellings if email.isprintable()}
    known = {person: tuple(kept) for person, kept in emails.items()}
    return Last(seats, known, former, {**state.orphans, **returned}, spellings, state.kept, frozenset(state.gone))


def orphan(email: str) -> str:
    """What is kept of an e-mail once its person is forgotten: enough to know it again."""
    return _hash(email_key(email))


def orphaned(orphans: Mapping[str, str], email: str) -> str | None:
    """Whose account an e-mail was, as ``TenantState.orphans`` has it; None: nobody's that is known."""
    return next((orphans[hash] for hash in _orphan_hashes(email) if hash in orphans), None)


def without_orphans(orphans: Mapping[str, str], emails: Iterable[str]) -> dict[str, str]:
    """Those of other e-mails."""
    here = {hash for email in emails for hash in _orphan_hashes(email)}
    return {hash: ref for hash, ref in orphans.items() if hash not in here}


def _orphan_hashes(email: str) -> list[str]:
    """An earlier release may have kept it, and a hash cannot be told anew."""
    return [_hash(key) for key in older_keys(email_key(email))]


def _hash(key: str) -> str:
    return blake2b(key.encode(), digest_size=8).hexdigest()


def left_behind(state: TenantState, emails: Iterable[str]) -> set[str]:
    """Those of the e-mails that somebody had whom we know, and who is out of the last snapshot, or under another."""
    former = {email_key(email) for email in state.former.values()}
    return {email for email in emails if email in former or orphaned(state.orphans, email)}


def accounts_of(state: TenantState) -> frozenset[str]:
    """
    The e-mails that Unitu has as enabled accounts, as far as known: for reports, which may be wrong.

    After a yes, those of then and of each snapshot since that may have been taken. A roster that was adopted and never
    sent is nobody's account.
    """
    if state.accounts is None:
        return frozenset(last_of(state).seats)
    gained = state.unknown.gained if state.unknown is not None else {}
    return frozenset((*state.accounts, *gained, *on_its_way(state)))


def on_its_way(state: TenantState) -> frozenset[str]:
    """The e-mails of the snapshot whose POST is open."""
    intent = state.intent
    return frozenset() if intent is None else frozenset(apply(state.roster, intent.gained, intent.lost))


def may_be_at_unitu(state: TenantState) -> frozenset[str]:
    """Every e-mail that Unitu may have from us or by its own list: each roster that was adopted or sent since the last
    accepted snapshot, whatever became of it. Whoever says yes to another roster sees all of them."""
    return accounts_of(state) | last_of(state).seats.keys() | frozenset(state.earlier)


def outstanding(state: TenantState) -> Unknown:
    """All snapshots of unknown outcome as one, an open intent included."""
    unknown = state.unknown or Unknown(positions=state.positions)
    if state.intent is None:
        return unknown
    return _fold(state, unknown, state.intent)


def _fold(state: TenantState, unknown: Unknown, intent: Intent) -> Unknown:
    lost: dict[str, int] = {}
    for email in intent.lost:
        seat = state.roster[email]
        before = unknown.positions.get(seat.school, _position(state, seat))
        lost[email] = unknown.lost.get(email, before)
    gained = {**unknown.gained}
    for email, seat in intent.gained.items():
        gained.pop(email, None)
        position = seat.position if seat.position >= 0 else intent.positions.get(seat.school, -1)
        gained[email] = msgspec.structs.replace(seat, position=position)
    newest_first = {email: gained[email] for email in [*intent.gained, *(e for e in gained if e not in intent.gained)]}
    return Unknown(positions={**unknown.positions, **intent.positions}, gained=newest_first, lost=lost)


def overtaken(state: TenantState, roster: Mapping[str, Seat], positions: Mapping[str, int]) -> Unknown:
    """
    All of unknown outcome, and a snapshot that Unitu may apply after newer ones: whom it has and they lack.

    It is the older one: it claims no e-mail of a newer one, and moves no position back.
    """
    before = state.unknown or Unknown(positions=state.positions)
    late = {
        email: msgspec.structs.replace(seat, position=positions.get(seat.school, -1))
        for email, seat in roster.items()
        if email not in state.roster and email not in before.gained
    }
    return msgspec.structs.replace(before, gained={**before.gained, **late})


def carried_over(state: TenantState, new: Mapping[str, Seat]) -> Unknown | None:
    """
    What is of unknown outcome, told against another roster: everybody who may be there and the new one lacks, each with
    the position of the last snapshot that had them.
    """
    unknown = state.unknown
    if unknown is None:
        return None
    old = {
        email: msgspec.structs.replace(seat, position=_position(state, seat)) for email, seat in state.roster.items()
    }
    gained = {email: seat for email, seat in {**old, **unknown.gained}.items() if email not in new}
    return Unknown(positions=unknown.positions, gained=gained)


def _position(state: TenantState, seat: Seat) -> int:
    return seat.position if seat.position >= 0 else state.positions.get(seat.school, -1)


def difference(state: TenantState, new: Mapping[str, Seat]) -> tuple[dict[str, Seat], tuple[str, ...]]:
    """
    What a snapshot's roster gained and lost against the last accepted one.

    Gained is also what it has for another person or in another spelling, and whatever an unknown snapshot had so.
    """
    contested = outstanding(state).gained
    gained = {email: seat for email, seat in new.items() if state.roster.get(email) != seat or email in contested}
    return gained, tuple(sorted(email for email in state.roster if email not in new))


def apply(old: Mapping[str, Seat], gained: Mapping[str, Seat], lost: Iterable[str]) -> dict[str, Seat]:
    """The roster after a snapshot; the inverse of ``difference``."""
    gone = set(lost)
    merged = {email: seat for email, seat in old.items() if email not in gone} | dict(gained)
    return dict(sorted(merged.items()))
