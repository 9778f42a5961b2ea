"""
What a school's iSAMS can be asked. The only file that knows its paths; it decides nothing.

What is known of the API is from its public clients only: so an envelope may lack totals, an array may be
null, a status for *not allowed* may be 401 or 403, and a number of pages is believed from the envelope, never computed
from the page size that was asked for.
"""

import asyncio
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, TypedDict

import msgspec

from services.fetcher import parse
from services.fetcher.fields import is_id
from services.fetcher.politeness import Politeness
from services.fetcher.session import Session
from services.fetcher.source import APPLICANTS, APPLICANTS_BRIEF, CONTACTS, EMPLOYEES, LEAVERS, Absent, Json, Page
from services.fetcher.structure import Houses, SchoolLists, TeachingLists, Terms
from shared.config import IsamsSchool
from shared.errors import Retryable

STUDENTS = "/api/students"
STATUSES = "/api/students/systemstatuses"
YEAR_GROUPS = "/api/school/yeargroups"
DEPARTMENTS = "/api/school/departments/teaching"
SUBJECTS = "/api/teaching/subjects"
SETS = "/api/teaching/sets"
HOUSES = "/api/school/houses"
TERMS = "/api/school/terms"
ADMISSIONS = "/api/admissions/applicants"
STAFF = "/api/humanresources/employees"
LISTS = {  # a list that comes in pages: its path, and the key of its array
    APPLICANTS: ("/api/admissions/applicants/students", "students"),
    APPLICANTS_BRIEF: (ADMISSIONS, "applicants"),
    LEAVERS: ("/api/alumni", "alumni"),
    CONTACTS: ("/api/students/contacts", "contacts"),
    EMPLOYEES: (STAFF, "employees"),
}

PERMISSIONS = {  # by the start of a path; the names are those of the vendor's control panel
    "/api/students": "Student Manager",
    "/api/admissions": "Admissions",
    "/api/alumni": "Alumni, or where there is none of that name Student Manager",
    "/api/teaching": "Teaching",
    "/api/school/": "School Manager",
    "/api/humanresources": "Staff/HR",
    "/api/systemconfiguration": "Control Panel",
}
WHERE = "Control Panel > API Services Manager > Manage REST API Clients"


class Isams:
    """``services.fetcher.source.Source`` on a real iSAMS. Opened on first use; close it."""

    students_path = STUDENTS

    def __init__(
        self, school: IsamsSchool, politeness: Politeness, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._page_size = str(school.page_size)
        self._zone = school.zone
        self._gradebooks_path = school.gradebooks_path
        self._politeness = politeness
        self._session = Session(school, politeness, permission_words, clock=clock)

    async def students(self, page: int) -> Page:
        query = {"page": str(page), "pageSize": self._page_size}
        body = await self._get(STUDENTS, query, _students_body)
        return _page(body, "students", page, STUDENTS)

    async def student(self, student_id: str) -> Json | None:
        return await self._one(STUDENTS, student_id)

    async def applicant(self, student_id: str) -> Json | None:
        return await self._one(ADMISSIONS, student_id)

    async def employee(self, id: str) -> Json | None:
        return await self._one(STAFF, id)

    async def page(self, name: str, number: int) -> Page:
        path, key = LISTS[name]
        page = _page(await self._get(path, {"page": str(number), "pageSize": self._page_size}), key, number, path)
        if number == 1:
            self._politeness.check_room(page.pages - 1, f"the pages of {path}")
        return page

    def path_of(self, name: str) -> str:
        return LISTS[name][0]

    async def houses(self) -> Houses:
        return Houses(houses=tuple(map(parse.house, await self._list(HOUSES, "houses"))))

    async def terms(self) -> Terms:
        return Terms(terms=tuple(parse.term(record, self._zone) for record in await self._list(TERMS, "terms")))

    async def status_words(self) -> Mapping[str, int]:
        return parse.status_words(await self._list(STATUSES, "systemStatuses"))

    async def school_lists(self) -> SchoolLists:
        groups, departments = await self._lists((YEAR_GROUPS, "yearGroups"), (DEPARTMENTS, "departments"))
        if not groups:
            raise Retryable(f"{YEAR_GROUPS} is empty, and no school has no year group")
        of_groups = await self._lists(
            *((f"{YEAR_GROUPS}/{group.get('ncYear')}/divisions", "divisions") for group in groups)
        )
        divisions = {found.id: found for rows in of_groups for found in map(parse.division, rows)}
        year_groups = tuple(map(parse.year_group, groups, of_groups))
        return SchoolLists(
            year_groups=year_groups,
            divisions=tuple(divisions[id] for id in sorted(divisions)),
            departments=tuple(map(parse.teaching_department, departments)),
            repeated=_repeated([group.nc_year for group in year_groups]),
        )

    async def teaching_lists(self) -> TeachingLists:
        subjects, sets = await self._lists((SUBJECTS, "subjects"), (SETS, "sets"))
        shown = [record for record in sets if not parse.is_hidden(record)]
        self._politeness.check_room(len(shown), "the lists of sets")
        members = await self._lists(*((f"{SETS}/{record.get('id')}/setList", "students") for record in shown))
        found = TeachingLists(
            subjects=tuple(map(parse.subject, subjects)), sets=tuple(map(parse.teaching_set, shown, members))
        )
        repeated = _repeated([one.id for one in found.subjects]) + _repeated([one.id for one in found.sets])
        repeated += sum(_repeated([parse.student_id(member) for member in one]) for one in members)
        return msgspec.structs.replace(found, repeated=repeated)

    async def photo(self, student_id: str, photo_id: int) -> bytes | None:
        """By its id, and where that is nowhere the current one: not every server may know both."""
        for which in (str(photo_id), "current"):
            label = f"{STUDENTS}/{{id}}/photos/{{photo}}"
            found = await self._session.find_bytes(f"{STUDENTS}/{student_id}/photos/{which}", label=label)
            if found is not None:
                return found
        return None

    async def gradebooks(self, student_id: str) -> Any | None:
        if self._gradebooks_path is None:
            return None
        path = self._gradebooks_path.replace("{schoolId}", student_id)
        return await self._session.find(path, label=self._gradebooks_path)

    def check_room(self, requests: int, what: str) -> None:
        self._politeness.check_room(requests, what)

    async def close(self) -> None:
        await self._session.close()

    # Lists

    async def _one(self, path: str, student_id: str) -> Json | None:
        if not is_id(student_id):  # it would be another path
            return None
        found = await self._session.find(f"{path}/{student_id}", label=f"{path}/{{id}}")
        if found is not None and not isinstance(found, dict):
            raise Retryable(f"{path}/{{id}}: the answer for one person is no object")
        return found

    async def _list(self, path: str, key: str) -> Sequence[Json]:
        """A list that has no pages. Some come with an envelope all the same: one of more than one page is no list."""
        page = _page(await self._get(path), key, 1, path)
        if page.pages > 1 or page.declared not in (None, len(page.records)):
            raise Retryable(f"{path} came with {len(page.records)} of {page.declared} entries")
        return page.records

    async def _lists(self, *wanted: tuple[str, str]) -> list[Sequence[Json]]:
        """Several lists by path and key, all of them or none: after a failure the others are not even asked for."""
        tasks = [asyncio.create_task(self._list(path, key)) for path, key in wanted]
        try:
            return list(await asyncio.gather(*tasks))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _get(
        self,
        path: str,
        query: Mapping[str, str] | None = None,
        decode: Callable[[bytes], Any] = msgspec.json.decode,
    ) -> Any:
        found = await self._session.find(path, query, decode=decode)
        if found is None:
            raise Absent(
                f"iSAMS has no {path}; if that is so of every path, see that base_url is the address of iSAMS itself"
            )
        return found


class _StudentsBody(TypedDict, total=False):
    count: Any
    page: Any
    pageSize: Any
    totalCount: Any
    totalPages: Any
    students: list[parse.StudentFields]


_decoder = msgspec.json.Decoder(_StudentsBody)


def _students_body(content: bytes) -> Any:
    """A page of students without what nobody looks at; one of another shape is taken as it is, and judged later."""
    try:
        return _decoder.decode(content)
    except msgspec.ValidationError:
        return msgspec.json.decode(content)


def _page(body: Any, key: str, number: int, path: str) -> Page:
    """
    One page and its envelope. An array that is null is empty; an envelope without ``totalPages`` is one page, or as
    many as its own total and page size make.
    """
    if isinstance(body, list):
        body = {key: body}
    if not isinstance(body, dict) or not isinstance(records := body.get(key, []) or [], list):
        raise Retryable(f"{path}: the answer has no list of {key}")
    if key not in body:
        raise Retryable(f"{path}: the answer has no {key}")
    if not all(isinstance(record, dict) for record in records):
        raise Retryable(f"{path}: something in {key} is no object")
    count, page, size, total, pages = (
        _whole(body.get(name)) for name in ("count", "page", "pageSize", "totalCount", "totalPages")
    )
    if page is not None and page != number:
        raise Retryable(f"{path}: asked for page {number}, got {page}")
    if pages is None:
        pages = -(-total // size) if total and size else 1
    return Page(number, pages, total, count, records)


def _repeated(ids: Sequence[Hashable]) -> int:
    """How many came again: somebody or something else may be missing in their place."""
    return len(ids) - len(set(ids))


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def permission_words(path: str) -> str:
    """Which permission a path needs, and where a school gives it."""
    name = next((name for start, name in PERMISSIONS.items() if path.startswith(start)), "for this area")
    return f"in {WHERE}, give this client the permission {name} (Read)"
