"""
What a server says in its own words when it refuses. Pure.

They may name somebody, so that they are told to whoever asks (``rollcall check``, ``rollcall status``) and stand in no
log, event or metric.
"""

from collections.abc import Collection
from typing import Any

from shared import tolerant_json
from shared.http_answer import LONGEST_FORM, NotJson, decode_json, without_secret

MOST = 200  # characters that are told
LOOKED_AT = 64 * 1024  # bytes of an answer that are read for its title
NAMES = ("message", "error_description", "detail", "title", "error")  # of the vendor, of OAuth 2, of RFC 9457


def said(content: bytes, secrets: Collection[str] = ()) -> str:
    """
    The words of an answer, on one line, bounded, without what a terminal would obey and without our own secrets; ""
    where it says nothing.
    """
    text, is_cut = _text(content)
    text = _without(text, secrets)
    if is_cut:  # it may end in the middle of one
        text = text[: len(text) - LONGEST_FORM * max(map(len, secrets), default=0)]
    return _bounded(text)


def said_in(body: Any) -> str:
    """The same of a body that was decoded already."""
    return _bounded(_of_object(body))


def hide_in(body: Any, secrets: Collection[str]) -> None:
    """Take our own secrets out of the words of a body that was decoded already: a server may give them back."""
    for name in body if isinstance(body, dict) else ():
        if str(name).casefold() in NAMES and isinstance(body[name], str):
            body[name] = _without(body[name], secrets)


def _without(text: str, secrets: Collection[str]) -> str:
    for secret in sorted(filter(None, secrets), key=len, reverse=True):  # one may begin like another
        text = without_secret(text, secret)
    return text


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


def _text(content: bytes) -> tuple[str, bool]:
    """What it says, and whether that is cut."""
    if is_json(content):
        return _of_object(decode_json(content, tolerant_json.decode)), False
    part = content[:LOOKED_AT]
    title = _title(part)
    is_page = part.lstrip()[:1] == b"<"
    said = title if title is not None else b"" if is_page else part
    return said.decode("utf-8", "replace"), title is None and len(content) > LOOKED_AT


def _title(page: bytes) -> bytes | None:
    """Looked for once: a page may have thousands that never end."""
    begun = page.lower()
    start = begun.find(b"<title")
    inside = begun.find(b">", start) + 1
    end = begun.find(b"</title>", inside)
    return page[inside:end] if start >= 0 and inside and end >= 0 else None


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
