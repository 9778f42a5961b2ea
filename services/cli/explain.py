"""``rollcall explain``: why one student is, or is not, at Unitu, step by step."""

from typing import Annotated

import typer

from services.cli.invocation import AsJson, config_of
from services.cli.output import print_json, print_line

NOT_READ = 1


def explain(
    context: typer.Context,
    school: Annotated[str, typer.Argument(metavar="SCHOOL", help="Its name in the configuration.")],
    student: Annotated[
        str, typer.Argument(metavar="STUDENT", help="Id in the record system, or the e-mail of the account.")
    ],
    staff: Annotated[bool, typer.Option("--staff", help="STUDENT is a member of the school's staff.")] = False,
    live: Annotated[bool, typer.Option("--live", help="Also read the student now from iSAMS, and compare.")] = False,
    as_json: AsJson = False,
) -> None:
    """
    Each step from the student's record to Unitu: what arrived, every rule, both verdicts, what is staged or held, the
    last snapshot, and the smallest edits that would change a verdict.

    Exit codes: 0 told; 1 it cannot be told, or --live got no answer; 2 wrong command line or configuration.
    """
    from services.cli.explain_text import tell
    from services.operations.explain.ask import ask
    from services.operations.explain.lookup import Stores
    from services.operations.names import known_book
    from shared.clock import utc_now

    config = config_of(context)
    book = known_book(config, school, "staff" if staff else "student")
    found = ask(config, Stores(config), book, student, utc_now(), live=live)
    if as_json:
        print_json(found)
    else:
        tell(found)
    if found.live is not None and found.live.trouble is not None:
        if not as_json:
            print_line(f"--live: {found.live.trouble}", err=True)
        raise typer.Exit(NOT_READ)
