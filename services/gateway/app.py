"""The gateway's composition root: configuration -> Redis, Kafka and the web application, served until told to stop."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import uvicorn
from starlette.types import ASGIApp

from services.gateway.connections import Connection, Places, room_for
from services.gateway.follow import Follower
from services.gateway.intake import Intake
from services.gateway.keys import ApiKeys
from services.gateway.publish_lease import FINISH_SECONDS, Stopping
from services.gateway.recall import recall_school
from services.gateway.redis_feed_store import RedisMemory
from services.gateway.spool import spool_fault
from services.gateway.web import Web
from shared.clock import utc_now
from shared.config.settings import Config, Gateway
from shared.errors import ConfigError
from shared.kafka.client import KafkaLog
from shared.redis.client import connect

log = logging.getLogger("rollcall.gateway")

BACKLOG = 16  # connections that wait: asyncio takes so many before the first can be let go, and tells of each it cannot
CLOSE_SECONDS = 1.0  # for the producer, which has nothing left that anybody was promised


class GatewayService:
    """``address`` is where it listens, from the moment that it does; port 0 takes any that is free."""

    name = "gateway"

    def __init__(self, config: Config) -> None:
        self._config = config
        self.address: tuple[str, int] | None = None

    async def run(self, stop: asyncio.Event) -> None:
        stopping, out = Stopping(), KafkaLog(self._config)
        memory = RedisMemory(connect(self._config), self._config.redis.key_prefix)
        recall = partial(recall_school, self._config)
        intake = Intake(
            *(memory, out, utc_now, self._config.kafka.partitions, recall),
            with_staff=schools_with_staff(self._config),
            most_records=self._config.gateway.max_records,
        )
        keys = ApiKeys(self._config.schools)
        modes = {name: tenant.mode for name, tenant in self._config.tenants.items()}
        most = self._config.gateway.max_body_bytes
        web = Web(keys, memory, intake, utc_now, most, stopping, modes=modes)
        server = server_of(web.app(), self._config.gateway)
        if (fault := spool_fault()) is not None:
            log.error("%s; until then bodies are answered 503", fault)
        listening = listen(self._config)
        self.address = listening.getsockname()[:2]
        serving = asyncio.create_task(server.serve([listening]))
        over = asyncio.Event()
        following = asyncio.create_task(Follower(self._config, memory).run(over))
        told = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({serving, told, following}, return_when=asyncio.FIRST_COMPLETED)
            stopping.begin()
            server.should_exit = True
            await serving
        finally:
            told.cancel()
            serving.cancel()
            over.set()
            await asyncio.wait({following}, timeout=CLOSE_SECONDS)
            web.close()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.to_thread(out.close), CLOSE_SECONDS)
        if following.done() and (bug := following.exception()) is not None:
            raise bug


def server_of(app: ASGIApp, settings: Gateway) -> uvicorn.Server:
    """Serves the application to whoever knocks; ``serve`` it on a socket."""
    places = Places(room_for(settings.max_connections), settings.max_connections_per_address)
    return _Server(
        uvicorn.Config(
            app,
            http=partial(Connection, places=places),  # type: ignore[arg-type] # uvicorn calls it, and asks no more of it
            ws="none",
            backlog=BACKLOG,
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=int(FINISH_SECONDS) + 2,
        )
    )


class _Server(uvicorn.Server):
    """Leaves the process' signals to whoever runs it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(config: Config) -> socket.socket:
    """Raises: ConfigError, with the fix."""
    host, port = config.gateway.host, config.gateway.port
    try:
        family, *_, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(place[:2], family=family)
    except OSError as error:
        raise ConfigError(
            f'gateway.listen = "{config.gateway.listen}": {error.strerror}; take another address, or end what has it'
        ) from error


def schools_with_staff(config: Config) -> frozenset[str]:
    """Those whose tenant has its staff managed."""
    return frozenset(filter(config.has_staff, config.schools))
