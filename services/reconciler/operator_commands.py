"""What an operator's command does to a book: pure. A release is bound to the hash of the set that was reviewed."""

from shared.contract.account_state import HeldPlan, SchoolState
from shared.contract.commands import PauseSchool, RefuseHold, ReleaseHold, ResumeSchool
from shared.contract.events import HoldRefused, HoldReleased
from shared.structs import replace

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
            return replace(school, is_paused=True, offset=at), []
        case ResumeSchool():
            return replace(school, is_paused=False, offset=at), []
    hold = _named(school, order)
    if hold is None:
        return replace(school, offset=at), []
    if isinstance(order, ReleaseHold) and _needs_another(hold, order):
        return _put(school, order, replace(hold, first_operator=hold.first_operator or order.operator), at), []
    is_release = isinstance(order, ReleaseHold)
    hold = replace(
        hold,
        state="released" if is_release else "refused",
        operator=order.operator,
        note=order.note,
        first_operator="",
    )
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
    return _put(school, order, hold, at), [told]


def _needs_another(hold: HeldPlan, order: ReleaseHold) -> bool:
    """Whether so many people need the word of two, and this is the first, or the same one's again."""
    if hold.state == "released" or order.two_people_above is None or hold.count <= order.two_people_above:
        return False
    return hold.first_operator in ("", order.operator)


def _named(school: SchoolState, order: ReleaseHold | RefuseHold) -> HeldPlan | None:
    """The set that a command is about: the one that waits or was decided last, or the one that was refused before."""
    found = (school.holds.get(order.plan), school.refused.get(order.plan))
    return next((hold for hold in found if hold is not None and hold.hash == order.hash), None)


def _put(school: SchoolState, order: ReleaseHold | RefuseHold, hold: HeldPlan, at: int) -> SchoolState:
    """The book's state with the set as it is now, where it was."""
    there = school.holds.get(order.plan)
    if there is not None and there.hash == order.hash:
        return replace(school, holds=school.holds | {order.plan: hold}, offset=at)
    return replace(school, refused=school.refused | {order.plan: hold}, offset=at)
