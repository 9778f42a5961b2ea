"""
How a school's iSAMS writes what nobody outside knows of: the levers of ``isams_state.Settings`` at work on one record.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from services.sandbox.isams.state import Settings

Json = dict[str, Any]
NUMBERS = ("yearGroup", "year", "subjectId", "latestPhotoId", "leavingYear", "enrolmentSchoolYear")
TEXTS = {"title", "forename", "preferredName", "surname", "schoolEmailAddress", "mobileNumber", "code", "name"}
LISTS = {"nationalities", "languages"}


def respell(record: Json, settings: Settings) -> None:
    """Numbers, truths and empty lists of any record."""
    for name in NUMBERS if settings.numbers != "number" else ():
        value = record.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            record[name] = str(value) if settings.numbers == "text" else float(value)
    for name in LISTS & record.keys() if settings.empty_lists != "null" else ():
        record[name] = record[name] or ([""] if settings.empty_lists == "blank" else [])
    if settings.texts != "plain":
        for name in TEXTS & record.keys():
            if isinstance(record[name], str) and record[name]:
                record[name] = marked(record[name], settings.texts)
    if settings.booleans != "boolean":
        for name, value in record.items():
            if isinstance(value, bool):
                record[name] = int(value) if settings.booleans == "number" else str(value).lower()


def marked(text: str, how: str) -> str:
    """The same for whoever reads it: with a mark before and behind, or its letters and their accents apart."""
    if how == "decomposed":
        return unicodedata.normalize("NFD", text)
    return f"\N{ZERO WIDTH SPACE}{text}\N{LEFT-TO-RIGHT MARK} "


def spelt_set(record: Json, subject: Json, address: str | None, settings: Settings) -> Json:
    """``subject``: the set's, empty where there is none; ``address``: the e-mail of its teacher."""
    served = dict(record)
    if settings.set_subject != "subjectId":
        served.pop("subjectId", None)
        served |= _subject(subject, settings.set_subject)
    if settings.set_teacher != "teacherId":
        teacher = served.pop("teacherId", None)
        served |= {} if teacher is None else _teacher(teacher, address, settings.set_teacher)
    return served


def _subject(subject: Json, spelling: str) -> Json:
    id, code, name = subject.get("id"), subject.get("code"), subject.get("name")
    spelt: dict[str, Json] = {
        "subject_number": {"subject": id},
        "subject_object": {"subject": {"id": id, "name": name}},
        "code": {"subjectCode": code, "subjectName": name, "subject": name},
        "code_as_subject": {"subject": code},
        "name": {"subjectName": name},
        "none": {},
    }
    return spelt[spelling]


def _teacher(id: int, address: str | None, spelling: str) -> Json:
    spelt: dict[str, Json] = {
        "teacherIds": {"teacherIds": [id]},
        "staffId": {"staffId": id},
        "employee": {"teachers": [{"employee": {"id": id}}]},
        "teacher_email": {"teacher": {"userCode": f"U{id}", "schoolEmailAddress": address}},
        "none": {},
    }
    return spelt[spelling]
