"""
What one list of a body changes in who is there, and what makes one doubt that those who are missing have left. Pure.

A body declares no total: nothing in it tells a list that was cut from one that is shorter.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.gateway.check import People
from services.gateway.register import Known, Register

PAGES = (100, 200, 250)  # entries, as exports and interfaces have them
LONG_PAGE = 500  # and each multiple of it
FEWEST_AT_THE_END = 2  # one alone stands somewhere

LENGTH_OF_A_PAGE = "length_of_a_page"
END_OF_THE_LAST_BODY = "end_of_the_last_body"


@dataclass(frozen=True)
class Turnover:
    """
    ``missing``: of those who were there, in the last body's order; ``is_complete`` False: that says nothing of them.
    ``new`` counts whom the feed never said before, ``readdressed`` who has another address than it last said.
    ``suspicions`` are those of ``suspicions_of``.
    """

    missing: tuple[str, ...]
    is_complete: bool
    new: int
    readdressed: int
    suspicions: tuple[str, ...]

    def absent(self, *, has_left: bool) -> tuple[str, ...]:
        """Of whom the body says that they are there no more. ``has_left``: whether the feed means that."""
        return self.missing if has_left and self.is_complete else ()


def turnover_of(people: People, before: Register) -> Turnover:
    known = before.gone | before.here
    missing = before.missing(people.here)
    return Turnover(
        missing=tuple(missing),
        is_complete=people.is_complete,
        new=sum(key not in known for key in people.here),
        readdressed=sum(_has_moved(known.get(key), now) for key, now in people.here.items()),
        suspicions=suspicions_of(people.count, missing, before.here),
    )


def _has_moved(before: Known | None, now: Known) -> bool:
    return before is not None and before.email is not None and now.email not in (None, before.email)


def suspicions_of(count: int, missing: Sequence[str], before: Mapping[str, Known]) -> tuple[str, ...]:
    """In what a list of ``count`` entries looks cut. ``missing`` and ``before`` are in the last body's order."""
    if not missing:
        return ()
    found = []
    if count in PAGES or (count > 0 and count % LONG_PAGE == 0):
        found.append(LENGTH_OF_A_PAGE)
    if len(missing) >= FEWEST_AT_THE_END and list(before)[-len(missing) :] == list(missing):
        found.append(END_OF_THE_LAST_BODY)
    return tuple(found)


def words_of(suspicion: str, count: int, missing: int) -> str:
    """For whoever sent the body, and for whoever judges a hold."""
    if suspicion == LENGTH_OF_A_PAGE:
        page = f"has exactly {count} entries, as many as a page of an export often has"
        return f"{page}, and lacks {missing} of the last body: was the list cut?"
    return f"lacks {missing} of the last body, and all of them stood at its end: was the list cut?"
