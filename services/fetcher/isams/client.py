"""
What a school's iSAMS can be asked. The only file that knows its paths; it decides nothing.

What is known of the API is from its public clients only: so an envelope may lack totals, an array may be
null, a status for *not allowed* may be 401 or 403, and a number of pages is believed from the envelope, never computed
from the page size that was asked for.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, TypedDict, TypeVar

import msgspec

from services.fetcher.isams import parse, school_records
from services.fetcher.isams.curriculum import Houses, SchoolLists, TeachingLists, Terms
from services.fetcher.isams.fields import count, is_id
from services.fetcher.isams.rate_limit import Politeness
from services.fetcher.isams.server_words import said_in
from services.fetcher.isams.session import Session
from services.fetcher.isams.sets import is_hidden
from services.fetcher.isams.source import (
    APPLICANTS,
    APPLICANTS_BRIEF,
    CONTACTS,
    EMPLOYEES,
    LEAVERS,
    Absent,
    Json,
    Page,
    Refused,
    Trouble,
)
from shared.config.settings import IsamsSchool
from shared.errors import Retryable

log = logging.getLogger("rollcall.fetcher")

_T = TypeVar("_T")

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

# What a server without the richer list of applicants answers: it takes the list's last word for an applicant's id.
WITHOUT_APPLICANTS = (400, 404, 500)

PERMISSIONS = {  # by the start of a path; the vendor's names differ from page to page, the codes do not
    "/api/students": ("Student Manager", "STUDENTMANAGEMENT"),
    "/api/admissions": ("Admissions", "ADMISSIONSMANAGER"),
    "/api/alumni": ("Alumni, or where there is none of that name Student Manager", "STUDENTMANAGEMENT"),
    "/api/teaching": ("Teaching", "TEACHING"),
    "/api/school/": ("School Manager", "SCHOOLMANAGEMENT"),
    "/api/humanresources": ("Staff/HR", "HRMANAGER"),
    "/api/systemconfiguration": ("Control Panel", "CONTROLPANEL"),
}
WHERE = "Control Panel > API Services Manager > Manage REST API Clients"


class Isams:
    """``services.fetcher.isams.source.Source`` on a real iSAMS. Opened on first use; close it."""

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
        return page_of(body, "students", page, STUDENTS)

    async def student(self, student_id: str) -> Json | None:
        return await self._one(STUDENTS, student_id)

    async def applicant(self, student_id: str) -> Json | None:
        return await self._one(ADMISSIONS, student_id)

    async def employee(self, id: str) -> Json | None:
        return await self._one(STAFF, id)

    async def page(self, name: str, number: int) -> Page:
        path, key = LISTS[name]
        try:
            body = await self._get(path, {"page": str(number), "pageSize": self._page_size})
        except (Refused, Trouble) as refusal:
            if name != APPLICANTS or number > 1 or refusal.status not in WITHOUT_APPLICANTS:
                raise
            raise Absent(f"iSAMS has no {path} ({refusal.status})", refusal.status, said=refusal.said) from refusal
        page = page_of(body, key, number, path)
        if number == 1:
            self._politeness.check_room(page.pages - 1, f"the pages of {path}")
        return page

    def path_of(self, name: str) -> str:
        return LISTS[name][0]

    async def houses(self) -> Houses:
        return school_records.houses(HOUSES, await self._list(HOUSES, "houses"))

    async def terms(self) -> Terms:
        return school_records.terms(TERMS, await self._list(TERMS, "terms"), self._zone)

    async def status_words(self) -> Mapping[str, int]:
        words, slips = school_records.status_words(STATUSES, await self._list(STATUSES, "systemStatuses"))
        if slips:
            log.warning("some statuses of iSAMS are not usable: %s", "; ".join(slips))
        return words

    async def school_lists(self) -> SchoolLists:
        groups, departments = await self._lists((YEAR_GROUPS, "yearGroups"), (DEPARTMENTS, "departments"))
        if not groups:
            raise Retryable(f"{YEAR_GROUPS} is empty, and no school has no year group")
        divisions = await self._parts(
            *((f"{YEAR_GROUPS}/{group.get('ncYear')}/divisions", "divisions") for group in groups)
        )
        return school_records.school_lists(YEAR_GROUPS, groups, divisions, DEPARTMENTS, departments)

    async def teaching_lists(self) -> TeachingLists:
        subjects, sets = await self._lists((SUBJECTS, "subjects"), (SETS, "sets"))
        shown = [record for record in sets if not is_hidden(record)]
        self._politeness.check_room(len(shown), "the lists of sets")
        members = await self._parts(*((f"{SETS}/{record.get('id')}/setList", "students") for record in shown))
        return school_records.teaching_lists(SUBJECTS, subjects, SETS, shown, members)

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
        label = f"{path}/{{id}}"
        found: Json | None = await self._session.find(f"{path}/{student_id}", label=label)
        if found is not None and not isinstance(found, dict):
            raise Retryable(f"{label}: the answer for one person is no object")
        if found is not None:
            check_refusal(found, label, "schoolId|id")
        return found

    async def _list(self, path: str, key: str) -> Sequence[Json]:
        """A list that has no pages. Some come with an envelope all the same: one of more than one page is no list."""
        page = page_of(await self._get(path), key, 1, path)
        if page.pages > 1 or page.declared not in (None, len(page.records)):
            raise Retryable(f"{path} came with {len(page.records)} of {page.declared} entries")
        return page.records

    async def _part(self, path: str, key: str) -> Sequence[Json] | None:
        """A list of one record; None: the server has none of that record."""
        try:
            return await self._list(path, key)
        except Absent:
            return None

    async def _lists(self, *wanted: tuple[str, str]) -> list[Sequence[Json]]:
        """Several lists by path and key, all of them or none: after a failure the others are not even asked for."""
        return await _together(self._list(path, key) for path, key in wanted)

    async def _parts(self, *wanted: tuple[str, str]) -> list[Sequence[Json] | None]:
        """As ``_lists``, where some of them may be nowhere."""
        return await _together(self._part(path, key) for path, key in wanted)

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


async def _together(questions: Iterable[Coroutine[Any, Any, _T]]) -> list[_T]:
    tasks = [asyncio.create_task(one) for one in questions]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _StudentsBody(TypedDict, total=False):
    count: Any
    page: Any
    pageSize: Any
    totalCount: Any
    totalPages: Any
    message: Any
    students: list[parse.StudentFields]


_decoder = msgspec.json.Decoder(_StudentsBody)


def _students_body(content: bytes) -> Any:
    """A page of students without what nobody looks at; one of another shape is taken as it is, and judged later."""
    try:
        return _decoder.decode(content)
    except msgspec.ValidationError:
        return msgspec.json.decode(content)


def page_of(body: Any, key: str, number: int, path: str) -> Page:
    """
    One page and its envelope. An array that is null is empty, and nothing else in its place is; an envelope without
    ``totalPages`` is one page, or as many as its own total and page size make.
    """
    if isinstance(body, list):
        body = {key: body}
    check_refusal(body, path, key)
    if not isinstance(body, dict) or key not in body:
        raise Retryable(f"{path}: the answer has no list of {key}")
    records = [] if body[key] is None else body[key]
    if not isinstance(records, list):
        raise Retryable(f"{path}: what the answer has for {key} is no list")
    if not all(isinstance(record, dict) for record in records):
        raise Retryable(f"{path}: something in {key} is no object")
    of_page, page, size, total, pages = (
        count(body, name) for name in ("count", "page", "pageSize", "totalCount", "totalPages")
    )
    if page is not None and page != number:
        raise Retryable(f"{path}: asked for page {number}, got {page}")
    if pages is None:
        pages = -(-total // size) if total and size else 1
    return Page(number, pages, total, of_page, records)


def check_refusal(body: Any, path: str, keys: str) -> None:
    """
    A refusal may come with status 200: nothing under the keys (with a bar between) that the answer should have, and a
    message. Raises: Refused.
    """
    if not isinstance(body, dict) or any(body.get(key) is not None for key in keys.split("|")):
        return
    if isinstance(message := body.get("message"), str) and message.strip():
        words = f"iSAMS answers {path} with a message instead; {permission_words(path)}"
        raise Refused(words, 200, said=said_in(body))


def permission_words(path: str) -> str:
    """Which permission a path needs, and where a school gives it."""
    found = next((found for start, found in PERMISSIONS.items() if path.startswith(start)), None)
    named = "for this area (Read)" if found is None else f"{found[0]} (Read), whose code is {found[1]}"
    return f"in {WHERE}, give this client the permission {named}"
