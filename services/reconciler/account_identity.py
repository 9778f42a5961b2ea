"""
Whose an account is, whatever its newest record says: pure (DESIGN §6, "What identifies a person stays").

An account's identity is what its records have said of the person so far. It is kept beside the newest record only
where that one says less, or names somebody else.
"""

from operator import attrgetter

from shared.contract import person
from shared.contract.account_state import AccountState
from shared.contract.events import StudentAssessed
from shared.contract.model import Student
from shared.contract.person import Identity

LEAVERS = "leavers"
_said = attrgetter(
    "first_name", "preferred_name", "last_name", "date_of_birth", "unique_pupil_number", "person_guid", "feed_id"
)


def record_of(state: AccountState) -> Student | None:
    return state.assessment.student if state.assessment is not None else None


def identity_of(state: AccountState) -> Identity:
    """Whose the account is. What a state that was stored before identities were does not say, the account does."""
    if state.identity is not None:
        return state.identity
    who = person.identity_of(record_of(state))
    if state.born is not None:  # the record's names may be another's
        who = Identity(date_of_birth=state.born)
    return person.filled(who, _told(state)) if not (who.first_names or who.last_name) else who


def _told(state: AccountState) -> Identity:
    """What an account itself says of its person; an id that is not the key is a feed's own."""
    if (details := state.details) is None:
        return person.NOBODY
    return Identity(
        first_names=(details.first_name,) if details.first_name else (),
        last_name=details.last_name or None,
        feed_id=details.id if details.id != state.student_id else None,
    )


def taken(last: AccountState, assessed: StudentAssessed) -> tuple[Identity | None, bool]:
    """
    What to keep beside a record of an account, and whether the record is somebody else's.

    Nothing is kept of whom the record says all itself, nor of somebody who never had an account: that id may have been
    anybody's.
    """
    record, before = assessed.student, record_of(last)
    if last.status == "none":
        return None, False
    is_as_it_was = last.identity is None and last.born is None and record is not None and before is not None
    if is_as_it_was and (record is before or _said(record) == _said(before)):
        return None, False
    had, says = identity_of(last), person.identity_of(record)
    if person.is_another(had, says, is_enabled=last.status == "enabled"):
        return had, True
    whole = person.filled(says, had)
    return (whole if whole != says else None), False


def is_of_another(last: AccountState | None, assessed: StudentAssessed) -> bool:
    """Whether a record that comes under an account's id is somebody else's."""
    return last is not None and taken(last, assessed)[1]


def has_record_of_another(state: AccountState) -> bool:
    """Whether the newest record that an account took is somebody else's, so that the account keeps all that it has."""
    return state.assessment is not None and is_of_another(state, state.assessment)


def likeness(one: AccountState, other: AccountState) -> int:
    """
    As ``person.likeness``. A feed that was keyed by e-mail and is keyed by its own id now has for a key what it had
    beside it.
    """
    mine, its = identity_of(one), identity_of(other)
    if mine.feed_id == other.student_id or its.feed_id == one.student_id:
        return 4
    return person.likeness(mine, its)


def marks_of(state: AccountState) -> set[str]:
    """As ``person.marks_of``, with the key itself for what may be the other's feed id."""
    return person.marks_of(identity_of(state)) | {f"feed_id:{state.student_id}"}


def is_listed(last: AccountState | None, record: Student | None) -> bool:
    """
    Whether the leavers' list had somebody already when they were last read on the roll, or when their account was
    switched on again. Such an entry is older than that, and explains no absence.
    """
    was_listed = last is not None and last.is_listed
    if record is None or not _is_of_a_roll(record):
        return was_listed
    if record.system_status == -1:
        return False  # the status says so now, whatever is older
    if LEAVERS in record.lists:
        return True
    before = record_of(last) if last is not None else None
    if last is not None and before is not None and LEAVERS in before.lists:
        return last.status == "disabled"
    return was_listed


def is_stale_leaver(last: AccountState, record: Student | None) -> bool:
    """
    Whether nothing but an entry of the leavers' list that is older than the person's last reading says *left*. A status
    in such a record is the entry's own.
    """
    return last.is_listed and record is not None and LEAVERS in record.lists and not _is_of_a_roll(record)


def _is_of_a_roll(record: Student) -> bool:
    """Whether a list that makes the roll had them, or they were found by id; the leavers' list makes none."""
    return any(name not in (LEAVERS, "absent") for name in record.lists)
