"""The frame of every verb: the configuration, errors as words and exit codes, help."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from services.cli.main import VERBS, config_first
from tests.harness.pipeline import a_config
from tests.unit.cli.words import rollcall


@pytest.fixture
def path(tmp_path: Path) -> Path:
    a_config(tmp_path)
    return tmp_path / "rollcall.toml"


def test_help_names_every_verb() -> None:
    said = rollcall(None, "--help")
    assert said.code == 0
    for verb in VERBS:
        assert f" {verb} " in said.out


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(verb: str) -> None:
    said = rollcall(None, verb, "--help")
    assert said.code == 0
    assert "Usage" in said.out


def test_a_refused_configuration_is_told_line_by_line_and_is_exit_code_2(path: Path) -> None:
    path.write_text(path.read_text().replace("partitions", "lanes") + "\n[nonsense]\n")
    said = rollcall(path, "topics", "list")
    assert (said.code, said.out) == (2, "")
    assert "kafka.lanes" in said.err
    assert "nonsense" in said.err


def test_errors_are_problem_details_where_programs_read(path: Path) -> None:
    path.write_text(path.read_text().replace("partitions", "lanes") + "\n[nonsense]\n")
    said = rollcall(path, "topics", "list", "--json")
    problem = json.loads(said.err)
    assert (said.code, said.out) == (2, "")
    assert problem["type"] == "urn:rollcall:problem:config-error"
    assert problem["title"] == "Config error"
    assert len(problem["faults"]) == 2
    assert problem["detail"] == "\n".join(problem["faults"])


def test_the_configuration_may_be_named_by_the_environment(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLCALL_CONFIG", str(path))
    assert rollcall(None, "topics", "list").code == 0


def test_a_configuration_that_is_not_there_is_told(tmp_path: Path) -> None:
    said = rollcall(tmp_path / "none.toml", "topics", "list")
    assert said.code == 2
    assert "none.toml: does not exist" in said.err


@pytest.mark.parametrize(
    ("words", "sorted_words"),
    [
        (["run", "all", "--config", "x"], ["--config", "x", "run", "all"]),
        (["run", "--config=x", "all"], ["--config=x", "run", "all"]),
        (["run", "--", "--config", "x"], ["run", "--", "--config", "x"]),
        (["run", "--config"], ["--config", "run"]),
    ],
)
def test_the_configuration_may_stand_anywhere(words: list[str], sorted_words: list[str]) -> None:
    assert config_first(words) == sorted_words


def test_a_wrong_word_is_exit_code_2() -> None:
    assert rollcall(None, "nonsense").code == 2
    assert rollcall(None, "run", "nonsense").code == 2


def test_the_version_is_told() -> None:
    assert rollcall(None, "--version").out.startswith("rollcall 0.")


def test_a_verb_imports_no_client_before_it_runs() -> None:
    """So that help is quick, and what one verb needs cannot break another."""
    program = "import sys; import services.cli.main as m\nfor v in ('run', 'topics', 'holds', 'rebuild', 'check'):\n"
    program += " m._command(v, m.VERBS[v])\n"
    program += "print(sorted({'kafka', 'redis', 'confluent_kafka', 'httpx2', 'faststream'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
