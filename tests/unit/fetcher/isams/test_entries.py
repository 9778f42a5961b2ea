"""What an entry of the leavers' list tells of somebody who is missing: what it did not say while they were here."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from services.fetcher.isams.entries import Entries, OldEntries, date_of
from services.fetcher.isams.source import APPLICANTS, LEAVERS, Refused
from shared.contract.codec import encode
from shared.contract.model import Student
from shared.errors import Retryable
from tests.unit.fetcher.sweep.test_short_lists import TEN, abbey, read_once, short, without
from tests.unit.fetcher.whole import Whole
from tests.unit.fetcher.world import Abbey, AbbeySource, alumnus, applicant, completed, ids, record, settings, students

EVERY_TIME = {"structure_hours": 0.0, "lists_hours": 0.0}
BACK = TEN[3]  # re-admitted


def entry(id: str = BACK, leaving_date: str | None = "2024-07-05", leaving_year: int | None = None) -> msgspec.Raw:
    student = Student(student_id=id, lists=("leavers",), leaving_date=leaving_date, leaving_year=leaving_year)
    return msgspec.Raw(encode(student))


@pytest.mark.parametrize(
    ("known", "leavers", "explains"),
    [
        pytest.param(Entries(was_read=True), {BACK: entry()}, True, id="it came after they were last seen"),
        pytest.param(Entries(was_read=True), {}, False, id="there is none"),
        pytest.param(Entries(was_read=True), None, False, id="there is no list"),
        pytest.param(Entries(), {BACK: entry()}, False, id="nobody knows whether it was there before"),
        pytest.param(Entries(was_read=True, old={BACK: "2024-07-05"}), {BACK: entry()}, False, id="it was there"),
        pytest.param(
            Entries(was_read=True, old={BACK: "2023-07-05"}), {BACK: entry()}, True, id="it is of a later day now"
        ),
        pytest.param(Entries(was_read=True, old={BACK: ""}), {BACK: entry()}, False, id="it merely has a day now"),
        pytest.param(Entries(was_read=True, old={BACK: "2024"}), {BACK: entry()}, False, id="a day in place of a year"),
        pytest.param(
            Entries(was_read=True, old={BACK: "2024-07-05"}), {BACK: entry(leaving_date=None)}, False, id="no day now"
        ),
        pytest.param(Entries(was_read=True, unread=(BACK,)), {BACK: entry()}, False, id="gone before it was ever read"),
    ],
)
def test_an_entry_explains_what_it_did_not_say_before(known: Entries, leavers: Any, explains: bool) -> None:
    assert OldEntries(known, frozenset(TEN), leavers).explains(BACK) is explains


def test_of_whom_nothing_is_remembered_the_list_is_believed() -> None:
    """A first sweep: nobody is missing from a roll that there was not."""
    assert OldEntries(Entries(), None, {BACK: entry()}).explains(BACK)


def test_what_was_old_stays_old_until_it_changes() -> None:
    leavers = {BACK: entry()}
    here = OldEntries(Entries(), None, leavers).after({BACK}, {BACK})
    assert here == Entries(was_read=True, old={BACK: "2024-07-05"})
    gone = OldEntries(here, {BACK}, leavers).after(set(), set())
    assert gone == here
    assert OldEntries(gone, set(), {}).after(set(), set()) == Entries(was_read=True)
    later = {BACK: entry(leaving_date="2026-11-20")}
    assert OldEntries(gone, set(), later).explains(BACK)


def test_an_entry_of_a_year_alone_has_that_for_its_date() -> None:
    assert date_of(entry(leaving_date=None, leaving_year=2024)) == "2024"
    assert date_of(entry(leaving_date=None)) == ""


@pytest.mark.parametrize("answer", [None, Retryable("away"), Refused("no")], ids=["nobody", "no answer", "refused"])
async def test_an_old_entry_explains_no_absence(answer: Any) -> None:
    school = await read_once(*TEN, leavers=[BACK])
    without(school, BACK)
    school.source.by_id[BACK] = answer
    for _ in range(3):  # nor afterwards, when the person is on no roll any more
        said = await school.sweep(full=True)
        assert BACK not in students(said)
        assert BACK not in completed(said).absences.explained
    assert school.failure == ""


async def test_an_absence_with_an_old_entry_has_a_cause_of_its_own() -> None:
    school = await read_once(*TEN, leavers=[BACK])
    without(school, BACK, TEN[4])
    absences = completed(await school.sweep()).absences
    assert absences.by_cause == {"listed_before": 1, "nobody": 1}
    assert absences.unexplained == (BACK, TEN[4])


async def test_who_was_not_asked_for_counts_as_that_whatever_entry_they_have() -> None:
    everybody = ids(200)
    school = await read_once(*everybody, leavers=everybody[:60])
    without(school, *everybody[:60])
    absences = completed(await school.sweep()).absences
    assert absences.by_cause == {"listed_before": 50, "not_asked": 10}


async def test_who_says_by_id_that_they_have_left_is_told_by_that_record() -> None:
    school = await read_once(*TEN, leavers=[BACK])
    without(school, BACK)
    school.source.by_id[BACK] = record(BACK, systemStatus="Former")
    said = await school.sweep()
    assert completed(said).absences.by_cause == {"left_by_id": 1}
    assert (students(said)[BACK].student.system_status, students(said)[BACK].student.lists[0]) == (-1, "students")
    assert students(await school.sweep()) == {}, "and by no other afterwards"


async def test_a_list_that_is_read_for_the_first_time_explains_nobody_who_is_missing_already() -> None:
    school = abbey(*TEN)
    school.source.trouble["leavers"] = Refused("no")
    await school.sweep()
    without(school, BACK)
    assert completed(await school.sweep()).absences.unexplained == (BACK,)
    without(school, BACK, TEN[4])
    del school.source.trouble["leavers"]
    old = ids(1, start=700)[0]
    short(school, LEAVERS, alumnus(BACK), alumnus(TEN[4]), alumnus(old))
    said = await school.sweep()
    assert set(students(said)) == {old}
    assert completed(said).absences.unexplained == (TEN[4],)
    assert students(await school.sweep()) == {}


async def test_an_entry_that_came_in_a_sweep_that_failed_is_new_all_the_same() -> None:
    """The areas are kept before the sweep is certified: what counts is what the last certified one had."""
    school = await read_once(*TEN)
    without(school, BACK)
    short(school, LEAVERS, alumnus(BACK))
    school.source.trouble[1] = Retryable("away")
    await school.sweep()
    school.source.trouble = {}
    school.source.alter = lambda page: replace(page, declared=99)
    await school.sweep()
    assert school.failure == "totals_disagree"
    school.source.alter = lambda page: page
    said = await school.sweep()
    assert completed(said).absences.by_cause == {"left_by_list": 1}
    assert BACK in students(said)


async def test_an_old_application_and_an_old_entry_are_no_leaver() -> None:
    """In both lists for ever: hidden from the students, the two must not make a leaver of them."""
    old = applicant(BACK, admissionStatus="Former Pupil")
    school = await read_once(*TEN, applicants=[old], leavers=[BACK])
    without(school, BACK)
    said = await school.sweep()
    assert BACK not in students(said)
    assert completed(said).absences.by_cause == {"listed_before": 1}
    short(school, APPLICANTS, applicant(BACK))
    said = await school.sweep()
    assert students(said)[BACK].student.lists == ("applicants",)


class TestAccounts:
    async def whole(self, folder: Path, count: int) -> Whole:
        abbey = Abbey(AbbeySource([record(id) for id in ids(count)]), settings(**EVERY_TIME))
        whole = Whole(abbey, folder)
        await whole.sweep()
        assert len(whole.road.enabled()) == count
        return whole

    async def test_a_key_that_hides_a_readmitted_pupil_takes_nobody_away(self, tmp_path: Path) -> None:
        whole = await self.whole(tmp_path, 100)
        source, all = whole.abbey.source, ids(100)
        short(whole.abbey, LEAVERS, *map(alumnus, all[:4]))
        whole.abbey.clock.forward(hours=3)
        await whole.sweep()
        assert len(whole.road.enabled()) == 100, "in two lists: undecided"
        source.pupils = source.pupils[29:]
        for _ in range(3):
            whole.abbey.clock.forward(hours=2)
            said = await whole.sweep()
            assert len(whole.road.enabled()) == 100
        assert completed(said).absences.unexplained == ()

    @pytest.mark.parametrize(
        "odd", [{"dob": "13/13/2012"}, {"surname": ["Fern"]}], ids=["a field that decides nothing", "one that decides"]
    )
    async def test_a_record_that_cannot_be_read_is_no_leaver_by_the_list(
        self, tmp_path: Path, odd: dict[str, Any]
    ) -> None:
        whole = await self.whole(tmp_path, 30)
        first = ids(1)[0]
        short(whole.abbey, LEAVERS, alumnus(first))
        whole.abbey.clock.forward(hours=3)
        await whole.sweep()
        whole.abbey.source.pupils[0] = record(first, **odd)
        whole.abbey.clock.forward(minutes=5)
        await whole.sweep()
        assert len(whole.road.enabled()) == 30

    async def test_a_leaver_with_a_field_that_cannot_be_read_goes_and_a_joiner_comes(self, tmp_path: Path) -> None:
        whole = await self.whole(tmp_path, 30)
        first, joiner = ids(31)[0], ids(31)[30]
        whole.abbey.source.pupils[0] = record(first, systemStatus="Former", mobileNumber=["what"])
        whole.abbey.source.pupils.append(record(joiner, dob="soon"))
        await whole.sweep()
        assert first not in whole.road.enabled()
        assert joiner in whole.road.enabled()
