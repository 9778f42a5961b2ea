"""What a pushed student is: current by being in the body, left when the gateway says so."""

from datetime import date
from typing import Any, Literal

import pytest

from services.eligibility.assess import assess
from services.eligibility.rules import Rulebook
from shared.contract.events import StudentAssessed
from shared.contract.model import Category, Fault, Student, Verdict

SOUND: dict[str, Any] = {"first_name": "Ada", "last_name": "Fern", "email": "ada@northern.example", "year": 1}
FAULTY = (Fault(pointer="/phone", message="must be text in quotes"),)


def judged(student: Student, **book: Any) -> StudentAssessed:
    return assess("northern", student, "00", date(2026, 11, 23), Rulebook(is_pushed=True, **book), {})


def pushed(**fields: Any) -> Student:
    return Student(student_id="S1", feed_id=fields.pop("feed_id", None), **(SOUND | fields))


@pytest.mark.parametrize(
    ("student", "category", "verdict"),
    [
        pytest.param(pushed(), Category.CURRENT, Verdict.ELIGIBLE, id="in the body"),
        pytest.param(pushed(year=None), Category.CURRENT, Verdict.ELIGIBLE, id="without a year"),
        pytest.param(pushed(year=8), Category.CURRENT, Verdict.UNDECIDED, id="a year beyond Unitu's"),
        pytest.param(pushed(first_name=None), Category.CURRENT, Verdict.UNDECIDED, id="no first name"),
        pytest.param(pushed(email=None), Category.CURRENT, Verdict.UNDECIDED, id="no e-mail"),
        pytest.param(pushed(faults=FAULTY), Category.CURRENT, Verdict.UNDECIDED, id="a fault in the body"),
        pytest.param(
            Student(student_id="S1", lists=("absent",)), Category.LEFT, Verdict.INELIGIBLE, id="in the body no more"
        ),
        pytest.param(
            Student(student_id="S1", lists=("leavers",)),
            Category.LEFT,
            Verdict.INELIGIBLE,
            id="in an older one's words",
        ),
    ],
)
def test_a_pushed_student_is_what_the_gateway_says(student: Student, category: Category, verdict: Verdict) -> None:
    found = judged(student)
    assert (found.category, found.account) == (category, verdict)


@pytest.mark.parametrize(
    ("key", "own_id"),
    [pytest.param("email", "feeds-own", id="beside the key"), pytest.param("id", "S1", id="as the key")],
)
def test_the_feeds_own_id_is_told(key: Literal["email", "id"], own_id: str) -> None:
    details = judged(pushed(feed_id="feeds-own" if key == "email" else None), is_keyed_by_id=key == "id").details
    assert details is not None
    assert details.id == own_id
