"""``rollcall rebuild``: which lanes are meant, and what is said before."""

import json
from pathlib import Path

import pytest

from services.operations import rebuild as operation
from services.operations.rebuild import LaneRebuilt
from shared.lanes.partition import lane_of
from tests.harness.builders import SCHOOL
from tests.harness.pipeline import a_config
from tests.unit.cli.words import rollcall


@pytest.fixture
def path(tmp_path: Path) -> Path:
    a_config(tmp_path, schools=(SCHOOL, "oakham"))
    path = tmp_path / "rollcall.toml"
    path.write_text(path.read_text().replace("partitions = 1", "partitions = 12"))
    return path


@pytest.mark.parametrize(
    ("words", "lanes"),
    [
        ((), list(range(12))),
        (("--lane", "4"), [4]),
        (("--school", "oakham"), [lane_of("oakham", 12)]),
    ],
)
def test_the_lanes_are_those_that_were_named(
    path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], lanes: list[int]
) -> None:
    asked: list[int] = []

    def note(config: object, lanes: list[int]) -> list[LaneRebuilt]:
        asked.extend(lanes)
        return [LaneRebuilt(lane=lane, schools=("oakham",), students=3, position=0) for lane in lanes]

    monkeypatch.setattr(operation, "rebuild", note)
    assert rollcall(path, "rebuild", *words, "--yes").code == 0
    assert asked == lanes
    assert json.loads(rollcall(path, "rebuild", *words, "--yes", "--json").out)[0]["schools"] == ["oakham"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--lane", "12"), "no lane 12; there are 0 to 11"),
        (("--school", "nowhere"), "no school 'nowhere'"),
        (("--lane", "1", "--school", "oakham"), "one of them"),
    ],
)
def test_a_lane_that_is_not_there_is_a_wrong_word(path: Path, words: tuple[str, ...], told: str) -> None:
    said = rollcall(path, "rebuild", *words, "--yes")
    assert said.code == 2
    assert told in said.err


def test_what_would_be_done_is_told_before_it_is(path: Path) -> None:
    said = rollcall(path, "rebuild", "--school", "oakham")
    assert said.code == 1
    assert f"say --yes to rebuild lane {lane_of('oakham', 12)}" in said.err
    assert "oakham" in said.err
