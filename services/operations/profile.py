"""
What was last told of one student: who they are, their photo, their transcript.

Kafka finds no record by its key, so ``records_of`` passes over those of the lane's other students; whoever has the
student's at hand gives them to ``profile_of``.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from msgspec.structs import asdict

from services.operations.errors import Code, OperationError
from shared import clock
from shared.config.settings import Config
from shared.contract.codec import Record, decoder
from shared.contract.model import Frozen
from shared.contract.profiles import (
    AREAS,
    PHOTO,
    PROFILE,
    TRANSCRIPT,
    Mark,
    PhotoFetched,
    Profile,
    ProfileFetched,
    TranscriptFetched,
    key_of,
)
from shared.contract.topics import PROFILES_FETCHED
from shared.kafka.client import read_compacted
from shared.lanes.partition import lane_of


class StudentPhoto(Frozen, omit_defaults=False, kw_only=True):
    """``path`` null: no folder of photos is configured; ``is_there``: the file is on this machine."""

    photo_id: int
    hash: str
    content_type: str
    size: int
    path: str | None
    is_there: bool


class StudentProfile(Frozen, kw_only=True):
    """None where an area was never told. ``read_at``: when each was read."""

    school: str
    student_id: str
    profile: Profile | None
    photo: StudentPhoto | None
    transcript: tuple[Mark, ...] | None
    read_at: dict[str, str]

    def in_full(self) -> dict[str, Any]:
        """As ``profile --json`` has it: with each field, told or not."""
        marks = None if self.transcript is None else [asdict(mark) for mark in self.transcript]
        profile = None if self.profile is None else asdict(self.profile)
        return asdict(self) | {"profile": profile, "transcript": marks}


def records_of(config: Config, school: str, student: str) -> Iterator[Record]:
    """Every record of the student that the topic still has. Raises: Retryable."""
    keys = {key_of(school, student, area) for area in AREAS}
    lane = lane_of(school, config.kafka.partitions)
    return (one for one in read_compacted(config, PROFILES_FETCHED, lane) if one.key in keys)


def profile_of(config: Config, school: str, student: str, records: Iterable[Record]) -> StudentProfile:
    """Of the student's records. Raises: OperationError (nothing-told); Retryable."""
    newest = newest_of(records, school, student)
    if not newest:
        raise OperationError(
            Code.NOTHING_TOLD,
            f"{school}: nothing is told of a student {student}",
            f"`rollcall sync {school} --student {student} --wait` reads them now",
        )
    profile = _profile(newest[PROFILE]) if PROFILE in newest else None
    return StudentProfile(
        school=school,
        student_id=student,
        profile=profile,
        photo=_photo(newest[PHOTO], config.fetcher.photos_folder) if PHOTO in newest else None,
        transcript=_transcript(newest[TRANSCRIPT]) if TRANSCRIPT in newest else None,
        read_at={area: read_at(record) for area, record in newest.items()},
    )


def newest_of(records: Iterable[Record], school: str, student: str) -> dict[str, Record]:
    """By area: the newest by the time of its reading, not by its place; one without a value takes the others away."""
    keys = {key_of(school, student, area): area for area in AREAS}
    newest: dict[str, Record] = {}
    for record in records:
        area = keys.get(record.key)
        if area is not None and read_at(record) >= (read_at(newest[area]) if area in newest else ""):
            newest[area] = record
    return {area: record for area, record in newest.items() if record.value}


def read_at(record: Record) -> str:
    """When it was read; nothing is read after Kafka took it, whatever the reader's clock said."""
    said = record.header("read_at") or ""
    return said if record.appended is None else min(said, clock.of_millis(record.appended))


def _profile(record: Record) -> Profile:
    fetched: ProfileFetched = decoder(ProfileFetched).decode(record.value)
    return fetched.profile


def _photo(record: Record, folder: Path | None) -> StudentPhoto:
    photo: PhotoFetched = decoder(PhotoFetched).decode(record.value)
    path = None if folder is None else folder / photo.file
    return StudentPhoto(
        photo_id=photo.photo_id,
        hash=photo.hash,
        content_type=photo.content_type,
        size=photo.size,
        path=None if path is None else str(path),
        is_there=path is not None and path.is_file(),
    )


def _transcript(record: Record) -> tuple[Mark, ...]:
    transcript: TranscriptFetched = decoder(TranscriptFetched).decode(record.value)
    return tuple(transcript.marks)
