"""
Whether what a record brings may take effect at once, or waits for the close of a certified sweep: accounts that are new
or come back, changed e-mails, overwritten details. Each has a budget; before a first decided sweep there is none.

Whoever waits for a person already counts in the total by which others are judged.
"""

from services.reconciler import details as staged_details
from services.reconciler import guard
from services.reconciler.accounts import Accounts
from services.reconciler.decision_context import Admission, DecisionContext
from shared.contract.account_state import AccountState
from shared.contract.events import StudentAssessed
from shared.contract.model import Verdict
from shared.structs import replace


def of_account(
    accounts: Accounts, before: AccountState | None, wanted: str | None, mine: str | None, when: str, heads: int = 1
) -> Admission:
    """Of an account, or of the e-mail of an enabled one. ``wanted`` and ``mine`` are e-mails, as compared."""
    school = accounts.school
    if school.certified is None or wanted is None or wanted == mine:
        return Admission.OPEN
    if before is None or before.status == "none":
        plan, staged = guard.CREATE, before.create if before is not None else None
    elif before.status == "enabled":
        plan, staged = guard.EMAIL_CHANGE, before.email_change
    else:
        plan, staged = guard.ENABLE, before.enable
    if staged is not None and plan in school.budgets:
        return Admission.STAGED  # it waits for its close, whatever else is free by now
    return _within(accounts, plan, heads, when)


def of_details(
    accounts: Accounts, before: AccountState | None, assessed: StudentAssessed, context: DecisionContext
) -> DecisionContext:
    """The context with the fields that the record overwrites, and whether they may take effect."""
    had, details = before.details if before is not None else None, assessed.details
    if before is None or before.status != "enabled" or had is None or details is None or had == details:
        return context
    if assessed.account is not Verdict.ELIGIBLE or accounts.school.certified is None:
        return context
    fields = staged_details.overwritten(had, details, rollover=accounts.school.rollover)
    if not fields:
        return context
    when = context.spends_at or accounts.school.certified.completed_at
    waited = staged_details.still_collapsed(before, details)
    spending = accounts.spending()
    collapsed = staged_details.collapsing(fields, details, lambda name, value: spending.took(name, value, when))
    collapsed = tuple(name for name in fields if name in collapsed or name in waited)
    is_alone = len(collapsed) == len(fields)
    admitted = Admission.OPEN if is_alone else _within(accounts, guard.UPDATE, 1, when)
    return replace(context, overwrites=fields, details_admission=admitted, collapsed=collapsed)


def _within(accounts: Accounts, plan: str, heads: int, when: str) -> Admission:
    school = accounts.school
    if school.certified is None or plan not in school.budgets:
        return Admission.OPEN
    windows = accounts.spending().windows(plan, school, accounts.enabled, when or school.certified.completed_at)
    total = heads + waiting(accounts, plan)
    return Admission.SPENDS if guard.decide(plan, total, windows, school.budgets[plan]).is_within else Admission.STAGED


def waiting(accounts: Accounts, plan: str) -> int:
    """How many wait for a person under this plan, as of the last close."""
    found = (accounts.school.holds.get(plan), accounts.school.refused.get(plan))
    return sum(hold.count for hold in found if hold is not None and hold.state != "released")
