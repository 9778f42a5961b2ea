"""The reconciler's state made anew from the log, on a real Kafka and a real Redis."""

import json
from pathlib import Path

import pytest

from services.reconciler.app import store_of
from shared.config.load import load
from shared.contract.topics import SYNC_REQUESTS
from shared.kafka.client import Reader
from tests.conftest import ONE_SCHOOL, ConfigFile
from tests.harness.builders import SCHOOL
from tests.harness.pipeline import LANE
from tests.integration.on_servers import a_road_that_holds_three, filled, put_on_servers
from tests.unit.cli.words import rollcall

pytestmark = [pytest.mark.kafka, pytest.mark.redis]


def test_a_rebuilt_lane_is_the_lane_that_was_lost(config_file: ConfigFile, tmp_path: Path) -> None:
    path = config_file(ONE_SCHOOL, partitions=1)
    config, road = load(path, {}), a_road_that_holds_three(tmp_path / "road")
    put_on_servers(road, config)
    store, kept = store_of(config), filled(road.store.hashes[LANE])
    before = store.read(LANE)
    assert before.lane is not None
    assert store.replace(LANE, before.lane, before.lane, {}), "everything but the lane's record is lost"

    said = rollcall(path, "rebuild", "--school", SCHOOL, "--yes", "--json")

    assert said.code == 0, said.err
    assert json.loads(said.out) == [{"lane": 0, "schools": [SCHOOL], "students": 20, "position": len(road.lane)}]
    assert {name: fields for name, fields in store.read(LANE, whole=kept).whole.items() if fields} == kept
    with Reader(config) as reader:
        (request,) = reader.read(SYNC_REQUESTS, LANE)
    assert request.key == SCHOOL
    assert json.loads(request.value)["full"] is True


def test_without_a_yes_nothing_is_touched(config_file: ConfigFile, tmp_path: Path) -> None:
    path = config_file(ONE_SCHOOL, partitions=1)
    config = load(path, {})
    put_on_servers(a_road_that_holds_three(tmp_path / "road"), config)
    before = store_of(config).read(LANE).lane
    said = rollcall(path, "rebuild", "--lane", "0")
    assert said.code == 1
    assert f"say --yes to rebuild lane 0 ({SCHOOL})" in said.err
    assert store_of(config).read(LANE).lane == before
