"""Topics get more partitions while services run: every school stays in its lane, and nobody waits for ever."""

import logging

import pytest
from confluent_kafka.admin import AdminClient, NewPartitions

from services.eligibility.app import EligibilityService
from services.reconciler.app import ReconcilerService
from shared.config.load import load
from shared.config.settings import Config
from shared.contract.codec import Message, decode
from shared.contract.events import AccountProvisioned
from shared.contract.topics import ACCOUNT_CHANGES, STUDENTS_ASSESSED, STUDENTS_FETCHED
from shared.kafka.client import KafkaLog, Reader, client_settings, topic_name
from tests.conftest import ONE_SCHOOL, ConfigFile
from tests.harness.builders import a_student, a_sweep
from tests.integration.in_process import as_messages, publish, running, until

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

ONE, TWO, STRAY = "3050000001", "3050000002", "3050000003"


async def test_a_record_in_a_partition_too_many_is_set_aside_and_the_schools_go_on(
    config_file: ConfigFile, caplog: pytest.LogCaptureFixture
) -> None:
    """Fails when it is sent on: ``students-assessed`` has no such partition, and eligibility tries it for ever."""
    caplog.set_level(logging.INFO, logger="rollcall")
    config = load(config_file(ONE_SCHOOL, partitions=1), {})

    def provisioned() -> set[str]:
        with Reader(config) as reader:
            events = [decode(one.header("ce_type"), one.value) for one in reader.read(ACCOUNT_CHANGES, 0)]
        return {one.student_id for one in events if isinstance(one, AccountProvisioned)}

    publish(config, as_messages(a_sweep("s1", [a_student(ONE)], full=True), 1))
    async with running(EligibilityService(config), ReconcilerService(config)) as tasks:
        await until(tasks, lambda: provisioned() == {ONE})
        raise_to(config, STUDENTS_FETCHED, 3)
        out = KafkaLog(config)
        (stray,) = as_messages(a_sweep("s2", [a_student(STRAY)], full=True)[1:2], 1)
        assert stray.key.endswith(STRAY)
        out.publish([Message(stray.topic, 2, stray.key, stray.value, stray.headers)])
        out.publish(as_messages(a_sweep("s3", [a_student(ONE), a_student(TWO)], full=True, minutes=5), 1, 5))
        out.close()
        await until(tasks, lambda: TWO in provisioned())
        await until(tasks, lambda: bool(letters(config)))
    assert provisioned() == {ONE, TWO}
    (reason,) = letters(config)
    assert "students-fetched/2 is no school's, there are 1 partitions under [kafka]" in reason


async def test_a_lane_too_many_is_told_and_left_alone(
    config_file: ConfigFile, caplog: pytest.LogCaptureFixture
) -> None:
    config = load(config_file(ONE_SCHOOL, partitions=1), {})
    publish(config, as_messages(a_sweep("s1", [a_student(ONE)], full=True), 1))
    raise_to(config, STUDENTS_ASSESSED, 2)
    async with running(EligibilityService(config), ReconcilerService(config)) as tasks:
        await until(tasks, lambda: "has more partitions than the 1 under [kafka]; lane 1 has no school" in caplog.text)
        await until(tasks, lambda: count(config) > 0)


def raise_to(config: Config, topic: str, partitions: int) -> None:
    name, admin = topic_name(config, topic), AdminClient(client_settings(config))
    admin.create_partitions([NewPartitions(name, partitions)])[name].result(timeout=60)


def count(config: Config) -> int:
    with Reader(config) as reader:
        return reader.edges(ACCOUNT_CHANGES, 0)[1]


def letters(config: Config) -> list[str]:
    with Reader(config) as reader:
        return [one.headers["dlq_error"] for one in reader.read(f"{STUDENTS_FETCHED}-dlq", 0)]
