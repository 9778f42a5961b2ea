"""What happens when a running reconciler moves a lane while it is rebuilt, and which lanes are meant."""

from pathlib import Path
from threading import Event
from typing import Any

import pytest

from services.operations import rebuild as operation
from services.operations.errors import Code, OperationError
from services.operations.rebuild import TRIES, chosen, rebuild, rebuild_lane, schools_in
from services.reconciler import app
from shared.contract.account_state import LaneState
from shared.contract.codec import encode
from shared.errors import PositionMoved, Retryable
from shared.lanes.partition import lane_of
from shared.lanes.stretch import Stretch
from shared.memory import MemoryFencedHashes
from tests.harness.builders import SCHOOL
from tests.harness.pipeline import a_config


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
    monkeypatch.setattr(operation, "backoff", lambda attempt, cap: 0.0)
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


class Nothing:
    """A Kafka that has nothing to say."""

    def __init__(self, config: object) -> None: ...

    def __enter__(self) -> Edges:
        return Edges()

    def __exit__(self, *_: object) -> None: ...

    def __call__(self, topic: str) -> str:
        return "id"

    def close(self) -> None: ...


def test_each_lane_is_told_when_it_is_done_and_who_waits_may_stop_between_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = MemoryFencedHashes()
    for name in ("Reader", "KafkaLog", "TopicIds"):
        monkeypatch.setattr(operation, name, Nothing)
    monkeypatch.setattr(app, "store_of", lambda config: store)
    monkeypatch.setattr(app, "rebuilder_of", lambda config, store, out: Busy(store, 0))
    config, stop = a_config(tmp_path), Event()
    done = rebuild(config, [0, 1, 2], stop)
    first = next(done)
    assert (first.lane, first.schools, first.students, first.position) == (0, (SCHOOL,), 20, 10)
    stop.set()
    assert [*done] == []
    assert set(store.records) == {0}


@pytest.mark.parametrize(
    ("lane", "school", "words"),
    [(12, None, "no lane 12; there are 0 to 11"), (None, "x", "no school 'x'"), (1, SCHOOL, "one of them")],
)
def test_a_lane_that_is_not_there_is_refused(tmp_path: Path, lane: int | None, school: str | None, words: str) -> None:
    config = a_config(tmp_path)
    config = config.model_copy(update={"kafka": config.kafka.model_copy(update={"partitions": 12})})
    with pytest.raises(OperationError, match=words) as told:
        chosen(config, lane, school)
    assert told.value.code is Code.WRONG_WORD
    assert chosen(config, school=SCHOOL) == [lane_of(SCHOOL, 12)]
    assert (len(chosen(config)), chosen(config, 11)) == (12, [11])
    assert schools_in(config, range(12)) == [SCHOOL]
