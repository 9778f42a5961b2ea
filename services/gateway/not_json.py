"""
Why a body is not JSON, in words that help: by line and column, and for what people paste by mistake with the fix. Pure.
"""

import re

_AT_BYTE = re.compile(r" \(byte ([0-9]+)\)$")
_TRAILING = "trailing characters"  # of these the decoder names the second
_STEP = 1024 * 1024  # bytes that are looked through at once
_CONTINUATION = bytes(range(0x80, 0xC0))  # bytes of UTF-8 that begin no character
_FIXES = (
    (b"//", "`//` comments are not JSON; take all of them out"),
    (b"/*", "`/* */` comments are not JSON; take all of them out"),
    (b"#", "`#` comments are not JSON; take all of them out"),
    (b"'", "texts and names stand in straight double quotes"),
    ("\u201c".encode(), "texts and names stand in straight double quotes, not in typographic ones"),
    ("\u201d".encode(), "texts and names stand in straight double quotes, not in typographic ones"),
)


def what_is_wrong(body: memoryview, error: Exception) -> str:
    """``error`` is the decoder's. No word of the body is in it."""
    if isinstance(error, UnicodeDecodeError):
        return "text that is not UTF-8"
    text = str(error).removeprefix("JSON is malformed: ")
    found = _AT_BYTE.search(text)
    if found is None:
        return f"{text[:1].lower()}{text[1:]}"
    what = text[: found.start()]
    place = int(found[1]) - (what == _TRAILING)
    line, column = line_and_column(body, place)
    here = bytes(body[place : place + 3])
    fix = next((fix for start, fix in _FIXES if here.startswith(start)), what)
    return f"{fix} (line {line}, column {column})"


def line_and_column(body: memoryview, place: int) -> tuple[int, int]:
    """Of a byte, both from 1 on; a column is a character."""
    line, column = 1, 1
    for begin in range(0, place, _STEP):
        before, newline, rest = bytes(body[begin : min(begin + _STEP, place)]).rpartition(b"\n")
        if newline:
            line += before.count(b"\n") + 1
            column = 1
        column += len(rest.translate(None, _CONTINUATION))
    return line, column
