"""The lane loop driven by a consumer: what a topic brings, batch by batch, until the service is stopped."""

import asyncio
import logging
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait

from shared.config.settings import Config
from shared.contract.codec import Record
from shared.errors import Retryable, RollcallError
from shared.kafka.client import KafkaLog, Reader, topic_name
from shared.kafka.cluster import TopicIds
from shared.kafka.consumer import BEGINNING, BatchConsumer
from shared.kafka.continuity import Place
from shared.lanes.handler import Caring, Handler
from shared.lanes.loop import LaneLoop
from shared.lanes.poison_limit import watch_of
from shared.ports import FencedHashes
from shared.service import sleep_unless

log = logging.getLogger("rollcall.lane")

WATCH_SECONDS = 5.0  # how often a lane without traffic is looked at: its state may have been lost
LAG_SECONDS = 1.0  # how often the position is told to Kafka, for lag displays only


class LaneService:
    """
    One service that reads one topic lane by lane: ``name`` is its consumer group.

    A Retryable waits with jitter and takes the same batch again; anything else ends the service without moving a
    position. The lanes are shared out among ``workers``, so that one decides while another waits for Kafka or Redis;
    each has a loop and a producer of its own, and a lane is always the same one's.
    """

    def __init__(
        self,
        config: Config,
        name: str,
        topic: str,
        handler: Handler,
        store: FencedHashes,
        out: KafkaLog | None = None,
        workers: int = 1,
    ) -> None:
        self.name = name
        self._config = config
        self._topic = topic
        self._outs = [out or KafkaLog(config), *(KafkaLog(config) for _ in range(workers - 1))]
        self._handler = handler
        self._store = store
        self._lanes: set[int] = set()
        self._unsought: set[int] = set()  # of these, those that are read from elsewhere than they ought to be
        self._lock = threading.Lock()  # the loops are one batch's at a time
        self._consumer = BatchConsumer(
            config,
            name,
            (topic,),
            self._take,
            log,
            assigned=self._assigned,
            revoked=self._revoked,
        )
        self._told_at = 0.0

    async def run(self, stop: asyncio.Event) -> None:
        self._reader = Reader(self._config)
        self._edges_lock = threading.Lock()
        self._ids = TopicIds(self._config)
        watch = watch_of(self._config)  # one for all workers: the schools of all lanes that are here count alike
        self._loops = [
            LaneLoop(
                *(self._handler, self._store, out, self._edges, watch),
                lanes=lambda: self._lanes,
                log_id=self._log_id,
                epoch_at=self._epoch_at,
            )
            for out in self._outs
        ]
        self._threads = ThreadPoolExecutor(len(self._loops), thread_name_prefix=self.name)
        try:
            async with self._consumer.running(stop):
                watcher = asyncio.create_task(self._watch(stop))
                try:
                    await stop.wait()
                finally:
                    watcher.cancel()
        finally:
            await asyncio.to_thread(self._reader.close)
            self._threads.shutdown(wait=False)
        if watcher.done() and not watcher.cancelled() and (error := watcher.exception()):
            raise error

    def _loop_of(self, lane: int) -> LaneLoop:
        return self._loops[lane % len(self._loops)]

    def _edges(self, lane: int) -> tuple[int, int]:
        with self._edges_lock:
            return self._reader.edges(self._topic, lane)

    def _epoch_at(self, lane: int, offset: int) -> int | None:
        with self._edges_lock:
            return self._reader.epoch_at(self._topic, lane, offset)

    def _log_id(self) -> str:
        return self._ids(topic_name(self._config, self._topic))

    async def _take(self, records: Sequence[Record]) -> None:
        await asyncio.to_thread(self._step, records)

    def _step(self, records: Sequence[Record]) -> None:
        batches: dict[int, list[Record]] = defaultdict(list)
        for record in records:
            batches[record.lane].append(record)
        with self._lock:
            owned = {lane: batch for lane, batch in batches.items() if lane in self._lanes}
            if not owned:
                return
            for lane, offset in self._share_out(owned).items():
                self._seek(lane, offset)
            if time.monotonic() - self._told_at >= LAG_SECONDS:
                self._told_at = time.monotonic()
                self._consumer.commit({self._place(lane): batch[-1].offset + 1 for lane, batch in owned.items()})

    def _share_out(self, batches: dict[int, list[Record]]) -> dict[int, int]:
        """All workers at once. When one fails the batch comes again, and what another has taken is passed over."""
        shares: dict[LaneLoop, dict[int, list[Record]]] = defaultdict(dict)
        for lane, records in batches.items():
            shares[self._loop_of(lane)][lane] = records
        first, *others = shares.items()
        futures = [self._threads.submit(loop.step, share) for loop, share in others]
        try:
            seeks = first[0].step(first[1])
        finally:
            wait(futures)
        for future in futures:
            seeks |= future.result()
        return seeks

    def _seek(self, lane: int, offset: int) -> None:
        self._unsought.discard(lane)
        try:
            self._consumer.seek(self._place(lane), offset)
        except Retryable as trouble:
            self._loop_of(lane).leave(lane)  # where it is read from is not known any more
            self._unsought.add(lane)  # nothing may arrive there that would have it sought again
            log.info("lane %d: seek failed: %s", lane, trouble)

    def _place(self, lane: int) -> Place:
        return topic_name(self._config, self._topic), lane

    def _assigned(self, places: Sequence[Place]) -> dict[Place, int]:
        """
        A lane whose position cannot be read now begins at the log's start, and its first batch sends it where it
        belongs.
        """
        starts: dict[Place, int] = {}
        for topic, lane in places:
            if lane >= self._config.kafka.partitions:
                log.error(
                    "%s has more partitions than the %d under [kafka]; lane %d has no school and is not read; see "
                    "`rollcall topics check`",
                    *(topic, self._config.kafka.partitions, lane),
                )
                continue
            try:
                starts[topic, lane] = self._loop_of(lane).start(lane)
            except RollcallError as trouble:  # what lasts ends the service with its first batch, or at the first look
                log.warning("lane %d: starting without its position: %s", lane, trouble)
                starts[topic, lane] = BEGINNING
            self._lanes.add(lane)
        return starts

    def _revoked(self, places: Sequence[Place]) -> None:
        for _, lane in places:
            self._lanes.discard(lane)
            self._unsought.discard(lane)
            self._loop_of(lane).leave(lane)

    async def _watch(self, stop: asyncio.Event) -> None:
        """A lane whose state was lost is rebuilt although nothing arrives in it."""
        while not await sleep_unless(stop, WATCH_SECONDS):
            for lane in sorted(self._lanes):
                try:
                    await asyncio.to_thread(self._look_at, lane)
                except Retryable as trouble:
                    log.debug("lane %d: check failed: %s", lane, trouble)
                except BaseException:
                    stop.set()
                    raise

    def _look_at(self, lane: int) -> None:
        with self._lock:
            if lane not in self._lanes:
                return
            offset = self._loop_of(lane).heal(lane)
            if offset is None and lane in self._unsought:
                offset = self._loop_of(lane).start(lane)
            if offset is not None:
                self._seek(lane, offset)
            elif isinstance(self._handler, Caring):
                self._handler.care(lane)
