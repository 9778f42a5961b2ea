"""
Where the services keep their state in Redis.

The names are written here once more, since the services' applications take longer to import than a question takes.
"""

from shared.config.settings import Config
from shared.ports import LaneStore
from shared.redis.client import RedisLaneStore, connect

RECONCILER, PUBLISHER, TENANTS, SWEEPS = "reconciler", "publisher", "tenants", "sweeps"


def reconciler_store(config: Config) -> LaneStore:
    """Last-known state, lane by lane."""
    return RedisLaneStore(connect(config), config.redis.key_prefix, RECONCILER)
