"""What an account loses of its codes, list by list, and what is told of it."""

from typing import Any

import pytest

from services.reconciler import enrolments
from shared.contract.account_state import StagedUnenrol
from shared.contract.events import AccountUpdated
from shared.structs import replace
from tests.unit.reconciler.accounts import BEFORE, HISTORY, NOW, details, enabled

TAUGHT = replace(details(), faculties=("ART", "HUM"), departments=("DRAMA", "MUSIC"))


@pytest.mark.parametrize(
    ("loses", "gains", "is_move"),
    [
        pytest.param(1, 0, False, id="what only goes is no move"),
        pytest.param(2, 1, True, id="one more than comes"),
        pytest.param(3, 1, False, id="two more than come"),
        pytest.param(8, 6, True, id="eight for six: a third more"),
        pytest.param(9, 6, False, id="nine for six"),
    ],
)
def test_a_move_gives_about_as_many_as_it_takes(loses: int, gains: int, is_move: bool) -> None:
    lost = tuple(f"OLD-{n}" for n in range(loses))
    gained = tuple(f"NEW-{n}" for n in range(gains))
    staged = enrolments.stage(None, [(), lost], [(), gained], BEFORE)
    assert staged == StagedUnenrol(modules=lost, is_move=is_move, offset=BEFORE)


@pytest.mark.parametrize(
    ("staged", "needs"),
    [
        pytest.param({"programmes": ("Y10",)}, False, id="a programme is in the record"),
        pytest.param({"modules": (HISTORY,)}, True, id="modules"),
        pytest.param({"faculties": ("ART",)}, True, id="faculties"),
        pytest.param({"departments": ("DRAMA",)}, True, id="departments"),
    ],
)
def test_what_is_read_from_the_teaching_sets_needs_them(staged: dict[str, Any], needs: bool) -> None:
    assert enrolments.needs_sets(StagedUnenrol(**staged, offset=BEFORE)) is needs


@pytest.mark.parametrize(
    ("staged", "now"),
    [
        pytest.param({"faculties": ("ART",)}, {"faculties": ("HUM",)}, id="a faculty"),
        pytest.param({"departments": ("MUSIC",)}, {"departments": ("DRAMA",)}, id="a department"),
        pytest.param(
            {"faculties": ("ART",), "departments": ("MUSIC",)},
            {"faculties": ("HUM",), "departments": ("DRAMA",)},
            id="both",
        ),
    ],
)
def test_a_lost_faculty_is_told_with_the_details_that_are_left(staged: dict[str, Any], now: dict[str, Any]) -> None:
    state = enabled(details=TAUGHT, kind="staff")
    after, (change,) = enrolments.apply(state, StagedUnenrol(**staged, offset=BEFORE), NOW)
    assert after.details == replace(TAUGHT, **now)
    assert isinstance(change, AccountUpdated)
    assert (change.kind, change.version, change.fields) == ("staff", NOW, tuple(staged))
    assert change.details == after.details


def test_codes_that_a_record_has_no_more_are_kept_and_named_by_list() -> None:
    record = replace(TAUGHT, faculties=("ART", "SCI"), departments=("MUSIC", "PHYS"))
    kept, gained, lost = enrolments.keep_codes(TAUGHT, record)
    assert gained == (("SCI",), ("PHYS",))
    assert lost == (("HUM",), ("DRAMA",))
    assert kept.faculties == ("ART", "HUM", "SCI")
    assert kept.departments == ("DRAMA", "MUSIC", "PHYS")
    assert enrolments.keep_codes(TAUGHT, TAUGHT) == (TAUGHT, ((), ()), ((), ()))
