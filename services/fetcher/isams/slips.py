"""What of a school's records could not be taken, in words that name list and id, and never a value. Pure."""

from collections import Counter
from collections.abc import Iterable

from services.fetcher.isams.fields import Unreadable

MOST = 100  # that are told: a column that cannot be read is in every record


class Slips:
    """What was lost of one reading, each once and in order; beyond ``MOST`` only their number is known."""

    def __init__(self) -> None:
        self._words: dict[str, None] = {}
        self._more = 0

    def note(self, whose: str, wrong: Unreadable | str) -> None:
        """``whose``: list and id, such as ``students 3050100001``."""
        words = f"{whose}: {wrong}"
        if words in self._words:
            return
        if len(self._words) >= MOST:
            self._more += 1
        else:
            self._words[words] = None

    @property
    def words(self) -> tuple[str, ...]:
        return (*self._words, *([f"and {self._more} more"] if self._more else []))


def nameless(words: Iterable[str]) -> list[str]:
    """The same without whose they are: a log names nobody."""
    counts = Counter(one.partition(": ")[2] or one for one in words)
    return [wrong if times == 1 else f"{wrong} ({times} times)" for wrong, times in counts.items()]
