"""
What a record says a student is, by its status and the lists that have it: pure. Source: the iSAMS article.

A list of leavers keeps who came back for ever, and a status may be a word that nobody knows. So what they say is
believed where nothing contradicts it; everything else is *unknown*, which removes nobody.
"""

from dataclasses import dataclass

from shared.contract.canonical_text import canonical
from shared.contract.model import Category, Student


@dataclass(frozen=True)
class Rulebook:
    """What of a school's settings the rules depend on."""

    is_pushed: bool = False
    is_keyed_by_id: bool = False  # a pushed feed's own id is the student's key
    shows_preferred_name: bool = True
    prospective_system_statuses: frozenset[int] = frozenset({0})
    prospective_admission_statuses: frozenset[str] = frozenset()
    academic_year_start: tuple[int, int] = (9, 1)
    leaving_year_names: str = "start"


def stage_of(student: Student, book: Rulebook) -> Category | None:
    """
    What the system status says the student is; None when it says nothing.

    "The student must have System Status = 1 in iSAMS", "The student must have System Status = -1 in iSAMS",
    "By default, the portal only pulls through System Status = 0 for prospective students."

    The leavers' list says it where nothing else does: of somebody who stands in no list of the present, and whose
    status says nothing. A pushed student is current by being in the body, and left when the gateway says that they are
    in it no more.
    """
    if book.is_pushed:
        return Category.LEFT if is_absent(student) else Category.CURRENT
    if student.system_status == 1:
        return Category.CURRENT
    if student.system_status == -1:
        return Category.LEFT
    if student.system_status in book.prospective_system_statuses:
        return Category.PROSPECTIVE
    return Category.LEFT if "leavers" in student.lists and "students" not in student.lists else None


def is_absent(person: Student) -> bool:
    """Whether the gateway says so of somebody whom the last accepted body had; an older one called it a leaver."""
    return "absent" in person.lists or "leavers" in person.lists


def categorise(student: Student, book: Rulebook) -> Category:
    """
    What the record as a whole says the student is, apart from days that are still to come. An applicant needs an
    admission status that is configured; what one list says and another thing contradicts is unknown.
    """
    stage = stage_of(student, book)
    if stage is None or not has_one_place(student, book):
        return Category.UNKNOWN
    if stage is Category.PROSPECTIVE and not is_configured(student.admission_status, book):
        return Category.UNKNOWN
    return stage


def has_one_place(student: Student, book: Rulebook) -> bool:
    """
    Whether nothing contradicts the leavers' list. Who is back is in it for ever: whoever stands in the students' list,
    too, has left only where the status says so, and is no leaver by a word that nobody knows or a field that nobody can
    read.
    """
    if book.is_pushed or "leavers" not in student.lists or student.system_status == -1:
        return True
    is_said_to_be_here = student.system_status == 1 or student.system_status in book.prospective_system_statuses
    return not is_said_to_be_here and "students" not in student.lists


def is_configured(admission_status: str | None, book: Rulebook) -> bool:
    """Names are compared as people read them: by their letters and digits alone."""
    wanted = canonical(admission_status or "")
    return bool(wanted) and wanted in map(canonical, book.prospective_admission_statuses)
