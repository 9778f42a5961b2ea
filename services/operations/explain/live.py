"""What the record system says of one student now, beside what is known here. Pure; ``reread`` asks it."""

from datetime import date

import msgspec

from services.operations.explain.evidence import ReadNow
from services.operations.explain.model import Live, LiveDifference
from services.operations.explain.verdicts import assessed_now
from shared.config.settings import School
from shared.contract.account_state import AccountState
from shared.contract.model import Student


def live_of(reread: ReadNow, account: AccountState, school: School, today: date) -> Live:
    """
    Shape: one reading in, and the account whose assessment is what is known; out comes how it is judged ``today`` and
    where it differs.
    """
    if reread.trouble is not None:
        return Live(read_at=reread.read_at, is_there=None, trouble=reread.trouble)
    student = reread.student
    if student is None:
        return Live(read_at=reread.read_at, is_there=False)
    known = account.assessment.student if account.assessment else None
    if known is not None:  # an answer by id names no list, and an area that was never read clears nothing
        more = tuple(one for one in student.lists if one != "students" and one not in known.lists)
        student = msgspec.structs.replace(
            student,
            lists=known.lists + more,
            programmes=known.programmes if student.programmes is None else student.programmes,
            modules=known.modules if student.modules is None else student.modules,
        )
    found = assessed_now(student, account, school, today)
    return Live(
        read_at=reread.read_at,
        is_there=True,
        category=found.category,
        portal=found.portal,
        account=found.account,
        differs=tuple(differences(known, student)),
    )


def differences(state: Student | None, live: Student) -> list[LiveDifference]:
    """The fields in which a record read now is not the one that is known; all that it has, where none is."""
    blank = Student(student_id=live.student_id)
    return [
        LiveDifference(field=name, state=getattr(state, name, None), live=getattr(live, name))
        for name in Student.__struct_fields__
        if getattr(live, name) != getattr(state or blank, name)
    ]
