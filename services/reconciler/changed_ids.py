"""
Who seems to have come back under another id: pure.

A record system that gives a pupil a new id says that one person has left and another has joined, in one sweep or in
two. What identifies them says that they are one, and that is for a person to look at. A pair that was found once is
remembered until the heir is gone, whatever the old record does meanwhile.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import timedelta

from services.reconciler import guard
from services.reconciler.account_identity import likeness, marks_of
from services.reconciler.budget_usage import Recent
from shared import clock
from shared.contract.account_state import AccountState
from shared.contract.email import email_key
from shared.structs import replace

DAYS = 7  # between the going under one id and the coming under another: as long as the guard looks back


class Directory:
    """People by what identifies them: who of these seems to be somebody."""

    def __init__(self, people: Iterable[AccountState] = ()) -> None:
        self._of: dict[str, dict[str, AccountState]] = defaultdict(dict)
        for state in people:
            self.add(state)

    def add(self, state: AccountState) -> None:
        for name in marks_of(state):
            self._of[name][state.student_id] = state

    def find(self, state: AccountState) -> str | None:
        """Who is most likely the same person under another id; of some who are equally so, the first by id."""
        if not self._of:
            return None
        found = {id: one for name in marks_of(state) if name in self._of for id, one in self._of[name].items()}
        alike = [(-likeness(state, one), id) for id, one in found.items() if id != state.student_id]
        sure, student = min(alike, default=(0, None))
        return student if sure else None


def mark(
    before: Mapping[str, AccountState],
    after: Mapping[str, AccountState],
    roll: AbstractSet[str],
    completed_at: str,
) -> dict[str, AccountState]:
    """
    The states ``after`` a close's roll was marked in them, each who is to be disabled with whoever seems to be the same
    person. A mark stays until that one is gone from the roll.
    """
    result = dict(after)
    for student, state in after.items():
        if state.other_id is not None and state.status == "enabled" and state.other_id not in roll:
            result[student] = replace(state, other_id=None)
    going = [student for student in sorted(result) if is_unpaired(result[student])]
    if not going:
        return result
    addresses = {_email(result[student]) for student in going}
    edge = days_before(completed_at)
    heirs = Directory(one for id, one in after.items() if _came(before[id], one, edge, addresses))
    for student in going:
        if (other := heirs.find(result[student])) is not None:
            result[student] = replace(result[student], other_id=other)
    return result


def is_unpaired(state: AccountState) -> bool:
    """Whether somebody is to be disabled of whom it is not known yet that they came back under another id."""
    return (
        state.status == "enabled" and state.other_id is None and (state.staged is not None or state.absence is not None)
    )


def newcomers(recent: Mapping[str, Recent], completed_at: str) -> list[str]:
    """Whose account was made, or came back, lately, so that it may be the heir of one that goes now."""
    edge = days_before(completed_at)
    return [student for student, one in recent.items() if _is_later(one.spent, edge)]


def days_before(moment: str) -> str:
    """The moment from which on an account still counts as one that just went or came."""
    return clock.write(clock.parse(moment) - timedelta(days=DAYS))


def _came(before: AccountState, after: AccountState, edge: str, addresses: AbstractSet[str | None]) -> bool:
    """Whether somebody on the roll is new on it, or has a new account, or waits for an e-mail of those who go."""
    if not after.in_roll or after.status == "disabled" or after.staged is not None:
        return False
    waits = after.waits_for_email is not None and after.waits_for_email in addresses
    return not before.in_roll or _is_later(after.spent, edge) or after.create is not None or waits


def _is_later(spent: Mapping[str, str], edge: str) -> bool:
    """Whether an account was made, or came back, later than that."""
    return any(spent.get(plan, "") > edge for plan in guard.GROWTH)


def _email(state: AccountState) -> str | None:
    return email_key(state.details.email) if state.details is not None else None
