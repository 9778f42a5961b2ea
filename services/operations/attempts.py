"""What Redis has of the readings of each book and of the deliveries of each tenant. Reads, and changes nothing."""

from typing import Protocol

from services.fetcher.sweep.redis_cache import RedisMemory
from services.gateway.redis_feed_store import RedisMemory as GatewayMemory
from services.operations import stores
from services.operations.standing import Attempts, Delivering
from services.operations.tenants.complaints import complaints_in
from services.publisher.tenant_store import TENANTS
from shared.config.settings import Config
from shared.contract.codec import decoder
from shared.contract.populations import school_of
from shared.contract.tenant_state import TenantState
from shared.lanes.partition import lane_of
from shared.redis.client import connect
from shared.redis.due_queue import RedisDueQueue
from shared.redis.fenced_hashes import RedisFencedHashes


class Looks(Protocol):
    """All that ``rollcall status`` asks beside the holds. Each raises Retryable."""

    def attempts(self, book: str) -> Attempts: ...

    def delivering(self, tenant: str) -> Delivering: ...


class RedisLooks:
    def __init__(self, config: Config) -> None:
        client, prefix = connect(config), config.redis.key_prefix
        self._fetcher = RedisMemory(client, prefix)
        self._gateway = GatewayMemory(client, prefix)
        self._due = RedisDueQueue(client, prefix, stores.SWEEPS)
        self._tenants = RedisFencedHashes(client, prefix, stores.TENANTS)
        self._config = config

    def attempts(self, book: str) -> Attempts:
        if school_of(book) in self._config.pushed:
            return Attempts(failing=self._gateway.failing(school_of(book)))
        state, failing = self._fetcher.glance(book)
        due_at, is_claimed = self._due.look(book)
        return Attempts(failing, state.completed_at, state.areas, due_at, is_claimed)

    def delivering(self, tenant: str) -> Delivering:
        lane = lane_of(tenant, self._config.kafka.partitions)
        (value,) = self._tenants.read(lane, {TENANTS: [tenant]}).some[TENANTS]
        if value is None:
            return Delivering()
        state: TenantState = decoder(TenantState).decode(value)
        return Delivering(state.held, state.retries, state.not_before or "", complaints_in(state))


def looks_of(config: Config) -> Looks:
    """By what the fetcher, the gateway and the publisher keep."""
    return RedisLooks(config)
