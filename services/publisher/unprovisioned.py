"""
Somebody whom the roll has and who has no account of ours: why, and how their record would read. Pure.

Unitu may have an account of theirs all the same, from before there was Rollcall, and would disable it.
"""

import msgspec

from shared.config.settings import IsamsSchool, School
from shared.contract.account_state import AccountState
from shared.contract.model import Details, Kind, Student

WAITS_FOR_EMAIL, HELD, UNKNOWN = "email_is_anothers", "held", "not_assessed"


def verdict_of(state: AccountState) -> str:
    """The account verdict of somebody on the roll; "" for who is not on it, or was never assessed."""
    if not state.in_roll:
        return ""
    return str(state.assessment.account) if state.assessment else "undecided"


def reasons_of(state: AccountState) -> tuple[str, ...]:
    """Why somebody on the roll has no account, in ids of rules; () for who has or had one, or shall have none."""
    if state.status != "none" or verdict_of(state) in ("", "ineligible"):
        return ()
    if state.waits_for_email is not None:
        return (WAITS_FOR_EMAIL,)
    failed = tuple(id for id, outcome in (state.assessment.rules if state.assessment else ()) if outcome == "fail")
    return failed or ((HELD,) if state.create is not None else (UNKNOWN,))


def as_if_provisioned(state: AccountState, school: School | None) -> AccountState | None:
    """The state with the details that their record has; None where a mandatory one, or who is in what, is missing."""
    assessed = state.assessment
    if assessed is None or not reasons_of(state):
        return None
    details = assessed.details
    if details is None and assessed.student is not None and school is not None:
        details = _details(assessed.student, school, state.kind)
    is_known = state.kind == "staff" or assessed.programmes is not None
    if details is None or not is_known or not (details.first_name and details.last_name):
        return None
    programmes, modules = assessed.programmes or (), assessed.modules or ()
    return msgspec.structs.replace(state, details=details, programmes=programmes, modules=modules)


def _details(student: Student, school: School, kind: Kind) -> Details:
    """As for whom a rule lets have an account (DESIGN §5): the name that the school shows, the year by its map."""
    is_legal = isinstance(school, IsamsSchool) and school.first_name == "legal"
    first = student.first_name if is_legal else student.preferred_name or student.first_name
    year = student.year
    if isinstance(school, IsamsSchool):
        year = None if student.year_group is None else school.year_from_nc_year.get(student.year_group)
    key = getattr(school, "key", "id")
    return Details(
        id=student.student_id if key == "id" else student.feed_id,
        title=((student.title or "").strip() or None) if kind == "staff" else None,
        first_name=(first or "").strip(),
        last_name=(student.last_name or "").strip(),
        year=None if kind == "staff" else year,
        email=(student.email or "").strip(),
        personal_email=student.personal_email,
        phone=student.phone,
        faculties=(student.faculties or ()) if kind == "staff" else (),
        departments=(student.departments or ()) if kind == "staff" else (),
        metadata=student.metadata,
    )
