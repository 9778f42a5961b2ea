"""Which schools share their manners."""

import pytest

from services.fetcher.isams.clients import Hosts
from shared.config.settings import Config
from shared.redis.client import connect
from tests.unit.fetcher.world import settings


@pytest.mark.redis
def test_schools_at_one_address_share_the_smaller_ceiling(config: Config) -> None:
    """Fails when each school has an hour of its own: their host would see the sum."""
    schools = {
        "abbey": settings(base_url="http://127.0.0.1:9", max_requests_per_hour=50),
        "abbey-prep": settings(base_url="http://127.0.0.1:9", max_requests_per_hour=20),
        "priory": settings(base_url="http://127.0.0.1:8", max_requests_per_hour=70),
    }
    client = connect(config)
    hosts = Hosts(config.model_copy(update={"schools": schools}), client)
    shared, alone = hosts.politeness_of("http://127.0.0.1:9"), hosts.politeness_of("http://127.0.0.1:8")
    assert (shared.left(), alone.left()) == (20, 70)
    assert hosts.politeness_of("http://127.0.0.1:9") is shared
    client.close()
