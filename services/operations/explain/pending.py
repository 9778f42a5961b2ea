"""What is on its way for one account and has not taken effect: staged, or held for a person to decide. Pure."""

from datetime import timedelta

from services.operations.explain.model import HeldExplained, Rollover, Staged
from services.reconciler.enrolments import needs_sets
from services.reconciler.plans import is_absent
from services.reconciler.reviewed_sets import all_sets
from shared import clock
from shared.config.settings import School
from shared.contract.account_state import AccountState, SchoolState, StagedUpdate
from shared.contract.populations import person_word


def staged_of(account: AccountState, school: School, turn: Rollover) -> tuple[Staged, ...]:
    """
    Shape: 0-7, each with what it waits for in words; ``turn`` is the rollover window as of the question, in which
    absences wait longer. Source: DESIGN §6.
    """
    staged: list[Staged] = []
    if account.staged is not None:
        words = "the next accepted body, or the one after it" if is_absent(account) else "the next certified sweep"
        staged.append(Staged(kind="disable", since=account.read_at, waits_for=words))
    if (absence := account.absence) is not None:
        first = clock.write(clock.parse(absence.started_at) + timedelta(minutes=school.absence_confirm_minutes))
        words = f"a second certified sweep without the {person_word(account.kind)}, begun at {first} or later"
        if turn.is_open:
            words += f"; unexplained removals pause until the end of {turn.ends}"
        staged.append(Staged(kind="absence", since=absence.started_at, waits_for=words))
    if (lost := account.unenrol) is not None:
        words = "the next certified sweep" + (" that reads the sets" if needs_sets(lost) else "")
        staged.append(
            Staged(
                kind="move" if lost.is_move else "unenrol",
                since=account.read_at,
                programmes=lost.programmes,
                modules=lost.modules,
                waits_for=words,
            )
        )
    close = "the close of a certified sweep, and there for its budget or a person's release"
    if account.create is not None:
        staged.append(Staged(kind="create", since=account.read_at, waits_for=close))
    if account.enable is not None:
        staged.append(Staged(kind="enable", since=account.read_at, waits_for=close))
    if account.email_change is not None:
        staged.append(Staged(kind="email_change", since=account.read_at, waits_for=close))
    if account.update is not None:
        staged.append(Staged(kind="update", since=account.read_at, waits_for=_update_waits_for(account.update, close)))
    return tuple(staged)


def _update_waits_for(update: StagedUpdate, close: str) -> str:
    words = []
    if update.columns:
        emptied = ", ".join(update.columns)
        words.append(f"the close of a certified sweep in which {emptied} is not suddenly empty for many")
    if update.overwritten:
        words.append(close)
    if update.collapsed:
        words.append(f"a person's release: many have the same {', '.join(update.collapsed)}")
    return "; ".join(words)


def held_of(account: AccountState, state: SchoolState) -> tuple[HeldExplained, ...]:
    """The holds that have this student in the set that was reviewed."""
    return tuple(
        HeldExplained(
            kind=plan,
            hash=hold.hash,
            state=hold.state,
            since=hold.since,
            count=hold.count,
            budget=hold.budget,
            headroom=hold.headroom,
            operator=hold.operator,
            note=hold.note,
        )
        for plan, hold in all_sets(state)
        if account.held.get(plan) == hold.hash
    )
