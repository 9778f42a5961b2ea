"""A real Kafka says when it took a record, and eligibility believes no fetcher's clock beside it."""

import asyncio

import pytest

from services.eligibility.app import EligibilityService
from shared import clock
from shared.config.settings import Config
from shared.contract.codec import Record, decode
from shared.contract.events import StudentAssessed, SweepCompleted, SweepStarted
from shared.contract.topics import STUDENTS_ASSESSED, STUDENTS_FETCHED
from shared.kafka.client import Reader
from tests.harness.builders import SCHOOL, START, a_student, a_sweep, at
from tests.integration.in_process import as_messages, count_of, publish, running, until

pytestmark = pytest.mark.kafka
DAY = 24 * 60
PEOPLE = [a_student("3050000001"), a_student("3050000002")]


def read(config: Config, topic: str) -> list[Record]:
    with Reader(config) as reader:
        return [one for lane in range(config.kafka.partitions) for one in reader.read(topic, lane)]


def there(config: Config) -> int:
    return sum(count_of(config, STUDENTS_ASSESSED, lane) for lane in range(config.kafka.partitions))


async def judged(config: Config, minutes: float, *, keep_own_times: bool = False) -> list[Record]:
    """A sweep told at those minutes, as eligibility passes it on."""
    events = a_sweep("s1", PEOPLE, minutes=minutes)
    await asyncio.to_thread(
        publish, config, as_messages(events, config.kafka.partitions, minutes), keep_own_times=keep_own_times
    )
    async with running(EligibilityService(config)) as tasks:
        await until(tasks, lambda: there(config) == len(events))
    return await asyncio.to_thread(read, config, STUDENTS_ASSESSED)


def events_of(records: list[Record]) -> list[object]:
    return [decode(one.header("ce_type"), one.value) for one in records]


async def test_a_clock_a_day_ahead_is_not_believed_beside_kafkas(config: Config) -> None:
    now = clock.minutes_between(clock.write(START), clock.now())
    records = await judged(config, now + DAY)
    taken = await asyncio.to_thread(read, config, STUDENTS_FETCHED)
    appended = [clock.of_millis(one.appended) for one in taken if one.appended is not None]
    assert len(appended) == len(taken)
    people = [one for one in records if (one.header("ce_type") or "").startswith("rollcall.student_assessed")]
    assert [one.header("said_at") for one in people] == [at(now + DAY)] * len(PEOPLE)
    assert {one.header("read_at") for one in people} <= set(appended)
    opened, *_, completed = events_of(records)
    assert isinstance(opened, SweepStarted)
    assert isinstance(completed, SweepCompleted)
    assert opened.started_at == appended[0]
    assert completed.completed_at == appended[-1]
    assert completed.clock_minutes > DAY / 2


async def test_where_kafka_does_not_say_clocks_are_believed_and_that_is_told(
    config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    now = clock.minutes_between(clock.write(START), clock.now())
    records = await judged(config, now + DAY, keep_own_times=True)
    found = [one for one in events_of(records) if isinstance(one, StudentAssessed | SweepCompleted)]
    assert len(found) == len(PEOPLE) + 1
    assert [one.header("read_at") for one in records if one.key != SCHOOL] == [at(now + DAY)] * len(PEOPLE)
    assert [one.clock_minutes for one in found if isinstance(one, SweepCompleted)] == [0]
    assert sum("rollcall topics create --alter" in one.message for one in caplog.records) == 1
