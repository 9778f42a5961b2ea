"""A topic deleted and made again, or a log cut short, under services that run: noticed, made good, and told."""

import asyncio
from collections.abc import Sequence

import pytest
from confluent_kafka.admin import AdminClient

from services.eligibility.app import EligibilityService
from services.reconciler.app import ReconcilerService
from shared.config.load import load
from shared.config.settings import Config
from shared.contract.codec import decode
from shared.contract.events import AccountDisabled, AccountUpdated, SweepReconciled
from shared.contract.model import Frozen, Student
from shared.contract.topics import ACCOUNT_CHANGES, STUDENTS_ASSESSED, STUDENTS_FETCHED
from shared.kafka.client import KafkaLog, Reader, client_settings, topic_name
from tests.conftest import ONE_SCHOOL, ConfigFile, create_topics
from tests.harness.builders import a_student, a_sweep
from tests.integration.in_process import as_messages, publish, running, until

pytestmark = [pytest.mark.kafka, pytest.mark.redis]


@pytest.fixture
def alone(config_file: ConfigFile) -> Config:
    """One lane."""
    return load(config_file(ONE_SCHOOL, partitions=1), {})


def told(config: Config, topic: str = ACCOUNT_CHANGES) -> list[Frozen]:
    with Reader(config) as reader:
        return [decode(one.header("ce_type"), one.value) for one in reader.read(topic, 0)]


def pupils(count: int, phone: str | None = None) -> list[Student]:
    """The first three have that telephone: what they say comes first in the new log."""
    phones = dict.fromkeys(range(3), phone)
    return [a_student(str(3050000000 + n), last_name=f"Fern{n}", phone=phones.get(n)) for n in range(count)]


def sweep(config: Config, name: str, people: Sequence[Student], minutes: float) -> None:
    out = KafkaLog(config)
    out.publish(as_messages(a_sweep(name, people, full=True, minutes=minutes), 1, minutes))
    out.close()


def make_anew(config: Config, topic: str) -> None:
    name, admin = topic_name(config, topic), AdminClient(client_settings(config))
    admin.delete_topics([name])[name].result(timeout=60)
    while name in admin.list_topics(timeout=60).topics:
        pass
    create_topics(config, keep_own_times=True)


@pytest.mark.parametrize("topic", [STUDENTS_FETCHED, STUDENTS_ASSESSED])
@pytest.mark.parametrize("has_outgrown", [False, True], ids=["shorter", "longer than the old one"])
async def test_a_topic_made_anew_is_taken_from_its_beginning(
    alone: Config, topic: str, has_outgrown: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Fails when what is new counts as a repeat of the old topic's, or the lane waits at the old topic's end."""
    before = pupils(12)
    after = pupils(60 if has_outgrown else 12, "01865 2")
    publish(alone, as_messages(a_sweep("s1", before, full=True), 1))
    async with running(EligibilityService(alone), ReconcilerService(alone)) as tasks:

        def decided(name: str) -> bool:
            return any(isinstance(one, SweepReconciled) and one.sweep == name for one in told(alone))

        await until(tasks, lambda: decided("s1"))
        await asyncio.to_thread(make_anew, alone, topic)
        await asyncio.to_thread(sweep, alone, "s2", after, 5)
        await until(tasks, lambda: len({one.student_id for one in told(alone) if isinstance(one, AccountUpdated)}) == 3)
        await until(tasks, lambda: decided("s2"))
    assert not [one for one in told(alone) if isinstance(one, AccountDisabled)]
    assert "was made anew" in caplog.text
