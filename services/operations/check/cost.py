"""What reading a school costs it, by its size and the school's cadences. Pure."""

import math
from dataclasses import dataclass

from services.fetcher.isams.rate_limit import STUDENTS_SHARE
from shared.config.settings import IsamsSchool

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


@dataclass(frozen=True)
class TooMany:
    """An area that takes more requests at once than an hour has left for it. ``needed``: the ceiling that would do."""

    what: str
    requests: int
    room: int
    needed: int


def sweep_requests(size: Size) -> int:
    """Of the students alone: the first page is asked for twice where anything beside it is due."""
    return size.pages(size.students) + 1


def at_once(school: IsamsSchool, size: Size) -> list[TooMany]:
    """
    The areas that can never be read: ``Politeness.check_room`` keeps part of every hour for the students, and what they
    and the staff take of it all day is never there.
    """
    sweeps = 3600 / school.poll_seconds
    staff = 0.0 if size.staff is None else 3600 / school.staff_poll_seconds * size.pages(size.staff)
    taken = math.ceil(TOKENS_PER_HOUR + sweeps * size.pages(size.students) + staff)
    areas = {
        "applicants": size.pages(size.applicants) - 1,
        "leavers": size.pages(size.leavers) - 1,
        "contacts": size.pages(size.contacts) - 1,
        "sets": size.sets,
    }
    ceiling = school.max_requests_per_hour
    room = ceiling - ceiling // STUDENTS_SHARE - taken
    return [TooMany(what, n, room, _ceiling_for(n + taken)) for what, n in areas.items() if n > max(room, 0)]


def _ceiling_for(requests: int) -> int:
    """The smallest ceiling of which so many are left when the students' share is taken off."""
    ceiling = requests
    while ceiling - ceiling // STUDENTS_SHARE < requests:
        ceiling += 1
    return ceiling


def _readings(hours: float, sweeps: float) -> float:
    """An hour, of what is read so many hours apart: never more often than the students."""
    return min(sweeps, 1 / hours) if hours else sweeps
