"""``rollcall check``: its exit codes, and what it prints."""

import json
from pathlib import Path

import pytest

from services.operations.check import findings
from services.operations.check.findings import Finding
from services.operations.check.sample import State
from shared.config.settings import Config
from tests.harness.pipeline import a_config
from tests.unit.cli.words import rollcall


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return a_config(tmp_path)


@pytest.mark.parametrize(
    ("state", "verdict", "code"),
    [(State.OK, "fine", 0), (State.DEGRADED, "degraded", 1), (State.FAILED, "cannot sync", 2)],
)
def test_the_worst_finding_is_the_exit_code(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: State, verdict: str, code: int
) -> None:
    async def schools(config: Config, slugs: list[str]) -> list[Finding]:
        return [Finding(f"school {slug}", "students", state, "readable", "") for slug in slugs]

    monkeypatch.setattr(findings, "of_kafka", lambda config: [])
    monkeypatch.setattr(findings, "of_redis", lambda config: [])
    monkeypatch.setattr(findings, "of_schools", schools)
    said = rollcall(tmp_path / "rollcall.toml", "check", "--json")
    told = json.loads(said.out)
    assert (said.code, told["verdict"]) == (code, verdict)
    assert [one["part"] for one in told["findings"]] == ["secrets", "school abbey", "tenant abbey", "tenant abbey"]
    said = rollcall(tmp_path / "rollcall.toml", "check", "abbey")
    assert said.code == code
    assert verdict in said.out + said.err


def test_an_unknown_school_is_a_wrong_word(config: Config, tmp_path: Path) -> None:
    assert rollcall(tmp_path / "rollcall.toml", "check", "oakham").code == 2
