"""Which details of an account a record may not change at once, field by field."""

from typing import Any

import pytest

from services.reconciler import details as staged
from shared.contract.account_state import StagedUpdate
from shared.contract.model import Details, Student
from shared.structs import replace
from tests.harness.builders import a_student, at
from tests.unit.reconciler.accounts import BEFORE, NOW, a_slip, details, eligible, enabled

HAD = replace(details(), phone="1", personal_email="p@home.example", metadata={"a": "b"})


@pytest.mark.parametrize(
    ("now", "rollover", "fields"),
    [
        pytest.param({}, False, (), id="nothing"),
        pytest.param({"last_name": "Moss"}, False, ("last_name",), id="a name"),
        pytest.param({"email": "new@abbey.example"}, False, (), id="an e-mail has a plan of its own"),
        pytest.param({"phone": None}, False, (), id="what is emptied is not overwritten"),
        pytest.param({"title": "Dr"}, False, (), id="nor what is filled in"),
        pytest.param({"year": 5}, False, ("year",), id="a year"),
        pytest.param({"year": 5}, True, (), id="but at the turn of the year"),
        pytest.param({"year": 5, "phone": "2"}, True, ("phone",), id="where other details count as ever"),
        pytest.param({"metadata": {"a": "c"}}, False, ("metadata",), id="metadata"),
    ],
)
def test_what_has_something_else_than_before_is_overwritten(
    now: dict[str, Any], rollover: bool, fields: tuple[str, ...]
) -> None:
    assert staged.overwritten(HAD, replace(HAD, **now), rollover=rollover) == fields


@pytest.mark.parametrize(
    ("takers", "collapses"), [pytest.param(2, False), pytest.param(3, True), pytest.param(4, True)]
)
def test_a_value_that_three_took_is_no_fourth_persons_news(takers: int, collapses: bool) -> None:
    asked: list[tuple[str, str]] = []

    def count(name: str, value: str) -> int:
        asked.append((name, value))
        return takers

    found = staged.collapsing(("last_name", "year"), replace(HAD, last_name=" MOSS "), count)
    assert found == (("last_name",) if collapses else ())
    assert asked == [("last_name", staged.value_digest("moss"))], "a year is shared by many"


def test_values_are_alike_as_people_read_them() -> None:
    assert staged.value_digest(" Moss") == staged.value_digest("MOSS ") != staged.value_digest("Mossy")
    assert len(staged.value_digest("Moss")) == 12
    assert staged.took(("phone", "year"), HAD) == {"phone": staged.value_digest("1")}


WAITS = StagedUpdate(
    fields=("last_name", "phone"), columns=(), overwritten=("phone",), collapsed=("last_name",), offset=BEFORE
)


@pytest.mark.parametrize(
    ("update", "now", "still"),
    [
        pytest.param(WAITS, {"last_name": "Test"}, ("last_name",), id="the same value"),
        pytest.param(WAITS, {"last_name": "Moss"}, (), id="another value is judged anew"),
        pytest.param(None, {"last_name": "Test"}, (), id="nothing waits"),
    ],
)
def test_what_is_alike_for_many_waits_as_long_as_it_is_the_same(
    update: StagedUpdate | None, now: dict[str, Any], still: tuple[str, ...]
) -> None:
    state = enabled(update=update, assessment=eligible(last_name="Test"))
    assert staged.still_collapsed(state, replace(HAD, **now)) == still
    assert staged.still_collapsed(replace(state, assessment=None), replace(HAD, **now)) == ()
    assert staged.still_collapsed(replace(state, assessment=a_slip()), replace(HAD, **now)) == ()


@pytest.mark.parametrize(
    ("waited", "now", "is_said"),
    [
        pytest.param(WAITS, {"last_name": "Test", "phone": "2"}, True, id="the same"),
        pytest.param(WAITS, {"last_name": "Test", "phone": "3"}, False, id="another telephone"),
        pytest.param(WAITS, {"last_name": "Moss", "phone": "2"}, False, id="another name"),
        pytest.param(None, {"last_name": "Test", "phone": "2"}, False, id="nothing waited"),
        pytest.param(replace(WAITS, fields=("phone",)), {"last_name": "Test", "phone": "2"}, False, id="less waited"),
    ],
)
def test_a_person_has_reviewed_what_still_says_the_same(
    waited: StagedUpdate | None, now: dict[str, Any], is_said: bool
) -> None:
    state = enabled(update=waited, assessment=eligible(last_name="Test", phone="2"))
    assert staged.still_says(state, replace(HAD, **now), WAITS) is is_said


def test_of_values_that_nobody_remembers_nobody_has_reviewed_any() -> None:
    state = enabled(update=WAITS, assessment=None)
    assert staged.still_says(state, HAD, WAITS) is False
    emptied = StagedUpdate(fields=("phone",), columns=("phone",), offset=BEFORE)
    assert staged.still_says(replace(state, update=emptied), HAD, emptied) is True, "what is empty is empty"


@pytest.mark.parametrize(
    ("record", "lacks", "found"),
    [
        pytest.param(a_student(phone=None), (), {"phone"}, id="a telephone is missing"),
        pytest.param(a_student(phone="1"), ("phone",), set(), id="it is back"),
        pytest.param(a_student(phone=None), ("preferred_name",), {"phone", "preferred_name"}, id="and another since"),
        pytest.param(None, (), {"phone", "year_group", "title"}, id="a record that cannot be read says nothing"),
    ],
)
def test_what_the_account_was_taken_from_and_no_record_has_since(
    record: Student | None, lacks: tuple[str, ...], found: set[str]
) -> None:
    state = enabled(assessment=eligible(phone="1"), lacks=lacks)
    assert set(staged.lacking(state, record)) == found
    assert set(staged.lacking(replace(state, assessment=None), a_student(phone=None))) == set(lacks)


@pytest.mark.parametrize(
    ("field", "columns"),
    [pytest.param("phone", ("phone",), id="one"), pytest.param("year", ("year_group", "year"), id="or two")],
)
def test_an_emptied_field_names_its_columns_though_no_record_before_is_known(
    field: str, columns: tuple[str, ...]
) -> None:
    said = eligible(phone=None, year_group=None)
    update = staged.stage(enabled(details=HAD), replace(HAD, **{field: None}), said, None, (), (), NOW)
    assert update == StagedUpdate(fields=(field,), columns=columns, offset=NOW)


def test_only_what_is_empty_waits_through_an_undecided_record() -> None:
    update = StagedUpdate(
        fields=("first_name", "phone", "last_name"),
        columns=("preferred_name",),
        overwritten=("phone",),
        collapsed=("last_name",),
        offset=BEFORE,
    )
    assert staged.emptied_part(update) == StagedUpdate(
        fields=("first_name",), columns=("preferred_name",), offset=BEFORE
    )
    assert staged.emptied_part(replace(update, columns=())) is None
    assert staged.emptied_part(None) is None


def test_what_waited_takes_effect_as_the_newest_record_has_it() -> None:
    wanted: Details = eligible(last_name="Moss", phone="2").details  # type: ignore[assignment]
    update = StagedUpdate(fields=("phone", "last_name"), columns=(), overwritten=("phone",), offset=BEFORE)
    state = enabled(update=update, lacks=("title",), assessment=eligible(last_name="Moss", phone="2"))
    after, (change,) = staged.apply(state, NOW)
    assert (after.details, after.update, after.lacks, after.offset, after.version) == (wanted, None, (), NOW, NOW)
    assert (change.fields, change.version, change.details) == (("last_name", "phone"), NOW, wanted)


def test_an_update_within_its_budget_is_remembered_with_its_values() -> None:
    from services.reconciler.removals import update as take_effect

    update = StagedUpdate(fields=("phone", "last_name"), columns=(), overwritten=("phone", "last_name"), offset=BEFORE)
    state = enabled(update=update, assessment=eligible(last_name="Moss", phone="2"), took={"first_name": "x"})
    after, _ = take_effect(state, NOW, at(9), "update")
    values = {"phone": staged.value_digest("2"), "last_name": staged.value_digest("Moss")}
    assert (after.spent, after.took) == ({"update": at(9)}, {"first_name": "x"} | values)
    released, _ = take_effect(state, NOW, at(9), None)
    assert (released.spent, released.took) == ({}, {"first_name": "x"})
