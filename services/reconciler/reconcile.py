"""
The account after one assessment, and what changed: the heart of the product, pure (DESIGN §6).

Everything that it knows is in its arguments: no clock, no configuration, no random number. So work done twice gives the
same events.
"""

from enum import Enum
from typing import Any

import msgspec

from services.reconciler import details as staged_details
from services.reconciler import enrolments, guard
from services.reconciler.account_identity import is_listed, is_stale_leaver, taken
from services.reconciler.enrolments import union, without
from shared.completeness import CODES
from shared.contract.account_state import AccountState, StagedDisable, StagedUnenrol, StagedUpdate
from shared.contract.email import email_key
from shared.contract.events import (
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
from shared.contract.model import Category, Details, Verdict

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
_THROUGH_UNDECIDED = (guard.NULLED_COLUMN,)  # a record that says even less ends no hold of what records do not say


class Gate(Enum):
    """Whether an account that is new or comes back, a changed e-mail or overwritten details may take effect."""

    OPEN = "open"  # and counts against no budget
    SPENDS = "spends"
    STAGED = "staged"  # beyond its budget: it waits for a certified sweep


class Reading(msgspec.Struct, frozen=True, gc=False):
    """
    What came with an assessment: the lane offset that decides it, when the record system was read, and the digest of
    the assessed bytes. ``waits_for`` is the e-mail that another account holds: who has none yet is undecided, and an
    account keeps its own meanwhile. ``when`` is the time that a new account or a changed e-mail spends at, where
    ``gate`` says so. ``twin`` is the disabled account of somebody who seems to be this person, who has none yet.

    ``overwrites`` are the fields of the details that have another value now, ``details_gate`` is theirs; those in
    ``collapsed`` wait whatever it says.
    """

    at: int
    read_at: str
    assessed: str
    waits_for: str | None = None
    gate: Gate = Gate.OPEN
    when: str = ""
    overwrites: tuple[str, ...] = ()
    details_gate: Gate = Gate.OPEN
    collapsed: tuple[str, ...] = ()
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
        if state.status != "enabled" and reading.gate is Gate.STAGED:
            return changed(_stage_account(state, reading), **read), []
        return _have(state, assessed, details, reading, last, read)
    if state.status == "enabled" and verdict is Verdict.INELIGIBLE and assessed.category is Category.LEFT:
        if is_stale_leaver(state, assessed.student):  # nobody was seen, and nobody is said to have left since
            return changed(state, **(read | {"absence": state.absence}), staged=None), []
        leaves = state.staged
        if leaves is None or leaves.digest != assessed.digest:
            leaves = StagedDisable(digest=assessed.digest, at=reading.at)
        return changed(state, **read, staged=leaves, unenrol=None, email_change=None, update=None), []
    return changed(_carry_forward(state, assessed), **read), []


def drop_removals(state: AccountState) -> AccountState:
    """Whatever was to be removed or to be changed stays: carried forward unchanged."""
    return changed(
        state,
        staged=None,
        unenrol=None,
        create=None,
        enable=None,
        email_change=None,
        update=None,
        held={},
        lacks=(),
    )


def _carry_forward(state: AccountState, assessed: StudentAssessed) -> AccountState:
    """
    The account of somebody undecided, as it was. That a record says less than before is no news while it says even
    less: what waits since its columns are empty goes on waiting, and so does whoever a person was asked about for it.
    """
    kept = drop_removals(state)
    if state.status != "enabled":
        return kept
    return changed(
        kept,
        update=staged_details.emptied_part(state.update),
        lacks=staged_details.lacking(state, assessed.student),
        held=_still(state.held, *_THROUGH_UNDECIDED),
    )


def _stage_account(state: AccountState, reading: Reading) -> AccountState:
    """An account that is new, or comes back, beyond its budget: it waits for the close of a certified sweep."""
    if state.status == "none":
        since = reading.at if state.create is None else state.create
        plans = (guard.CREATE, guard.REKEY) if reading.twin == state.twin else (guard.CREATE,)  # else another's heir
        held = _still(state.held, *plans)
        return changed(drop_removals(state), create=since, twin=reading.twin, held=held)
    since = reading.at if state.enable is None else state.enable
    return changed(drop_removals(state), enable=since, held=_still(state.held, guard.ENABLE))


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
    gained: tuple[tuple[str, ...], ...] = ()
    lost: tuple[tuple[str, ...], ...] = ()
    if state.details is not None and state.kind == "staff":
        details = _supplied(state.details, details, assessed)
        details, gained, lost = enrolments.keep_codes(state.details, details)
    wanted = email_key(details.email)
    spends: str | None = None
    email_change: int | None = None
    update: StagedUpdate | None = None
    took: dict[str, str] | None = None
    if state.status == "none":
        changes.append(AccountProvisioned(**who, details=details))
        spends = guard.CREATE
    elif is_new:
        changes.append(AccountEnabled(**who, details=details))
        spends = guard.ENABLE
    still_says = False
    if state.details is not None and state.details != details:
        if not is_new:
            update = _staged_update(state, details, assessed, last, reading)
            if update is not None:
                still_says = staged_details.still_says(state, details, update)
                details = changed(details, **{name: getattr(state.details, name) for name in update.fields})
            if fresh := [name for name in reading.overwrites if update is None or name not in update.fields]:
                took = staged_details.took(tuple(fresh), details)
            if wanted != email_key(state.details.email):
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
    if not is_new and programmes == had_programmes and modules == had_modules and not any(lost):
        unenrol = None  # what was to go has come back
    else:
        gained = (without(programmes, had_programmes), without(modules, had_modules), *gained)
        lost = (without(had_programmes, programmes), without(had_modules, modules), *lost)
        asserted = (programmes, modules) if is_new else gained
        changes += [ProgrammeEnrolled(**who, programme=code) for code in asserted[0]]
        changes += [ModuleEnrolled(**who, module=code) for code in asserted[1]]
        programmes, modules = union(had_programmes, programmes), union(had_modules, modules)
        unenrol = enrolments.stage(state.unenrol, lost, gained, at)
    held = state.held and _reviewed(state, last, wanted, unenrol, email_change, update, still_says=still_says)
    spent = state.spent
    when = reading.when or reading.read_at
    if spends is not None and email_change is None and reading.gate is Gate.SPENDS:
        spent = spent | {spends: when}
    if took is not None and reading.details_gate is Gate.SPENDS:
        spent = spent | {guard.UPDATE: when}
        read["took"] = state.took | took
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
        "enable": None,
        "email_change": email_change,
        "update": update,
        "lacks": (),
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


def _staged_update(
    state: AccountState, details: Details, assessed: StudentAssessed, last: AccountState | None, reading: Reading
) -> StagedUpdate | None:
    """What of an account a record would empty or overwrite and may not at once: that waits for a certified sweep."""
    before = last.assessment.student if last is not None and last.assessment is not None else None
    has_waited = state.update is not None and bool(state.update.overwritten)
    waits = reading.details_gate is Gate.STAGED or has_waited  # whatever else is free by now
    overwritten = tuple(name for name in reading.overwrites if name not in reading.collapsed) if waits else ()
    return staged_details.stage(state, details, assessed, before, overwritten, reading.collapsed, reading.at)


def _reviewed(
    state: AccountState,
    last: AccountState | None,
    wanted: str,
    unenrol: StagedUnenrol | None,
    email_change: int | None,
    update: StagedUpdate | None,
    *,
    still_says: bool,
) -> dict[str, str]:
    """Of the held sets that the student is in, those of which a person has seen all that is to happen now."""
    still: list[str] = []
    is_part = unenrol is None or enrolments.is_part_of(unenrol, state.unenrol)
    if unenrol is not None and is_part:
        still += (guard.UNENROL, guard.MOVE)
    if email_change is not None and _wanted(last) == wanted:
        still.append(guard.EMAIL_CHANGE)
    if update is not None and still_says:
        still.append(guard.UPDATE)
    if is_part and (unenrol or update) and (update is None or still_says):
        still.append(guard.NULLED_COLUMN)
    return _still(state.held, *still)


def _still(held: dict[str, str], *plans: str) -> dict[str, str]:
    return {plan: key for plan, key in held.items() if plan in plans}


def _wanted(state: AccountState | None) -> str | None:
    """The e-mail, as compared, that the newest assessment asks for."""
    details = state.assessment.details if state is not None and state.assessment is not None else None
    return None if details is None else email_key(details.email)


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
    if state.unenrol is None:
        return state, []
    state, changes = enrolments.apply(state, state.unenrol, at)
    state = changed(
        state,
        held={plan: key for plan, key in state.held.items() if plan not in guard.LOSSES},
        spent=state.spent | {spends: when} if spends else state.spent,
    )
    return state, list(changes)


def update(state: AccountState, at: int, when: str, spends: str | None) -> tuple[AccountState, list[Change]]:
    """Let the staged details take effect. ``spends`` as in ``disable``."""
    staged = state.update
    state, changes = staged_details.apply(state, at)
    if spends and changes and staged is not None and state.details is not None:
        took = staged_details.took(staged.overwritten, state.details)
        state = changed(state, spent=state.spent | {spends: when}, took=state.took | took)
    return state, list(changes)
