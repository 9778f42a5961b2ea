"""``rollcall demo``: everything on this machine, from nothing to a comparison of what came out with what ought to."""

from typing import Annotated

import typer


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave it running, and tell the addresses.")] = False,
    seed: Annotated[int, typer.Option("--seed", min=1, help="Other made-up schools, reproducibly.")] = 1,
) -> None:
    """
    Show Rollcall at work: three made-up schools, twins of iSAMS and Unitu, a real Kafka and Redis, all on loopback.

    Uses the Kafka and Redis that ROLLCALL__KAFKA__BOOTSTRAP_SERVERS and ROLLCALL__REDIS__URL name, else starts both.
    Ctrl-C leaves no process and no folder. Exit codes: 0 Unitu's accounts are exactly what they ought to be, 1 not.
    """
    from services.cli.output import print_line
    from services.sandbox.demo.course import run
    from services.sandbox.demo.plan import Plan
    from services.sandbox.demo.screen import Screen
    from services.sandbox.servers.brokers import from_environment
    from services.sandbox.servers.loopback import CannotStart

    try:
        plan = Plan(seed=seed, keep=keep, brokers=from_environment())
    except CannotStart as refusal:
        print_line(str(refusal), err=True)
        raise typer.Exit(1) from refusal
    raise typer.Exit(run(plan, Screen()))
