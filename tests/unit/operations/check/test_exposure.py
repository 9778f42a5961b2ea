"""What `rollcall check` says of secrets that everybody knows, and of files that others may read."""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.operations.check.exposure import MADE_UP, of_exposure, open_to_others
from services.operations.check.sample import State
from shared.config.load import files_to_keep, load
from shared.config.secret_values import secrets_of
from shared.config.settings import Config

ROOT = Path(__file__).parents[4]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
FILE = """
[operators]
key = { env = "OPERATORS" }
[fetcher]
photos_folder = "photos"
[tenants.abbey]
api_key = { file = "unitu.key" }
protected = "people.json"
[schools.abbey]
tenant = "abbey"
source = "push"
api_key = { env = "PUSH_KEY" }
"""
pytestmark = pytest.mark.skipif(os.name == "nt", reason="no modes there")


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where everybody may go: the tests' own folders are for their owner alone."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    folder.chmod(0o755)
    (folder / "rollcall.toml").write_text(FILE)
    (folder / "unitu.key").write_text("a-key-of-unitu\n")
    (folder / "people.json").write_text("{}")
    (folder / "photos").mkdir()
    for name, mode in (("unitu.key", 0o600), ("people.json", 0o640), ("photos", 0o700)):
        (folder / name).chmod(mode)
    yield folder
    shutil.rmtree(folder)


def found(folder: Path, **variables: str) -> list[tuple[str, State, str, str]]:
    path, environ = folder / "rollcall.toml", {"PUSH_KEY": "a-push-key", "OPERATORS": "k" * 24, **variables}
    told = of_exposure(load(path, environ), files_to_keep(path, environ))
    return [(one.what, one.state, one.message, one.fix) for one in told]


def test_what_only_its_owner_and_group_may_read_is_fine(folder: Path) -> None:
    assert [(what, state) for what, state, _, _ in found(folder)] == [("kept", State.OK)]


@pytest.mark.parametrize(
    ("name", "mode", "setting"),
    [
        ("unitu.key", 0o644, "tenants.abbey.api_key"),
        ("unitu.key", 0o602, "tenants.abbey.api_key"),
        ("people.json", 0o604, "tenants.abbey.protected"),
    ],
)
def test_a_file_that_others_may_use_is_told_with_its_setting(folder: Path, name: str, mode: int, setting: str) -> None:
    (folder / name).chmod(mode)
    ((what, state, message, fix),) = found(folder)
    assert (what, state) == (setting, State.DEGRADED)
    assert message == f"others on this machine may use {folder / name} (mode {mode:o})"
    assert fix == f"chmod o= {folder / name}"


@pytest.mark.parametrize(("mode", "state"), [("dry-run", State.OK), ("live", State.DEGRADED), ("paused", State.OK)])
def test_without_the_operators_key_that_is_told(folder: Path, mode: str, state: State) -> None:
    text = FILE.replace('[operators]\nkey = { env = "OPERATORS" }\n', "")
    text = text.replace("[tenants.abbey]", f'[tenants.abbey]\nstaff = "not-in-unitu"\nmode = "{mode}"')
    (folder / "rollcall.toml").write_text(text)
    _, (what, found_state, message, fix) = found(folder)
    assert (what, found_state, fix) == ("key", state, "set key under [operators]")
    assert "can adopt a roster" in message


def test_a_file_that_the_environment_names_is_looked_at_too(folder: Path) -> None:
    (folder / "other").write_text("another-key")
    (folder / "other").chmod(0o644)
    told = found(folder, ROLLCALL__SCHOOLS__ABBEY__API_KEY='{ file = "other" }')
    assert [what for what, *_ in told] == ["schools.abbey.api_key"]


def test_what_lies_below_a_closed_folder_is_nobodys(folder: Path) -> None:
    (folder / "unitu.key").chmod(0o644)
    folder.chmod(0o750)
    assert [what for what, *_ in found(folder)] == ["kept"]


@pytest.mark.parametrize("mode", [0o755, 0o701])
def test_a_folder_of_photos_of_an_earlier_release_is_told(folder: Path, mode: int) -> None:
    (folder / "photos").chmod(mode)
    _, (what, state, message, fix) = found(folder)
    assert (what, state, fix) == ("photos", State.DEGRADED, f"chmod -R go= {folder / 'photos'}")
    assert f"(mode {mode:o})" in message


def test_a_folder_of_photos_that_is_not_there_yet_is_fine(folder: Path) -> None:
    (folder / "photos").rmdir()
    assert len(found(folder)) == 1


def test_what_is_not_there_is_open_to_nobody(folder: Path) -> None:
    assert open_to_others(folder / "nothing", stat.S_IROTH) == 0


def test_a_secret_that_everybody_can_read_in_the_compose_file_is_told(folder: Path) -> None:
    ((what, state, message, fix),) = found(folder, PUSH_KEY="made-up-northern-push-key")
    assert (what, state) == ("schools.abbey.api_key", State.DEGRADED)
    assert "docker-compose.yml" in message
    assert "give a real one" in fix
    assert "made-up-northern-push-key" not in message + fix


def test_those_that_are_known_are_those_that_the_compose_file_has() -> None:
    given = COMPOSE["services"]["fetcher"]["environment"]
    made_up = {name: value[2:-1].split(":-", 1)[1] for name, value in given.items() if str(value).startswith("${")}
    assert set(made_up.values()) == MADE_UP
    config = load(ROOT / "docker" / "rollcall.toml", {**given, **made_up})
    assert {secret.get_secret_value() for secret in secrets_of(config).values()} == MADE_UP


def test_every_secret_of_the_configuration_is_looked_at(folder: Path) -> None:
    (folder / "rollcall.toml").write_text(
        FILE + '[redis]\npassword = { env = "R" }\n[kafka]\nsasl_password = { file = "unitu.key" }\n'
    )
    config: Config = load(folder / "rollcall.toml", {"PUSH_KEY": "p", "R": "r", "OPERATORS": "k" * 24})
    assert set(secrets_of(config)) == {
        "redis.password",
        "kafka.sasl_password",
        "operators.key",
        "tenants.abbey.api_key",
        "schools.abbey.api_key",
    }
