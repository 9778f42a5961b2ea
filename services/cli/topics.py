"""``rollcall topics``: the topics of the registry, as they are wanted, as they stand, and made."""

import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.invocation import AsJson, config_of
from services.cli.output import print_exact, print_json, print_line, print_table

if TYPE_CHECKING:
    from services.operations.topics import TopicsFound, TopicStanding

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="The topics: what they are, create them, check them."
)

DIFFERS = 1


@app.command("list")
def list_topics(context: typer.Context, as_json: AsJson = False) -> None:
    """What each topic carries, who writes and reads it, how long it is kept. Asks no broker."""
    from services.operations.topics import topics_of

    topics = topics_of(config_of(context))
    if as_json:
        print_json(topics)
        return
    rows = [(one.name, one.key, one.cleanup, ", ".join(one.producers), ", ".join(one.consumers)) for one in topics]
    print_table(("topic", "key", "cleanup", "from", "to"), rows)


@app.command(epilog="Exit codes: 0 every topic is there, 1 one cannot be used as it is.")
def create(
    context: typer.Context,
    alter: Annotated[bool, typer.Option("--alter", help="Also give topics that are there our settings.")] = False,
    as_json: AsJson = False,
) -> None:
    """Create the topics that are not there, and their dead letters. Those that are there stay as they are."""
    from services.operations import topics

    _show(topics.create(config_of(context), alter=alter), as_json)


@app.command(epilog="Exit codes: 0 all as they should be, 1 one is missing or differs, or Kafka is away.")
def check(context: typer.Context, as_json: AsJson = False) -> None:
    """Compare the topics on the broker with what they should be."""
    from services.operations import topics

    found = topics.look(config_of(context))
    _show(found, as_json)
    if found.faults:
        raise typer.Exit(DIFFERS)


def _show(found: "TopicsFound", as_json: bool) -> None:
    if as_json:
        print_json(found.topics)
        return
    print_table(("topic", "partitions", "replicas", ""), [_row(one) for one in found.topics])
    for line in found.faults:
        print_line(line, err=True)


def _row(one: "TopicStanding") -> tuple[object, ...]:
    if one.partitions is None:
        return (one.name, "-", "-", one.state)
    return (one.name, one.partitions, one.replicas, one.state)


@app.command(epilog="Exit codes: 0 printed, 2 no such service.")
def acls(
    context: typer.Context,
    service: Annotated[str | None, typer.Argument(metavar="[SERVICE]", help="Only this one's.")] = None,
    principal: Annotated[
        str, typer.Option(metavar="TEXT", help="Whom the cluster takes a service for; {service} is its name.")
    ] = "User:rollcall-{service}",
    as_json: AsJson = False,
) -> None:
    """
    The rights that each service needs at Kafka and no more, as the commands that give them. Asks no broker.

    `cli` are the people who give commands. Whoever makes the topics needs more, once: to create and alter them.
    """
    from services.operations.topics import rights

    config = config_of(context)
    found = rights(config, service, principal)
    if as_json:
        print_json(found)
        return
    for right in found:
        words = [
            "kafka-acls.sh",
            "--bootstrap-server",
            config.kafka.bootstrap_servers,
            "--add",
            "--allow-principal",
            right.principal,
            "--operation",
            right.operation.capitalize(),
            f"--{right.kind}",
            right.resource,
        ]
        print_exact(shlex.join(words))
