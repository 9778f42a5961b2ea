"""Which lanes are rebuilt, and what happens when a running reconciler moves one meanwhile."""

from pathlib import Path
from typing import Any

import pytest

from services.cli import rebuild as verb
from services.cli.rebuild import TRIES, rebuild_lane
from shared.contract.account_state import LaneState
from shared.contract.codec import encode
from shared.errors import PositionMoved, Retryable
from shared.lanes.partition import lane_of
from shared.lanes.stretch import Stretch
from shared.memory import MemoryFencedHashes
from tests.harness.builders import SCHOOL
from tests.harness.pipeline import a_config
from tests.unit.cli.words import rollcall


class Edges:
    def edges(self, topic: str, lane: int) -> tuple[int, int]:
        return 0, 10


class Busy:
    """A rebuilder whose lane somebody else moves the first so many times."""

    def __init__(self, store: MemoryFencedHashes, moves: int) -> None:
        self.store = store
        self.moves = moves

    def __call__(self, lane: int, old: LaneState | None, there: Stretch, reason: str) -> None:
        self.moves -= 1
        if self.moves >= 0:
            raise PositionMoved("another owner was faster")
        self.store.records[lane] = encode(LaneState(lane=lane, position=there.end, students=20))


def rebuilt(moves: int, monkeypatch: pytest.MonkeyPatch) -> LaneState:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    store = MemoryFencedHashes()
    rebuilder: Any = Busy(store, moves)
    reader: Any = Edges()
    return rebuild_lane(rebuilder, store, reader, 3)


@pytest.mark.parametrize("moves", [0, 1, TRIES - 1])
def test_a_lane_that_moves_is_read_again(moves: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert rebuilt(moves, monkeypatch) == LaneState(lane=3, position=10, students=20)


def test_a_lane_that_never_rests_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Retryable, match="in a quiet moment"):
        rebuilt(TRIES, monkeypatch)


def test_a_record_that_cannot_be_read_is_no_reason_not_to_rebuild() -> None:
    store = MemoryFencedHashes()
    store.records[3] = b"torn"
    rebuilder: Any = Busy(store, 0)
    reader: Any = Edges()
    assert rebuild_lane(rebuilder, store, reader, 3).students == 20


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

    def note(config: object, lanes: list[int]) -> list[LaneState]:
        asked.extend(lanes)
        return [LaneState(lane=lane, position=0) for lane in lanes]

    monkeypatch.setattr(verb, "rebuild_lanes", note)
    assert rollcall(path, "rebuild", *words, "--yes").code == 0
    assert asked == lanes


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
