"""The reconciler's composition root. Nothing is opened until it runs."""

import asyncio
from collections.abc import Iterator

from services.reconciler.batch import Reconciler
from services.reconciler.rebuild import Rebuilder
from services.reconciler.retelling import Retelling
from shared.config.settings import Config
from shared.contract.codec import Record
from shared.contract.topics import ACCOUNT_STATE, STUDENTS_ASSESSED
from shared.kafka.client import KafkaLog, Reader, read_compacted
from shared.lanes.service import LaneService
from shared.redis.client import connect
from shared.redis.fenced_hashes import RedisFencedHashes

WORKERS = 2  # while one waits for acknowledgements the other decides; Python decides in one thread at a time


def store_of(config: Config) -> RedisFencedHashes:
    """Where the reconciler keeps its lanes."""
    return RedisFencedHashes(connect(config), config.redis.key_prefix, "reconciler")


def rebuilder_of(config: Config, store: RedisFencedHashes, out: KafkaLog) -> Rebuilder:
    return Rebuilder(
        store,
        out,
        lambda lane: read_compacted(config, ACCOUNT_STATE, lane),
        config.schools,
        config.kafka.partitions,
    )


class StateTopic:
    """``account-state`` as ``Retelling`` looks at it. One thread at a time; it is opened on first use."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._reader: Reader | None = None

    def edges(self, lane: int) -> tuple[int, int]:
        if self._reader is None:
            self._reader = Reader(self._config)
        return self._reader.edges(ACCOUNT_STATE, lane)

    def read(self, lane: int) -> Iterator[Record]:
        return read_compacted(self._config, ACCOUNT_STATE, lane)

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None


class ReconcilerService:
    name = "reconciler"

    def __init__(self, config: Config) -> None:
        store, out = store_of(config), KafkaLog(config)
        self._topic = StateTopic(config)
        retelling = Retelling(store, out, self._topic.edges, self._topic.read)
        handler = Reconciler(rebuilder_of(config, store, out), retelling)
        self._service = LaneService(config, self.name, STUDENTS_ASSESSED, handler, store, out, WORKERS)

    async def run(self, stop: asyncio.Event) -> None:
        try:
            await self._service.run(stop)
        finally:
            await asyncio.to_thread(self._topic.close)
