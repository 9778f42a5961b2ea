"""
The account after one assessment, and what changed: the heart of the product, pure (DESIGN §6).

Everything that it knows is in its arguments: no clock, no configuration, no random number. So work done twice gives the
same events.
"""

from collections.abc import Iterable
from enum import Enum
from typing import Any

import msgspec

from services.reconciler import guard
from services.reconciler.account_identity import is_listed, is_stale_leaver, taken
from shared.columns import CODES, OF_DETAILS, has
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
from shared.model import Category, Details, Verdict
from shared.state import AccountState, StagedDisable, StagedUnenrol, StagedUpdate

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


class Gate(Enum):
    """Whether a new account, or a changed e-mail, may take effect."""

    OPEN = "open"  # and counts against no budget
    SPENDS = "spends"
    STAGED = "staged"  # beyond its budget: it waits for a certified sweep


class Reading(msgspec.Struct, frozen=True, gc=False):
    """
    What came with an assessment: the lane offset that decides it, when the record system was read, and the digest of
    the assessed bytes. ``waits_for`` is the e-mail that another account holds: who has none yet is undecided, and an
    account keeps its own meanwhile. ``when`` is the time that a new account or a changed e-mail spends at, where
    ``gate`` says so. ``twin`` is the disabled account of somebody who seems to be this person, who has none yet.
    """

    at: int
    read_at: str
    assessed: str
    waits_for: str | None = None
    gate: Gate = Gate.OPEN
    when: str = ""
    twin: str | None = None


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
    read: dict[str, Any] = {
        "at": reading.at,
        "read_at": reading.read_at or None,
        "digest": assessed.digest,
        "assessed": reading.assessed,
        "assessment": assessed,
        "absence": None,  # any reading of the person starts an unexplained absence again
        "waits_for_email": reading.waits_for,
        "is_listed": is_listed(last, assessed.student),
    }
    verdict = assessed.account
    if last is not None:
        read["identity"], is_another = taken(last, assessed)
        read["born"] = None
        if is_another:
            verdict = Verdict.UNDECIDED  # an id that was given to somebody else
    details = assessed.details
    if reading.waits_for is not None:
        if state.status != "enabled" or state.details is None or details is None:
            verdict = Verdict.UNDECIDED
        else:
            details = changed(details, email=state.details.email)
    if verdict is Verdict.ELIGIBLE and details is not None:
        if state.status == "none" and reading.gate is Gate.STAGED:
            staged = reading.at if state.create is None else state.create
            held = _still(state.held, guard.CREATE, guard.REKEY)
            return changed(drop_removals(state), **read, create=staged, twin=reading.twin, held=held), []
        return _have(state, assessed, details, reading, last, read)
    if state.status == "enabled" and verdict is Verdict.INELIGIBLE and assessed.category is Category.LEFT:
        if is_stale_leaver(state, assessed.student):  # nobody was seen, and nobody is said to have left since
            return changed(state, **(read | {"absence": state.absence}), staged=None), []
        leaves = state.staged
        if leaves is None or leaves.digest != assessed.digest:
            leaves = StagedDisable(digest=assessed.digest, at=reading.at)
        return changed(state, **read, staged=leaves, unenrol=None, email_change=None, update=None), []
    return changed(drop_removals(state), **read), []


def drop_removals(state: AccountState) -> AccountState:
    """Whatever was to be removed or to be changed stays: carried forward unchanged."""
    return changed(state, staged=None, unenrol=None, create=None, email_change=None, update=None, held={})


def fold(email: str) -> str:
    """E-mails are one when they are, trimmed and case-folded."""
    return email.strip().casefold()


def _have(
    state: AccountState,
    assessed: StudentAssessed,
    details: Details,
    reading: Reading,
    last: AccountState | None,
    read: dict[str, Any],
) -> tuple[AccountState, list[Change]]:
    """
    The account of somebody who is eligible: enabled, with these details, and at least these enrolments. ``read`` is
    what the reading itself changes of the state.
    """
    changes: list[Change] = []
    at = reading.at
    who: dict[str, Any] = {"school": state.school, "student_id": state.student_id, "kind": state.kind, "version": at}
    is_new = state.status != "enabled"
    if state.details is not None and state.kind == "staff":
        details = _supplied(state.details, details, assessed)
    wanted = fold(details.email)
    spends: str | None = None
    email_change: int | None = None
    update: StagedUpdate | None = None
    if state.status == "none":
        changes.append(AccountProvisioned(**who, details=details))
        spends = guard.CREATE
    elif is_new:
        changes.append(AccountEnabled(**who, details=details))
    if state.details is not None and state.details != details:
        if not is_new:
            update = _emptied(state, state.details, details, assessed, last, at)
            if update is not None:
                details = changed(details, **{name: getattr(state.details, name) for name in update.fields})
            if wanted != fold(state.details.email):
                spends = guard.EMAIL_CHANGE
                if reading.gate is Gate.STAGED:
                    email_change = at if state.email_change is None else state.email_change
                    details = changed(details, email=state.details.email)
        fields = tuple(name for name in _FIELDS if getattr(state.details, name) != getattr(details, name))
        if fields:
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
        changes += [ProgrammeEnrolled(**who, programme=code) for code in asserted[0]]
        changes += [ModuleEnrolled(**who, module=code) for code in asserted[1]]
        programmes, modules = _union(had_programmes, programmes), _union(had_modules, modules)
        unenrol = _stage(state.unenrol, lost, is_move=any(gained), at=at)
    held = state.held and _reviewed(state, last, wanted, unenrol, email_change, update)
    spent = state.spent
    if spends is not None and email_change is None and reading.gate is Gate.SPENDS:
        spent = spent | {spends: reading.when or reading.read_at}
    read |= {
        "status": "enabled",
        "details": details,
        "programmes": programmes,
        "modules": modules,
        "version": at if changes else state.version,
        "evidence": None,
        "disabled_at": None,
        "staged": None,
        "unenrol": unenrol,
        "create": None,
        "email_change": email_change,
        "update": update,
        "twin": None if state.status == "none" else state.twin,
        "held": held,
        "spent": spent,
    }
    return changed(state, **read), changes


def _supplied(had: Details, details: Details, assessed: StudentAssessed) -> Details:
    """The details of a member of staff, with the account's own codes where the record says nothing of them."""
    record = assessed.student
    kept = {name: getattr(had, name) for name in CODES if record is None or getattr(record, name) is None}
    return changed(details, **kept)


def _emptied(
    state: AccountState,
    had: Details,
    details: Details,
    assessed: StudentAssessed,
    last: AccountState | None,
    at: int,
) -> StagedUpdate | None:
    """What of an account a record would change only by what it no longer says: that waits for a certified sweep."""
    record, before = assessed.student, last.assessment.student if last is not None and last.assessment else None
    if record is None:
        return None
    waiting = state.update.columns if state.update is not None else ()
    said = {name for column, name in OF_DETAILS if has(record, column)}  # a year may come from either of two columns
    fields: list[str] = []
    columns: list[str] = []
    for column, name in OF_DETAILS:
        now = getattr(details, name)
        if now == getattr(had, name) or has(record, column):
            continue
        was_full = column in waiting or (before is not None and has(before, column))
        if now in (None, "", (), {}) or (was_full and name not in said):
            columns.append(column)
            if name not in fields:
                fields.append(name)
    if not fields:
        return None
    staged = StagedUpdate(fields=tuple(fields), columns=tuple(columns), at=at)
    kept = state.update
    if kept is not None and (kept.fields, kept.columns) == (staged.fields, staged.columns):
        return kept
    return staged


def _reviewed(
    state: AccountState,
    last: AccountState | None,
    wanted: str,
    unenrol: StagedUnenrol | None,
    email_change: int | None,
    update: StagedUpdate | None,
) -> dict[str, str]:
    """Of the held sets that the student is in, those of which a person has seen all that is to happen now."""
    still: list[str] = []
    is_part = unenrol is None or _is_part_of(unenrol, state.unenrol)
    if unenrol is not None and is_part:
        still += (guard.UNENROL, guard.MOVE)
    if email_change is not None and _wanted(last) == wanted:
        still.append(guard.EMAIL_CHANGE)
    if is_part and (unenrol or update):
        before = state.update.fields if state.update is not None else ()
        if update is None or set(update.fields) <= set(before):
            still.append(guard.NULLED_COLUMN)
    return _still(state.held, *still)


def _still(held: dict[str, str], *plans: str) -> dict[str, str]:
    return {plan: key for plan, key in held.items() if plan in plans}


def _wanted(state: AccountState | None) -> str | None:
    """The e-mail, folded, that the newest assessment asks for."""
    details = state.assessment.details if state is not None and state.assessment is not None else None
    return None if details is None else fold(details.email)


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
        drop_removals(state),
        at=evidence.at,
        version=evidence.at,
        status="disabled",
        evidence=evidence,
        disabled_at=when,
        digest=None if by_absence else state.digest,
        assessed=None if by_absence else state.assessed,
        absence=None,
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
    changes += [ModuleUnenrolled(**who, module=code) for code in staged.modules]
    state = changed(
        state,
        at=at,
        version=at,
        programmes=_without(state.programmes, staged.programmes),
        modules=_without(state.modules, staged.modules),
        unenrol=None,
        held={plan: key for plan, key in state.held.items() if plan not in (guard.UNENROL, guard.MOVE)},
        spent=state.spent | {spends: when} if spends else state.spent,
    )
    return state, changes


def empty(state: AccountState, at: int) -> tuple[AccountState, list[Change]]:
    """Let the staged details take effect, as the newest assessment has them."""
    staged, assessment = state.update, state.assessment
    if staged is None or state.details is None or assessment is None or assessment.details is None:
        return state, []
    details = changed(state.details, **{name: getattr(assessment.details, name) for name in staged.fields})
    change = AccountUpdated(
        school=state.school,
        student_id=state.student_id,
        kind=state.kind,
        version=at,
        fields=tuple(name for name in _FIELDS if name in staged.fields),
        details=details,
    )
    return changed(state, at=at, version=at, details=details, update=None), [change]


def _without(codes: tuple[str, ...], others: Iterable[str]) -> tuple[str, ...]:
    if not codes:
        return ()
    gone = set(others)
    return tuple([code for code in codes if code not in gone]) if gone else codes


def _union(codes: tuple[str, ...], others: tuple[str, ...]) -> tuple[str, ...]:
    return others if not codes else tuple(sorted({*codes, *others}))
