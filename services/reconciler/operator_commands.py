"""What an operator's command does to a book: pure. A release is bound to the hash of the set that was reviewed."""

from services.reconciler.reconcile import changed
from shared.contract.account_state import HeldPlan, SchoolState
from shared.contract.commands import PauseSchool, RefuseHold, ReleaseHold, ResumeSchool
from shared.contract.events import HoldRefused, HoldReleased

Command = ReleaseHold | RefuseHold | PauseSchool | ResumeSchool


def command(school: SchoolState, order: Command, at: int) -> tuple[SchoolState, list[HoldReleased | HoldRefused]]:
    """
    The book's state after a command, and what to tell. What was refused before can be released by its own hash.

    A release or refusal of another set than the one held now does nothing: nobody has reviewed what is held now. What
    was released goes at the next certified sweep, as far as it still stands. A large set is released by the second of
    two operators; a refusal takes back the first one's word.
    """
    match order:
        case PauseSchool():
            return changed(school, is_paused=True, at=at), []
        case ResumeSchool():
            return changed(school, is_paused=False, at=at), []
    where = next((name for name in ("holds", "refused") if _has(school, name, order)), None)
    if where is None:
        return changed(school, at=at), []
    sets: dict[str, HeldPlan] = getattr(school, where)
    hold = sets[order.plan]
    if isinstance(order, ReleaseHold) and _needs_another(hold, order):
        first = hold.first_operator or order.operator
        return changed(school, **{where: sets | {order.plan: changed(hold, first_operator=first)}}, at=at), []
    is_release = isinstance(order, ReleaseHold)
    state = "released" if is_release else "refused"
    hold = changed(hold, state=state, operator=order.operator, note=order.note, first_operator="")
    model = HoldReleased if is_release else HoldRefused
    told = model(
        school=school.school,
        kind=school.kind,
        plan=order.plan,
        hash=order.hash,
        version=at,
        operator=order.operator,
        note=order.note,
    )
    return changed(school, **{where: sets | {order.plan: hold}}, at=at), [told]


def _needs_another(hold: HeldPlan, order: ReleaseHold) -> bool:
    """Whether so many people need the word of two, and this is the first, or the same one's again."""
    if hold.state == "released" or order.two_people_above is None or hold.count <= order.two_people_above:
        return False
    return hold.first_operator in ("", order.operator)


def _has(school: SchoolState, where: str, order: ReleaseHold | RefuseHold) -> bool:
    hold: HeldPlan | None = getattr(school, where).get(order.plan)
    return hold is not None and hold.hash == order.hash
