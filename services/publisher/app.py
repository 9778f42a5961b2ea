"""
The publisher's composition root: the view of its lanes, and workers that deliver the tenants that are due.

Leases, intents and waits are told by Redis' clock, which all publishers share; a process' own only counts its failures.

Any number of publishers share the lanes (a consumer group) and the tenants (a due-queue with leases); a tenant's worker
need not have its lanes.
"""

import asyncio
import logging
import threading
from collections.abc import Collection, Iterable
from contextlib import suppress
from functools import partial

from services.publisher.change_notices import Wakes
from services.publisher.decisions import Desk
from services.publisher.deliver import FAR_SECONDS, Deliverer
from services.publisher.pacing import AHEAD_SECONDS
from services.publisher.projection import PublisherView
from services.publisher.tenant_log import StateKey
from services.publisher.tenant_store import TenantStore
from services.publisher.tenant_view import TenantViews
from services.publisher.unitu import Unitu
from shared.clock import Clock
from shared.config.settings import Config
from shared.contract.codec import Record
from shared.contract.topics import ACCOUNT_STATE, TENANT_STATE
from shared.errors import Retryable
from shared.kafka.client import KafkaLog, Reader
from shared.lanes.service import LaneService
from shared.ports import Claim
from shared.redis.client import RedisClock, connect
from shared.redis.due_queue import RedisDueQueue
from shared.redis.fenced_hashes import RedisFencedHashes
from shared.service import backoff, insist, sleep_unless
from shared.work.outage import Outage
from shared.work.pool import Pool

log = logging.getLogger("rollcall.publisher")

WORKERS = 8  # tenants that one process delivers at once: a delivery mostly waits for Unitu
STOP_SECONDS = 6.0  # a POST under way is given this long; then its outcome is unknown, and the next start knows that
CLOSE_SECONDS = 1.0
LOOK_SECONDS = 0.25  # the longest time between two looks at the due-queue
ENSURE_SECONDS = 15.0  # a due-queue that is gone is made again
RETRY_CAP_SECONDS = 10.0
BUG_REST_SECONDS, LONGEST_BUG_REST_SECONDS = 60.0, 3600.0  # of a tenant whose delivery ended on a bug


class TenantHistory:
    """``tenant_store.History`` on Kafka. One thread at a time reads."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._lock = threading.Lock()

    def edges(self, lane: int) -> tuple[int, int]:
        return self._reader.edges(TENANT_STATE, lane)

    def read(self, lane: int, start: int) -> Iterable[Record]:
        with self._lock:
            return list(self._reader.read(TENANT_STATE, lane, start))


class Parts:
    """
    Everything real that the publisher and the operator's desk are made of. Nothing is opened until it is used.
    ``clock``: another than Redis'. ``begins``: as of ``StateKey``.
    """

    def __init__(self, config: Config, clock: Clock | None = None, *, begins: bool = True) -> None:
        redis, prefix = connect(config), config.redis.key_prefix
        self.clock = clock = clock or RedisClock(redis)
        self.out = KafkaLog(config)
        self.reader = Reader(config)
        self.lanes = RedisFencedHashes(redis, prefix, "publisher")
        self.due = RedisDueQueue(redis, prefix, "tenants")
        self.wakes = Wakes(RedisFencedHashes(redis, prefix, "publisher-wakes"), self.due, config.tenants, clock)
        self.views = TenantViews(config, self.lanes)
        store = RedisFencedHashes(redis, prefix, "tenants")
        key = StateKey(config.operators.key, begins=begins)
        self.tenants = TenantStore(store, self.out, TenantHistory(self.reader), config.kafka.partitions, clock, key)

    def ends(self, lanes: Collection[int]) -> dict[int, int]:
        """Where ``account-state`` ends."""
        return {lane: self.reader.edges(ACCOUNT_STATE, lane)[1] for lane in lanes}

    def close(self) -> None:
        self.reader.close()
        self.out.close()


class DeskParts:
    """The operator's desk for one command: ``with DeskParts(config) as desk``."""

    def __init__(self, config: Config, clock: Clock | None = None) -> None:
        self._parts = Parts(config, clock, begins=False)
        self._desk = Desk(config, self._parts.tenants, self._parts.views, self._parts.due, self._parts.clock)

    def __enter__(self) -> Desk:
        return self._desk

    def __exit__(self, *_: object) -> None:
        self._parts.close()


class PublisherService:
    name = "publisher"

    def __init__(self, config: Config, *, clock: Clock | None = None) -> None:
        self._config = config
        self._clock = clock
        self._lease_seconds = max((tenant.lease_seconds for tenant in config.tenants.values()), default=60.0)
        self._outage = Outage(log, "publisher: retrying", "publisher: recovered")
        self._bugs: dict[str, int] = {}  # of each tenant whose last delivery ended on one: how many in a row

    async def run(self, stop: asyncio.Event) -> None:
        proxies = {one.url: one.proxy for one in self._config.tenants.values() if one.proxy is not None}
        parts, unitu = Parts(self._config, self._clock), Unitu(proxies=proxies)
        view = PublisherView(self._config, parts.lanes, parts.out, parts.wakes, parts.clock)
        lanes = LaneService(self._config, self.name, ACCOUNT_STATE, view, parts.lanes)
        deliverer = Deliverer(
            self._config,
            parts.tenants,
            parts.views,
            parts.wakes,
            parts.due,
            parts.out,
            unitu,
            parts.clock,
            parts.ends,
        )
        stopped = asyncio.create_task(stop.wait())
        tasks = [
            asyncio.create_task(lanes.run(stop)),
            asyncio.create_task(self._keep_queue(parts, stop)),
            asyncio.create_task(self._pool(parts, deliverer, stop).run(stop)),
        ]
        try:
            await asyncio.wait([stopped, *tasks], return_when=asyncio.FIRST_COMPLETED)
            stop.set()
            await asyncio.wait(tasks, timeout=STOP_SECONDS)
        finally:
            for task in [stopped, *tasks]:
                task.cancel()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
            await unitu.close()
            with suppress(TimeoutError):  # a thread may still wait for Kafka; nothing of it is needed any more
                async with asyncio.timeout(CLOSE_SECONDS):
                    await asyncio.to_thread(parts.close)
        for end in ends:
            if isinstance(end, Exception):
                raise end

    async def _keep_queue(self, parts: Parts, stop: asyncio.Event) -> None:
        """
        Every tenant is looked at once on start, since its settings may be others; and a queue that was emptied is made
        again.
        """
        fresh, seconds = set(self._config.tenants), 0.0
        while not await sleep_unless(stop, seconds):
            seconds = ENSURE_SECONDS
            try:
                await asyncio.to_thread(self._make_sure, parts)
                while fresh:
                    await asyncio.to_thread(_hasten, parts, max(fresh))
                    fresh.remove(max(fresh))
            except Retryable:
                seconds = 1.0

    def _make_sure(self, parts: Parts) -> None:
        """Everybody is in the queue, and nobody due later than any tenant ever is: a clock was wrong then."""
        now = parts.clock().timestamp()
        parts.due.ensure(dict.fromkeys(self._config.tenants, now))
        for member, at in parts.due.members().items():
            if at > now + FAR_SECONDS + AHEAD_SECONDS:
                log.warning(
                    "tenant %s was due in %.0f days, which cannot be; it is looked at now", member, (at - now) / 86_400
                )
                parts.due.remove(member)  # with the lease, if it is that which ends then
                parts.due.ensure({member: now})

    def _pool(self, parts: Parts, deliverer: Deliverer, stop: asyncio.Event) -> Pool:
        return Pool(
            parts.due,
            parts.clock,
            partial(self._work, parts, deliverer, stop),
            self._outage,
            places=WORKERS,
            lease_seconds=self._lease_seconds,
            look_seconds=LOOK_SECONDS,
            finishes=True,
        )

    async def _work(self, parts: Parts, deliverer: Deliverer, stop: asyncio.Event, claim: Claim) -> None:
        try:
            await deliverer.deliver(claim)
        except Retryable as trouble:
            failures = self._outage.waits(claim.member, trouble)
            wait = trouble.retry_after or backoff(failures, RETRY_CAP_SECONDS)
            await insist(partial(_give_back, parts, claim, wait), self._lease_seconds, stop)
        except Exception:
            await self._rest_of_a_bug(parts, claim, stop)
        else:
            self._bugs.pop(claim.member, None)
            self._outage.goes_on(claim.member)

    async def _rest_of_a_bug(self, parts: Parts, claim: Claim, stop: asyncio.Event) -> None:
        """
        It is this tenant's delivery that failed: it rests, longer each time, and the others go on. An intent that was
        written stays open, so that the next try treats the outcome as unknown.
        """
        failures = self._bugs[claim.member] = self._bugs.get(claim.member, 0) + 1
        wait = min(BUG_REST_SECONDS * 2 ** min(failures - 1, 16), LONGEST_BUG_REST_SECONDS)
        log.exception("tenant %s: delivery failed on a bug; retrying in %.0f s", claim.member, wait)
        self._outage.goes_on(claim.member)
        await insist(partial(_give_back, parts, claim, wait), self._lease_seconds, stop)


def _give_back(parts: Parts, claim: Claim, wait: float) -> bool:
    return parts.due.finish(claim, parts.clock().timestamp() + wait, fulfilled=False)


def _hasten(parts: Parts, tenant: str) -> None:
    parts.due.hasten(tenant, parts.clock().timestamp())
