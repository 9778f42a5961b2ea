"""Which school a push is from: the API key names it."""

import hmac
from collections.abc import Mapping
from hashlib import sha256
from http import HTTPStatus

from services.gateway.problems import Problem
from shared.config import AnySchool, PushSchool


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
            raise _unknown("The header API_KEY is missing.")
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
