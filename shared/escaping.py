"""
The one escaping of text that came from outside, for whatever is printed or logged.

A school may have typed anything into a name and a server may put anything into a header: a terminal's orders, a line
that looks like one of ours, text that turns what follows around.
"""

import json
import re

LABEL = 80  # characters of a word of an outside party's that are told
_ESCAPED = re.compile(r"[^ -\[\]-~]")  # beyond plain ASCII, and the backslash itself


def visible(text: str) -> str:
    """
    One line that a terminal only shows: whatever is not printable, and the backslash, is written as Python would write
    it (``\\\\n``, ``\\\\x1b``, ``\\\\u202e``). Unambiguous: two texts never look alike by it.
    """
    return _ESCAPED.sub(_escape, text)


def visible_json(text: str) -> str:
    """The same JSON, of one line, with whatever is not printable as JSON may write it (``\\u202e``)."""
    return _ESCAPED.sub(_escape_in_json, text)


def label_of(text: str) -> str:
    """As ``visible``, cut: a word of an outside party's inside a sentence of ours."""
    return visible(text if len(text) <= LABEL else f"{text[:LABEL]}…")


def _escape(found: re.Match[str]) -> str:
    one = found[0]
    return one if one.isprintable() and one != "\\" else one.encode("unicode_escape").decode("ascii")


def _escape_in_json(found: re.Match[str]) -> str:
    one = found[0]
    return one if one.isprintable() else json.dumps(one)[1:-1]
