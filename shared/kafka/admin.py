"""
Topics as they should stand on the broker, and as they do. The only import of the administrators' client.

The number of partitions is fixed for the topics' life, since it says which lane a school is in: another number is never
corrected here, only refused.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError, TopicAlreadyExistsError, TopicAuthorizationFailedError

from shared.config.settings import Config
from shared.contract.topics import DAY_MS, TOPICS
from shared.errors import Retryable, RollcallError
from shared.kafka.client import topic_name
from shared.kafka.cluster import knock, missing_rights
from shared.kafka.error_words import away, user_of
from shared.kafka.rights import Right, rights_of_all

OPEN_SECONDS = 2.5  # to reach the cluster: a person waits, and a service tries again
VISIBLE_SECONDS = 30.0  # until the brokers have all taken up a change
LOOK_SECONDS = 0.1
DEAD_LETTER_DAYS = 30
NAMED = 4  # of many topics with one fault, how many are named


class TopicsRefused(RollcallError):
    """The topics on the broker are not those that the configuration says."""


@dataclass(frozen=True)
class Wanted:
    """One topic as it should be. ``name`` is that on the broker, prefix included."""

    name: str
    partitions: int
    replicas: int
    settings: Mapping[str, str]


@dataclass(frozen=True)
class Standing:
    """
    One topic as it is. ``partitions`` None: it is missing. ``settings``: those that differ, as found ("": unset).

    ``was_created``: just now, by us. ``hidden_from``: the user who may not even see it; nothing is known of it then.
    """

    wanted: Wanted
    partitions: int | None
    replicas: int = 0
    settings: Mapping[str, str] | None = None
    was_created: bool = False
    hidden_from: str | None = None

    @property
    def is_hidden(self) -> bool:
        return self.hidden_from is not None

    @property
    def is_missing(self) -> bool:
        return self.partitions is None and not self.is_hidden

    @property
    def has_other_partitions(self) -> bool:
        return self.partitions not in (None, self.wanted.partitions)

    @property
    def state(self) -> str:
        """One word for people."""
        if self.is_missing or self.is_hidden:
            return "missing" if self.is_missing else "hidden"
        return "created" if self.was_created else "differs" if self.faults else "there"

    @property
    def faults(self) -> list[str]:
        """What is wrong, each with what to do. The first two kinds keep services from starting."""
        want = self.wanted
        if self.is_hidden:
            return [
                f"{self.hidden_from} may not see it; allow DESCRIBE on it, or READ or WRITE where a service needs that"
            ]
        if self.is_missing:
            return ["missing; run `rollcall topics create`, or set create_topics = true under [kafka]"]
        found = []
        if self.has_other_partitions:
            found.append(
                f"has {self.partitions} partitions, and partitions under [kafka] is {want.partitions}; the number is "
                f"fixed for the topics' life: set partitions = {self.partitions} if every topic has that many, else "
                "make this topic again as docs/operating.md says (Topics with another number of partitions), which "
                "keeps tenant-state: only Kafka has the adoptions"
            )
        if self.replicas < want.replicas:
            found.append(
                f"has {self.replicas} replicas, and replication_factor under [kafka] is {want.replicas}; reassign its "
                "partitions with Kafka's own tool, or set the number that it has"
            )
        for key, value in (self.settings or {}).items():
            found.append(
                f"has {key} = {value or 'unset'} and should have {want.settings[key]}; "
                "run `rollcall topics create --alter`"
            )
        return found


def wanted_topics(config: Config) -> list[Wanted]:
    """Every topic of the registry, and beside it its dead letters with as many lanes."""
    kafka = config.kafka
    dead = {"cleanup.policy": "delete", "retention.ms": str(DEAD_LETTER_DAYS * DAY_MS)}
    found = []
    for topic in TOPICS:
        kinds = [(topic.name, topic.config)]
        if topic.has_dead_letters:
            common = {name: topic.config[name] for name in ("max.message.bytes", "message.timestamp.type")}
            kinds.append((topic.dead_letters, common | dead))
        found += [
            Wanted(topic_name(config, name), kafka.partitions, kafka.replication_factor, settings)
            for name, settings in kinds
        ]
    return found


class Topics:
    """
    The cluster's topics, for a ``with`` statement. Blocks; call it from a thread where that matters.

    Raises: Retryable when the cluster is away or does not answer.
    """

    def __init__(self, config: Config, *, open_seconds: float = OPEN_SECONDS) -> None:
        self._config = config
        self._asker = knock(config, open_seconds)
        with told(config):
            self._admin = KafkaAdminClient(**_client_settings(config, open_seconds))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._admin.close()

    def look(self, *, with_settings: bool = True) -> list[Standing]:
        """Every topic of the registry as it stands. Settings that may not be read count as right."""
        wanted = wanted_topics(self._config)
        with told(self._config):
            described = {one["name"]: one for one in self._admin.describe_topics([one.name for one in wanted])}
            there = {name for name, one in described.items() if one["error_code"] == 0}
            settings = self._settings(one for one in wanted if with_settings and one.name in there)
        return [
            _standing(one, described[one.name], settings.get(one.name))
            if one.name in there
            else self._absent(one, described[one.name]["error_code"])
            for one in wanted
        ]

    def _absent(self, wanted: Wanted, code: int) -> Standing:
        """Kafka says of a topic that a user may not see as little as of one that is not there."""
        is_hidden = code == TopicAuthorizationFailedError.errno
        return Standing(wanted, None, hidden_from=user_of(self._config.kafka) if is_hidden else None)

    def missing_rights(self) -> list[Right]:
        """Of all services, those that our user does not have."""
        return missing_rights(self._asker, self._config.kafka, rights_of_all(self._config))

    def create(self) -> list[Standing]:
        """
        Create what is missing, wait until it can be used, and tell how all stand. What is there is left as it is.

        Raises: TopicsRefused when one has another number of partitions; then nothing was created.
        """
        before = self.look(with_settings=False)
        refuse(one for one in before if one.has_other_partitions)
        missing = [one.wanted for one in before if one.is_missing]
        if missing:
            with told(self._config):
                self._create(missing)
        names = {one.name for one in missing}
        return [replace(one, was_created=one.wanted.name in names) for one in self.look()]

    def alter(self, standings: Iterable[Standing]) -> list[Standing]:
        """
        Give topics the settings that they should have, and tell how all stand once the brokers have taken them.

        Any setting that we do not name stays as it is. Raises: TopicsRefused when the cluster does not allow it.
        """
        resources = [
            ConfigResource(
                ConfigResourceType.TOPIC, one.wanted.name, {key: one.wanted.settings[key] for key in one.settings}
            )
            for one in standings
            if one.settings
        ]
        if resources:
            with told(self._config):
                answers = self._admin.alter_configs(resources)["topic"]
            if faults := _lines((name, f"cannot be altered: {said}") for name, said in answers.items() if said != "OK"):
                raise TopicsRefused("\n".join(faults))
        deadline = time.monotonic() + VISIBLE_SECONDS
        found = self.look()
        while any(one.settings for one in found) and time.monotonic() < deadline:
            time.sleep(LOOK_SECONDS)
            found = self.look()
        return found

    def _create(self, missing: Sequence[Wanted]) -> None:
        answer = self._admin.create_topics(
            {
                one.name: {
                    "num_partitions": one.partitions,
                    "replication_factor": one.replicas,
                    "configs": dict(one.settings),
                }
                for one in missing
            },
            raise_errors=False,
        )
        faults = [
            (one["name"], f"cannot be created: {one['error_message'] or 'Kafka error ' + str(one['error_code'])}")
            for one in answer["topics"]
            if one["error_code"] not in (0, TopicAlreadyExistsError.errno)  # somebody else was faster
        ]
        if faults:
            raise TopicsRefused("\n".join(_lines(faults)))
        self._admin.wait_for_topics([one.name for one in missing], timeout_ms=int(VISIBLE_SECONDS * 1000))

    def _settings(self, topics: Iterable[Wanted]) -> dict[str, dict[str, str]]:
        """By topic. One whose settings may not be read has none."""
        resources = [
            ConfigResource(ConfigResourceType.TOPIC, one.name, dict.fromkeys(one.settings, "")) for one in topics
        ]
        if not resources:
            return {}
        described = self._admin.describe_configs(resources, config_filter="all")["topic"]
        return {
            name: {key: entry["value"] or "" for key, entry in entries.items()} for name, entries in described.items()
        }


def faults_of(standings: Iterable[Standing]) -> list[str]:
    """A line for each kind of fault, with the topics that have it."""
    return _lines((one.wanted.name, fault) for one in standings for fault in one.faults)


def _lines(faults: Iterable[tuple[str, str]]) -> list[str]:
    groups: dict[str, list[str]] = {}
    for name, fault in faults:
        groups.setdefault(fault, []).append(name)
    return [f"{_some(names)}: {fault}" for fault, names in groups.items()]


def _some(names: Sequence[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(names) if more <= 0 else f"{', '.join(names[:NAMED])} and {more} more topics"


def refuse(standings: Iterable[Standing]) -> None:
    """Raises: TopicsRefused for those among them that keep a service from starting."""
    if bad := [one for one in standings if one.is_missing or one.has_other_partitions]:
        raise TopicsRefused("\n".join(faults_of(bad)))


@contextmanager
def told(config: Config) -> Iterator[None]:
    """What the client raises, as ours."""
    try:
        yield
    except KafkaError as error:
        raise Retryable(away(config.kafka, f"{error}; see that it runs, and [kafka]")) from error


def _standing(wanted: Wanted, described: Mapping[str, Any], settings: Mapping[str, str] | None) -> Standing:
    partitions = described["partitions"]
    other = (
        {key: settings.get(key, "") for key, value in wanted.settings.items() if settings.get(key) != value}
        if settings
        else {}
    )
    replicas = min((len(one["replica_nodes"]) for one in partitions), default=0)
    return Standing(wanted, len(partitions), replicas, other)


def _client_settings(config: Config, open_seconds: float) -> dict[str, Any]:
    kafka = config.kafka
    settings: dict[str, Any] = {
        "bootstrap_servers": [server.strip() for server in kafka.bootstrap_servers.split(",")],
        "security_protocol": kafka.security_protocol,
        "client_id": "rollcall",
        "bootstrap_timeout_ms": int(open_seconds * 1000),
        "request_timeout_ms": int(VISIBLE_SECONDS * 1000),
    }
    if kafka.sasl_mechanism:
        settings["sasl_mechanism"] = kafka.sasl_mechanism
        settings["sasl_plain_username"] = kafka.sasl_username
        settings["sasl_plain_password"] = kafka.sasl_password.get_secret_value() if kafka.sasl_password else ""
    if kafka.ssl_ca_file:
        settings["ssl_cafile"] = str(kafka.ssl_ca_file)
    return settings
