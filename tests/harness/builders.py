"""Students, sweeps and rolls for tests: sound unless a test says otherwise."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from shared import clock, completeness
from shared.contract.codec import content_sum, digest, encode, roll_hash
from shared.contract.events import (
    Absences,
    Certificate,
    RollRead,
    StaffFetched,
    StudentFetched,
    SweepCompleted,
    SweepFailed,
    SweepStarted,
)
from shared.contract.model import Frozen, Kind, Student

START = clock.parse("2026-11-23T08:00:00.000Z")  # a Monday in the autumn term
SCHOOL = "abbey"


def at(minutes: float = 0.0) -> str:
    """A moment so many minutes after ``START``, as it travels."""
    from datetime import timedelta

    return clock.write(START + timedelta(minutes=minutes))


def a_student(student_id: str = "3050000001", **fields: Any) -> Student:
    """A current student whom every rule lets through."""
    sound: dict[str, Any] = {
        "student_id": student_id,
        "system_status": 1,
        "system_status_word": "Current",
        "title": "Miss",
        "first_name": "Ada",
        "last_name": "Fern",
        "email": f"s{student_id}@abbey.example",
        "year_group": 10,
        "programmes": ("Y10",),
        "modules": ("Y10-ENG", "Y10-HIS"),
    }
    return Student(**(sound | fields))


def a_leaver(student_id: str, **fields: Any) -> Student:
    """The same person once the record says that they have left."""
    left: dict[str, Any] = {"system_status": -1, "system_status_word": "Former", "leaving_date": "2026-11-20"}
    return a_student(student_id, **(left | fields))


def a_member(person_id: str = "214", **fields: Any) -> Student:
    """A current member of staff whom every rule lets through."""
    sound: dict[str, Any] = {
        "student_id": person_id,
        "lists": ("staff",),
        "system_status": 1,
        "title": "Dr",
        "first_name": "Bea",
        "last_name": "Rook",
        "email": f"m{person_id}@abbey.example",
        "programmes": ("Y10",),
        "modules": ("Y10-ENG",),
        "faculties": ("SEC",),
        "departments": ("ENG",),
    }
    return Student(**(sound | fields))


def a_reading(person: Student, school: str = SCHOOL, kind: Kind = "student") -> StudentFetched | StaffFetched:
    model = StaffFetched if kind == "staff" else StudentFetched
    return model(school=school, student=person)


def value_of(student: Student, school: str = SCHOOL, kind: Kind = "student") -> bytes:
    return encode(a_reading(student, school, kind))


def a_certificate(
    students: Iterable[Student], school: str = SCHOOL, areas: tuple[str, ...] = (), kind: Kind = "student"
) -> Certificate:
    """The certificate of a complete sweep over these people."""
    parts = {student.student_id: digest(value_of(student, school, kind)).hex() for student in students}
    return Certificate(
        roll_hash=roll_hash(list(parts)),
        roll_count=len(parts),
        content_sum=content_sum(parts),
        areas=areas or ("staff" if kind == "staff" else "students", "sets"),
    )


def a_fill(students: Iterable[Student]) -> dict[str, int]:
    """How many of these have each column filled."""
    filled: Counter[str] = Counter()
    for student in students:
        completeness.count(filled, student)
    return completeness.fill_of(filled)


def a_sweep(
    sweep: str,
    roll: Iterable[Student],
    *,
    sends: Iterable[Student] | None = None,
    minutes: float = 0.0,
    full: bool = False,
    with_roll: bool = True,
    chunk: int = 5000,
    school: str = SCHOOL,
    kind: Kind = "student",
) -> list[Frozen]:
    """
    A complete sweep's events: ``sends`` (default: everybody in ``roll``) are read anew, ``roll`` is who is there.
    """
    people = list(roll)
    ids = sorted(student.student_id for student in people)
    parts = [ids[n : n + chunk] for n in range(0, len(ids), chunk)]
    events: list[Frozen] = [SweepStarted(school=school, kind=kind, sweep=sweep, started_at=at(minutes), full=full)]
    events += [a_reading(one, school, kind) for one in (people if sends is None else sends)]
    if with_roll:
        events += [
            RollRead(school=school, kind=kind, sweep=sweep, chunk=n, chunks=len(parts), ids=tuple(part))
            for n, part in enumerate(parts)
        ]
    events.append(
        SweepCompleted(
            school=school,
            kind=kind,
            sweep=sweep,
            started_at=at(minutes),
            completed_at=at(minutes + 1),
            full=full,
            certificate=a_certificate(people, school, kind=kind),
            absences=Absences(),
            fill=a_fill(people),
        )
    )
    return events


def a_failed_sweep(
    sweep: str, sends: Iterable[Student], minutes: float = 0.0, school: str = SCHOOL, kind: Kind = "student"
) -> list[Frozen]:
    failed = SweepFailed(
        school=school,
        kind=kind,
        sweep=sweep,
        started_at=at(minutes),
        failed_at=at(minutes + 1),
        reason="page_missing",
    )
    return [
        SweepStarted(school=school, kind=kind, sweep=sweep, started_at=at(minutes)),
        *[a_reading(one, school, kind) for one in sends],
        failed,
    ]
