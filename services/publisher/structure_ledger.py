"""
What Unitu has of a tenant's structure, as far as anybody has said: new, then told, then confirmed. Pure.

A snapshot creates no entity at Unitu: a person there does, who has read of it in a report. So having been sent confirms
nothing, and whoever is in what is not confirmed counts as blocked, however often they are sent.
"""

from collections.abc import Collection, Mapping

from shared.contract.entities import EntityList, KnownEntity
from shared.contract.tenant_state import TenantState
from shared.errors import RollcallError

LISTS: tuple[EntityList, ...] = ("faculties", "departments", "programmes", "modules")
MOST = 50_000  # entities of one tenant: 3 MB in each writing of its state, beside the roster

Ledger = dict[EntityList, dict[str, KnownEntity]]
Codes = Mapping[EntityList, Collection[str]]


class TooManyEntities(RollcallError):
    """More than a tenant's ledger may hold."""


def ledger_of(state: TenantState) -> Ledger:
    """Every list, also of a state that was written before there was a ledger: what it had sent was told."""
    if state.structure is not None:
        return {name: state.structure.get(name, {}) for name in LISTS}
    accepted = state.accepted
    if accepted is None:
        return {name: {} for name in LISTS}
    return {
        name: {code: KnownEntity(state="told", since=accepted.accepted_at) for code in accepted.entities.get(name, ())}
        for name in LISTS
    }


def confirmed_in(ledger: Ledger) -> dict[EntityList, frozenset[str]]:
    """List -> the codes that exist at Unitu, as far as known."""
    return {
        name: frozenset(code for code, entity in entities.items() if entity.state == "confirmed")
        for name, entities in ledger.items()
    }


def after_acceptance(ledger: Ledger, sent: Mapping[str, Collection[str]], at: str) -> Ledger:
    """
    A report with everything that is not confirmed has gone out beside an accepted snapshot.

    What is no longer sent is forgotten, unless it was confirmed: Unitu has it all the same, and it may come back.
    """
    told = KnownEntity(state="told", since=at)
    return _within_bounds(
        {
            name: {code: entities.get(code, told) for code in sent[name]}
            | {code: one for code, one in entities.items() if one.state == "confirmed"}
            for name, entities in ledger.items()
        },
        sent,
    )


def confirming(ledger: Ledger, codes: Codes, at: str, by: str) -> Ledger:
    """
    These exist at Unitu. Whoever confirms again changes nothing.

    Raises: TooManyEntities.
    """
    new = KnownEntity(state="confirmed", since=at, by=by)
    after = {
        name: entities
        | {code: new for code in codes.get(name, ()) if code not in entities or entities[code].state == "told"}
        for name, entities in ledger.items()
    }
    if (count := _size(after)) > max(MOST, _size(ledger)):
        raise TooManyEntities(
            f"that would be {count} faculties, departments, programmes and modules, and at most {MOST} are kept of a"
            " tenant: import those that its snapshots have"
        )
    return _sorted(after)


def doubting(ledger: Ledger, at: str, codes: Codes | None = None) -> Ledger:
    """Nobody says any more that these exist there; all of them where none are named."""
    told = KnownEntity(state="told", since=at)
    return {
        name: {
            code: told if one.state == "confirmed" and (codes is None or code in codes.get(name, ())) else one
            for code, one in entities.items()
        }
        for name, entities in ledger.items()
    }


def _within_bounds(ledger: Ledger, sent: Mapping[str, Collection[str]]) -> Ledger:
    """Without those whose confirmation is the oldest, of what is no longer sent: it would be told as new again."""
    spare = sorted(
        (one.since, name, code)
        for name, entities in ledger.items()
        for code, one in entities.items()
        if code not in sent[name]
    )
    surplus = {(name, code) for _, name, code in spare[: max(0, _size(ledger) - MOST)]}
    return _sorted(
        {
            name: {code: one for code, one in entities.items() if (name, code) not in surplus}
            for name, entities in ledger.items()
        }
    )


def _size(ledger: Ledger) -> int:
    return sum(map(len, ledger.values()))


def _sorted(ledger: Ledger) -> Ledger:
    return {name: dict(sorted(entities.items())) for name, entities in ledger.items()}
