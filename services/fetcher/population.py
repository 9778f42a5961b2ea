"""One book of one school, as its sweeps know it: the school's students, or its staff."""

from dataclasses import dataclass

from services.fetcher.isams.source import Source
from shared.config.settings import IsamsSchool
from shared.contract.model import Kind
from shared.contract.populations import book_of


@dataclass(frozen=True)
class School:
    """
    Both books of a school share its lane and its source, and with that its token and its ceiling. ``release`` is the
    program's own: with another one the rules may be others.
    """

    slug: str
    settings: IsamsSchool
    lane: int
    source: Source
    release: str = ""
    kind: Kind = "student"

    @property
    def book(self) -> str:
        return book_of(self.slug, self.kind)

    @property
    def poll_seconds(self) -> int:
        return self.settings.staff_poll_seconds if self.kind == "staff" else self.settings.poll_seconds

    @property
    def version(self) -> str:
        return f"{self.settings.settings_version}/{self.release}"
