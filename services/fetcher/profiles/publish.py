"""
Profiles ride with the students: whoever is told on ``students-fetched`` is told on ``profiles-fetched`` too, in the
same batch, so that neither is ever acknowledged without the other. Of who is only among the leavers, whose list has
little of anybody, a profile is told where there was none: one that was told while they were a student stays.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from services.fetcher.isams.parse import LEFT
from services.fetcher.profiles.cache import ProfileMemory, Wanted
from shared.clock import Clock
from shared.contract.codec import Message, decoder, digest, encode, event_id, headers, type_name
from shared.contract.events import StudentFetched
from shared.contract.model import Frozen, Student
from shared.contract.profiles import PROFILE, Profile, ProfileFetched, key_of
from shared.contract.topics import PROFILES_FETCHED, STUDENTS_FETCHED
from shared.ports import DueQueue, Log

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
        told = [_Told(message) for message in messages if _tells(message)]
        told = [one for one in told if not one.student.faults]  # of the others nothing is known
        lesser = self._lesser(told)
        news = [one for one in told if (one.school, one.student.student_id) not in lesser]
        self._out.publish([*messages, *(profile_message(one.event, one.lane, one.read_at) for one in news)])
        self._note(news)
        for school in {school for school, _ in lesser} & set(self._portrayed):
            self._memory.rest(school, [id for of, id in lesser if of == school])

    def _lesser(self, told: Sequence["_Told"]) -> set[tuple[str, str]]:
        """Who is told by a list that has little of them, after a whole profile was: that one stays."""
        few = _by_school(one for one in told if is_little(one.student))
        return {(school, id) for school, ids in few.items() for id in self._memory.had_full(school, ids)}

    def _note(self, news: Sequence["_Told"]) -> None:
        for school, ids in _by_school(one for one in news if not is_little(one.student)).items():
            self._memory.note_full(school, ids)
        wanted: dict[str, dict[str, Wanted]] = defaultdict(dict)
        for one in news:
            if one.school in self._portrayed:
                wanted[one.school][one.student.student_id] = wanted_of(one.student)
        for school, students in wanted.items():
            if self._memory.want(school, students):
                self._due.hasten(school, self._clock().timestamp())


class _Told:
    """A student on the way out."""

    def __init__(self, message: Message) -> None:
        self.event: StudentFetched = decoder(StudentFetched).decode(message.value or b"")
        self.school = self.event.school
        self.student = self.event.student
        self.lane = message.lane
        self.read_at = dict(message.headers)["read_at"].decode()


def _tells(message: Message) -> bool:
    is_fetched = message.topic == STUDENTS_FETCHED and dict(message.headers).get("ce_type") == _FETCHED
    return is_fetched and message.value is not None


def _by_school(told: Iterable[_Told]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for one in told:
        found[one.school].append(one.student.student_id)
    return found


def is_little(student: Student) -> bool:
    """Whether this is a record of the leavers' list, which has no e-mail, no house and no photo."""
    is_leaver = "leavers" in student.lists and "students" not in student.lists
    return is_leaver and student.email is None and student.photo_id is None and student.house is None


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
