"""The topics of the registry: as they are wanted, as they stand on the broker, made, and who needs which rights."""

from collections.abc import Sequence

from services.operations.names import wrong
from shared.config.settings import Config
from shared.contract.model import Frozen
from shared.contract.topics import DAY_MS, TOPICS, Topic
from shared.kafka.admin import Standing, Topics, faults_of
from shared.kafka.client import topic_name
from shared.kafka.rights import USERS, rights_of_all

PRINCIPAL = "User:rollcall-{service}"


class TopicFacts(Frozen, omit_defaults=False, kw_only=True):
    """One topic as it is wanted: what it carries, who writes and reads it, how long it is kept."""

    name: str
    key: str
    events: tuple[str, ...]
    producers: tuple[str, ...]
    consumers: tuple[str, ...]
    cleanup: str
    partitions: int
    dead_letters: str | None


class TopicStanding(Frozen, omit_defaults=False, kw_only=True):
    """One topic as it stands. ``partitions`` null: it is missing, or may not be seen."""

    name: str
    partitions: int | None
    replicas: int
    state: str
    faults: tuple[str, ...]


class TopicsFound(Frozen, omit_defaults=False, kw_only=True):
    """``faults``: a line for each kind of fault, with the topics that have it and what to do."""

    topics: tuple[TopicStanding, ...]
    faults: tuple[str, ...]


class RightNeeded(Frozen, omit_defaults=False, kw_only=True):
    """One right of one service, and whom the cluster takes it for. ``resource``: a topic's or a group's full name."""

    service: str
    kind: str
    resource: str
    operation: str
    principal: str


def topics_of(config: Config) -> list[TopicFacts]:
    """Asks no broker."""
    return [_facts(config, topic) for topic in TOPICS]


def _facts(config: Config, topic: Topic) -> TopicFacts:
    days = topic.retention_ms and topic.retention_ms // DAY_MS
    return TopicFacts(
        name=topic_name(config, topic.name),
        key=topic.key,
        events=tuple(topic.events),
        producers=tuple(topic.producers),
        consumers=tuple(topic.consumers),
        cleanup="compact" if topic.retention_ms is None else f"delete after {days} d",
        partitions=config.kafka.partitions,
        dead_letters=topic_name(config, topic.dead_letters) if topic.has_dead_letters else None,
    )


def create(config: Config, *, alter: bool = False) -> TopicsFound:
    """
    Make those that are missing, and their dead letters; ``alter``: and give those that are there our settings. Raises:
    TopicsRefused, Retryable.
    """
    with Topics(config) as topics:
        standings = topics.create()
        return _found(topics.alter(standings) if alter else standings)


def look(config: Config) -> TopicsFound:
    """Raises: Retryable."""
    with Topics(config) as topics:
        return _found(topics.look())


def _found(standings: Sequence[Standing]) -> TopicsFound:
    return TopicsFound(topics=tuple(map(_standing, standings)), faults=tuple(faults_of(standings)))


def _standing(one: Standing) -> TopicStanding:
    return TopicStanding(
        name=one.wanted.name,
        partitions=one.partitions,
        replicas=one.replicas,
        state=one.state,
        faults=tuple(one.faults),
    )


def rights(config: Config, service: str | None = None, principal: str = PRINCIPAL) -> list[RightNeeded]:
    """
    Of all services, or of one; asks no broker. ``principal``: with ``{service}`` in the place of its name. Raises:
    OperationError (wrong-word).
    """
    if service is not None and service not in USERS:
        raise wrong(f"no service {service!r}", f"there are {', '.join(USERS)}")
    return [
        RightNeeded(
            service=one.service,
            kind=one.kind,
            resource=one.resource,
            operation=one.operation,
            principal=principal.replace("{service}", one.service),
        )
        for one in rights_of_all(config, USERS if service is None else (service,))
    ]
