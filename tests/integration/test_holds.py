"""An operator's yes on its way through a real Kafka to a reconciler that runs."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from services.cli.invocation import login_name
from services.eligibility.app import EligibilityService
from services.operations.commands import message_of
from services.operations.holds.history import is_decided, students_of_hash
from services.reconciler.app import ReconcilerService
from shared import clock
from shared.config.load import load
from shared.config.settings import Config
from shared.contract.commands import Command, PauseSchool, ReleaseHold, ResumeSchool
from shared.contract.signatures import sign
from shared.contract.topics import ACCOUNT_CHANGES, OPERATOR_COMMANDS
from shared.kafka.client import KafkaLog, Reader
from shared.service import Service
from tests.conftest import ONE_SCHOOL, ConfigFile
from tests.harness.builders import SCHOOL, a_sweep
from tests.harness.pipeline import LANE, Road
from tests.integration.on_servers import ALL, a_road_that_holds_three, put_on_servers
from tests.unit.cli.words import Said, rollcall

pytestmark = [pytest.mark.kafka, pytest.mark.redis]
PLAN = "disable_unexplained"


@pytest.fixture
def path(config_file: ConfigFile) -> Path:
    return config_file(ONE_SCHOOL, partitions=1)


@pytest.fixture
def road(path: Path, tmp_path: Path) -> Road:
    road = a_road_that_holds_three(tmp_path / "road")
    put_on_servers(road, load(path, {}))
    return road


@asynccontextmanager
async def running(config: Config) -> AsyncIterator[None]:
    stop = asyncio.Event()
    services: list[Service] = [EligibilityService(config), ReconcilerService(config)]
    tasks = [asyncio.create_task(service.run(stop)) for service in services]
    try:
        yield
    finally:
        stop.set()
        await asyncio.gather(*tasks)


async def say(path: Path, *words: str) -> Said:
    return await asyncio.to_thread(rollcall, path, *words)


async def test_a_release_is_taken_by_the_reconciler(path: Path, road: Road) -> None:
    key = road.school().holds[PLAN].hash
    async with running(load(path, {})):
        said = await say(path, "holds", "release", SCHOOL, key, "--yes", "--wait", "240", "--json")
        assert said.code == 0, said.err
        assert json.loads(said.out)["is_taken"] is True
        shown = json.loads((await say(path, "holds", "show", SCHOOL, "--json")).out)
    assert [(one["state"], one["operator"]) for one in shown] == [("released", login_name())]
    assert is_decided(load(path, {}), SCHOOL, key, 0)


async def test_three_records_of_a_stranger_take_nobodys_account(path: Path, road: Road) -> None:
    """Fails when a command counts that nobody with the key gave: three pupils go in the headmaster's name."""
    config, key = load(path, {}), road.school().holds[PLAN].hash
    orders: list[Command] = [
        PauseSchool(school=SCHOOL, operator="headmaster"),
        ReleaseHold(school=SCHOOL, plan=PLAN, hash=key, operator="headmaster"),
        ResumeSchool(school=SCHOOL, operator="headmaster"),
    ]
    strange = [message_of(one, 1, id=str(n), time=clock.now()) for n, one in enumerate(orders)]
    log = KafkaLog(config)
    log.publish([*strange, *(sign(one, "a key that is not the operators'") for one in strange)])
    log.close()
    async with running(config):
        said = await say(path, "holds", "refuse", SCHOOL, key, "--yes", "--wait", "240", "--json")
        assert json.loads(said.out)["is_taken"] is True
    with Reader(config) as reader:
        told = [one.header("ce_type") for one in reader.read(ACCOUNT_CHANGES, LANE)]
        letters = [one.header("dlq_error") or "" for one in reader.read(f"{OPERATOR_COMMANDS}-dlq", LANE)]
    assert ("rollcall.hold_released.v1" in told, "rollcall.hold_refused.v1" in told) == (False, True)
    assert ["is not signed" in one for one in letters] == [True] * 3 + [False] * 3


def test_a_hash_of_yesterday_is_told_from_the_one_of_today(path: Path, tmp_path: Path) -> None:
    road = a_road_that_holds_three(tmp_path / "road")
    yesterday = road.school().holds[PLAN].hash
    for number, minutes in enumerate((300, 400)):
        road.fetch(a_sweep(f"s{number + 8}", ALL[5:], sends=[], minutes=minutes), minutes=minutes)
    road.run()
    put_on_servers(road, load(path, {}))
    assert students_of_hash(load(path, {}), SCHOOL, yesterday) == (PLAN, {one.student_id for one in ALL[:3]})
    said = rollcall(path, "holds", "release", SCHOOL, yesterday, "--yes")
    assert said.code == 3
    assert "2 were not in the set that you name; 0 of that set are gone." in said.err


def test_holds_are_told_while_no_service_runs(path: Path, road: Road) -> None:
    said = rollcall(path, "holds", "list", "--json")
    assert said.code == 3
    assert [one["students"] for one in json.loads(said.out)] == [[one.student_id for one in ALL[:3]]]
    key = road.school().holds[PLAN].hash
    said = rollcall(path, "holds", "refuse", SCHOOL, key, "--yes", "--wait", "0.2")
    assert said.code == 0
    assert "takes effect when eligibility and the reconciler run" in said.out
