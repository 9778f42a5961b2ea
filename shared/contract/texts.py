"""
The one form in which a text that somebody typed is taken, at every door: pure.

It is NFC, and nothing that nobody sees stands at its ends. A text of such characters alone is an empty one. (How texts
are *compared* is another question: ``canonical_text`` for names, ``emails`` for addresses.)
"""

import re
import unicodedata

INVISIBLE = frozenset({"Cc", "Cf", "Zl", "Zp", "Co", "Cn", "Cs"})  # general categories; spaces are no part of them
LINE_BREAKING = frozenset({"Cc", "Zl", "Zp"})
LOST = "\ufffd"  # what stands where a character could not be decoded

_ASCII_EDGES = "".join(map(chr, (*range(0x21), 0x7F)))
_JOINERS = "\u200c\u200d"  # ZWNJ and ZWJ
_VIRAMA = 9  # the combining class of the signs after which a joiner is a letter's own shape, at the end of a word too
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")  # letters without ink
_BREAKS = re.compile("[ ]*[\0-\x1f\x7f-\x9f\u2028\u2029][ \0-\x1f\x7f-\x9f\u2028\u2029]*")
_SELECTORS = frozenset(map(chr, range(0xFE00, 0xFE10)))


def clean(text: str) -> str:
    """
    NFC, without spaces and characters of ``INVISIBLE`` at its ends; empty where nothing is left that anybody sees.

    A joiner stays after a virama, where scripts of India write the last letter of a name with it.
    """
    if text.isascii():  # first what is most: a large school has a million of these
        return text.strip(_ASCII_EDGES)
    text = unicodedata.normalize("NFC", text)
    start, end = 0, len(text)
    while start < end and _is_edge(text[start]):
        start += 1
    while end > start and _is_edge(text[end - 1]) and not _is_shape(text, end - 1):
        end -= 1
    text = text[start:end]
    return "" if all(_is_blank(letter) for letter in text) else text


def line(text: str) -> str:
    """As ``clean``, and every run of line breaks and other control characters inside is one space."""
    text = clean(text)
    return text if text.isprintable() else _BREAKS.sub(" ", text)


def control_in(text: str) -> str | None:
    """The first control character or line break inside a text, as ``found_in`` has it; None: there is none."""
    return None if text.isprintable() else found_in(text, LINE_BREAKING)


def found_in(text: str, categories: frozenset[str]) -> str | None:
    """The first character of these general categories, in words: ``U+200B (ZERO WIDTH SPACE) as character 4``."""
    for place, letter in enumerate(text, 1):
        if unicodedata.category(letter) in categories:
            return f"{named(letter)} as character {place}"
    return None


def named(letter: str) -> str:
    point, name = f"U+{ord(letter):04X}", unicodedata.name(letter, "") or _CONTROLS.get(letter, "")
    return f"{point} ({name})" if name else point


_CONTROLS = {"\0": "NULL", "\t": "TAB", "\n": "LINE FEED", "\r": "CARRIAGE RETURN", "\x1b": "ESCAPE", "\x7f": "DELETE"}


def _is_edge(letter: str) -> bool:
    return letter.isspace() or unicodedata.category(letter) in INVISIBLE


def _is_shape(text: str, place: int) -> bool:
    return text[place] in _JOINERS and place > 0 and unicodedata.combining(text[place - 1]) == _VIRAMA


def _is_blank(letter: str) -> bool:
    return letter in _BLANK or letter in _SELECTORS or _is_edge(letter)
