"""``rollcall status``: how each school stands, at a glance. Held is a state of its own, and never a success."""

from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.invocation import AsJson, config_of
from services.cli.output import print_json, print_line, print_table
from services.operations.names import known_schools
from shared import clock
from shared.contract.populations import kind_of, school_of, words_of

if TYPE_CHECKING:
    from services.operations.standing import PopulationStanding

UNWELL, HELD = 1, 3


def status(
    context: typer.Context,
    school: Annotated[str | None, typer.Argument(metavar="[SCHOOL]", help="Only this one.")] = None,
    as_json: AsJson = False,
) -> None:
    """
    Each school: how fresh its last certified sweep is, how many it has, what keeps it from being in step since when and
    what to do about it, and what waits for a person. Staff that are managed stand beside their school's students.

    Exit codes: 0 every school is fresh; 1 one is failing, late, degraded, undelivered, paused, not read yet or cannot
    be told; 3 something is held.
    """
    from services.operations.attempts import looks_of
    from services.operations.holds.holdings import holdings_of
    from services.operations.status import status as ask

    config = config_of(context)
    slugs = known_schools(config, school)
    found = ask(config, holdings_of(config), looks_of(config), slugs, clock.now())
    if as_json:
        print_json([one.as_dict() for one in found])
    else:
        tell(found)
    if any(one.waits_for_a_person for one in found):
        raise typer.Exit(HELD)
    if any(one.state != "fresh" for one in found):
        raise typer.Exit(UNWELL)


def tell(found: "list[PopulationStanding]") -> None:
    from services.operations.status import clock_words

    columns = ("school", "state", "certified", "roll", "people", "enabled", "held")
    print_table(columns, [_row(one) for one in found])
    for one in found:
        school, flag = school_of(one.book), " --staff" if kind_of(one.book) == "staff" else ""
        if held := "; ".join(f"{it.words} ({it.plan})" for it in one.holdings if it.hold.state == "held"):
            print_line(f"{words_of(one.book)}: {held}: see `rollcall holds show {school}{flag}`")
        for trouble in one.troubles:
            print_line(f"{words_of(one.book)}: {trouble.words}")
        if words := clock_words(one):
            print_line(f"{words_of(one.book)}: {words}")


def _row(one: "PopulationStanding") -> tuple[object, ...]:
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
