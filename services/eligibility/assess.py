"""From a person to an assessment: pure. Two verdicts, three values, and undecided never removes (DESIGN §5)."""

from datetime import date

import msgspec

from services.eligibility.category import Rulebook
from services.eligibility.rules import Case, Concern, shown_first_name
from services.eligibility.staff import CASES, RULES_OF
from shared.config.settings import IsamsSchool, PushSchool, School
from shared.contract.events import StaffAssessed, StudentAssessed
from shared.contract.model import Category, Details, Kind, Outcome, Student, Verdict

RECORD_SOUND = "record_sound"
ASSESSED_OF: dict[Kind, type[StudentAssessed]] = {"student": StudentAssessed, "staff": StaffAssessed}

_DECIDES = {kind: {rule.id: rule.decides for rule in rules} for kind, rules in RULES_OF.items()}

Outcomes = tuple[tuple[str, Outcome], ...]


def rulebook_of(school: School) -> Rulebook:
    if isinstance(school, IsamsSchool):
        return Rulebook(
            shows_preferred_name=school.first_name == "preferred",
            prospective_system_statuses=frozenset(school.prospective_system_statuses),
            prospective_admission_statuses=frozenset(school.prospective_admission_statuses),
            academic_year_start=school.academic_year_start,
            leaving_year_names=school.leaving_year_names,
        )
    return Rulebook(
        is_pushed=isinstance(school, PushSchool),
        is_keyed_by_id=isinstance(school, PushSchool) and school.key == "id",
        academic_year_start=school.academic_year_start,
    )


def years_of(school: School) -> dict[int, int]:
    """Unitu's year (0-7) by the source's year group; empty where the source says the year itself."""
    return school.year_from_nc_year if isinstance(school, IsamsSchool) else {}


def assess(
    school: str, student: Student, digest: str, day: date, book: Rulebook, years: dict[int, int], kind: Kind = "student"
) -> StudentAssessed:
    """
    The verdicts on one person on one day, with one outcome for each rule.

    ``digest``: of the fetched bytes, hexadecimal. Source: DESIGN §5 and the iSAMS article. Raises: ValueError for a
    leaving date that is none.
    """
    case = CASES[kind](student, day, book)
    rules = outcomes(case)
    account = account_verdict(case, rules)
    return ASSESSED_OF[kind](
        school=school,
        student_id=student.student_id,
        kind=kind,
        digest=digest,
        category=case.category,
        portal=portal_verdict(case, rules),
        account=account,
        rules=rules,
        details=_details(student, book, years, kind) if account is Verdict.ELIGIBLE else None,
        programmes=student.programmes,
        modules=student.modules,
        student=student,
    )


def undecided(school: str, student_id: str, digest: str, kind: Kind = "student") -> StudentAssessed:
    """Somebody whose record breaks its schema: nothing is known but that they were read."""
    return ASSESSED_OF[kind](
        school=school,
        student_id=student_id,
        kind=kind,
        digest=digest,
        category=Category.UNKNOWN,
        portal=Verdict.UNDECIDED,
        account=Verdict.UNDECIDED,
        rules=tuple((rule.id, "fail" if rule.id == RECORD_SOUND else "not_applicable") for rule in RULES_OF[kind]),
    )


def outcomes(case: Case) -> Outcomes:
    """What each rule says, in the order of the rules."""
    return tuple([(rule.id, rule.outcome(case)) for rule in RULES_OF[case.kind]])


def portal_verdict(case: Case, rules: Outcomes) -> Verdict:
    """Whether the person is shown: by every rule but the account's own."""
    if case.category is Category.UNKNOWN:
        return Verdict.UNDECIDED
    return Verdict.INELIGIBLE if _fails(case, rules, "account") else Verdict.ELIGIBLE


def account_verdict(case: Case, rules: Outcomes) -> Verdict:
    """A leaver goes whatever else is missing; a slip in data entry is not a leaver."""
    match case.category:
        case Category.LEFT | Category.PROSPECTIVE:
            return Verdict.INELIGIBLE
        case Category.CURRENT if not _fails(case, rules, "portal"):
            return Verdict.ELIGIBLE
        case _:
            return Verdict.UNDECIDED


def _fails(case: Case, rules: Outcomes, but: Concern) -> bool:
    """Whether any rule fails, apart from those that decide the verdict ``but`` alone."""
    return any(outcome == "fail" and _DECIDES[case.kind][id] != but for id, outcome in rules)


def _details(student: Student, book: Rulebook, years: dict[int, int], kind: Kind) -> Details:
    if book.is_pushed:
        year, own_id = student.year, student.feed_id or (student.student_id if book.is_keyed_by_id else None)
    else:
        year = None if student.year_group is None else years.get(student.year_group)
        own_id = student.student_id
    details = Details(
        id=own_id,
        first_name=shown_first_name(student, book) or "",
        last_name=(student.last_name or "").strip(),
        year=year,
        email=(student.email or "").strip(),
        personal_email=student.personal_email,
        phone=student.phone,
        metadata=student.metadata,
    )
    if kind == "student":
        return details
    return msgspec.structs.replace(
        details,
        title=(student.title or "").strip() or None,
        year=None,
        faculties=student.faculties or (),
        departments=student.departments or (),
    )
