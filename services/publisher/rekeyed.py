"""
A tenant's state whose e-mails an earlier release compared in another way, as this one compares them: pure.

Nobody is new or gone by that: each seat stays whose it was, and the spelling that was sent is what goes on being sent.
Two people whose addresses are one address now are two accounts at Unitu all the same. The second keeps its old key: no
snapshot has that, so they are held as last sent until the school gives each an address of their own.
"""

from collections.abc import Iterable, Mapping
from typing import TypeVar

import msgspec

from shared.contract.email import email_key
from shared.contract.tenant_state import Intent, Seat, TenantState, Unknown

_with = msgspec.structs.replace
_T = TypeVar("_T")


def rekeyed(state: TenantState) -> TenantState:
    """The state by the keys of now; what is spelt in it stays as it is."""
    keys = new_keys(state.roster, {old: seat.email for old, seat in state.roster.items()})
    return _with(
        state,
        roster=_seats(state.roster, keys),
        accounts=None if state.accounts is None else _distinct(state.accounts),
        earlier=_distinct(state.earlier),
        email_releases={person: email_key(email) for person, email in state.email_releases.items()},
        refused={_ref(ref): digest for ref, digest in state.refused.items()},
        unknown=None if state.unknown is None else _unknown(state.unknown, keys),
        intent=None if state.intent is None else _intent(state.intent, keys),
    )


def rekeyed_values(values: Mapping[str, _T]) -> dict[str, _T]:
    """What is kept by e-mail, by what are now the keys."""
    keys = new_keys(values, {})
    return {keys[old]: value for old, value in values.items()}


def new_keys(old: Iterable[str], spelt: Mapping[str, str]) -> dict[str, str]:
    """Old key -> new; ``spelt``: old key -> the address as it was sent, "" where that is the key itself."""
    wanted = {key: email_key(spelt.get(key) or key) for key in sorted(old)}
    taken = {key for key, new in wanted.items() if key == new}
    found: dict[str, str] = {}
    for key, new in wanted.items():
        found[key] = key if key != new and new in taken else new
        taken.add(new)
    return found


def _seats(seats: Mapping[str, Seat], keys: Mapping[str, str]) -> dict[str, Seat]:
    moved = {keys[old]: _seat(seat, old, keys[old]) for old, seat in seats.items()}
    return dict(sorted(moved.items()))


def _seat(seat: Seat, old: str, new: str) -> Seat:
    """With its spelling where the key said that, and a protected record by its new key."""
    if old == new:
        return seat
    return _with(seat, email=seat.email or old, person=seat.person if seat.book else new)


def _unknown(unknown: Unknown, of_roster: Mapping[str, str]) -> Unknown:
    keys = new_keys(unknown.gained, {old: seat.email for old, seat in unknown.gained.items()})
    gained = {keys[old]: _seat(seat, old, keys[old]) for old, seat in unknown.gained.items()}  # the newest first
    return _with(unknown, gained=gained, lost={of_roster.get(old, old): at for old, at in unknown.lost.items()})


def _intent(intent: Intent, of_roster: Mapping[str, str]) -> Intent:
    keys = new_keys(intent.gained, {old: seat.email for old, seat in intent.gained.items()})
    gained = {keys[old]: _seat(seat, old, keys[old]) for old, seat in intent.gained.items()}
    return _with(intent, gained=gained, lost=tuple(of_roster.get(old, old) for old in intent.lost))


def _ref(ref: str) -> str:
    return f"/{email_key(ref[1:])}" if ref.startswith("/") else ref


def _distinct(emails: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(email_key, emails)))
