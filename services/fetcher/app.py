"""The fetcher's composition root: configuration, adapters, the worker, and the requests that come by topic."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.metadata import version

from services.fetcher.isams.clients import Hosts
from services.fetcher.isams.source import Source
from services.fetcher.population import School
from services.fetcher.profiles.cache import RedisProfileMemory
from services.fetcher.profiles.photos_and_transcripts import QUEUE as PORTRAITS
from services.fetcher.profiles.photos_and_transcripts import PortraitRounds, is_portrayed
from services.fetcher.profiles.publish import ProfileLog
from services.fetcher.requests import Requests
from services.fetcher.sweep.redis_cache import RedisMemory
from services.fetcher.sweep.scheduler import SLOW_PLACES, Rounds
from shared.clock import Clock, utc_now
from shared.config.settings import Config, IsamsSchool
from shared.contract.codec import Record
from shared.contract.signatures import objection_to
from shared.contract.topics import OPERATOR_COMMANDS, SYNC_REQUESTS
from shared.kafka.client import KafkaLog
from shared.kafka.consumer import BatchConsumer, ends_of
from shared.lanes.partition import lane_of
from shared.redis.client import connect
from shared.redis.due_queue import RedisDueQueue

log = logging.getLogger("rollcall.fetcher")

QUEUE = "sweeps"
BATCH = 100  # requests; each may be a question to a school
SILENCE_SECONDS = 0.1  # how long a request may wait for company
THREADS = 32  # beside one for each school that may be asked for at once: a name that nobody resolves holds a thread


class FetcherService:
    """Reads the configuration's iSAMS schools. Nothing is opened until it runs."""

    name = "fetcher"

    def __init__(
        self, config: Config, *, clock: Clock = utc_now, source_of: Callable[[IsamsSchool], Source] | None = None
    ) -> None:
        self._config = config
        self._clock = clock
        self._source_of = source_of
        self._out = KafkaLog(config)

    async def run(self, stop: asyncio.Event) -> None:
        client = connect(self._config)
        due = RedisDueQueue(client, self._config.redis.key_prefix, QUEUE)
        memory = RedisMemory(client, self._config.redis.key_prefix)
        books = self._books(self._source_of or Hosts(self._config, client).source_of)
        schools = {book: one for book, one in books.items() if one.kind == "student"}
        most = self._config.fetcher.concurrency * (1 + SLOW_PLACES)
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS + most))
        folder = self._config.fetcher.photos_folder
        portrayed = {slug for slug, school in schools.items() if is_portrayed(school, folder)}
        portraits_due = RedisDueQueue(client, self._config.redis.key_prefix, PORTRAITS)
        profiles = RedisProfileMemory(client, self._config.redis.key_prefix)
        out = ProfileLog(self._out, profiles, portraits_due, self._clock, portrayed)
        rounds = Rounds(books, due, out, memory, self._clock, self._config.fetcher.concurrency)
        requests = Requests(books, due, out, memory, self._clock, objection_to(self._config.operators))
        portraits = PortraitRounds(schools, portraits_due, self._out, profiles, self._clock, folder)

        async def take(records: Sequence[Record]) -> None:
            if await _ends_before(asyncio.create_task(requests.handle(records)), stop):
                consumer.commit(ends_of(records))
                rounds.look()

        consumer = BatchConsumer(
            self._config,
            self.name,
            (SYNC_REQUESTS, OPERATOR_COMMANDS),
            take,
            log,
            most=BATCH,
            silence_seconds=SILENCE_SECONDS,
        )
        try:
            async with consumer.running(stop), asyncio.TaskGroup() as both:
                both.create_task(portraits.run(stop))
                both.create_task(rounds.run(stop))
        finally:
            await asyncio.gather(*(school.source.close() for school in schools.values()))
            await asyncio.to_thread(self._out.close)
            client.close()

    def _books(self, source_of: Callable[[IsamsSchool], Source]) -> dict[str, School]:
        """The students of every school, and the staff of those whose tenant manages them: by book, one source each."""
        release = version("rollcall")
        books = []
        for slug, school in self._config.schools.items():
            if isinstance(school, IsamsSchool):
                has_staff = self._config.tenants[school.tenant].staff == "managed"
                students = School(
                    slug, school, lane_of(slug, self._config.kafka.partitions), source_of(school), release
                )
                books += [students, *([replace(students, kind="staff")] if has_staff else [])]
        return {one.book: one for one in books}


async def _ends_before(task: asyncio.Task[None], stop: asyncio.Event) -> bool:
    """Await the task, but not beyond ``stop``: False when it was given up. Raises: what the task raises."""
    stopping = asyncio.create_task(_until(stop))
    try:
        await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            return False
        task.result()
        return True
    finally:
        stopping.cancel()


async def _until(stop: asyncio.Event) -> None:
    await stop.wait()
