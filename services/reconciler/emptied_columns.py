"""
A nulled column is not news: the columns of which so many accounts would lose what they have that it cannot be news of
single people. Pure.

Records without a phone look as if everybody had given theirs up; more likely the key has lost a permission. What
depends on such a column waits for a person. It is the accounts that are counted, not the records of a roll: applicants
dilute those, and a sweep in which everybody is undecided would be the next one's measure.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction

from shared.completeness import COLUMNS, has
from shared.contract.account_state import AccountState
from shared.contract.events import ColumnDrop, SweepCompleted

POINTS = Fraction(5, 100)  # of all accounts: more than these is no news of single people
MOST = Fraction(1, 2)  # nor is more than this of those who have it, however few
HEADS = 2  # but so many are


def emptied_for(state: AccountState) -> set[str]:
    """The columns whose emptiness is why something is staged: details, or all codes of a list."""
    found = set(state.update.columns) if state.update is not None else set()
    return found | emptied_enrolments(state)


def emptied_enrolments(state: AccountState) -> set[str]:
    """Of staged losses of codes: the columns that now say that there is nothing at all."""
    lost, record = state.unenrol, state.assessment.student if state.assessment is not None else None
    if lost is None or record is None:
        return set()
    found = set()
    if lost.programmes and not record.programmes:
        found |= {column for column in ("programmes", "year_group") if not getattr(record, column)}
    return found | {
        column
        for column in ("modules", "faculties", "departments")
        if getattr(lost, column) and not getattr(record, column)
    }


def drops(states: Mapping[str, AccountState], everybody: Callable[[], Iterable[AccountState]]) -> list[ColumnDrop]:
    """
    Which columns would be lost, or be next to one value, by too many accounts at this close.

    ``states``: at least everybody with something pending. ``everybody`` is asked only when more than ``HEADS`` wait.
    """
    losing = Counter(column for state in states.values() if _counts(state) for column in emptied_for(state))
    alike = Counter(column for state in states.values() if _counts(state) for column in _collapsed(state))
    losing = Counter({column: count for column, count in losing.items() if count > HEADS})
    if not losing and not alike:
        return []
    accounts = [one for state in everybody() if _counts(one := states.get(state.student_id, state))]
    found: list[ColumnDrop] = []
    whole = len(accounts)
    for column in (column for column in COLUMNS if column in losing):
        lost = losing[column]
        there = sum(column in emptied_for(state) or _has(state, column) for state in accounts)
        if lost > POINTS * whole or lost > MOST * there:
            found.append(ColumnDrop(column=column, before=f"{there}/{whole}", now=f"{there - lost}/{whole}"))
    for column in (column for column in COLUMNS if column in alike):
        own = f"{whole - alike[column]}/{whole}"
        found.append(ColumnDrop(column=column, before=f"{whole}/{whole}", now=own, collapsed=True))
    return found


def nulled(found: Iterable[ColumnDrop]) -> frozenset[str]:
    """The columns that would be lost: what depends on one of these waits for a person."""
    return frozenset(drop.column for drop in found if not drop.collapsed)


def fill_of(completed: SweepCompleted) -> dict[str, str]:
    """How full the columns of this sweep's roll are, each as "filled/all"; nothing where its sender does not count."""
    everybody = completed.certificate.roll_count
    return {column: f"{count}/{everybody}" for column, count in sorted(completed.fill.items()) if everybody}


def _counts(state: AccountState) -> bool:
    return state.status == "enabled"


def _collapsed(state: AccountState) -> tuple[str, ...]:
    return state.update.collapsed if state.update is not None else ()


def _has(state: AccountState, column: str) -> bool:
    record = state.assessment.student if state.assessment is not None else None
    return column in state.lacks or (record is not None and has(record, column))
