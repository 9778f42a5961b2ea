"""``rollcall profile``: what is told of one student: who they are, their photo, their transcript."""

from typing import TYPE_CHECKING, Annotated, Any

import typer
from msgspec.structs import asdict

from services.cli.invocation import AsJson, config_of
from services.cli.output import print_json, print_line, print_table
from services.operations.names import known_school
from shared import clock
from shared.errors import RollcallError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shared.config.settings import Config
    from shared.contract.codec import Record

MARKS = ("subject", "period", "name", "score", "out_of", "grade", "teacher", "date", "comment")


class NothingTold(RollcallError):
    """No record of this student stands in the topic."""


def profile(
    context: typer.Context,
    school: Annotated[str, typer.Argument(metavar="SCHOOL", help="Its name in the configuration.")],
    student: Annotated[str, typer.Argument(metavar="STUDENT", help="The record system's id.")],
    as_json: AsJson = False,
) -> None:
    """
    Show a student's profile, the path of the photo and the transcript, as they were last told.

    Exit codes: 0 shown, 1 nothing is told of such a student, 2 no such school.
    """
    config = config_of(context)
    found = profile_of(config, known_school(config, school), student)
    if as_json:
        print_json(found)
    else:
        tell(found)


def profile_of(config: "Config", school: str, student: str) -> dict[str, Any]:
    """Raises: NothingTold, Retryable."""
    from shared.contract.topics import PROFILES_FETCHED
    from shared.kafka.client import read_compacted
    from shared.lanes.partition import lane_of

    lane = lane_of(school, config.kafka.partitions)
    newest = newest_of(read_compacted(config, PROFILES_FETCHED, lane), school, student)
    if not newest:
        raise NothingTold(
            f"{school}: nothing is told of a student {student}; `rollcall sync {school} --student {student} --wait` "
            "reads them now"
        )
    return as_dict(config, school, student, newest)


def newest_of(records: "Iterable[Record]", school: str, student: str) -> "dict[str, Record]":
    """By area: the newest by the time of its reading, not by its place; one without a value takes the others away."""
    from shared.contract.profiles import AREAS, key_of

    keys = {key_of(school, student, area): area for area in AREAS}
    newest: dict[str, Record] = {}
    for record in records:
        area = keys.get(record.key)
        if area is not None and read_at(record) >= (read_at(newest[area]) if area in newest else ""):
            newest[area] = record
    return {area: record for area, record in newest.items() if record.value}


def read_at(record: "Record") -> str:
    """When it was read; nothing is read after Kafka took it, whatever the reader's clock said."""
    said = record.header("read_at") or ""
    return said if record.appended is None else min(said, clock.of_millis(record.appended))


def as_dict(config: "Config", school: str, student: str, newest: "dict[str, Record]") -> dict[str, Any]:
    from shared.contract.codec import decoder
    from shared.contract.profiles import PHOTO, PROFILE, TRANSCRIPT, PhotoFetched, ProfileFetched, TranscriptFetched

    told: dict[str, Any] = {"school": school, "student_id": student, "profile": None, "photo": None, "transcript": None}
    told["read_at"] = {area: read_at(record) for area, record in newest.items()}
    if PROFILE in newest:
        fetched: ProfileFetched = decoder(ProfileFetched).decode(newest[PROFILE].value)
        told["profile"] = asdict(fetched.profile)
    if PHOTO in newest:
        photo: PhotoFetched = decoder(PhotoFetched).decode(newest[PHOTO].value)
        folder = config.fetcher.photos_folder
        path = None if folder is None else folder / photo.file
        told["photo"] = {
            "photo_id": photo.photo_id,
            "hash": photo.hash,
            "content_type": photo.content_type,
            "size": photo.size,
            "path": None if path is None else str(path),
            "is_there": path is not None and path.is_file(),
        }
    if TRANSCRIPT in newest:
        transcript: TranscriptFetched = decoder(TranscriptFetched).decode(newest[TRANSCRIPT].value)
        told["transcript"] = [asdict(mark) for mark in transcript.marks]
    return told


def tell(told: dict[str, Any]) -> None:
    one, photo, marks = told["profile"], told["photo"], told["transcript"]
    rows: list[tuple[str, object]] = [("student", f"{told['school']}/{told['student_id']}")]
    if one is not None:
        names = [one[name] for name in ("title", "first_name", "middle_names", "last_name")]
        rows += [
            ("name", " ".join(name for name in names if name) or "-"),
            ("known as", one["preferred_name"] or "-"),
            ("date of birth", one["date_of_birth"] or "-"),
            ("year group", "-" if one["year_group"] is None else one["year_group"]),
            ("form", one["form"] or "-"),
            ("house", one["house"] or "-"),
            ("school e-mail", one["email"] or "-"),
        ]
    there = "no photo" if photo is None else photo["path"] or "photos_folder is not set here"
    rows.append(("photo", there if photo is None or photo["is_there"] else f"{there} (not on this machine)"))
    print_table(("", ""), rows)
    if marks:
        print_line()
        columns = [name for name in MARKS if any(mark[name] for mark in marks)]
        print_table(
            [name.replace("_", " ") for name in columns],
            [[mark[name] or "" for name in columns] for mark in marks],
        )
    elif marks is None:
        print_line()
        print_line("No transcript was read.")
