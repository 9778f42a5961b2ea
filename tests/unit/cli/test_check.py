"""What `rollcall check` finds, and what it says to do about it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from services.cli import findings
from services.cli.findings import Finding, State, of_isams, of_redis_info, of_tenant, of_topics
from services.sandbox.isams_twin import isams_app
from services.sandbox.school import make_school
from services.sandbox.serve import Server
from services.sandbox.twin_client import IsamsTwin
from shared.config import Config
from shared.kafka_admin import Standing, Wanted
from tests.road import a_config
from tests.unit.cli.words import rollcall
from tests.unit.fetcher.world import settings

SOUND = {"role": "master", "aof_enabled": 1, "maxmemory_policy": "noeviction"}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server(isams_app()).start()
    yield server
    server.stop()


@pytest.fixture
def twin(server: Server) -> Iterator[IsamsTwin]:
    with IsamsTwin(server.url, "abbey") as twin:
        twin.load(
            msgspec.to_builtins(make_school("abbey", 60, 1), str_keys=True),
            client_id="made-up",
            client_secret="made-up",
        )
        yield twin
        twin.clear_faults()


async def of_twin(twin: IsamsTwin, **changes: Any) -> dict[str, Finding]:
    found = await of_isams("abbey", settings(**{"base_url": twin.base_url} | changes))
    return {one.what: one for one in found}


# --- a school ----------------------------------------------------------------------------------------------------


async def test_a_school_that_may_be_read_is_fine(twin: IsamsTwin) -> None:
    found = await of_twin(twin)
    assert {one.state for one in found.values()} == {State.OK}
    assert found["students"].message == "readable: 60"
    assert set(found) == {"students", "life stages", "year groups", "departments", "subjects", "sets"}


async def test_a_check_costs_a_school_next_to_nothing(twin: IsamsTwin) -> None:
    twin.clear_requests()
    await of_twin(twin)
    assert len(twin.requests()) <= 7, "a token and six questions"


async def test_a_wrong_secret_is_told_once_and_the_school_cannot_sync(twin: IsamsTwin) -> None:
    (one,) = (await of_twin(twin, client_id="another")).values()
    assert one.state is State.FAILED
    assert one.message.endswith("client_id or client_secret is wrong or was withdrawn")
    assert one.fix == "ask the school for new ones"


async def test_a_missing_permission_is_named_with_where_to_give_it(twin: IsamsTwin) -> None:
    twin.settings(permissions=["students", "school"])
    found = await of_twin(twin)
    assert {what for what, one in found.items() if one.state is State.DEGRADED} == {"subjects", "sets"}
    assert "the permission Teaching (Read)" in found["sets"].fix


async def test_without_the_permission_for_students_it_cannot_sync(twin: IsamsTwin) -> None:
    twin.settings(permissions=["school"])
    (one,) = (await of_twin(twin)).values()
    assert (one.what, one.state) == ("students", State.FAILED)
    assert "the permission Student Manager (Read)" in one.fix


async def test_a_school_that_is_away_is_told_with_what_to_look_at() -> None:
    (one,) = await of_isams("abbey", settings(base_url="http://127.0.0.1:9"))
    assert one.state is State.FAILED
    assert "base_url" in one.fix


# --- Kafka, Redis, tenants ---------------------------------------------------------------------------------------


def standing(partitions: int | None, **more: Any) -> Standing:
    return Standing(
        Wanted("account-state", 12, 1, {"cleanup.policy": "compact"}), partitions, **({"replicas": 1} | more)
    )


@pytest.mark.parametrize(
    ("one", "will_create", "state", "words"),
    [
        pytest.param(standing(12), False, State.OK, "all 1 are there", id="there"),
        pytest.param(standing(None), False, State.FAILED, "account-state: missing", id="missing"),
        pytest.param(standing(None), True, State.OK, "made when a service starts", id="will be made"),
        pytest.param(standing(6), True, State.FAILED, "has 6 partitions", id="other lanes"),
        pytest.param(
            standing(12, settings={"cleanup.policy": "delete"}),
            False,
            State.DEGRADED,
            "should have",
            id="other setting",
        ),
    ],
)
def test_each_fault_of_a_topic_has_its_weight(one: Standing, will_create: bool, state: State, words: str) -> None:
    (found,) = of_topics([one], will_create=will_create)
    assert found.state is state
    assert words in f"{found.message}; {found.fix}"


@pytest.mark.parametrize(
    ("change", "what", "state"),
    [
        ({}, None, State.OK),
        ({"aof_enabled": 0}, "append-only file", State.DEGRADED),
        ({"maxmemory_policy": "allkeys-lru"}, "eviction", State.DEGRADED),
        ({"role": "slave"}, "role", State.FAILED),
    ],
)
def test_a_redis_that_may_lose_state_is_told(change: dict[str, Any], what: str | None, state: State) -> None:
    found = of_redis_info(SOUND | change)
    assert max(one.state for one in found) is state
    assert [one.what for one in found if one.state is not State.OK] == ([what] if what else [])


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return a_config(tmp_path)


def test_a_tenant_that_simulates_is_said_to(config: Config) -> None:
    first, second = of_tenant("abbey", config.tenants["abbey"])
    assert first.message.startswith("dry-run: everything but the POST")
    assert "before going live" in second.fix


# --- the verb ----------------------------------------------------------------------------------------------------


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
    assert [one["part"] for one in told["findings"]] == ["school abbey", "tenant abbey", "tenant abbey"]
    said = rollcall(tmp_path / "rollcall.toml", "check", "abbey")
    assert said.code == code
    assert verdict in said.out + said.err


def test_an_unknown_school_is_a_wrong_word(config: Config, tmp_path: Path) -> None:
    assert rollcall(tmp_path / "rollcall.toml", "check", "oakham").code == 2
