"""Which school a push is from: the API key names it."""

import hmac
from collections.abc import Iterable, Mapping
from hashlib import sha256
from http import HTTPStatus

from services.gateway.problems import Problem
from shared.config.settings import AnySchool, PushSchool

HEADERS = (b"api_key", b"api-key", b"x-api-key")  # the document's; and two that every proxy lets through
MISSING = (
    "The header API_KEY is missing. If it was sent, a proxy before Rollcall has dropped it, as nginx does with names "
    "that have an underscore: set underscores_in_headers on there, or send the key in the header X-API-KEY."
)


def given_key(headers: Iterable[tuple[bytes, bytes]]) -> bytes | None:
    """
    The key under whichever of its names; headers as ASGI has them. A proxy may pass one key on under two names.
    Raises: Problem, where the names disagree.
    """
    given = {value for name, value in headers if name.lower() in HEADERS}
    if len(given) > 1:
        raise _unknown("The headers API_KEY, API-KEY and X-API-KEY say different keys; send one of them.")
    return next(iter(given), None)


class ApiKeys:
    """Every key is compared, each in the same time, whichever matches: how long it took says nothing."""

    def __init__(self, schools: Mapping[str, AnySchool]) -> None:
        self._schools = [
            (slug, school, _digest(school.api_key.get_secret_value().encode()))
            for slug, school in schools.items()
            if isinstance(school, PushSchool)
        ]

    def school(self, given: bytes | None) -> tuple[str, PushSchool]:
        """Raises: Problem. ``given`` is the header as it came."""
        if given is None:
            raise _unknown(MISSING)
        offered = _digest(given)
        found = [(slug, school) for slug, school, key in self._schools if hmac.compare_digest(key, offered)]
        if len(found) != 1:  # the configuration refuses two schools with one key
            raise _unknown("The header API_KEY names no school that pushes.")
        return found[0]


def _digest(key: bytes) -> bytes:
    return sha256(key).digest()


def _unknown(detail: str) -> Problem:
    headers = {"WWW-Authenticate": 'ApiKey realm="rollcall", header="API_KEY"'}
    return Problem(HTTPStatus.UNAUTHORIZED, "unknown-api-key", detail, headers=headers)
