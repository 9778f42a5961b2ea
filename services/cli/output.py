"""What verbs print: JSON for programs, tables for people, errors on standard error as text or as problem details."""

import sys
from collections.abc import Sequence
from typing import Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from services.operations.errors import problem_of

PIPED_WIDTH = 160  # columns, where nothing says how wide the reader is


def print_json(value: Any) -> None:
    """Indented, with a line's end. ``value``: anything that msgspec encodes."""
    typer.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """One line per row, wrapped inside its cells where the terminal is narrow. Nothing is read as markup."""
    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        cells = (plain(str(cell)) for cell in row)
        table.add_row(*(Console().render_str(cell, markup=False, highlight=False, emoji=False) for cell in cells))
    console().print(table, highlight=False)


def plain(text: str) -> str:
    """Text without what a terminal would obey: a school may have typed anything into a name. Lines stay lines."""
    return "".join(one if one.isprintable() or one == "\n" else "\N{REPLACEMENT CHARACTER}" for one in text)


def console() -> Console:
    return Console(width=None if sys.stdout.isatty() else PIPED_WIDTH)


def tell_error(error: Exception, *, as_json: bool) -> None:
    """On standard error: the text, or problem details (RFC 9457) with one member ``faults`` per line of a refusal."""
    typer.echo(msgspec.json.encode(problem_of(error)).decode() if as_json else str(error), err=True)
