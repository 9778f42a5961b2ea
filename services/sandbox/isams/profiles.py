"""
Gradebooks for made-up schools, and what can be wrong with a photo.

The path of gradebooks is a setting of a school (``gradebooks_path``), since the vendor's is not known; the shape is
that of the markbooks in its portals. Photos are served beside the students.
"""

from __future__ import annotations

import random
from typing import Any

from services.sandbox.faults import Answer, Fault
from services.sandbox.isams.records import School

Json = dict[str, Any]

GRADEBOOKS_PATH = "/api/gradebooks/students/{schoolId}"  # made up, for schools of this twin
PIECES = ("Essay", "Test", "Project", "Presentation")
LETTERS = ("A*", "A", "B+", "B", "C")
COMMENTS = ("Reads with care.", "A steady term.", "Could ask more questions.", None, None)


class BigBody(Fault, tag="big_body", kw_only=True):
    """The right answer, followed by so many bytes of nothing."""

    size: int

    def after(self, answer: Answer) -> Answer:
        answer.body += b"\0" * self.size
        return answer


def make_gradebooks(school: School, pieces: int = 2) -> dict[str, list[Json]]:
    """
    For each pupil a book for every set that they are in, with marks, letters, and columns that are empty yet: as
    ``IsamsTwin.replace(gradebooks=...)`` takes it.
    """
    subjects = {subject.id: subject.name for subject in school.subjects}
    teachers = {one.id: f"{one.title} {one.forename} {one.surname}" for one in school.employees}
    books: dict[str, list[Json]] = {student.school_id: [] for student in school.students}
    for entry in school.sets:
        for school_id in school.set_lists.get(entry.id, []):
            if school_id not in books:
                continue
            chance = random.Random(f"{school.slug}/{entry.id}/{school_id}")
            columns = [_column(entry.id * 100 + number, number, chance) for number in range(pieces)]
            empty = _column(entry.id * 100 + pieces, pieces, chance) | {"value": None, "comments": None}
            books[school_id].append(
                {
                    "id": entry.id,
                    "name": entry.name,
                    "subject": subjects[entry.subject_id],
                    "teacher": teachers.get(entry.teacher_id or 0),
                    "description": None,
                    "columns": [*columns, empty],
                }
            )
    return books


def _column(id: int, number: int, chance: random.Random) -> Json:
    """One piece of work; every other one is a letter."""
    is_number = number % 2 == 0
    return {
        "id": id,
        "name": f"{PIECES[number % len(PIECES)]} {number + 1}",
        "type": "Assessment",
        "value": str(chance.randint(30, 100)) if is_number else chance.choice(LETTERS),
        "outOf": 100 if is_number else None,
        "assessmentDate": f"2026-10-{1 + number:02d}T00:00:00",
        "absent": False,
        "submitted": True,
        "comments": chance.choice(COMMENTS),
        "parentGroupings": [{"id": 701, "name": "2026/27"}, {"id": 702, "name": "Autumn term"}],
    }
