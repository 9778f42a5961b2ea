"""``rollcall check``: the configuration tried out, from Kafka to each school's permissions."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.invocation import AsJson, config_of, invocation_of
from services.cli.output import print_json, print_line, print_table
from services.operations.names import known_school

if TYPE_CHECKING:
    from services.cli.findings import Finding
    from shared.config.settings import Config


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
    from services.cli.exposure import of_exposure
    from services.cli.sample import State
    from shared.config.load import files_to_keep

    config = config_of(context)
    slugs = [known_school(config, school)] if school else sorted(config.schools)
    exposed = of_exposure(config, files_to_keep(invocation_of(context).path))
    found = [*exposed, *asyncio.run(findings(config, slugs))]
    worst = max((one.state for one in found), default=State.OK)
    verdict = "fine" if worst is State.OK else worst.word
    if as_json:
        print_json({"verdict": verdict, "findings": [as_dict(one) for one in found]})
    else:
        print_table(
            ("part", "what", "", "found", "to do"),
            [(one.part, one.what, one.state.word, one.message, one.fix) for one in found],
        )
        print_line(err=worst is not State.OK)
        print_line(verdict, err=worst is not State.OK)
    raise typer.Exit(int(worst))


async def findings(config: "Config", slugs: list[str]) -> "list[Finding]":
    """All parts at once; told in the order in which records pass through them."""
    from services.cli.findings import of_kafka, of_redis, of_schools, of_spool, of_tenant

    kafka, redis, schools = await asyncio.gather(
        asyncio.to_thread(of_kafka, config), asyncio.to_thread(of_redis, config), of_schools(config, slugs)
    )
    tenants = sorted({config.schools[slug].tenant for slug in slugs})
    of_tenants = [one for slug in tenants for one in of_tenant(slug, config.tenants[slug])]
    return [*kafka, *redis, *of_spool(config), *schools, *of_tenants]


def as_dict(one: "Finding") -> dict[str, str]:
    return {"part": one.part, "what": one.what, "state": one.state.word, "message": one.message, "fix": one.fix}
