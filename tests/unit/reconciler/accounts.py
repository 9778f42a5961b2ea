"""Accounts, assessments and certified sweeps for the reconciler's tables: sound unless a test says otherwise."""

from typing import Any

from services.eligibility.assess import assess, undecided
from services.eligibility.handler import settings_of
from services.eligibility.rules import Rulebook
from shared.config.settings import IsamsSchool
from shared.contract.account_state import AccountState, CertifiedSweep, OpenSweep, SchoolState
from shared.contract.codec import digest
from shared.contract.events import Certificate, Evidence, StudentAssessed, SweepCompleted
from shared.contract.model import Details, Settings, Student
from shared.structs import replace
from tests.harness.builders import SCHOOL, START, a_leaver, a_student, at, value_of

BOOK = Rulebook(prospective_admission_statuses=frozenset({"Accepted"}))
YEARS = {year: year - 6 for year in range(7, 14)}
ONE = "3050000001"
ENGLISH, HISTORY, GEOGRAPHY = "Y10-ENG", "Y10-HIS", "Y10-GEO"
BOTH = (ENGLISH, HISTORY)
BEFORE = 10  # the lane offset that decided an account before the test began
NOW = 50  # and that of the record which the test is about


def judged(student: Student) -> StudentAssessed:
    """What eligibility says of a student on the first day of the tests."""
    return assess(SCHOOL, student, digest(value_of(student)).hex(), START.date(), BOOK, YEARS)


def eligible(student_id: str = ONE, **fields: Any) -> StudentAssessed:
    return judged(a_student(student_id, **fields))


def left(student_id: str = ONE, **fields: Any) -> StudentAssessed:
    return judged(a_leaver(student_id, **fields))


def a_slip(student_id: str = ONE, **fields: Any) -> StudentAssessed:
    """A current student whose e-mail somebody blanked: undecided."""
    return judged(a_student(student_id, **({"email": None} | fields)))


def unreadable(student_id: str = ONE) -> StudentAssessed:
    return undecided(SCHOOL, student_id, "0" * 32)


def prospective(student_id: str = ONE, **fields: Any) -> StudentAssessed:
    applies = {"system_status": 0, "admission_status": "Accepted", "enrolment_year": 2027, "email": None}
    return judged(a_student(student_id, **(applies | fields)))


def details(student_id: str = ONE, **fields: Any) -> Details:
    found = eligible(student_id, **fields).details
    assert found is not None
    return found


def enabled(student_id: str = ONE, **fields: Any) -> AccountState:
    """An account that was provisioned from ``eligible(student_id)`` and has nothing pending."""
    assessed = eligible(student_id)
    sound: dict[str, Any] = {
        "school": SCHOOL,
        "student_id": student_id,
        "offset": BEFORE,
        "version": BEFORE,
        "status": "enabled",
        "details": assessed.details,
        "programmes": ("Y10",),
        "modules": BOTH,
        "digest": assessed.digest,
        "assessed": "a" * 32,
        "read_at": at(),
        "in_roll": True,
        "assessment": assessed,
    }
    return AccountState(**(sound | fields))


def disabled(student_id: str = ONE, **fields: Any) -> AccountState:
    """The same account after a certified sweep lacked the person for the second time."""
    off: dict[str, Any] = {
        "status": "disabled",
        "disabled_at": at(1),
        "evidence": Evidence(kind="certificate", ref="s1", offset=BEFORE),
        "digest": None,
        "assessed": None,
        "in_roll": False,
    }
    return enabled(student_id, **(off | fields))


def never_had_one(student_id: str = ONE, **fields: Any) -> AccountState:
    """A student who is known and has no account."""
    blank: dict[str, Any] = {
        "status": "none",
        "version": -1,
        "details": None,
        "programmes": (),
        "modules": (),
        "assessment": a_slip(student_id),
    }
    return enabled(student_id, **(blank | fields))


def some_settings(**fields: Any) -> Settings:
    """What eligibility stamps in the autumn term for an iSAMS school that sets nothing itself."""
    school = IsamsSchool.model_construct(tenant="abbey", source="isams")
    return replace(settings_of(school, START.date()), **fields)


def a_school(students: int = 100, **fields: Any) -> SchoolState:
    """A school in the middle of sweep ``s9``, so many of its accounts enabled."""
    known: dict[str, Any] = {
        "school": SCHOOL,
        "offset": BEFORE,
        "students": students,
        "enabled": students,
        "roll_hash": "r" * 32,
        "roll_count": students,
        "open": OpenSweep(sweep="s9", started_at=at(120), full=False, offset=NOW - 1),
        "certified": CertifiedSweep(sweep="s8", started_at=at(60), completed_at=at(61), offset=BEFORE),
    }
    return SchoolState(**(known | fields))


def completed(areas: tuple[str, ...] = ("students", "sets"), **fields: Any) -> SweepCompleted:
    """The close of ``s9``, which began two hours after the first sweep of the day."""
    sound: dict[str, Any] = {
        "school": SCHOOL,
        "sweep": "s9",
        "started_at": at(120),
        "completed_at": at(121),
        "certificate": Certificate(roll_hash="r" * 32, roll_count=100, content_sum="0" * 32, areas=areas),
    }
    return SweepCompleted(**(sound | fields))
