"""``rollcall status``: how each school stands, at a glance. Held is a state of its own, and never a success."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.invocation import AsJson, config_of, known_school
from services.cli.output import plain, print_json, print_table
from shared import clock
from shared.contract.populations import kind_of, school_of, words_of

if TYPE_CHECKING:
    from services.operations.attempts import Looks
    from services.operations.standing import Delivering, Standing
    from shared.config.settings import Config

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
    from services.cli.holds import holdings_of

    config = config_of(context)
    store, looks, now = holdings_of(config), looks_of(config), clock.now()
    slugs = [known_school(config, school)] if school else sorted(config.schools)
    tenants = sorted({config.schools[slug].tenant for slug in slugs})
    delivering = {name: looks.delivering(name) for name in tenants}
    books = [book for slug in slugs for book in config.books_of(slug)]
    found = [standing(config, store, looks, book, delivering, now) for book in books]
    if as_json:
        print_json([one.as_dict() for one in found])
    else:
        tell(found)
    if any(one.waits_for_a_person for one in found):
        raise typer.Exit(HELD)
    if any(one.state != "fresh" for one in found):
        raise typer.Exit(UNWELL)


def looks_of(config: "Config") -> "Looks":
    from services.operations.attempts import RedisLooks

    return RedisLooks(config)


def standing(
    config: "Config", store: Any, looks: "Looks", book: str, delivering: "Mapping[str, Delivering]", now: str
) -> "Standing":
    """``store``: ``services.operations.holds.holdings.Holdings``. Raises: Retryable when the store is away."""
    from services.operations.holds.holdings import NothingKnown
    from services.operations.standing import (
        Standing,
        Trouble,
        next_try,
        refused_people,
        state_of,
        troubles_of,
        undelivered,
    )

    school = config.schools[school_of(book)]
    attempts, tenant = looks.attempts(book), school.tenant
    at_unitu = undelivered(tenant, config.tenants[tenant], delivering[tenant])
    is_held = at_unitu is not None and (held := delivering[tenant].held) is not None and held.kind == "hold"
    try:
        known, holdings, budgets = store.school(book), store.of(book), store.budgets(book, now)
    except NothingKnown as nothing:
        why, _, to_do = str(nothing).partition("; ")
        found = (*troubles_of(book, None, school, attempts, now), Trouble("unknown", why, to_do=to_do))
        return Standing(book, tenant, state_of(None, found), troubles=found, next_try=next_try(attempts))
    of_tenant = [at_unitu] if at_unitu is not None else []
    of_people = refused_people(book, delivering[tenant]) if config.tenants[tenant].mode == "live" else []
    troubles = (*troubles_of(book, known, school, attempts, now), *of_tenant, *of_people)
    certified = known.certified if known is not None else None
    return Standing(
        book,
        tenant,
        state_of(known, troubles),
        known,
        None if certified is None else round(clock.minutes_between(certified.completed_at, now), 1),
        holdings,
        budgets,
        troubles,
        next_try(attempts),
        is_held or any(one.hold.state == "held" for one in holdings),
    )


def tell(found: "list[Standing]") -> None:
    columns = ("school", "state", "certified", "roll", "people", "enabled", "held")
    print_table(columns, [_row(one) for one in found])
    for one in found:
        school, flag = school_of(one.book), " --staff" if kind_of(one.book) == "staff" else ""
        if held := "; ".join(f"{it.words} ({it.plan})" for it in one.holdings if it.hold.state == "held"):
            typer.echo(f"{words_of(one.book)}: {held}: see `rollcall holds show {school}{flag}`")
        for trouble in one.troubles:
            typer.echo(plain(f"{words_of(one.book)}: {trouble.words}"))
        if words := clock_words(one):
            typer.echo(f"{words_of(one.book)}: {words}")


def clock_words(one: "Standing") -> str:
    """Of a school whose last certified sweep was read by a clock that is not believed; empty of any other."""
    off = one.clock_minutes
    if not off:
        return ""
    side = "ahead of" if off > 0 else "behind"
    return f"the clock of whoever reads it was {abs(off)} minutes {side} Kafka's; set it right"


def _row(one: "Standing") -> tuple[object, ...]:
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
