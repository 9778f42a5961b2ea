"""Events of `sync-requests`: a wish that a school be read, and what became of it."""

from typing import Annotated, Literal

from shared.contract.fields import SchoolSlug
from shared.contract.model import Frozen, Kind, says


class SyncRequested(Frozen, kw_only=True):
    """Read a school as soon as may be, or one student of it."""

    school: SchoolSlug
    kind: Annotated[Kind | None, says("Its students or its staff alone; absent: both.")] = None
    student_id: Annotated[str | None, says("The one student who is to be read; absent: everybody.")] = None
    full: Annotated[bool, says("Whether everybody is to be sent, changed or not.")] = False
    reason: Annotated[str, says("Why it is asked for, in words for people; empty where nobody said.")] = ""


class SyncAnswered(Frozen, kw_only=True):
    """What a fetcher did with a request."""

    school: SchoolSlug
    request: Annotated[str, says("The header `ce_id` of the request.")]
    outcome: Annotated[
        Literal["due", "read", "unknown_student", "refused", "unreachable"],
        says(
            "`due`: the school is read as soon as may be; `read`: the student was; `unknown_student`: no record has "
            "the id; `refused`: the record system said no; `unreachable`: it did not answer, and the school is read "
            "as soon as it does."
        ),
    ]
    student_id: Annotated[str | None, says("The student who was asked for; absent where it was the school.")] = None
    read_at: Annotated[str | None, says("When the student was read. RFC 3339, UTC; absent where nobody was.")] = None
    detail: Annotated[str, says("What was wrong, for people; empty where nothing was.")] = ""
