"""
Who has which e-mail in a school: the one who has it keeps it (DESIGN §6).

Another student who wants it waits for it, in a line of those who do; as many as want each other's in a ring exchange
them in one step.
"""

from collections.abc import Iterator
from typing import NamedTuple

from services.reconciler.account_identity import is_of_another
from services.reconciler.accounts import Accounts
from services.reconciler.keys import email_of
from shared.contract.account_state import AccountState
from shared.contract.email import email_key
from shared.contract.events import StudentAssessed
from shared.contract.model import Verdict


class EmailClaim(NamedTuple):
    """
    E-mails, as compared: the one that somebody's account is to have, the one that it has, and the first of them where
    another account keeps it. ``exchange`` are those who give theirs up in the same step, the holder first.
    """

    wanted: str | None
    own: str | None
    waits_for: str | None = None
    exchange: tuple[AccountState, ...] = ()


def wanted_email(assessed: StudentAssessed | None) -> str | None:
    """The e-mail, as compared, that an assessment would give an account."""
    if assessed is None or assessed.account is not Verdict.ELIGIBLE or assessed.details is None:
        return None
    return email_key(assessed.details.email)


def claim(accounts: Accounts, state: AccountState | None, assessed: StudentAssessed) -> EmailClaim:
    """What e-mail a record asks for, and who has it."""
    own = email_of(state)
    wanted = None if is_of_another(state, assessed) else wanted_email(assessed)
    holder = accounts.holder(wanted) if wanted is not None else None
    if holder is None or holder == assessed.student_id:
        return EmailClaim(wanted, own)
    if exchange := _ring(accounts, holder, own):
        return EmailClaim(wanted, own, exchange=exchange)
    return EmailClaim(wanted, own, waits_for=wanted)


def in_line(accounts: Accounts, address: str, at: int, heir: str | None) -> Iterator[AccountState]:
    """Who waits for an e-mail and may have it, the ``heir`` first, until somebody has it."""
    for student in sorted(accounts.waiters(address), key=lambda one: one != heir):
        if accounts.holder(address) is not None:
            return
        state = accounts.state(student)
        if state is not None and state.offset <= at and _is_here(accounts, state):
            yield state


def _ring(accounts: Accounts, holder: str, own: str | None) -> tuple[AccountState, ...]:
    """
    Who holds a wanted e-mail, who holds the one that they want instead, and so on as far as somebody who wants ``own``:
    they and I exchange. Empty where that leads nowhere, or to somebody who may be gone.
    """
    found: dict[str, AccountState] = {}
    at: str | None = holder
    while own is not None and at is not None and at not in found:
        state = accounts.state(at)
        if state is None or state.waits_for_email is None or not _is_here(accounts, state):
            return ()
        found[at] = state
        if state.waits_for_email == own:
            return tuple(found.values())
        at = accounts.holder(state.waits_for_email)
    return ()


def _is_here(accounts: Accounts, state: AccountState) -> bool:
    """Whether the person was in the last certified roll, or has been read since."""
    certified = accounts.school.certified
    return state.in_roll or certified is None or state.offset > certified.offset
