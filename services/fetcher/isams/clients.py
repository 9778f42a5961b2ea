"""The doors of a process' schools: those that share an address share their manners too."""

from services.fetcher.isams.client import Isams
from services.fetcher.isams.hourly_quota import RedisAllowance
from services.fetcher.isams.rate_limit import Politeness
from services.fetcher.isams.source import Source
from shared.config.settings import Config, IsamsSchool
from shared.redis.client import Client


class Hosts:
    """
    Makes sources. Of several schools at one address the smallest ``max_requests_per_hour`` is that address' ceiling.
    """

    def __init__(self, config: Config, client: Client) -> None:
        self._config = config
        self._client = client
        self._manners: dict[str, Politeness] = {}

    def source_of(self, school: IsamsSchool) -> Source:
        return Isams(school, self.politeness_of(school.base_url))

    def politeness_of(self, base_url: str) -> Politeness:
        if base_url not in self._manners:
            schools = (one for one in self._config.schools.values() if isinstance(one, IsamsSchool))
            ceiling = min(one.max_requests_per_hour for one in schools if one.base_url == base_url)
            shared = RedisAllowance(self._client, self._config.redis.key_prefix, base_url)
            self._manners[base_url] = Politeness(ceiling, shared=shared)
        return self._manners[base_url]
