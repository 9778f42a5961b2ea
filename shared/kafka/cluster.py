"""
What the cluster says when it is asked: whether it lets us in, and if not, what is wrong, within a moment; which rights
it does not give, which is asked of it and never guessed from what fails; and the ids of its topics.
"""

import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from shared.config.settings import Config, Kafka
from shared.errors import ConfigError, Retryable
from shared.kafka.client import client_settings
from shared.kafka.error_words import DENIED, away, is_hopeless, may_not, no_road, tls_there, user_of, user_wanted
from shared.kafka.rights import Right

POLL_SECONDS = 0.05
ANSWER_SECONDS = 5.0  # of one question for rights
ASK_SECONDS = 10.0  # of one for a topic's id
PROBE_SECONDS = 0.5  # of one question to a port that ended our connection without a word
# What Kafka answers before it knows anybody.
API_VERSIONS = struct.pack(">ihhih", 10, 18, 0, 1795, -1)  # length, question, version, our number, nobody


def knock(config: Config, seconds: float) -> Any:
    """
    An administrators' client that has been let in.

    Raises: Retryable: as soon as it is known that trying again would not help, else after so many seconds.
    """
    heard: list[Any] = []
    kafka = config.kafka
    try:
        admin = AdminClient(client_settings(config) | {"error_cb": heard.append})
    except KafkaException as error:
        if kafka.ssl_ca_file and "ssl.ca.location" in str(error):
            raise ConfigError(f"kafka.ssl_ca_file: {kafka.ssl_ca_file} has no certificates; it must be PEM") from error
        raise
    answer = admin.describe_cluster(request_timeout=seconds)
    deadline = time.monotonic() + seconds
    while not answer.done() and time.monotonic() < deadline:
        admin.poll(POLL_SECONDS)
        if fault := _hopeless(config, heard):
            raise Retryable(away(kafka, fault))
    if not answer.done() or answer.exception() is not None:
        admin.poll(0)
        raise Retryable(away(kafka, _hopeless(config, heard) or _reason(config, heard, seconds)))
    return admin


def _hopeless(config: Config, heard: list[Any]) -> str | None:
    for error in heard:
        if is_hopeless(error):
            return no_road(error, config.kafka)
    if heard and all(error.name() == "_ALL_BROKERS_DOWN" for error in heard):
        heard.clear()  # asked once for each time that it was told
        return _wordless(config)
    return None


def _reason(config: Config, heard: list[Any], seconds: float) -> str:
    for error in reversed(heard):
        if error.name() != "_ALL_BROKERS_DOWN":
            return no_road(error, config.kafka)
    return f"no answer in {seconds:g} s; see that it runs, and bootstrap_servers under [kafka]"


def _wordless(config: Config) -> str | None:
    """What may be wrong where each connection was taken, and ended without a word. None: that is not what happened."""
    for server in config.kafka.bootstrap_servers.split(","):
        host, _, port = server.strip().rpartition(":")
        where = host.strip("[]"), int(port)
        uses_tls = config.kafka.security_protocol.endswith("SSL")
        if not uses_tls and speaks_kafka(where):
            return user_wanted(config.kafka)
        if speaks_tls(where):
            return user_wanted(config.kafka) if uses_tls else tls_there(config.kafka)
    return None


def speaks_kafka(where: tuple[str, int]) -> bool:
    """Whether Kafka answers there in clear."""
    with suppress(OSError), socket.create_connection(where, PROBE_SECONDS) as line:
        line.sendall(API_VERSIONS)
        return line.recv(8)[4:] == API_VERSIONS[8:12]  # its length, then our number; TLS answers with an alert
    return False


def speaks_tls(where: tuple[str, int]) -> bool:
    """Whether anybody there answers a TLS handshake. Nothing is sent over it, so its certificate is not looked at."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        suppress(OSError),
        socket.create_connection(where, PROBE_SECONDS) as line,
        context.wrap_socket(line, server_hostname=where[0]),
    ):
        return True
    return False


# --- rights ------------------------------------------------------------------------------------------------------


def missing_rights(admin: Any, kafka: Kafka, rights: Iterable[Right]) -> list[Right]:
    """
    Those of the rights that our user does not have. What the cluster says nothing of (a topic or a group that is not
    there, a broker that is too old to tell) counts as given. Raises: Retryable.
    """
    wanted = sorted(rights)
    topics = sorted({one.resource for one in wanted if one.kind == "topic"})
    groups = sorted({one.resource for one in wanted if one.kind == "group"})
    asked = {"include_authorized_operations": True, "request_timeout": ANSWER_SECONDS}
    answers: dict[str, Mapping[str, Any]] = {
        "topic": admin.describe_topics(TopicCollection(topics), **asked) if topics else {},
        "group": admin.describe_consumer_groups(groups, **asked) if groups else {},
    }
    given = {
        kind: {name: _operations(kafka, future) for name, future in some.items()} for kind, some in answers.items()
    }
    return [
        one
        for one in wanted
        if (operations := given[one.kind][one.resource]) is not None and one.operation not in operations
    ]


_UNANSWERED = (
    *("_TRANSPORT", "_TIMED_OUT", "_ALL_BROKERS_DOWN"),
    "_DESTROY_BROKER",  # the client let go of the connection that it asked by
)


def _operations(kafka: Kafka, future: Any) -> set[str] | None:
    """None: it is not known."""
    try:
        described = future.result(timeout=ANSWER_SECONDS + 1)
    except KafkaException as error:
        fault = error.args[0]
        if fault.name() in DENIED:
            return set()
        if fault.name() in _UNANSWERED:
            raise Retryable(away(kafka, f"{fault.str()}; see that it runs, and [kafka]")) from error
        return None
    except TimeoutError as error:
        raise Retryable(away(kafka, "no answer about rights; see that it runs, and [kafka]")) from error
    operations = described.authorized_operations
    return None if operations is None else {one.name for one in operations}


def words_of(kafka: Kafka, right: Right) -> str:
    """One missing right, with who needs it and what to allow."""
    return f"{right.service}: {may_not(kafka, right.operation, right.kind, right.resource)}"


def words_by_service(kafka: Kafka, missing: Sequence[Right]) -> dict[str, str]:
    """All that is missing of each service in one line: ``what is wrong; what to do``."""
    by_service: dict[str, list[Right]] = {}
    for right in missing:
        by_service.setdefault(right.service, []).append(right)
    return {
        service: f"{user_of(kafka)} lacks rights that {service} needs; allow {', '.join(one.words for one in some)}"
        for service, some in by_service.items()
    }


# --- topics ------------------------------------------------------------------------------------------------------


class TopicIds:
    """
    The id that Kafka draws for a topic when it is made: another id is another log, whatever its name and offsets.

    Asks the cluster at each call, in a few milliseconds. Opened on first use; any thread may call.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._admin: Any = None
        self._lock = threading.Lock()

    def __call__(self, name: str) -> str:
        """``name`` is that on the broker. Raises: Retryable, also for a topic that is not there."""
        with self._lock:
            if self._admin is None:
                self._admin = AdminClient(client_settings(self._config))
        try:
            described = self._admin.describe_topics(TopicCollection([name]))[name].result(timeout=ASK_SECONDS)
        except (KafkaException, TimeoutError) as error:
            raise Retryable(f"Kafka: {name}: {error or 'no answer in time'}") from error
        return str(described.topic_id)
