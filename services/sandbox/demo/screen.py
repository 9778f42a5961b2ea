"""What people see: lines with the time that has passed, and on a terminal a live table of the schools."""

import io
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich.console import Console, RenderableType
from rich.live import Live
from rich.table import Table

from services.sandbox.demo.watch import Progress

PLAIN_WIDTH = 120  # columns, where nothing says how wide the reader is
STAYS = {"hold": "held for a person", "wait": "waiting"}
PER_SECOND = 5  # looks of the live table
PLAIN_SECONDS = 2.0  # between two lines in its place, where there is no terminal


class Screen:
    """Readable with and without a terminal."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or _usual_console()
        self._started = time.monotonic()
        self._told = ("", 0.0)

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self._started

    def say(self, line: str, *more: str) -> None:
        """One event of the course, and what belongs to it."""
        self._print(f"{self.seconds:5.1f} s  {line}")
        for one in more:
            self._print(f"         {one}")

    def quote(self, text: str) -> None:
        """What another program has said."""
        for line in text.strip("\n").splitlines():
            self._print(f"         | {line}".rstrip())

    def show(self, something: RenderableType) -> None:
        self._console.print(something, highlight=False)

    @contextmanager
    def following(self, sizes: Mapping[str, int], schools: Mapping[str, Progress]) -> Iterator[None]:
        """Show how far the schools are, on a terminal by itself, elsewhere at each ``tick``."""
        if not self._console.is_terminal:
            self._told = "", self.seconds
            yield
            return
        table = lambda: progress_table(sizes, schools)  # noqa: E731
        with Live(get_renderable=table, console=self._console, refresh_per_second=PER_SECOND):
            yield

    def tick(self, sizes: Mapping[str, int], schools: Mapping[str, Progress]) -> None:
        """Without a terminal: a line, when there is news and the last is old enough."""
        line = "; ".join(_line(slug, size, schools[slug]) for slug, size in sizes.items())
        before, at = self._told
        if not self._console.is_terminal and line != before and self.seconds - at >= PLAIN_SECONDS:
            self._told = line, self.seconds
            self.say(line)

    def _print(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, emoji=False, soft_wrap=True)


def _usual_console() -> Console:
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # an arrow or a name that the terminal cannot show
    console = Console()
    return console if console.is_terminal else Console(width=PLAIN_WIDTH)


def progress_table(sizes: Mapping[str, int], schools: Mapping[str, Progress]) -> Table:
    table = Table("school", "students", "fetched", "verdicts", "accounts", "snapshots", box=None, header_style="bold")
    for slug, size in sizes.items():
        school = schools[slug]
        table.add_row(
            slug, str(size), str(len(school.fetched)), _verdicts(school), str(len(school.enabled)), _snapshots(school)
        )
    return table


def _line(slug: str, size: int, school: Progress) -> str:
    return (
        f"{slug}: {size} students, fetched {len(school.fetched)}, verdicts {_verdicts(school)}, "
        f"accounts {len(school.enabled)}, snapshots {_snapshots(school)}"
    )


def _verdicts(school: Progress) -> str:
    eligible = school.count("eligible")
    rest = len(school.verdicts) - eligible
    return f"{eligible} eligible" + (f", {rest} not" if rest else "")


def _snapshots(school: Progress) -> str:
    return str(school.accepted) + (f" ({STAYS[school.stays]})" if school.stays else "")


def comparison_table(rows: Sequence[tuple[str, ...]]) -> Table:
    """At Unitu, and as it ought to be."""
    table = Table(
        "tenant",
        "accounts enabled",
        "ought to be",
        "disabled",
        "ought to be",
        "ever switched off",
        "ought to be",
        "differences",
        box=None,
        header_style="bold",
    )
    for row in rows:
        table.add_row(*row)
    return table
