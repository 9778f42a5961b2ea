"""
What of an account's details a record changes and may not change at once. Pure (DESIGN §6).

A field that a record empties waits for a certified sweep, whose close asks of how many others it is empty too. One that
it overwrites spends the budget of updates and waits beyond it. And where too many people take one value in a field that
tells people apart, what comes next waits for a person: sixty pupils are not all called Test.
"""

from collections.abc import Callable
from hashlib import blake2b

from services.reconciler import changes
from services.reconciler.changes import Change
from shared.completeness import CODES, OF_DETAILS, has
from shared.contract.account_state import AccountState, StagedUpdate
from shared.contract.events import StudentAssessed
from shared.contract.model import Details, Student
from shared.structs import replace

FIELDS = Details.__struct_fields__
TELLING = ("first_name", "last_name", "personal_email", "phone")  # hardly anybody shares them with many
ALIKE = 3  # so many may take one value in a week: brothers and sisters do
_NOT_COUNTED = frozenset({"email", *CODES})  # they have plans of their own


def overwritten(had: Details, details: Details, *, rollover: bool) -> tuple[str, ...]:
    """
    The fields that had something and would have something else. At the turn of the year everybody's year is another,
    and that counts as little as a move does.
    """
    uncounted = _NOT_COUNTED | {"year"} if rollover else _NOT_COUNTED
    return tuple(
        [
            name
            for name in FIELDS
            if name not in uncounted
            and (new := getattr(details, name)) != (old := getattr(had, name))
            and not _is_empty(new)
            and not _is_empty(old)
        ]
    )


def value_digest(value: str) -> str:
    """A value as it is compared with others'."""
    return blake2b(value.strip().casefold().encode(), digest_size=6).hexdigest()


def collapsing(fields: tuple[str, ...], details: Details, takers: Callable[[str, str], int]) -> tuple[str, ...]:
    """Of these fields, those whose new value ``takers`` counts for as many people as may have one."""
    return tuple(
        [name for name in fields if name in TELLING and takers(name, value_digest(getattr(details, name))) >= ALIKE]
    )


def still_collapsed(before: AccountState, details: Details) -> tuple[str, ...]:
    """The fields that wait since many have their value, of which it is the same: no week that passes makes it news."""
    said = before.assessment.details if before.assessment is not None else None
    if before.update is None or said is None:
        return ()
    return tuple(name for name in before.update.collapsed if getattr(said, name) == getattr(details, name))


def took(fields: tuple[str, ...], details: Details) -> dict[str, str]:
    return {name: value_digest(getattr(details, name)) for name in fields if name in TELLING}


def stage(
    state: AccountState,
    details: Details,
    assessed: StudentAssessed,
    before: Student | None,
    waits: tuple[str, ...],
    collapsed: tuple[str, ...],
    at: int,
) -> StagedUpdate | None:
    """
    What waits of a changed record: the fields that it empties, those in ``waits`` that it overwrites beyond the budget,
    and those in ``collapsed``. ``before``: the record before it.
    """
    if state.details is None:
        return None
    emptied, columns = _emptied(state, state.details, details, assessed.student, before)
    fields = tuple(dict.fromkeys((*emptied, *waits, *collapsed)))
    if not fields:
        return None
    staged = StagedUpdate(fields=fields, columns=columns, overwritten=waits, collapsed=collapsed, offset=at)
    kept = state.update
    return kept if kept is not None and replace(kept, offset=at) == staged else staged


def _emptied(
    state: AccountState, had: Details, details: Details, record: Student | None, before: Student | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The fields that change only by what the record no longer says, and the columns that it says it in."""
    if record is None:
        return (), ()
    missed = {*(state.update.columns if state.update is not None else ()), *state.lacks}
    said = {name for column, name in OF_DETAILS if has(record, column)}  # a year may come from either of two columns
    full: dict[str, list[str]] = {}
    for column, name in OF_DETAILS:
        now = getattr(details, name)
        if name in CODES or now == getattr(had, name) or has(record, column):
            continue
        was_full = column in missed or (before is not None and has(before, column))
        if _is_empty(now) or (was_full and name not in said):
            full.setdefault(name, []).extend([column] if was_full else [])
    columns = [column for name, found in full.items() for column in found or _columns_of(name)]
    return tuple(full), tuple(columns)


def _columns_of(field: str) -> list[str]:
    return [column for column, name in OF_DETAILS if name == field]


def lacking(state: AccountState, record: Student | None) -> tuple[str, ...]:
    """
    The columns that the account's details were taken from and an undecided ``record`` has not. A record that cannot be
    read says nothing, so it lacks them all.
    """
    before = state.assessment.student if state.assessment is not None else None
    return tuple(
        column
        for column, _ in OF_DETAILS
        if (column in state.lacks or (before is not None and has(before, column)))
        and (record is None or not has(record, column))
    )


def still_says(state: AccountState, details: Details, update: StagedUpdate) -> bool:
    """Whether what waits now is what waited before, in each field: else nobody has reviewed it."""
    if state.update is None or not set(update.fields) <= set(state.update.fields):
        return False
    before = state.assessment.details if state.assessment is not None else None
    values = (*update.overwritten, *update.collapsed)  # what is empty is empty
    return all(before is not None and getattr(before, name) == getattr(details, name) for name in values)


def emptied_part(update: StagedUpdate | None) -> StagedUpdate | None:
    """What of it waits since records say nothing: that stands while a record says even less."""
    if update is None or not update.columns:
        return None
    fields = {name for column, name in OF_DETAILS if column in update.columns}
    return replace(update, fields=tuple(name for name in update.fields if name in fields), overwritten=(), collapsed=())


def apply(state: AccountState, at: int) -> tuple[AccountState, list[Change]]:
    """Let the staged details take effect, as the newest assessment has them."""
    staged, assessment = state.update, state.assessment
    if staged is None or state.details is None or assessment is None or assessment.details is None:
        return state, []
    details = replace(state.details, **{name: getattr(assessment.details, name) for name in staged.fields})
    fields = tuple(name for name in FIELDS if name in staged.fields)
    after = replace(state, offset=at, version=at, details=details, update=None, lacks=())
    return after, [changes.updated(state, at, fields, details)]


def _is_empty(value: object) -> bool:
    return value in (None, "", (), {})
