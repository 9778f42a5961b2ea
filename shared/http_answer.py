"""
Reads what an outside party's server answers: its bytes counted, its encoding undone by us, its words made safe to tell.

The one reader for every HTTP client. A client asks for ``ACCEPT_ENCODING`` and hands the raw bytes over: a library that
inflates by itself has filled memory before anybody can look at a limit. Opens nothing.
"""

import os
import re
import socket
import ssl
import zlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from html import escape
from typing import Any
from urllib.parse import quote, quote_plus

import msgspec

from shared.errors import RollcallError

ACCEPT_ENCODING = "gzip"
STEP = 64 * 1024  # bytes that are inflated at once
LONGEST_DIGITS = 18  # of a number of seconds that are looked at
LONGEST_FORM = 6  # times a secret's own length, as a page would write it
MOST_CAUSES = 10  # of one failure that are looked at
_SECONDS = re.compile(r"[0-9]+(\.[0-9]+)?")
_GZIP = 16 + zlib.MAX_WBITS  # how zlib is told that the stream has gzip's header


class UnreadableAnswer(RollcallError):
    """The answer is not whole, or not what it says it is. ``begun``: what came of it until then."""

    def __init__(self, message: str, begun: bytes = b"") -> None:
        super().__init__(message)
        self.begun = begun


class TooLarge(UnreadableAnswer):
    """More came, or more was inflated, than the limit. Nothing of the rest was read."""


class NotJson(RollcallError):
    """The content cannot be taken as JSON. The message repeats nothing of it."""


async def read_content(headers: Mapping[str, str], raw: AsyncIterator[bytes], limit: int) -> bytes:
    """
    The whole body of an answer: as it is, or of one gzip. ``limit`` bounds the raw bytes and the inflated ones alike.

    Raises: TooLarge, UnreadableAnswer.
    """
    encodings = [one for one in headers.get("content-encoding", "").lower().replace(" ", "").split(",") if one]
    encodings = [one for one in encodings if one != "identity"]
    if encodings in (["gzip"], ["x-gzip"]):
        return await _inflated(raw, limit)
    if encodings:
        raise UnreadableAnswer("the answer has another encoding than the one gzip that was asked for")
    content = bytearray()
    async for piece in raw:
        _add(content, piece, limit)
    return bytes(content)


async def _inflated(raw: AsyncIterator[bytes], limit: int) -> bytes:
    """Raises: TooLarge; UnreadableAnswer, for what is cut, no gzip, or has anything behind it."""
    content, received, stream = bytearray(), 0, zlib.decompressobj(_GZIP)
    async for piece in raw:
        received += len(piece)
        if received > limit:
            raise TooLarge(f"more than {limit} bytes in one answer", bytes(content))
        if stream.eof:
            raise UnreadableAnswer("the answer has something behind its gzip", bytes(content))
        try:
            for part in _parts(stream, piece):
                _add(content, part, limit)
        except zlib.error:
            raise UnreadableAnswer("the answer is no gzip, though it says so", bytes(content)) from None
    if received and not stream.eof:
        raise UnreadableAnswer("the answer ends in the middle of its gzip", bytes(content))
    if stream.unused_data:
        raise UnreadableAnswer("the answer has something behind its gzip", bytes(content))
    return bytes(content)


def _parts(stream: "zlib._Decompress", piece: bytes) -> Iterable[bytes]:
    """What a piece inflates to, never more than a step at once. Raises: zlib.error."""
    while piece:
        yield stream.decompress(piece, STEP)
        piece = stream.unconsumed_tail
    while not stream.eof and (rest := stream.decompress(b"", STEP)):
        yield rest


def _add(content: bytearray, piece: bytes, limit: int) -> None:
    room = limit - len(content)
    content += piece[:room]
    if len(piece) > room:
        raise TooLarge(f"more than {limit} bytes in one answer", bytes(content))


def decode_json(content: bytes | str, decode: Callable[[bytes], Any] = msgspec.json.decode) -> Any:
    """
    JSON from outside. ``decode`` may raise what ``msgspec.json.decode`` does.

    Raises: NotJson, also for text that is not UTF-8, for a number beyond all limits and for nesting that is too deep.
    """
    try:
        return decode(content.encode() if isinstance(content, str) else content)
    except RecursionError:
        raise NotJson("is nested too deeply") from None
    except msgspec.ValidationError:
        raise NotJson("has a value that cannot be taken") from None
    except (msgspec.DecodeError, UnicodeError):
        raise NotJson("is no JSON") from None


def seconds_to_wait(header: str | None, now: datetime | None = None) -> float | None:
    """``Retry-After``: seconds, or a date. None for nonsense, which is as good as nothing. Always finite."""
    value = (header or "").strip()
    try:
        if _SECONDS.fullmatch(value):
            return float(value[:LONGEST_DIGITS])
        return max(0.0, (parsedate_to_datetime(value) - (now or datetime.now(UTC))).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None


def without_secret(text: str, secret: str) -> str:
    """The text with ``…`` for a secret that it repeats: as it is, or as JSON, a page or an address writes it."""
    as_json = msgspec.json.encode(secret).decode()[1:-1]
    forms = {secret, as_json, as_json.replace("/", "\\/"), escape(secret), quote(secret, safe=""), quote_plus(secret)}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, "…")
    return text


def what_failed(error: BaseException) -> str:
    """
    An exception by its name, and what the system says of its cause. Never its text: a client's text repeats what it was
    given, and that may have been a token.
    """
    name, seen = type(error).__name__, 0
    cause: BaseException | None = error
    while cause is not None and seen < MOST_CAUSES:
        if words := _words_of_the_system(cause):
            return f"{name} ({words})"
        inner = cause.exceptions[0] if isinstance(cause, BaseExceptionGroup) else None
        cause, seen = inner or cause.__cause__ or cause.__context__, seen + 1
    return name


def _words_of_the_system(error: BaseException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"no TLS: {error.reason}" if error.reason else ""
    if isinstance(error, socket.gaierror):
        return str(error.strerror)
    return os.strerror(error.errno) if isinstance(error, OSError) and error.errno else ""
