"""All that a sweep may know of a school's record system."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from services.fetcher.isams.curriculum import Houses, SchoolLists, TeachingLists, Terms
from services.fetcher.isams.fields import Json
from services.fetcher.isams.server_words import with_said
from shared.errors import Retryable, RollcallError

__all__ = ["Absent", "Json", "Page", "Refused", "Source", "Trouble", "said_by", "told"]

# Lists that come in pages, beside the students.
APPLICANTS = "applicants"
APPLICANTS_BRIEF = "applicants_brief"  # the older list of them: some servers have one, some the other, some both
LEAVERS = "leavers"
CONTACTS = "contacts"
EMPLOYEES = "employees"


class Refused(RollcallError):
    """
    The record system said no, and will until a person changes something; the message says what. ``status``: of its
    answer, where there was one; ``said``: its own words, which are in no log; ``is_edge``: not it, but something
    before it has answered.
    """

    def __init__(self, message: str, status: int | None = None, *, said: str = "", is_edge: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.said = said
        self.is_edge = is_edge


class Absent(Refused):
    """The record system has no such thing."""


class Trouble(Retryable):
    """An answer of the record system that time may mend. ``status`` and ``said`` as above."""

    def __init__(self, message: str, status: int, *, said: str = "", retry_after: float | None = None) -> None:
        super().__init__(message, retry_after=retry_after)
        self.status = status
        self.said = said


def said_by(error: Exception) -> str:
    """The server's own words, if it said any."""
    return error.said if isinstance(error, Refused | Trouble) else ""


def told(error: Exception) -> str:
    """For whoever asks: what went wrong, the server's own words, and what to do."""
    return with_said(str(error), said_by(error))


@dataclass(frozen=True)
class Page:
    """
    One page of a list, and what its envelope declares.

    ``pages`` and ``declared`` are the totals of the whole list, ``count`` that of this page; None: not declared.
    """

    number: int
    pages: int
    declared: int | None
    count: int | None
    records: Sequence[Json]


class Source(Protocol):
    """
    One school, read politely. Every call raises Retryable (after its own retries) and Refused.

    The lists of structure are read whole or not at all: one part that fails raises. A record of theirs that cannot be
    taken costs that record, and the list says so in words (``slips``).
    """

    students_path: str

    async def students(self, page: int) -> Page: ...

    async def student(self, student_id: str) -> Json | None:
        """One student by id; None: nobody there has it."""

    async def applicant(self, student_id: str) -> Json | None:
        """One applicant by id; None: no applicant has it."""

    async def employee(self, id: str) -> Json | None:
        """One member of staff by id; None: nobody there has it."""

    async def page(self, name: str, number: int) -> Page:
        """One page (from 1) of a list; ``name`` is one of the constants above. Raises: Absent, where there is none."""

    def path_of(self, name: str) -> str:
        """What a list is called in evidence."""

    async def status_words(self) -> Mapping[str, int]:
        """The school's words for the life stages of a record, by their letters, and their numbers."""

    async def school_lists(self) -> SchoolLists: ...

    async def houses(self) -> Houses: ...

    async def terms(self) -> Terms: ...

    async def teaching_lists(self) -> TeachingLists: ...

    async def close(self) -> None: ...
