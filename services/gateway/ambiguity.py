"""Requests that two servers may read differently, or a sender did not mean so: they are refused, never guessed."""

from collections import Counter
from http import HTTPStatus

from starlette.requests import Request

from services.gateway.keys import HEADERS
from services.gateway.problems import Problem

ONCE = frozenset((*HEADERS, b"content-type", b"content-encoding", b"content-length", b"transfer-encoding", b"host"))


def check_unambiguous(request: Request) -> None:
    """Raises: Problem, and the connection ends with it: what follows on it may be read differently, too."""
    names = Counter(name for name, _ in request.scope["headers"])
    for name in sorted(ONCE):
        if names[name] > 1:
            raise _ambiguous(f"The header {name.decode().title()} stands {names[name]} times; send it once.")
    if names[b"transfer-encoding"] and names[b"content-length"]:
        raise _ambiguous("Content-Length stands beside Transfer-Encoding; send one of them.")
    if names[b"transfer-encoding"] and request.scope.get("http_version") == "1.0":
        raise _ambiguous("Transfer-Encoding is not of HTTP/1.0; send Content-Length.")
    asked = Counter(name for name, _ in request.query_params.multi_items())
    if twice := [name for name, count in asked.items() if count > 1]:
        raise _ambiguous(f"{len(twice)} parameters of the address stand twice; send each once.")


def _ambiguous(detail: str) -> Problem:
    return Problem(HTTPStatus.BAD_REQUEST, "ambiguous-request", detail, headers={"Connection": "close"})
