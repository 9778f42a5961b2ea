"""``rollcall topics``: the topics of the registry, as they are wanted, as they stand, and made."""

import shlex
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.invocation import AsJson, config_of
from services.cli.output import print_exact, print_json, print_line, print_table
from services.operations.names import wrong
from shared.contract.topics import DAY_MS, TOPICS

if TYPE_CHECKING:
    from shared.kafka.admin import Standing

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="The topics: what they are, create them, check them."
)

DIFFERS = 1


@app.command("list")
def list_topics(context: typer.Context, as_json: AsJson = False) -> None:
    """What each topic carries, who writes and reads it, how long it is kept. Asks no broker."""
    from shared.kafka.client import topic_name

    config = config_of(context)
    topics = [
        {
            "name": topic_name(config, topic.name),
            "key": topic.key,
            "events": topic.events,
            "producers": topic.producers,
            "consumers": topic.consumers,
            "cleanup": "compact" if topic.retention_ms is None else f"delete after {topic.retention_ms // DAY_MS} d",
            "partitions": config.kafka.partitions,
            "dead_letters": topic_name(config, topic.dead_letters) if topic.has_dead_letters else None,
        }
        for topic in TOPICS
    ]
    if as_json:
        print_json(topics)
        return
    print_table(
        ("topic", "key", "cleanup", "from", "to"),
        [
            (one["name"], one["key"], one["cleanup"], ", ".join(topic.producers), ", ".join(topic.consumers))
            for one, topic in zip(topics, TOPICS, strict=True)
        ],
    )


@app.command(epilog="Exit codes: 0 every topic is there, 1 one cannot be used as it is.")
def create(
    context: typer.Context,
    alter: Annotated[bool, typer.Option("--alter", help="Also give topics that are there our settings.")] = False,
    as_json: AsJson = False,
) -> None:
    """Create the topics that are not there, and their dead letters. Those that are there stay as they are."""
    from shared.kafka.admin import Topics

    with Topics(config_of(context)) as topics:
        standings = topics.create()
        if alter:
            standings = topics.alter(standings)
    _show(standings, as_json)


@app.command(epilog="Exit codes: 0 all as they should be, 1 one is missing or differs, or Kafka is away.")
def check(context: typer.Context, as_json: AsJson = False) -> None:
    """Compare the topics on the broker with what they should be."""
    from shared.kafka.admin import Topics

    with Topics(config_of(context)) as topics:
        standings = topics.look()
    _show(standings, as_json)
    if any(one.faults for one in standings):
        raise typer.Exit(DIFFERS)


def _show(standings: "list[Standing]", as_json: bool) -> None:
    from shared.kafka.admin import faults_of

    if as_json:
        print_json(
            [
                {
                    "name": one.wanted.name,
                    "partitions": one.partitions,
                    "replicas": one.replicas,
                    "state": one.state,
                    "faults": one.faults,
                }
                for one in standings
            ]
        )
        return
    print_table(
        ("topic", "partitions", "replicas", ""),
        [
            (
                one.wanted.name,
                "-" if one.partitions is None else one.partitions,
                "-" if one.partitions is None else one.replicas,
                one.state,
            )
            for one in standings
        ],
    )
    for line in faults_of(standings):
        print_line(line, err=True)


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
    from shared.kafka.rights import USERS, rights_of_all

    config = config_of(context)
    if service is not None and service not in USERS:
        raise wrong(f"no service {service!r}; there are {', '.join(USERS)}")
    rights = rights_of_all(config, USERS if service is None else (service,))
    if as_json:
        print_json([{**asdict(right), "principal": principal.replace("{service}", right.service)} for right in rights])
        return
    for right in rights:
        words = [
            "kafka-acls.sh",
            "--bootstrap-server",
            config.kafka.bootstrap_servers,
            "--add",
            "--allow-principal",
            principal.replace("{service}", right.service),
            "--operation",
            right.operation.capitalize(),
            f"--{right.kind}",
            right.resource,
        ]
        print_exact(shlex.join(words))
