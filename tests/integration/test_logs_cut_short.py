"""
A log that lost its end and keeps its id, as after a power cut or the election of a replica that lagged: a real Kafka is
killed, one partition on its disk put back to what it was a sweep earlier, and other records come under the old offsets.
"""

import asyncio
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from services.eligibility.app import EligibilityService
from services.reconciler.app import ReconcilerService
from services.sandbox.servers.brokers import Addresses, Kafka
from shared.config.load import load
from shared.config.settings import Config
from shared.contract.events import AccountDisabled, AccountUpdated, SweepReconciled
from shared.contract.model import Student
from shared.contract.topics import STUDENTS_ASSESSED, STUDENTS_FETCHED
from shared.errors import Retryable
from shared.kafka.client import topic_name
from shared.service import Service
from tests.conftest import ONE_SCHOOL, writer
from tests.harness.builders import a_sweep
from tests.integration.in_process import as_messages, publish, running, until
from tests.integration.test_topics_made_anew import pupils, sweep, told

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.xdist_group("cut-short")]


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    server = Kafka(tmp_path_factory.mktemp("cut-short"), say=lambda text: None)
    try:
        server.start()
        yield server
    finally:
        server.kill()


@pytest.fixture
def alone(kafka: Kafka, brokers: Addresses, prefix: str, tmp_path: Path) -> Config:
    """One lane, on a Kafka that may be killed."""
    write = writer(Addresses(f"127.0.0.1:{kafka.port}", brokers.redis), prefix, tmp_path)
    return load(write(ONE_SCHOOL, partitions=1), {})


class Disk:
    """The partition of a topic, on the disk of a Kafka that is down meanwhile."""

    def __init__(self, kafka: Kafka, config: Config, topic: str, copy: Path) -> None:
        self._kafka, self._copy = kafka, copy
        self._log = kafka.folder / "data" / f"{topic_name(config, topic)}-0"

    def keep(self) -> None:
        self._kafka.kill()
        shutil.copytree(self._log, self._copy)
        self._kafka.start()

    def put_back(self) -> None:
        self._kafka.kill()
        shutil.rmtree(self._log)
        shutil.copytree(self._copy, self._log)
        self._kafka.start()


def services(config: Config) -> list[Service]:
    return [EligibilityService(config), ReconcilerService(config)]


def decided(config: Config, name: str) -> bool:
    return any(isinstance(one, SweepReconciled) and one.sweep == name for one in told(config))


async def runs_until(config: Config, *names: str) -> None:
    async with running(*services(config)) as tasks:
        for name in names:
            await until(tasks, lambda name=name: decided(config, name))  # type: ignore[misc]


async def swept(config: Config, name: str, people: Sequence[Student], minutes: float) -> None:
    """A Kafka that has just begun may need longer than a publisher waits."""
    while True:
        with suppress(Retryable):
            await asyncio.to_thread(sweep, config, name, people, minutes)
            return


@pytest.mark.parametrize("topic", [STUDENTS_FETCHED, STUDENTS_ASSESSED])
@pytest.mark.parametrize("is_down", [False, True], ids=["while they run", "while they are down"])
async def test_what_comes_in_place_of_a_lost_end_is_taken(
    kafka: Kafka, alone: Config, topic: str, is_down: bool, tmp_path: Path
) -> None:
    """
    Fails when a record is known by its offset alone: what has an offset that was given before counts as a repeat, and
    is passed over in silence.
    """
    disk = Disk(kafka, alone, topic, tmp_path / "copy")
    publish(alone, as_messages(a_sweep("s1", pupils(12), full=True), 1))

    async def cut_short() -> None:
        """Of the second sweep nothing is left; the third is longer."""
        await asyncio.to_thread(disk.put_back)
        await swept(alone, "s3", pupils(40, "01865 3"), 10)

    await runs_until(alone, "s1")
    await asyncio.to_thread(disk.keep)
    await swept(alone, "s2", pupils(12, "01865 2"), 5)
    if is_down:
        await runs_until(alone, "s2")
        await cut_short()
        await runs_until(alone, "s3")
    else:
        async with running(*services(alone)) as tasks:
            await until(tasks, lambda: decided(alone, "s2"))
            await cut_short()
            await until(tasks, lambda: decided(alone, "s3"))
    updates = [one.student_id for one in told(alone) if isinstance(one, AccountUpdated)]
    assert sorted(updates) == sorted(2 * sorted({*updates})), "each of three had another telephone twice"
    assert len({*updates}) == 3
    assert not [one for one in told(alone) if isinstance(one, AccountDisabled)]
