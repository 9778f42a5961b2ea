"""
A list of what Unitu has of a structure, as whoever exported it happened to write it. Pure: bytes in, codes out.

JSON is read with the four lists of a sync body, or as `rollcall structure TENANT list --json` writes it; CSV by its
columns ``code`` and ``list`` (or ``kind``, ``type``), which a file of one list alone need not have.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from services.publisher.account_list import Table, UnreadableList, read_table
from services.publisher.structure_ledger import LISTS
from shared.contract.entities import EntityList

WORDS: dict[str, EntityList] = {
    **{name: name for name in LISTS},
    "faculty": "faculties",
    "department": "departments",
    "programme": "programmes",
    "program": "programmes",
    "programs": "programmes",
    "module": "modules",
}
LIST_COLUMNS = ("list", "kind", "type", "entity")

Found = Iterator[tuple[str, str]]  # what the list calls it, and its code


@dataclass(frozen=True)
class EntityFile:
    """``codes``: each list that the file has anything of. ``without_count``: rows without a code or a known list."""

    codes: dict[EntityList, tuple[str, ...]]
    row_count: int
    without_count: int

    @property
    def words(self) -> str:
        """What was read, for whoever looks at it."""
        parts = [f"{len(codes)} {name}" for name, codes in self.codes.items()]
        read = ", ".join(parts) or "nothing"
        missing = f"; {self.without_count} of {self.row_count} rows have no code, or no list"
        return read + (missing if self.without_count else "")


def read_entities(data: bytes, only: EntityList | None = None) -> EntityFile:
    """
    ``only``: which list a file is of that does not say so. Raises: UnreadableList, which says what is missing.
    """
    try:
        content: Any = json.loads(data)
    except (ValueError, RecursionError):
        return _whole(_of_table(read_table(data), only), only)
    return _whole(_of_json(content, only), only)


def _whole(found: Found, only: EntityList | None) -> EntityFile:
    codes: dict[EntityList, dict[str, None]] = {}
    count = without = 0
    for word, code in found:
        name = WORDS.get(word.strip().casefold())
        if name is not None and only not in (None, name):
            continue
        count += 1
        if name is None or not code.strip():
            without += 1
            continue
        codes.setdefault(name, {})[code.strip()] = None
    if not codes:
        raise UnreadableList(f"no row has a code and one of the lists {', '.join(LISTS)} (or --list says which)")
    return EntityFile({name: tuple(codes[name]) for name in LISTS if name in codes}, count, without)


def _of_table(table: Table, only: EntityList | None) -> Found:
    heads = [cell.strip().casefold() for cell in table.head]
    code = _column(heads, ("code",)) or next((at for at, head in enumerate(heads) if "code" in head), None)
    which = _column(heads, LIST_COLUMNS)
    if code is None:
        raise UnreadableList(f'no column is called "code"; there are: {", ".join(table.head) or "none"}')
    if which is None and only is None:
        raise UnreadableList('no column is called "list" (or "kind", "type"): say which list it is with --list')
    for row in table.rows:
        yield (only or "") if which is None else _cell(row, which), _cell(row, code)


def _column(heads: list[str], names: Iterable[str]) -> int | None:
    return next((heads.index(name) for name in names if name in heads), None)


def _cell(row: tuple[str, ...], at: int) -> str:
    return row[at] if at < len(row) else ""


def _of_json(content: Any, only: EntityList | None) -> Found:
    match content:
        case list():
            for one in content:
                word = one.get("list", only or "") if isinstance(one, dict) else only or ""
                yield str(word), _code(one)
        case dict():
            for name in LISTS:
                for one in content.get(name) or ():  # objects, or codes alone, or names by code
                    yield name, _code(one)
        case _:
            raise UnreadableList("the JSON is neither a list nor an object with the lists of a sync body")


def _code(one: Any) -> str:
    found = one.get("code") if isinstance(one, dict) else one
    return str(found) if isinstance(found, str | int) and not isinstance(found, bool) else ""
