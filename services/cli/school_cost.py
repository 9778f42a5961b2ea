"""What reading a school costs it, by its size and the school's cadences. Pure."""

import math
from dataclasses import dataclass

from shared.config import IsamsSchool

TOKENS_PER_HOUR = 1.0
SHORT_LISTS = 6  # life stages, departments, houses, terms, subjects, sets: one request each
TEACHING = 1  # and the year groups, each of which is asked for its divisions


@dataclass(frozen=True)
class Size:
    """How many records each list has, and how many iSAMS gives at once; ``staff`` None: they are not read."""

    page_size: int
    students: int
    applicants: int = 0
    leavers: int = 0
    contacts: int = 0
    year_groups: int = 0
    sets: int = 0
    staff: int | None = None

    def pages(self, records: int) -> int:
        return max(1, math.ceil(records / self.page_size))


def requests_per_hour(school: IsamsSchool, size: Size) -> float:
    """
    On a day like any other, once every list was read. A photo costs one request when it is new, and that is not in it;
    in its first hours a school costs more.
    """
    sweeps = 3600 / school.poll_seconds
    students = sweeps * size.pages(size.students)
    lists = (size.pages(size.applicants) + size.pages(size.leavers) + 1) * _readings(school.lists_hours, sweeps)
    slow = SHORT_LISTS + TEACHING + size.year_groups + size.sets + size.pages(size.contacts) + 1
    structure = slow * _readings(school.structure_hours, sweeps)
    hours = max(school.transcript_hours, 1.0)
    gradebooks = size.students / hours if school.gradebooks_path else 0.0
    staff = 0.0 if size.staff is None else 3600 / school.staff_poll_seconds * size.pages(size.staff)
    return TOKENS_PER_HOUR + students + lists + structure + gradebooks + staff


def _readings(hours: float, sweeps: float) -> float:
    """An hour, of what is read so many hours apart: never more often than the students."""
    return min(sweeps, 1 / hours) if hours else sweeps
