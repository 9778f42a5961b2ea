"""What iSAMS answers to each path, from one school's state: the vendor's endpoints, and the permission each needs."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from services.sandbox.isams.data_faults import Row
from services.sandbox.isams.state import SchoolState, Unknown


@dataclass(frozen=True)
class Listed:
    """A list to be answered: under its key, in pages or whole."""

    key: str
    rows: list[Row]
    paged: bool = False


@dataclass(frozen=True)
class One:
    """A single record, bare. None: ``absent``, which is 404 unless the path is taken for something else."""

    body: bytes | None
    absent: int = 404


@dataclass(frozen=True)
class Blob:
    """Bytes of another type than JSON. None: 404, and that is JSON again."""

    content_type: str
    body: bytes | None


Found = Listed | One | Blob
Finder = Callable[[SchoolState, Mapping[str, str]], Found]


# The vendor's endpoints: below /{slug}, with the permission that each needs.


def _people(key: str, name: str) -> Finder:
    return lambda school, _: Listed(key, school.rows(name), paged=True)


def _list(key: str, name: str | None = None) -> Finder:
    return lambda school, _: Listed(key, school.rows(name or key))


def _one(name: str, parameter: str = "id") -> Finder:
    return lambda school, given: One(next((row.body for row in school.rows(name) if row.id == given[parameter]), None))


def _students(school: SchoolState, _: Mapping[str, str]) -> Found:
    return Listed("students", school.roll(), paged=True)


def _student(school: SchoolState, given: Mapping[str, str]) -> Found:
    return One(school.student(given["schoolId"]))


def _system_statuses(school: SchoolState, _: Mapping[str, str]) -> Found:
    words = school.settings.system_status_words
    return Listed("systemStatuses", [_row(id, {"id": id, "description": word}) for id, word in words.items()])


def _boarding_statuses(school: SchoolState, _: Mapping[str, str]) -> Found:
    return Listed("items", _items("boardingstatuses", ["Day", "Boarder"]))


def _admission_statuses(school: SchoolState, _: Mapping[str, str]) -> Found:
    return Listed("items", _items("admissionsstatus", school.rest.get("admissionStatuses", [])))


def _contacts_of(school: SchoolState, given: Mapping[str, str]) -> Found:
    id = given["schoolId"]
    if school.student(id) is None:
        return One(None)
    records = [record for record in school.rest.get("contacts", []) if id in record["schoolIds"]]
    return Listed(
        "contacts", [_row(record["id"], {k: v for k, v in record.items() if k != "schoolIds"}) for record in records]
    )


def _contacts(school: SchoolState, _: Mapping[str, str]) -> Found:
    current = school.people["students"]
    mark = {"studentHome": True} if school.settings.student_home else {}
    records = [r | mark for r in school.rest.get("contacts", []) if any(id in current for id in r["schoolIds"])]
    return Listed("contacts", [_row(record["id"], record) for record in records], paged=True)


def _applicants(key: Literal["students", "applicants"]) -> Finder:
    """Both lists have the same people; a server may have one of them only."""

    def find(school: SchoolState, _: Mapping[str, str]) -> Found:
        has_list = key in school.settings.applicant_lists
        absent = school.settings.absent_applicants_status if key == "students" else 404
        return Listed(key, school.rows("applicants"), paged=True) if has_list else One(None, absent)

    return find


def _photo(school: SchoolState, given: Mapping[str, str]) -> Found:
    body = school.student(given["schoolId"])
    photo = msgspec.json.decode(body).get("latestPhotoId") if body is not None else None
    wanted = given.get("photoId", str(photo))
    return Blob("image/png", _png(photo) if photo is not None and wanted == str(photo) else None)


def _subject_departments(school: SchoolState, given: Mapping[str, str]) -> Found:
    if _one("subjects")(school, given) == One(None):
        return One(None)
    department = school.rest.get("subjectDepartments", {}).get(given["id"])
    return Listed("teachingDepartments", [row for row in school.rows("departments") if row.id == str(department)])


def _department_subjects(school: SchoolState, given: Mapping[str, str]) -> Found:
    if _one("departments")(school, given) == One(None):
        return One(None)
    departments = school.rest.get("subjectDepartments", {})
    return Listed("subjects", [row for row in school.rows("subjects") if str(departments.get(row.id)) == given["id"]])


def _set_list(school: SchoolState, given: Mapping[str, str]) -> Found:
    try:
        return Listed("students", school.set_list(int(given["id"])))
    except (Unknown, ValueError):
        return One(None)


def _year_divisions(school: SchoolState, given: Mapping[str, str]) -> Found:
    if _one("yearGroups")(school, given) == One(None):
        return One(None)
    wanted = {str(id) for id in school.rest.get("yearDivisions", {}).get(given["id"], [])}
    return Listed("divisions", [row for row in school.rows("divisions") if row.id in wanted])


def gradebooks(school: SchoolState, given: Mapping[str, str]) -> Found:
    if school.student(given["schoolId"]) is None:
        return One(None)
    books = school.rest.get("gradebooks", {}).get(given["schoolId"], [])
    return Listed("gradebooks", [_row(book.get("id"), book) for book in books])


ENDPOINTS: tuple[tuple[str, str, Finder], ...] = (
    ("students", "/api/students", _students),
    ("students", "/api/students/systemstatuses", _system_statuses),
    ("students", "/api/students/boardingstatuses", _boarding_statuses),
    ("students", "/api/students/contacts", _contacts),
    ("students", "/api/students/{schoolId}", _student),
    ("students", "/api/students/{schoolId}/contacts", _contacts_of),
    ("students", "/api/students/{schoolId}/photos/current", _photo),
    ("students", "/api/students/{schoolId}/photos/{photoId}", _photo),
    ("admissions", "/api/admissions/applicants", _applicants("applicants")),
    ("admissions", "/api/admissions/applicants/students", _applicants("students")),
    ("admissions", "/api/admissions/applicants/{id}", _one("applicants")),
    ("admissions", "/api/admissions/statuses", _admission_statuses),
    ("alumni", "/api/alumni", _people("alumni", "alumni")),
    ("teaching", "/api/teaching/subjects", _list("subjects")),
    ("teaching", "/api/teaching/subjects/{id}", _one("subjects")),
    ("teaching", "/api/teaching/subjects/{id}/departments", _subject_departments),
    ("teaching", "/api/teaching/sets", _list("sets")),
    ("teaching", "/api/teaching/sets/{id}/setList", _set_list),
    ("school", "/api/school/departments/teaching", _list("departments")),
    ("school", "/api/school/departments/teaching/{id}", _one("departments")),
    ("school", "/api/school/departments/teaching/{id}/subjects", _department_subjects),
    ("school", "/api/school/yeargroups", _list("yearGroups")),
    ("school", "/api/school/yeargroups/{id}", _one("yearGroups")),
    ("school", "/api/school/yeargroups/{id}/divisions", _year_divisions),
    ("school", "/api/school/houses", _list("houses")),
    ("school", "/api/school/houses/{id}", _one("houses")),
    ("school", "/api/school/terms", _list("terms")),
    ("humanresources", "/api/humanresources/employees", _people("employees", "employees")),
    ("humanresources", "/api/humanresources/employees/{id}", _one("employees")),
)


def _row(id: object, record: object) -> Row:
    return Row(str(id), msgspec.json.encode(record))


def _items(list_type: str, names: Sequence[str]) -> list[Row]:
    return [
        _row(n, {"id": n, "name": name, "description": name, "listType": list_type}) for n, name in enumerate(names, 1)
    ]


def _png(photo: int) -> bytes:
    """One pixel, of a colour of its own for each photo."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    pixel = b"\0" + photo.to_bytes(8, "big")[-3:]
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(pixel)) + chunk(b"IEND", b"")
