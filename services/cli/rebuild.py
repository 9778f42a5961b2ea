"""``rollcall rebuild``: the reconciler's state in Redis made anew from the durable log."""

import sys
from typing import Annotated

import typer

from services.cli.invocation import AsJson, Yes, config_of
from services.cli.output import print_json, print_line, print_table

NOT_SAID = 1


def rebuild(
    context: typer.Context,
    lane: Annotated[int | None, typer.Option("--lane", metavar="N", help="Only this one.", min=0)] = None,
    school: Annotated[str | None, typer.Option("--school", metavar="SCHOOL", help="Only the lane it is in.")] = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """
    Make the reconciler's lanes in Redis anew from account-state; their schools come due for a full sweep.

    Safe while services run: a lane takes its new place only if nobody moved it meanwhile. Nobody is removed by it:
    until a full sweep was decided after it, a snapshot that lacks an e-mail of the last one waits. Exit codes:
    0 rebuilt, 1 not rebuilt, 2 wrong command line or configuration.
    """
    from services.operations import rebuild as operation

    config = config_of(context)
    lanes = operation.chosen(config, lane, school)
    if not yes:
        what = f"lane {lanes[0]}" if len(lanes) == 1 else f"all {len(lanes)} lanes"
        schools = ", ".join(operation.schools_in(config, lanes)) or "no school"
        if as_json or not (sys.stdin.isatty() and typer.confirm(f"Rebuild {what} ({schools})?")):
            print_line(f"Nothing was done; say --yes to rebuild {what} ({schools}).", err=True)
            raise typer.Exit(NOT_SAID)
    done = list(operation.rebuild(config, lanes))
    if as_json:
        print_json(done)
    else:
        rows = [(one.lane, ", ".join(one.schools), one.students, one.position) for one in done]
        print_table(("lane", "schools", "students", "position"), rows)
