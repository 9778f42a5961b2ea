"""
What is told of a person beside their accounts, for whoever shows profiles: ``profiles-fetched``.

The key is school/student/area. The topic is compacted, and a stale fetcher's late record can be the last of its key, so
that readers order by the header ``read_at``; a record without a value says that there is none any more.
"""

from typing import Annotated

from shared.contract.codec import register
from shared.contract.fields import PersonId, SchoolSlug
from shared.contract.model import Frozen, says

PROFILE, PHOTO, TRANSCRIPT = "profile", "photo", "transcript"  # the areas of a key
AREAS = (PROFILE, PHOTO, TRANSCRIPT)


class Profile(Frozen, kw_only=True):
    """Who somebody is, as their record says; what it does not say is absent."""

    student_id: PersonId
    title: Annotated[str | None, says("Salutation, such as Ms.")] = None
    first_name: Annotated[str | None, says("Legal first name.")] = None
    preferred_name: Annotated[str | None, says("First name that they go by.")] = None
    middle_names: Annotated[str | None, says("Middle names.")] = None
    last_name: Annotated[str | None, says("Last name.")] = None
    date_of_birth: Annotated[str | None, says("Date of birth. YYYY-MM-DD.")] = None
    email: Annotated[str | None, says("Address of the school's own.")] = None
    year_group: Annotated[int | None, says("National Curriculum year, as iSAMS counts it.")] = None
    form: Annotated[str | None, says("Form, or tutor group.")] = None
    house: Annotated[str | None, says("House, the academic one before the boarding one.")] = None
    photo_id: Annotated[int | None, says("iSAMS' id of the newest photo, as in PhotoFetched.")] = None


class ProfileFetched(Frozen, kw_only=True):
    """What a profile shows of a student beside photo and transcript."""

    school: SchoolSlug
    profile: Annotated[Profile, says("The profile, whole.")]


class PhotoFetched(Frozen, kw_only=True):
    """A photo that is in the fetchers' folder."""

    school: SchoolSlug
    student_id: PersonId
    photo_id: Annotated[int, says("iSAMS' id of the photo.")]
    hash: Annotated[str, says("BLAKE2b of its content: 16 bytes, in hexadecimal digits.")]
    file: Annotated[str, says("Path of the file, below the folder of photos.")]
    content_type: Annotated[str, says("Media type, such as image/jpeg.")]
    size: Annotated[int, says("Size of the file, in bytes.")]


class Mark(Frozen, kw_only=True):
    """One entry of a transcript; what the gradebook does not say is absent."""

    subject: Annotated[str, says("Name of the subject.")]
    period: Annotated[str | None, says("When it was given for, from general to specific, with a stroke between.")] = (
        None
    )
    name: Annotated[str | None, says("What was marked.")] = None
    score: Annotated[str | None, says("Number of marks, as it is written in the gradebook.")] = None
    out_of: Annotated[str | None, says("Largest number of marks that there was.")] = None
    grade: Annotated[str | None, says("What was given that is no number of marks.")] = None
    comment: Annotated[str | None, says("The teacher's words.")] = None
    teacher: Annotated[str | None, says("Who marked it.")] = None
    date: Annotated[str | None, says("Day on which it was marked. YYYY-MM-DD.")] = None


class TranscriptFetched(Frozen, kw_only=True):
    """All marks of one student."""

    school: SchoolSlug
    student_id: PersonId
    marks: Annotated[tuple[Mark, ...], says("The marks, sorted by subject, period and name.")] = ()


register(ProfileFetched, "rollcall.profile_fetched.v1")
register(PhotoFetched, "rollcall.photo_fetched.v1")
register(TranscriptFetched, "rollcall.transcript_fetched.v1")


def key_of(school: str, student_id: str, area: str) -> str:
    return f"{school}/{student_id}/{area}"
