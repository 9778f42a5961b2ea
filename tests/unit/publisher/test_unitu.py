"""What Unitu is sent, and what its answers mean."""

import asyncio
from datetime import UTC, datetime
from typing import Literal

import httpx2
import pytest
from pydantic import SecretStr

from services.publisher.unitu import Unitu, classify

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
URL = "http://127.0.0.1:9/v1/sync"
KEY = SecretStr("made-up-key")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *((status, "accepted") for status in (200, 201, 202, 204)),
        *((status, "unknown") for status in (408, 425, 429, 500, 502, 503, 504, 599)),
        *((status, "rejected") for status in (301, 302, 400, 401, 403, 404, 405, 409, 413, 415, 422)),
    ],
)
def test_what_an_answer_means(status: int, kind: Literal["accepted", "unknown", "rejected"]) -> None:
    outcome = classify(status, now=NOW)
    assert (outcome.kind, outcome.status) == (kind, status)
    assert outcome.message


@pytest.mark.parametrize(
    ("status", "kind", "text"),
    [
        pytest.param(200, "text/html", "<html><title>Sign in</title></html>", id="a log-in page"),
        pytest.param(202, "text/html", "<html>We are down for maintenance</html>", id="maintenance"),
        pytest.param(200, "text/plain", "OK", id="a word"),
        pytest.param(200, "application/json", '{"success": false, "message": "invalid API key"}', id="success: false"),
        pytest.param(200, "application/json", '{"Status": "error"}', id="status: error"),
        pytest.param(200, "application/json", '{"message": "", "errors": [{"index": 3}]}', id="errors"),
        pytest.param(207, "application/json", '{"message": "done"}', id="207"),
        pytest.param(200, "application/json", '{"message": "The data is acc', id="cut"),
        pytest.param(200, "application/json", "[]", id="a list"),
        pytest.param(200, "application/json", "[" * 100_000, id="nested without end"),
    ],
)
def test_an_answer_that_is_no_acceptance_is_of_unknown_outcome(status: int, kind: str, text: str) -> None:
    _, outcome = post(httpx2.Response(status, headers={"Content-Type": kind}, text=text))
    assert (outcome.kind, outcome.status) == ("unknown", status)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "text",
    [
        "",
        '{"message": "The data is accepted and will be processed."}',
        '{"success": true, "errors": [], "error": null, "status": "accepted"}',
        '{"message": "' + "x" * 600 + '"}',
    ],
)
def test_an_empty_answer_or_one_without_a_complaint_is_an_acceptance(text: str) -> None:
    _, outcome = post(httpx2.Response(202, text=text))
    assert outcome.kind == "accepted"  # type: ignore[attr-defined]
    assert len(outcome.text) <= 500  # type: ignore[attr-defined]


def post(answer: httpx2.Response | Exception | float, timeout: float = 5.0) -> tuple[httpx2.Request | None, object]:
    seen: list[httpx2.Request] = []

    async def handle(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, float):
            await asyncio.sleep(answer)
            return httpx2.Response(202)
        return httpx2.Response(answer.status_code, headers=answer.headers, stream=httpx2.ByteStream(answer.content))

    async def run() -> object:
        unitu = Unitu(httpx2.MockTransport(handle))
        try:
            return await unitu.post(URL, KEY, b'{"students":[]}', timeout)
        finally:
            await unitu.close()

    outcome = asyncio.run(run())
    return (seen[0] if seen else None), outcome


def test_a_post_is_as_the_document_has_it() -> None:
    request, outcome = post(httpx2.Response(202))
    assert request is not None
    assert (request.method, str(request.url)) == ("POST", URL)
    assert request.headers["API_KEY"] == "made-up-key"
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["Cache-Control"] == "no-cache"
    assert request.content == b'{"students":[]}'
    assert outcome.kind == "accepted"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "trouble", [httpx2.ConnectError("no"), httpx2.ReadTimeout("late"), httpx2.RemoteProtocolError("cut"), 9.0]
)
def test_no_answer_is_an_unknown_outcome(trouble: Exception | float) -> None:
    _, outcome = post(trouble, timeout=0.05)
    assert (outcome.kind, outcome.status) == ("unknown", None)  # type: ignore[attr-defined]


def test_an_answer_that_repeats_the_key_is_kept_without_it() -> None:
    _, outcome = post(httpx2.Response(401, text="no key made-up-key here"))
    assert outcome.text == "no key … here"  # type: ignore[attr-defined]
    assert "made-up-key" not in outcome.message  # type: ignore[attr-defined]


def test_a_redirect_is_not_followed() -> None:
    _, outcome = post(httpx2.Response(302, headers={"Location": "http://elsewhere.example"}))
    assert outcome.kind == "rejected"  # type: ignore[attr-defined]


def test_unitus_wish_is_passed_on() -> None:
    _, outcome = post(httpx2.Response(429, headers={"Retry-After": "7"}))
    assert outcome.retry_after == 7.0  # type: ignore[attr-defined]
