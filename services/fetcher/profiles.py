"""
Profiles ride with the students: whoever is told on ``students-fetched`` is told on ``profiles-fetched`` too, in the
same batch, so that neither is ever acknowledged without the other.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable

from services.fetcher.parse import LEFT
from services.fetcher.profile_memory import ProfileMemory, Wanted
from shared.clock import Clock
from shared.events import StudentFetched
from shared.model import Frozen, Student
from shared.ports import DueQueue, Log
from shared.profiles import PROFILE, Profile, ProfileFetched, key_of
from shared.topics import PROFILES_FETCHED, STUDENTS_FETCHED
from shared.wire import Message, decoder, digest, encode, event_id, headers, type_name

_FETCHED = type_name(StudentFetched).encode()


class ProfileLog:
    """
    ``shared.ports.Log`` before the real one. ``portrayed``: the schools whose photos or gradebooks are read; what is
    new of these is noted, and the school comes due in ``due``.
    """

    def __init__(
        self, out: Log, memory: ProfileMemory, due: DueQueue, clock: Clock, portrayed: Collection[str] = ()
    ) -> None:
        self._out = out
        self._memory = memory
        self._due = due
        self._clock = clock
        self._portrayed = portrayed

    def publish(self, messages: Iterable[Message]) -> None:
        """Raises: Retryable."""
        messages = list(messages)
        profiles: list[Message] = []
        wanted: dict[str, dict[str, Wanted]] = defaultdict(dict)
        for message in messages:
            told = dict(message.headers)
            if message.topic != STUDENTS_FETCHED or told.get("ce_type") != _FETCHED or message.value is None:
                continue
            event: StudentFetched = decoder(StudentFetched).decode(message.value)
            if event.student.faults:
                continue  # nothing is known of them
            profiles.append(profile_message(event, message.lane, told["read_at"].decode()))
            if event.school in self._portrayed:
                wanted[event.school][event.student.student_id] = wanted_of(event.student)
        self._out.publish([*messages, *profiles])
        for school, students in wanted.items():
            if self._memory.want(school, students):
                self._due.hasten(school, self._clock().timestamp())


def profile_of(student: Student) -> Profile:
    return Profile(
        student_id=student.student_id,
        title=student.title,
        first_name=student.first_name,
        preferred_name=student.preferred_name,
        middle_names=student.middle_names,
        last_name=student.last_name,
        date_of_birth=student.date_of_birth,
        email=student.email,
        year_group=student.year_group,
        form=student.form,
        house=student.house,
        photo_id=student.photo_id,
    )


def wanted_of(student: Student) -> Wanted:
    is_here = "students" in student.lists and student.system_status != LEFT
    return Wanted(photo_id=student.photo_id, has_marks=is_here)


def profile_message(event: StudentFetched, lane: int, read_at: str) -> Message:
    value = ProfileFetched(school=event.school, profile=profile_of(event.student))
    return message(value, event.school, event.student.student_id, PROFILE, lane, read_at)


def message(value: Frozen, school: str, student_id: str, area: str, lane: int, read_at: str) -> Message:
    """One record of ``profiles-fetched``."""
    encoded, key = encode(value), key_of(school, student_id, area)
    name = digest(encoded).hex()
    kind = type_name(type(value)).split(".")[1]
    told = headers(
        type(value),
        id=event_id(school, student_id, 0, kind, f"{name}/{read_at}"),
        school=school,
        subject=key,
        time=read_at,
        read_at=read_at,
        digest=name,
    )
    return Message(PROFILES_FETCHED, lane, key, encoded, told)


def gone(school: str, student_id: str, area: str, lane: int, read_at: str) -> Message:
    """There is none any more."""
    return Message(PROFILES_FETCHED, lane, key_of(school, student_id, area), None, [("read_at", read_at.encode())])
