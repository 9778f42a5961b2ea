"""The topics on a real Kafka: made once, never altered by accident, refused when the lanes would not be the same."""

import json
from pathlib import Path

import pytest
from kafka import KafkaAdminClient
from typer.testing import CliRunner

from services.cli.main import app
from services.sandbox.servers.brokers import Addresses
from shared.config.load import load
from shared.config.settings import Config
from shared.kafka.admin import Topics, TopicsRefused, refuse, wanted_topics
from tests.conftest import ONE_SCHOOL, ConfigFile

pytestmark = pytest.mark.kafka


def rollcall(path: Path, *words: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["--config", str(path), *words])
    return result.exit_code, result.stdout, result.stderr


def test_all_topics_are_made_only_once(config: Config) -> None:
    with Topics(config) as topics:
        first = topics.create()
        again = topics.create()
    assert {one.state for one in first} == {"created"}
    assert {one.state for one in again} == {"there"}
    assert len(first) == len(wanted_topics(config)) == 18


def test_a_new_topic_has_its_lanes_and_settings(config: Config, prefix: str) -> None:
    with Topics(config) as topics:
        found = {one.wanted.name: one for one in topics.create()}
    state, dead = found[f"{prefix}account-state"], found[f"{prefix}account-state-dlq"]
    assert (state.partitions, state.replicas, state.faults) == (2, 1, [])
    assert state.wanted.settings["cleanup.policy"] == "compact"
    assert dead.wanted.settings["retention.ms"] == str(30 * 86_400_000)


def test_what_is_missing_keeps_a_service_from_starting(config: Config) -> None:
    with Topics(config) as topics, pytest.raises(TopicsRefused, match="missing; run `rollcall topics create`"):
        refuse(topics.look())


def test_another_number_of_lanes_is_refused_and_nothing_is_made(config_file: ConfigFile, prefix: str) -> None:
    one_topic = {f"{prefix}students-fetched": {"num_partitions": 3, "replication_factor": 1}}
    config = load(config_file(ONE_SCHOOL), {})
    admin = KafkaAdminClient(bootstrap_servers=config.kafka.bootstrap_servers)
    admin.create_topics(one_topic, wait_for_metadata=True)
    admin.close()
    with Topics(config) as topics:
        with pytest.raises(TopicsRefused) as refused:
            topics.create()
        assert sum(not one.is_missing for one in topics.look()) == 1
    assert f"{prefix}students-fetched: has 3 partitions, and partitions under [kafka] is 2" in str(refused.value)
    assert "set partitions = 3" in str(refused.value)
    assert "keeps tenant-state" in str(refused.value)
    assert "topic_prefix" not in str(refused.value)  # other topics would have no adoption


def test_other_settings_are_told_and_put_right_only_when_asked(
    brokers: Addresses, config_file: ConfigFile, prefix: str
) -> None:
    path = config_file(ONE_SCHOOL)
    admin = KafkaAdminClient(bootstrap_servers=brokers.kafka)
    state = {"num_partitions": 2, "replication_factor": 1, "configs": {"cleanup.policy": "delete"}}
    admin.create_topics({f"{prefix}account-state": state}, wait_for_metadata=True)
    admin.close()

    assert rollcall(path, "topics", "create")[0] == 0
    code, out, err = rollcall(path, "topics", "check", "--json")
    differing = [one["name"] for one in json.loads(out) if one["faults"]]
    assert (code, differing) == (1, [f"{prefix}account-state"])
    code, _, err = rollcall(path, "topics", "check")
    assert "has cleanup.policy = delete and should have compact" in err

    assert rollcall(path, "topics", "create", "--alter")[0] == 0
    assert rollcall(path, "topics", "check")[0] == 0


def test_a_broker_that_is_away_is_told_with_its_address(config_file: ConfigFile) -> None:
    path = config_file(ONE_SCHOOL)
    path.write_text(path.read_text().replace(load(path, {}).kafka.bootstrap_servers, "127.0.0.1:1"))
    code, _, err = rollcall(path, "topics", "check")
    assert code == 1
    assert "Kafka at 127.0.0.1:1 does not serve" in err
