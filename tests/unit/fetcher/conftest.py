"""A twin of iSAMS with one school of sixty, and adapters that read it over HTTP on the loopback."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import msgspec
import pytest

from services.fetcher.isams.client import Isams
from services.fetcher.isams.rate_limit import Politeness
from services.sandbox.isams.twin import isams_app
from services.sandbox.schools.school import make_school
from services.sandbox.servers.serve import Server
from services.sandbox.twin_client import IsamsTwin
from tests.unit.fetcher.world import settings


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server(isams_app()).start()
    yield server
    server.stop()


@pytest.fixture
def twin(server: Server) -> Iterator[IsamsTwin]:
    school = msgspec.to_builtins(make_school("abbey", 60, 1), str_keys=True)
    school["sets"] = school["sets"][:12]  # of a hundred
    school["setLists"] = {str(one["id"]): school["setLists"][str(one["id"])] for one in school["sets"]}
    with IsamsTwin(server.url, "abbey") as twin:
        twin.load(school, client_id="made-up", client_secret="made-up")
        yield twin
        twin.clear_faults()


class Impatient(Politeness):
    """Keeps count of the rests, and takes none."""

    def __init__(self, per_hour: int = 100_000) -> None:
        self.rests: list[float] = []
        super().__init__(per_hour, sleep=self._note)

    async def _note(self, seconds: float) -> None:
        self.rests.append(seconds)
        self._quiet_until = 0.0


Maker = Callable[..., Isams]


@pytest.fixture
async def isams(twin: IsamsTwin) -> AsyncIterator[Maker]:
    made: list[Isams] = []

    def make(politeness: Politeness | None = None, clock: Any = None, **changes: Any) -> Isams:
        config = settings(**{"base_url": twin.base_url, "page_size": 25} | changes)
        more = {} if clock is None else {"clock": clock}
        made.append(Isams(config, politeness or Impatient(), **more))
        return made[-1]

    yield make
    for one in made:
        await one.close()
