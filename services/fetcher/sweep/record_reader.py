"""Makes students of a school's records: by its words, with their enrolments, one record for each person."""

from dataclasses import dataclass

import msgspec

from services.fetcher.isams import parse
from services.fetcher.isams.curriculum import Curriculum, curriculum
from services.fetcher.isams.field_names import ParseContext
from services.fetcher.isams.fields import Json, Unreadable
from services.fetcher.sweep.areas import AreasRead, reading
from services.fetcher.sweep.merge_lists import People, people_of
from services.fetcher.sweep.short_lists import Homes, ShortList
from shared.config.settings import IsamsSchool
from shared.contract.model import Student


@dataclass(frozen=True)
class Reader:
    """What a school's records are read with, for the length of one sweep."""

    reading: ParseContext
    curriculum: Curriculum
    people: People
    homes: Homes

    def student(self, record: Json) -> Student | None:
        """A record of the students' list; None when nothing says whose it is."""
        try:
            student = parse.student(record, self.reading)
        except Unreadable:
            return None
        programmes, modules = self.curriculum.enrolments_of(student.student_id, student.year_group)
        student = msgspec.structs.replace(
            student,
            programmes=programmes,
            modules=modules,
            address=self.homes.homes.get(student.student_id, student.address),
        )
        return self.people.of_student(student)

    def applicant(self, record: Json) -> Student | None:
        """One applicant who was asked for by id."""
        try:
            student = parse.applicant(record, self.reading)
        except Unreadable:
            return None
        is_leaver = student.student_id in self.people.leavers
        return msgspec.structs.replace(student, lists=("applicants", "leavers")) if is_leaver else student


def reader_of(settings: IsamsSchool, areas: AreasRead) -> Reader:
    plan = curriculum(
        areas.structure,
        areas.sets,
        modules=settings.modules,
        years=settings.year_from_nc_year,
        houses=areas.houses,
        terms=areas.terms,
    )
    none = ShortList()
    people = people_of(settings, (areas.applicants or none).people, (areas.leavers or none).people)
    return Reader(reading(settings, areas), plan, people, areas.homes or Homes())
