"""
The one form in which texts that people type are compared: names, and the words that a school has for a status. Pure.

``ReAdmission`` is ``Re-Admission``, Siân Price Jones is Sian Price-Jones, and O'Brien is O’Brien.
"""

import unicodedata
from functools import lru_cache

_UNDECOMPOSED = str.maketrans(  # letters with a stroke or of two parts, which NFKD leaves as they are
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h"}
)


@lru_cache(maxsize=4096)
def canonical(text: str) -> str:
    """
    A text as it is compared: NFKD, case-folded, letters and digits alone. Empty where nothing else was there.

    Vowel signs that are characters of their own (Devanagari, Thai) are letters here; only marks that are put above or
    below another character are dropped.
    """
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(letter for letter in folded if _counts(letter)).translate(_UNDECOMPOSED)


def _counts(letter: str) -> bool:
    kind = unicodedata.category(letter)
    if kind in ("Mn", "Mc"):
        return unicodedata.combining(letter) == 0 and not unicodedata.name(letter, "").startswith(_NO_LETTERS)
    return kind[0] in "LN"


_NO_LETTERS = ("VARIATION SELECTOR", "COMBINING GRAPHEME JOINER")
