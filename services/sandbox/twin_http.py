"""The HTTP that both twins share: answers on their way out, JSON on its way in, refusals of the twins' own calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.sandbox.faults import Answer, message

T = TypeVar("T")


class CutResponse(Response):
    """Says how long it is, sends less and stops: the server then closes the connection."""

    def __init__(self, answer: Answer, sent: int) -> None:
        super().__init__(answer.body, answer.status, answer.headers, answer.content_type)
        self.sent = sent

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": bytes(self.body)[: self.sent], "more_body": True})


def respond(answer: Answer) -> Response:
    if answer.cut is not None:
        return CutResponse(answer, answer.cut)
    return Response(answer.body, answer.status, answer.headers, answer.content_type)


def done(content: object = None, status: int = 200) -> Response:
    """A twin's own answer."""
    body = msgspec.json.encode({"ok": True} if content is None else content)
    return Response(body, status, media_type="application/json")


async def body_as(request: Request, type: type[T]) -> T:
    """The body of a twin's own call. Raises: msgspec.DecodeError, answered as 400 with what is wrong."""
    return msgspec.json.decode(await request.body() or b"{}", type=type)


def merged(settings: T, changes: Mapping[str, Any]) -> T:
    """The settings with some of them changed, also inside those that are settings themselves; checked as a whole."""
    known = {name: getattr(settings, name) for name in msgspec.to_builtins(settings)}
    for name, change in changes.items():
        old = known.get(name)
        known[name] = merged(old, change) if isinstance(old, msgspec.Struct) and isinstance(change, dict) else change
    return msgspec.convert(msgspec.to_builtins(known, str_keys=True), type(settings), str_keys=True)


async def _not_valid(_: Request, error: Exception) -> Response:
    return respond(message(400, str(error)))


async def _not_found(_: Request, error: Exception) -> Response:
    return respond(message(404, str(error.args[0]) if error.args else "Not found."))


async def _http(_: Request, error: Exception) -> Response:
    status, text = (error.status_code, error.detail) if isinstance(error, HTTPException) else (500, "Error.")
    return respond(message(status, text))


REFUSALS: dict[Any, Any] = {msgspec.MsgspecError: _not_valid, LookupError: _not_found, HTTPException: _http}
