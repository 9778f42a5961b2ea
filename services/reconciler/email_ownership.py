"""
Who has which e-mail in a school: the one who has it keeps it (DESIGN §6).

Another student who wants it keeps their own, or has no account yet, and is decided again, from the kept assessment,
whenever its holder is disabled or changes; as many as want each other's in a ring exchange them in one step.

A new account and a changed e-mail go at once while their budgets last. Beyond them they are staged for the close of a
certified sweep, which admits them here.
"""

from collections.abc import Callable

from services.reconciler import admission
from services.reconciler.account_identity import is_of_another, likeness
from services.reconciler.accounts import Ledger, email_of
from services.reconciler.reconcile import Change, Gate, Reading, changed, reconcile
from shared.contract.account_state import AccountState
from shared.contract.email import email_key
from shared.contract.events import StudentAssessed
from shared.contract.model import Verdict

Emit = Callable[[AccountState, list[Change]], None]


def wanted_email(assessed: StudentAssessed | None) -> str | None:
    """The e-mail, as compared, that an assessment would give an account."""
    if assessed is None or assessed.account is not Verdict.ELIGIBLE or assessed.details is None:
        return None
    return email_key(assessed.details.email)


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
    wanted, mine = None if is_of_another(before, assessed) else wanted_email(assessed), email_of(before)
    holder = ledger.holder(wanted) if wanted is not None else None
    others: list[AccountState] = []
    if holder is not None and holder != assessed.student_id:
        others = _ring(ledger, holder, mine)
        if not others:
            reading = changed(reading, waits_for=wanted)
    if reading.waits_for is None and not is_admitted:
        twin = _twin(ledger, before, assessed, when) if wanted is not None else None
        gate = Gate.STAGED if twin else admission.gate_of(ledger, before, wanted, mine, when, heads=1 + len(others))
        if gate is not Gate.OPEN:
            reading = changed(reading, gate=gate, twin=twin)
    reading = admission.of_details(ledger, before, assessed, reading)
    state, changes = reconcile(before, assessed, reading)
    ledger.save(state)
    emit(state, changes)
    for other in others:
        _again(ledger, other, reading, emit)  # also to be staged: an exchange is as many changes as it has people
    if not others:
        _free(ledger, mine, reading.at, when, emit)


def _ring(ledger: Ledger, holder: str, mine: str | None) -> list[AccountState]:
    """
    Who holds a wanted e-mail, who holds the one that they want instead, and so on as far as somebody who wants
    ``mine``: they and I exchange. Empty where that leads nowhere, or to somebody who may be gone.
    """
    found: dict[str, AccountState] = {}
    at: str | None = holder
    while mine is not None and at is not None and at not in found:
        state = ledger.state(at)
        if state is None or state.waits_for_email is None or not _is_here(ledger, state):
            return []
        found[at] = state
        if state.waits_for_email == mine:
            return list(found.values())
        at = ledger.holder(state.waits_for_email)
    return []


def _twin(ledger: Ledger, before: AccountState | None, assessed: StudentAssessed, when: str) -> str | None:
    """
    The account that was disabled lately of somebody who seems to be this person, who has none yet. Whom a person has
    named as its heir already is asked of no more.
    """
    certified = ledger.school.certified
    if certified is None or (before is not None and before.status != "none"):
        return None
    joins = AccountState(
        school=assessed.school, student_id=assessed.student_id, kind=assessed.kind, at=-1, assessment=assessed
    )
    known = ledger.state(before.twin) if before is not None and before.twin is not None else None
    if known is not None and likeness(joins, known):
        return known.student_id
    twin = ledger.departed(when or certified.completed_at).find(joins)
    found = ledger.state(twin) if twin is not None else None
    return None if found is None or found.twin == joins.student_id else found.student_id


def _again(ledger: Ledger, state: AccountState, of: Reading, emit: Emit) -> None:
    """Decide from the kept assessment. Nobody was read, so a first absence stands."""
    if state.assessment is None:
        return
    when = of.when or of.read_at
    reading = Reading(of.at, state.read_at or "", state.assessed or "", gate=of.gate, when=when, twin=of.twin)
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
            gate, twin = Gate.OPEN, None
            if student != heir and state.assessment is not None:
                twin = _twin(ledger, state, state.assessment, when)
                gate = Gate.STAGED if twin else admission.gate_of(ledger, state, email, old, when)
            _again(ledger, state, Reading(at, "", "", gate=gate, when=when, twin=twin), emit)
            if old is not None and old != email and ledger.holder(old) is None:
                queue.append(old)


def _is_here(ledger: Ledger, state: AccountState) -> bool:
    """Whether the person was in the last certified roll, or has been read since."""
    certified = ledger.school.certified
    return state.in_roll or certified is None or state.at > certified.at
