"""What the status and the lists say by themselves, before anything else of the record is asked."""

import pytest

from services.eligibility.category import Rulebook, categorise, has_one_place, stage_of
from shared.contract.model import Category
from tests.harness.builders import a_student

BOOK = Rulebook()


@pytest.mark.parametrize(
    ("lists", "stage", "has_one", "category"),
    [
        pytest.param(("leavers",), Category.LEFT, True, Category.LEFT, id="the leavers' list alone"),
        pytest.param(("leavers", "students"), None, False, Category.UNKNOWN, id="who is back stands in both"),
        pytest.param(("students",), None, True, Category.UNKNOWN, id="the students' list says nothing of it"),
        pytest.param((), None, True, Category.UNKNOWN, id="no list"),
    ],
)
def test_without_a_status_the_leavers_list_is_believed_where_no_other_has_them(
    lists: tuple[str, ...], stage: Category | None, has_one: bool, category: Category
) -> None:
    student = a_student(system_status=None, lists=lists)
    assert (stage_of(student, BOOK), has_one_place(student, BOOK), categorise(student, BOOK)) == (
        stage,
        has_one,
        category,
    )
