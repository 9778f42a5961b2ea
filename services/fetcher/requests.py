"""What people and other services ask of the fetchers: read a school soon, read one person now, accept a roll."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import msgspec

from services.fetcher.isams.source import Refused
from services.fetcher.population import School
from services.fetcher.sweep.cache import Memory
from services.fetcher.sweep.scheduler import FULL
from services.fetcher.sweep.sweep import listing_of
from shared.clock import Clock, write
from shared.contract.codec import Message, Record, decode, encode, event_id, headers
from shared.contract.commands import AcceptRoll
from shared.contract.events import SyncAnswered, SyncRequested
from shared.contract.model import Frozen
from shared.contract.populations import KINDS, book_of, school_of
from shared.contract.topics import SYNC_REQUESTS
from shared.errors import Poison, Retryable
from shared.lanes.dead_letters import letter, plain_name
from shared.ports import DueQueue, Log
from shared.sweeps.messages import Envelope, of_person

log = logging.getLogger("rollcall.fetcher")

PATIENCE_SECONDS = 5.0  # for one person: other schools' requests wait behind this one
NO_STAFF = 'its staff are not read; for that its tenant says staff = "managed"'


class Requests:
    """
    Handles a batch. Doing it twice does no harm, so a batch whose place was not kept is simply taken again. ``schools``
    are the books that are read here, by name; a school that is read has that of its students. ``objection`` says why
    an operator's command does not count.
    """

    def __init__(
        self,
        schools: Mapping[str, School],
        due: DueQueue,
        out: Log,
        memory: Memory,
        clock: Clock,
        objection: Callable[[Record], str | None],
    ) -> None:
        self._schools = schools
        self._due = due
        self._out = out
        self._memory = memory
        self._clock = clock
        self._objection = objection

    async def handle(self, records: Sequence[Record]) -> None:
        """
        Schools first, since the queue takes them at once; then single people, together. Each request is answered, so
        that whoever waits knows. Raises: Retryable when queue, memory or log are away.
        """
        people: dict[tuple[str, str], list[str]] = defaultdict(list)
        answers: list[SyncAnswered] = []
        for record in records:
            try:
                event = decode(record.headers.get("ce_type"), record.value)
                self._refuse_unsigned(record, event)
            except Poison as reason:
                if plain_name(record.topic) == SYNC_REQUESTS:  # the other topic's poison is its owner's to set aside
                    log.warning("request set aside: %s", reason)
                    await asyncio.to_thread(self._out.publish, [letter(record, reason)])
                continue
            request = record.headers.get("ce_id", "")
            match event:
                case SyncRequested(school=slug, kind=kind, student_id=str(id)) if slug in self._schools:
                    people[book_of(slug, kind or "student"), id].append(request)
                case SyncRequested(school=slug) if slug in self._schools:
                    answers.append(await self._school(event, request))
                case AcceptRoll(school=slug, kind=kind) if (book := book_of(slug, kind)) in self._schools:
                    await asyncio.to_thread(self._memory.accept, book, event.hash)
                    await self._hasten(book)
                    log.info("%s: roll accepted by an operator", book)
                case _:
                    log.debug("%s ignored: not for this fetcher", type(event).__name__)
        await self._answer(answers)
        await asyncio.gather(*(self._take(book, id, asked) for (book, id), asked in sorted(people.items())))

    def _refuse_unsigned(self, record: Record, event: Frozen) -> None:
        """A command that nobody with the key has given does nothing; eligibility sets it aside. Raises: Poison."""
        if isinstance(event, AcceptRoll) and (objection := self._objection(record)) is not None:
            raise Poison(f"{record.headers.get('ce_type')}: {objection}")

    async def _school(self, event: SyncRequested, request: str) -> SyncAnswered:
        """A whole school, or one of its books."""
        slug = event.school
        kinds = (event.kind,) if event.kind else KINDS
        books = [book for kind in kinds if (book := book_of(slug, kind)) in self._schools]
        for book in books:
            await self._hasten(book, FULL if event.full else "")
            log.info("%s: read %s on request: %s", book, "in full" if event.full else "soon", event.reason)
        if not books:
            return SyncAnswered(school=slug, request=request, outcome="refused", detail=NO_STAFF)
        return SyncAnswered(school=slug, request=request, outcome="due")

    async def _take(self, book: str, id: str, requests: Sequence[str]) -> None:
        """One person, and the answer to everybody who asked for them."""
        found = await self._read_or_hasten(book, id)
        answers = [msgspec.structs.replace(found, student_id=id, request=request) for request in requests]
        await self._answer(answers)

    async def _read_or_hasten(self, book: str, id: str) -> SyncAnswered:
        """A school that does not answer soon is read when it can: its next sweep brings the person too."""
        slug = school_of(book)
        if book not in self._schools:
            return SyncAnswered(school=slug, request="", outcome="refused", detail=NO_STAFF)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                read_at = await self._read(self._schools[book], id)
        except Refused as refusal:
            log.warning("%s: reading one person failed: %s", book, refusal)
            return SyncAnswered(school=slug, request="", outcome="refused", detail=str(refusal))
        except (_NoAnswer, TimeoutError) as trouble:
            detail = str(trouble) or f"no answer in {PATIENCE_SECONDS:g} s"
            log.warning("%s: reading one person failed, the school is read soon: %s", book, detail)
            await self._hasten(book)
            return SyncAnswered(school=slug, request="", outcome="unreachable", detail=detail)
        log.info("%s: one person was asked for, and %s", book, "read" if read_at else "nobody has that id")
        outcome: Literal["read", "unknown_student"] = "read" if read_at else "unknown_student"
        return SyncAnswered(school=slug, request="", outcome=outcome, read_at=read_at)

    async def _read(self, school: School, id: str) -> str | None:
        """
        One person, by what is known of the school's areas; when they were read, None: nobody has the id. Opens no
        sweep and closes none; nothing is remembered, so that the next sweep compares with what the last one said.
        """
        known = await asyncio.to_thread(self._memory.load, school.book)
        listing = listing_of(school, self._memory, known, self._clock)
        await listing.recall()
        read_at = write(self._clock())
        try:
            person = await listing.find(id)
        except Retryable as trouble:
            raise _NoAnswer(str(trouble)) from trouble
        if person is None:
            return None
        envelope = Envelope(school=school.slug, lane=school.lane, kind=school.kind)
        message = envelope.student(of_person(school.slug, school.kind, person), read_at)
        await asyncio.to_thread(self._out.publish, [message])
        return read_at

    async def _answer(self, answers: Sequence[SyncAnswered]) -> None:
        if answers:
            time = write(self._clock())
            told = [_answered(one, self._schools[one.school].lane, time) for one in answers]
            await asyncio.to_thread(self._out.publish, told)

    async def _hasten(self, book: str, note: str = "") -> None:
        await asyncio.to_thread(self._due.hasten, book, self._clock().timestamp(), note)


def _answered(event: SyncAnswered, lane: int, time: str) -> Message:
    """An answer beside its request: who waits for it reads one topic."""
    id = event_id(event.school, event.student_id or "", 0, "sync_answered", f"{event.request}/{time}")
    told = headers(SyncAnswered, id=id, school=event.school, subject=event.school, time=time)
    return Message(SYNC_REQUESTS, lane, event.school, encode(event), told)


class _NoAnswer(Exception):
    pass
