"""Was this sweep complete? Pure: what was declared and received in; why there is no certificate out."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

from shared.contract.codec import roll_hash
from shared.contract.events import EndpointRead
from shared.contract.model import Kind

KNOWN_SHARE = (1, 5)  # of the ids must be known, else this is another school's data: 20 %


@dataclass(frozen=True)
class PageRead:
    """What one page declared (of itself: ``count``; of the list: ``pages`` and ``declared``) and what was on it."""

    number: int
    pages: int
    declared: int | None
    count: int | None
    received: int


@dataclass(frozen=True)
class Failure:
    """
    Why a sweep proves nothing. ``reason`` is one of a few words, ``detail`` is for people and names nobody; ``said`` is
    what the record system said itself, and may.
    """

    reason: str
    detail: str
    retry_after: float | None = None
    said: str = ""


EMPTY: dict[Kind, Failure] = {
    "student": Failure("no_students", "the list of students is empty"),
    "staff": Failure("no_staff", "the list of staff is empty"),
}


def endpoint_read(path: str, pages: Sequence[PageRead]) -> EndpointRead:
    """What the list declared at last, and what was received."""
    return EndpointRead(
        path=path,
        pages=len(pages),
        declared=next((page.declared for page in reversed(pages) if page.declared is not None), 0),
        received=sum(page.received for page in pages),
    )


def doubt(ids: Collection[str], last_roll: Collection[str] | None, kind: Kind = "student") -> Failure | None:
    """
    Whether these ids (of a page or of the whole roll) can be this school's: somebody is there, and enough of them were
    in the last certified roll. A school that never had one, or whose last was empty, cannot be doubted by it.
    """
    if not ids:
        return EMPTY[kind]
    if not last_roll:
        return None
    known = sum(1 for id in ids if id in last_roll)
    if known * KNOWN_SHARE[1] >= len(ids) * KNOWN_SHARE[0]:
        return None
    return Failure("another_school", f"only {known} of {len(ids)} ids are in the last certified roll")


def incomplete(pages: Sequence[PageRead], ids: Sequence[str]) -> Failure | None:
    """
    Whether the pages are one whole list: each once, agreeing with each other and with what was received.

    Shape: the pages in the order of their reading, and every id in the order of its coming.
    """
    if not pages:
        return Failure("page_missing", "no page was read")
    totals = {(page.pages, page.declared) for page in pages}
    if len(totals) > 1:
        return Failure("totals_disagree", f"the totals changed between pages: {len(totals)} versions of them")
    last, declared = totals.pop()
    numbers = [page.number for page in pages]
    if sorted(numbers) != list(range(1, max(last, 1) + 1)):
        return Failure("page_missing", f"{len(set(numbers))} of {last} pages were read")
    if declared is None:
        return Failure("totals_disagree", "the list does not declare how many are in it")
    for page in pages:
        if page.count is not None and page.count != page.received:
            return Failure("totals_disagree", f"page {page.number} declares {page.count} and has {page.received}")
    received = sum(page.received for page in pages)
    if not declared == received == len(ids):
        return Failure("totals_disagree", f"{declared} declared, {received} received")
    twice = sum(one == next for one, next in pairwise(sorted(ids)))  # a set of a large school's ids is larger
    if twice:
        return Failure("id_twice", f"{twice} ids came more than once")
    return None


def judge(
    pages: Sequence[PageRead],
    ids: Sequence[str],
    last_roll: Collection[str] | None,
    accepted: Collection[str] = (),
    kind: Kind = "student",
) -> Failure | None:
    """
    None: the sweep is complete. ``accepted`` are the hashes of rolls that a person has vouched for; such a roll may be
    empty or full of strangers, but not incomplete.
    """
    failure = incomplete(pages, ids)
    if failure is not None or (accepted and roll_hash(ids) in accepted):
        return failure
    return doubt(ids, last_roll, kind)
