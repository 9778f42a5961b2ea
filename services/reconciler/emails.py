"""
Who has which e-mail in a school: the one who has it keeps it (DESIGN §6).

Another student who wants it is undecided and decided again, from the kept assessment, whenever its holder is disabled
or changes; two who want each other's exchange them in one step.
"""

from collections.abc import Callable

from services.reconciler.ledger import Ledger, email_of, fold
from services.reconciler.reconcile import Change, Reading, changed, reconcile
from shared.events import StudentAssessed
from shared.model import Verdict
from shared.state import AccountState

Emit = Callable[[AccountState, list[Change]], None]


def wanted_email(assessed: StudentAssessed | None) -> str | None:
    """The e-mail, folded, that an assessment would give an account."""
    if assessed is None or assessed.account is not Verdict.ELIGIBLE or assessed.details is None:
        return None
    return fold(assessed.details.email)


def decide(ledger: Ledger, assessed: StudentAssessed, reading: Reading, emit: Emit) -> None:
    """Decide one student, and then whoever waits for an e-mail that this sets free."""
    before = ledger.state(assessed.student_id)
    wanted, mine = wanted_email(assessed), email_of(before)
    holder = ledger.holder(wanted) if wanted is not None else None
    if holder is None or holder == assessed.student_id:
        _settle(ledger, before, assessed, reading, emit)
        _free(ledger, mine, reading.at, emit)
        return
    other = ledger.state(holder)
    if mine is not None and other is not None and other.waits_for_email == mine and _is_here(ledger, other):
        _exchange(ledger, (before, assessed, reading), other, emit)
        return
    _settle(ledger, before, assessed, changed(reading, waits_for=wanted), emit)
    _free(ledger, mine, reading.at, emit)


def free(ledger: Ledger, address: str | None, at: int, emit: Emit) -> None:
    """An e-mail's holder was disabled: decide the first who waits for it."""
    _free(ledger, address, at, emit)


def _settle(
    ledger: Ledger, before: AccountState | None, assessed: StudentAssessed, reading: Reading, emit: Emit
) -> AccountState:
    state, changes = reconcile(before, assessed, reading)
    ledger.save(state)
    emit(state, changes)
    return state


def _again(ledger: Ledger, state: AccountState, at: int, emit: Emit) -> None:
    """Decide from the kept assessment. Nobody was read, so a first absence stands."""
    if state.assessment is None:
        return
    reading = Reading(at=at, read_at=state.read_at or "", assessed=state.assessed or "")
    after, changes = reconcile(state, state.assessment, reading)
    after = changed(after, absence=state.absence)
    ledger.save(after)
    emit(after, changes)


def _exchange(
    ledger: Ledger,
    first: tuple[AccountState | None, StudentAssessed, Reading],
    other: AccountState,
    emit: Emit,
) -> None:
    before, assessed, reading = first
    _settle(ledger, before, assessed, reading, emit)
    _again(ledger, other, reading.at, emit)


def _free(ledger: Ledger, address: str | None, at: int, emit: Emit) -> None:
    """Give each e-mail that is free now to the first who waits for it; that may free another."""
    queue = [address] if address is not None else []
    while queue:
        email = queue.pop()
        if ledger.holder(email) is not None:
            continue
        for student in ledger.waiters(email):
            state = ledger.state(student)
            if state is not None and state.at <= at and _is_here(ledger, state):
                old = email_of(state)
                _again(ledger, state, at, emit)
                if old is not None and old != email:
                    queue.append(old)
                break


def _is_here(ledger: Ledger, state: AccountState) -> bool:
    """Whether the person was in the last certified roll, or has been read since."""
    certified = ledger.school.certified
    return state.in_roll or certified is None or state.at > certified.at
