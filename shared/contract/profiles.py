"""
What is told of a person beside their accounts, for whoever shows profiles: ``profiles-fetched``.

The key is school/student/area. The topic is compacted, and a stale fetcher's late record can be the last of its key, so
that readers order by the header ``read_at``; a record without a value says that there is none any more.
"""

from shared.contract.codec import register
from shared.contract.model import Frozen

PROFILE, PHOTO, TRANSCRIPT = "profile", "photo", "transcript"  # the areas of a key
AREAS = (PROFILE, PHOTO, TRANSCRIPT)


class Profile(Frozen, kw_only=True):
    """Who somebody is, as their record says. ``date_of_birth`` is ISO 8601; ``photo_id`` names their newest photo."""

    student_id: str
    title: str | None = None
    first_name: str | None = None
    preferred_name: str | None = None
    middle_names: str | None = None
    last_name: str | None = None
    date_of_birth: str | None = None
    email: str | None = None
    year_group: int | None = None
    form: str | None = None
    house: str | None = None
    photo_id: int | None = None


class ProfileFetched(Frozen, kw_only=True):
    school: str
    profile: Profile


class PhotoFetched(Frozen, kw_only=True):
    """
    A photo that is in the fetchers' folder. ``hash``: BLAKE2b of its content, 32 hexadecimal digits; ``file``: where it
    is, below the folder; ``photo_id``: the record system's; ``size`` in bytes.
    """

    school: str
    student_id: str
    photo_id: int
    hash: str
    file: str
    content_type: str
    size: int


class Mark(Frozen, kw_only=True):
    """
    One entry of a transcript. A number stands in ``score`` (as it is written) with ``out_of``, anything else in
    ``grade``. ``period`` goes from general to specific, with a stroke between.
    """

    subject: str
    period: str | None = None
    name: str | None = None
    score: str | None = None
    out_of: str | None = None
    grade: str | None = None
    comment: str | None = None
    teacher: str | None = None
    date: str | None = None


class TranscriptFetched(Frozen, kw_only=True):
    """All marks of one student, by subject, period and name."""

    school: str
    student_id: str
    marks: tuple[Mark, ...] = ()


register(ProfileFetched, "rollcall.profile_fetched.v1")
register(PhotoFetched, "rollcall.photo_fetched.v1")
register(TranscriptFetched, "rollcall.transcript_fetched.v1")


def key_of(school: str, student_id: str, area: str) -> str:
    return f"{school}/{student_id}/{area}"
