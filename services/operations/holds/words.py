"""
What a hold is about, in words: how many wait and for what, what may be the cause, and why each person is in it. Pure.

Nothing is said of a person that no record says: who is merely not in a list is missing from it, and has not left.
"""

from services.fetcher.isams import client
from services.operations.holds.model import HeldPerson
from services.reconciler import guard
from services.reconciler.enrolments import codes_of
from services.reconciler.plans import is_absent
from shared.contract.account_state import AccountState, HeldPlan
from shared.contract.plans import Feed

# --- a whole plan ------------------------------------------------------------------------------------------------

_SUSPICIONS = {
    "length_of_a_page": "the list has exactly as many entries as a page: was the export cut after its first?",
    "end_of_the_last_body": "all who are missing stood at the end of the body before: was the export cut?",
}


def causes_of(hold: HeldPlan, feed: Feed) -> list[str]:
    """Which columns of the records have emptied, or are all alike, or how a list looks cut; and where to look."""
    return [_SUSPICIONS.get(one, one) for one in hold.suspicions] + [
        f"{one.column}: of {one.before} accounts only {one.now} would keep a value of their own; "
        + (_SENDER if feed.is_pushed else "was one value filled in for everybody?")
        if one.collapsed
        else f"{one.column}: filled for {one.before} accounts, now for {one.now}; {_look_at(one.column, feed)}"
        for one in hold.columns
    ]


_SENDER = "does the sender still fill the field in for each of them?"


def _look_at(column: str, feed: Feed) -> str:
    if feed.is_pushed:
        return _SENDER
    path = client.STAFF if feed.kind == "staff" else client.SETS if column == "modules" else client.STUDENTS
    return f"is it the key's? {client.permission_words(path)}"


# --- a person ----------------------------------------------------------------------------------------------------


def person_of(plan: str, state: AccountState, feed: Feed) -> HeldPerson:
    record = state.assessment.student if state.assessment else None
    details = state.details or (state.assessment.details if state.assessment else None)
    lost = state.unenrol if plan in (guard.UNENROL, guard.MOVE, guard.NULLED_COLUMN) else None
    return HeldPerson(
        student_id=state.student_id,
        kind=state.kind,
        name=f"{details.first_name} {details.last_name}" if details else None,
        email=details.email if details else None,
        year_group=record.year_group if record else None,
        reason=reason_of(plan, state, feed),
        programmes=lost.programmes if lost else (),
        modules=lost.modules if lost else (),
    )


def reason_of(plan: str, state: AccountState, feed: Feed) -> str:
    """Why the plan has this person, in words."""
    match plan:
        case guard.DISABLE_EXPLAINED | guard.DISABLE_UNEXPLAINED | guard.DISABLE_ABSENT:
            return _gone(state, feed)
        case guard.REKEY:
            if state.status != "enabled":
                return f"would have a new account; seems to be {state.other_id}, whose account was disabled"
            return f"{_gone(state, feed)}; seems to have come back as {state.other_id}"
        case guard.CREATE:
            return "would have a new account"
        case guard.ENABLE:
            return "would have their disabled account back"
        case guard.UPDATE:
            return _changed(state)
        case guard.EMAIL_CHANGE:
            wanted = state.assessment.details if state.assessment else None
            return f"would have the e-mail {wanted.email}" if wanted else "would have another e-mail"
        case guard.NULLED_COLUMN:
            return "; ".join(part for part in (_emptied(state), _alike(state), _unenrolled(state)) if part)
        case _:
            return _unenrolled(state)


def _gone(state: AccountState, feed: Feed) -> str:
    """What is known of somebody who would lose their account."""
    if state.staged is None:
        since = f" since {state.absence.started_at}" if state.absence else ""
        before = "; the leavers' list had them while they were on the roll, which explains nothing"
        return f"not in {feed.list}{since}{before if state.is_listed else ''}"
    if is_absent(state) or feed.is_pushed:  # an older release said leavers of them
        return "is in the pushed body no more; no record says that they left"
    return _left(state)


def _left(state: AccountState) -> str:
    """Who says that they left, and when that was."""
    record = state.assessment.student if state.assessment else None
    if record is None:
        return "a record said left; the newest cannot be read"
    is_listed = "leavers" in record.lists and "students" not in record.lists
    who = "is in the leavers' list" if is_listed else "the record says left"
    if record.leaving_date:
        return f"{who}{', left' if is_listed else ''} on {record.leaving_date}"
    return f"{who}, with the leaving year {record.leaving_year}" if record.leaving_year else who


def _emptied(state: AccountState) -> str:
    columns = state.update.columns if state.update is not None else ()
    return f"the record has no {' and no '.join(columns)} any more" if columns else ""


def _alike(state: AccountState) -> str:
    fields = state.update.collapsed if state.update is not None else ()
    return f"many have the same {' and the same '.join(fields)} now" if fields else ""


def _changed(state: AccountState) -> str:
    """Which details would be others; not what they would be, for a name may be anybody's."""
    fields = state.update.fields if state.update is not None else ()
    return f"would change: {', '.join(fields)}"


def _unenrolled(state: AccountState) -> str:
    if (lost := state.unenrol) is None:
        return ""
    codes = ", ".join(codes_of(lost))
    return f"moves out of {codes}" if lost.is_move else f"would leave {codes}"
