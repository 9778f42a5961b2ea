"""A column of the records that empties for everybody is no news of single pupils: it waits for a person."""

from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from services.reconciler.columns import baseline, drops, emptied_for
from shared.columns import COLUMNS, count, fill_of, has, rate
from shared.events import AccountUpdated, ColumnDrop, RefuseHold, ReleaseHold, RemovalsHeld, SweepReconciled
from shared.model import Student
from shared.state import StagedUnenrol, StagedUpdate
from tests.builders import SCHOOL, a_certificate, a_fill, a_student, a_sweep
from tests.road import Road, a_config
from tests.unit.reconciler.accounts import BEFORE, BOTH, ENGLISH, completed, eligible, enabled

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
    told = fill_of(filled)
    assert tuple(told) == COLUMNS
    assert (told["phone"], told["email"], told["personal_email"]) == (1, 2, 0)


@pytest.mark.parametrize(("text", "is_rate"), [("3/4", True), ("0/9", True), ("0/0", False)])
def test_of_nobody_there_is_no_rate(text: str, is_rate: bool) -> None:
    assert (rate(text) is not None) is is_rate


def the_drops(before: str | None, filled: int | None, everybody: int, waiting: int) -> dict[str, ColumnDrop]:
    event = completed(
        certificate=msgspec.structs.replace(a_certificate([]), roll_count=everybody),
        fill={} if filled is None else {"phone": filled},
    )
    return drops({} if before is None else {"phone": before}, event, {"phone": waiting})


@pytest.mark.parametrize(
    ("before", "filled", "everybody", "waiting", "is_drop"),
    [
        pytest.param("100/100", 95, 100, 5, False, id="five points are none"),
        pytest.param("100/100", 94, 100, 6, True, id="six are"),
        pytest.param("1000/1000", 949, 1000, 51, True, id="5.1 points are more than five"),
        pytest.param("1000/1000", 950, 1000, 50, False, id="exactly five"),
        pytest.param("1500/1500", 0, 1500, 1500, True, id="all of it"),
        pytest.param("8/8", 6, 8, 2, False, id="two pupils of eight are no column"),
        pytest.param("8/8", 5, 8, 3, True, id="three of eight are"),
        pytest.param("100/100", 100, 200, 0, False, id="a hundred who joined without one: nobody waits"),
        pytest.param("100/100", 97, 100, 10, False, id="ten emptied and seven filled: three points"),
        pytest.param("40/100", 36, 100, 4, False, id="a column that was never full: four points"),
        pytest.param("40/100", 34, 100, 6, True, id="and six"),
        pytest.param(None, 90, 100, 5, False, id="not known before: five of a hundred wait"),
        pytest.param(None, 90, 100, 6, True, id="not known before: six of them"),
        pytest.param("100/100", None, 100, 5, False, id="not counted now: five wait"),
        pytest.param("100/100", None, 100, 6, True, id="not counted now: six wait"),
        pytest.param("0/0", 94, 100, 6, True, id="an empty school before"),
    ],
)
def test_a_drop_of_more_than_five_points_is_one(
    before: str | None, filled: int | None, everybody: int, waiting: int, is_drop: bool
) -> None:
    assert bool(the_drops(before, filled, everybody, waiting)) is is_drop


@pytest.mark.parametrize(
    ("before", "filled", "told"),
    [
        pytest.param("100/100", 40, ("100/100", "40/100"), id="as both sweeps counted"),
        pytest.param(None, 40, ("100/100", "40/100"), id="before: those who have it and those who wait"),
        pytest.param("99/100", None, ("99/100", "40/100"), id="now: all but those who wait"),
    ],
)
def test_a_drop_is_told_by_its_two_rates(before: str | None, filled: int | None, told: tuple[str, str]) -> None:
    drop = the_drops(before, filled, 100, 60)["phone"]
    assert (drop.column, drop.before, drop.now) == ("phone", *told)


def test_the_next_sweep_is_compared_with_this_one() -> None:
    event = completed(
        certificate=msgspec.structs.replace(a_certificate([]), roll_count=50), fill={"phone": 40, "year": 0}
    )
    known = {"phone": "9/10", "email": "8/10"}
    assert baseline(known, event, {}) == {"email": "8/10", "phone": "40/50", "year": "0/50"}
    held = {"phone": ColumnDrop(column="phone", before="9/10", now="40/50")}
    assert baseline(known, event, held)["phone"] == "9/10", "but for a column whose drop waits"
    assert baseline({}, event, held)["phone"] == "9/10", "also where it was told by those who wait"


def test_codes_that_nobody_has_are_no_baseline() -> None:
    """Their area was not read, or the book is the students': the state of a school stays as it was."""
    event = completed(certificate=msgspec.structs.replace(a_certificate([]), roll_count=9), fill=a_fill([a_student()]))
    assert not {"faculties", "departments"} & baseline({}, event, {}).keys()
    known = {"departments": "9/9"}
    assert baseline(known, event, {})["departments"] == "9/9"
    assert baseline(known, msgspec.structs.replace(event, fill={"departments": 1}), {})["departments"] == "1/9"


def test_nobody_at_all_is_no_baseline() -> None:
    event = completed(certificate=msgspec.structs.replace(a_certificate([]), roll_count=0), fill={"phone": 0})
    assert baseline({"phone": "9/10"}, event, {}) == {"phone": "9/10"}


@pytest.mark.parametrize(
    ("fields", "unenrol", "columns"),
    [
        pytest.param({"modules": ()}, StagedUnenrol(modules=BOTH, at=1), {"modules"}, id="no module is left"),
        pytest.param({"modules": (ENGLISH,)}, StagedUnenrol(modules=BOTH[1:], at=1), set(), id="one is"),
        pytest.param(
            {"programmes": (), "year_group": None},
            StagedUnenrol(programmes=("Y10",), at=1),
            {"programmes", "year_group"},
            id="no programme, for want of a year group",
        ),
        pytest.param({"programmes": ()}, StagedUnenrol(programmes=("Y10",), at=1), {"programmes"}, id="no programme"),
        pytest.param({"modules": ()}, StagedUnenrol(programmes=("Y10",), at=1), set(), id="no module was there"),
        pytest.param({"modules": ()}, None, set(), id="nothing is staged"),
    ],
)
def test_an_unenrolment_depends_on_what_is_all_gone(
    fields: dict[str, Any], unenrol: StagedUnenrol | None, columns: set[str]
) -> None:
    state = enabled(assessment=eligible(**fields), unenrol=unenrol)
    assert emptied_for(state) == columns
    update = StagedUpdate(fields=("phone",), columns=("phone",), at=BEFORE)
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
    assert school.road.school().fill["phone"] == "100/100"


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
    assert school.road.school().fill["phone"] == "0/100", "and from then on it is how things are"


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
    school.reads(pupils(100, phone=None, last_name="Moss"))
    found = school.road.account("3050000000")
    assert found is not None
    assert found.details is not None
    assert (found.details.last_name, found.details.phone) == ("Moss", PHONE)


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
    from shared.events import PauseSchool, ResumeSchool

    school.road.order(PauseSchool(school=SCHOOL, operator="kim"))
    school.reads(pupils(100, phone=None))
    assert (school.phones(), school.road.school().fill["phone"]) == (100, "100/100")
    school.road.order(ResumeSchool(school=SCHOOL, operator="kim"))
    report = school.reads(pupils(100, phone=None))
    assert (school.phones(), report.is_held) == (100, True)


def test_the_builders_count_as_the_services_do() -> None:
    assert a_fill(pupils(3))["phone"] == 3
