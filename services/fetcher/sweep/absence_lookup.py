"""Who of the last certified roll is on no page of this sweep: asked for by id, and sorted by what is learnt of each."""

import logging
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field

from services.fetcher.isams.source import Refused, Source
from services.fetcher.sweep.listing import Listing
from services.fetcher.sweep.record_reader import Reader
from shared.clock import Clock, write
from shared.contract.events import Absences
from shared.contract.model import Student
from shared.errors import Retryable
from shared.sweeps.writer import absences_of

log = logging.getLogger("rollcall.fetcher")

ASKED_BY_ID = 50  # in one sweep

FOUND = "found"
LEFT_BY_ID, LEFT_BY_LIST = "left_by_id", "left_by_list"
NOBODY, REFUSED, NO_ANSWER, NOT_ASKED = "nobody", "refused", "no_answer", "not_asked"
LISTED_BEFORE = "listed_before"  # asked for in vain; the leavers' list has them, and had them while they were here
EXPLAINED = (LEFT_BY_ID, LEFT_BY_LIST)


@dataclass(frozen=True)
class LookupResult:
    """What was learnt of one; ``student`` is the record that came, ``read_at`` when it was asked for."""

    id: str
    cause: str
    student: Student | None = None
    read_at: str = ""


@dataclass
class AbsenceTally:
    """Everybody who was missing, by cause."""

    ids: dict[str, list[str]] = field(default_factory=dict)

    def note(self, answer: LookupResult) -> None:
        self.ids.setdefault(answer.cause, []).append(answer.id)

    @property
    def absences(self) -> Absences:
        return absences_of(self.ids, found=FOUND, explained=EXPLAINED)


async def ask_for(book: str, listing: Listing, missing: Collection[str], clock: Clock) -> AsyncIterator[LookupResult]:
    """
    One answer for each: at most fifty are asked for, those first whom no list of leavers explains. After a failure the
    others are not asked for.
    """
    queue = sorted(missing, key=lambda id: (listing.explains(id), id))
    asked = 0
    for id in queue[:ASKED_BY_ID]:
        read_at = write(clock())
        asked += 1
        try:
            person = await listing.find(id)
        except (Retryable, Refused) as trouble:
            log.warning("%s: looking up absentees failed in part: %s", book, trouble)
            yield _unknown(id, listing, REFUSED if isinstance(trouble, Refused) else NO_ANSWER)
            break
        if person is None:
            yield _unknown(id, listing, NOBODY)
        else:
            yield LookupResult(id, LEFT_BY_ID if listing.has_left(person, read_at) else FOUND, person, read_at)
    for id in queue[asked:]:
        yield _unknown(id, listing, NOT_ASKED)


async def find(source: Source, reader: Reader, id: str, *, is_applicant: bool) -> Student | None:
    """One person by id, among the students or, for an applicant, among those. Raises: Retryable, Refused."""
    record = await source.student(id)
    student = None if record is None else reader.student(record)
    if student is None and is_applicant:
        record = await source.applicant(id)
        student = None if record is None else reader.applicant(record)
    return student if student is not None and student.student_id == id else None


def _unknown(id: str, listing: Listing, cause: str) -> LookupResult:
    if listing.explains(id):
        return LookupResult(id, LEFT_BY_LIST)
    return LookupResult(id, LISTED_BEFORE if id in listing.leavers and cause != NOT_ASKED else cause)
