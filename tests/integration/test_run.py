"""``rollcall run`` as supervision sees it: a process that starts, tells its log, and ends when told to."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from shared.config.load import load
from tests.conftest import ONE_SCHOOL, ConfigFile, create_topics

pytestmark = [pytest.mark.kafka, pytest.mark.redis]
READY = "reconciler: lanes [0, 1] assigned"


class Process:
    def __init__(self, process: subprocess.Popen[str], err: Path) -> None:
        self._process = process
        self._err = err

    def log(self) -> str:
        return self._err.read_text()

    def wait_for(self, words: str, seconds: float = 120) -> None:
        eventually(lambda: words in self.log() or self._process.poll() is not None, seconds)
        assert words in self.log()

    def end(self, how: signal.Signals) -> int:
        """The exit code: 0 says that nothing was cut off, which happens after nine seconds."""
        self._process.send_signal(how)
        return self._process.wait(60)

    def code(self) -> int:
        return self._process.wait(120)


def eventually(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)


@contextmanager
def run(path: Path, *words: str) -> Iterator[Process]:
    err = path.parent / "log"
    with err.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "services.cli.main", "run", *words, "--config", str(path)],
            stderr=file,
            text=True,
            env=dict(os.environ),
        )
    try:
        yield Process(process, err)
    finally:
        process.kill()
        process.wait()


def test_a_service_makes_its_topics_tells_and_ends_with_0(config_file: ConfigFile, tmp_path: Path) -> None:
    alive = tmp_path / "alive"
    with run(config_file(ONE_SCHOOL), "reconciler", "--log-json", "--alive", str(alive)) as process:
        process.wait_for(READY)
        assert alive.exists()
        code = process.end(signal.SIGTERM)
    lines = [json.loads(line) for line in process.log().splitlines()]
    assert code == 0, process.log()
    messages = [line["message"] for line in lines]
    assert sum("created with 2 partitions" in message for message in messages) == 18
    assert messages[-1] == "reconciler stopped"


def test_ctrl_c_ends_it_as_well(config_file: ConfigFile) -> None:
    with run(config_file(ONE_SCHOOL), "eligibility", "reconciler") as process:
        process.wait_for(READY)
        assert process.end(signal.SIGINT) == 0


def test_topics_that_are_missing_are_refused_with_the_fix(config_file: ConfigFile) -> None:
    path = config_file(ONE_SCHOOL)
    path.write_text(path.read_text().replace("create_topics = true", "create_topics = false"))
    with run(path, "reconciler") as process:
        assert process.code() == 1
        assert "missing; run `rollcall topics create`" in process.log()


def test_another_number_of_lanes_is_refused(config_file: ConfigFile) -> None:
    path = config_file(ONE_SCHOOL)
    create_topics(load(path, {}))
    path.write_text(path.read_text().replace("partitions = 2", "partitions = 3"))
    with run(path, "reconciler") as process:
        assert process.code() == 1
        assert "has 2 partitions, and partitions under [kafka] is 3" in process.log()


def test_a_broker_that_is_away_is_waited_for_until_told_to_stop(config_file: ConfigFile) -> None:
    path = config_file(ONE_SCHOOL)
    path.write_text(path.read_text().replace(load(path, {}).kafka.bootstrap_servers, "127.0.0.1:9"))
    with run(path, "reconciler") as process:
        process.wait_for("waiting for servers: Kafka at 127.0.0.1:9 does not serve")
        code = process.end(signal.SIGTERM)
    assert (code, process.log().count("waiting for servers:")) == (0, 1)
