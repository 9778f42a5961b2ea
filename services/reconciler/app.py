"""The reconciler's composition root. Nothing is opened until it runs."""

import asyncio
from functools import partial

from services.reconciler.batch import Reconciler
from services.reconciler.rebuild import Rebuilder
from services.reconciler.retelling import Retelling
from shared.config.settings import Config
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
        partial(read_compacted, config, ACCOUNT_STATE),
        config.schools,
        config.kafka.partitions,
    )


class ReconcilerService:
    name = "reconciler"

    def __init__(self, config: Config) -> None:
        store, out = store_of(config), KafkaLog(config)
        self._reader = Reader(config)
        edges = partial(self._reader.edges, ACCOUNT_STATE)
        retelling = Retelling(store, out, edges, partial(read_compacted, config, ACCOUNT_STATE))
        handler = Reconciler(rebuilder_of(config, store, out), retelling)
        self._service = LaneService(config, self.name, STUDENTS_ASSESSED, handler, store, out, WORKERS)

    async def run(self, stop: asyncio.Event) -> None:
        try:
            await self._service.run(stop)
        finally:
            await asyncio.to_thread(self._reader.close)
