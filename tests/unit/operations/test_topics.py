"""The registry's topics as values; what the broker says of them is told by tests/integration/test_topics.py."""

from pathlib import Path

import pytest

from services.operations.errors import Code, OperationError
from services.operations.topics import rights, topics_of
from shared.contract.topics import TOPICS
from shared.kafka.rights import USERS, rights_of
from tests.harness.pipeline import a_config


def test_every_topic_of_the_registry_is_told(tmp_path: Path) -> None:
    told = topics_of(a_config(tmp_path))
    assert [one.name for one in told] == [topic.name for topic in TOPICS]
    cleanups = {one.name: one.cleanup for one in told}
    assert (cleanups["account-state"], cleanups["account-changes"]) == ("compact", "delete after 30 d")
    assert {one.dead_letters for one in told if one.name == "students-fetched"} == {"students-fetched-dlq"}


def test_rights_are_told_of_all_services_or_of_one(tmp_path: Path) -> None:
    config = a_config(tmp_path)
    assert {one.service for one in rights(config)} == set(USERS)
    mine = rights(config, "publisher", "User:CN={service}")
    assert len(mine) == len(rights_of(config, "publisher"))
    assert {one.principal for one in mine} == {"User:CN=publisher"}
    with pytest.raises(OperationError, match="no service 'portal'") as told:
        rights(config, "portal")
    assert (told.value.code, "publisher" in told.value.fix) == (Code.WRONG_WORD, True)
