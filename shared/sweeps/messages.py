"""What a sweep publishes of people and structure, as messages: keys, lanes, headers and ids in one place. Pure."""

from dataclasses import dataclass

import msgspec

from shared.contract.codec import Message, digest, encode, event_id, headers
from shared.contract.events import StaffFetched, StructureFetched, StudentFetched
from shared.contract.model import Frozen, Kind, Structure, Student
from shared.contract.populations import book_of
from shared.contract.topics import STUDENTS_FETCHED

_FETCHED: dict[Kind, type[StudentFetched] | type[StaffFetched]] = {"student": StudentFetched, "staff": StaffFetched}


class _Fetched(Frozen, kw_only=True):
    """StudentFetched, where the student's bytes are there."""

    school: str
    student: msgspec.Raw


class Letter(msgspec.Struct, frozen=True, gc=False):
    """A value with its bytes and their digest, before it is known whether it is sent at all."""

    subject: str
    value: bytes
    digest: str


def of_person(school: str, kind: Kind, person: Student) -> Letter:
    key = f"{book_of(school, kind)}/{person.student_id}"
    return _letter(key, _FETCHED[kind](school=school, student=person))


def of_encoded(school: str, student_id: str, student: msgspec.Raw) -> Letter:
    """The same as ``of_person``, of a student who is JSON already."""
    return _letter(f"{school}/{student_id}", _Fetched(school=school, student=student))


def of_structure(school: str, structure: Structure, missing: tuple[str, ...] = ()) -> Letter:
    return _letter(school, StructureFetched(school=school, structure=structure, missing=missing))


def _letter(subject: str, value: Frozen) -> Letter:
    encoded = encode(value)
    return Letter(subject, encoded, digest(encoded).hex())


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """
    Addresses what is read of one population of a school, the students or the staff. ``sweep`` None: by a reading that
    opens no sweep and closes none.
    """

    school: str
    lane: int
    sweep: str | None = None
    kind: Kind = "student"

    @property
    def book(self) -> str:
        return book_of(self.school, self.kind)

    def student(self, letter: Letter, read_at: str) -> Message:
        """One person, a student or a member of staff."""
        id = letter.subject.removeprefix(f"{self.book}/")
        detail = f"{self.sweep or ''}/{letter.digest}/{read_at}"
        return self._message(_FETCHED[self.kind], letter, id, f"{self.kind}_fetched", detail, read_at, read_at=read_at)

    def structure(self, letter: Letter, read_at: str) -> Message:
        detail = f"{self.sweep or ''}/{letter.digest}/{read_at}"
        return self._message(StructureFetched, letter, "", "structure_fetched", detail, read_at, read_at=read_at)

    def event(self, event: Frozen, name: str, time: str, more: str = "") -> Message:
        """What concerns all of the sweep."""
        return self._message(type(event), _letter(self.book, event), "", name, f"{self.sweep}{more}", time)

    def _message(
        self,
        model: type[Frozen],
        letter: Letter,
        student_id: str,
        kind: str,
        detail: str,
        time: str,
        read_at: str | None = None,
    ) -> Message:
        return Message(
            STUDENTS_FETCHED,
            self.lane,
            letter.subject,
            letter.value,
            headers(
                model,
                id=event_id(self.book, student_id, 0, kind, detail),
                school=self.school,
                subject=letter.subject,
                time=time,
                read_at=read_at,
                sweep=self.sweep,
                digest=letter.digest if read_at else None,
            ),
        )
