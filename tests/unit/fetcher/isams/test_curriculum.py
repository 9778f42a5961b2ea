"""A school's lists become faculties, departments, programmes and modules."""

import msgspec
import pytest

from services.fetcher.isams.curriculum import (
    Curriculum,
    Division,
    SchoolLists,
    Subject,
    TeachingDepartment,
    TeachingLists,
    TeachingSet,
    YearGroup,
    curriculum,
)
from shared.contract.model import Department, Faculty, Module, ModuleYear, Programme, Structure

YEARS = {10: 4, 11: 5}
SENIOR = Division(id=1, code="SEN", name="Senior School", order=1)
HISTORY = Subject(id=7, code="HIS", name="History")
ART = Subject(id=8, code="ART", name="Art")


def lists(
    *groups: YearGroup, divisions: tuple[Division, ...] = (SENIOR,), departments: tuple[TeachingDepartment, ...] = ()
) -> SchoolLists:
    return SchoolLists(
        year_groups=groups or (YearGroup(nc_year=10, name="Year 10", divisions=(1,)),),
        divisions=divisions,
        departments=departments,
    )


def a_set(
    id: int, *members: str, subject: int | None = 7, nc_year: int | None = 10, code: str | None = None
) -> TeachingSet:
    return TeachingSet(
        id=id,
        code=f"S{id}" if code is None else code,
        name=f"Set {id}",
        subject=subject,
        nc_year=nc_year,
        members=members,
    )


def teaching(*sets: TeachingSet, subjects: tuple[Subject, ...] = (HISTORY,)) -> TeachingLists:
    return TeachingLists(subjects=subjects, sets=sets)


def by_subject(school: SchoolLists | None, taught: TeachingLists | None) -> Curriculum:
    return curriculum(school, taught, modules="subject", years=YEARS)


def structure(school: SchoolLists, taught: TeachingLists | None = None) -> Structure:
    found = by_subject(school, taught).structure
    assert found is not None
    return found


def test_a_small_school_whole() -> None:
    taught = teaching(a_set(41, "1", "2"), a_set(42, "2", subject=8), subjects=(HISTORY, ART))
    assert structure(lists(departments=(TeachingDepartment(id=3, name="Humanities"),)), taught) == Structure(
        faculties=(Faculty(code="SEN", name="Senior School"),),
        departments=(
            Department(code="DEP-3", name="Humanities", faculty_code="SEN"),
            Department(code="SEN-YEARS", name="Senior School year groups", faculty_code="SEN"),
        ),
        programmes=(Programme(code="Y10", name="Year 10", department_code="SEN-YEARS"),),
        modules=(
            Module(
                code="Y10-ART",
                name="Art (Year 10)",
                programme_code="Y10",
                years=(ModuleYear(year=4, is_optional=True),),
            ),
            Module(
                code="Y10-HIS",
                name="History (Year 10)",
                programme_code="Y10",
                years=(ModuleYear(year=4, is_optional=False),),
            ),
        ),
    )


def test_every_code_that_is_named_is_defined() -> None:
    school = lists(
        YearGroup(nc_year=10, name="Year 10", divisions=(2, 1)),
        YearGroup(nc_year=11, name="Year 11", divisions=(99,)),
        divisions=(SENIOR, Division(id=2, code="SIX", name="Sixth Form")),
    )
    found = structure(school, teaching(a_set(41, "1"), a_set(42, "2", nc_year=11)))
    faculties = {one.code for one in found.faculties}
    departments = {one.code for one in found.departments}
    programmes = {one.code for one in found.programmes}
    assert {one.faculty_code for one in found.departments if one.faculty_code} <= faculties
    assert {one.department_code for one in found.programmes} <= departments
    assert {one.programme_code for one in found.modules} == programmes == {"Y10", "Y11"}


@pytest.mark.parametrize(
    ("divisions", "home"),
    [
        pytest.param((1,), "SEN-YEARS", id="of one division"),
        pytest.param((2, 1), "SEN-YEARS", id="of two: the first by the school's own order"),
        pytest.param((), "YEARS", id="of none"),
        pytest.param((99,), "YEARS", id="of one that is in no list"),
    ],
)
def test_a_programme_has_a_department(divisions: tuple[int, ...], home: str) -> None:
    school = lists(
        YearGroup(nc_year=10, name="Year 10", divisions=divisions),
        divisions=(SENIOR, Division(id=2, code="SIX", name="Sixth Form", order=2)),
    )
    assert [one.department_code for one in structure(school).programmes] == [home]


def test_the_department_of_the_homeless_is_there_only_when_needed() -> None:
    assert "YEARS" not in {one.code for one in structure(lists()).departments}


def test_a_teaching_department_is_in_a_faculty_only_when_there_is_one() -> None:
    humanities = (TeachingDepartment(id=3, name="Humanities"),)
    two = (SENIOR, Division(id=2, code="SIX", name="Sixth Form"))
    found = {one.code: one.faculty_code for one in structure(lists(divisions=two, departments=humanities)).departments}
    assert found["DEP-3"] is None


@pytest.mark.parametrize(
    ("takes_art", "is_optional"),
    [
        pytest.param(("1", "2"), False, id="all who are taught take it"),
        pytest.param(("1",), True, id="one does not"),
        pytest.param((), True, id="nobody does"),
    ],
)
def test_a_module_is_optional_when_only_some_of_the_year_take_it(takes_art: tuple[str, ...], is_optional: bool) -> None:
    taught = teaching(
        a_set(41, "1"),
        a_set(42, "2"),
        a_set(43, *takes_art, subject=8),
        subjects=(HISTORY, ART),
    )
    (art,) = (one for one in structure(lists(), taught).modules if one.code == "Y10-ART")
    assert art.years == (ModuleYear(year=4, is_optional=is_optional),)


def test_parts_of_a_year_do_not_make_a_subject_optional() -> None:
    (history,) = structure(lists(), teaching(a_set(41, "1"), a_set(42, "2"))).modules
    assert history.years == (ModuleYear(year=4, is_optional=False),)


def test_another_year_has_no_part_in_it() -> None:
    school = lists(YearGroup(nc_year=10, name="Year 10"), YearGroup(nc_year=11, name="Year 11"))
    found = structure(school, teaching(a_set(41, "1"), a_set(42, "9", nc_year=11)))
    assert [year.is_optional for one in found.modules for year in one.years] == [False, False]


def test_a_year_group_without_a_year_of_the_receivers_has_modules_in_no_year() -> None:
    school = lists(YearGroup(nc_year=3, name="Year 3"))
    (history,) = structure(school, teaching(a_set(41, "1", nc_year=3))).modules
    assert (history.code, history.years) == ("Y3-HIS", ())


@pytest.mark.parametrize(
    "homeless",
    [
        pytest.param(a_set(42, "1", nc_year=None), id="no year"),
        pytest.param(a_set(42, "1", subject=None), id="no subject"),
    ],
)
def test_a_set_of_nothing_known_is_no_module(homeless: TeachingSet) -> None:
    found = by_subject(lists(), teaching(a_set(41, "1"), homeless))
    assert found.enrolments_of("1", 10) == (("Y10",), ("Y10-HIS",))
    assert [one.code for one in (found.structure or Structure()).modules] == ["Y10-HIS"]


@pytest.mark.parametrize(
    "slipped",
    [
        pytest.param(a_set(42, "1", nc_year=12), id="a year that is in no list"),
        pytest.param(a_set(42, "1", subject=99), id="a subject that is in no list"),
        pytest.param(
            msgspec.structs.replace(a_set(42, "1", subject=None), is_stray=True), id="a subject whose code is in none"
        ),
    ],
)
def test_who_is_in_a_set_that_names_what_is_in_no_list_loses_nothing_by_it(slipped: TeachingSet) -> None:
    """A list that has lost an entry for one reading looks just so; whoever is not in such a set goes on as always."""
    found = by_subject(lists(), teaching(a_set(41, "1", "2"), slipped))
    assert found.enrolments_of("1", 10) == (None, None)
    assert found.enrolments_of("2", 10) == (("Y10",), ("Y10-HIS",))
    assert [one.code for one in (found.structure or Structure()).modules] == ["Y10-HIS"]


def test_where_sets_are_the_modules_their_subject_does_not_matter() -> None:
    taught = teaching(a_set(41, "1", subject=99))
    assert curriculum(lists(), taught, modules="set", years=YEARS).enrolments_of("1", 10) == (("Y10",), ("S41",))


@pytest.mark.parametrize("year_group", [None, 12], ids=["blank", "in no list"])
def test_what_hides_the_programme_hides_the_modules(year_group: int | None) -> None:
    found = by_subject(lists(), teaching(a_set(41, "1")))
    assert found.enrolments_of("1", year_group) == (None, None)


def test_a_year_group_whose_divisions_cannot_be_read_has_those_it_had() -> None:
    last = lists(YearGroup(nc_year=10, name="Year 10", divisions=(1,)))
    now = SchoolLists(year_groups=(YearGroup(nc_year=10, name="Year Ten", divisions=None),), lost=1)
    (programme,) = structure(now.with_divisions_of(last)).programmes
    assert (programme.name, programme.department_code) == ("Year Ten", "SEN-YEARS")
    (programme,) = structure(now.with_divisions_of(None)).programmes
    assert programme.department_code == "YEARS"


def test_with_sets_as_modules_each_set_is_one() -> None:
    found = curriculum(lists(), teaching(a_set(42, "2"), a_set(41, "1", "2", subject=None)), modules="set", years=YEARS)
    assert found.structure is not None
    assert [(one.code, one.name, one.programme_code) for one in found.structure.modules] == [
        ("S41", "Set 41", "Y10"),
        ("S42", "Set 42", "Y10"),
    ]
    assert (found.modules_of("1"), found.modules_of("2")) == (("S41",), ("S41", "S42"))
    assert [year.is_optional for one in found.structure.modules for year in one.years] == [False, True]


def test_who_is_in_no_set_has_no_module_and_who_is_in_two_of_one_subject_has_one() -> None:
    found = by_subject(lists(), teaching(a_set(41, "1"), a_set(42, "1")))
    assert (found.modules_of("1"), found.modules_of("9")) == (("Y10-HIS",), ())


def test_modules_of_a_student_are_sorted() -> None:
    subjects = (HISTORY, ART, Subject(id=9, code="ZOO", name="Zoology"))
    taught = teaching(a_set(41, "1"), a_set(42, "1", subject=9), a_set(43, "1", subject=8), subjects=subjects)
    assert by_subject(lists(), taught).modules_of("1") == ("Y10-ART", "Y10-HIS", "Y10-ZOO")


def test_what_was_never_read_is_not_supplied() -> None:
    nothing = by_subject(None, teaching(a_set(41, "1")))
    assert (nothing.structure, nothing.programmes_of(10), nothing.modules_of("1")) == (None, None, None)
    no_sets = by_subject(lists(), None)
    assert (no_sets.programmes_of(10), no_sets.modules_of("1")) == (("Y10",), None)


@pytest.mark.parametrize("year_group", [None, 12], ids=["blank", "in no list"])
def test_a_slip_in_the_year_group_is_no_un_enrolment(year_group: int | None) -> None:
    assert by_subject(lists(), None).programmes_of(year_group) is None


@pytest.mark.parametrize(
    ("entries", "codes"),
    [
        pytest.param([(1, "HIS"), (2, "ART")], ["ART", "HIS"], id="the school's own"),
        pytest.param([(1, "HIS"), (2, "HIS")], ["HIS", "HIS-2"], id="the older keeps it"),
        pytest.param([(2, "HIS"), (1, "HIS")], ["HIS", "HIS-2"], id="whatever their order"),
        pytest.param([(1, ""), (2, "")], ["DIV-1", "DIV-2"], id="none of their own"),
        pytest.param([(1, "HIS"), (1, "HIS")], ["HIS"], id="one that comes twice"),
    ],
)
def test_codes_are_unique_and_do_not_move(entries: list[tuple[int, str]], codes: list[str]) -> None:
    divisions = tuple(Division(id=id, code=code, name="one") for id, code in entries)
    assert [one.code for one in structure(lists(divisions=divisions)).faculties] == codes


def test_a_made_up_code_does_not_collide_with_a_real_one() -> None:
    divisions = (
        Division(id=1, code="A", name="one"),
        Division(id=2, code="A-3", name="two"),
        Division(id=3, code="A", name="three"),
    )
    codes = [one.code for one in structure(lists(divisions=divisions)).faculties]
    assert len(set(codes)) == 3
