"""
One person of a batch is decided: all that the decision depends on is gathered, and ``reconcile`` is called with it.

A new account and a changed e-mail go at once while their budgets last. Beyond them they are staged for the close of a
certified sweep, which admits them here. Whoever waits for an e-mail is decided again, from the kept assessment,
whenever its holder is disabled or changes.
"""

from collections.abc import Callable
from typing import NamedTuple

from services.reconciler import admission
from services.reconciler.account_identity import likeness
from services.reconciler.accounts import Accounts
from services.reconciler.changes import Change
from services.reconciler.decision_context import Admission, DecisionContext
from services.reconciler.email_ownership import claim, in_line
from services.reconciler.keys import email_of
from services.reconciler.reconcile import reconcile
from shared.contract.account_state import AccountState
from shared.contract.events import StudentAssessed
from shared.structs import replace

Emit = Callable[[AccountState, list[Change]], None]


class Gathered(NamedTuple):
    """
    All that one person's decision depends on. ``own`` is the e-mail that the account has before it, ``exchange`` are
    those whose decision is the same step.
    """

    last: AccountState | None
    assessed: StudentAssessed
    context: DecisionContext
    own: str | None = None
    exchange: tuple[AccountState, ...] = ()


def decide(accounts: Accounts, assessed: StudentAssessed, record: DecisionContext, emit: Emit) -> None:
    """Decide somebody who was just read, and then whoever waits for an e-mail that this sets free."""
    _carry_out(accounts, _gather(accounts, assessed, record, is_admitted=False), emit)


def admit(accounts: Accounts, student: str, at: int, when: str, emit: Emit, *, spends: bool) -> None:
    """Let a staged account or e-mail take effect, as far as nobody else has that e-mail by now."""
    state = accounts.state(student)
    if state is None or state.assessment is None:
        return
    admitted = Admission.SPENDS if spends else Admission.OPEN
    record = DecisionContext(at, state.read_at or "", state.assessed or "", admission=admitted, when=when)
    _carry_out(accounts, _gather(accounts, state.assessment, record, is_admitted=True), emit)


def free(accounts: Accounts, address: str | None, at: int, when: str, emit: Emit, heir: str | None = None) -> None:
    """
    Give an e-mail that nobody holds now to the first who waits for it and may have it; that may free another. The
    ``heir`` is the holder under another id, as a person has said: they come first, and are no new account that counts.
    """
    queue = [address] if address is not None else []
    while queue:
        email = queue.pop()
        for state in in_line(accounts, email, at, heir):
            if state.assessment is None:
                continue
            own, admitted, predecessor = email_of(state), Admission.OPEN, None
            if state.student_id != heir:
                admitted, predecessor = _admission(accounts, state, state.assessment, email, own, when)
            _take(accounts, _again(accounts, state, state.assessment, at, when, admitted, predecessor), emit)
            if own is not None and own != email and accounts.holder(own) is None:
                queue.append(own)


def _gather(accounts: Accounts, assessed: StudentAssessed, context: DecisionContext, *, is_admitted: bool) -> Gathered:
    """``context`` has what the record itself brings; ``is_admitted``: a close has room for it already."""
    last = accounts.state(assessed.student_id)
    wanted, own, waits_for, exchange = claim(accounts, last, assessed)
    if waits_for is not None:
        context = replace(context, waits_for=waits_for)
    elif wanted is not None and not is_admitted:
        heads = 1 + len(exchange)
        admitted, predecessor = _admission(accounts, last, assessed, wanted, own, context.spends_at, heads)
        if admitted is not Admission.OPEN:
            context = replace(context, admission=admitted, predecessor_id=predecessor)
    context = admission.of_details(accounts, last, assessed, context)
    return Gathered(last, assessed, context, own, exchange)


def _carry_out(accounts: Accounts, gathered: Gathered, emit: Emit) -> None:
    _take(accounts, gathered, emit)
    at, when, admitted = gathered.context.at, gathered.context.spends_at, gathered.context.admission
    for other in gathered.exchange:  # also to be staged: an exchange is as many changes as it has people
        if other.assessment is not None:
            predecessor = gathered.context.predecessor_id
            _take(accounts, _again(accounts, other, other.assessment, at, when, admitted, predecessor), emit)
    if not gathered.exchange:
        free(accounts, gathered.own, at, when, emit)


def _take(accounts: Accounts, gathered: Gathered, emit: Emit) -> None:
    state, changes = reconcile(gathered.last, gathered.assessed, gathered.context)
    accounts.save(state)
    emit(state, changes)


def _again(
    accounts: Accounts,
    state: AccountState,
    kept: StudentAssessed,
    at: int,
    when: str,
    admitted: Admission,
    predecessor: str | None,
) -> Gathered:
    """The same from the kept assessment. Nobody was read, so a first absence stands."""
    context = DecisionContext(
        at,
        state.read_at or "",
        state.assessed or "",
        admission=admitted,
        when=when,
        predecessor_id=predecessor,
        is_kept=True,
    )
    return Gathered(state, kept, admission.of_details(accounts, state, kept, context))


def _admission(
    accounts: Accounts,
    last: AccountState | None,
    assessed: StudentAssessed,
    wanted: str,
    own: str | None,
    when: str,
    heads: int = 1,
) -> tuple[Admission, str | None]:
    """
    Whether an account or its e-mail may take effect, and whose it may have been before: then it waits for a person.
    """
    predecessor = _predecessor(accounts, last, assessed, when)
    if predecessor is not None:
        return Admission.STAGED, predecessor
    return admission.of_account(accounts, last, wanted, own, when, heads), None


def _predecessor(accounts: Accounts, before: AccountState | None, assessed: StudentAssessed, when: str) -> str | None:
    """
    The account that was disabled lately of somebody who seems to be this person, who has none yet. Whom a person has
    named as its heir already is asked of no more.
    """
    certified = accounts.school.certified
    if certified is None or (before is not None and before.status != "none"):
        return None
    joins = AccountState(
        school=assessed.school, student_id=assessed.student_id, kind=assessed.kind, offset=-1, assessment=assessed
    )
    known = accounts.state(before.other_id) if before is not None and before.other_id is not None else None
    if known is not None and likeness(joins, known):
        return known.student_id
    gone = accounts.departed(when or certified.completed_at).find(joins)
    found = accounts.state(gone) if gone is not None else None
    return None if found is None or found.other_id == joins.student_id else found.student_id
