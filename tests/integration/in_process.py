"""Services in this process on the run's servers, fed with events as the fetcher would have sent them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

from shared.config.settings import Config
from shared.contract.codec import Message, digest, encode, headers
from shared.contract.events import RollRead, StudentFetched, SweepCompleted, SweepFailed, SweepStarted
from shared.contract.model import Frozen
from shared.contract.topics import STUDENTS_FETCHED
from shared.kafka.client import KafkaLog, Reader
from shared.lanes.partition import lane_of
from shared.service import Service
from tests.conftest import create_topics
from tests.harness.builders import at


def as_messages(
    events: Iterable[Frozen], partitions: int, minutes: float = 0.0, sweep: str | None = None
) -> list[Message]:
    """For ``students-fetched``. A student belongs to the sweep whose event came before, or to ``sweep``."""
    messages = []
    for number, event in enumerate(events):
        school = getattr(event, "school", "")
        match event:
            case SweepStarted() | RollRead() | SweepCompleted() | SweepFailed():
                sweep = event.sweep
        key = f"{school}/{event.student.student_id}" if isinstance(event, StudentFetched) else school
        value = encode(event)
        told = headers(
            type(event),
            id=f"{key}/{sweep}/{number}",
            school=school,
            subject=key,
            time=at(minutes),
            read_at=at(minutes),
            sweep=sweep,
            digest=digest(value).hex(),
        )
        messages.append(Message(STUDENTS_FETCHED, lane_of(school, partitions), key, value, told))
    return messages


def publish(config: Config, messages: Iterable[Message], batch: int = 10_000, *, keep_own_times: bool = True) -> None:
    """Makes the topics where they are not there yet. The messages' times are a story's, unless somebody says else."""
    create_topics(config, keep_own_times=keep_own_times)
    out, waiting = KafkaLog(config), list(messages)
    for start in range(0, len(waiting), batch):
        out.publish(waiting[start : start + batch])
    out.close()


Tasks = list[asyncio.Task[None]]


@asynccontextmanager
async def running(*services: Service) -> AsyncIterator[Tasks]:
    """They run until the block ends; what one of them raises ends it."""
    stop = asyncio.Event()
    tasks = [asyncio.create_task(one.run(stop)) for one in services]
    try:
        yield tasks
    finally:
        stop.set()
        await asyncio.gather(*tasks)


async def until(tasks: Tasks, found: Callable[[], bool]) -> None:
    """Wait for a condition, or for the first service that ends."""
    while not await asyncio.to_thread(found):
        for task in tasks:
            if task.done():
                await task
                raise AssertionError("a service has ended")
        await asyncio.sleep(0.3)  # a look costs what the services would have


def count_of(config: Config, topic: str, lane: int = 0) -> int:
    """How many records are there."""
    with Reader(config) as reader:
        low, high = reader.edges(topic, lane)
    return high - low
