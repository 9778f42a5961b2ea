"""
What a server says in its own words when it refuses. Pure.

They may name somebody, so that they are told to whoever asks (``rollcall check``, ``rollcall status``) and stand in no
log, event or metric.
"""

import re
from collections.abc import Collection
from typing import Any

from shared import tolerant_json
from shared.http_answer import NotJson, decode_json

MOST = 200  # characters that are told
LOOKED_AT = 64 * 1024  # bytes of an answer that are read for its title
NAMES = ("message", "error_description", "detail", "title", "error")  # of the vendor, of OAuth 2, of RFC 9457
_TITLE = re.compile(rb"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)


def said(content: bytes, secrets: Collection[str] = ()) -> str:
    """
    The words of an answer, on one line, bounded, without what a terminal would obey and without our own secrets; ""
    where it says nothing.
    """
    text = _text(content)
    for secret in filter(None, secrets):
        text = text.replace(secret, "…")
    return _bounded(text)


def said_in(body: Any) -> str:
    """The same of a body that was decoded already."""
    return _bounded(_of_object(body))


def is_json(content: bytes) -> bool:
    try:
        decode_json(content, tolerant_json.decode)
    except NotJson:
        return False
    return True


def with_said(text: str, said: str) -> str:
    """``text`` is what was found and, after a semicolon, what to do: the server's words go between the two."""
    message, mark, fix = text.partition("; ")
    return f'{message} (it says: "{said}"){mark}{fix}' if said else text


def _text(content: bytes) -> str:
    if not is_json(content):
        part = content[:LOOKED_AT]
        title = _TITLE.search(part)
        is_page = part.lstrip()[:1] == b"<"
        return (title[1] if title else b"" if is_page else part).decode("utf-8", "replace")
    return _of_object(decode_json(content, tolerant_json.decode))


def _of_object(body: Any) -> str:
    if isinstance(body, str):
        return body
    if not isinstance(body, dict):
        return ""
    known = {str(name).casefold(): value for name, value in body.items()}
    return next((value for name in NAMES if isinstance(value := known.get(name), str) and value.strip()), "")


def _bounded(text: str) -> str:
    """A semicolon would part what was found from what to do."""
    words = " ".join(text.replace(";", ",").replace('"', "'").split())
    shown = "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in words)
    return shown if len(shown) <= MOST else shown[: MOST - 1] + "…"
