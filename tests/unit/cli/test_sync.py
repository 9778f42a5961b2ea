"""``rollcall sync``: its words, its exit codes, what it prints."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.operations import commands
from services.operations.errors import Code, OperationError
from services.operations.requests import follow, sync
from services.operations.requests.model import Look, RequestDelivery, State
from services.operations.requests.outcome import outcome_of
from services.operations.requests.progress import Step
from services.operations.tenants import desk
from shared.memory import MemoryLog
from tests.harness.pipeline import a_config
from tests.unit.cli.words import Said, rollcall
from tests.unit.operations.requests.test_progress import ADA, World, updated
from tests.unit.operations.requests.test_sync import PUSHED, Nowhere


class Operator:
    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        a_config(folder)
        self.path = folder / "rollcall.toml"
        self.out = MemoryLog()
        self.end: Look | OperationError = Look(Step.ASKED)
        monkeypatch.setattr(sync, "Reader", Nowhere)
        monkeypatch.setattr(commands, "KafkaLog", lambda config: self.out)
        monkeypatch.setattr(self.out, "close", lambda: None, raising=False)
        monkeypatch.setattr(follow, "follow", self._follow)
        monkeypatch.setattr(desk, "desk_of", Nowhere)

    def _follow(self, *_: Any) -> Iterator[Look]:
        yield Look(Step.READING, "the sweep to end")
        if isinstance(self.end, OperationError):
            raise self.end
        yield self.end

    def ends(self, state: State) -> None:
        world = World()
        world.starts("s1", 11)
        world.tell("account-changes", updated(60), key=f"abbey/{ADA}", sweep="s1")
        world.closes("s1", "certified")
        outcome = outcome_of(world.progress, 0, RequestDelivery("abbey", "live", state, 7), (), None)
        self.end = Look(Step.DELIVERED, outcome=outcome)

    def say(self, *words: str) -> Said:
        return rollcall(self.path, "sync", *words)


@pytest.fixture
def operator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Operator:
    return Operator(tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("nowhere",), "no school 'nowhere'"),
        (("abbey", "--student", "../7"), "is no id; it is the schoolId"),
        (("abbey", "--student", "7", "--full"), "one of them"),
        (("uni", "--wait"), "uni is pushed: its sender decides when"),
    ],
)
def test_wrong_words_are_told_before_anything_is_asked(operator: Operator, words: tuple[str, ...], told: str) -> None:
    operator.path.write_text(operator.path.read_text() + PUSHED)
    said = operator.say(*words)
    assert (said.code, operator.out.messages) == (2, [])
    assert told in said.err


def test_without_waiting_it_says_what_was_asked_for(operator: Operator) -> None:
    assert operator.say("abbey") == Said(0, "Asked for: abbey.\n", "")
    told = json.loads(operator.say("abbey", "--student", "7", "--json").out)
    assert list(told) == ["school", "people", "student_id", "request", "is_asked_for"]


@pytest.mark.parametrize(
    ("state", "code", "words"),
    [
        ("accepted", 0, "Unitu accepted snapshot 7, which carries it."),
        ("simulated", 0, "Tenant abbey is dry-run: the snapshot was rehearsed"),
        ("nothing_to_send", 0, "Nothing changed"),
        ("paused", 3, "tenant abbey is paused"),
        ("undelivered", 3, "changed e-mails wait for a release"),
    ],
)
def test_what_came_of_it_decides_the_exit_code(operator: Operator, state: State, code: int, words: str) -> None:
    operator.ends(state)
    said = operator.say("abbey", "--wait")
    assert (said.code, words in said.out + said.err) == (code, True)
    assert f"  {ADA}: account updated year" in said.out
    told = json.loads(operator.say("abbey", "--wait", "--json").out)
    assert list(told) == [
        *("school", "people", "student_id", "request", "sweep", "read_at", "roll_count", "verdict", "is_staged"),
        *("is_paused", "counts", "changes", "held", "delivery", "waits_for"),
    ]


@pytest.mark.parametrize(("code", "exit_code"), [(Code.UNKNOWN_STUDENT, 2), (Code.NOT_READ, 1), (Code.TOO_LONG, 1)])
def test_what_was_not_read_is_told(operator: Operator, code: Code, exit_code: int) -> None:
    operator.end = OperationError(code, "abbey: why")
    said = operator.say("abbey", "--wait")
    assert (said.code, said.out, said.err) == (exit_code, "", "abbey: why\n")
