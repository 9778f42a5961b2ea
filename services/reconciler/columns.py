"""
A nulled column is not news: which columns of the records have emptied since a certified sweep had them, pure.

Records without a phone look as if everybody had given theirs up; more likely the key has lost a permission. What
depends on such a column waits for a person. One pupil's phone, or two's, is no column.
"""

from collections.abc import Mapping
from fractions import Fraction

from shared.columns import CODES, COLUMNS, rate
from shared.events import ColumnDrop, SweepCompleted
from shared.state import AccountState

POINTS = Fraction(5, 100)  # a drop of more than these is no news of single pupils
HEADS = 2  # nor is one by more than these


def emptied_for(state: AccountState) -> set[str]:
    """The columns whose emptiness is why something is staged: details, or all programmes or modules."""
    found = set(state.update.columns) if state.update is not None else set()
    return found | emptied_enrolments(state)


def emptied_enrolments(state: AccountState) -> set[str]:
    """Of a staged un-enrolment: the columns that now say that there is nothing at all."""
    lost, record = state.unenrol, state.assessment.student if state.assessment is not None else None
    if lost is None or record is None:
        return set()
    found = set()
    if lost.programmes and not record.programmes:
        found |= {column for column in ("programmes", "year_group") if not getattr(record, column)}
    if lost.modules and not record.modules:
        found.add("modules")
    return found


def drops(before: Mapping[str, str], completed: SweepCompleted, waiting: Mapping[str, int]) -> dict[str, ColumnDrop]:
    """
    Which columns have emptied, by more than ``POINTS`` and for more than ``HEADS``.

    ``before``: "filled/all" of each as the last certified sweep had it; ``waiting``: by column, the students of whom
    something is staged since theirs is empty. Where one of the sweeps did not count, those tell the drop.
    """
    found = {}
    everybody = completed.certificate.roll_count
    for column in COLUMNS:
        if waiting.get(column, 0) <= HEADS:
            continue
        told = f"{completed.fill[column]}/{everybody}" if column in completed.fill else None
        was, now = rate(before.get(column, "0/0")), rate(told) if told is not None else None
        drop = was - now if was is not None and now is not None else Fraction(waiting[column], max(everybody, 1))
        if drop > POINTS:
            there = completed.fill.get(column, everybody - waiting[column])
            had = before.get(column, f"{there + waiting[column]}/{everybody}")
            found[column] = ColumnDrop(column=column, before=had, now=f"{there}/{everybody}")
    return found


def baseline(before: Mapping[str, str], completed: SweepCompleted, held: Mapping[str, ColumnDrop]) -> dict[str, str]:
    """
    What the next sweep is compared with: this one, but for the columns whose drop waits for a person, and for codes
    that nobody has: where their area was not read, that says nothing.
    """
    everybody = completed.certificate.roll_count
    counted = {column: count for column, count in completed.fill.items() if count or column not in CODES}
    now = {column: f"{count}/{everybody}" for column, count in counted.items() if everybody}
    return dict(sorted({**before, **now, **{column: drop.before for column, drop in held.items()}}.items()))
