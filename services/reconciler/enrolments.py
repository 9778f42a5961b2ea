"""
The codes that an account has and its record has not: staged until their area is certified, never taken at once. Pure.

Programmes and modules are enrolments, with events of their own; the faculties and departments of staff are told as
details. A loss is a loss all the same.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from services.reconciler import changes
from services.reconciler.changes import Change
from shared.completeness import CODES
from shared.contract.account_state import AccountState, StagedUnenrol
from shared.contract.events import StudentAssessed
from shared.contract.model import Details
from shared.structs import replace

LISTS = ("programmes", "modules", "faculties", "departments")
Codes = tuple[str, ...]


class CodesAfter(NamedTuple):
    """
    What an account has after a record: all codes that it had and all that it gains. ``said`` are the programmes and
    modules that the record has (the account's own where it does not say); ``gained`` and ``lost`` go in the order of
    ``LISTS``.
    """

    details: Details
    programmes: Codes
    modules: Codes
    said: tuple[Codes, Codes]
    gained: tuple[Codes, ...]
    lost: tuple[Codes, ...]


def keep(state: AccountState, had: Details, details: Details, assessed: StudentAssessed) -> CodesAfter:
    """``had``: the account's details; ``details``: those that the record would give it."""
    gained: tuple[Codes, ...] = ()
    lost: tuple[Codes, ...] = ()
    if state.kind == "staff":
        details, gained, lost = keep_codes(had, _supplied(had, details, assessed))
    programmes = state.programmes if assessed.programmes is None else assessed.programmes
    modules = state.modules if assessed.modules is None else assessed.modules
    return CodesAfter(
        details,
        union(state.programmes, programmes),
        union(state.modules, modules),
        (programmes, modules),
        (without(programmes, state.programmes), without(modules, state.modules), *gained),
        (without(state.programmes, programmes), without(state.modules, modules), *lost),
    )


def _supplied(had: Details, details: Details, assessed: StudentAssessed) -> Details:
    """The details of a member of staff, with the account's own codes where the record says nothing of them."""
    record = assessed.student
    kept = {name: getattr(had, name) for name in CODES if record is None or getattr(record, name) is None}
    return replace(details, **kept)


def stage(
    before: StagedUnenrol | None, lost: Sequence[Codes], gained: Sequence[Codes], at: int
) -> StagedUnenrol | None:
    """
    What is to go of each list, in the order of ``LISTS``; None when nothing is. A move gives about as many as it takes,
    each list by itself: one new code does not excuse the loss of eight.
    """
    if not any(lost):
        return None
    by_list = dict(zip(LISTS, lost, strict=False))
    if before is not None and all(getattr(before, name) == by_list.get(name, ()) for name in LISTS):
        return before
    staged = StagedUnenrol(**by_list, is_move=all(map(_is_move, lost, gained)), offset=at)
    if before is not None and before.is_move and is_part_of(staged, before):
        return replace(staged, is_move=True)
    return staged


def _is_move(lost: Codes, gained: Codes) -> bool:
    return not lost or (bool(gained) and len(lost) <= len(gained) + max(1, len(gained) // 3))


def is_part_of(staged: StagedUnenrol, before: StagedUnenrol | None) -> bool:
    """Whether nothing is to go that was not to go before; else nobody can have reviewed it."""
    return before is not None and all(set(getattr(staged, name)) <= set(getattr(before, name)) for name in LISTS)


def codes_of(staged: StagedUnenrol) -> Codes:
    """All of them, list by list."""
    return staged.programmes + staged.modules + staged.faculties + staged.departments


def needs_sets(staged: StagedUnenrol) -> bool:
    """Whether some of it is read from the teaching sets, so that a sweep must have certified those."""
    return bool(staged.modules or staged.faculties or staged.departments)


def apply(state: AccountState, staged: StagedUnenrol, at: int) -> tuple[AccountState, list[Change]]:
    """The account without the staged codes, and what to tell."""
    told = changes.unenrolled(state, at, staged.programmes, staged.modules)
    details = state.details
    if details is not None and (staged.faculties or staged.departments):
        details = replace(
            details,
            faculties=without(details.faculties, staged.faculties),
            departments=without(details.departments, staged.departments),
        )
        told.append(changes.updated(state, at, _fields(staged), details))
    after = replace(
        state,
        offset=at,
        version=at,
        details=details,
        programmes=without(state.programmes, staged.programmes),
        modules=without(state.modules, staged.modules),
        unenrol=None,
    )
    return after, told


def _fields(staged: StagedUnenrol) -> Codes:
    return tuple(name for name in ("faculties", "departments") if getattr(staged, name))


def keep_codes(had: Details, details: Details) -> tuple[Details, tuple[Codes, Codes], tuple[Codes, Codes]]:
    """A member of staff's details with the codes that the account has kept; which it gains, and which it would lose."""
    gained = (without(details.faculties, had.faculties), without(details.departments, had.departments))
    lost = (without(had.faculties, details.faculties), without(had.departments, details.departments))
    if any(lost):
        details = replace(
            details,
            faculties=union(had.faculties, details.faculties),
            departments=union(had.departments, details.departments),
        )
    return details, gained, lost


def without(codes: Codes, others: Iterable[str]) -> Codes:
    """The codes that are none of the others, in their order."""
    if not codes:
        return ()
    gone = set(others)
    return tuple([code for code in codes if code not in gone]) if gone else codes


def union(codes: Codes, others: Codes) -> Codes:
    """All codes of both, in order."""
    return others if not codes else tuple(sorted({*codes, *others}))
