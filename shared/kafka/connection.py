"""Whether the cluster lets us in, and if not, what is wrong: each fault in words of its own, within a moment."""

import socket
import ssl
import struct
import time
from contextlib import suppress
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from shared.config.settings import Config
from shared.errors import ConfigError, Retryable
from shared.kafka import error_words as words
from shared.kafka.client import client_settings

POLL_SECONDS = 0.05
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
            raise Retryable(words.away(kafka, fault))
    if not answer.done() or answer.exception() is not None:
        admin.poll(0)
        raise Retryable(words.away(kafka, _hopeless(config, heard) or _reason(config, heard, seconds)))
    return admin


def _hopeless(config: Config, heard: list[Any]) -> str | None:
    for error in heard:
        if words.is_hopeless(error):
            return words.no_road(error, config.kafka)
    if heard and all(error.code() == KafkaError._ALL_BROKERS_DOWN for error in heard):
        heard.clear()  # asked once for each time that it was told
        return _wordless(config)
    return None


def _reason(config: Config, heard: list[Any], seconds: float) -> str:
    for error in reversed(heard):
        if error.code() != KafkaError._ALL_BROKERS_DOWN:
            return words.no_road(error, config.kafka)
    return f"no answer in {seconds:g} s; see that it runs, and bootstrap_servers under [kafka]"


def _wordless(config: Config) -> str | None:
    """What may be wrong where each connection was taken, and ended without a word. None: that is not what happened."""
    for server in config.kafka.bootstrap_servers.split(","):
        host, _, port = server.strip().rpartition(":")
        where = host.strip("[]"), int(port)
        uses_tls = config.kafka.security_protocol.endswith("SSL")
        if not uses_tls and speaks_kafka(where):
            return words.user_wanted(config.kafka)
        if speaks_tls(where):
            return words.user_wanted(config.kafka) if uses_tls else words.tls_there(config.kafka)
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
