"""The reconciler's composition root. Nothing is opened until it runs."""

import asyncio

from services.reconciler.handler import Reconciler
from services.reconciler.rebuild import Rebuilder
from shared.config import Config
from shared.kafka import KafkaLog, read_compacted
from shared.lane_service import LaneService
from shared.redis import RedisLaneStore, connect
from shared.topics import ACCOUNT_STATE, STUDENTS_ASSESSED

WORKERS = 2  # while one waits for acknowledgements the other decides; Python decides in one thread at a time


def store_of(config: Config) -> RedisLaneStore:
    """Where the reconciler keeps its lanes."""
    return RedisLaneStore(connect(config), config.redis.key_prefix, "reconciler")


def rebuilder_of(config: Config, store: RedisLaneStore, out: KafkaLog) -> Rebuilder:
    return Rebuilder(
        store,
        out,
        lambda lane: read_compacted(config, ACCOUNT_STATE, lane),
        config.schools,
        config.kafka.partitions,
    )


class ReconcilerService:
    name = "reconciler"

    def __init__(self, config: Config) -> None:
        store, out = store_of(config), KafkaLog(config)
        handler = Reconciler(rebuilder_of(config, store, out))
        self._service = LaneService(config, self.name, STUDENTS_ASSESSED, handler, store, out, WORKERS)

    async def run(self, stop: asyncio.Event) -> None:
        await self._service.run(stop)
