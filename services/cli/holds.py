"""``rollcall holds``: what waits for a person (removals, new accounts, changed e-mails), and the person's yes or no."""

import sys
import time
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from services.cli.invocation import (
    AsJson,
    Note,
    Whose,
    WrongWord,
    Yes,
    config_of,
    known_books,
    login_name,
)
from services.cli.output import print_json, print_table
from shared import clock
from shared.contract.populations import words_of

if TYPE_CHECKING:
    from services.operations.holds.holdings import Holding, Holdings
    from shared.config.settings import Config

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Plans that wait for a person: list, show, release, refuse."
)

HELD = 3  # something waits for a person
UNKNOWN = NOT_SAID = 1
LOOK_SECONDS = 0.2
LISTED = 50  # people that are shown to a person; --json has all

School = Annotated[str, typer.Argument(metavar="SCHOOL", help="Its name in the configuration.")]
Which = Annotated[str, typer.Argument(metavar="PLAN|HASH", help="As `holds list` has it.")]
Taken = Literal["whole", "first", "not yet"]  # an order: by the reconciler
Wait = Annotated[float, typer.Option("--wait", metavar="SECONDS", help="Until the reconciler has taken it.", min=0)]


@app.command("list", epilog="Exit codes: 0 nothing waits, 1 it cannot be told, 3 something waits for a person.")
def list_holds(
    context: typer.Context,
    school: Annotated[str | None, typer.Argument(metavar="[SCHOOL]", help="Only this school's.")] = None,
    staff: Whose = None,
    as_json: AsJson = False,
) -> None:
    """The plans that are held now. What was released or refused is told by `holds show`."""
    from services.operations.holds.holdings import NothingKnown

    config = config_of(context)
    store = holdings_of(config)
    found: list[Holding] = []
    is_whole = True
    for slug in [school] if school else sorted(config.schools):
        if staff and school is None and not config.has_staff(slug):
            continue
        try:
            for book in known_books(config, slug, staff):
                found += [one for one in store.of(book) if one.hold.state == "held"]
        except NothingKnown as unknown:
            is_whole = False
            typer.echo(str(unknown), err=True)
    if as_json:
        print_json([one.as_dict() for one in found])
    elif found:
        print_table(
            ("school", "plan", "hash", "people", "budget", "over by", "since"),
            [
                (
                    words_of(one.book),
                    one.plan,
                    one.hold.hash,
                    one.hold.count,
                    one.hold.budget,
                    over(one),
                    one.hold.since,
                )
                for one in found
            ],
        )
    elif is_whole:
        typer.echo("Nothing is held.")
    if found or not is_whole:
        raise typer.Exit(HELD if found else UNKNOWN)


@app.command(epilog="Exit codes: 0 shown, 1 it cannot be told, 3 that is not held.")
def show(
    context: typer.Context,
    school: School,
    which: Annotated[str | None, typer.Argument(metavar="[PLAN|HASH]", help="Only this one.")] = None,
    staff: Whose = None,
    as_json: AsJson = False,
) -> None:
    """A school's plans with each person and the reason; also those that were released or refused."""
    from services.operations.holds.holdings import pick

    config = config_of(context)
    store = holdings_of(config)
    books = known_books(config, school, staff)
    found = [one for book in books for one in store.of(book)]
    if which is not None:
        found = [pick(school, found, which)]
    if as_json:
        print_json([one.in_full() for one in found])
        return
    for one in found:
        tell(one, limit=None)
    if not found:
        typer.echo("Nothing is held.")
    for book in books:
        budgets = store.budgets(book, clock.now())
        if not budgets:
            continue
        typer.echo("What each budget would let through now:" if book == school else "And of the staff:")
        print_table(("plan", "headroom", "budget"), [(one["kind"], one["headroom"], one["budget"]) for one in budgets])


@app.command(
    epilog="Exit codes: 0 released, 1 not released, 2 wrong command line, 3 that is not what is held now, or another "
    "operator must release it too."
)
def release(
    context: typer.Context,
    school: School,
    which: Which,
    staff: Whose = None,
    note: Note = "",
    yes: Yes = False,
    wait: Wait = 5.0,
    as_json: AsJson = False,
) -> None:
    """
    Let a held plan through: at the next certified sweep, those of the reviewed people for whom it still stands.

    The yes is bound to the hash: when the plan changes before it is taken, nothing is released. --yes wants the hash.
    """
    _decide(context, "release", school, which, staff, note, login_name(), yes, wait, as_json)


@app.command(epilog="Exit codes: 0 refused, 1 not refused, 2 wrong command line, 3 that is not what is held now.")
def refuse(
    context: typer.Context,
    school: School,
    which: Which,
    staff: Whose = None,
    note: Note = "",
    yes: Yes = False,
    wait: Wait = 5.0,
    as_json: AsJson = False,
) -> None:
    """Drop a held plan until it differs: nobody in it is removed, nor announced again. --yes wants the hash."""
    _decide(context, "refuse", school, which, staff, note, login_name(), yes, wait, as_json)


def _decide(
    context: typer.Context,
    order: str,
    school: str,
    which: str,
    staff: bool | None,
    note: str,
    operator: str,
    yes: bool,
    wait: float,
    as_json: bool,
) -> None:
    from services.operations.commands import give
    from services.operations.holds.history import end_of_changes
    from shared.contract.commands import RefuseHold, ReleaseHold

    config = config_of(context)
    store = holdings_of(config)
    books = known_books(config, school, staff)
    one = reviewed(config, school, books, [one for book in books for one in store.of(book)], which)
    if yes and which != one.hold.hash:
        raise WrongWord(
            f"--yes wants the hash of what was reviewed: rollcall holds {order} {school} {one.hold.hash} --yes"
        )
    taken: Taken = "whole" if one.hold.state == f"{order}d" else "not yet"
    if taken != "whole":
        if not yes:
            _ask(one, order, as_json)
        model = ReleaseHold if order == "release" else RefuseHold
        before = end_of_changes(config, school)
        command = model(school=school, kind=one.kind, plan=one.plan, hash=one.hold.hash, operator=operator, note=note)
        give(config, command)
        taken = await_taken(config, store, one, operator, before, wait)
    if as_json:
        told: dict[str, Any] = {"school": school, "people": one.people, "kind": one.plan, "hash": one.hold.hash}
        told |= {"count": one.hold.count, "order": order, "operator": operator, "note": note}
        print_json(told | {"is_taken": taken == "whole", "needs_another_operator": taken == "first"})
    elif taken == "first":
        typer.echo(
            f"The first of two: {one.hold.count} {one.people} are more than two_people_above under [operators]; they "
            f"wait for another operator's `rollcall holds release {school} {one.hold.hash}`."
        )
    elif taken == "not yet":
        typer.echo(f"Told to {order}; it takes effect when eligibility and the reconciler run.")
    elif order == "release":
        typer.echo(f"Released: {one.hold.count} {one.people}, at the next certified sweep, as far as it still stands.")
    else:
        typer.echo(f"Refused: {one.hold.count} {one.people} stay as they are until the plan differs.")
    if taken == "first":
        raise typer.Exit(HELD)


def _ask(one: "Holding", order: str, as_json: bool) -> None:
    """Only a person at a terminal is asked; a program says --yes. Raises: typer.Exit without a yes."""
    if not as_json:
        tell(one, limit=LISTED)
    if as_json or not (sys.stdin.isatty() and typer.confirm(f"{order.capitalize()} these {one.hold.count}?")):
        typer.echo(f"Nothing was done; say --yes to {order}.", err=True)
        raise typer.Exit(NOT_SAID)


def reviewed(config: "Config", school: str, books: list[str], holdings: "list[Holding]", which: str) -> "Holding":
    """The holding that was named. Raises: NotHeld, with what differs from the set that the hash once named."""
    from services.operations.holds.history import students_of_hash
    from services.operations.holds.holdings import NotHeld, difference, pick

    try:
        return pick(school, holdings, which)
    except NotHeld as unlike:
        for book in books:
            plan, ids = students_of_hash(config, book, which)
            now = next((one for one in holdings if (one.book, one.plan) == (book, plan)), None)
            if now is not None:
                see = f"See `rollcall holds show {school} {plan}{_flag(now)}`."
                raise NotHeld(f"{unlike} {difference(ids, now)} {see}") from unlike
        raise


def _flag(one: "Holding") -> str:
    return " --staff" if one.kind == "staff" else ""


def await_taken(
    config: "Config", store: "Holdings", one: "Holding", operator: str, before: int, seconds: float
) -> Taken:
    """
    Whether the reconciler took the order within so many seconds, or took it for the first of the two that a large
    release needs. ``before``: the end of the changes when it was given.

    Raises: NotHeld when the plan changed before the order reached it, so that it did nothing.
    """
    from services.operations.holds.history import is_decided
    from services.operations.holds.holdings import NotHeld
    from services.reconciler.reviewed_sets import sets_of

    deadline = time.monotonic() + seconds
    while True:
        school = store.school(one.book)
        hold = sets_of(school, one.plan).get(one.hold.hash) if school else None
        if hold is not None:
            if hold.state != one.hold.state:
                return "whole"
            if hold.first_operator == operator:
                return "first"
        elif is_decided(config, one.book, one.hold.hash, before):
            return "whole"  # taken, and a sweep has closed since
        else:
            raise NotHeld(f"{words_of(one.book)}: {one.plan} changed before the order came. See `rollcall holds list`.")
        if time.monotonic() >= deadline:
            return "not yet"
        time.sleep(LOOK_SECONDS)


def holdings_of(config: "Config") -> "Holdings":
    from services.operations.holds.holdings import Holdings
    from services.reconciler.app import store_of

    return Holdings(store_of(config), config.kafka.partitions, config.pushed)


def over(one: "Holding") -> object:
    return -one.hold.headroom if one.hold.headroom < 0 else "the size of the school or of a year group"


def tell(one: "Holding", limit: int | None) -> None:
    """One holding for a person."""
    said = f"; {one.hold.state} by {one.hold.operator} {one.hold.note}".rstrip() if one.hold.operator else ""
    said += (
        f"; released by {one.hold.first_operator}, and waits for another operator" if one.hold.first_operator else ""
    )
    head = f"{words_of(one.book)}: {one.plan} {one.hold.hash}, {one.hold.count} {one.people} since {one.hold.since}"
    typer.echo(head + said)
    typer.echo(one.words)
    typer.echo(f"budget: {one.hold.budget}; over by: {over(one)}")
    for cause in one.causes:
        typer.echo(f"cause: {cause}")
    rows: list[dict[str, Any]] = one.told(limit)
    columns = ("student_id", "name", "email", "year_group", "reason")
    print_table(
        [column.replace("_", " ") for column in columns],
        [["" if row[column] is None else row[column] for column in columns] for row in rows],
    )
    if len(one.students) > len(rows):
        typer.echo(f"and {len(one.students) - len(rows)} more; `holds show` has all")
    typer.echo("")
