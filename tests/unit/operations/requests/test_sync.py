"""A wish to have somebody read: what cannot be meant is refused, and what is published says who asks and why."""

import json
from pathlib import Path
from typing import Any

import pytest

from services.operations import commands
from services.operations.errors import Code, OperationError
from services.operations.requests import sync
from services.operations.requests.model import SyncWish
from services.operations.requests.progress import TOPICS
from shared.config.load import load
from shared.config.settings import Config
from shared.memory import MemoryLog
from tests.harness.pipeline import a_config

PUSHED = '\n[schools.uni]\ntenant = "abbey"\nsource = "push"\napi_key = { file = "secret" }\n'


class Nowhere:
    """A Kafka of whose topics each has seven records."""

    def __init__(self, config: Config) -> None: ...

    def __enter__(self) -> "Nowhere":
        return self

    def __exit__(self, *_: object) -> None: ...

    def edges(self, topic: str, lane: int) -> tuple[int, int]:
        return 0, 7

    def read(self, *_: Any) -> list[Any]:
        return []


@pytest.fixture
def out(monkeypatch: pytest.MonkeyPatch) -> MemoryLog:
    out = MemoryLog()
    monkeypatch.setattr(sync, "Reader", Nowhere)
    monkeypatch.setattr(commands, "KafkaLog", lambda config: out)
    monkeypatch.setattr(out, "close", lambda: None, raising=False)
    return out


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        (SyncWish("nowhere"), "no school 'nowhere'"),
        (SyncWish("abbey", student_id="../7"), "is no id; it is the schoolId"),
        (SyncWish("abbey", student_id="7", full=True), "one of them"),
        (SyncWish("abbey", "staff"), "are not managed"),
        (SyncWish("uni"), "uni is pushed: its sender decides when"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_asked(
    tmp_path: Path, out: MemoryLog, wish: SyncWish, words: str
) -> None:
    a_config(tmp_path)
    path = tmp_path / "rollcall.toml"
    path.write_text(path.read_text() + PUSHED)
    with pytest.raises(OperationError, match=words) as told:
        sync.request(load(path, {}), wish, "kim")
    assert (told.value.code, out.messages) == (Code.WRONG_WORD, [])


@pytest.mark.parametrize(("note", "reason"), [("", "rollcall sync by kim"), ("moved", "rollcall sync by kim: moved")])
def test_a_wish_is_published_with_who_asks_and_why(tmp_path: Path, out: MemoryLog, note: str, reason: str) -> None:
    requested = sync.request(a_config(tmp_path), SyncWish("abbey", student_id="7"), "kim", note)
    [message] = out.messages
    told = json.loads(message.value or b"")
    assert (told["school"], told["student_id"], told["reason"]) == ("abbey", "7", reason)
    assert dict(message.headers)["ce_id"] == requested.receipt.id.encode()
    assert (requested.receipt.topic, requested.receipt.operator) == ("sync-requests", "kim")
    assert requested.starts == dict.fromkeys(TOPICS, 7)
    assert requested.progress().request == requested.receipt.id
