"""What one reading leaves waiting of what waited before it: since when, and who has seen it."""

from typing import Any

import pytest

from services.reconciler import guard
from services.reconciler.decision_context import Admission, DecisionContext
from services.reconciler.details import value_digest
from services.reconciler.reconcile import reconcile
from shared.contract.account_state import AccountState, StagedUpdate
from shared.contract.events import StudentAssessed
from shared.structs import replace
from tests.harness.builders import at
from tests.unit.reconciler.accounts import BEFORE, NOW, a_slip, details, disabled, eligible, enabled, never_had_one

RENAMED = StagedUpdate(fields=("last_name",), columns=(), overwritten=("last_name",), offset=BEFORE)
MOSS = eligible(last_name="Moss")


def after(last: AccountState, assessed: StudentAssessed, **reading: Any) -> AccountState:
    return reconcile(
        last, assessed, DecisionContext(**({"at": NOW, "read_at": at(5), "assessed": "b" * 32} | reading))
    )[0]


@pytest.mark.parametrize(
    ("predecessor", "held"),
    [
        pytest.param("7", {guard.CREATE: "c", guard.REKEY: "r"}, id="the heir that a person was asked about"),
        pytest.param("8", {guard.CREATE: "c"}, id="another's heir is another question"),
    ],
)
def test_a_new_account_waits_under_what_was_asked_of_it(predecessor: str, held: dict[str, str]) -> None:
    last = never_had_one(create=BEFORE, other_id="7", held={guard.CREATE: "c", guard.REKEY: "r", guard.UPDATE: "u"})
    state = after(last, eligible(), admission=Admission.STAGED, predecessor_id=predecessor)
    assert (state.create, state.other_id, state.held) == (BEFORE, predecessor, held)


@pytest.mark.parametrize(
    ("before", "since"), [pytest.param(BEFORE, BEFORE, id="as it did"), pytest.param(None, NOW, id="from now on")]
)
def test_a_return_waits_since_it_was_first_read(before: int | None, since: int) -> None:
    last = disabled(enable=before, held={guard.ENABLE: "e", guard.CREATE: "c"})
    state = after(last, eligible(), admission=Admission.STAGED)
    assert (state.status, state.enable, state.held) == ("disabled", since, {guard.ENABLE: "e"})


def test_an_undecided_record_lacks_what_it_does_not_say_and_no_more() -> None:
    last = enabled(details=details(phone="1"), assessment=eligible(phone="1"))
    assert after(last, a_slip(phone=None)).lacks == ("phone",)
    assert after(last, a_slip(phone="1")).lacks == ()


@pytest.mark.parametrize("admission", list(Admission))
def test_what_waits_for_a_person_waits_when_the_budget_is_free_again(admission: Admission) -> None:
    last = enabled(update=RENAMED, assessment=MOSS, held={guard.UPDATE: "u"})
    state = after(last, MOSS, overwrites=("last_name",), details_admission=admission)
    assert (state.update, state.details, state.spent) == (RENAMED, last.details, {})
    assert state.held == {guard.UPDATE: "u"}, "a person has seen just this"


def test_another_name_than_the_one_that_was_asked_about_is_asked_about_anew() -> None:
    last = enabled(update=RENAMED, assessment=MOSS, held={guard.UPDATE: "u"})
    state = after(last, eligible(last_name="Mossy"), overwrites=("last_name",), details_admission=Admission.STAGED)
    assert state.update is not None
    assert state.held == {}


def test_a_new_name_spends_though_an_emptied_field_waits() -> None:
    last = enabled(details=details(phone="1"), assessment=eligible(phone="1"))
    reading = {"overwrites": ("last_name",), "details_admission": Admission.SPENDS}
    state = after(last, eligible(phone=None, last_name="Moss"), **reading)
    assert state.update == StagedUpdate(fields=("phone",), columns=("phone",), offset=NOW)
    assert state.details == replace(details(phone="1"), last_name="Moss")
    assert (state.spent, state.took) == ({guard.UPDATE: at(5)}, {"last_name": value_digest("Moss")})


@pytest.mark.parametrize("is_known", [True, False])
def test_staff_of_whom_no_teaching_was_read_lose_none_of_theirs(is_known: bool) -> None:
    taught = replace(details(), faculties=("ART",), departments=("DRAMA",))
    said = replace(eligible(), kind="staff", programmes=None, modules=None)
    state = after(enabled(kind="staff", details=taught), said if is_known else replace(said, student=None))
    assert (state.details, state.unenrol) == (taught, None)
