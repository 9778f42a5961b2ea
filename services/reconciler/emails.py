"""
Who has which e-mail in a school: the one who has it keeps it (DESIGN §6).

Another student who wants it is undecided and decided again, from the kept assessment, whenever its holder is disabled
or changes; two who want each other's exchange them in one step.

A new account and a changed e-mail go at once while their budgets last. Beyond them they are staged for the close of a
certified sweep, which admits them here.
"""

from collections.abc import Callable

from services.reconciler import admission
from services.reconciler.ledger import Ledger, email_of
from services.reconciler.reconcile import Change, Gate, Reading, changed, fold, reconcile
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
    _decide(ledger, assessed, reading, emit, is_admitted=False)


def admit(ledger: Ledger, student: str, at: int, when: str, emit: Emit, *, spends: bool) -> None:
    """Let a staged account or e-mail take effect, as far as nobody else has that e-mail by now."""
    state = ledger.state(student)
    if state is None or state.assessment is None:
        return
    gate = Gate.SPENDS if spends else Gate.OPEN
    reading = Reading(at, state.read_at or "", state.assessed or "", gate=gate, when=when)
    _decide(ledger, state.assessment, reading, emit, is_admitted=True)


def free(ledger: Ledger, address: str | None, at: int, when: str, emit: Emit, heir: str | None = None) -> None:
    """
    An e-mail's holder was disabled: decide the first who waits for it. The ``heir`` is the holder under another id, as
    a person has said: they come first, and are no new account that counts.
    """
    _free(ledger, address, at, when, emit, heir)


def _decide(ledger: Ledger, assessed: StudentAssessed, reading: Reading, emit: Emit, *, is_admitted: bool) -> None:
    before, when = ledger.state(assessed.student_id), reading.when or reading.read_at
    wanted, mine = wanted_email(assessed), email_of(before)
    holder = ledger.holder(wanted) if wanted is not None else None
    is_taken = holder is not None and holder != assessed.student_id
    other = ledger.state(holder) if is_taken and holder is not None else None
    is_exchange = other is not None and mine is not None and other.waits_for_email == mine and _is_here(ledger, other)
    if is_taken and not is_exchange:
        reading = changed(reading, waits_for=wanted)
    elif not is_admitted:
        gate = admission.gate_of(ledger, before, wanted, mine, when, heads=2 if is_exchange else 1)
        if gate is not Gate.OPEN:
            reading = changed(reading, gate=gate)
    reading = admission.of_details(ledger, before, assessed, reading)
    state, changes = reconcile(before, assessed, reading)
    ledger.save(state)
    emit(state, changes)
    if other is not None and is_exchange:
        _again(ledger, other, reading, emit)  # also to be staged: an exchange is two changes
    else:
        _free(ledger, mine, reading.at, when, emit)


def _again(ledger: Ledger, state: AccountState, of: Reading, emit: Emit) -> None:
    """Decide from the kept assessment. Nobody was read, so a first absence stands."""
    if state.assessment is None:
        return
    when = of.when or of.read_at
    reading = Reading(of.at, state.read_at or "", state.assessed or "", gate=of.gate, when=when)
    reading = admission.of_details(ledger, state, state.assessment, reading)
    after, changes = reconcile(state, state.assessment, reading)
    after = changed(after, absence=state.absence)
    ledger.save(after)
    emit(after, changes)


def _free(ledger: Ledger, address: str | None, at: int, when: str, emit: Emit, heir: str | None = None) -> None:
    """Give each e-mail that is free now to the first who waits for it and may have it; that may free another."""
    queue = [address] if address is not None else []
    while queue:
        email = queue.pop()
        if ledger.holder(email) is not None:
            continue
        for student in sorted(ledger.waiters(email), key=lambda one: one != heir):
            if ledger.holder(email) is not None:
                break
            state = ledger.state(student)
            if state is None or state.at > at or not _is_here(ledger, state):
                continue
            old = email_of(state)
            gate = Gate.OPEN if student == heir else admission.gate_of(ledger, state, email, old, when)
            _again(ledger, state, Reading(at, "", "", gate=gate, when=when), emit)
            if old is not None and old != email and ledger.holder(old) is None:
                queue.append(old)


def _is_here(ledger: Ledger, state: AccountState) -> bool:
    """Whether the person was in the last certified roll, or has been read since."""
    certified = ledger.school.certified
    return state.in_roll or certified is None or state.at > certified.at
