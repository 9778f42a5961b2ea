"""
A list of Unitu's accounts, as whoever exported it happened to write it. Pure: bytes in, addresses out.

Encoding and delimiter are found by trying, the column by what is in it: the one that has most of the addresses that we
know, else most addresses. What was chosen is said, and what has no address is counted.
"""

import csv
import io
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from shared.contract.tenant_state import email_key
from shared.contract.texts import clean
from shared.errors import RollcallError

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
NO_TEXT = ((b"PK", "a spreadsheet or an archive"), (b"\xd0\xcf\x11\xe0", "a spreadsheet"), (b"%PDF", "a PDF"))
_ADDRESS = re.compile(r"[^\s<>,;|:\"()\[\]]+@[^\s<>,;|:\"()\[\]@]+")
_SEPARATOR = re.compile(r"\s*sep=(.)\s*", re.IGNORECASE)  # what Excel writes above the head


class UnreadableList(RollcallError):
    """A file that is no list in text."""


@dataclass(frozen=True)
class Table:
    """``head`` is empty where the first row has an address already."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    encoding: str
    delimiter: str

    @property
    def width(self) -> int:
        return max((len(row) for row in self.rows), default=0)

    def name_of(self, column: int) -> str:
        named = self.head[column].strip() if column < len(self.head) else ""
        return f'"{named}"' if named else f"column {column + 1}"


@dataclass(frozen=True)
class AccountList:
    """``emails`` as Unitu spells them, each once. ``column`` is for people; "" where no column has an address."""

    emails: tuple[str, ...] = ()
    column: str = ""
    encoding: str = ""
    delimiter: str = ""
    row_count: int = 0
    without_count: int = 0

    @property
    def words(self) -> str:
        """What was read, for whoever says yes to it."""
        how = f"{self.row_count} rows, {self.encoding}, {self.delimiter}"
        if not self.column:
            return f"no column has an e-mail address ({how})"
        return f"{len(self.emails)} addresses in {self.column}, {self.without_count} rows without one ({how})"


def read_table(data: bytes) -> Table:
    """Raises: UnreadableList."""
    text, encoding = _text(data)
    first, _, rest = text.partition("\n")
    marked = _SEPARATOR.fullmatch(first)
    tables = [_parsed(rest if marked else text, one) for one in ([marked[1]] if marked else DELIMITERS)]
    rows, delimiter = max(tables, key=lambda one: _order(one[0]))  # of equals the first
    has_head = bool(rows) and not any(addresses(cell) for cell in rows[0])
    head, body = (rows[0], rows[1:]) if has_head else ((), rows)
    return Table(head, tuple(body), encoding, DELIMITERS.get(delimiter, f"separated by {delimiter}"))


def choose(table: Table, known: Collection[str]) -> AccountList:
    """``known``: the addresses that we have, as compared: Unitu's column is the one that meets most of them."""
    columns = [_column(table, at) for at in range(table.width)]
    best = max(range(len(columns)), key=lambda at: _fitness(table, at, columns[at], known), default=None)
    emails = _distinct(columns[best]) if best is not None else ()
    if best is None or not emails:
        counted = len(table.rows)
        return AccountList((), "", table.encoding, table.delimiter, counted, counted)
    without = sum(not (best < len(row) and addresses(row[best])) for row in table.rows)
    return AccountList(emails, table.name_of(best), table.encoding, table.delimiter, len(table.rows), without)


def addresses(cell: str) -> list[str]:
    """
    Those in one cell, a name beside them or not: ``Ada Fern <ada@abbey.example>``. Marks that nobody sees go from their
    ends, since their spelling is sent; one that has none stays as it is composed.
    """
    found = (address.strip("'`.") for address in _ADDRESS.findall(cell.replace("mailto:", " ")))
    return [address if address.isprintable() else clean(address) for address in found]


def _text(data: bytes) -> tuple[str, str]:
    for start, what in NO_TEXT:
        if data.startswith(start):
            raise UnreadableList(f"the list is {what}; save it as CSV")
    text, encoding = _decoded(data)
    if "\0" in text:
        raise UnreadableList("the list is no text; save it as CSV, in UTF-8")
    return text, encoding


def _decoded(data: bytes) -> tuple[str, str]:
    encodings = [encoding for mark, encoding in BOMS if data.startswith(mark)]
    if not encodings and b"\0" in data[:1000]:  # UTF-16 without its mark: Latin letters have every other byte empty
        encodings = ["utf-16-be" if data[:1] == b"\0" else "utf-16-le"]
    for encoding in encodings or ["utf-8", "cp1252"]:
        try:
            return data.decode(encoding), encoding.removesuffix("-sig").upper()
        except UnicodeDecodeError:
            continue
    if encodings:
        raise UnreadableList(f"the list begins like {encodings[0]} and is not; save it as CSV, in UTF-8")
    return data.decode("latin-1"), "LATIN-1"


def _parsed(text: str, delimiter: str) -> tuple[list[tuple[str, ...]], str]:
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise UnreadableList(f"the list is no CSV ({error}); save it anew") from error
    return [tuple(row) for row in rows if any(cell.strip() for cell in row)], delimiter


def _order(rows: Sequence[Sequence[str]]) -> tuple[int, int]:
    """How well a delimiter fits: cells that are an address and nothing else, then rows as wide as the first."""
    bare = sum(addresses(cell) == [cell.strip()] for row in rows for cell in row)
    width = len(rows[0]) if rows else 0
    return bare, sum(len(row) == width for row in rows) if width > 1 else 0


def _column(table: Table, at: int) -> list[str]:
    return [email for row in table.rows if at < len(row) for email in addresses(row[at])]


def _fitness(table: Table, at: int, emails: Sequence[str], known: Collection[str]) -> tuple[int, bool, int, int]:
    """Most of ours; then not one that names itself personal; then the fullest, then the first."""
    is_personal = at < len(table.head) and any(word in table.head[at].casefold() for word in ("personal", "private"))
    distinct = _distinct(emails)
    return sum(email_key(email) in known for email in distinct), not is_personal and bool(distinct), len(distinct), -at


def _distinct(emails: Iterable[str]) -> tuple[str, ...]:
    """Each once, in its first spelling."""
    found: dict[str, str] = {}
    for email in emails:
        found.setdefault(email_key(email), email)
    return tuple(found.values())
