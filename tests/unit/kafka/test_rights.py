"""The rights of each service are those of the registry, and the documents tell them."""

from pathlib import Path

import pytest

from services.cli.run import SERVICES
from shared.config.settings import Config, Kafka
from shared.contract.topics import TOPICS
from shared.kafka.rights import GROUPS, OPERATORS, USERS, rights_of, rights_of_all

OPERATING = (Path(__file__).parents[3] / "docs" / "operating.md").read_text()


def test_every_service_has_rights_and_the_operators_too() -> None:
    assert {*USERS} == {*SERVICES, OPERATORS}
    assert {*GROUPS} <= {*SERVICES}
    assert all(rights_of(Config(), service) for service in USERS)


def test_whoever_the_registry_names_has_the_right() -> None:
    rights = {(one.service, one.operation, one.resource) for one in rights_of_all(Config())}
    for topic in TOPICS:
        assert {(who, "READ", topic.name) for who in topic.consumers} <= rights
        assert {(who, "WRITE", topic.name) for who in topic.producers} <= rights
        assert {(who, "WRITE", topic.dead_letters) for who in topic.dead_letter_producers} <= rights
        assert {*topic.consumers, *topic.producers, *topic.dead_letter_producers} <= {*USERS}


def test_prefixes_are_part_of_the_names() -> None:
    config = Config(kafka=Kafka(topic_prefix="t-", group_prefix="g-"))
    for right in rights_of_all(config):
        assert right.resource.startswith("t-" if right.kind == "topic" else "g-")


@pytest.mark.parametrize("service", [name for name in USERS if name != "gateway"])
def test_nobody_may_more_than_they_do(service: str) -> None:
    written = {one.resource for one in rights_of(Config(), service) if one.operation == "WRITE"}
    assert ("operator-commands" in written) is (service == OPERATORS)
    assert len(written) < len(TOPICS)


@pytest.mark.parametrize("service", USERS)
def test_the_documents_tell_each_services_rights(service: str) -> None:
    section = OPERATING.split("\n## Rights in Kafka\n", 1)[1].split("\n## ", 1)[0]
    row = next(line for line in section.splitlines() if line.startswith(f"| `{service}` |"))
    cells = [cell.strip() for cell in row.strip("|").split("|")][1:]
    told = [[] if cell == "none" else [name.strip("` ") for name in cell.split(",")] for cell in cells]
    rights = rights_of(Config(), service)
    assert told == [
        [one.resource for one in rights if (one.kind, one.operation) == what]
        for what in (("topic", "READ"), ("topic", "WRITE"), ("group", "READ"))
    ]
