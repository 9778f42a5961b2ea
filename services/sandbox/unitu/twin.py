"""
A twin of Unitu: ``POST /v1/sync`` with an ``API_KEY`` that names the university, and the snapshot applied a moment
later by the document's rules.

Beside it, below ``/_twin/``, what a test or a person needs: who has an account, what came, what was done, and how to
make it misbehave.
"""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.sandbox.faults import Answer, Call, Fault, message, pause
from services.sandbox.twin_http import REFUSALS, body_as, done, merged, respond
from services.sandbox.unitu.body import Body, read_body
from services.sandbox.unitu.rules import Account, Entities
from services.sandbox.unitu.state import ApplyThenTimeOut, Mode, Received, Settings, TakenInPart, University

ACCEPTED = b'{"message":"The data is accepted and will be processed."}'


def unitu_app() -> Starlette:
    """A Unitu without universities."""
    unitu = _Unitu()
    one = "/_twin/universities/{name}"
    routes = [
        Route("/v1/sync", unitu.sync, methods=["POST"]),
        Route("/_twin/universities", unitu.list_universities),
        Route(one, unitu.create, methods=["PUT"]),
        Route(one, unitu.summary, methods=["GET"]),
        Route(one, unitu.forget, methods=["DELETE"]),
        Route(one + "/settings", unitu.settings, methods=["GET", "PATCH"]),
        Route(one + "/mode", unitu.mode, methods=["GET", "PUT"]),
        Route(one + "/faults", unitu.faults, methods=["GET", "PUT", "DELETE"]),
        Route(one + "/accounts", unitu.accounts, methods=["GET", "POST"]),
        Route(one + "/accounts/rename", unitu.rename, methods=["POST"]),
        Route(one + "/entities", unitu.entities, methods=["GET", "PUT", "POST"]),
        Route(one + "/entities/adopt", unitu.adopt, methods=["POST"]),
        Route(one + "/snapshots", unitu.snapshots, methods=["GET"]),
        Route(one + "/snapshots/{number:int}", unitu.snapshot, methods=["GET"]),
        Route(one + "/reports", unitu.reports, methods=["GET"]),
        Route(one + "/history", unitu.history, methods=["GET"]),
    ]
    return Starlette(routes=routes, exception_handlers=REFUSALS)


class _Create(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    api_key: str
    accounts: list[Account] = []
    entities: Entities = msgspec.field(default_factory=Entities)
    settings: Settings = msgspec.field(default_factory=Settings)
    mode: Mode = "enabled"


class _Mode(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    mode: Mode


class _Rename(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    old: str
    new: str


class _Unitu:
    def __init__(self) -> None:
        self.universities: dict[str, University] = {}

    # The vendor's side

    async def sync(self, request: Request) -> Response:
        return respond(await self._sync(request))

    async def _sync(self, request: Request) -> Answer:
        key = request.headers.get("api_key", "")
        university = next((one for one in self.universities.values() if key and one.api_key == key), None)
        if university is None:
            return message(401, "The API key is not valid.")
        call = Call("POST", "/v1/sync", {}, None, university.faults.cleared)
        struck: list[Fault] = []
        for fault in university.faults.striking(call):
            early = await fault.before(call)
            if early is not None:
                university.note(early.status)
                return early
            struck.append(fault)
        answer = await self._take(request, university, struck)
        late = next((fault for fault in struck if isinstance(fault, ApplyThenTimeOut)), None)
        if late is not None:
            await pause(call, late.seconds)
            return message(504, "The server did not answer in time.")
        for fault in struck:
            answer = fault.after(answer)
        return answer

    async def _take(self, request: Request, university: University, struck: list[Fault]) -> Answer:
        settings = university.settings
        raw = await _bounded(request, settings.max_body_bytes)
        if raw is None:
            university.note(413)
            return message(413, f"The body is larger than {settings.max_body_bytes} bytes.")
        if settings.strict_headers and not _as_documented(request):
            university.note(400, raw)
            return message(400, "The headers Content-Type: application/json and Cache-Control: no-cache are needed.")
        try:
            content = msgspec.json.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            university.note(400)
            return message(400, f"The body is not JSON: {error}")
        body, wrong = read_body(content, settings.null_is_absent)
        if body is None:
            university.note(422, raw, wrong)
            return Answer(
                422,
                msgspec.json.encode({"message": "The data does not have the documented structure.", "details": wrong}),
            )
        part = next((fault for fault in struck if isinstance(fault, TakenInPart)), None)
        if part is not None:
            university.note(422, raw)
            university.take_part(body, part.share)
            return message(422, "A record of the data cannot be taken.")
        entry = university.note(settings.accepted_status, raw)
        university.accept(entry, body, struck)
        return Answer(settings.accepted_status, ACCEPTED)

    # The twin's own side

    def university(self, request: Request) -> University:
        name = request.path_params["name"]
        if name not in self.universities:
            raise LookupError(f"There is no university {name}.")
        return self.universities[name]

    async def list_universities(self, request: Request) -> Response:
        return done([university.summary(name) for name, university in self.universities.items()])

    async def create(self, request: Request) -> Response:
        """Anew, whatever was there by this name."""
        name, given = request.path_params["name"], await body_as(request, _Create)
        if any(other.api_key == given.api_key for known, other in self.universities.items() if known != name):
            raise msgspec.ValidationError("Another university has this API key.")
        self.universities[name] = University(given.api_key, given.settings, given.mode, given.accounts, given.entities)
        return done(self.universities[name].summary(name), 201)

    async def summary(self, request: Request) -> Response:
        return done(self.university(request).summary(request.path_params["name"]))

    async def forget(self, request: Request) -> Response:
        self.university(request).faults.clear()
        del self.universities[request.path_params["name"]]
        return done()

    async def settings(self, request: Request) -> Response:
        university = self.university(request)
        if request.method == "PATCH":
            university.settings = merged(university.settings, await body_as(request, dict[str, Any]))
        return done(university.settings)

    async def mode(self, request: Request) -> Response:
        university = self.university(request)
        if request.method == "PUT":
            university.mode = (await body_as(request, _Mode)).mode
        return done({"mode": university.mode})

    async def faults(self, request: Request) -> Response:
        faults = self.university(request).faults
        if request.method == "PUT":
            faults.load(await request.body())
        if request.method == "DELETE":
            faults.clear()
        return done(faults.set)

    async def accounts(self, request: Request) -> Response:
        """All of them, in the order of their numbers. POST adds some, or replaces those of the same e-mail."""
        university = self.university(request)
        if request.method == "POST":
            university.seed(await body_as(request, list[Account]))
        return done([account for _, account in sorted(university.accounts.items())])

    async def rename(self, request: Request) -> Response:
        names = await body_as(request, _Rename)
        return done(self.university(request).rename(names.old, names.new))

    async def entities(self, request: Request) -> Response:
        """PUT replaces them, POST adds."""
        university = self.university(request)
        if request.method == "PUT":
            university.entities = await body_as(request, Entities)
        if request.method == "POST":
            university.add_entities(await body_as(request, Entities))
        return done(university.entities)

    async def adopt(self, request: Request) -> Response:
        """Create every entity of the newest snapshot that was accepted."""
        university = self.university(request)
        newest = next((entry.body for entry in reversed(university.received) if entry.fate != "refused"), None)
        if newest is None:
            raise LookupError("No snapshot has been accepted, or its body is no longer kept.")
        body, _ = read_body(msgspec.json.decode(newest), university.settings.null_is_absent)
        university.adopt(body or Body())
        return done(university.entities)

    async def snapshots(self, request: Request) -> Response:
        """
        Every POST that named this university, refused ones too. ``bodies=false`` leaves the bodies out, ``since`` what
        is not above that number.
        """
        since = int(request.query_params.get("since", "0"))
        bodies = request.query_params.get("bodies", "true") != "false"
        entries = self.university(request).received[since:]
        return done([entry if bodies else _bare(entry) for entry in entries])

    async def snapshot(self, request: Request) -> Response:
        entries, number = self.university(request).received, request.path_params["number"]
        if not 0 < number <= len(entries):
            raise LookupError(f"There is no snapshot {number}.")
        return done(entries[number - 1])

    async def reports(self, request: Request) -> Response:
        return done(self.university(request).reports)

    async def history(self, request: Request) -> Response:
        """Every change of every account; of one with ``email``."""
        university, email = self.university(request), request.query_params.get("email")
        if email is None:
            return done(university.history)
        account = university.find(email)
        number = account.number if account else 0
        return done([event for event in university.history if event.change.account == number])


def _as_documented(request: Request) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "application/json" and "no-cache" in request.headers.get("cache-control", "").lower()


async def _bounded(request: Request, limit: int) -> bytes | None:
    """The body, or None when it is larger than the limit."""
    parts, size = [], 0
    async for part in request.stream():  # to its end: who is still sending would not read the answer
        size += len(part)
        if size <= limit:
            parts.append(part)
    return b"".join(parts) if size <= limit else None


def _bare(entry: Received) -> Received:
    return msgspec.structs.replace(entry, body=None)
