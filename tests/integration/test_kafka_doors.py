"""A Kafka that cannot be used says why: each fault in words of its own, with the setting that mends it."""

import socket
import time
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from services.operations.check.findings import of_kafka
from services.operations.check.sample import State
from shared.config.settings import Config
from shared.config.settings import Kafka as Settings
from shared.contract.codec import Message
from shared.contract.topics import ACCOUNT_STATE
from shared.errors import ConfigError, Retryable
from shared.kafka.admin import Topics, wanted_topics
from shared.kafka.client import KafkaLog
from tests.harness.guarded_kafka import PASSWORD, GuardedKafka

pytestmark = [pytest.mark.kafka, pytest.mark.xdist_group("guarded")]
SASL = {"sasl_mechanism": "PLAIN", "sasl_username": "cli", "sasl_password": SecretStr(PASSWORD)}


def at(port: int, protocol: str, **more: object) -> Config:
    told = {"bootstrap_servers": f"127.0.0.1:{port}", "security_protocol": protocol, **more}
    return Config(kafka=Settings().model_copy(update=told))


@pytest.mark.parametrize(
    ("door", "protocol", "settings", "words"),
    [
        ("sasl", "SASL_PLAINTEXT", {**SASL, "sasl_password": SecretStr("wrong")}, "refuses user cli or the password"),
        ("sasl", "SASL_PLAINTEXT", {**SASL, "sasl_mechanism": "SCRAM-SHA-256"}, "that it takes: PLAIN"),
        ("port", "SSL", {}, 'speaks no TLS; set security_protocol = "PLAINTEXT"'),
        ("sasl", "SASL_SSL", SASL, 'speaks no TLS; set security_protocol = "SASL_PLAINTEXT"'),
        ("tls", "PLAINTEXT", {}, 'speaks TLS; set security_protocol = "SSL"'),
        ("tls", "SASL_PLAINTEXT", SASL, 'speaks TLS; set security_protocol = "SASL_SSL"'),
        ("tls", "SSL", {}, "signed by nobody whom we trust; name the file"),
        ("port", "SASL_PLAINTEXT", SASL, 'asks for no user; set security_protocol = "PLAINTEXT"'),
        ("tls", "SASL_SSL", {**SASL, "ssl_ca_file": "certificate"}, 'asks for no user; set security_protocol = "SSL"'),
        ("sasl", "PLAINTEXT", {}, 'asks for a user; set security_protocol = "SASL_PLAINTEXT"'),
    ],
)
def test_each_wrong_door_has_its_own_words(
    guarded: GuardedKafka, door: str, protocol: str, settings: dict[str, object], words: str
) -> None:
    """Fails when two of them look alike, or when a person is sent to see whether a Kafka runs that does."""
    if settings.get("ssl_ca_file"):
        settings = {**settings, "ssl_ca_file": guarded.certificate}
    began = time.monotonic()
    (found,) = of_kafka(at(getattr(guarded, door), protocol, **settings))
    took = time.monotonic() - began
    assert found.state is State.FAILED
    said = f"{found.message}; {found.fix}"
    assert words in said
    assert "under [kafka]" in said
    assert "see that it runs" not in said
    assert took < 30  # a machine may stand still; what is promised is three seconds, by OPEN_SECONDS


def test_the_right_doors_are_open(guarded: GuardedKafka) -> None:
    for config in (
        at(guarded.port, "PLAINTEXT"),
        at(guarded.sasl, "SASL_PLAINTEXT", **SASL),
        at(guarded.tls, "SSL", ssl_ca_file=guarded.certificate),
    ):
        with Topics(config, open_seconds=60) as topics:
            topics.look()


def test_nobody_there_and_a_name_that_nobody_knows() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (nobody,) = of_kafka(at(port, "PLAINTEXT"))
    assert "nothing listens there" in nobody.message
    (unknown,) = of_kafka(Config(kafka=Settings(bootstrap_servers="no-such-host.invalid:9092")))
    assert "no such host" in unknown.message
    with socket.create_server(("127.0.0.1", 0)) as silent:
        (says_nothing,) = of_kafka(at(silent.getsockname()[1], "PLAINTEXT"))
    assert "no answer in 2.5 s" in says_nothing.message


def test_a_file_that_has_no_certificates_is_named(guarded: GuardedKafka, tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("no certificate\n")
    with pytest.raises(ConfigError, match=r"kafka.ssl_ca_file: .*empty.pem has no certificates"):
        of_kafka(at(guarded.tls, "SSL", ssl_ca_file=tmp_path / "empty.pem"))


def test_a_user_without_rights_is_not_told_that_topics_are_missing(guarded: GuardedKafka) -> None:
    """Fails when what may not be seen counts as not there: a person would make the topics again, or another prefix."""
    with Topics(at(guarded.port, "PLAINTEXT"), open_seconds=60) as topics:
        topics.create()
    config = at(guarded.sasl, "SASL_PLAINTEXT", **SASL | {"sasl_username": "nobody"})
    with Topics(config, open_seconds=60) as topics:
        standings = topics.look()
    assert {one.state for one in standings} == {"hidden"}
    said = " ".join(f"{one.message}; {one.fix}" for one in of_kafka(config))
    assert "missing" not in said
    assert "user nobody lacks rights that reconciler needs; allow " in said


def test_a_clock_that_a_topic_refuses_is_told(config: Config) -> None:
    """A topic of an older release keeps its producers' times, and takes none that is too far from its own."""
    strict = {"message.timestamp.type": "CreateTime", "message.timestamp.before.max.ms": "0"}
    with Topics(config, open_seconds=60) as topics:
        topics._create([replace(one, settings=one.settings | strict) for one in wanted_topics(config)])
    out = KafkaLog(config)
    with pytest.raises(Retryable, match=r"account-state refuses the time .* set the clock right .*--alter"):
        out.publish([Message(ACCOUNT_STATE, 0, "abbey", b"{}", [])])
