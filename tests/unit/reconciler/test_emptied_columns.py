"""A column of the records that empties for everybody is no news of single pupils: it waits for a person."""

from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from services.reconciler.emptied_columns import drops, emptied_for, fill_of, nulled
from shared.completeness import COLUMNS, count, has
from shared.completeness import fill_of as count_of
from shared.contract.account_state import AccountState, StagedUnenrol, StagedUpdate
from shared.contract.commands import RefuseHold, ReleaseHold
from shared.contract.events import AccountUpdated, ColumnDrop, RemovalsHeld, SweepReconciled
from shared.contract.model import Student
from tests.harness.builders import SCHOOL, a_certificate, a_fill, a_student, a_sweep
from tests.harness.pipeline import Road, a_config
from tests.unit.reconciler.accounts import BEFORE, BOTH, ENGLISH, a_slip, completed, eligible, enabled, never_had_one

PHONE = "07700 900001"


# --- how full a column is -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "column", "is_filled"),
    [
        pytest.param({"phone": PHONE}, "phone", True, id="something"),
        pytest.param({"phone": None}, "phone", False, id="nothing"),
        pytest.param({"system_status": 0}, "system_status", True, id="a status of 0 is something"),
        pytest.param({"year": 0}, "year", True, id="and so is a year of 0"),
        pytest.param({"modules": ()}, "modules", False, id="no module"),
        pytest.param({"modules": None}, "modules", False, id="modules that were not supplied"),
        pytest.param({"metadata": {}}, "metadata", False, id="no metadata"),
        pytest.param({"metadata": {"house": ""}}, "metadata", True, id="some"),
    ],
)
def test_a_column_has_something_or_not(fields: dict[str, Any], column: str, is_filled: bool) -> None:
    assert has(a_student(**fields), column) is is_filled


def test_a_count_names_every_column() -> None:
    filled: Counter[str] = Counter()
    count(filled, a_student(phone=PHONE))
    count(filled, a_student())
    told = count_of(filled)
    assert tuple(told) == COLUMNS
    assert (told["phone"], told["email"], told["personal_email"]) == (1, 2, 0)


def accounts(count: int, phones: int, losing: int = 0, **fields: Any) -> dict[str, AccountState]:
    """So many accounts, of which some have a phone; of these the first would lose it."""
    bare, full = eligible(), eligible(phone=PHONE)
    update = StagedUpdate(fields=("phone",), columns=("phone",), offset=BEFORE)
    return {
        str(n): enabled(
            str(n), assessment=full if losing <= n < phones else bare, update=update if n < losing else None, **fields
        )
        for n in range(count)
    }


@pytest.mark.parametrize(
    ("everybody", "have", "lose", "is_drop"),
    [
        pytest.param(100, 100, 5, False, id="five points are none"),
        pytest.param(100, 100, 6, True, id="six are"),
        pytest.param(1000, 1000, 51, True, id="5.1 points are more than five"),
        pytest.param(1000, 1000, 50, False, id="exactly five"),
        pytest.param(8, 8, 2, False, id="two pupils of eight are no column"),
        pytest.param(8, 8, 3, True, id="three of eight are"),
        pytest.param(1000, 48, 48, True, id="a sparse column, whole"),
        pytest.param(1000, 48, 24, False, id="half of it"),
        pytest.param(1000, 48, 25, True, id="more than half of it"),
        pytest.param(1000, 2, 2, False, id="two who had one"),
        pytest.param(1000, 3, 3, True, id="three who had one"),
        pytest.param(100, 0, 0, False, id="nobody waits"),
    ],
)
def test_a_column_is_judged_by_the_accounts_that_have_it(everybody: int, have: int, lose: int, is_drop: bool) -> None:
    states = accounts(everybody, have, lose)
    found = drops({id: one for id, one in states.items() if one.update}, states.values)
    assert bool(found) is is_drop
    if is_drop:
        (drop,) = found
        assert (drop.before, drop.now) == (f"{have}/{everybody}", f"{have - lose}/{everybody}")


def test_whoever_has_no_account_dilutes_no_column() -> None:
    states = accounts(60, 60, 6)
    others = {f"a{n}": never_had_one(f"a{n}") for n in range(1200)}
    assert [drop.column for drop in drops(states, (states | others).values)] == ["phone"]


def test_undecided_records_since_count_as_having_what_the_account_has() -> None:
    """Else the sweep in which everybody is undecided would be what the next one is compared with."""
    states = accounts(1000, 40, 20) | {
        f"u{n}": enabled(f"u{n}", assessment=a_slip(f"u{n}"), lacks=("phone",)) for n in range(20)
    }
    assert drops(states, states.values) == [], "twenty of sixty"


def test_an_account_without_a_record_has_what_its_last_one_had() -> None:
    lost = {f"u{n}": enabled(f"u{n}", assessment=None, lacks=("phone",) if n else ()) for n in range(21)}
    states = accounts(1000, 40, 31)
    (drop,) = drops(states, (states | lost).values)
    assert (drop.column, drop.before, drop.now) == ("phone", "60/1021", "29/1021")


def test_an_account_is_counted_as_this_close_has_it() -> None:
    waiting = accounts(6, 6, 6)
    stored = [enabled(str(n), assessment=eligible()) for n in range(60)]
    (drop,) = drops(waiting, lambda: stored)
    assert (drop.before, drop.now) == ("6/60", "0/60")


def test_while_two_wait_nobody_else_is_looked_at() -> None:
    def everybody() -> list[AccountState]:
        raise AssertionError("the whole school was read")

    assert drops(accounts(2, 2, 2), everybody) == []


def test_a_column_that_would_be_next_to_one_value_is_named() -> None:
    update = StagedUpdate(fields=("last_name",), columns=(), collapsed=("last_name",), offset=BEFORE)
    states = accounts(60, 0) | {str(n): enabled(str(n), update=update) for n in range(57)}
    found = drops(states, states.values)
    assert found == [ColumnDrop(column="last_name", before="60/60", now="3/60", collapsed=True)]
    assert nulled(found) == frozenset(), "and nobody's emptied surname is nulled by it"


def test_a_sweep_that_counts_nothing_says_nothing_of_columns() -> None:
    certificate = msgspec.structs.replace(a_certificate([]), roll_count=50)
    assert fill_of(completed(certificate=certificate, fill={"phone": 40, "year": 0})) == {
        "phone": "40/50",
        "year": "0/50",
    }
    assert fill_of(completed(certificate=certificate, fill={})) == {}


@pytest.mark.parametrize(
    ("fields", "unenrol", "columns"),
    [
        pytest.param({"modules": ()}, StagedUnenrol(modules=BOTH, offset=1), {"modules"}, id="no module is left"),
        pytest.param({"modules": (ENGLISH,)}, StagedUnenrol(modules=BOTH[1:], offset=1), set(), id="one is"),
        pytest.param(
            {"programmes": (), "year_group": None},
            StagedUnenrol(programmes=("Y10",), offset=1),
            {"programmes", "year_group"},
            id="no programme, for want of a year group",
        ),
        pytest.param(
            {"programmes": ()}, StagedUnenrol(programmes=("Y10",), offset=1), {"programmes"}, id="no programme"
        ),
        pytest.param({"modules": ()}, StagedUnenrol(programmes=("Y10",), offset=1), set(), id="no module was there"),
        pytest.param(
            {"programmes": (), "year_group": None, "modules": ()},
            StagedUnenrol(modules=BOTH, offset=1),
            {"modules"},
            id="nor was there a programme",
        ),
        pytest.param({"modules": ()}, None, set(), id="nothing is staged"),
    ],
)
def test_an_unenrolment_depends_on_what_is_all_gone(
    fields: dict[str, Any], unenrol: StagedUnenrol | None, columns: set[str]
) -> None:
    state = enabled(assessment=eligible(**fields), unenrol=unenrol)
    assert emptied_for(state) == columns
    update = StagedUpdate(fields=("phone",), columns=("phone",), offset=BEFORE)
    assert emptied_for(msgspec.structs.replace(state, update=update)) == columns | {"phone"}
    assert emptied_for(msgspec.structs.replace(state, assessment=None)) == set()


# --- on the road ----------------------------------------------------------------------------------------------------


def pupils(count: int, **fields: Any) -> list[Student]:
    return [a_student(str(3050000000 + n), **({"phone": PHONE} | fields)) for n in range(count)]


class School:
    """A hundred pupils, each with a telephone, of whom sweeps are read one after the other."""

    def __init__(self, folder: Path, people: list[Student]) -> None:
        self.road = Road(a_config(folder))
        self.sweeps = 0
        self.last: dict[str, Student] = {}
        self.reads(people, full=True)

    def reads(self, people: list[Student], *, full: bool = False) -> SweepReconciled:
        self.sweeps += 1
        sends = people if full else [one for one in people if self.last.get(one.student_id) != one]
        self.last = {one.student_id: one for one in people}
        minutes = self.sweeps * 10.0
        self.road.fetch(a_sweep(f"s{self.sweeps}", people, sends=sends, minutes=minutes, full=full), minutes=minutes)
        self.road.run()
        return [event for event in self.road.changes() if isinstance(event, SweepReconciled)][-1]

    def phones(self) -> int:
        found = [self.road.account(one) for one in self.road.enabled()]
        return sum(bool(state and state.details and state.details.phone) for state in found)

    def judge(self, order: type[ReleaseHold] | type[RefuseHold]) -> None:
        hold = self.road.school().holds["nulled_column"]
        self.road.order(order(school=SCHOOL, plan="nulled_column", hash=hold.hash, operator="kim"))


@pytest.fixture
def school(tmp_path: Path) -> School:
    return School(tmp_path, pupils(100))


def test_a_nulled_column_blanks_no_account_and_names_itself(school: School) -> None:
    """Fails when an update that only empties goes at once: the accounts are blank before the sweep is over."""
    report = school.reads(pupils(100, phone=None))
    assert school.phones() == 100
    assert report.is_held
    assert report.columns == (ColumnDrop(column="phone", before="100/100", now="0/100"),)
    (told,) = [event for event in school.road.changes() if isinstance(event, RemovalsHeld)]
    assert (told.plan, told.count, told.columns) == ("nulled_column", 100, report.columns)
    assert school.road.school().holds["nulled_column"].columns == report.columns


def test_it_is_told_once_and_no_later_sweep_lets_it_through(school: School) -> None:
    """Fails when the nulled sweep becomes what the next one is compared with."""
    for _ in range(3):
        school.reads(pupils(100, phone=None))
    assert school.phones() == 100
    assert len([event for event in school.road.changes() if isinstance(event, RemovalsHeld)]) == 1


def test_when_the_column_is_back_nothing_has_happened(school: School) -> None:
    before = len([event for event in school.road.changes() if isinstance(event, AccountUpdated)])
    school.reads(pupils(100, phone=None))
    report = school.reads(pupils(100))
    assert (report.is_held, report.columns, school.road.school().holds) == (False, (), {})
    assert len([event for event in school.road.changes() if isinstance(event, AccountUpdated)]) == before


def test_a_person_may_say_that_it_is_news(school: School) -> None:
    school.reads(pupils(100, phone=None))
    school.judge(ReleaseHold)
    report = school.reads(pupils(100, phone=None))
    assert (school.phones(), report.is_held) == (0, False)


def test_a_refused_one_stays_as_it_is(school: School) -> None:
    school.reads(pupils(100, phone=None))
    school.judge(RefuseHold)
    for _ in range(2):
        school.reads(pupils(100, phone=None))
    assert school.phones() == 100
    assert school.road.school().holds["nulled_column"].state == "refused"


def test_who_gave_their_phone_up_has_none_from_the_close_on(school: School) -> None:
    people = [*pupils(5, phone=None), *pupils(100)[5:]]
    events = a_sweep("s9", people, sends=people[:5], minutes=50)
    school.road.fetch(events[:-1], minutes=50)
    school.road.run()
    assert school.phones() == 100, "before the close nobody knows whether it is a column"
    school.road.fetch(events[-1:], minutes=50)
    school.road.run()
    assert school.phones() == 95
    updates = [event for event in school.road.changes() if isinstance(event, AccountUpdated)]
    assert [event.fields for event in updates] == [("phone",)] * 5
    assert {event.version for event in updates} == {len(school.road.lane) - 1}


def test_while_some_columns_wait_other_news_goes_on(school: School) -> None:
    school.reads(pupils(100, phone=None))
    renamed = [a_student(f"{3050000000 + n}", last_name=f"Moss{n}") for n in range(20)]
    school.reads([*renamed, *pupils(100, phone=None)[20:]])
    found = school.road.account("3050000000")
    assert found is not None
    assert found.details is not None
    assert (found.details.last_name, found.details.phone) == ("Moss0", PHONE)


def test_nulled_year_groups_take_no_programme_away(school: School) -> None:
    """Ten of a hundred: their un-enrolments would be within that budget, a fifth."""
    report = school.reads([*pupils(10, year_group=None, programmes=()), *pupils(100)[10:]])
    assert (report.counts["unenrol"], report.counts["nulled_column"]) == (0, 10)
    assert {drop.column for drop in report.columns} == {"programmes", "year_group"}
    found = school.road.account("3050000000")
    assert found is not None
    assert (found.programmes, found.details and found.details.year) == (("Y10",), 4)


def test_a_nulled_email_changes_nothing_by_itself(school: School) -> None:
    """Everybody is undecided: what exists is carried forward."""
    report = school.reads(pupils(100, email=None))
    assert (len(school.road.enabled()), report.is_held) == (100, False)


def test_a_paused_school_keeps_what_waits_and_what_it_is_compared_with(school: School) -> None:
    from shared.contract.commands import PauseSchool, ResumeSchool

    school.road.order(PauseSchool(school=SCHOOL, operator="kim"))
    school.reads(pupils(100, phone=None))
    assert school.phones() == 100
    school.road.order(ResumeSchool(school=SCHOOL, operator="kim"))
    report = school.reads(pupils(100, phone=None))
    assert (school.phones(), report.is_held) == (100, True)


def test_the_builders_count_as_the_services_do() -> None:
    assert a_fill(pupils(3))["phone"] == 3


def preferred(school: School, name: str) -> int:
    found = [school.road.account(one) for one in school.road.enabled()]
    return sum(bool(state and state.details and state.details.first_name == name) for state in found)


def test_a_block_that_is_withheld_and_of_which_only_the_email_comes_back(tmp_path: Path) -> None:
    """A sweep in which everybody is undecided is not what the next one is compared with."""
    school = School(tmp_path, pupils(60, preferred_name="Addie"))
    bare = {"phone": None, "preferred_name": None}
    school.reads(pupils(60, **bare, email=None))
    assert (school.phones(), preferred(school, "Addie")) == (60, 60)
    report = school.reads(pupils(60, **bare))
    assert (school.phones(), preferred(school, "Addie")) == (60, 60)
    assert {drop.column for drop in report.columns} == {"phone", "preferred_name"}


def test_a_refused_column_stays_refused_through_an_undecided_sweep(school: School) -> None:
    school.reads(pupils(100, phone=None))
    school.judge(RefuseHold)
    school.reads(pupils(100, phone=None, email=None))
    school.reads(pupils(100, phone=None))
    assert school.phones() == 100
    assert school.road.school().holds["nulled_column"].state == "refused"


def test_a_sparse_column_is_not_nulled_whole(tmp_path: Path) -> None:
    sparse = [*pupils(48, preferred_name="Addie"), *pupils(1000)[48:]]
    school = School(tmp_path, sparse)
    school.reads(pupils(1000))
    assert preferred(school, "Addie") == 48


def test_applicants_dilute_no_column(tmp_path: Path) -> None:
    applicants = [
        a_student(
            str(3060000000 + n), system_status=0, lists=("applicants",), email=None, programmes=None, modules=None
        )
        for n in range(1200)
    ]
    school = School(tmp_path, [*pupils(60), *applicants])
    assert len(school.road.enabled()) == 60
    school.reads([*pupils(60, phone=None), *applicants])
    assert school.phones() == 60
