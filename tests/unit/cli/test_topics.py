"""``rollcall topics acls``: each service's rights as an administrator gives them, and no more."""

import json
import shlex
from pathlib import Path

import pytest

from shared.kafka.rights import USERS, rights_of
from tests.harness.pipeline import a_config
from tests.unit.cli.words import rollcall


@pytest.fixture
def path(tmp_path: Path) -> Path:
    a_config(tmp_path)
    path = tmp_path / "rollcall.toml"
    path.write_text(path.read_text().replace("[kafka]", '[kafka]\ntopic_prefix = "t-"\ngroup_prefix = "g-"'))
    return path


def given(text: str) -> set[tuple[str, str, str, str]]:
    """Principal, operation, kind and name, of each command."""
    found = set()
    for line in text.splitlines():
        words = shlex.split(line)
        assert words[:4] == ["kafka-acls.sh", "--bootstrap-server", "127.0.0.1:9092", "--add"]
        assert [words[4], words[6]] == ["--allow-principal", "--operation"]
        found.add((words[5], words[7], words[8], words[9]))
    return found


def test_what_is_printed_for_a_service_is_what_it_needs(path: Path) -> None:
    said = rollcall(path, "topics", "acls", "reconciler")
    assert given(said.out) == {
        ("User:rollcall-reconciler", "Read", "--topic", "t-students-assessed"),
        ("User:rollcall-reconciler", "Read", "--topic", "t-account-state"),
        ("User:rollcall-reconciler", "Write", "--topic", "t-sync-requests"),
        ("User:rollcall-reconciler", "Write", "--topic", "t-students-assessed-dlq"),
        ("User:rollcall-reconciler", "Write", "--topic", "t-account-changes"),
        ("User:rollcall-reconciler", "Write", "--topic", "t-account-state"),
        ("User:rollcall-reconciler", "Read", "--group", "g-reconciler"),
    }


def test_only_the_people_and_nobody_else_may_give_commands(path: Path) -> None:
    """Fails when the registry lets a service write commands: whoever has its user could order in a person's name."""
    told = json.loads(rollcall(path, "topics", "acls", "--json").out)
    writes = [one["service"] for one in told if (one["resource"], one["operation"]) == ("t-operator-commands", "WRITE")]
    assert writes == ["cli"]
    writes = [one["service"] for one in told if (one["resource"], one["operation"]) == ("t-students-assessed", "WRITE")]
    assert writes == ["eligibility"]


def test_everybody_is_printed_with_a_principal_of_ones_own(path: Path) -> None:
    said = rollcall(path, "topics", "acls", "--principal", "User:CN={service}.example")
    assert {one[0] for one in given(said.out)} == {f"User:CN={name}.example" for name in USERS}


def test_a_service_that_there_is_not_is_named_with_those_that_there_are(path: Path) -> None:
    said = rollcall(path, "topics", "acls", "portal")
    assert said.code == 2
    assert "reconciler" in said.err


def test_json_has_every_right_once(path: Path) -> None:
    told = json.loads(rollcall(path, "topics", "acls", "publisher", "--json").out)
    assert len({json.dumps(one) for one in told}) == len(told)
    assert set(told[0]) == {"service", "kind", "resource", "operation", "principal"}
    assert len(told) == len(rights_of(a_config(path.parent), "publisher"))
