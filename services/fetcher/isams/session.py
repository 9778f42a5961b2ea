"""
One school's door: the token, one request and its tries. What may be asked is not known here.

A request is tried again when time may help (no answer, no JSON, 429, 5xx) and not otherwise. 401 renews the token once;
a 401 or 403 after it is a permission that is missing, and the refusal says which.
"""

import asyncio
import logging
import re
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import Any

import httpx2
import msgspec

from services.fetcher.isams.fields import Unreadable, whole
from services.fetcher.isams.rate_limit import PATIENCE_SECONDS, Politeness
from services.fetcher.isams.server_words import hide_in, is_json, said
from services.fetcher.isams.source import Refused, Trouble
from shared import tolerant_json
from shared.config.settings import IsamsSchool
from shared.errors import Retryable
from shared.escaping import label_of
from shared.http_answer import (
    ACCEPT_ENCODING,
    NotJson,
    TooLarge,
    UnreadableAnswer,
    decode_json,
    read_content,
    seconds_to_wait,
    what_failed,
)
from shared.service import backoff

log = logging.getLogger("rollcall.fetcher")

ATTEMPTS = 4
BACKOFF_SECONDS, BACKOFF_CAP_SECONDS = 0.25, 8.0
RENEW_EARLY_SECONDS = 60.0  # before a token ends; half its life when that is shorter
TRY_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524})  # the last five are the edge's
LONGEST_REST_SECONDS = 3600.0  # whatever is asked for: a slip in a proxy must not silence a school for days
LARGEST_BODY = 64 * 1024 * 1024  # bytes, as sent and as inflated; a page of 1,000 students is 2 MB
TOKEN_SECONDS = 300.0  # that a token lives whose answer does not say how long
_TOKEN = re.compile(r"[!-~]+")  # what can stand in a header (RFC 6750); a client tells anything else in its errors


@dataclass(frozen=True)
class Answer:
    """
    What came. The client's own response is not kept: it and its stream hold each other, so that every page would stay
    in memory until the garbage collector looks, which a service lets it do rarely.
    """

    status_code: int
    headers: httpx2.Headers
    content: bytes


class Session:
    """Opened on first use; close it. ``permission`` says which one a path needs, in words."""

    def __init__(
        self,
        school: IsamsSchool,
        politeness: Politeness,
        permission: Callable[[str], str],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._school = school
        self._politeness = politeness
        self._permission = permission
        self._clock = clock
        self._client: httpx2.AsyncClient | None = None
        self._token = ""
        self._token_ends = 0.0
        self._renewing = asyncio.Lock()
        self._has_told_lifetime = False

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def sign_in(self) -> None:
        """Have a token, or say why not. Raises: Retryable at once, Refused."""
        await self._valid_token()

    async def find(
        self,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        label: str = "",
        decode: Callable[[bytes], Any] = msgspec.json.decode,
    ) -> Any:
        """
        The body of an answer; None for 404. Raises: Retryable after the last try, Refused at once. ``label`` stands in
        their messages for a path that names somebody. ``decode`` may raise what ``msgspec.json.decode`` does.
        """
        return await self._find(path, label or path, partial(self._body, decode=decode), query, "application/json")

    async def find_bytes(self, path: str, *, label: str) -> bytes | None:
        """As ``find``, of what is no JSON."""
        found: bytes | None = await self._find(path, label, self._content, None, "*/*")
        return found

    async def _find(
        self,
        path: str,
        label: str,
        read: Callable[[str, Answer], Any],
        query: Mapping[str, str] | None,
        accept: str,
    ) -> Any:
        has_renewed = False
        attempt = 0
        while True:
            attempt += 1
            try:
                token = await self._valid_token()
                bearer = {"Authorization": f"Bearer {token}", "Accept": accept}
                response = await self._send("GET", path, label, params=query, headers=bearer)
                if response.status_code == 401 and not has_renewed:
                    has_renewed = True
                    self._forget(token)
                    attempt -= 1
                    continue
                return read(label, response)
            except Retryable as trouble:
                await self._rest_or_raise(trouble, attempt)

    async def _rest_or_raise(self, trouble: Retryable, attempt: int) -> None:
        """Wait before the next try. Raises: the trouble itself, after the last try or when the wait would be long."""
        asked = trouble.retry_after
        if asked is not None:
            self._politeness.quiet(asked)
        if attempt >= ATTEMPTS or (asked or 0.0) > PATIENCE_SECONDS:
            raise trouble
        await self._politeness.rest(asked or backoff(attempt, BACKOFF_CAP_SECONDS, BACKOFF_SECONDS))

    async def _send(self, method: str, path: str, label: str, **more: Any) -> Answer:
        """One request, timed as a whole: a server that dribbles is as good as one that hangs."""
        async with self._politeness.turn():
            try:
                async with asyncio.timeout(self._school.timeout_seconds):
                    async with self._open().stream(method, f"{self._school.base_url}{path}", **more) as response:
                        content = await read_content(response.headers, response.aiter_raw(), LARGEST_BODY)
                        return Answer(response.status_code, response.headers, content)
            except TimeoutError:
                raise Retryable(f"{label} gave no answer in {self._school.timeout_seconds:g} s") from None
            except TooLarge as fault:
                raise Refused(f"{label}: {fault}; set a smaller page_size") from None
            except UnreadableAnswer as fault:
                raise Retryable(f"{label}: {fault}") from None
            except httpx2.TransportError as error:
                raise Retryable(f"{label}: {what_failed(error)}") from None

    def _content(self, path: str, response: Answer) -> bytes | None:
        status, tag = response.status_code, _header(response, "x-request-tag", "none")
        if status == 200:
            return response.content
        if status == 404:
            return None
        words = self._said(response)
        if status in (401, 403):
            self._check_edge(path, response, words)
            raise Refused(f"iSAMS refuses {path} ({status}); {self._permission(path)}", status, said=words)
        if status in TRY_AGAIN:
            raise Trouble(
                f"{path}: status {status} (tag {tag})", status, said=words, retry_after=_retry_after(response)
            )
        advice = "see that base_url is the address of iSAMS itself"
        raise Refused(f"{path}: status {status} (tag {tag}); {advice}", status, said=words)

    def _said(self, response: Answer) -> str:
        """The server's own words, should it give one of our secrets back without that."""
        return said(response.content, self._secrets())

    def _secrets(self) -> tuple[str, str]:
        return self._school.client_secret.get_secret_value(), self._token

    @staticmethod
    def _check_edge(path: str, response: Answer, words: str) -> None:
        """Raises: Refused, where the answer is not iSAMS's own: then no permission of this client is missing."""
        if _is_from_the_edge(response):
            raise Refused(
                f"something before iSAMS (a proxy or an edge) refuses {path} ({response.status_code}, no answer of "
                "iSAMS itself); ask the school to let this machine's address in",
                response.status_code,
                said=words,
                is_edge=True,
            )

    def _body(self, path: str, response: Answer, decode: Callable[[bytes], Any] = msgspec.json.decode) -> Any:
        content = self._content(path, response)
        try:
            body = None if content is None else decode_json(content, partial(tolerant_json.decode, strict=decode))
        except NotJson as fault:
            kind, tag = _header(response, "content-type", "nothing"), _header(response, "x-request-tag", "none")
            raise Retryable(f"{path}: the answer {fault}; it came as {kind} (tag {tag})") from None
        hide_in(body, self._secrets())
        return body

    def _open(self) -> httpx2.AsyncClient:
        if self._client is None:
            school = self._school
            verify = ssl.create_default_context(cafile=str(school.ca_file)) if school.ca_file else True
            self._client = httpx2.AsyncClient(
                headers={
                    "User-Agent": f"Rollcall/{version('rollcall')}",
                    "Accept": "application/json",
                    "Accept-Encoding": ACCEPT_ENCODING,
                },
                timeout=school.timeout_seconds,
                verify=verify,
                proxy=school.proxy,
                trust_env=False,  # the proxy is what the configuration says
                follow_redirects=False,  # a token is for this host alone
            )
        return self._client

    # The token

    async def _valid_token(self) -> str:
        """The token, renewed before it ends; only one request renews it."""
        async with self._renewing:
            if not self._token or self._clock() >= self._token_ends:
                await self._renew()
            return self._token

    def _forget(self, token: str) -> None:
        if token == self._token:
            self._token = ""

    async def _renew(self) -> None:
        school = self._school
        form = {
            "grant_type": "client_credentials",
            "client_id": school.client_id,
            "client_secret": school.client_secret.get_secret_value(),
        }
        if school.token_scope:
            form["scope"] = school.token_scope
        asked_at = self._clock()
        response = await self._send("POST", school.token_path, school.token_path, data=form)
        if response.status_code in (400, 401, 403):
            words = self._said(response)
            self._check_edge(school.token_path, response, words)
            raise Refused(_token_refusal(response), response.status_code, said=words)
        body = self._body(school.token_path, response)
        token = body.get("access_token") if isinstance(body, dict) else None
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise Refused(f"{school.token_path} gives no token; see that base_url and token_path are right")
        seconds = self._lifetime(body)
        self._token = token
        self._token_ends = asked_at + seconds - min(RENEW_EARLY_SECONDS, seconds / 2)

    def _lifetime(self, body: dict[str, Any]) -> float:
        """Seconds. What is no number of them is the school's fault, told once, and no reason not to read it."""
        try:
            seconds = whole(body, "expires_in")
        except Unreadable as fault:
            if not self._has_told_lifetime:
                log.warning("%s: %s; each token is renewed early", self._school.base_url, fault)
            self._has_told_lifetime, seconds = True, None
        return float(seconds) if seconds is not None and seconds > 0 else TOKEN_SECONDS


def _header(response: Answer, name: str, default: str) -> str:
    """A header as it may be told: a server may have put anything into it."""
    return label_of(response.headers.get(name, default))


def _is_from_the_edge(response: Answer) -> bool:
    """
    Cloudflare and its like answer in HTML, or in a line of text such as ``error code: 1010``, whatever they call it;
    iSAMS in JSON, or with nothing at all.
    """
    kind = response.headers.get("content-type", "").casefold()
    return "html" in kind or (bool(response.content.strip()) and not is_json(response.content))


def _token_refusal(response: Answer) -> str:
    """What the words of OAuth 2 mean."""
    try:
        body = decode_json(response.content)
    except NotJson:
        body = None
    error = body.get("error") if isinstance(body, dict) else None
    advice = {
        "invalid_client": "client_id or client_secret is wrong or was withdrawn; ask the school for new ones",
        "unauthorized_client": "this client may not use the API; ask the school to allow it",
        "invalid_scope": "token_scope is not one that this school knows; try restapi, or an empty one",
        "unsupported_grant_type": "token_path is not this school's token address",
    }
    return f"iSAMS gives no token ({response.status_code}): {advice.get(str(error), 'see base_url and token_path')}"


def _retry_after(response: Answer) -> float | None:
    wait = seconds_to_wait(response.headers.get("retry-after"))
    return None if wait is None else min(wait, LONGEST_REST_SECONDS)
