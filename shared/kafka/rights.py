"""What each service does with Kafka, as rights that an administrator gives: from the registry of topics alone."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from shared.config.settings import Config
from shared.contract.topics import TOPICS

GROUPS = ("fetcher", "eligibility", "reconciler", "publisher")  # each service that has a consumer group, of its name
OPERATORS = "cli"
USERS = ("fetcher", "gateway", "eligibility", "reconciler", "publisher", OPERATORS)

Operation = Literal["READ", "WRITE", "DESCRIBE"]


@dataclass(frozen=True, order=True)
class Right:
    """One right of one service. ``resource`` is a topic's or a group's name on the broker, prefix included."""

    service: str
    kind: Literal["topic", "group"]
    resource: str
    operation: Operation

    @property
    def words(self) -> str:
        return f"{self.operation} on {self.kind} {self.resource}"


def rights_of(config: Config, service: str) -> list[Right]:
    """
    Everything that a service needs and nothing else. READ and WRITE bring DESCRIBE with them; the operators' tools look
    at every topic. Whoever makes the topics needs more.
    """
    prefix = config.kafka.topic_prefix
    found: list[Right] = []
    for topic in TOPICS:
        name = f"{prefix}{topic.name}"
        does: dict[str, list[Operation]] = {name: [], f"{prefix}{topic.dead_letters}": []}
        if service in topic.consumers:
            does[name].append("READ")
        if service in topic.producers:
            does[name].append("WRITE")
        if service in topic.dead_letter_producers:
            does[f"{prefix}{topic.dead_letters}"].append("WRITE")
        for resource, operations in does.items():
            if service == OPERATORS and not operations:
                operations = ["DESCRIBE"]
            found += [Right(service, "topic", resource, operation) for operation in operations]
    if service in GROUPS:
        found.append(Right(service, "group", f"{config.kafka.group_prefix}{service}", "READ"))
    return found


def rights_of_all(config: Config, services: Iterable[str] = USERS) -> list[Right]:
    return [right for service in services for right in rights_of(config, service)]
