"""``rollcall status``: how each school stands, at a glance. Held is a state of its own, and never a success."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.invocation import AsJson, config_of, known_school
from services.cli.output import print_json, print_table
from shared import clock
from shared.books import kind_of, people_word, school_of, words_of

if TYPE_CHECKING:
    from services.cli.held import Holding
    from shared.config import School
    from shared.model import Kind
    from shared.state import SchoolState

UNWELL, HELD = 1, 3
LATE_POLLS, LATE_MINUTES = 3, 15.0  # a school is late after so many polls without a certified sweep, or so long


@dataclass(frozen=True)
class Standing:
    """
    One school's students, or its staff, at one moment. ``state``: ``held``, ``paused``, ``unknown``, ``unread``,
    ``late`` or ``fresh``.
    """

    book: str
    tenant: str
    state: str
    known: "SchoolState | None"
    age_minutes: float | None
    holdings: "list[Holding]"
    budgets: list[dict[str, Any]]

    @property
    def clock_minutes(self) -> int:
        """By how much the clock of whoever read it last was ahead of Kafka's; below zero behind it."""
        certified = self.known.certified if self.known is not None else None
        return certified.clock_minutes if certified is not None else 0

    def as_dict(self) -> dict[str, Any]:
        """As ``status --json`` has it."""
        known = self.known
        certified = known.certified if known is not None else None
        return {
            "school": school_of(self.book),
            "people": people_word(kind_of(self.book)),
            "tenant": self.tenant,
            "state": self.state,
            "certified_at": certified.completed_at if certified else None,
            "age_minutes": self.age_minutes,
            "clock_minutes": self.clock_minutes,
            "is_being_read": known is not None and known.open is not None,
            "roll": known.roll_count if known else 0,
            "students": known.students if known else 0,
            "enabled": known.enabled if known else 0,
            "holds": [
                {"kind": one.plan, "hash": one.hold.hash, "count": one.hold.count, "state": one.hold.state}
                for one in self.holdings
            ],
            "budgets": self.budgets,
        }


def status(
    context: typer.Context,
    school: Annotated[str | None, typer.Argument(metavar="[SCHOOL]", help="Only this one.")] = None,
    as_json: AsJson = False,
) -> None:
    """
    Each school: how fresh its last certified sweep is, how many it has, and what waits for a person. Staff that are
    managed stand beside their school's students.

    Exit codes: 0 every school is fresh, 1 one is late, paused, not read yet or cannot be told, 3 something is held.
    """
    from services.cli.holds import holdings_of

    config = config_of(context)
    store, now = holdings_of(config), clock.now()
    slugs = [known_school(config, school)] if school else sorted(config.schools)
    found = [standing(store, book, config.schools[slug], now) for slug in slugs for book in config.books_of(slug)]
    if as_json:
        print_json([one.as_dict() for one in found])
    else:
        tell(found)
    states = {one.state for one in found}
    if states - {"fresh"}:
        raise typer.Exit(HELD if "held" in states else UNWELL)


def standing(store: Any, book: str, school: "School", now: str) -> Standing:
    """``store``: ``services.cli.held.Holdings``. Raises: Retryable when the store is away."""
    from services.cli.held import NothingKnown

    try:
        known, holdings, budgets = store.school(book), store.of(book), store.budgets(book, now)
    except NothingKnown:
        return Standing(book, school.tenant, "unknown", None, None, [], [])
    certified = known.certified if known is not None else None
    age = None if certified is None else round(clock.minutes_between(certified.completed_at, now), 1)
    state = state_of(known, age, late_after(school, kind_of(book)))
    return Standing(book, school.tenant, state, known, age, holdings, budgets)


def late_after(school: "School", kind: "Kind" = "student") -> float | None:
    """In minutes; None for a feed that comes when its sender sends."""
    poll = getattr(school, "staff_poll_seconds" if kind == "staff" else "poll_seconds", None)
    return None if poll is None else max(LATE_MINUTES, LATE_POLLS * poll / 60)


def state_of(known: "SchoolState | None", age: float | None, late: float | None) -> str:
    if known is not None and any(hold.state == "held" for hold in known.holds.values()):
        return "held"
    if known is not None and known.is_paused:
        return "paused"
    if age is None:
        return "unread"
    return "late" if late is not None and age > late else "fresh"


def tell(found: list[Standing]) -> None:
    columns = ("school", "state", "certified", "roll", "people", "enabled", "held")
    print_table(columns, [_row(one) for one in found])
    waiting = [one for one in found if one.state == "held"]
    for one in waiting:
        school, flag = school_of(one.book), " --staff" if kind_of(one.book) == "staff" else ""
        held = "; ".join(f"{it.words} ({it.plan})" for it in one.holdings if it.hold.state == "held")
        typer.echo(f"{words_of(one.book)}: {held}: see `rollcall holds show {school}{flag}`")
    for one in found:
        if words := clock_words(one):
            typer.echo(f"{words_of(one.book)}: {words}")


def clock_words(one: Standing) -> str:
    """Of a school whose last certified sweep was read by a clock that is not believed; empty of any other."""
    off = one.clock_minutes
    if not off:
        return ""
    side = "ahead of" if off > 0 else "behind"
    return f"the clock of whoever reads it was {abs(off)} minutes {side} Kafka's; set it right"


def _row(one: Standing) -> tuple[object, ...]:
    known = one.known
    counts = (known.roll_count, known.students, known.enabled) if known is not None else ("", "", "")
    held = ", ".join(f"{hold.plan} {hold.hold.count}" for hold in one.holdings if hold.hold.state == "held")
    return (words_of(one.book), one.state, _ago(one.age_minutes), *counts, held)


def _ago(minutes: float | None) -> str:
    if minutes is None:
        return "never"
    if minutes < 120:
        return f"{minutes:.0f} min ago"
    return f"{minutes / 60:.0f} h ago"
