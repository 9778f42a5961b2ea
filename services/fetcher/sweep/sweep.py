"""
The course of one sweep: one complete reading of one book, a school's students or its staff, told as it goes. Knows
ports only.

1. Read the first page. If it can be nobody's or another school's: say so, and nothing else.
2. Read the areas that are due, and the first page again. Applicants and leavers are known before any student is sent,
   so that who is in two lists is sent once.
3. SweepStarted; the structure, where it differs.
4. Page by page: publish who is news, await the acknowledgement, remember their digests.
5. Judge. Then the applicants who are on no page; then ask by id for those of the last certified roll who are missing;
   then the leavers, who are records and never roll. Not before: a page that is missing may have any of them.
6. The roll, where it differs; then SweepCompleted with the certificate; then remember the roll.

What of this a book has is its listing's to say: staff have one list, and no areas, applicants or leavers.

Nothing is published once the lease may be another's. A Retryable of the log or of the memory leaves the sweep as it is:
nobody is told, since nobody can be, and the next SweepStarted takes its place.
"""

import asyncio
import logging
import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import msgspec

from services.fetcher.isams.source import Page, Refused, said_by
from services.fetcher.population import School
from services.fetcher.sweep import certificate, due_times, likeness
from services.fetcher.sweep.absence_lookup import FOUND, LEFT_BY_ID, AbsenceTally, ask_for
from services.fetcher.sweep.cache import LIKENESS, Memory, Remembered, SchoolMemory
from services.fetcher.sweep.certificate import Failure, PageRead
from services.fetcher.sweep.first_page import Failed, advised, first_page
from services.fetcher.sweep.likeness import Likeness
from services.fetcher.sweep.listing import Listed, Listing
from services.fetcher.sweep.outbox import Delivery
from services.fetcher.sweep.staff_listing import Staff
from services.fetcher.sweep.student_listing import Students
from shared import completeness
from shared.clock import Clock, write
from shared.contract.codec import encode, roll_hash
from shared.contract.events import Absences
from shared.contract.model import Student
from shared.errors import Retryable
from shared.failpoints import at_point
from shared.ports import Log
from shared.sweeps.certificate import certify
from shared.sweeps.messages import Letter, of_encoded, of_person
from shared.sweeps.writer import SweepWriter
from shared.work.lease import Lease

log = logging.getLogger("rollcall.fetcher")

BATCH = 1_000  # people of the short lists between two looks at the lease
PAGES_LOST = 2  # in a row: then the others are not asked for either


@dataclass(frozen=True)
class Result:
    """How a sweep ended. ``failure`` None: certified. ``areas``: those that say something else than before."""

    sweep: str
    full: bool
    failure: Failure | None = None
    roll_count: int = 0
    sent: int = 0
    areas: frozenset[str] = frozenset()


async def run_sweep(
    school: School,
    out: Log,
    memory: Memory,
    lease: Lease,
    clock: Clock,
    *,
    wants_full: bool = False,
    token: Callable[[], str] = lambda: secrets.token_hex(4),
) -> Result:
    """
    Read a book once. Raises: LeaseLost; Retryable when log or memory are away. Cancelling it ends it at once.
    """
    known = await asyncio.to_thread(memory.load, school.book)
    return await _Sweep(school, out, memory, lease, clock, known, wants_full, token()).run()


def listing_of(school: School, memory: Memory, known: Remembered, clock: Clock) -> Listing:
    return Staff(school, memory) if school.kind == "staff" else Students(school, known, clock)


class _Sweep:
    def __init__(
        self,
        school: School,
        out: Log,
        memory: Memory,
        lease: Lease,
        clock: Clock,
        known: Remembered,
        wants_full: bool,
        token: str,
    ) -> None:
        self._book = school.book
        self._school = school
        self._listing = listing_of(school, memory, known, clock)
        self._memory = memory
        self._clock = clock
        self._known = known
        self._started = clock()
        self._started_at = write(self._started)
        self._id = f"{self._started_at.replace('-', '').replace(':', '')}-{token}"
        self._full = self._is_full(wants_full)
        self._writer = SweepWriter(
            school=school.slug,
            lane=school.lane,
            kind=school.kind,
            sweep=self._id,
            started_at=self._started_at,
            full=self._full,
        )
        self._delivery = Delivery(out, memory, lease, self._writer, known, self._full)
        self._structure_digest = known.state.structure_digest
        self._pages: list[PageRead] = []
        self._ids: list[str] = []  # as they came
        self._filled: Counter[str] = Counter()  # of the roll's records, by column
        self._others: set[str] = set()  # of the roll, though on no page
        self._marks: dict[str, str] = {}  # what identifies the people of the pages, or a sample of them
        self._lost: Failure | None = None  # the first page that could not be read
        self._strangers: Failure | None = None  # a page of other people than had their ids: it is not delivered
        self._nameless = 0

    async def run(self) -> Result:
        failure: Failure | None = None
        try:
            await self._read_book()
        except Failed as failed:
            failure = failed.failure
            await self._fail(failure)
        fresh = self._listing.fresh.items() if failure is None else ()
        news = frozenset(name for name, value in fresh if self._known.areas.get(name) != value)
        return Result(self._id, self._full, failure, len(self._delivery.digests), self._delivery.sent, news)

    async def _read_book(self) -> None:
        first, read_at = await first_page(self._school, self._listing, self._known, self._clock)
        if await self._listing.prepare(self._started, full=self._full):
            first, read_at = await first_page(self._school, self._listing, self._known, self._clock)
        await self._open()
        await self._take(first, read_at)
        pages = first.pages
        del first  # or it would be in memory as long as the sweep
        await self._read_from(2, pages)
        self._judge()
        await self._enrol_others()
        absences = await self._ask_for_missing()
        await self._tell_gone()
        await self._close(absences)

    def _is_full(self, wanted: bool) -> bool:
        settings = self._school.settings
        reason = due_times.full_because(
            self._known.state,
            self._started,
            version=self._school.version,
            hours=settings.full_sweep_hours,
            zone=settings.zone,
            year_start=settings.academic_year_start,
        )
        if wanted or reason:
            log.info("%s: full sweep: %s", self._book, reason or "it was asked for")
        return wanted or bool(reason)

    async def _open(self) -> None:
        await self._delivery.publish([self._writer.started()])
        await self._keep_areas()
        structure = self._listing.structure
        if structure is None:
            return
        letter, read_at = structure
        if self._full or letter.digest != self._structure_digest:
            await self._delivery.publish([self._writer.structure(letter, read_at or self._started_at)])
            self._structure_digest = letter.digest

    async def _keep_areas(self) -> None:
        """When they were read goes before what they said: nobody may take them for part of a certified sweep yet."""
        if self._listing.fresh:
            state = msgspec.structs.replace(self._known.state, areas=dict(self._listing.states))
            await asyncio.to_thread(self._memory.keep, self._book, state)
            await asyncio.to_thread(self._memory.keep_areas, self._book, self._listing.fresh)

    async def _read_from(self, start: int, pages: int) -> None:
        """Every page that can be read, also after one that cannot: joiners and updates are delivered all the same."""
        lost_in_a_row = 0
        for number in range(start, pages + 1):
            read_at = write(self._clock())
            try:
                page = await self._listing.page(number)
            except (Retryable, Refused) as trouble:
                retry_after = trouble.retry_after if isinstance(trouble, Retryable) else None
                lost = Failure("page_missing", f"page {number}: {trouble}", retry_after, said_by(trouble))
                self._lost = self._lost or lost
                lost_in_a_row += 1
                if lost_in_a_row == PAGES_LOST or isinstance(trouble, Refused) or retry_after:
                    return
                continue
            lost_in_a_row = 0
            await self._take(page, read_at)
            del page

    async def _take(self, page: Page, read_at: str) -> None:
        self._pages.append(PageRead(page.number, page.pages, page.declared, page.count, len(page.records)))
        letters: dict[str, Letter] = {}
        marks: dict[str, str] = {}
        unreadable = 0
        count = page.declared or page.pages * len(page.records)
        for record in page.records:
            person = self._listing.person(record)
            if person is None:
                self._nameless += 1
                continue
            unreadable += bool(person.faults)
            self._ids.append(person.student_id)
            completeness.count(self._filled, person)
            if likeness.is_sampled(person.student_id, count):
                marks[person.student_id] = self._listing.marks(person.student_id, record)
            letters[person.student_id] = self._letter(person)
        if unreadable:
            log.warning("%s: %d records of page %d are unreadable", self._book, unreadable, page.number)
        self._marks |= marks
        doubt = likeness.doubt(marks, self._known.marks)
        if doubt is None or self._known.accepted:  # whether this is what was accepted is known at the end
            await self._delivery.enrol(letters, read_at)
        else:
            self._strangers = self._strangers or doubt

    def _judge(self) -> None:
        """Raises: Failed, unless every page was read and they are one whole list of this school."""
        failure = self._lost
        if failure is None and self._nameless:
            failure = Failure("id_missing", f"{self._nameless} records have no id: nothing says whose they are")
        if failure is None:
            failure = certificate.judge(
                self._pages, self._ids, self._known.roll, self._known.accepted, self._school.kind
            )
        if failure is None and roll_hash(self._ids) not in self._known.accepted:
            failure = self._strangers or likeness.doubt(self._marks, self._known.marks)
        if failure is not None:
            raise Failed(advised(self._school, failure, self._ids))

    async def _enrol_others(self) -> None:
        """
        As old as the sweep, not as their list: that they are on no page of the students is what it says of them.
        """
        for letters in self._batches(self._counted(self._listing.others(self._delivery.digests))):
            await self._delivery.enrol(letters, self._started_at)

    async def _ask_for_missing(self) -> Absences:
        """What is learnt of those of the last certified roll who are missing; who is found is in this one too."""
        tally = AbsenceTally()
        missing = [id for id in self._known.roll or () if id not in self._delivery.digests]
        async for answer in ask_for(self._book, self._listing, missing, self._clock):
            tally.note(answer)
            if answer.student is None:
                continue
            letters = {answer.id: self._letter(answer.student)}
            if answer.cause == FOUND:
                completeness.count(self._filled, answer.student)
                await self._delivery.enrol(letters, answer.read_at)
            elif answer.cause == LEFT_BY_ID and not self._listing.explains(answer.id):
                await self._delivery.send(letters, answer.read_at)
        return tally.absences

    async def _tell_gone(self) -> None:
        for letters in self._batches(self._listing.gone(self._delivery.digests)):
            await self._delivery.tell(letters, self._started_at)

    def _counted(self, people: Iterable[Listed]) -> Iterator[Listed]:
        for id, one in people:
            completeness.count(
                self._filled, one if isinstance(one, Student) else msgspec.json.decode(one, type=Student)
            )
            self._others.add(id)
            yield id, one

    def _batches(self, people: Iterable[Listed]) -> Iterator[dict[str, Letter]]:
        rest = iter(people)
        while part := list(islice(rest, BATCH)):
            yield {
                id: self._letter(one) if isinstance(one, Student) else of_encoded(self._school.slug, id, one)
                for id, one in part
            }

    def _letter(self, person: Student) -> Letter:
        return of_person(self._school.slug, self._school.kind, person)

    async def _close(self, absences: Absences) -> None:
        at_point("completing")
        roll, last, now = self._delivery.digests, self._known.state, self._clock()
        areas, endpoints = self._listing.certified()
        endpoint = certificate.endpoint_read(self._listing.path, self._pages)
        proof = certify([endpoint, *endpoints], roll, areas)
        if self._full or self._known.roll is None or proof.roll_hash != last.roll_hash:
            await self._delivery.publish(self._writer.roll(roll.keys(), write(now)))
        completed = self._writer.completed(write(now), proof, absences, self._filled, self._listing.slips)
        await self._delivery.publish([completed])
        state = SchoolMemory(
            roll_hash=proof.roll_hash,
            completed_at=write(now),
            full_at=self._started_at if self._full else last.full_at,
            settings_version=self._school.version if self._full else last.settings_version,
            structure_digest=self._structure_digest,
            areas=self._listing.rested(now, doubts_leavers=self._doubts_leavers(absences)),
            entries=self._listing.entries(roll.keys() - self._others, roll),
        )
        await self._keep_likeness()
        leavers = self._listing.leavers
        gone = [id for id in self._known.digests if id not in roll and id not in leavers]
        used = self._known.accepted
        await asyncio.to_thread(self._memory.certify, self._book, state, roll.keys(), gone=gone, used=used)

    async def _keep_likeness(self) -> None:
        kept = encode(Likeness(marks={id: self._marks[id] for id in sorted(self._marks)}))
        if kept != self._known.areas.get(LIKENESS):
            await asyncio.to_thread(self._memory.keep_areas, self._book, {LIKENESS: kept})

    def _doubts_leavers(self, absences: Absences) -> bool:
        """
        Whether the leavers should be read again before their time: somebody is gone without a word, or has come back
        and is among them still.
        """
        roll, last = self._delivery.digests, self._known.roll or frozenset()
        return bool(absences.unexplained) or any(id in roll and id not in last for id in self._listing.leavers)

    async def _fail(self, failure: Failure) -> None:
        endpoints = [certificate.endpoint_read(self._listing.path, self._pages)] if self._pages else []
        failed = self._writer.failed(write(self._clock()), failure.reason, failure.detail, endpoints)
        await self._delivery.publish([failed])
        if self._pages:  # it was opened: what the areas came to is worth keeping
            areas = dict(self._listing.states)
            state = msgspec.structs.replace(self._known.state, structure_digest=self._structure_digest, areas=areas)
            await asyncio.to_thread(self._memory.keep, self._book, state)
