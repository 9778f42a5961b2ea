"""Universities without faculties, all the way to the accounts of their staff."""

from pathlib import Path
from typing import Any

import pytest

from shared.contract.model import Details
from shared.contract.populations import book_of
from tests.unit.gateway.test_pipeline import Pushed
from tests.unit.gateway.world import SLUG, a_body, a_teacher, pupils, staff_email

DEPARTMENTS = [{"code": "DEP01", "name": "Computing"}]


@pytest.fixture
def pushed(tmp_path: Path) -> Pushed:
    return Pushed(tmp_path, has_staff=True)


def staff_of(count: int, **fields: Any) -> list[Any]:
    return [a_teacher(number, **fields) for number in range(count)]


def details(pushed: Pushed, number: int = 0) -> Details:
    account = pushed.road.account(staff_email(number), book_of(SLUG, "staff"))
    assert account is not None
    assert account.details is not None
    return account.details


@pytest.mark.parametrize("faculties", [..., None, []])
async def test_staff_without_codes_of_faculties_have_accounts(pushed: Pushed, faculties: Any) -> None:
    staff = staff_of(3, facultyCodes=...)
    await pushed.push(a_body(pupils(3), faculties=faculties, departments=DEPARTMENTS, staff=staff))
    assert pushed.enabled(book_of(SLUG, "staff")) == {staff_email(n) for n in range(3)}
    assert (details(pushed).faculties, details(pushed).departments) == ((), ("DEP01",))


@pytest.mark.parametrize("given", [..., None])
async def test_codes_that_are_not_supplied_are_taken_from_nobody(pushed: Pushed, given: Any) -> None:
    """Fails when the end of the faculties is read as the end of everybody's codes."""
    await pushed.push(a_body(pupils(3), staff=staff_of(3)))
    for _ in range(2):
        body = a_body(pupils(3), faculties=[], departments=DEPARTMENTS, staff=staff_of(3, facultyCodes=given))
        await pushed.push(body)
        assert pushed.last_close("staff").outcome == "certified"
        assert details(pushed).faculties == ("FAC01",)


async def test_where_there_are_faculties_staff_without_their_codes_are_at_fault_and_stay(pushed: Pushed) -> None:
    await pushed.push(a_body(pupils(3), staff=staff_of(3)))
    await pushed.push(a_body(pupils(3), staff=[a_teacher(0, facultyCodes=...), *staff_of(3)[1:]]))
    assert pushed.enabled(book_of(SLUG, "staff")) == {staff_email(n) for n in range(3)}
    assert details(pushed).faculties == ("FAC01",)
