"""Makes students of a school's records: by its words, with their enrolments."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from services.fetcher import parse
from services.fetcher.areas import AreasRead, StatusWords
from services.fetcher.parse import Json
from services.fetcher.structure import Curriculum, curriculum
from shared.config import IsamsSchool
from shared.model import Student


@dataclass(frozen=True)
class Reader:
    """What a school's records are read with, for the length of one sweep."""

    reading: parse.Reading
    curriculum: Curriculum

    def student(self, record: Json) -> Student | None:
        """None when nothing says whose record this is. One that cannot be read is somebody of whom nothing is known."""
        try:
            student_id = parse.student_id(record)
        except parse.Unreadable:
            return None
        try:
            student = parse.student(record, self.reading)
        except parse.Unreadable as error:
            return parse.unreadable(student_id, error)
        return msgspec.structs.replace(
            student,
            programmes=self.curriculum.programmes_of(student.year_group),
            modules=self.curriculum.modules_of(student_id),
        )


def reader_of(settings: IsamsSchool, areas: AreasRead) -> Reader:
    years = settings.year_from_nc_year
    plan = curriculum(areas.structure, areas.sets, modules=settings.modules, years=years)
    return Reader(parse.Reading(_words(areas.statuses, settings.system_status_words), years, settings.zone), plan)


def _words(statuses: StatusWords | None, configured: Mapping[str, int]) -> dict[str, int]:
    """What the school's configuration says of a word goes before what the school's own list says."""
    listed = statuses.words if statuses else {}
    return dict(listed) | {word.strip().casefold(): number for word, number in configured.items()}
