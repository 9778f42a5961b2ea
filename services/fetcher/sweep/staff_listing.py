"""
A school's staff as a sweep reads them: the list of employees, and nothing beside it.

Where somebody belongs rests on what the students' sweeps last kept of the school's structure and sets: they are read
once for both books.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import msgspec

from services.fetcher.isams import employees, field_names, parse
from services.fetcher.isams.curriculum import curriculum
from services.fetcher.isams.entries import Entries
from services.fetcher.isams.field_names import ParseContext
from services.fetcher.isams.fields import Json, Unreadable
from services.fetcher.isams.source import EMPLOYEES, Page
from services.fetcher.isams.staff_assignments import Posts, posts
from services.fetcher.population import School
from services.fetcher.sweep.areas import SETS, STATUSES, STRUCTURE, AreasRead, reading, remembered
from services.fetcher.sweep.cache import AreaState, Memory
from services.fetcher.sweep.likeness import marks_of
from services.fetcher.sweep.listing import Listed
from shared.clock import parse as moment
from shared.contract.events import EndpointRead
from shared.contract.leaving import is_over
from shared.contract.model import Student
from shared.sweeps.messages import Letter


class Staff:
    """``services.fetcher.sweep.listing.Listing`` of the staff."""

    people = "members of staff"
    leavers: Mapping[str, object] = {}
    structure: tuple[Letter, str] | None = None
    states: Mapping[str, AreaState] = {}
    fresh: Mapping[str, bytes] = {}

    def __init__(self, school: School, memory: Memory) -> None:
        self.path = school.source.path_of(EMPLOYEES)
        self._school = school
        self._memory = memory
        self._posts = Posts()
        self._reading = ParseContext({}, {}, school.settings.zone)
        self._areas: tuple[str, ...] = ("staff",)

    async def recall(self) -> None:
        school = self._school
        known = await asyncio.to_thread(self._memory.load_areas, school.slug, (STATUSES, STRUCTURE, SETS))
        areas = remembered(known)
        self._reading = ParseContext(reading(school.settings, areas).words, {}, school.settings.zone)
        self._posts = _posts(school, areas)
        if self._posts.taught is not None and areas.has_sound_sets(known.state.completed_at):
            self._areas = ("sets", "staff")

    async def prepare(self, started: datetime, *, full: bool) -> bool:
        await self.recall()
        return False

    async def page(self, number: int) -> Page:
        return await self._school.source.page(EMPLOYEES, number)

    async def find(self, id: str) -> Student | None:
        record = await self._school.source.employee(id)
        person = None if record is None else self.person(record)
        return person if person is not None and person.student_id == id else None

    def id_of(self, record: Json) -> str:
        return employees.employee_id(record)

    def person(self, record: Json) -> Student | None:
        try:
            person = employees.employee(record, self._reading)
        except Unreadable:
            return None
        post = self._posts.of(person.student_id, person.email)
        return msgspec.structs.replace(
            person,
            faculties=self._posts.faculties_of(employees.divisions(record)),
            departments=post and post.departments,
            programmes=post and post.programmes,
            modules=post and post.modules,
        )

    def marks(self, id: str, record: Json) -> str:
        return marks_of(id, record, field_names.EMPLOYEES)

    def explains(self, id: str) -> bool:
        return False

    def entries(self, students: Collection[str], roll: Collection[str]) -> Entries:
        return Entries()

    @property
    def slips(self) -> Sequence[str]:
        return self._reading.slips.words

    def has_left(self, person: Student, read_at: str) -> bool:
        today = moment(read_at).astimezone(self._school.settings.zone).date()
        return is_over(person, today) or person.system_status == parse.LEFT

    def others(self, roll: Mapping[str, object]) -> Sequence[Listed]:
        return ()

    def gone(self, roll: Mapping[str, object]) -> Sequence[Listed]:
        return ()

    def certified(self) -> tuple[Sequence[str], Sequence[EndpointRead]]:
        return self._areas, ()

    def rested(self, now: datetime, *, doubts_leavers: bool) -> dict[str, AreaState]:
        return {}


def _posts(school: School, areas: AreasRead) -> Posts:
    settings = school.settings
    plan = curriculum(areas.structure, areas.sets, modules=settings.modules, years=settings.year_from_nc_year)
    return posts(areas.structure, plan)
