"""``rollcall accept-roll`` on a real Kafka: what is said reaches the school's lane, and a slip says nothing."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli.invocation import login_name
from services.cli.main import app
from shared.config.load import load
from shared.contract.codec import decode
from shared.contract.commands import AcceptRoll
from shared.contract.topics import OPERATOR_COMMANDS
from shared.kafka.client import read_compacted
from shared.lanes.partition import lane_of
from tests.conftest import ONE_SCHOOL, ConfigFile, create_topics

pytestmark = [pytest.mark.kafka, pytest.mark.redis]
HASH = "0123456789abcdef" * 2


@pytest.fixture
def path(config_file: ConfigFile) -> Path:
    path = config_file(ONE_SCHOOL)
    create_topics(load(path, {}))
    return path


def said(path: Path) -> list[object]:
    config = load(path, {})
    lane = lane_of("abbey", config.kafka.partitions)
    return [decode(one.header("ce_type"), one.value) for one in read_compacted(config, OPERATOR_COMMANDS, lane)]


def test_a_roll_is_accepted_by_its_hash(path: Path) -> None:
    words = ["--config", str(path), "accept-roll", "abbey", HASH, "--note", "migrated"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    assert said(path) == [AcceptRoll(school="abbey", hash=HASH, operator=login_name(), note="migrated")]


@pytest.mark.parametrize(
    ("school", "roll_hash", "names"), [("abey", HASH, "no school 'abey'"), ("abbey", "12", "HASH")]
)
def test_a_slip_is_refused_and_says_nothing(path: Path, school: str, roll_hash: str, names: str) -> None:
    result = CliRunner().invoke(app, ["--config", str(path), "accept-roll", school, roll_hash])
    assert result.exit_code == 2
    assert names in result.stderr
    assert said(path) == []
