"""The demonstration's eyes and hands, without Kafka: what it makes of records, and what it says of a process."""

import io
import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
from rich.console import Console

from services.sandbox.demo import story
from services.sandbox.demo import world as world_module
from services.sandbox.demo.adoption import yes_to
from services.sandbox.demo.oracle import Oracle
from services.sandbox.demo.plan import DemoFailed, Plan
from services.sandbox.demo.programs import Programs
from services.sandbox.demo.screen import Screen, progress_table
from services.sandbox.demo.story import Story, Told
from services.sandbox.demo.waiting import Patience
from services.sandbox.demo.watch import Watch
from services.sandbox.demo.world import World
from services.sandbox.schools.school import make_school
from services.sandbox.servers.brokers import Addresses
from shared.config.settings import Config
from shared.contract.topics import ACCOUNT_CHANGES, DELIVERIES, STUDENTS_ASSESSED, STUDENTS_FETCHED

SIZES = {"abbey": 2}


class Message:
    """As the client hands one over."""

    def __init__(self, topic: str, key: str, event: str, **value: Any) -> None:
        self._topic, self._key, self._event, self._value = topic, key, event, value

    def topic(self) -> str:
        return f"demo-{self._topic}"

    def key(self) -> bytes:
        return self._key.encode()

    def headers(self) -> list[tuple[str, bytes]]:
        return [("ce_type", f"rollcall.{self._event}.v1".encode())]

    def value(self) -> bytes:
        return msgspec.json.encode(self._value)


def a_watch(*messages: Message) -> Watch:
    watch = Watch({}, "demo-", SIZES)
    for message in messages:
        watch.take(message)
    return watch


FETCHED = Message(STUDENTS_FETCHED, "abbey/1", "student_fetched", school="abbey", student={"student_id": "1"})
ASSESSED = Message(STUDENTS_ASSESSED, "abbey/1", "student_assessed", account="eligible", kind="student")
PROVISIONED = Message(ACCOUNT_CHANGES, "abbey/1", "account_provisioned", version=3)
DISABLED = Message(ACCOUNT_CHANGES, "abbey/1", "account_disabled", version=9)
ACCEPTED = Message(DELIVERIES, "abbey", "snapshot_accepted", number=1)
HELD = Message(DELIVERIES, "abbey", "snapshot_held", kind="hold", reasons=[{"code": "not_adopted"}])
STARTED = Message(STUDENTS_FETCHED, "abbey", "sweep_started", sweep="s1", started_at="2026-11-22T14:00:00.000Z")
RECONCILED = Message(ACCOUNT_CHANGES, "abbey", "sweep_reconciled", sweep="s1", outcome="failed", reason="page_missing")


@pytest.mark.parametrize(
    ("messages", "service"),
    [
        pytest.param([], "fetcher", id="never fetched"),
        pytest.param([FETCHED], "eligibility", id="no verdict"),
        pytest.param([FETCHED, ASSESSED], "reconciler", id="no change"),
        pytest.param([FETCHED, ASSESSED, PROVISIONED], "publisher", id="no snapshot"),
        pytest.param([FETCHED, ASSESSED, PROVISIONED, ACCEPTED], "unitu", id="nobody but Unitu"),
    ],
)
def test_the_first_that_has_said_nothing_is_late(messages: list[Message], service: str) -> None:
    before = time.time()
    assert a_watch(*messages).silent_since("abbey", "1", before) == service


def test_what_was_said_before_the_moment_does_not_count() -> None:
    assert a_watch(FETCHED, ASSESSED).silent_since("abbey", "1", time.time() + 1) == "fetcher"


def test_a_disabled_account_is_counted_no_more() -> None:
    progress = a_watch(PROVISIONED, DISABLED).schools["abbey"]
    assert progress.enabled == set()
    assert progress.changes == {"1": ["account_provisioned", "account_disabled"]}


@pytest.mark.parametrize("messages", [[STARTED, RECONCILED], [RECONCILED, STARTED]], ids=["in order", "out of order"])
def test_a_sweep_is_known_once_its_start_and_its_end_are(messages: list[Message]) -> None:
    (sweep,) = a_watch(*messages).schools["abbey"].sweeps()
    assert (sweep.outcome, sweep.reason) == ("failed", "page_missing")


def test_another_school_of_the_same_cluster_is_passed_over() -> None:
    watch = a_watch(Message(STUDENTS_FETCHED, "elsewhere/1", "student_fetched"))
    assert list(watch.schools) == ["abbey"]


def test_the_table_tells_what_holds_a_snapshot() -> None:
    watch = a_watch(FETCHED, ASSESSED, PROVISIONED, HELD)
    said = io.StringIO()
    Console(file=said, width=120).print(progress_table(SIZES, watch.schools))
    words = " ".join(said.getvalue().splitlines()[-1].split())
    assert words == "abbey 2 1 1 eligible 1 0 (held for a person)"


def test_names_are_no_markup() -> None:
    said = io.StringIO()
    screen = Screen(Console(file=said, width=120))
    screen.say("[bold]Zoë[/bold]", "O'Dell :smile:")
    assert "[bold]Zoë[/bold]\n         O'Dell :smile:\n" in said.getvalue()


def test_a_program_that_ends_by_itself_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    programs = Programs(tmp_path)
    programs.start("fetcher", "no_such_module_of_ours")
    try:
        with pytest.raises(DemoFailed, match="fetcher ended by itself") as failed:
            Patience(programs.check).until(lambda: False, 20.0, "nothing")
    finally:
        programs.kill()
    assert failed.value.log_name == "fetcher"
    assert "No module named no_such_module_of_ours" in failed.value.log_lines[-1]


def test_who_is_late_is_named_with_their_log(tmp_path: Path) -> None:
    log = tmp_path / "publisher.log"
    log.write_text("\n".join(f"line {number}" for number in range(100)))
    with pytest.raises(DemoFailed, match="a snapshot: not within 0 s; waiting for the publisher") as failed:
        Patience().until(lambda: None, 0.0, "a snapshot", lambda: ("the publisher", log))
    assert (failed.value.log_name, failed.value.log_lines[-1]) == ("publisher", "line 99")


def test_the_largest_school_has_three_pages() -> None:
    assert Plan(sizes={"abbey": 12, "birch": 20, "castle": 31}).page_size == 11


def test_nobody_runs_any_more_when_what_they_made_is_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails when it is taken away first: a service that had only begun made its topics again."""
    did: list[str] = []
    world = World(Plan(sizes=SIZES, brokers=Addresses("", "")), did.append)
    world.folder.mkdir()
    world.config = Config()
    world.programs = cast(Programs, SimpleNamespace(stop=lambda: did.append("asked"), kill=lambda: did.append("ended")))
    monkeypatch.setattr(world_module, "leave_nothing", lambda *_: did.append("taken away"))
    world.__exit__(None, None, None)
    assert did[:3] == ["asked", "ended", "taken away"]
    assert not world.folder.exists()


def test_a_verdict_that_is_read_after_the_end_of_its_sweep_is_waited_for(tmp_path: Path) -> None:
    told = a_blanked_email(tmp_path, ["undecided"])
    assert told.came == "nothing: undecided is no leaver, the account stays enabled"


def test_a_blanked_email_that_gets_another_verdict_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(story, "SECONDS", 0.2)
    with pytest.raises(DemoFailed, match=r"the verdict undecided of .*; waiting for the eligibility"):
        a_blanked_email(tmp_path, ["eligible"])


def a_blanked_email(folder: Path, verdicts: list[str]) -> Told:
    """What the story says of it, where the sweep's end is read first and each verdict at a later look."""
    plan = Plan(sizes={"abbey": 12, "birch": 12, "castle": 12})
    schools = {slug: make_school(slug, 12, plan.seed) for slug in plan.sizes}
    castle = schools["castle"].students
    watch = Watch({}, "demo-", plan.sizes)
    coming = [
        Message(STUDENTS_ASSESSED, f"castle/{one.school_id}", "student_assessed", account=verdict)
        for verdict in verdicts
        for one in castle
    ]

    def change(*_: Any, **__: Any) -> None:
        later = datetime.now(UTC) + timedelta(hours=1)
        started = f"{later:%Y-%m-%dT%H:%M:%S}.000Z"
        watch.take(Message(STUDENTS_FETCHED, "castle", "sweep_started", sweep="s2", started_at=started))
        watch.take(Message(ACCOUNT_CHANGES, "castle", "sweep_reconciled", sweep="s2", outcome="certified", reason=""))

    def look() -> None:
        for message in coming:
            watch.take(message)
        coming.clear()

    world = SimpleNamespace(
        plan=plan,
        schools=schools,
        isams={"castle": SimpleNamespace(change=change, dump=dict)},
        unitu={"castle": SimpleNamespace(enabled=lambda: {one.school_email_address for one in castle})},
        programs=SimpleNamespace(log=lambda service: folder / f"{service}.log"),
    )
    oracles = {"castle": SimpleNamespace(see=lambda _: None)}
    return Story(cast(World, world), watch, cast(dict[str, Oracle], oracles), Patience(look)).blanked_email()


def test_the_demo_says_yes_to_what_it_was_shown() -> None:
    told = {"bound": "abcdef0123456789", "concerns": [{"word": "most-would-go", "message": "…"}], "is_adopted": False}
    assert yes_to("a line before\n" + json.dumps(told) + "\n") == "--accept most-would-go --yes abcdef012345"
