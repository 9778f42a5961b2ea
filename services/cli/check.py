"""``rollcall check``: the configuration tried out, from Kafka to each school's permissions."""

from typing import Annotated

import typer

from services.cli.invocation import AsJson, config_of, invocation_of
from services.cli.output import print_json, print_line, print_table


def check(
    context: typer.Context,
    school: Annotated[str | None, typer.Argument(metavar="[SCHOOL]", help="Only this one and its tenant.")] = None,
    as_json: AsJson = False,
) -> None:
    """
    Try the configuration: Kafka and its topics, Redis, each school's token, areas and fields, each tenant's mode, and
    what others on this machine may read.

    Of a school it also tells how many requests an hour its cadences will cost. Nothing is changed and nothing is sent
    to Unitu. Exit codes: 0 fine; 1 degraded: it syncs, and something should be put right; 2 it cannot sync, or the
    configuration is refused.
    """
    from services.operations.check import answer
    from services.operations.check.sample import State
    from services.operations.names import known_schools
    from shared.config.load import files_to_keep

    config = config_of(context)
    found = answer.check(config, known_schools(config, school), files_to_keep(invocation_of(context).path))
    if as_json:
        print_json(found.as_dict())
    else:
        print_table(
            ("part", "what", "", "found", "to do"),
            [(one.part, one.what, one.state.word, one.message, one.fix) for one in found.findings],
        )
        is_bad = found.worst is not State.OK
        print_line(err=is_bad)
        print_line(found.verdict, err=is_bad)
    raise typer.Exit(int(found.worst))
