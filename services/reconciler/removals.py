"""What the close of a certified sweep does to an account that has something staged. Pure (DESIGN §6)."""

from services.reconciler import changes, enrolments, guard
from services.reconciler import details as staged_details
from services.reconciler.changes import Change
from shared.contract.account_state import AccountState
from shared.contract.events import Evidence
from shared.structs import replace


def drop_removals(state: AccountState) -> AccountState:
    """Whatever was to be removed or to be changed stays, carried forward unchanged; who was missed is here again."""
    return replace(
        state,
        staged=None,
        unenrol=None,
        absence=None,
        create=None,
        enable=None,
        email_change=None,
        update=None,
        held={},
        lacks=(),
    )


def disable(
    state: AccountState, evidence: Evidence, when: str, spends: str | None
) -> tuple[AccountState, list[Change]]:
    """
    Switch one account off. ``evidence.offset`` is that of the closing record, ``when`` its time; ``spends`` names the
    plan whose budget it counts against (None: a person released it).
    """
    by_absence = evidence.kind == "certificate"
    after = replace(
        drop_removals(state),
        offset=evidence.offset,
        version=evidence.offset,
        status="disabled",
        evidence=evidence,
        disabled_at=when,
        digest=None if by_absence else state.digest,
        assessed=None if by_absence else state.assessed,
        spent=_spent(state, spends, when),
    )
    return after, [changes.disabled(state, evidence, is_explained=not by_absence)]


def unenrol(state: AccountState, at: int, when: str, spends: str | None) -> tuple[AccountState, list[Change]]:
    """Take away the staged enrolments. ``spends`` as in ``disable``."""
    if state.unenrol is None:
        return state, []
    after, told = enrolments.apply(state, state.unenrol, at)
    held = {plan: key for plan, key in state.held.items() if plan not in guard.LOSSES}
    return replace(after, held=held, spent=_spent(state, spends, when)), told


def update(state: AccountState, at: int, when: str, spends: str | None) -> tuple[AccountState, list[Change]]:
    """Let the staged details take effect. ``spends`` as in ``disable``."""
    staged = state.update
    after, told = staged_details.apply(state, at)
    if spends and told and staged is not None and after.details is not None:
        took = staged_details.took(staged.overwritten, after.details)
        after = replace(after, spent=_spent(state, spends, when), took=state.took | took)
    return after, told


def _spent(state: AccountState, plan: str | None, when: str) -> dict[str, str]:
    return state.spent | {plan: when} if plan else state.spent
