"""A slip of the structure is not an un-enrolment: what nobody loses by it, and in which words it is told."""

from pathlib import Path

import msgspec
import pytest

from services.fetcher.isams.curriculum import (
    Division,
    SchoolLists,
    Subject,
    TeachingLists,
    TeachingSet,
    YearGroup,
    curriculum,
)
from services.fetcher.isams.slips import MOST, Slips, nameless
from services.fetcher.isams.staff_assignments import NOTHING, posts
from tests.unit.fetcher.whole import Whole
from tests.unit.fetcher.world import Abbey, AbbeySource, completed, ids, kinds, record, settings

HISTORY, ART = Subject(id=7, code="HIS", name="History"), Subject(id=8, code="ART", name="Art")


def a_set(
    id: int, *members: str, nc_year: int = 10, subject: int | None = 7, teachers: tuple[str, ...] = ()
) -> TeachingSet:
    members = tuple(sorted(members))
    return TeachingSet(id=id, name=f"S{id}", subject=subject, nc_year=nc_year, members=members, teachers=teachers)


@pytest.mark.parametrize("hidden", ["year group", "subject"])
async def test_what_its_list_has_lost_for_one_reading_takes_no_module_and_no_programme(
    tmp_path: Path, hidden: str
) -> None:
    """Five of a hundred are in year 14: with its list, or the subject's, all that they have stays theirs."""
    everybody = ids(100)
    small = everybody[:5]
    source = AbbeySource([record(id, yearGroup=14 if id in small else 10) for id in everybody])
    both = tuple(YearGroup(nc_year=year, name=f"Year {year}", divisions=(1,)) for year in (10, 14))
    source.lists = msgspec.structs.replace(source.lists, year_groups=both)
    sets = (
        a_set(50, *(id for id in everybody if id not in small)),
        a_set(54, *small, nc_year=14, subject=8),
    )
    source.teaching = TeachingLists(subjects=(HISTORY, ART), sets=sets)
    whole = Whole(Abbey(source, settings(structure_hours=0.0, lists_hours=0.0)), tmp_path)
    await whole.sweep()
    if hidden == "year group":
        source.lists = msgspec.structs.replace(source.lists, year_groups=both[:1])
    else:
        source.teaching = TeachingLists(subjects=(HISTORY,), sets=sets)
    for _ in range(2):
        whole.abbey.clock.forward(hours=7)
        await whole.sweep()
        account = whole.road.account(small[0])
        assert account is not None
        assert (account.programmes, account.modules) == (("Y14",), ("Y14-ART",))
    assert whole.removals() == []


async def test_sets_of_which_none_has_a_known_subject_leave_the_modules_as_they_were(tmp_path: Path) -> None:
    source = AbbeySource([record(id) for id in ids(10)])
    source.teach(*ids(10))
    whole = Whole(Abbey(source, settings(structure_hours=0.0, lists_hours=0.0)), tmp_path)
    await whole.sweep()
    source.teaching = msgspec.structs.replace(source.teaching, subjects=())
    said = await whole.sweep()
    assert "sets" not in completed(said).certificate.areas
    assert [one for one in kinds(said) if one == "StudentFetched"] == []
    assert whole.removals() == []


class TestStaff:
    lists = SchoolLists(
        year_groups=(YearGroup(nc_year=10, name="Year 10", divisions=(1,)),),
        divisions=(Division(id=1, code="SEN", name="Senior School"),),
    )
    taught = TeachingLists(
        subjects=(HISTORY,),
        sets=(
            a_set(41, "1", teachers=("214",)),
            a_set(42, "1", teachers=("s.oak@abbey.example",)),
            a_set(43, "1", subject=99, teachers=("215",)),
        ),
    )

    def test_a_teacher_is_known_by_id_or_by_e_mail(self) -> None:
        found = posts(self.lists, curriculum(self.lists, self.taught, modules="subject", years={}))
        by_id, by_email = found.of("214"), found.of("216", "S.Oak@abbey.example")
        assert by_id is not None
        assert by_id == by_email
        assert (by_id.departments, by_id.programmes, by_id.modules) == (("SEN-YEARS",), ("Y10",), ("Y10-HIS",))
        assert found.of("217", "t.elm@abbey.example") == NOTHING
        assert found.of("217") == NOTHING

    def test_who_teaches_a_set_of_a_subject_in_no_list_keeps_what_they_have(self) -> None:
        found = posts(self.lists, curriculum(self.lists, self.taught, modules="subject", years={}))
        assert found.of("215") is None

    @pytest.mark.parametrize(
        ("lost", "divisions", "faculties"),
        [
            pytest.param(0, ("SEN", "ADMIN"), ("SEN",), id="one that has no year group"),
            pytest.param(1, ("SEN", "ADMIN"), None, id="one that may be the one that could not be read"),
            pytest.param(1, ("SEN",), ("SEN",), id="all are known"),
            pytest.param(0, ("ADMIN",), None, id="none is known"),
            pytest.param(1, (), (), id="none"),
        ],
    )
    def test_a_division_that_could_not_be_read_takes_no_faculty(
        self, lost: int, divisions: tuple[str, ...], faculties: tuple[str, ...] | None
    ) -> None:
        lists = msgspec.structs.replace(self.lists, lost=lost)
        found = posts(lists, curriculum(lists, None, modules="subject", years={}))
        assert found.faculties_of(divisions) == faculties


def test_slips_are_told_once_each_and_not_without_end() -> None:
    slips = Slips()
    for number in [1, *range(1, MOST + 6)]:
        slips.note(f"students {number}", "dob is no date")
    assert slips.words[:2] == ("students 1: dob is no date", "students 2: dob is no date")
    assert (len(slips.words), slips.words[-1]) == (MOST + 1, "and 5 more")
    assert nameless(slips.words) == [f"dob is no date ({MOST} times)", "and 5 more"]
