"""
A twin of iSAMS: the vendor's REST endpoints for any number of made-up schools, each below its slug
(``http://HOST:PORT/{slug}/api/students``).

Beside them, below ``/_twin/``, is the twin's own side (``isams_control``).
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
from services.sandbox.isams.control import control_routes, school_of
from services.sandbox.isams.data_faults import DataFault, Page, Row
from services.sandbox.isams.endpoints import ENDPOINTS, Blob, Finder, Listed, One, gradebooks
from services.sandbox.isams.state import SchoolState, Settings
from services.sandbox.twin_http import REFUSALS, respond

TOKEN_PATH = "/auth/connect/token"  # noqa: S105


def isams_app() -> Starlette:
    """A host of schools, empty at first."""
    schools: dict[str, SchoolState] = {}
    host = _Host(schools)
    routes = [
        *control_routes(schools),
        Route("/{slug}" + TOKEN_PATH, host.token, methods=["POST"]),
        *(Route("/{slug}" + path, host.endpoint(area, find), methods=["GET"]) for area, path, find in ENDPOINTS),
        Route("/{slug}/{rest:path}", host.elsewhere, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
    ]
    return Starlette(routes=routes, exception_handlers=REFUSALS)


class _Host:
    """The vendor's side: what is asked below a school's slug."""

    def __init__(self, schools: Mapping[str, SchoolState]) -> None:
        self.schools = schools

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
        school = school_of(self.schools, request)
        template = school.settings.gradebooks_path
        if template is not None:
            pattern = re.escape(template).replace(re.escape("{schoolId}"), "(?P<schoolId>[^/]+)")
            found = re.fullmatch(pattern, "/" + request.path_params["rest"])
            if found:
                request.path_params["schoolId"] = found["schoolId"]
                return await self.serve(request, "gradebooks", gradebooks)
        return await self.serve(request, "", lambda *_: One(None))

    async def serve(self, request: Request, area: str | None, find: Finder | None) -> Response:
        school = school_of(self.schools, request)
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
        if settings.behind_an_edge:
            return Answer(403, b"<html><title>Access denied</title>error code: 1010</html>", "text/html; charset=UTF-8")
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
            return Answer(200, _envelope(page, bodies, found.paged, school.settings))
        if found.body is None:
            absent = found.absent if isinstance(found, One) else 404
            return message(absent, "Not found." if absent == 404 else "The request is invalid.")
        if isinstance(found, Blob):
            return Answer(200, found.body, found.content_type)
        return Answer(200, _struck(found.body, faults))


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
    mark = b"\xef\xbb\xbf" if settings.byte_order_mark else b""
    return Answer(200, mark + msgspec.json.encode(token), headers={"Cache-Control": "no-store"})


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


def _envelope(page: Page, bodies: Iterable[bytes], paged: bool, settings: Settings) -> bytes:
    head, mark = b"", b"\xef\xbb\xbf" if settings.byte_order_mark else b""
    number = b'"%s":"%d",' if settings.totals == "text" else b'"%s":%d,'
    if paged:
        told = {b"count": page.count, b"page": page.page, b"pageSize": page.page_size}
        told |= {b"totalCount": page.total_count} if settings.total_count else {}
        told |= {b"totalPages": page.total_pages} if settings.total_pages else {}
        head = b"".join(number % (name, value) for name, value in told.items())
    return b'%s{%s"%s":[%s]}' % (mark, head, page.key.encode(), b",".join(bodies))


def _touches_records(faults: Sequence[DataFault]) -> bool:
    return any(type(fault).record is not DataFault.record for fault in faults)


def _struck(body: bytes, faults: Sequence[DataFault]) -> bytes:
    for fault in faults:
        body = fault.record(body)
    return body
