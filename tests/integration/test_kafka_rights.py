"""What a cluster does not allow is said, with the right to give; and with the rights that are told, everything goes."""

import asyncio
import logging
from pathlib import Path

import pytest
from pydantic import SecretStr

from services.eligibility.app import EligibilityService
from services.operations.check.findings import of_kafka
from services.operations.check.sample import State
from services.sandbox.servers.brokers import Addresses
from shared.config.settings import Config
from shared.config.settings import Kafka as Settings
from shared.contract.codec import Message
from shared.contract.topics import ACCOUNT_CHANGES, ACCOUNT_STATE
from shared.errors import Retryable
from shared.kafka.admin import Topics
from shared.kafka.client import KafkaLog, Reader
from shared.kafka.client_errors import ear_of
from shared.kafka.rights import OPERATORS, USERS, Right, rights_of, rights_of_all
from shared.kafka.watch import KafkaWatch
from tests.conftest import writer
from tests.e2e.harness import a_town
from tests.faults.processes import WAIT_SECONDS
from tests.harness.guarded_kafka import PASSWORD, GuardedKafka

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.xdist_group("guarded")]


def config_of(guarded: GuardedKafka, prefix: str, user: str) -> Config:
    told = {
        "bootstrap_servers": f"127.0.0.1:{guarded.sasl}",
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "PLAIN",
        "sasl_username": user,
        "sasl_password": SecretStr(PASSWORD),
        "partitions": 2,
        "topic_prefix": prefix,
        "group_prefix": prefix,
    }
    return Config(kafka=Settings().model_copy(update=told))


def make_topics(guarded: GuardedKafka, config: Config) -> None:
    open_door = {"bootstrap_servers": f"127.0.0.1:{guarded.port}", "security_protocol": "PLAINTEXT"}
    kafka = config.kafka.model_copy(update=open_door | {"sasl_mechanism": None})
    with Topics(Config(kafka=kafka), open_seconds=60) as topics:
        topics.create()


def said_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.name == "rollcall.kafka"]


async def test_a_right_that_is_missing_is_told_once_and_when_it_is_over(
    guarded: GuardedKafka, prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    config = config_of(guarded, prefix, "reconciler")
    make_topics(guarded, config)
    rights = rights_of(config, "reconciler")
    guarded.allow(rights)
    watch = KafkaWatch(config, ["reconciler"])
    with caplog.at_level(logging.WARNING):
        await watch.look()
        assert said_in(caplog) == []
        lost = [one for one in rights if one.operation == "READ"]
        guarded.forbid(lost)
        await watch.look()
        await watch.look()
    said = [
        f"reconciler: user reconciler may not READ {one.kind} {one.resource}; allow READ on {one.kind} {one.resource}"
        for one in lost
    ]
    assert len(said) == 3  # two topics and the group
    assert sorted(said_in(caplog)) == sorted(said)
    caplog.clear()
    guarded.allow(lost)
    with caplog.at_level(logging.WARNING):
        await watch.look()
    assert sorted(said_in(caplog)) == sorted(f"over: {one.partition(';')[0]}" for one in said)


def test_check_names_what_each_service_lacks(guarded: GuardedKafka, prefix: str) -> None:
    config = config_of(guarded, prefix, "cli")
    make_topics(guarded, config)
    rights = rights_of_all(config)
    guarded.allow(rights, "cli")
    assert {one.state for one in of_kafka(config)} == {State.OK}
    guarded.forbid([Right("eligibility", "group", f"{prefix}eligibility", "READ")], "cli")
    (found,) = [one for one in of_kafka(config) if one.state is not State.OK]
    assert (found.what, found.state) == ("rights", State.FAILED)
    assert found.message == "user cli lacks rights that eligibility needs"
    assert found.fix == f"allow READ on group {prefix}eligibility"


def test_who_may_not_write_or_read_is_told_which_topic(guarded: GuardedKafka, prefix: str) -> None:
    config = config_of(guarded, prefix, "nobody")
    make_topics(guarded, config)
    out = KafkaLog(config)
    for _ in range(2):  # the client answers the second by itself
        with pytest.raises(Retryable, match=f"user nobody may not WRITE topic {prefix}account-changes; allow WRITE"):
            out.publish([Message(ACCOUNT_CHANGES, 0, "abbey", b"{}", [])])
    with Reader(config) as reader, pytest.raises(Retryable, match=f"may not READ topic {prefix}account-state; allow"):
        reader.edges(ACCOUNT_STATE, 0)
    guarded.allow([Right("nobody", "topic", f"{prefix}account-state", "WRITE")])
    out.publish([Message(ACCOUNT_STATE, 0, "abbey", b"{}", [])])
    with Reader(config) as reader, pytest.raises(Retryable, match=f"may not READ topic {prefix}account-state; allow"):
        list(reader.read(ACCOUNT_STATE, 0))
    guarded.allow([Right("nobody", "topic", f"{prefix}account-state", "READ")])
    with Reader(config) as reader:  # without a right on any group
        assert len(list(reader.read(ACCOUNT_STATE, 0))) == 1


async def test_what_a_services_consumer_says_is_heard(guarded: GuardedKafka, prefix: str) -> None:
    """Fails when FastStream drops it: a group that may not be joined is then as quiet as a school in August."""
    config = config_of(guarded, prefix, "gateway")  # who has no group
    make_topics(guarded, config)
    ear, stop = ear_of(config), asyncio.Event()
    ear.news.clear()
    running = asyncio.create_task(EligibilityService(config).run(stop))
    assert await asyncio.to_thread(ear.news.wait, WAIT_SECONDS)
    stop.set()
    await running


@pytest.mark.e2e
def test_with_exactly_the_rights_that_are_told_everything_goes(
    guarded: GuardedKafka, brokers: Addresses, prefix: str, tmp_path: Path
) -> None:
    """Each service as a user of its own. Fails when the registry lacks one who reads or writes a topic."""
    write = writer(Addresses(f"127.0.0.1:{guarded.sasl}", brokers.redis), prefix, tmp_path)

    def write_config(text: str) -> Path:
        path = write(text, security_protocol="SASL_PLAINTEXT", sasl_mechanism="PLAIN", sasl_username=OPERATORS)
        told = path.read_text().replace("create_topics = true", 'sasl_password = { file = "secret" }')
        path.write_text(told)
        return path

    with a_town(write_config, tmp_path) as town:
        make_topics(guarded, town.config)
        guarded.allow(rights_of_all(town.config))
        services = [name for name in USERS if name != OPERATORS]
        for name in services:
            town.programs.start(name, user=name)
        town.adopt()
        town.until_unitu_agrees()
        leaver = town.isams.dump()["students"][0]["schoolId"]
        town.isams.leave(leaver)
        done = town.rollcall("sync", town.slug, "--wait", "--timeout", "120")
        assert done.returncode == 0, done.stderr + done.stdout
        town.until_unitu_agrees()
        for words in (["explain", town.slug, leaver], ["holds", "list"], ["rebuild", "--yes"], ["publish", town.slug]):
            done = town.rollcall(*words)
            assert done.returncode == 0, done.stderr + done.stdout
        for name in services:
            assert "may not" not in town.programs.said(name)
