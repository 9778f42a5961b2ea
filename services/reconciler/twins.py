"""
Who seems to have come back under another id in the very sweep in which they went: pure.

A record system that gives a pupil a new id says that one person has left and another has joined. Their name and their
birth date say that they are one, and that is for a person to look at.
"""

from collections.abc import Mapping

from services.reconciler.reconcile import changed
from shared.state import AccountState

Identity = tuple[str, str, str]


def identity(state: AccountState) -> Identity | None:
    """First name, last name and birth date, as far as they are all known."""
    record = state.assessment.student if state.assessment is not None else None
    if record is None or not (record.first_name and record.last_name and record.date_of_birth):
        return None
    return record.first_name.strip().casefold(), record.last_name.strip().casefold(), record.date_of_birth


def mark(before: Mapping[str, AccountState], after: Mapping[str, AccountState], sweep: str) -> dict[str, AccountState]:
    """
    The states ``after`` a close's roll was marked in them, each leaver with the joiner of the same sweep who seems to
    be the same person. A mark stays until the person is seen again; one who is in the roll has no twin.
    """
    result = dict(after)
    gone = [student for student in sorted(after) if _went(after[student], sweep)]
    joined: dict[Identity, str] = {}
    if gone:
        for student in sorted(after):
            if after[student].in_roll and not before[student].in_roll and (who := identity(after[student])) is not None:
                joined.setdefault(who, student)
    for student, state in after.items():
        if state.twin is not None and not _is_going(state):
            result[student] = changed(state, twin=None)
    for student in gone if joined else ():
        who = identity(after[student])
        twin = joined.get(who) if who is not None else None
        if twin is not None and twin != student:
            result[student] = changed(after[student], twin=twin)
    return result


def _is_going(state: AccountState) -> bool:
    return state.status == "enabled" and (state.staged is not None or state.absence is not None)


def _went(state: AccountState, sweep: str) -> bool:
    """Whether this sweep is the first that says or shows that the person went."""
    if state.twin is not None or not _is_going(state):
        return False
    return state.staged is not None or (state.absence is not None and state.absence.sweep == sweep)
