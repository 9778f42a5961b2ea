"""
Photos and gradebooks: read student by student, each school under a lease of its own, and never in the students' way.

A photo is fetched when its id differs from that of the last one, a student's gradebooks once in ``transcript_hours``.
For each: fetch, put the file in its folder, publish, and after the acknowledgement remember. A crash between any two
repeats them with the same result. What fails says nothing: the last photo and transcript stay as they were told.
"""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from services.fetcher.isams import gradebooks
from services.fetcher.isams.source import Refused
from services.fetcher.population import School
from services.fetcher.profiles import photo_files
from services.fetcher.profiles.cache import Marked, Photographed, Portraits, ProfileMemory
from services.fetcher.profiles.photo_files import Unfit
from services.fetcher.profiles.publish import gone, message
from shared.clock import Clock, write
from shared.contract.codec import Message, digest, encode
from shared.contract.profiles import PHOTO, TRANSCRIPT, PhotoFetched, TranscriptFetched
from shared.errors import Poison, Retryable
from shared.ports import Claim, DueQueue, Log
from shared.work.lease import KeptLease, Lease, LeaseLost, under
from shared.work.outage import Outage
from shared.work.pool import Pool

log = logging.getLogger("rollcall.fetcher")

QUEUE = "profiles"
SCHOOLS_AT_ONCE = 2  # in one fetcher
SLICE = 200  # students between two looks at what is wanted
REST_SECONDS = 900.0  # of a school that does not answer, or whose hour has no room left
LONGEST_REST_SECONDS = 86_400.0
REFUSALS = 3  # in a row: then it is the area that is refused, not these students
GIVE_UP_SECONDS = 3.0


@runtime_checkable
class ProfileSource(Protocol):
    """A source that has more than lists. Every call raises Retryable (after its own retries) and Refused."""

    async def photo(self, student_id: str, photo_id: int) -> bytes | None:
        """None: there is none, or nobody there has the id."""

    async def gradebooks(self, student_id: str) -> Any | None:
        """The answer as it came; None: nobody there has the id."""

    def check_room(self, requests: int, what: str) -> None:
        """Raises: Retryable, when so many would use up what is left for the students."""


@dataclass
class _Round:
    """
    How one claim went. ``refused`` maps an area to why it is; ``passed`` are the students of each area who are left for
    another day; ``first_unfit`` is why, of the first.
    """

    passed: set[tuple[str, str]]
    done: int = 0
    unfit: int = 0
    first_unfit: str = ""
    refused: dict[str, str] = field(default_factory=dict)
    _in_a_row: dict[str, int] = field(default_factory=dict)

    def read(self, area: str) -> None:
        self.done += 1
        self._in_a_row[area] = 0

    def refuse(self, area: str, id: str, why: str) -> None:
        self.passed.add((area, id))
        self._in_a_row[area] = self._in_a_row.get(area, 0) + 1
        if self._in_a_row[area] >= REFUSALS:
            self.refused[area] = why

    def pass_over(self, area: str, id: str, why: str) -> None:
        self.passed.add((area, id))
        self.unfit += 1
        self.first_unfit = self.first_unfit or f"{area}: {why}"


def is_portrayed(school: School, folder: Path | None) -> bool:
    return folder is not None or school.settings.gradebooks_path is not None


class PortraitRounds:
    """Reads the photos and gradebooks of one process' schools. ``folder`` None: no photo is fetched."""

    def __init__(
        self,
        schools: Mapping[str, School],
        due: DueQueue,
        out: Log,
        memory: ProfileMemory,
        clock: Clock,
        folder: Path | None,
    ) -> None:
        self._schools = {slug: school for slug, school in schools.items() if is_portrayed(school, folder)}
        self._due = due
        self._out = out
        self._memory = memory
        self._clock = clock
        self._folder = folder
        self._passed: dict[str, set[tuple[str, str]]] = {}  # by school, until all others were read
        self._troubles: dict[tuple[str, str], str] = {}  # school and area -> what was last told of it

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop``; what is under way is then given up."""
        if not self._schools:
            await stop.wait()
            return
        pool = Pool(
            self._due,
            self._clock,
            self._take,
            Outage(log, "the due-queue of photos is unreachable", "the due-queue of photos is reachable again"),
            places=SCHOOLS_AT_ONCE,
            lease_seconds=min(school.settings.lease_seconds for school in self._schools.values()),
            idle=self._next_at,
        )
        await pool.run(stop)

    def _next_at(self) -> float | None:
        self._due.ensure(dict.fromkeys(self._schools, self._clock().timestamp()))
        return self._due.next_at()

    async def _take(self, claim: Claim) -> None:
        school = self._schools.get(claim.member)
        rest = 0.0
        try:
            if school is None:
                await asyncio.to_thread(self._due.remove, claim.member)
                return
            lease = KeptLease.of(self._due, claim, school.settings.lease_seconds, self._clock)
            rest = await under(lease, lambda: self.read(school, lease), f"{claim.member}: its photos and gradebooks")
        except LeaseLost as lost:
            log.warning("%s; nothing more of it is published", lost)
            return
        except Retryable as trouble:
            rest = trouble.retry_after or REST_SECONDS
            log.info("%s: photos and gradebooks paused for %.0f s: %s", claim.member, rest, trouble)
        except Exception:
            rest = REST_SECONDS
            log.exception("%s: reading photos and gradebooks failed on a bug", claim.member)
        finally:
            with suppress(Retryable, TimeoutError):
                async with asyncio.timeout(GIVE_UP_SECONDS):
                    at = self._clock().timestamp() + rest
                    await asyncio.to_thread(lambda: self._due.finish(claim, at, fulfilled=True))

    async def read(self, school: School, lease: Lease) -> float:
        """
        One slice of what is wanted of a school. Returns how long it may rest. Raises: LeaseLost, Retryable.
        """
        if not isinstance(school.source, ProfileSource):
            return LONGEST_REST_SECONDS
        known = await asyncio.to_thread(self._memory.load, school.slug)
        now = self._clock().timestamp()
        went = _Round(self._passed.setdefault(school.slug, set()))
        new_photos = [one for one in self.photos_wanted(known) if (PHOTO, one[0]) not in went.passed]
        old_marks = [id for id in self.marks_wanted(school, known, now) if (TRANSCRIPT, id) not in went.passed]
        try:
            for id, photo_id in new_photos[:SLICE]:
                if PHOTO not in went.refused:
                    await self._photo(school, school.source, lease, id, photo_id, known, went)
            for id in old_marks[:SLICE]:
                if TRANSCRIPT not in went.refused:
                    await self._marks(school, school.source, lease, id, known, went)
        finally:
            self._tell(school, went)
        rest = {PHOTO: len(new_photos) > SLICE, TRANSCRIPT: len(old_marks) > SLICE}
        if any(is_more and area not in went.refused for area, is_more in rest.items()):
            return 0.0
        went.passed.clear()
        return self._rest(school, known, now)

    def photos_wanted(self, known: Portraits) -> list[tuple[str, int | None]]:
        """Whose photo differs from the last one fetched; None: they have none any more."""
        if self._folder is None:
            return []
        return [
            (id, wanted.photo_id)
            for id, wanted in sorted(known.wanted.items())
            if wanted.photo_id != (known.photos[id].photo_id if id in known.photos else None)
        ]

    def marks_wanted(self, school: School, known: Portraits, now: float) -> list[str]:
        """Whose gradebooks were last read so long ago, the oldest first."""
        if school.settings.gradebooks_path is None:
            return []
        oldest = now - school.settings.transcript_hours * 3600
        read_at = {id: known.marks[id].read_at if id in known.marks else 0.0 for id in known.wanted}
        due = [id for id, wanted in known.wanted.items() if wanted.has_marks and read_at[id] <= oldest]
        return sorted(due, key=lambda id: (read_at[id], id))

    def _rest(self, school: School, known: Portraits, now: float) -> float:
        """Until somebody's gradebooks are due again; a new photo hastens the school by itself."""
        if school.settings.gradebooks_path is None or not known.marks:
            return LONGEST_REST_SECONDS
        pace = school.settings.transcript_hours * 3600
        first = min((one.read_at for id, one in known.marks.items() if id in known.wanted), default=now)
        return min(max(first + pace - now, REST_SECONDS), LONGEST_REST_SECONDS)

    async def _photo(
        self,
        school: School,
        source: ProfileSource,
        lease: Lease,
        id: str,
        photo_id: int | None,
        known: Portraits,
        went: _Round,
    ) -> None:
        read_at = write(self._clock())
        content: bytes | None = None
        if photo_id is not None:
            source.check_room(2, "photos")
            try:
                content = await source.photo(id, photo_id)
            except Refused as refusal:
                went.refuse(PHOTO, id, str(refusal))
                return
        told: Message | None = None
        now_has = None if photo_id is None else Photographed(photo_id=photo_id, hash="")
        if content is not None and photo_id is not None:
            try:
                photo = photo_files.judged(content)
            except Unfit as unfit:
                went.pass_over(PHOTO, id, str(unfit))
                return
            if self._folder is not None:  # without one, no photo is wanted
                await asyncio.to_thread(photo_files.keep, self._folder, photo)
            event = PhotoFetched(
                school=school.slug,
                student_id=id,
                photo_id=photo_id,
                hash=photo.hash,
                file=photo.file,
                content_type=photo.content_type,
                size=len(content),
            )
            told, now_has = (
                message(event, school.slug, id, PHOTO, school.lane, read_at),
                Photographed(photo_id=photo_id, hash=photo.hash),
            )
        elif id in known.photos and known.photos[id].hash:
            told = gone(school.slug, id, PHOTO, school.lane, read_at)
        await self._publish(school, lease, told)
        await asyncio.to_thread(self._memory.keep_photo, school.slug, id, now_has)
        went.read(PHOTO)

    async def _marks(
        self, school: School, source: ProfileSource, lease: Lease, id: str, known: Portraits, went: _Round
    ) -> None:
        now = self._clock()
        source.check_room(1, "gradebooks")
        try:
            body = await source.gradebooks(id)
            if body is None:
                await asyncio.to_thread(self._memory.drop, school.slug, id)
                return
            found = gradebooks.marks(body)
        except Refused as refusal:
            went.refuse(TRANSCRIPT, id, str(refusal))
            return
        except Poison as fault:
            went.pass_over(TRANSCRIPT, id, str(fault))
            return
        event = TranscriptFetched(school=school.slug, student_id=id, marks=found)
        name, before = digest(encode(event)).hex(), known.marks.get(id)
        is_news = before.digest != name if before else bool(found)
        told = message(event, school.slug, id, TRANSCRIPT, school.lane, write(now)) if is_news else None
        await self._publish(school, lease, told)
        await asyncio.to_thread(self._memory.keep_marks, school.slug, id, Marked(read_at=now.timestamp(), digest=name))
        went.read(TRANSCRIPT)

    async def _publish(self, school: School, lease: Lease, told: Message | None) -> None:
        if not lease.held():
            raise LeaseLost(f"{school.slug}: the lease of its photos and gradebooks is lost")
        if told is not None:
            await asyncio.to_thread(self._out.publish, [told])

    def _tell(self, school: School, went: _Round) -> None:
        """One line per change: refusals are a person's to mend."""
        for area in (PHOTO, TRANSCRIPT):
            why = went.refused.get(area, "")
            if why != self._troubles.get((school.slug, area), ""):
                self._troubles[school.slug, area] = why
                log.warning("%s: %ss %s", school.slug, area, f"cannot be read: {why}" if why else "can be read again")
        if went.unfit:
            log.warning(
                "%s: %d photos or gradebooks could not be read and stay as they were; the first: %s",
                *(school.slug, went.unfit, went.first_unfit),
            )
        if went.done:
            log.info("%s: %d photos and gradebooks read", school.slug, went.done)
