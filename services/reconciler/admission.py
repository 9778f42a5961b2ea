"""
Whether what a record brings may take effect at once, or waits for the close of a certified sweep: accounts that are new
or come back, changed e-mails, overwritten details. Each has a budget; before a first decided sweep there is none.

Whoever waits for a person already counts in the total by which others are judged.
"""

from services.reconciler import details as staged_details
from services.reconciler import guard
from services.reconciler.accounts import Ledger
from services.reconciler.reconcile import Gate, Reading, changed
from shared.contract.account_state import AccountState
from shared.contract.events import StudentAssessed
from shared.contract.model import Verdict


def gate_of(
    ledger: Ledger, before: AccountState | None, wanted: str | None, mine: str | None, when: str, heads: int = 1
) -> Gate:
    """Of an account, or of the e-mail of an enabled one. ``wanted`` and ``mine`` are e-mails, as compared."""
    school = ledger.school
    if school.certified is None or wanted is None or wanted == mine:
        return Gate.OPEN
    if before is None or before.status == "none":
        plan, staged = guard.CREATE, before.create if before is not None else None
    elif before.status == "enabled":
        plan, staged = guard.EMAIL_CHANGE, before.email_change
    else:
        plan, staged = guard.ENABLE, before.enable
    if staged is not None and plan in school.budgets:
        return Gate.STAGED  # it waits for its close, whatever else is free by now
    return _within(ledger, plan, heads, when)


def of_details(ledger: Ledger, before: AccountState | None, assessed: StudentAssessed, reading: Reading) -> Reading:
    """The reading with the fields that it overwrites, and whether they may take effect."""
    had, details = before.details if before is not None else None, assessed.details
    if before is None or before.status != "enabled" or had is None or details is None or had == details:
        return reading
    if assessed.account is not Verdict.ELIGIBLE or ledger.school.certified is None:
        return reading
    fields = staged_details.overwritten(had, details, rollover=ledger.school.rollover)
    if not fields:
        return reading
    when = reading.when or reading.read_at or ledger.school.certified.completed_at
    waited = staged_details.still_collapsed(before, details)
    spending = ledger.spending()
    collapsed = staged_details.collapsing(fields, details, lambda name, value: spending.took(name, value, when))
    collapsed = tuple(name for name in fields if name in collapsed or name in waited)
    is_alone = len(collapsed) == len(fields)
    gate = Gate.OPEN if is_alone else _within(ledger, guard.UPDATE, 1, when)
    return changed(reading, overwrites=fields, details_gate=gate, collapsed=collapsed)


def _within(ledger: Ledger, plan: str, heads: int, when: str) -> Gate:
    school = ledger.school
    if school.certified is None or plan not in school.budgets:
        return Gate.OPEN
    windows = ledger.spending().windows(plan, school, ledger.enabled, when or school.certified.completed_at)
    total = heads + waiting(ledger, plan)
    return Gate.SPENDS if guard.decide(plan, total, windows, school.budgets[plan]).is_within else Gate.STAGED


def waiting(ledger: Ledger, plan: str) -> int:
    """How many wait for a person under this plan, as of the last close."""
    found = (ledger.school.holds.get(plan), ledger.school.refused.get(plan))
    return sum(hold.count for hold in found if hold is not None and hold.state != "released")
