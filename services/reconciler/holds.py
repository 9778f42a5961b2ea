"""What an operator's command does to a book: pure. A release is bound to the hash of the set that was reviewed."""

from services.reconciler.reconcile import changed
from shared.commands import PauseSchool, RefuseHold, ReleaseHold, ResumeSchool
from shared.events import HoldRefused, HoldReleased
from shared.state import HeldPlan, SchoolState

Command = ReleaseHold | RefuseHold | PauseSchool | ResumeSchool


def command(school: SchoolState, order: Command, at: int) -> tuple[SchoolState, list[HoldReleased | HoldRefused]]:
    """
    The book's state after a command, and what to tell. What was refused before can be released by its own hash.

    A release or refusal of another set than the one held now does nothing: nobody has reviewed what is held now. What
    was released goes at the next certified sweep, as far as it still stands.
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
    is_release = isinstance(order, ReleaseHold)
    hold = changed(hold, state="released" if is_release else "refused", operator=order.operator, note=order.note)
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


def _has(school: SchoolState, where: str, order: ReleaseHold | RefuseHold) -> bool:
    hold: HeldPlan | None = getattr(school, where).get(order.plan)
    return hold is not None and hold.hash == order.hash
