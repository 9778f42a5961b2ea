"""
What a sweep reads: the list that the roll of its book is made of, and whoever else is told of beside it.

The course of a sweep is the same for students and staff; whatever differs between them is behind this protocol.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from services.fetcher.isams.entries import Entries
from services.fetcher.isams.fields import Json
from services.fetcher.isams.source import Page
from services.fetcher.sweep.cache import AreaState
from shared.contract.events import EndpointRead
from shared.contract.model import Student
from shared.sweeps.messages import Letter

Listed = tuple[str, msgspec.Raw | Student]  # somebody who is told: their id, and their record, perhaps as its JSON


class Listing(Protocol):
    """
    One book, for the length of one sweep or of one question. ``path`` and ``people`` are what the list and those in it
    are called. Whatever is asked of the school raises Retryable and Refused; what is of records, Unreadable.
    """

    path: str
    people: str

    async def recall(self) -> None:
        """Have what records are read with, as it was last told: nothing is asked."""

    async def prepare(self, started: datetime, *, full: bool) -> bool:
        """Have it as it is now, as far as it is due; True when the school was asked for any of it."""

    async def page(self, number: int) -> Page: ...

    async def find(self, id: str) -> Student | None:
        """One person by id; None: nobody has it."""

    def id_of(self, record: Json) -> str: ...

    def person(self, record: Json) -> Student | None:
        """What is sent of a record; None when nothing says whose it is."""

    def marks(self, id: str, record: Json) -> str:
        """What identifies the person of a record (``services.fetcher.sweep.likeness``)."""

    def has_left(self, person: Student, read_at: str) -> bool:
        """Whether somebody who was asked for by id is positively gone."""

    # Beside the list, once all of it was read.

    def others(self, roll: Mapping[str, object]) -> Iterable[Listed]:
        """Who else is in the roll."""

    def gone(self, roll: Mapping[str, object]) -> Iterable[Listed]:
        """Who is told though they are not in the roll."""

    @property
    def leavers(self) -> Mapping[str, object]:
        """Those of whom a list says that they have left, by id."""

    def explains(self, id: str) -> bool:
        """Whether that list tells of somebody's absence: its entry is not one that they had while they were here."""

    def entries(self, students: Collection[str], roll: Collection[str]) -> Entries:
        """What a certified sweep remembers of that list: ``students`` were in the book's own, ``roll`` is everybody."""

    @property
    def slips(self) -> Sequence[str]:
        """What could not be taken, of this list and of those beside it, in words."""

    @property
    def structure(self) -> tuple[Letter, str] | None:
        """The school's structure and when it was read, where this book tells it."""

    # The areas, of which each has a state of its own.

    @property
    def states(self) -> Mapping[str, AreaState]: ...

    @property
    def fresh(self) -> Mapping[str, bytes]:
        """The areas that were read in this sweep, as they are kept."""

    def certified(self) -> tuple[Sequence[str], Sequence[EndpointRead]]:
        """The areas that a certificate names when the list is whole, and what other lists declared."""

    def rested(self, now: datetime, *, doubts_leavers: bool) -> dict[str, AreaState]:
        """The areas' states after a certified sweep."""
