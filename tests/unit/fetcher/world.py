"""A school in memory, its sweeps, and what they said."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from services.fetcher.isams.curriculum import (
    Division,
    Houses,
    SchoolHouse,
    SchoolLists,
    SchoolTerm,
    Subject,
    TeachingDepartment,
    TeachingLists,
    TeachingSet,
    Terms,
    YearGroup,
)
from services.fetcher.isams.parse import status_words
from services.fetcher.isams.source import (
    APPLICANTS,
    APPLICANTS_BRIEF,
    CONTACTS,
    EMPLOYEES,
    LEAVERS,
    Absent,
    Json,
    Page,
)
from services.fetcher.population import School
from services.fetcher.sweep.cache import MemoryMemory
from services.fetcher.sweep.sweep import Result, run_sweep
from shared.config.settings import IsamsSchool
from shared.config.values import Reading
from shared.contract.codec import Message, decode
from shared.contract.events import StaffFetched, StructureFetched, StudentFetched, SweepCompleted, SweepFailed
from shared.contract.model import Frozen
from shared.memory import MemoryLog

SLUG = "abbey"
LANE = 5
MONDAY = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


def settings(**changes: Any) -> IsamsSchool:
    given: dict[str, Any] = {
        "tenant": "abbey",
        "source": "isams",
        "base_url": "http://127.0.0.1:9",
        "client_id": "made-up",
        "client_secret": {"env": "MADE_UP"},
    }
    return IsamsSchool.model_validate(given | changes, context=Reading(Path(), {"MADE_UP": "made-up"}))


def ids(count: int, start: int = 0) -> list[str]:
    return [f"{3050100000 + number}" for number in range(start, start + count)]


def record(id: str, **fields: Any) -> dict[str, Any]:
    """One pupil as the vendor writes them."""
    return {
        "schoolId": id,
        "title": "Miss",
        "forename": "Ada",
        "surname": "Fern",
        "schoolEmailAddress": f"{id}@abbey.example",
        "yearGroup": 10,
        "systemStatus": "Current",
        "latestPhotoId": None,
    } | fields


def applicant(id: str, **fields: Any) -> dict[str, Any]:
    """One applicant as the vendor writes them."""
    return {
        "schoolId": id,
        "title": "Miss",
        "forename": "Una",
        "surname": "Oak",
        "admissionStatus": "Accepted",
        "enrolmentSchoolYear": 2027,
        "enrolmentSchoolYearGroup": 7,
        "enrolmentAcademicHouseId": 1,
        "systemStatus": "Applicant",
    } | fields


def alumnus(id: str, **fields: Any) -> dict[str, Any]:
    """One leaver as the vendor writes them."""
    return {
        "schoolId": id,
        "title": "Miss",
        "forename": "Ada",
        "surname": "Fern",
        "leavingYear": 2026,
        "leavingDate": "2026-11-20T00:00:00",
        "leavingYearGroup": 10,
        "systemStatus": "Former",
    } | fields


def employee(id: int, **fields: Any) -> dict[str, Any]:
    """One member of staff as the vendor writes them."""
    return {
        "id": id,
        "title": "Mr",
        "forename": "Sam",
        "surname": "Oak",
        "schoolEmailAddress": f"{id}@abbey.example",
        "isTeachingStaff": True,
        "divisions": None,
        "leavingDate": None,
        "systemStatus": 1,
        "latestPhotoId": None,
    } | fields


class Clock:
    """Each look at it is a millisecond later than the last."""

    def __init__(self, now: datetime = MONDAY) -> None:
        self.now = now

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now

    def forward(self, **time: float) -> None:
        self.now += timedelta(**time)


class AbbeySource:
    """
    ``services.fetcher.isams.source.Source`` with levers: ``pupils`` are served in pages of ``page_size``, ``by_id``
    answers for who is not on them (an exception is raised), ``short`` are the other lists by name (None: there is
    none), ``trouble`` maps a page or an area to what it raises, ``alter`` changes a page on its way out.
    """

    students_path = "/api/students"

    def __init__(self, pupils: Sequence[Mapping[str, Any]] = (), page_size: int = 100) -> None:
        self.pupils = list(pupils)
        self.page_size = page_size
        self.by_id: dict[str, Any] = {}
        self.trouble: dict[Any, Exception] = {}
        self.alter: Callable[[Page], Page] = lambda page: page
        self.alter_short: Callable[[str, Page], Page] = lambda _, page: page
        self.short: dict[str, list[dict[str, Any]] | None] = {
            APPLICANTS: [],
            APPLICANTS_BRIEF: None,
            LEAVERS: [],
            CONTACTS: [],
            EMPLOYEES: [],
        }
        self.statuses: list[Json] = [
            {"id": 1, "description": "Current"},
            {"id": 0, "description": "Applicant"},
            {"id": -1, "description": "Former"},
        ]
        self.school_houses = Houses(houses=(SchoolHouse(id=1, code="ELM", name="Elm"),))
        autumn = SchoolTerm(id=1, code="2026-Autumn", name="Autumn", starts="2026-09-01", ends="2026-12-15")
        self.school_terms = Terms(terms=(autumn,))
        self.lists = SchoolLists(
            year_groups=(YearGroup(nc_year=10, name="Year 10", divisions=(1,)),),
            divisions=(Division(id=1, code="SEN", name="Senior School"),),
            departments=(TeachingDepartment(id=3, name="Humanities"),),
        )
        self.teaching = TeachingLists(subjects=(Subject(id=7, code="HIS", name="History"),))
        self.asked: list[Any] = []

    def teach(self, *members: str, by: tuple[str, ...] = ()) -> None:
        """Who is in the one set of history in year 10, and who teaches it."""
        one = TeachingSet(
            id=41,
            code="10B/Hi1",
            name="10B/Hi1",
            subject=7,
            nc_year=10,
            members=tuple(sorted(members)),
            teachers=by,
        )
        self.teaching = TeachingLists(subjects=self.teaching.subjects, sets=(one,))

    async def students(self, page: int) -> Page:
        self._ask(page)
        part = self.pupils[(page - 1) * self.page_size : page * self.page_size]
        pages = -(-len(self.pupils) // self.page_size)
        return self.alter(Page(page, pages, len(self.pupils), len(part), part))

    async def student(self, student_id: str) -> Json | None:
        self._ask(student_id)
        found = self.by_id.get(student_id)
        if isinstance(found, Exception):
            raise found
        return found

    async def applicant(self, student_id: str) -> Json | None:
        self._ask(f"applicant {student_id}")
        found = self.by_id.get(f"applicant {student_id}")
        if isinstance(found, Exception):
            raise found
        return found

    async def employee(self, id: str) -> Json | None:
        self._ask(f"employee {id}")
        found = self.by_id.get(f"employee {id}")
        if isinstance(found, Exception):
            raise found
        return found

    async def page(self, name: str, number: int) -> Page:
        self._ask(name)
        if name == EMPLOYEES:
            self._ask(f"{name} {number}")
        people = self.short[name]
        if people is None:
            raise Absent(f"there are no {name}")
        part = people[(number - 1) * self.page_size : number * self.page_size]
        return self.alter_short(name, Page(number, -(-len(people) // self.page_size), len(people), len(part), part))

    def path_of(self, name: str) -> str:
        return f"/api/{name}"

    async def houses(self) -> Houses:
        self._ask("houses")
        return self.school_houses

    async def terms(self) -> Terms:
        self._ask("terms")
        return self.school_terms

    async def status_words(self) -> Mapping[str, int]:
        self._ask("statuses")
        return status_words(self.statuses)

    async def school_lists(self) -> SchoolLists:
        self._ask("structure")
        return self.lists

    async def teaching_lists(self) -> TeachingLists:
        self._ask("sets")
        return self.teaching

    async def close(self) -> None:
        self._ask("close")

    def _ask(self, what: Any) -> None:
        self.asked.append(what)
        if what in self.trouble:
            raise self.trouble[what]


class Held:
    """A lease that is lost after so many looks at it."""

    def __init__(self, looks: int = 10**9) -> None:
        self.looks = looks

    def held(self) -> bool:
        self.looks -= 1
        return self.looks >= 0


@dataclass
class Abbey:
    """One school, the log and the memory of its fetchers; ``sweep`` runs one and returns what it said."""

    source: AbbeySource
    config: IsamsSchool = field(default_factory=lambda: settings(structure_hours=0.0, lists_hours=0.0))
    out: MemoryLog = field(default_factory=MemoryLog)
    memory: MemoryMemory = field(default_factory=MemoryMemory)
    clock: Clock = field(default_factory=Clock)
    release: str = "1"
    result: Result | None = None

    @property
    def school(self) -> School:
        return School(SLUG, self.config, LANE, self.source, self.release)

    @property
    def staff(self) -> School:
        return replace(self.school, kind="staff")

    async def sweep(
        self, *, full: bool = False, lease: Held | None = None, school: School | None = None
    ) -> list[Message]:
        said = len(self.out.messages)
        self.result = None
        self.clock.forward(seconds=1)
        self.source.asked.clear()
        try:
            self.result = await run_sweep(
                school or self.school, self.out, self.memory, lease or Held(), self.clock, wants_full=full
            )
        finally:
            self.said = self.out.messages[said:]
        return self.said

    @property
    def failure(self) -> str:
        assert self.result is not None
        return self.result.failure.reason if self.result.failure else ""


def header(message: Message, name: str) -> str | None:
    return dict(message.headers).get(name, b"").decode() or None


def event(message: Message) -> Frozen:
    assert message.value is not None
    return decode(header(message, "ce_type"), message.value)


def kinds(said: Sequence[Message]) -> list[str]:
    return [type(event(message)).__name__ for message in said]


def students(said: Sequence[Message]) -> dict[str, StudentFetched]:
    """Who was sent, by id."""
    found = [one for one in map(event, said) if isinstance(one, StudentFetched)]
    assert len({one.student.student_id for one in found}) == len(found)
    return {one.student.student_id: one for one in found}


def staff(said: Sequence[Message]) -> dict[str, StaffFetched]:
    """Which members of staff were sent, by id."""
    return {one.student.student_id: one for one in map(event, said) if isinstance(one, StaffFetched)}


def completed(said: Sequence[Message]) -> SweepCompleted:
    (found,) = (one for one in map(event, said) if isinstance(one, SweepCompleted))
    return found


def failed(said: Sequence[Message]) -> SweepFailed:
    (found,) = (one for one in map(event, said) if isinstance(one, SweepFailed))
    return found


def structures(said: Sequence[Message]) -> list[StructureFetched]:
    return [one for one in map(event, said) if isinstance(one, StructureFetched)]
