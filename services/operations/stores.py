"""
Where the services keep their state in Redis.

The names are written here once more, since the services' applications take longer to import than a question takes.
"""

from shared.config.settings import Config
from shared.ports import FencedHashes
from shared.redis.client import connect
from shared.redis.fenced_hashes import RedisFencedHashes

RECONCILER, PUBLISHER, TENANTS, SWEEPS = "reconciler", "publisher", "tenants", "sweeps"


def reconciler_store(config: Config) -> FencedHashes:
    """Last-known state, lane by lane."""
    return RedisFencedHashes(connect(config), config.redis.key_prefix, RECONCILER)
