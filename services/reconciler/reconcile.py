"""
The account after one assessment, and what changed: the heart of the product, pure (DESIGN §6).

Everything that it knows is in its arguments: no clock, no configuration, no random number. So work done twice gives the
same events. Each row of the design's table is a function here.
"""

from typing import NamedTuple

from services.reconciler import changes, enrolments, guard
from services.reconciler import details as staged_details
from services.reconciler.account_identity import is_listed, is_stale_leaver, record_of, taken
from services.reconciler.changes import Change
from services.reconciler.decision_context import Admission, DecisionContext
from services.reconciler.enrolments import CodesAfter
from services.reconciler.removals import drop_removals
from shared.contract.account_state import AccountState, StagedDisable, StagedUnenrol, StagedUpdate
from shared.contract.email import email_key
from shared.contract.events import StudentAssessed
from shared.contract.model import Category, Details, Verdict
from shared.structs import replace


class _Waiting(NamedTuple):
    """What of a record does not take effect before the close of a certified sweep."""

    unenrol: StagedUnenrol | None
    email_change: int | None
    update: StagedUpdate | None


def reconcile(
    last: AccountState | None, assessed: StudentAssessed, context: DecisionContext
) -> tuple[AccountState, list[Change]]:
    """
    The account after one assessment, and what changed.

    Shape: the last-known account (None: never seen) and one verdict in; the account and 0-n changes out, in the order
    in which a consumer must apply them. Removals come out staged; ``close`` lets them take effect.
    Raises: nothing; an undecided student is a value, not an error.  Source: DESIGN §6.
    """
    state = last or AccountState(
        school=assessed.school, student_id=assessed.student_id, kind=assessed.kind, offset=context.at
    )
    identity, is_another = taken(state, assessed)
    verdict, details = _wanted(state, assessed, context, is_another=is_another)
    after, told = _decide(state, assessed, context, verdict, details)
    after = replace(
        after,
        offset=context.at,
        read_at=context.read_at or None,
        digest=assessed.digest,
        assessed=context.assessed,
        assessment=assessed,
        identity=identity,
        born=None,
        absence=state.absence if context.is_kept else after.absence,
        waits_for_email=context.waits_for,
        is_listed=is_listed(state, assessed.student),
    )
    return after, told


def _wanted(
    state: AccountState, assessed: StudentAssessed, context: DecisionContext, *, is_another: bool
) -> tuple[Verdict, Details | None]:
    """What the account is to be. Of whoever waits for an e-mail, that alone waits."""
    if is_another:  # an id that was given to somebody else
        return Verdict.UNDECIDED, None
    if context.waits_for is None:
        return assessed.account, assessed.details
    if state.status != "enabled" or state.details is None or assessed.details is None:
        return Verdict.UNDECIDED, None
    return assessed.account, replace(assessed.details, email=state.details.email)


def _decide(
    state: AccountState, assessed: StudentAssessed, context: DecisionContext, verdict: Verdict, details: Details | None
) -> tuple[AccountState, list[Change]]:
    """The row of the table."""
    if verdict is Verdict.ELIGIBLE and details is not None:
        if state.status == "enabled":
            return _correct(state, assessed, context, details)
        is_staged = context.admission is Admission.STAGED
        if state.status == "none":
            return (_stage_new(state, context), []) if is_staged else _provision(state, assessed, context, details)
        return (_stage_return(state, context), []) if is_staged else _enable_again(state, assessed, context, details)
    if state.status == "enabled" and verdict is Verdict.INELIGIBLE and assessed.category is Category.LEFT:
        return _stage_disable(state, assessed, context), []
    return _carry_forward(state, assessed), []


# --- nobody is to have an account ------------------------------------------------------------------------------------


def _carry_forward(state: AccountState, assessed: StudentAssessed) -> AccountState:
    """
    Undecided or prospective, or left and without an account: as it was. That a record says less than before is no news
    while it says even less: what waits since its columns are empty goes on waiting, and so does whoever a person was
    asked about for it.
    """
    kept = drop_removals(state)
    if state.status != "enabled":
        return kept
    return replace(
        kept,
        update=staged_details.emptied_part(state.update),
        lacks=staged_details.lacking(state, assessed.student),
        held=_still(state.held, guard.NULLED_COLUMN),
    )


def _stage_disable(state: AccountState, assessed: StudentAssessed, context: DecisionContext) -> AccountState:
    """Enabled, and has left: a removal, which waits for the certificate."""
    if is_stale_leaver(state, assessed.student):  # nobody was seen, and nobody is said to have left since
        return replace(state, staged=None)
    leaves = state.staged
    if leaves is None or leaves.digest != assessed.digest:
        leaves = StagedDisable(digest=assessed.digest, offset=context.at)
    return replace(state, staged=leaves, unenrol=None, absence=None, email_change=None, update=None)


# --- none or disabled, and eligible ----------------------------------------------------------------------------------


def _stage_new(state: AccountState, context: DecisionContext) -> AccountState:
    """A new account beyond its budget: it waits for the close of a certified sweep."""
    is_same_heir = context.predecessor_id == state.other_id  # else a person was asked about another's
    plans = (guard.CREATE, guard.REKEY) if is_same_heir else (guard.CREATE,)
    return replace(
        drop_removals(state),
        create=_since(state.create, context),
        other_id=context.predecessor_id,
        held=_still(state.held, *plans),
    )


def _stage_return(state: AccountState, context: DecisionContext) -> AccountState:
    """An account that comes back, beyond its budget."""
    return replace(drop_removals(state), enable=_since(state.enable, context), held=_still(state.held, guard.ENABLE))


def _provision(
    state: AccountState, assessed: StudentAssessed, context: DecisionContext, details: Details
) -> tuple[AccountState, list[Change]]:
    """A new account with all its enrolments."""
    programmes, modules = assessed.programmes or (), assessed.modules or ()
    after = replace(
        drop_removals(state),
        status="enabled",
        version=context.at,
        details=details,
        programmes=programmes,
        modules=modules,
        other_id=None,
        spent=_spent(state, guard.CREATE, context),
    )
    at = context.at
    return after, [changes.provisioned(state, at, details), *changes.enrolled(state, at, programmes, modules)]


def _enable_again(
    state: AccountState, assessed: StudentAssessed, context: DecisionContext, details: Details
) -> tuple[AccountState, list[Change]]:
    """A disabled account comes back: what differs is told, and every enrolment is asserted again."""
    had, at = state.details or details, context.at
    kept = enrolments.keep(state, had, details, assessed)
    after = replace(
        drop_removals(state),
        status="enabled",
        version=at,
        evidence=None,
        disabled_at=None,
        details=kept.details,
        programmes=kept.programmes,
        modules=kept.modules,
        unenrol=enrolments.stage(None, kept.lost, kept.gained, at),
        spent=_spent(state, guard.ENABLE, context),
    )
    told: list[Change] = [changes.enabled(state, at, kept.details)]
    return after, [*told, *_updated(state, had, kept.details, at), *changes.enrolled(state, at, *kept.said)]


# --- enabled, and eligible -------------------------------------------------------------------------------------------


def _correct(
    state: AccountState, assessed: StudentAssessed, context: DecisionContext, wanted: Details
) -> tuple[AccountState, list[Change]]:
    """
    Corrections and gained codes go at once, as far as their budgets last; lost codes wait for a certificate, and so
    does what a record empties. Whatever else was staged has come back.
    """
    had, at = state.details or wanted, context.at
    kept = enrolments.keep(state, had, wanted, assessed)
    waiting = _waiting(state, had, kept, assessed, context)
    details = _details_now(had, kept.details, waiting)
    told = [
        *_updated(state, had, details, at),
        *changes.enrolled(state, at, kept.gained[0], kept.gained[1]),
    ]
    after = replace(
        state,
        version=at if told else state.version,
        details=details,
        programmes=kept.programmes,
        modules=kept.modules,
        staged=None,
        unenrol=waiting.unenrol,
        absence=None,
        email_change=waiting.email_change,
        update=waiting.update,
        lacks=(),
        held=_still_reviewed(state, kept.details, waiting),
    )
    return _spend(after, had, kept.details, waiting, context), told


def _waiting(
    state: AccountState, had: Details, kept: CodesAfter, assessed: StudentAssessed, context: DecisionContext
) -> _Waiting:
    unenrol = enrolments.stage(state.unenrol, kept.lost, kept.gained, context.at)
    if had == kept.details:
        return _Waiting(unenrol, None, None)
    is_staged = context.admission is Admission.STAGED and email_key(kept.details.email) != email_key(had.email)
    email_change = _since(state.email_change, context) if is_staged else None
    return _Waiting(unenrol, email_change, _staged_update(state, kept.details, assessed, context))


def _staged_update(
    state: AccountState, details: Details, assessed: StudentAssessed, context: DecisionContext
) -> StagedUpdate | None:
    """What of an account a record would empty or overwrite and may not at once: that waits for a certified sweep."""
    has_waited = state.update is not None and bool(state.update.overwritten)
    waits = context.details_admission is Admission.STAGED or has_waited  # whatever else is free by now
    overwritten = tuple(name for name in context.overwrites if name not in context.collapsed) if waits else ()
    before = record_of(state)
    return staged_details.stage(state, details, assessed, before, overwritten, context.collapsed, context.at)


def _details_now(had: Details, wanted: Details, waiting: _Waiting) -> Details:
    """What takes effect at once of the details that the record asks for."""
    if waiting.update is not None:
        wanted = replace(wanted, **{name: getattr(had, name) for name in waiting.update.fields})
    return wanted if waiting.email_change is None else replace(wanted, email=had.email)


def _updated(state: AccountState, had: Details, details: Details, at: int) -> list[Change]:
    if had == details:
        return []
    fields = tuple(name for name in staged_details.FIELDS if getattr(had, name) != getattr(details, name))
    return [changes.updated(state, at, fields, details)]


def _spend(
    after: AccountState, had: Details, wanted: Details, waiting: _Waiting, context: DecisionContext
) -> AccountState:
    """Count what took effect at once against its budget: a changed e-mail, overwritten details."""
    if waiting.email_change is None and email_key(wanted.email) != email_key(had.email):
        after = replace(after, spent=_spent(after, guard.EMAIL_CHANGE, context))
    fields = waiting.update.fields if waiting.update is not None else ()
    overwrote = tuple(name for name in context.overwrites if name not in fields)
    if overwrote and context.details_admission is Admission.SPENDS:
        took = after.took | staged_details.took(overwrote, wanted)
        after = replace(after, spent=after.spent | {guard.UPDATE: context.spends_at}, took=took)
    return after


def _spent(state: AccountState, plan: str, context: DecisionContext) -> dict[str, str]:
    return state.spent | {plan: context.spends_at} if context.admission is Admission.SPENDS else state.spent


# --- what a person was asked about -----------------------------------------------------------------------------------


def _still_reviewed(state: AccountState, wanted: Details, waiting: _Waiting) -> dict[str, str]:
    """Of the held sets that somebody is in, those of which a person has seen all that is to happen now."""
    unenrol, update = waiting.unenrol, waiting.update
    still: list[str] = []
    is_part = unenrol is None or enrolments.is_part_of(unenrol, state.unenrol)
    still_says = update is None or staged_details.still_says(state, wanted, update)
    if unenrol is not None and is_part:
        still += (guard.UNENROL, guard.MOVE)
    if waiting.email_change is not None and _wanted_email(state) == email_key(wanted.email):
        still.append(guard.EMAIL_CHANGE)
    if update is not None and still_says:
        still.append(guard.UPDATE)
    if (unenrol or update) and is_part and still_says:
        still.append(guard.NULLED_COLUMN)
    return _still(state.held, *still)


def _still(held: dict[str, str], *plans: str) -> dict[str, str]:
    return {plan: key for plan, key in held.items() if plan in plans}


def _wanted_email(state: AccountState) -> str | None:
    """The e-mail, as compared, that the newest assessment asks for."""
    details = state.assessment.details if state.assessment is not None else None
    return None if details is None else email_key(details.email)


def _since(staged: int | None, context: DecisionContext) -> int:
    """The offset at which something was staged first."""
    return context.at if staged is None else staged
