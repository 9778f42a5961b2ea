"""``rollcall holds``: what waits for a person (removals, new accounts, changed e-mails), and the person's yes or no."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.invocation import AsJson, Note, Whose, Yes, config_of, kind_of_flag, login_name
from services.cli.output import print_json, print_line, print_table
from services.operations.names import wrong
from shared import clock
from shared.contract.populations import words_of

if TYPE_CHECKING:
    from services.operations.holds.decisions import Order, Taken
    from services.operations.holds.holdings import Holding

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Plans that wait for a person: list, show, release, refuse."
)

HELD = 3  # something waits for a person
UNKNOWN = NOT_SAID = 1
LISTED = 50  # people that are shown to a person; --json has all

School = Annotated[str, typer.Argument(metavar="SCHOOL", help="Its name in the configuration.")]
Which = Annotated[str, typer.Argument(metavar="PLAN|HASH", help="As `holds list` has it.")]
Wait = Annotated[float, typer.Option("--wait", metavar="SECONDS", help="Until the reconciler has taken it.", min=0)]


@app.command("list", epilog="Exit codes: 0 nothing waits, 1 it cannot be told, 3 something waits for a person.")
def list_holds(
    context: typer.Context,
    school: Annotated[str | None, typer.Argument(metavar="[SCHOOL]", help="Only this school's.")] = None,
    staff: Whose = None,
    as_json: AsJson = False,
) -> None:
    """The plans that are held now. What was released or refused is told by `holds show`."""
    from services.operations.holds.holdings import holdings_of
    from services.operations.holds.questions import held_now

    config = config_of(context)
    now = held_now(config, holdings_of(config), school, kind_of_flag(staff))
    for unknown in now.unknown:
        print_line(str(unknown), err=True)
    if as_json:
        print_json([one.summary() for one in now.held])
    elif now.held:
        columns = ("school", "plan", "hash", "people", "budget", "over by", "since")
        print_table(columns, [_row(one) for one in now.held])
    elif not now.unknown:
        print_line("Nothing is held.")
    if now.held or now.unknown:
        raise typer.Exit(HELD if now.held else UNKNOWN)


def _row(one: "Holding") -> tuple[object, ...]:
    hold = one.hold
    return (words_of(one.book), one.plan, hold.hash, hold.count, hold.budget, over(one), hold.since)


@app.command(epilog="Exit codes: 0 shown, 1 it cannot be told, 3 that is not held.")
def show(
    context: typer.Context,
    school: School,
    which: Annotated[str | None, typer.Argument(metavar="[PLAN|HASH]", help="Only this one.")] = None,
    staff: Whose = None,
    as_json: AsJson = False,
) -> None:
    """A school's plans with each person and the reason; also those that were released or refused."""
    from services.operations.holds.holdings import holdings_of
    from services.operations.holds.questions import shown

    config = config_of(context)
    found = shown(config, holdings_of(config), school, clock.now(), kind=kind_of_flag(staff), which=which)
    if as_json:
        print_json([one.in_full() for one in found.holdings])
        return
    for one in found.holdings:
        tell(one, limit=None)
    if not found.holdings:
        print_line("Nothing is held.")
    for book, budgets in found.budgets.items():
        if budgets:
            print_line("What each budget would let through now:" if book == school else "And of the staff:")
            print_table(("plan", "headroom", "budget"), [(one.kind, one.headroom, one.budget) for one in budgets])


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
    one = _reviewed(context, "release", school, which, staff, yes, as_json)
    tell_taken(one, "release", note, _decide(context, one, "release", note, wait), as_json)


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
    one = _reviewed(context, "refuse", school, which, staff, yes, as_json)
    tell_taken(one, "refuse", note, _decide(context, one, "refuse", note, wait), as_json)


def _reviewed(
    context: typer.Context, order: "Order", school: str, which: str, staff: bool | None, yes: bool, as_json: bool
) -> "Holding":
    """The set that is meant, to which a person has said yes. Raises: OperationError; typer.Exit without a yes."""
    from services.operations.holds.holdings import holdings_of
    from services.operations.holds.questions import reviewed

    config = config_of(context)
    one = reviewed(config, holdings_of(config), school, which, kind_of_flag(staff))
    if yes and which != one.hold.hash:
        raise wrong(f"--yes wants the hash of what was reviewed: rollcall holds {order} {school} {one.hold.hash} --yes")
    if not yes and one.hold.state != f"{order}d":
        _ask(one, order, as_json)
    return one


def _ask(one: "Holding", order: str, as_json: bool) -> None:
    """Only a person at a terminal is asked; a program says --yes. Raises: typer.Exit without a yes."""
    if not as_json:
        tell(one, limit=LISTED)
    if as_json or not (sys.stdin.isatty() and typer.confirm(f"{order.capitalize()} these {one.hold.count}?")):
        print_line(f"Nothing was done; say --yes to {order}.", err=True)
        raise typer.Exit(NOT_SAID)


def _decide(context: typer.Context, one: "Holding", order: "Order", note: str, wait: float) -> "Taken":
    from services.operations.holds.decisions import HoldDecision, decide, follow
    from services.operations.holds.holdings import holdings_of

    config = config_of(context)
    holdings = holdings_of(config)
    decided = decide(config, holdings, HoldDecision(order, one.book, one.plan, one.hold.hash, login_name(), note))
    *_, taken = follow(config, holdings, decided, wait)
    return taken


def tell_taken(one: "Holding", order: "Order", note: str, taken: "Taken", as_json: bool) -> None:
    """What became of the order. Raises: typer.Exit where a second operator is needed."""
    count = f"{one.hold.count} {one.people}"
    if as_json:
        told: dict[str, Any] = {"school": one.school, "people": one.people, "kind": one.plan, "hash": one.hold.hash}
        told |= {"count": one.hold.count, "order": order, "operator": login_name(), "note": note}
        print_json(told | {"is_taken": taken == "whole", "needs_another_operator": taken == "first"})
    elif taken == "first":
        print_line(
            f"The first of two: {count} are more than two_people_above under [operators]; they wait for another "
            f"operator's `rollcall holds release {one.school} {one.hold.hash}`."
        )
    elif taken == "not yet":
        print_line(f"Told to {order}; it takes effect when eligibility and the reconciler run.")
    elif order == "release":
        print_line(f"Released: {count}, at the next certified sweep, as far as it still stands.")
    else:
        print_line(f"Refused: {count} stay as they are until the plan differs.")
    if taken == "first":
        raise typer.Exit(HELD)


def over(one: "Holding") -> object:
    return -one.hold.headroom if one.hold.headroom < 0 else "the size of the school or of a year group"


def tell(one: "Holding", limit: int | None) -> None:
    """One holding for a person."""
    said = f"; {one.hold.state} by {one.hold.operator} {one.hold.note}".rstrip() if one.hold.operator else ""
    said += (
        f"; released by {one.hold.first_operator}, and waits for another operator" if one.hold.first_operator else ""
    )
    head = f"{words_of(one.book)}: {one.plan} {one.hold.hash}, {one.hold.count} {one.people} since {one.hold.since}"
    print_line(head + said)
    print_line(one.words)
    print_line(f"budget: {one.hold.budget}; over by: {over(one)}")
    for cause in one.causes:
        print_line(f"cause: {cause}")
    rows = one.told(limit)
    columns = ("student_id", "name", "email", "year_group", "reason")
    cells = [[getattr(row, column) for column in columns] for row in rows]
    print_table(
        [column.replace("_", " ") for column in columns],
        [["" if cell is None else cell for cell in row] for row in cells],
    )
    if len(one.students) > len(rows):
        print_line(f"and {len(one.students) - len(rows)} more; `holds show` has all")
    print_line()
