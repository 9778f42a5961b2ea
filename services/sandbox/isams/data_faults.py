"""What can be wrong with the data that iSAMS answers: lists that lie, records that hide, columns that vanish."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from services.sandbox.faults import OF_ANY_ANSWER, Answer, Call, Fault, message
from services.sandbox.isams.profiles import BigBody


class Row(NamedTuple):
    """One record of a list: its id, and the bytes it is served as."""

    id: str
    body: bytes


@dataclass
class Page:
    """One page of a list, before it becomes JSON. ``count`` is what the envelope says, whatever ``rows`` holds."""

    key: str
    rows: list[Row]
    count: int
    page: int
    page_size: int
    total_count: int
    total_pages: int


class DataFault(Fault):
    """A fault in what is said: of the school, of a whole list, of one page or of each record."""

    def school(self, slug: str) -> str:
        return slug

    def rows(self, rows: list[Row]) -> list[Row]:
        """The whole list, before it is cut into pages."""
        return rows

    def paged(self, page: Page) -> Page:
        return page

    def record(self, body: bytes) -> bytes:
        """One record, in a list or alone."""
        return body


class ShortPage(DataFault, tag="short_page", kw_only=True):
    """A page with fewer records than declared; the totals stay. ``honest``: ``count`` says how many there are on it."""

    missing: int = 1
    honest: bool = False

    def paged(self, page: Page) -> Page:
        page.rows = page.rows[: max(0, len(page.rows) - self.missing)]
        if self.honest:
            page.count = len(page.rows)
        return page


class WrongTotal(DataFault, tag="wrong_total", kw_only=True):
    """``totalCount`` is off by so many, and ``totalPages`` too when told."""

    by: int = 1
    pages_by: int = 0

    def paged(self, page: Page) -> Page:
        page.total_count += self.by
        page.total_pages += self.pages_by
        return page


class DuplicateId(DataFault, tag="duplicate_id", kw_only=True):
    """A page's first record stands on it twice: in place of its last one, or beside it (``instead`` false)."""

    instead: bool = True

    def paged(self, page: Page) -> Page:
        if page.rows:
            page.rows = [*(page.rows[:-1] if self.instead else page.rows), page.rows[0]]
        return page


class Drift(DataFault, tag="drift", kw_only=True):
    """
    The order of the list has changed since the last page: it is turned left by so many places (negative: right).

    On page 2 that loses the ids that have slipped to page 1; turned right, it repeats those that came from there.
    """

    by: int = 1

    def rows(self, rows: list[Row]) -> list[Row]:
        by = self.by % len(rows) if rows else 0
        return rows[by:] + rows[:by]


class EmptyList(DataFault, tag="empty_list"):
    """Status 200 and nobody: the totals are 0 as well."""

    def rows(self, rows: list[Row]) -> list[Row]:
        return []


class HiddenIds(DataFault, tag="hidden_ids", kw_only=True):
    """A key that may not see some: gone from every list, its totals and set lists, and 404 by id."""

    ids: frozenset[str]

    def rows(self, rows: list[Row]) -> list[Row]:
        return [row for row in rows if row.id not in self.ids]

    async def before(self, call: Call) -> Answer | None:
        return message(404, "Not found.") if self.ids & set(call.path.split("/")) else None


class SetColumn(DataFault, tag="set_column", kw_only=True):
    """Every record has this value in this field."""

    field: str
    value: Any = None

    def record(self, body: bytes) -> bytes:
        return _changed(body, lambda record: record.update({self.field: self.value}))


class NulledColumn(DataFault, tag="nulled_column", kw_only=True):
    """Every record has null in this field."""

    field: str

    def record(self, body: bytes) -> bytes:
        return _changed(body, lambda record: record.update({self.field: None}))


class AbsentColumn(DataFault, tag="absent_column", kw_only=True):
    """No record has this field."""

    field: str

    def record(self, body: bytes) -> bytes:
        return _changed(body, lambda record: record.pop(self.field, None))


class HalfCharacter(DataFault, tag="half_character", kw_only=True):
    """Every record's text in this field begins with half a surrogate pair."""

    field: str

    def record(self, body: bytes) -> bytes:
        begins = b'"%s":"' % self.field.encode()
        return body.replace(begins, begins + b"\\ud83d")


class OtherSchool(DataFault, tag="other_school", kw_only=True):
    """The data of another school of this server, under this one's key."""

    slug: str

    def school(self, slug: str) -> str:
        return self.slug


KINDS: tuple[type[Fault], ...] = (
    *OF_ANY_ANSWER,
    BigBody,
    ShortPage,
    WrongTotal,
    DuplicateId,
    Drift,
    EmptyList,
    HiddenIds,
    SetColumn,
    NulledColumn,
    AbsentColumn,
    HalfCharacter,
    OtherSchool,
)


def _changed(body: bytes, change: Callable[[dict[str, Any]], Any]) -> bytes:
    record = msgspec.json.decode(body)
    change(record)
    return msgspec.json.encode(record)
