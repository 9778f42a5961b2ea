"""
Misbehaviour on command, for both twins: what a fault is, when it strikes, and the kinds that any HTTP server can have.

A fault is JSON: ``{"kind": "status", "status": 429, "retry_after": 2, "path": "/api/students", "count": 3}``. The kinds
are a registry made of the subclasses of ``Fault``: a new kind is a new class with a tag.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Union

import msgspec
from msgspec import Struct


@dataclass
class Answer:
    """A response on its way out. ``cut``: how many bytes go out before the connection is closed (None: all)."""

    status: int
    body: bytes = b""
    content_type: str = "application/json; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None


def message(status: int, text: str, **headers: str) -> Answer:
    """What the vendors answer when they refuse."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, msgspec.json.encode({"message": text}), headers=names)


@dataclass(frozen=True)
class Call:
    """One request, as a fault sees it. ``path``: below the school's or university's own part of it."""

    method: str
    path: str
    query: Mapping[str, str]
    page: int | None
    cleared: asyncio.Event


class Fault(Struct, kw_only=True, tag_field="kind", forbid_unknown_fields=True):
    """
    Strikes the requests whose path matches, ``count`` times (null: until cleared), not before ``skip`` of them have
    passed.

    ``path`` is a shell pattern and its ``*`` crosses slashes; ``page`` narrows to one page of a list.
    """

    path: str = "*"
    page: int | None = None
    count: int | None = None
    skip: int = 0

    def matches(self, call: Call) -> bool:
        return fnmatchcase(call.path, self.path) and (self.page is None or self.page == call.page)

    async def before(self, call: Call) -> Answer | None:
        """An answer instead of the server's own, or None."""
        return None

    def after(self, answer: Answer) -> Answer:
        """What goes out in place of the server's answer."""
        return answer


class Status(Fault, tag="status", kw_only=True):
    """
    Any status, with the body that the vendors use for refusals; 429 and 503 usually come with ``retry_after`` (seconds,
    or an HTTP date).
    """

    status: int
    retry_after: int | str | None = None
    text: str = "The request could not be served."

    async def before(self, call: Call) -> Answer | None:
        headers = {} if self.retry_after is None else {"Retry_After": str(self.retry_after)}
        if self.status == 401:
            headers["WWW_Authenticate"] = 'Bearer error="invalid_token"'
        return message(self.status, self.text, **headers)


class Slow(Fault, tag="slow", kw_only=True):
    """The right answer, late. Units: seconds."""

    seconds: float

    async def before(self, call: Call) -> Answer | None:
        await pause(call, self.seconds)
        return None


class Hang(Fault, tag="hang", kw_only=True):
    """No answer until the faults are cleared or ``seconds`` have gone by; then 504."""

    seconds: float = 600.0

    async def before(self, call: Call) -> Answer | None:
        await pause(call, self.seconds)
        return message(504, "The server did not answer in time.")


class TruncatedJson(Fault, tag="truncated_json", kw_only=True):
    """A well-formed response whose JSON stops in the middle."""

    keep: float = 0.6  # share of the bytes

    def after(self, answer: Answer) -> Answer:
        answer.body = answer.body[: int(len(answer.body) * self.keep)]
        return answer


class CutConnection(Fault, tag="cut_connection", kw_only=True):
    """The connection closes in the middle of the body."""

    keep: float = 0.5

    def after(self, answer: Answer) -> Answer:
        answer.cut = int(len(answer.body) * self.keep)
        return answer


class WrongContentType(Fault, tag="wrong_content_type", kw_only=True):
    """
    Status 200 and something else: by default a log-in page, as a proxy in between would send. ``text`` null: the right
    body, mislabelled.
    """

    content_type: str = "text/html; charset=utf-8"
    text: str | None = "<!doctype html><title>Sign in</title><p>Please sign in to continue.</p>"

    def after(self, answer: Answer) -> Answer:
        answer.content_type = self.content_type
        if self.text is not None:
            answer.body, answer.status = self.text.encode(), 200
        return answer


class Edge(Fault, tag="edge", kw_only=True):
    """A proxy or an edge before the server answers in its place, and not in JSON."""

    status: int = 403
    content_type: str = "text/html; charset=utf-8"
    text: str = "<!doctype html><html><title>Access denied</title><p>Ray 8f1e</p></html>"

    async def before(self, call: Call) -> Answer | None:
        return Answer(self.status, self.text.encode(), self.content_type)


OF_ANY_ANSWER: tuple[type[Fault], ...] = (Status, Edge, Slow, Hang, TruncatedJson, CutConnection, WrongContentType)


class Faults:
    """The faults that are set, in order; ``kinds`` is the registry."""

    def __init__(self, kinds: Sequence[type[Fault]]) -> None:
        self._decoder: msgspec.json.Decoder[list[Fault]] = msgspec.json.Decoder(list[Union[tuple(kinds)]])  # type: ignore[misc]  # noqa: UP007
        self.set: list[Fault] = []
        self.cleared = asyncio.Event()

    def load(self, body: bytes) -> None:
        """Replace the faults. Raises: msgspec.DecodeError, naming the field that is wrong."""
        self.set = self._decoder.decode(body)

    def clear(self) -> None:
        """Take all faults away and let go of whoever hangs."""
        self.set = []
        self.cleared.set()
        self.cleared = asyncio.Event()

    def striking(self, call: Call, passing_over: tuple[type[Fault], ...] = ()) -> Iterator[Fault]:
        """
        The faults that strike this request. Stop asking once one of them has answered: the others then keep their
        count.
        """
        for fault in list(self.set):
            if isinstance(fault, passing_over) or not fault.matches(call):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            if fault.count is not None:
                if fault.count <= 0:
                    continue
                fault.count -= 1
            yield fault


async def pause(call: Call, seconds: float) -> None:
    """So long, or until the faults are cleared."""
    try:
        await asyncio.wait_for(call.cleared.wait(), seconds)
    except TimeoutError:
        return
