"""What people and other services ask of the fetchers: read a school soon, read one student now, accept a roll."""

import asyncio
import logging
from collections.abc import Mapping, Sequence

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
from shared.events import AcceptRoll, SyncRequested
from shared.ports import DueQueue, Log
from shared.topics import SYNC_REQUESTS
from shared.wire import Record, decode

log = logging.getLogger("rollcall.fetcher")


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
        Schools first, since the queue takes them at once; then the students, together. Raises: Retryable when queue,
        memory or log are away.
        """
        students: set[tuple[str, str]] = set()
        for record in records:
            try:
                event = decode(record.headers.get("ce_type"), record.value)
            except Poison as reason:
                if plain_name(record.topic) == SYNC_REQUESTS:  # the other topic's poison is its owner's to set aside
                    log.warning("a request is set aside: %s", reason)
                    await asyncio.to_thread(self._out.publish, [letter(record, reason)])
                continue
            match event:
                case SyncRequested(school=slug, student_id=str(student_id)) if slug in self._schools:
                    students.add((slug, student_id))
                case SyncRequested(school=slug) if slug in self._schools:
                    await self._hasten(slug, FULL if event.full else "")
                    log.info("%s is read %s on request: %s", slug, "in full" if event.full else "soon", event.reason)
                case AcceptRoll(school=slug) if slug in self._schools:
                    await asyncio.to_thread(self._memory.accept, slug, event.hash)
                    await self._hasten(slug)
                    log.info("%s: a roll was accepted by hand", slug)
                case _:
                    log.debug("a %s that is not for this fetcher", type(event).__name__)
        await asyncio.gather(*(self._read_or_hasten(slug, student_id) for slug, student_id in sorted(students)))

    async def _read_or_hasten(self, slug: str, student_id: str) -> None:
        """A school that does not answer now is read when it can: its next sweep brings the student too."""
        try:
            found = await self._read(self._schools[slug], student_id)
        except Refused as refusal:
            log.warning("%s: one student could not be read: %s", slug, refusal)
        except _NoAnswer as trouble:
            log.warning("%s: one student could not be read, the school is read soon: %s", slug, trouble)
            await self._hasten(slug)
        else:
            log.info("%s: one student was asked for, and %s", slug, "read" if found else "nobody has that id")

    async def _read(self, school: School, student_id: str) -> bool:
        """
        One student, by what is known of the school's areas. Opens no sweep and closes none; nothing is remembered, so
        that the next sweep compares with what the last one said.
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
            return False
        envelope = messages.Envelope(school.slug, school.lane, None)
        message = envelope.student(messages.of_student(school.slug, student), read_at)
        await asyncio.to_thread(self._out.publish, [message])
        return True

    async def _hasten(self, slug: str, note: str = "") -> None:
        await asyncio.to_thread(self._due.hasten, slug, self._clock().timestamp(), note)


class _NoAnswer(Exception):
    pass
