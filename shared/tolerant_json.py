"""
JSON as servers send it that have half a character in it, or a mark before it: pure.

A name that was cut in the middle of an emoji is half a surrogate pair. It costs its character, which becomes U+FFFD,
and never its page. What is no UTF-8 stays unreadable: a school in another encoding would lose all accents.
"""

import re
from collections.abc import Callable
from typing import Any

import msgspec

_MARK = b"\xef\xbb\xbf"
_LOST = b"\\ufffd"
# Every escape of a JSON text, so that a backslash that is meant is never taken for the beginning of one: a whole pair,
# half of one, or any other.
_ESCAPES = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)


def decode(content: bytes, strict: Callable[[bytes], Any] = msgspec.json.decode) -> Any:
    """
    As ``strict`` has it; where that cannot read it, of the same without the mark before it, and with U+FFFD for each
    half of a pair. Raises: what ``strict`` does, for anything else.
    """
    try:
        return strict(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        mended = mend(content)
        if mended == content:
            raise
        return strict(mended)


def mend(content: bytes) -> bytes:
    content = content.removeprefix(_MARK)
    found = mended(content)
    return content if found is None else bytes(found)


def mended(content: bytes | memoryview) -> bytearray | None:
    """With U+FFFD for each half of a pair; None: there is none. It takes the memory of one copy, if any."""
    copy: bytearray | None = None
    for found in _ESCAPES.finditer(content):
        if found[1]:
            copy = bytearray(content) if copy is None else copy
            copy[found.start() : found.end()] = _LOST
    return copy
