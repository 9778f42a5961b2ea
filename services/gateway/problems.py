"""Refusals as RFC 9457 problem details. Nothing of a body is in them but where its faults are, by JSON pointer."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.responses import Response

from services.gateway.body import NotJson
from services.gateway.check import MOST_FAULTS, Refused
from shared.errors import RollcallError
from shared.sweeps.failing import Failing

TYPES = "https://rollcall.example/problems/"


class Problem(RollcallError):
    """One refusal. ``kind`` is the last part of the type's URI; ``more`` are its extension members."""

    def __init__(
        self,
        status: HTTPStatus,
        kind: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.headers = dict(headers or {})
        self.more = dict(more or {})

    def response(self) -> Response:
        content = {
            "type": TYPES + self.kind,
            "title": self.kind.replace("-", " ").capitalize(),
            "status": self.status.value,
            "detail": self.detail,
            **self.more,
        }
        headers = {"Cache-Control": "no-store", **self.headers}
        return Response(
            msgspec.json.encode(content), self.status, headers=headers, media_type="application/problem+json"
        )


def later(kind: str, detail: str, seconds: int, status: HTTPStatus = HTTPStatus.SERVICE_UNAVAILABLE) -> Problem:
    """The same body may be taken when it is sent again after so many seconds."""
    return Problem(status, kind, detail, headers={"Retry-After": str(seconds)})


def too_many_records(most: int) -> Problem:
    return Problem(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "too-many-records",
        f"The lists of a body may have at most {most} records together (gateway.max_records); nothing was taken.",
        more={"max_records": most},
    )


def attempt_of(refusal: Exception, at: str) -> Failing | None:
    """A refusal as whoever asks for the school's standing is told it; None where the body may just be sent again."""
    if isinstance(refusal, Problem) and (
        refusal.status >= HTTPStatus.INTERNAL_SERVER_ERROR or "Retry-After" in refusal.headers
    ):
        return None
    words = f"the body {'is not JSON' if isinstance(refusal, NotJson) else 'was not taken'}: {refusal}"
    if isinstance(refusal, Refused) and refusal.faults.told:
        first = refusal.faults.told[0]
        words += f" The first of {refusal.faults.count} faults, at {first.pointer or 'the whole'}: {first.message}"
    return Failing(since=at, failed_at=at, reason="body_refused", detail=words.replace(";", ","))


def refused(refusal: Refused) -> Problem:
    faults = refusal.faults
    more: dict[str, Any] = {
        "faults": [{"pointer": fault.pointer, "message": fault.message} for fault in faults.told],
        "fault_count": faults.count,
        "counts": dict(refusal.counts),
        "notes": [{"pointer": note.pointer, "message": note.message} for note in refusal.notes],
    }
    if faults.count > len(faults.told):
        more["note"] = (
            f"only the first {MOST_FAULTS} faults are listed; no more were looked for when it was sure to be refused"
        )
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, refusal.reason, str(refusal), more=more)
