"""`rollcall status` of a school whose record system refuses: the real worker, adapter and command line, and a twin."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from services.fetcher.isams.client import Isams
from services.fetcher.population import School
from services.fetcher.sweep.scheduler import Rounds
from services.operations.holds.holdings import Holdings
from services.sandbox.isams.twin import isams_app
from services.sandbox.schools.school import make_school
from services.sandbox.servers.serve import Server
from services.sandbox.twin_client import IsamsTwin
from shared.clock import utc_now
from shared.memory import MemoryLog
from tests.harness.builders import a_student, a_sweep
from tests.harness.pipeline import Road, a_config
from tests.unit.cli.looks import MemoryLooks
from tests.unit.cli.words import Said, rollcall
from tests.unit.fetcher.conftest import Impatient
from tests.unit.fetcher.sweep.test_scheduler import until
from tests.unit.fetcher.world import settings

STUDENTS = "/api/students"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server(isams_app()).start()
    yield server
    server.stop()


@pytest.fixture
def twin(server: Server) -> Iterator[IsamsTwin]:
    school = msgspec.to_builtins(make_school("abbey", 60, 1), str_keys=True)
    with IsamsTwin(server.url, "abbey") as twin:
        twin.load(school, client_id="made-up", client_secret="made-up")
        yield twin
        twin.clear_faults()


class Desk:
    """An operator whose school was fresh a moment ago, and a fetcher that reads it now."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        config = a_config(folder)
        self.path = folder / "rollcall.toml"
        self.road = Road(config)
        self.road.fetch(a_sweep("s1", [a_student("3050000001")], full=True))
        self.road.run()
        self.looks, self.out = MemoryLooks(), MemoryLog()
        monkeypatch.setattr(
            "services.operations.holds.holdings.holdings_of", lambda config: Holdings(self.road.store, 1)
        )
        monkeypatch.setattr("services.operations.attempts.looks_of", lambda config: self.looks)

    async def reads(self, twin: IsamsTwin, attempts: int = 1, **changes: Any) -> None:
        """The real worker, until so many attempts have failed, or one went well."""
        config = settings(**{"base_url": twin.base_url, "poll_seconds": 1, "timeout_seconds": 0.5} | changes)
        source = Isams(config, Impatient())
        schools = {"abbey": School("abbey", config, 0, source)}
        memory, stop = self.looks.memory, asyncio.Event()
        rounds = Rounds(schools, self.looks.due, self.out, memory, utc_now, 1, jitter=lambda: 1.0)
        running = asyncio.create_task(rounds.run(stop))

        def is_over() -> bool:
            state, failing = memory.glance("abbey")
            return state.completed_at is not None if failing is None else failing.attempts >= attempts

        await until(is_over)
        stop.set()
        await running
        await source.close()

    def says(self, *words: str) -> Said:
        return rollcall(self.path, "status", *words)

    def told(self) -> dict[str, Any]:
        (one,) = json.loads(self.says("--json").out)
        return next(it for it in one["troubles"] if it["state"] == "failing")  # type: ignore[no-any-return]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("levers", "changes", "why", "to_do"),
    [
        pytest.param(
            {"kind": "status", "status": 403, "path": STUDENTS, "text": "You are not authorised."},
            {},
            'refused: iSAMS refuses /api/students (403) (it says: "You are not authorised.")',
            "give this client the permission Student Manager",
            id="403",
        ),
        pytest.param(
            {"kind": "status", "status": 200, "path": STUDENTS, "text": "not authorised"},
            {},
            '(it says: "not authorised")',
            "give this client the permission",
            id="200 and a message",
        ),
        pytest.param(
            {"kind": "edge", "path": "*"}, {}, "something before iSAMS", "let this machine's address in", id="an edge"
        ),
        pytest.param(None, {"client_id": "another"}, "client_secret is wrong", "ask the school", id="a wrong secret"),
        pytest.param({"kind": "hang", "path": STUDENTS}, {}, "gave no answer in 0.5 s", "base_url", id="time-outs"),
        pytest.param(None, {"base_url": "http://127.0.0.1:9"}, "unreachable: ", "see base_url", id="nobody there"),
        pytest.param(
            {"kind": "status", "status": 500, "path": STUDENTS}, {}, "status 500", "rollcall check abbey", id="500"
        ),
        pytest.param({"kind": "empty_list", "path": STUDENTS}, {}, "no students: ", "accept-roll", id="nobody at all"),
        pytest.param({"kind": "wrong_total", "path": STUDENTS}, {}, "totals disagree: ", "ask whoever", id="totals"),
        pytest.param(
            {"kind": "status", "status": 403, "page": 2}, {"page_size": 30}, "page missing: ", "permission", id="a page"
        ),
    ],
)
async def test_a_school_that_is_refused_is_failing(
    desk: Desk, twin: IsamsTwin, levers: dict[str, Any] | None, changes: dict[str, Any], why: str, to_do: str
) -> None:
    """Fails when it reads fresh, with exit code 0, because its last certified sweep is a minute old."""
    if levers is not None:
        twin.fault(levers)
    await desk.reads(twin, **changes)
    said = await asyncio.to_thread(desk.says)
    assert said.code == 1
    assert "failing since " in said.out
    one = await asyncio.to_thread(desk.told)
    assert why in one["why"]
    assert to_do in one["to_do"]
    assert one["since"]
    assert one["next_try"] > one["since"]


async def test_attempts_are_counted_and_over_when_one_goes_well(desk: Desk, twin: IsamsTwin) -> None:
    twin.fault({"kind": "status", "status": 403, "path": STUDENTS})
    await desk.reads(twin, attempts=2)
    assert "(2 times in a row)" in (await asyncio.to_thread(desk.told))["why"]
    twin.clear_faults()
    await desk.reads(twin, attempts=99, timeout_seconds=30.0)
    assert desk.looks.memory.glance("abbey")[1] is None
    assert "failing" not in (await asyncio.to_thread(desk.says)).out


async def test_the_servers_own_words_are_in_no_log_and_no_event(
    desk: Desk, twin: IsamsTwin, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", logger="rollcall")
    twin.fault({"kind": "status", "status": 403, "path": STUDENTS, "text": "Jane Fern may not be seen"})
    await desk.reads(twin)
    assert "Jane Fern" not in caplog.text
    assert not [one for one in desk.out.messages if b"Jane Fern" in (one.value or b"")]
    assert "Jane Fern" in (await asyncio.to_thread(desk.says)).out
