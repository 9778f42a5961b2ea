"""What people and other services ask of the fetchers: read a school soon, read one student now, accept a roll."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from services.fetcher import messages
from services.fetcher.areas import remembered
from services.fetcher.memory import Memory
from services.fetcher.missing import find
from services.fetcher.reader import reader_of
from services.fetcher.rounds import FULL
from services.fetcher.source import Refused
from services.fetcher.sweep import School
from shared.clock import Clock, write
from shared.dead_letters import letter, plain_name
from shared.errors import Poison, Retryable
from shared.events import AcceptRoll, SyncAnswered, SyncRequested
from shared.ports import DueQueue, Log
from shared.topics import SYNC_REQUESTS
from shared.wire import Record, decode

log = logging.getLogger("rollcall.fetcher")

PATIENCE_SECONDS = 5.0  # for one student: other schools' requests wait behind this one


class Requests:
    """Handles a batch. Doing it twice does no harm, so a batch whose place was not kept is simply taken again."""

    def __init__(self, schools: Mapping[str, School], due: DueQueue, out: Log, memory: Memory, clock: Clock) -> None:
        self._schools = schools
        self._due = due
        self._out = out
        self._memory = memory
        self._clock = clock

    async def handle(self, records: Sequence[Record]) -> None:
        """
        Schools first, since the queue takes them at once; then the students, together. Each request is answered, so
        that whoever waits knows. Raises: Retryable when queue, memory or log are away.
        """
        students: dict[tuple[str, str], list[str]] = defaultdict(list)
        answers: list[SyncAnswered] = []
        for record in records:
            try:
                event = decode(record.headers.get("ce_type"), record.value)
            except Poison as reason:
                if plain_name(record.topic) == SYNC_REQUESTS:  # the other topic's poison is its owner's to set aside
                    log.warning("a request is set aside: %s", reason)
                    await asyncio.to_thread(self._out.publish, [letter(record, reason)])
                continue
            request = record.headers.get("ce_id", "")
            match event:
                case SyncRequested(school=slug, student_id=str(student_id)) if slug in self._schools:
                    students[slug, student_id].append(request)
                case SyncRequested(school=slug) if slug in self._schools:
                    await self._hasten(slug, FULL if event.full else "")
                    log.info("%s is read %s on request: %s", slug, "in full" if event.full else "soon", event.reason)
                    answers.append(SyncAnswered(school=slug, request=request, outcome="due"))
                case AcceptRoll(school=slug) if slug in self._schools:
                    await asyncio.to_thread(self._memory.accept, slug, event.hash)
                    await self._hasten(slug)
                    log.info("%s: a roll was accepted by hand", slug)
                case _:
                    log.debug("a %s that is not for this fetcher", type(event).__name__)
        await self._answer(answers)
        await asyncio.gather(*(self._take(slug, id, asked) for (slug, id), asked in sorted(students.items())))

    async def _take(self, slug: str, student_id: str, requests: Sequence[str]) -> None:
        """One student, and the answer to everybody who asked for them."""
        found = await self._read_or_hasten(slug, student_id)
        answers = [msgspec.structs.replace(found, student_id=student_id, request=request) for request in requests]
        await self._answer(answers)

    async def _read_or_hasten(self, slug: str, student_id: str) -> SyncAnswered:
        """A school that does not answer soon is read when it can: its next sweep brings the student too."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                read_at = await self._read(self._schools[slug], student_id)
        except Refused as refusal:
            log.warning("%s: one student could not be read: %s", slug, refusal)
            return SyncAnswered(school=slug, request="", outcome="refused", detail=str(refusal))
        except (_NoAnswer, TimeoutError) as trouble:
            detail = str(trouble) or f"no answer in {PATIENCE_SECONDS:g} s"
            log.warning("%s: one student could not be read, the school is read soon: %s", slug, detail)
            await self._hasten(slug)
            return SyncAnswered(school=slug, request="", outcome="unreachable", detail=detail)
        log.info("%s: one student was asked for, and %s", slug, "read" if read_at else "nobody has that id")
        outcome: Literal["read", "unknown_student"] = "read" if read_at else "unknown_student"
        return SyncAnswered(school=slug, request="", outcome=outcome, read_at=read_at)

    async def _read(self, school: School, student_id: str) -> str | None:
        """
        One student, by what is known of the school's areas; when they were read, None: nobody has the id. Opens no
        sweep and closes none; nothing is remembered, so that the next sweep compares with what the last one said.
        """
        known = await asyncio.to_thread(self._memory.load, school.slug)
        reader = reader_of(school.settings, remembered(known))
        read_at = write(self._clock())
        try:
            is_applicant = student_id in reader.people.applicants
            student = await find(school.source, reader, student_id, is_applicant=is_applicant)
        except Retryable as trouble:
            raise _NoAnswer(str(trouble)) from trouble
        if student is None:
            return None
        envelope = messages.Envelope(school.slug, school.lane, None)
        message = envelope.student(messages.of_student(school.slug, student), read_at)
        await asyncio.to_thread(self._out.publish, [message])
        return read_at

    async def _answer(self, answers: Sequence[SyncAnswered]) -> None:
        if answers:
            time = write(self._clock())
            told = [messages.answer(one, self._schools[one.school].lane, time) for one in answers]
            await asyncio.to_thread(self._out.publish, told)

    async def _hasten(self, slug: str, note: str = "") -> None:
        await asyncio.to_thread(self._due.hasten, slug, self._clock().timestamp(), note)


class _NoAnswer(Exception):
    pass
