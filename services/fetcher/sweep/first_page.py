"""
Whose data is this? Asked of a sweep's first page, before anything of the sweep is said: by its ids, and by what
identifies the people behind them.
"""

from collections.abc import Sequence
from dataclasses import replace

from services.fetcher.isams.fields import Unreadable
from services.fetcher.isams.source import Page, Refused, said_by
from services.fetcher.population import School
from services.fetcher.sweep import certificate, likeness
from services.fetcher.sweep.cache import Remembered
from services.fetcher.sweep.certificate import Failure
from services.fetcher.sweep.listing import Listing
from shared.clock import Clock, write
from shared.contract.codec import roll_hash
from shared.errors import Retryable

ADVISED = ("no_students", "no_staff", "another_school")  # failures that a person may overrule


class Failed(Exception):
    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.detail)
        self.failure = failure


async def first_page(school: School, listing: Listing, known: Remembered, clock: Clock) -> tuple[Page, str]:
    """
    The first page, and when it was asked for. Raises: Failed when it cannot be had, or is no school's or another's.

    Where it looks wrong, the rest is read once for its ids alone: a person may have accepted exactly this roll, and
    where nobody has, the failure tells the hash that they would accept.
    """
    read_at = write(clock())
    try:
        page = await listing.page(1)
    except Refused as refusal:
        raise Failed(Failure("refused", str(refusal), said=refusal.said)) from refusal
    except Retryable as trouble:
        raise Failed(Failure("unreachable", str(trouble), trouble.retry_after, said_by(trouble))) from trouble
    ids = _ids(listing, page)
    if page.records and not ids:
        raise Failed(Failure("id_missing", "no record of the first page has an id"))
    failure = certificate.doubt(ids, known.roll, school.kind) or likeness.doubt(
        _marks(listing, page, known), known.marks
    )
    if failure is None:
        return page, read_at
    try:
        for number in range(2, page.pages + 1):
            ids += _ids(listing, await listing.page(number))
    except (Retryable, Refused) as trouble:
        raise Failed(replace(failure, detail=f"{failure.detail}; and not all was read: {trouble}")) from trouble
    if roll_hash(ids) not in known.accepted:
        raise Failed(advised(school, failure, ids))
    return page, read_at


def advised(school: School, failure: Failure, ids: Sequence[str]) -> Failure:
    """The failure with the words that overrule it, where a person may."""
    if failure.reason not in ADVISED:
        return failure
    which = f"{school.slug} {roll_hash(ids)}{' --staff' if school.kind == 'staff' else ''}"
    return replace(failure, detail=f"{failure.detail}; if this is right: rollcall accept-roll {which}")


def _marks(listing: Listing, page: Page, known: Remembered) -> dict[str, str]:
    """What identifies those of the page of whom something is kept."""
    found = {}
    for record in page.records if known.marks else ():
        try:
            id = listing.id_of(record)
        except Unreadable:
            continue
        if id in known.marks:
            found[id] = listing.marks(id, record)
    return found


def _ids(listing: Listing, page: Page) -> list[str]:
    found = []
    for record in page.records:
        try:
            found.append(listing.id_of(record))
        except Unreadable:
            continue
    return found
