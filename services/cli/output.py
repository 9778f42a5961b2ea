"""
What verbs print: JSON for programs, lines and tables for people, errors on standard error, as text or problem details.

A school may have typed anything into a name, and a server may say anything: what people read has a value's line ends,
and whatever a terminal would obey, in writing (``shared.escaping``). So no value makes a line of its own.
"""

import sys
from collections.abc import Sequence
from typing import Any

import msgspec
import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from services.operations.errors import problem_of
from shared.errors import ConfigError
from shared.escaping import visible

PIPED_WIDTH = 160  # columns, where nothing says how wide the reader is


def print_json(value: Any) -> None:
    """Indented, with a line's end. ``value``: anything that msgspec encodes."""
    typer.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def print_line(text: str = "", *, err: bool = False) -> None:
    """One line, whatever is in it."""
    typer.echo(visible(text), err=err)


def print_exact(text: str) -> None:
    """For a file or a shell, and only of our own making: nothing is escaped."""
    typer.echo(text)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """One line per row, wrapped inside its cells where the terminal is narrow. Nothing is read as markup."""
    table = Table(*(Column(_cell(name)) for name in columns), box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*map(_cell, row))
    console().print(table, highlight=False)


def _cell(value: object) -> Text:
    return Text(visible(str(value)))


def console() -> Console:
    return Console(width=None if sys.stdout.isatty() else PIPED_WIDTH)


def tell_error(error: Exception, *, as_json: bool) -> None:
    """On standard error: the text, or problem details (RFC 9457) with one member ``faults`` per line of a refusal."""
    if as_json:
        typer.echo(msgspec.json.encode(problem_of(error)).decode(), err=True)
        return
    for line in str(error).split("\n") if isinstance(error, ConfigError) else [str(error)]:  # each fault has a line
        print_line(line, err=True)
