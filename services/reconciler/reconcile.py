"""
The account after one assessment, and what changed: the heart of the product, pure (DESIGN §6).

Everything that it knows is in its arguments: no clock, no configuration, no random number. So work done twice gives the
same events.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from shared.events import (
    AccountDisabled,
    AccountEnabled,
    AccountProvisioned,
    AccountUpdated,
    Evidence,
    ModuleEnrolled,
    ModuleUnenrolled,
    ProgrammeEnrolled,
    ProgrammeUnenrolled,
    StudentAssessed,
)
from shared.model import Category, Details, Frozen, Verdict
from shared.state import AccountState, StagedDisable, StagedUnenrol

Change = (
    AccountProvisioned
    | AccountUpdated
    | AccountDisabled
    | AccountEnabled
    | ProgrammeEnrolled
    | ProgrammeUnenrolled
    | ModuleEnrolled
    | ModuleUnenrolled
)

changed = msgspec.structs.replace
_FIELDS = Details.__struct_fields__


class Reading(msgspec.Struct, frozen=True, gc=False):
    """
    What came with an assessment: the lane offset that decides it, when the record system was read, and the digest of
    the assessed bytes. ``waits_for`` is the e-mail that another account holds: such a person is undecided.
    """

    at: int
    read_at: str
    assessed: str
    waits_for: str | None = None


def reconcile(
    last: AccountState | None, assessed: StudentAssessed, reading: Reading
) -> tuple[AccountState, list[Change]]:
    """
    The account after one assessment, and what changed.

    Shape: the last-known account (None: never seen) and one verdict in; the account and 0-n changes out, in the order
    in which a consumer must apply them. Removals come out staged; ``close`` lets them take effect.
    Raises: nothing; an undecided student is a value, not an error.  Source: DESIGN §6.
    """
    state = last or AccountState(
        school=assessed.school, student_id=assessed.student_id, kind=assessed.kind, at=reading.at
    )
    state = changed(
        state,
        at=reading.at,
        read_at=reading.read_at or None,
        digest=assessed.digest,
        assessed=reading.assessed,
        assessment=assessed,
        absence=None,  # any reading of the person starts an unexplained absence again
        waits_for_email=reading.waits_for,
    )
    verdict = Verdict.UNDECIDED if reading.waits_for else assessed.account
    if verdict is Verdict.ELIGIBLE and assessed.details is not None:
        return _have(state, assessed, assessed.details, reading.at)
    if state.status == "enabled" and verdict is Verdict.INELIGIBLE and assessed.category is Category.LEFT:
        staged = state.staged or StagedDisable(digest=assessed.digest, at=reading.at)
        if staged.digest != assessed.digest:
            staged = StagedDisable(digest=assessed.digest, at=reading.at)
        return changed(state, staged=staged, unenrol=None), []
    return drop_removals(state), []


def drop_removals(state: AccountState) -> AccountState:
    """Whatever was to be removed stays: carried forward unchanged."""
    return changed(state, staged=None, unenrol=None, held={})


def _have(
    state: AccountState, assessed: StudentAssessed, details: Details, at: int
) -> tuple[AccountState, list[Change]]:
    """The account of somebody who is eligible: enabled, with these details, and at least these enrolments."""
    changes: list[Change] = []
    who: dict[str, Any] = {"school": state.school, "student_id": state.student_id, "kind": state.kind, "version": at}
    is_new = state.status != "enabled"
    if state.status == "none":
        changes.append(AccountProvisioned(**who, details=details))
    elif is_new:
        changes.append(AccountEnabled(**who, details=details))
    if state.details is not None and state.details != details:
        fields = tuple(name for name in _FIELDS if getattr(state.details, name) != getattr(details, name))
        changes.append(AccountUpdated(**who, fields=fields, details=details))
    had_programmes, had_modules = state.programmes, state.modules
    programmes = had_programmes if assessed.programmes is None else assessed.programmes
    modules = had_modules if assessed.modules is None else assessed.modules
    if not is_new and programmes == had_programmes and modules == had_modules:
        unenrol = None  # what was to go has come back
    else:
        gained = (_without(programmes, had_programmes), _without(modules, had_modules))
        lost = (_without(had_programmes, programmes), _without(had_modules, modules))
        asserted = (programmes, modules) if is_new else gained
        changes.extend(ProgrammeEnrolled(**who, programme=code) for code in asserted[0])
        changes.extend(ModuleEnrolled(**who, module=code) for code in asserted[1])
        programmes, modules = _union(had_programmes, programmes), _union(had_modules, modules)
        unenrol = _stage(state.unenrol, lost, is_move=any(gained), at=at)
    was_reviewed = unenrol is not None and _is_part_of(unenrol, state.unenrol)
    held = {plan: key for plan, key in state.held.items() if was_reviewed and plan in ("unenrol", "move")}
    state = changed(
        state,
        status="enabled",
        details=details,
        programmes=programmes,
        modules=modules,
        version=at if changes else state.version,
        evidence=None,
        disabled_at=None,
        staged=None,
        unenrol=unenrol,
        held=held,
    )
    return state, changes


def _stage(
    before: StagedUnenrol | None, lost: tuple[tuple[str, ...], tuple[str, ...]], *, is_move: bool, at: int
) -> StagedUnenrol | None:
    """Enrolments to be removed: a move, when others were gained by the record that lost them."""
    if not any(lost):
        return None
    if before is not None and (before.programmes, before.modules) == lost:
        return before
    staged = StagedUnenrol(programmes=lost[0], modules=lost[1], is_move=is_move, at=at)
    if before is not None and before.is_move and _is_part_of(staged, before):
        return changed(staged, is_move=True)
    return staged


def _is_part_of(staged: StagedUnenrol, before: StagedUnenrol | None) -> bool:
    """Whether nothing is to go that was not to go before; else nobody can have reviewed it."""
    if before is None:
        return False
    return set(staged.programmes) <= set(before.programmes) and set(staged.modules) <= set(before.modules)


def disable(
    state: AccountState, evidence: Evidence, when: str, spends: str | None
) -> tuple[AccountState, list[Change]]:
    """
    Switch one account off. ``evidence.at`` is the closing record's offset, ``when`` its time; ``spends`` names the plan
    whose budget it counts against (None: a person released it).
    """
    by_absence = evidence.kind == "certificate"
    change = AccountDisabled(
        school=state.school,
        student_id=state.student_id,
        kind=state.kind,
        version=evidence.at,
        is_explained=not by_absence,
        evidence=evidence,
    )
    state = changed(
        state,
        at=evidence.at,
        version=evidence.at,
        status="disabled",
        evidence=evidence,
        disabled_at=when,
        digest=None if by_absence else state.digest,
        assessed=None if by_absence else state.assessed,
        staged=None,
        unenrol=None,
        absence=None,
        held={},
        spent=state.spent | {spends: when} if spends else state.spent,
    )
    return state, [change]


def unenrol(state: AccountState, at: int, when: str, spends: str | None) -> tuple[AccountState, list[Change]]:
    """Take away the staged enrolments. ``spends`` as in ``disable``."""
    staged = state.unenrol
    if staged is None:
        return state, []
    who: dict[str, Any] = {"school": state.school, "student_id": state.student_id, "kind": state.kind, "version": at}
    changes: list[Change] = [ProgrammeUnenrolled(**who, programme=code) for code in staged.programmes]
    changes.extend(ModuleUnenrolled(**who, module=code) for code in staged.modules)
    state = changed(
        state,
        at=at,
        version=at,
        programmes=_without(state.programmes, staged.programmes),
        modules=_without(state.modules, staged.modules),
        unenrol=None,
        held={},
        spent=state.spent | {spends: when} if spends else state.spent,
    )
    return state, changes


def _without(codes: tuple[str, ...], others: Iterable[str]) -> tuple[str, ...]:
    if not codes:
        return ()
    gone = set(others)
    return tuple([code for code in codes if code not in gone]) if gone else codes


def _union(codes: tuple[str, ...], others: tuple[str, ...]) -> tuple[str, ...]:
    return others if not codes else tuple(sorted({*codes, *others}))


@dataclass(frozen=True)
class Seen:
    """An account as a consumer of the changes has it."""

    status: str = "none"
    details: Details | None = None
    programmes: frozenset[str] = frozenset()
    modules: frozenset[str] = frozenset()


def apply(seen: Seen, changes: Iterable[Frozen]) -> Seen:
    """What a consumer has after these changes: the changes must give the account, and a test says so."""
    status, details = seen.status, seen.details
    programmes, modules = set(seen.programmes), set(seen.modules)
    for change in changes:
        match change:
            case AccountProvisioned() | AccountEnabled():
                status, details = "enabled", change.details
            case AccountUpdated():
                details = change.details
            case AccountDisabled():
                status = "disabled"
            case ProgrammeEnrolled():
                programmes.add(change.programme)
            case ProgrammeUnenrolled():
                programmes.discard(change.programme)
            case ModuleEnrolled():
                modules.add(change.module)
            case ModuleUnenrolled():
                modules.discard(change.module)
    return Seen(status, details, frozenset(programmes), frozenset(modules))
