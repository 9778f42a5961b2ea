"""A school's students as a sweep reads them: beside their list the applicants and leavers, and the school's areas."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property

import msgspec

from services.fetcher.isams import parse
from services.fetcher.isams.entries import Entries, OldEntries
from services.fetcher.isams.field_names import STUDENTS
from services.fetcher.isams.fields import Json
from services.fetcher.isams.source import Page
from services.fetcher.population import School
from services.fetcher.sweep import due_times
from services.fetcher.sweep.absence_lookup import find
from services.fetcher.sweep.areas import APPLICANTS, AREAS, LEAVERS, AreasRead, read_areas, remembered, rested
from services.fetcher.sweep.cache import AreaState, Remembered
from services.fetcher.sweep.likeness import marks_of
from services.fetcher.sweep.listing import Listed
from services.fetcher.sweep.record_reader import Reader, reader_of
from services.fetcher.sweep.short_lists import ShortList
from shared.clock import Clock
from shared.contract.events import EndpointRead
from shared.contract.model import Student
from shared.sweeps.messages import Letter, of_structure


class Students:
    """``services.fetcher.sweep.listing.Listing`` of the students. ``known`` is what is remembered of them."""

    people = "students"

    def __init__(self, school: School, known: Remembered, clock: Clock) -> None:
        self.path = school.source.students_path
        self._school = school
        self._known = known
        self._clock = clock
        self._areas: AreasRead
        self._reader: Reader
        self._old: OldEntries

    async def recall(self) -> None:
        self._take(remembered(self._known))

    async def prepare(self, started: datetime, *, full: bool) -> bool:
        school = self._school
        due = due_times.areas_due(self._known.state.areas, AREAS, started, full=full)
        self._take(await read_areas(school.slug, school.settings, school.source, self._known, due, self._clock))
        return bool(due)

    def _take(self, areas: AreasRead) -> None:
        self._areas = areas
        self._reader = reader_of(self._school.settings, areas)
        leavers = areas.leavers
        self._old = OldEntries(self._known.state.entries, self._known.roll, leavers.people if leavers else None)

    async def page(self, number: int) -> Page:
        return await self._school.source.students(number)

    async def find(self, id: str) -> Student | None:
        return await find(self._school.source, self._reader, id, is_applicant=id in self._applicants)

    @cached_property
    def _applicants(self) -> Mapping[str, msgspec.Raw]:
        """Those of the last reading: who is missing was one of them, and they have an address of their own."""
        last = self._known.area(APPLICANTS, ShortList)
        return last.people if last else {}

    def id_of(self, record: Json) -> str:
        return parse.student_id(record)

    def person(self, record: Json) -> Student | None:
        return self._reader.student(record)

    def marks(self, id: str, record: Json) -> str:
        return marks_of(id, record, STUDENTS)

    def has_left(self, person: Student, read_at: str) -> bool:
        return person.system_status == parse.LEFT

    def others(self, roll: Mapping[str, object]) -> Iterator[Listed]:
        return self._reader.people.others(roll, self._old.explains)

    def gone(self, roll: Mapping[str, object]) -> Iterator[Listed]:
        return self._reader.people.gone(roll, self._old.explains)

    @property
    def leavers(self) -> Mapping[str, object]:
        return self._reader.people.leavers

    def explains(self, id: str) -> bool:
        return self._old.explains(id)

    def entries(self, students: Collection[str], roll: Collection[str]) -> Entries:
        return self._old.after(students, roll)

    @property
    def slips(self) -> Sequence[str]:
        return (*self._areas.slips, *self._reader.reading.slips.words)

    @property
    def structure(self) -> tuple[Letter, str] | None:
        curriculum = self._reader.curriculum
        if curriculum.structure is None:
            return None
        letter = of_structure(self._school.slug, curriculum.structure, curriculum.missing)
        return letter, self._areas.structure_read_at

    @property
    def states(self) -> Mapping[str, AreaState]:
        return self._areas.states

    @property
    def fresh(self) -> Mapping[str, bytes]:
        return self._areas.fresh

    def certified(self) -> tuple[Sequence[str], Sequence[EndpointRead]]:
        areas, endpoints = self._areas.certified()
        return ("students", *areas), endpoints

    def rested(self, now: datetime, *, doubts_leavers: bool) -> dict[str, AreaState]:
        return rested(self._areas, self._school.settings, now, ask_again=[LEAVERS] if doubts_leavers else ())
