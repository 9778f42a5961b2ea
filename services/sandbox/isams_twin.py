"""
A twin of iSAMS: the vendor's REST endpoints for any number of made-up schools, each below its slug
(``http://HOST:PORT/{slug}/api/students``).

Beside them, below ``/_twin/``, what a test or a person needs to change a school, to make it misbehave and to see what
was asked.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, unquote
from uuid import uuid4

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.sandbox.faults import Answer, Call, message
from services.sandbox.isams_endpoints import ENDPOINTS, Blob, Finder, Listed, One, gradebooks
from services.sandbox.isams_faults import DataFault, Page, Row
from services.sandbox.isams_state import PEOPLE, SchoolState, Settings, Unknown
from services.sandbox.twin_http import REFUSALS, body_as, done, merged, respond

TOKEN_PATH = "/auth/connect/token"  # noqa: S105


def isams_app() -> Starlette:
    """A host of schools, empty at first."""
    host = _Host()
    routes = [
        Route("/_twin/schools", host.list_schools),
        Route("/_twin/schools/{slug}", host.put_school, methods=["PUT"]),
        Route("/_twin/schools/{slug}", host.replace_lists, methods=["PATCH"]),
        Route("/_twin/schools/{slug}", host.dump_school, methods=["GET"]),
        Route("/_twin/schools/{slug}", host.forget_school, methods=["DELETE"]),
        Route("/_twin/schools/{slug}/settings", host.settings, methods=["GET", "PATCH"]),
        Route("/_twin/schools/{slug}/faults", host.faults, methods=["GET", "PUT", "DELETE"]),
        Route("/_twin/schools/{slug}/requests", host.requests, methods=["GET", "DELETE"]),
        Route("/_twin/schools/{slug}/tokens", host.revoke_tokens, methods=["DELETE"]),
        Route("/_twin/schools/{slug}/leave", host.leave_many, methods=["POST"]),
        Route("/_twin/schools/{slug}/sets/{setId}/students", host.set_list, methods=["GET", "PUT"]),
        Route("/_twin/schools/{slug}/{list}", host.add, methods=["POST"]),
        Route("/_twin/schools/{slug}/{list}", host.change_many, methods=["PATCH"]),
        Route("/_twin/schools/{slug}/{list}/{schoolId}", host.read_one, methods=["GET"]),
        Route("/_twin/schools/{slug}/{list}/{schoolId}", host.change_one, methods=["PATCH"]),
        Route("/_twin/schools/{slug}/{list}/{schoolId}", host.remove_one, methods=["DELETE"]),
        Route("/_twin/schools/{slug}/applicants/{schoolId}/enrol", host.enrol, methods=["POST"]),
        Route("/_twin/schools/{slug}/students/{schoolId}/leave", host.leave, methods=["POST"]),
        Route("/_twin/schools/{slug}/students/{schoolId}/return", host.come_back, methods=["POST"]),
        Route("/{slug}" + TOKEN_PATH, host.token, methods=["POST"]),
        *(Route("/{slug}" + path, host.endpoint(area, find), methods=["GET"]) for area, path, find in ENDPOINTS),
        Route("/{slug}/{rest:path}", host.elsewhere, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
    ]
    return Starlette(routes=routes, exception_handlers=REFUSALS)


class _Load(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    school: dict[str, Any]
    settings: Settings = msgspec.field(default_factory=Settings)


class _Leave(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    ids: list[str] = msgspec.field(default_factory=list)
    leaving_date: str | None = None
    changes: dict[str, Any] = msgspec.field(default_factory=dict)


class _Return(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    keep_alumnus: bool = False
    changes: dict[str, Any] = msgspec.field(default_factory=dict)


class _Host:
    def __init__(self) -> None:
        self.schools: dict[str, SchoolState] = {}

    # The vendor's side

    def endpoint(self, area: str, find: Finder) -> Callable[[Request], Any]:
        async def serve(request: Request) -> Response:
            return await self.serve(request, area, find)

        return serve

    async def token(self, request: Request) -> Response:
        return await self.serve(request, None, None)

    async def elsewhere(self, request: Request) -> Response:
        """
        What the vendor does not have or this twin does not do; and gradebooks, where a school was given a path for
        them.
        """
        school = self.school(request)
        template = school.settings.gradebooks_path
        if template is not None:
            pattern = re.escape(template).replace(re.escape("{schoolId}"), "(?P<schoolId>[^/]+)")
            found = re.fullmatch(pattern, "/" + request.path_params["rest"])
            if found:
                request.path_params["schoolId"] = found["schoolId"]
                return await self.serve(request, "gradebooks", gradebooks)
        return await self.serve(request, "", lambda *_: One(None))

    async def serve(self, request: Request, area: str | None, find: Finder | None) -> Response:
        school = self.school(request)
        path = request.url.path.removeprefix(f"/{request.path_params['slug']}")
        seen = school.note(request.method, path, request.url.query, request.headers.get("user-agent", ""))
        started = time.perf_counter()
        school.in_flight += 1
        school.in_flight_peak = max(school.in_flight_peak, school.in_flight)
        try:
            answer = await self.answer(request, school, path, area, find)
            seen.status = answer.status
        finally:
            school.in_flight -= 1
            seen.milliseconds = round((time.perf_counter() - started) * 1000, 3)
        answer.headers |= {"x-request-tag": str(uuid4()), "api-supported-versions": "1.0"}
        return respond(answer)

    async def answer(
        self, request: Request, school: SchoolState, path: str, area: str | None, find: Finder | None
    ) -> Answer:
        settings = school.settings
        if settings.requires_user_agent and not request.headers.get("user-agent"):
            return message(403, "Forbidden.")
        wait = school.throttled()
        if wait is not None:
            return message(429, "Too many requests.", Retry_After=str(wait))
        if settings.latency_seconds:
            await asyncio.sleep(settings.latency_seconds)
        query = {name.lower(): value for name, value in request.query_params.items()}
        paging = _paging(query, settings)
        call = Call(request.method, path, query, paging[0] if paging else None, school.faults.cleared)
        if area is None or find is None:
            told: Answer | None = _token(request.headers.get("authorization", ""), await request.body(), school)
        else:
            told = _refusal(request, school, area)
        struck = []
        for fault in school.faults.striking(
            call, (DataFault,) if told else ()
        ):  # where no data goes out, none is wrong
            early = await fault.before(call)
            if early is not None:
                return early
            struck.append(fault)
        if told is not None or find is None:
            answer = told or message(404, "Not found.")
        else:
            data = [fault for fault in struck if isinstance(fault, DataFault)]
            answer = self.found(school, request.path_params, find, paging, data)
        for fault in struck:
            answer = fault.after(answer)
        return answer

    def found(
        self,
        school: SchoolState,
        given: Mapping[str, str],
        find: Finder,
        paging: tuple[int, int] | None,
        faults: Sequence[DataFault],
    ) -> Answer:
        slug = given["slug"]
        for fault in faults:
            slug = fault.school(slug)
        found = find(self.schools.get(slug, school), given)
        if isinstance(found, Listed):
            if found.paged and paging is None:
                return message(400, "The request is invalid.")
            rows = found.rows
            for fault in faults:
                rows = fault.rows(rows)
            page = _page(found, rows, paging, school.settings)
            if page is None:
                return message(404, "Not found.")
            for fault in faults:
                page = fault.paged(page)
            bodies = (
                [_struck(row.body, faults) for row in page.rows]
                if _touches_records(faults)
                else [row.body for row in page.rows]
            )
            return Answer(200, _envelope(page, bodies, found.paged, school.settings.total_pages))
        if found.body is None:
            return message(404, "Not found.")
        if isinstance(found, Blob):
            return Answer(200, found.body, found.content_type)
        return Answer(200, _struck(found.body, faults))

    # The twin's own side

    def school(self, request: Request) -> SchoolState:
        slug = request.path_params["slug"]
        if slug not in self.schools:
            raise Unknown(f"There is no school {slug}.")
        return self.schools[slug]

    async def list_schools(self, request: Request) -> Response:
        return done(
            {slug: {name: len(school.people[name]) for name in PEOPLE} for slug, school in self.schools.items()}
        )

    async def put_school(self, request: Request) -> Response:
        slug = request.path_params["slug"]
        if slug.startswith("_"):
            raise msgspec.ValidationError("A slug does not start with an underscore.")
        load = await body_as(request, _Load)
        self.schools[slug] = SchoolState(load.school, load.settings)
        return done(status=201)

    async def replace_lists(self, request: Request) -> Response:
        self.school(request).load(await body_as(request, dict[str, Any]))
        return done()

    async def dump_school(self, request: Request) -> Response:
        return done(self.school(request).dump())

    async def forget_school(self, request: Request) -> Response:
        self.school(request).faults.clear()
        del self.schools[request.path_params["slug"]]
        return done()

    async def settings(self, request: Request) -> Response:
        school = self.school(request)
        if request.method == "PATCH":
            school.settings = merged(school.settings, await body_as(request, dict[str, Any]))
        return done(school.settings)

    async def faults(self, request: Request) -> Response:
        faults = self.school(request).faults
        if request.method == "PUT":
            faults.load(await request.body())
        if request.method == "DELETE":
            faults.clear()
        return done(faults.set)

    async def requests(self, request: Request) -> Response:
        """What was asked, and how many at once at most. ``since``: numbers above it; DELETE starts anew."""
        school = self.school(request)
        if request.method == "DELETE":
            school.requests.clear()
            school.in_flight_peak = school.in_flight
        since = int(request.query_params.get("since", "0"))
        seen = [entry for entry in school.requests if entry.number > since]
        return done({"requests": seen, "in_flight_peak": school.in_flight_peak})

    async def revoke_tokens(self, request: Request) -> Response:
        self.school(request).tokens.clear()
        return done()

    async def set_list(self, request: Request) -> Response:
        school = self.school(request)
        set_id = int(request.path_params["setId"])
        if request.method == "PUT":
            school.replace_set_list(set_id, await body_as(request, list[str]))
        return done([row.id for row in school.set_list(set_id)])

    async def add(self, request: Request) -> Response:
        school, name = self.school(request), _people_list(request)
        records = msgspec.json.decode(await request.body())
        for record in records if isinstance(records, list) else [records]:
            school.put(name, record)
        return done(status=201)

    async def change_many(self, request: Request) -> Response:
        school, name = self.school(request), _people_list(request)
        changes = await body_as(request, dict[str, dict[str, Any]])
        return done({id: school.change(id, change, _only(name)) for id, change in changes.items()})

    async def read_one(self, request: Request) -> Response:
        school, name = self.school(request), _people_list(request)
        body = school.people[name].get(request.path_params["schoolId"])
        if body is None:
            raise Unknown("Nobody here has this id.")
        return done(msgspec.Raw(body))

    async def change_one(self, request: Request) -> Response:
        name = _only(_people_list(request))
        return done(
            self.school(request).change(request.path_params["schoolId"], await body_as(request, dict[str, Any]), name)
        )

    async def remove_one(self, request: Request) -> Response:
        self.school(request).remove(request.path_params["schoolId"], _only(_people_list(request)))
        return done()

    async def enrol(self, request: Request) -> Response:
        changes = await body_as(request, dict[str, Any])
        return done(self.school(request).enrol(request.path_params["schoolId"], changes))

    async def leave(self, request: Request) -> Response:
        how = await body_as(request, _Leave)
        return done(self.school(request).leave(request.path_params["schoolId"], how.leaving_date, how.changes))

    async def leave_many(self, request: Request) -> Response:
        school, how = self.school(request), await body_as(request, _Leave)
        return done([school.leave(id, how.leaving_date, how.changes)["schoolId"] for id in how.ids])

    async def come_back(self, request: Request) -> Response:
        how = await body_as(request, _Return)
        return done(self.school(request).come_back(request.path_params["schoolId"], how.keep_alumnus, how.changes))


def _refusal(request: Request, school: SchoolState, area: str) -> Answer | None:
    """Why the key may not have what it asks for."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme != "Bearer" or not school.knows(token):
        return message(401, "Authorization has been denied for this request.", WWW_Authenticate="Bearer")
    if request.method not in ("GET", "HEAD"):
        return message(405, "This server can only be read.")
    if area and area not in school.settings.permissions:
        return message(school.settings.denied_status, "You are not authorised to make this request.")
    return None


def _token(authorization: str, body: bytes, school: SchoolState) -> Answer:
    """OAuth 2's client credentials, in the form or as HTTP Basic."""
    form = {name: values[-1] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}
    client, secret = form.get("client_id", ""), form.get("client_secret", "")
    if authorization.startswith("Basic "):
        try:
            client, _, secret = base64.b64decode(authorization[6:]).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            client = ""
        client, secret = unquote(client), unquote(secret)
    settings = school.settings
    if form.get("grant_type") != "client_credentials":
        return Answer(400, b'{"error":"unsupported_grant_type"}')
    if (client, secret) != (settings.client_id, settings.client_secret):
        return Answer(400, b'{"error":"invalid_client"}')
    scope = form.get("scope", "")
    if settings.scopes is not None and scope not in settings.scopes:
        return Answer(400, b'{"error":"invalid_scope"}')
    token = {
        "access_token": school.issue(),
        "expires_in": settings.token_seconds,
        "token_type": "Bearer",
        "scope": scope or "restapi",
    }
    return Answer(200, msgspec.json.encode(token), headers={"Cache-Control": "no-store"})


def _paging(query: Mapping[str, str], settings: Settings) -> tuple[int, int] | None:
    """Page and size that the query asks for; None: it asks for what there cannot be."""
    try:
        page, size = int(query.get("page", "1")), int(query.get("pagesize", str(settings.default_page_size)))
    except ValueError:
        return None
    if page < 1 or size < 1 or (size > settings.max_page_size and settings.over_page_size == "refuse"):
        return None
    return page, min(size, settings.max_page_size)


def _page(found: Listed, rows: list[Row], paging: tuple[int, int] | None, settings: Settings) -> Page | None:
    if not found.paged or paging is None:
        return Page(found.key, rows, len(rows), 1, len(rows), len(rows), 1)
    number, size = paging
    total_pages = -(-len(rows) // size)
    if number > max(1, total_pages) and settings.past_the_end == "not_found":
        return None
    part = rows[(number - 1) * size : number * size]
    return Page(found.key, part, len(part), number, size, len(rows), total_pages)


def _envelope(page: Page, bodies: Iterable[bytes], paged: bool, total_pages: bool) -> bytes:
    head = b""
    if paged:
        head = b'"count":%d,"page":%d,"pageSize":%d,"totalCount":%d,' % (
            page.count,
            page.page,
            page.page_size,
            page.total_count,
        )
        if total_pages:
            head += b'"totalPages":%d,' % page.total_pages
    return b'{%s"%s":[%s]}' % (head, page.key.encode(), b",".join(bodies))


def _touches_records(faults: Sequence[DataFault]) -> bool:
    return any(type(fault).record is not DataFault.record for fault in faults)


def _struck(body: bytes, faults: Sequence[DataFault]) -> bytes:
    for fault in faults:
        body = fault.record(body)
    return body


def _people_list(request: Request) -> str:
    name = str(request.path_params["list"])
    if name not in PEOPLE:
        raise Unknown(f"There is no list {name}; there are {', '.join(PEOPLE)}.")
    return name


def _only(name: str) -> str | None:
    """A call on students finds whoever has the id; one on another list finds only who is in it."""
    return None if name == "students" else name
