"""What a person reviews of a held plan, as a hash that a release is bound to: pure."""

from collections.abc import Set as AbstractSet
from hashlib import blake2b

from services.reconciler import emptied_columns, guard
from services.reconciler.enrolments import codes_of
from shared.contract.account_state import AccountState
from shared.contract.email import email_key


def plan_hash(name: str, people: list[tuple[str, AccountState]], emptied: AbstractSet[str] = frozenset()) -> str:
    """
    What a person reviews: who, and what of theirs (which enrolments, which e-mail, which details); nothing that another
    sweep would change. ``emptied``: the columns that wait for a person.
    """
    lines = [name]
    for student, state in sorted(people, key=lambda pair: pair[0]):
        lines.append("\t".join([student, *_reviewed(name, state, emptied)]))
    return blake2b("\n".join(lines).encode(), digest_size=8).hexdigest()


def _reviewed(name: str, state: AccountState, emptied: AbstractSet[str]) -> tuple[str, ...]:
    lost = state.unenrol
    codes = codes_of(lost) if lost is not None else ()
    if name in guard.LOSSES:
        return codes
    if name == guard.EMAIL_CHANGE:
        wanted = state.assessment.details if state.assessment is not None else None
        return (email_key(wanted.email),) if wanted is not None else ()
    if name == guard.NULLED_COLUMN:
        fields = state.update.fields if state.update is not None else ()
        if state.update is not None and (state.update.overwritten or state.update.collapsed):
            fields = _values(state)
        return fields if emptied.isdisjoint(emptied_columns.emptied_enrolments(state)) else fields + codes
    if name == guard.UPDATE:
        return _values(state)
    return (state.other_id or "",) if name == guard.REKEY else ()


def _values(state: AccountState) -> tuple[str, ...]:
    """The staged details, each with what it would be."""
    wanted = state.assessment.details if state.assessment is not None else None
    fields = state.update.fields if state.update is not None else ()
    return tuple(f"{name}={getattr(wanted, name, None)}" for name in fields)
