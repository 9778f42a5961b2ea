"""
A school's structure as faculties, departments, programmes and modules; and who is in which. Pure.

| of the school | becomes | code |
| --- | --- | --- |
| division | faculty | the division's |
| division | department of that faculty, home of its year groups | ``SEN-YEARS`` |
| teaching department | department | ``DEP-3`` |
| year group | programme | ``Y10`` |
| subject taught in a year group | module of that programme | ``Y10-HIS`` |
| or teaching set (``modules = "set"``) | module of its year's programme | the set's |

A programme must have a department, and a year group belongs to a division, not to a teaching department: so each
division has one department beside its faculty, in which its year groups are programmes. A year group of several
divisions is with the first of them; years without any share the department ``YEARS``. A teaching department is in a
faculty only when the school has just one.

A module is optional when not everybody takes it who is in any set of its year. Not *everybody in the year*: a joiner
who has no timetable yet would make every module optional until the next reading.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeVar

import msgspec

from shared.contract.model import Department, Faculty, Frozen, House, Module, ModuleYear, Programme, Structure, Term

Codes = tuple[str, ...]
HOMELESS = Department(code="YEARS", name="Year groups")


class Division(Frozen, kw_only=True):
    id: int
    code: str = ""
    name: str
    order: int = 0


class YearGroup(Frozen, kw_only=True):
    """``divisions``: ids, in the order in which the school lists them; None: they could not be read."""

    nc_year: int
    name: str
    divisions: tuple[int, ...] | None = ()


class TeachingDepartment(Frozen, kw_only=True):
    id: int
    code: str = ""
    name: str


class Subject(Frozen, kw_only=True):
    id: int
    code: str = ""
    name: str


class TeachingSet(Frozen, kw_only=True):
    """
    ``nc_year`` and ``subject`` are None where the school does not say; ``is_stray``: it names a subject that is in no
    list. ``members`` are sorted student ids, ``teachers`` those of members of staff, or their e-mails.
    """

    id: int
    code: str = ""
    name: str
    subject: int | None = None
    is_stray: bool = False
    nc_year: int | None = None
    members: tuple[str, ...] = ()
    teachers: tuple[str, ...] = ()


class SchoolHouse(Frozen, kw_only=True):
    id: int
    code: str = ""
    name: str


class Houses(Frozen, kw_only=True):
    """``slips``, here and below: what of its lists could not be taken, in words."""

    houses: tuple[SchoolHouse, ...] = ()
    slips: tuple[str, ...] = ()

    @property
    def names(self) -> dict[int, str]:
        return {house.id: house.name for house in self.houses}


class SchoolTerm(Frozen, kw_only=True):
    """``starts`` and ``ends``: ``YYYY-MM-DD``. ``code``: the academic year and the term's name."""

    id: int
    code: str
    name: str
    starts: str
    ends: str


class Terms(Frozen, kw_only=True):
    terms: tuple[SchoolTerm, ...] = ()
    slips: tuple[str, ...] = ()


class SchoolLists(Frozen, kw_only=True):
    """
    ``repeated`` counts the year groups that came more than once: another may be missing in their place. ``lost`` counts
    the year groups and divisions that could not be read.
    """

    year_groups: tuple[YearGroup, ...] = ()
    divisions: tuple[Division, ...] = ()
    departments: tuple[TeachingDepartment, ...] = ()
    repeated: int = 0
    lost: int = 0
    slips: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        return not self.repeated and not self.lost

    def with_divisions_of(self, last: "SchoolLists | None") -> "SchoolLists":
        """A year group whose divisions could not be read has those that it had: they decide its department."""
        if all(group.divisions is not None for group in self.year_groups):
            return self
        had = {} if last is None else {group.nc_year: group.divisions for group in last.year_groups}
        known = {division.id: division for division in (*(last.divisions if last else ()), *self.divisions)}
        groups = tuple(
            msgspec.structs.replace(group, divisions=had.get(group.nc_year)) if group.divisions is None else group
            for group in self.year_groups
        )
        used = {id for group in groups for id in group.divisions or ()}
        divisions = tuple(known[id] for id in sorted(known.keys() & used))
        return msgspec.structs.replace(self, year_groups=groups, divisions=divisions)


class TeachingLists(Frozen, kw_only=True):
    """
    ``repeated`` counts the subjects, sets and members of sets that came more than once in their list, ``lost`` those
    that could not be read.
    """

    subjects: tuple[Subject, ...] = ()
    sets: tuple[TeachingSet, ...] = ()
    repeated: int = 0
    lost: int = 0
    slips: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        return not self.repeated and not self.lost

    @property
    def has_subjects(self) -> bool:
        """Whether anybody is in a set whose subject is known, or nobody in any."""
        listed = {subject.id for subject in self.subjects}
        taken = [entry.subject in listed for entry in self.sets if entry.members]
        return not taken or any(taken)


@dataclass(frozen=True)
class Curriculum:
    """
    The structure, and who is in what of it. Whatever was never read is None, and clears nothing.

    ``programmes`` maps a year group to its programme, ``modules`` a student to theirs, ``taught`` a member of staff to
    those that they teach, ``faculties`` a division to its faculty; ``missing`` names the lists of the structure that
    were never read. ``unsure`` are students and staff of sets that name a subject or a year group that is in no list.
    """

    structure: Structure | None = None
    missing: tuple[str, ...] = ()
    programmes: Mapping[int, str] = field(default_factory=dict)
    modules: Mapping[str, tuple[str, ...]] | None = None
    taught: Mapping[str, tuple[str, ...]] | None = None
    faculties: Mapping[int, str] = field(default_factory=dict)
    unsure: frozenset[str] = frozenset()

    def enrolments_of(self, student_id: str, year_group: int | None) -> tuple[Codes | None, Codes | None]:
        """
        Programmes and modules. A slip that hides one half hides the other: modules belong to programmes, and half a
        record would take the other half away.
        """
        programmes = self.programmes_of(year_group)
        if programmes is None or student_id in self.unsure:
            return None, None
        return programmes, self.modules_of(student_id)

    def programmes_of(self, year_group: int | None) -> tuple[str, ...] | None:
        """None too for a year group that is blank or that the school does not list: a slip is not an un-enrolment."""
        code = None if year_group is None else self.programmes.get(year_group)
        return None if code is None else (code,)

    def modules_of(self, student_id: str) -> tuple[str, ...] | None:
        if self.modules is None or student_id in self.unsure:
            return None
        return self.modules.get(student_id, ())


def curriculum(
    lists: SchoolLists | None,
    teaching: TeachingLists | None,
    *,
    modules: Literal["subject", "set"],
    years: Mapping[int, int],
    houses: Houses | None = None,
    terms: Terms | None = None,
) -> Curriculum:
    """
    What the school's lists come to. ``years`` maps a year group to the receiver's year, 0-7.

    Without the year groups nothing is supplied, since a module needs its programme; without the sets no modules are.
    """
    if lists is None:
        return Curriculum()
    programmes = {group.nc_year: f"Y{group.nc_year}" for group in lists.year_groups}
    faculties, departments, programme_list = _school(lists, programmes)
    drafts = [] if teaching is None else _modules(teaching, programmes, modules)
    structure = Structure(
        faculties=_by_code(faculties),
        departments=_by_code(departments),
        programmes=_by_code(programme_list),
        modules=_by_code(draft.module(lists, years) for draft in drafts),
        houses=_by_code(_houses(houses)),
        terms=_by_code(_terms(terms)),
    )
    supplied = {"modules": teaching, "houses": houses, "terms": terms}
    missing = tuple(name for name, value in supplied.items() if value is None)
    return Curriculum(
        structure,
        missing,
        programmes,
        None if teaching is None else _codes_by((draft.code, draft.members) for draft in drafts),
        None if teaching is None else _codes_by((draft.code, draft.teachers) for draft in drafts),
        _codes(lists.divisions, "DIV"),
        frozenset() if teaching is None else _unsure(teaching, programmes, modules),
    )


def _unsure(teaching: TeachingLists, programmes: Mapping[int, str], kind: Literal["subject", "set"]) -> frozenset[str]:
    """
    Whoever is in a set, or teaches one, that names what is in no list: a list that has lost an entry for one reading
    looks just so, and nobody may lose a module by it.
    """
    listed = {subject.id for subject in teaching.subjects}
    people: set[str] = set()
    for entry in teaching.sets:
        is_stray = entry.is_stray or (entry.subject is not None and entry.subject not in listed)
        has_no_year = entry.nc_year is not None and entry.nc_year not in programmes
        if has_no_year or (is_stray and kind == "subject"):
            people.update(entry.members, entry.teachers)
    return frozenset(people)


def _houses(houses: Houses | None) -> list[House]:
    entries = () if houses is None else houses.houses
    codes = _codes(entries, "HOU")
    return [House(code=codes[entry.id], name=entry.name) for entry in {one.id: one for one in entries}.values()]


def _terms(terms: Terms | None) -> list[Term]:
    entries = () if terms is None else terms.terms
    codes = _codes(entries, "TERM")
    return [
        Term(code=codes[entry.id], name=entry.name, starts=entry.starts, ends=entry.ends)
        for entry in {one.id: one for one in entries}.values()
    ]


@dataclass(frozen=True)
class _Draft:
    """A module before it has its words."""

    code: str
    name: str
    programme: str
    nc_year: int
    members: frozenset[str]
    teachers: frozenset[str]
    is_optional: bool
    is_named_by_year: bool

    def module(self, lists: SchoolLists, years: Mapping[int, int]) -> Module:
        group = next(group.name for group in lists.year_groups if group.nc_year == self.nc_year)
        year = years.get(self.nc_year)
        return Module(
            code=self.code,
            name=f"{self.name} ({group})" if self.is_named_by_year else self.name,
            programme_code=self.programme,
            years=() if year is None else (ModuleYear(year=year, is_optional=self.is_optional),),
        )


def _school(
    lists: SchoolLists, programmes: Mapping[int, str]
) -> tuple[list[Faculty], list[Department], list[Programme]]:
    codes = _codes(lists.divisions, "DIV")
    names = {division.id: division.name for division in lists.divisions}
    order = {division.id: (division.order, division.id) for division in lists.divisions}
    faculties = [Faculty(code=codes[id], name=names[id]) for id in codes]
    departments = [
        Department(code=f"{codes[id]}-YEARS", name=f"{names[id]} year groups", faculty_code=codes[id]) for id in codes
    ]
    only = faculties[0].code if len(faculties) == 1 else None
    for id, code in _codes(lists.departments, "DEP").items():
        name = next(department.name for department in lists.departments if department.id == id)
        departments.append(Department(code=code, name=name, faculty_code=only))
    result = []
    for group in {group.nc_year: group for group in lists.year_groups}.values():
        homes = sorted((id for id in group.divisions or () if id in codes), key=order.__getitem__)
        home = f"{codes[homes[0]]}-YEARS" if homes else HOMELESS.code
        result.append(Programme(code=programmes[group.nc_year], name=group.name, department_code=home))
    if any(programme.department_code == HOMELESS.code for programme in result):
        departments.append(HOMELESS)
    return faculties, departments, result


def _modules(teaching: TeachingLists, programmes: Mapping[int, str], kind: Literal["subject", "set"]) -> list[_Draft]:
    """Sets of an unknown subject or of a year group that the school does not list are in no module."""
    subjects = {subject.id: subject for subject in teaching.subjects}
    codes = _codes(teaching.subjects, "SUB")
    sets = [
        entry
        for entry in sorted({entry.id: entry for entry in teaching.sets}.values(), key=lambda entry: entry.id)
        if entry.nc_year in programmes and (kind == "set" or entry.subject in subjects)
    ]
    everybody: dict[int, set[str]] = defaultdict(set)
    for entry in teaching.sets:
        if entry.nc_year is not None:
            everybody[entry.nc_year].update(entry.members)
    groups: dict[tuple[int, int], list[TeachingSet]] = defaultdict(list)
    for entry in sets:
        groups[entry.nc_year or 0, entry.id if kind == "set" else entry.subject or 0].append(entry)
    set_codes = _codes(sets, "SET") if kind == "set" else {}
    drafts = []
    for (year, id), parts in groups.items():
        members = frozenset(member for part in parts for member in part.members)
        code = set_codes[id] if kind == "set" else f"{programmes[year]}-{codes[id]}"
        name = parts[0].name if kind == "set" else subjects[id].name
        optional = not members >= everybody[year]
        teachers = frozenset(teacher for part in parts for teacher in part.teachers)
        drafts.append(_Draft(code, name, programmes[year], year, members, teachers, optional, kind == "subject"))
    return drafts


def _codes_by(modules: Iterable[tuple[str, Iterable[str]]]) -> dict[str, tuple[str, ...]]:
    """The codes of everybody's modules, sorted."""
    found: dict[str, set[str]] = defaultdict(set)
    for code, people in modules:
        for id in people:
            found[id].add(code)
    return {id: tuple(sorted(codes)) for id, codes in found.items()}


class _Coded(Protocol):
    @property
    def id(self) -> int: ...

    @property
    def code(self) -> str: ...


def _codes(entries: Sequence[_Coded], prefix: str) -> dict[int, str]:
    """
    A code for each id: the school's own where it has one; ``DEP-3`` where not. Of several that share one, the oldest
    keeps it and the others are told apart by their ids: a newcomer must not rename what is there.
    """
    codes: dict[int, str] = {}
    taken: set[str] = set()
    for entry in sorted(entries, key=lambda entry: entry.id):
        if entry.id in codes:
            continue
        code = entry.code or f"{prefix}-{entry.id}"
        while code in taken:
            code = f"{code}-{entry.id}"
        taken.add(code)
        codes[entry.id] = code
    return codes


_HasCode = TypeVar("_HasCode", Faculty, Department, Programme, Module, House, Term)


def _by_code(entries: Iterable[_HasCode]) -> tuple[_HasCode, ...]:
    return tuple(sorted(entries, key=lambda entry: entry.code))
