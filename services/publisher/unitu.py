"""Hands a snapshot to Unitu and says what became of it. The only file that knows Unitu's way of answering."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, Protocol

import httpx2
from pydantic import SecretStr

from services.publisher.refusals import NOBODY, Refusal, refusal_in
from shared.http_answer import (
    ACCEPT_ENCODING,
    LONGEST_FORM,
    NotJson,
    UnreadableAnswer,
    decode_json,
    read_content,
    seconds_to_wait,
    what_failed,
    without_secret,
)

LARGEST_ANSWER = 64 * 1024  # bytes, as sent and as inflated; whatever comes after them is not read
TEXT_LIMIT = 500  # characters of an answer that are kept

WHAT_TO_DO = {
    400: "Unitu cannot read the snapshot: compare it with its document, and tell Unitu's support",
    401: "Unitu does not know the API key: set the right one, then `rollcall publish`",
    403: "Unitu forbids it: ask Unitu's support whether sync is enabled for this key, then `rollcall publish`",
    404: "nothing is at the tenant's address: set the right url, then `rollcall publish`",
    413: "the snapshot is too large for Unitu: ask Unitu's support for a higher limit, then `rollcall publish`",
    422: "Unitu refuses a field of the snapshot: correct it in the school's records, then `rollcall publish`",
}
RETRYABLE = {408, 425, 429}
PARTLY = 207
COMPLAINTS = ("error", "errors", "failed", "failures", "invalid")  # fields that say so when there is something in them
VERDICTS = ("success", "ok", "accepted", "status", "result")  # and that say so by their value
QUOTED = 60  # characters of an answer that are shown to an operator, in a line of a log
UNLIKE_FIX = (
    "if your Unitu says yes like this, set acceptance_text of the tenant to exactly these words; else look at the url,"
    " and at what stands before it"
)
REFUSALS = (False, None, "false", "error", "failed", "failure", "fail", "rejected", "refused")


@dataclass(frozen=True)
class Outcome:
    """
    ``accepted`` is not *applied*: Unitu works asynchronously. ``unknown``: it may or may not have been taken.

    ``message`` is for people and has neither secret nor person in it, ``text`` is Unitu's own answer. ``retry_after``
    is in seconds. ``refusal``: whose records the answer points at. ``is_unlike``: a 2xx that is no acceptance by
    itself.
    """

    kind: Literal["accepted", "unknown", "rejected"]
    message: str
    status: int | None = None
    text: str = ""
    retry_after: float | None = None
    refusal: Refusal = NOBODY
    is_unlike: bool = False


class Post(Protocol):
    """What a delivery knows of Unitu."""

    async def post(self, url: str, api_key: SecretStr, body: bytes, timeout_seconds: float) -> Outcome:
        """One POST, over within ``timeout_seconds`` in all."""


def classify(status: int, retry_after: str | None = None, text: str = "", now: datetime | None = None) -> Outcome:
    """What an answer means. A 4xx that no document names is a no as well: nothing says that time would help."""
    if 200 <= status < 300:
        if (unlike := unlike_an_acceptance(status, text)) is not None:
            return Outcome("unknown", unlike, status, text[:TEXT_LIMIT], is_unlike=True)
        return Outcome("accepted", "accepted", status, text[:TEXT_LIMIT])
    if status in RETRYABLE or status >= 500:
        wanted = seconds_to_wait(retry_after, now)
        return Outcome("unknown", f"Unitu answered {status}", status, text[:TEXT_LIMIT], wanted)
    if 300 <= status < 400:
        return Outcome("rejected", "the tenant's address has moved: set the right url, then `rollcall publish`", status)
    what = WHAT_TO_DO.get(status, "Unitu refuses the snapshot: ask Unitu's support, then `rollcall publish`")
    return Outcome("rejected", what, status, text[:TEXT_LIMIT])


def unlike_an_acceptance(status: int, text: str) -> str | None:
    """
    Why a 2xx may be no acceptance: a log-in page of something in between, or an answer that tells of errors itself.

    Unitu's document says nothing of its answers: an empty one, or a JSON object without a complaint, is taken for one.
    """
    if status == PARTLY:
        return "Unitu answered 207: it tells of each part by itself; ask Unitu's support what it took"
    if not text.strip():
        return None
    try:
        answer = decode_json(text)
    except NotJson:
        if text.lstrip().startswith("<"):
            page = "is a page, not Unitu's: look at the url, and at what stands before it"
            return f"the answer to the POST ({status}) {page}"
        return f"the answer to the POST ({status}) is {_quoted(text)} and no JSON object: {UNLIKE_FIX}"
    if not isinstance(answer, dict):
        return f"the answer to the POST ({status}) is {_quoted(text)} and no JSON object: {UNLIKE_FIX}"
    said = {str(name).casefold(): value for name, value in answer.items()}
    if any(said.get(name) for name in COMPLAINTS) or any(said.get(name, True) in REFUSALS for name in VERDICTS):
        return f"Unitu answered {status} and tells of an error: ask Unitu's support what it took"
    return None


def _quoted(text: str) -> str:
    """The words of an answer, where they are few, and can name nobody."""
    words = text.strip()
    if len(words) > QUOTED or "@" in words or not words.isprintable():
        return f"a text of {len(words)} characters"
    return f'"{words}"'


class Unitu:
    """
    ``Post`` over HTTP; nothing is kept between two posts but connections.

    ``proxies``: address -> the HTTP proxy on the way there. The environment's are not looked at: key and pupils would
    go wherever a variable points.
    """

    def __init__(
        self, transport: httpx2.AsyncBaseTransport | None = None, proxies: Mapping[str, str] | None = None
    ) -> None:
        self._transport = transport
        self._proxies = proxies or {}
        self._clients: dict[str | None, httpx2.AsyncClient] = {}  # by proxy

    async def post(self, url: str, api_key: SecretStr, body: bytes, timeout_seconds: float) -> Outcome:
        secret = api_key.get_secret_value()
        headers = {"API_KEY": secret, "Content-Type": "application/json", "Cache-Control": "no-cache"}
        try:
            async with asyncio.timeout(timeout_seconds):
                async with self._open(self._proxies.get(url)).stream(
                    "POST", url, content=body, headers=headers, timeout=timeout_seconds
                ) as answer:
                    content, fault = await _begun(answer)
        except (TimeoutError, httpx2.TimeoutException):
            return Outcome("unknown", f"no answer within {timeout_seconds:g} s")
        except httpx2.HTTPError as error:
            return Outcome("unknown", f"no answer: {what_failed(error)}")
        text = without_secret(content.decode("utf-8", "replace"), secret)
        if fault:  # what was cut may end in the middle of the key
            text = text[: -LONGEST_FORM * len(secret)]
        outcome = classify(answer.status_code, answer.headers.get("Retry-After"), text)
        if fault and outcome.kind == "accepted":
            return replace(outcome, kind="unknown", message=f"Unitu answered {answer.status_code}, but {fault}")
        return replace(outcome, refusal=refusal_in(text)) if outcome.status in (400, 422) else outcome

    def _open(self, proxy: str | None) -> httpx2.AsyncClient:
        if proxy not in self._clients:
            self._clients[proxy] = httpx2.AsyncClient(
                headers={"Accept-Encoding": ACCEPT_ENCODING},
                follow_redirects=False,
                transport=self._transport,
                proxy=proxy,
                trust_env=False,
            )
        return self._clients[proxy]

    async def close(self) -> None:
        for client in self._clients.values():
            await client.aclose()
        self._clients = {}


async def _begun(answer: httpx2.Response) -> tuple[bytes, str]:
    """As much of an answer as is read, and why it is not all of it."""
    try:
        return await read_content(answer.headers, answer.aiter_raw(), LARGEST_ANSWER), ""
    except UnreadableAnswer as fault:
        return fault.begun, str(fault)
