"""``rollcall run``: one service, several or all of them, in this process, until SIGTERM or Ctrl-C."""

import asyncio
import importlib
import logging
import os
import signal
import threading
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.invocation import config_of
from shared.errors import ConfigError

if TYPE_CHECKING:
    from shared.config.settings import Config
    from shared.service import Service

log = logging.getLogger("rollcall")

SERVICES = {
    "fetcher": "services.fetcher.app:FetcherService",
    "gateway": "services.gateway.app:GatewayService",
    "eligibility": "services.eligibility.app:EligibilityService",
    "reconciler": "services.reconciler.app:ReconcilerService",
    "publisher": "services.publisher.app:PublisherService",
}
OPEN_SECONDS = 2.5  # to reach Kafka, in one try: SIGTERM waits for it
RETRY_CAP_SECONDS = 10.0
BEAT_SECONDS = 5.0
THREADS_SECONDS = 0.5  # that threads get to end once every service has, or was cut off


class Name(StrEnum):
    """What may be run."""

    FETCHER = "fetcher"
    GATEWAY = "gateway"
    ELIGIBILITY = "eligibility"
    RECONCILER = "reconciler"
    PUBLISHER = "publisher"
    ALL = "all"


def run(
    context: typer.Context,
    names: Annotated[list[Name], typer.Argument(metavar="NAME...", help=f"{', '.join(Name)}.", show_choices=False)],
    log_json: Annotated[bool, typer.Option("--log-json", help="Log lines as JSON objects.")] = False,
    alive: Annotated[
        Path | None,
        typer.Option("--alive", metavar="FILE", help="Touched every five seconds while the process answers."),
    ] = None,
) -> None:
    """
    Run services in this process until SIGTERM or Ctrl-C: then exit code 0, within ten seconds.

    Any number of processes may run the same service: they share the lanes, the schools and the tenants. Exit codes:
    0 stopped when told to, 1 a service failed or the topics are not as configured, 2 the configuration is wrong.
    """
    signal.signal(signal.SIGTERM, _leave)  # until the services are there to be told
    config = config_of(context)
    from shared import logs

    logs.set_up(config.logging.level, as_json=log_json)
    if alive is not None:
        _first_beat(alive)
    code = asyncio.run(_run(config, chosen(names), alive))
    raise typer.Exit(code)


def chosen(names: Sequence[Name]) -> list[str]:
    """Each service once, in the order in which records pass through them."""
    return [name for name in SERVICES if Name.ALL in names or name in names]


def service_of(name: str, config: "Config") -> "Service":
    """Import and build one service; the others stay unread."""
    module, _, attribute = SERVICES[name].partition(":")
    service: Service = getattr(importlib.import_module(module), attribute)(config)
    return service


async def _run(config: "Config", names: Sequence[str], alive: Path | None) -> int:
    from shared.kafka.watch import KafkaWatch
    from shared.service import run_services

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    heart = asyncio.create_task(_beat(alive, stop)) if alive else None  # kept, or it would be collected
    if not await _topics_are_right(config, stop):
        return 0
    watch = asyncio.create_task(KafkaWatch(config, names).run(stop))
    code = await run_services([service_of(name, config) for name in names], stop)
    watch.cancel()
    if stop.is_set():
        end_soon(code)
    if heart is not None:
        heart.cancel()
    return code


def _first_beat(file: Path) -> None:
    """A file that cannot be touched looks like a process that hangs. Raises: ConfigError."""
    try:
        file.touch()
    except OSError as error:
        raise ConfigError(
            f"--alive: {file} cannot be written ({error.strerror}); name a file in a folder that this user may write to"
        ) from error


async def _beat(file: Path, stop: asyncio.Event) -> None:
    """Keep a file's time young: one that grows old is of a process that hangs, and supervision may restart it."""
    from shared.service import sleep_unless

    is_told = False
    while True:
        try:
            await asyncio.to_thread(file.touch)
            is_told = False
        except OSError as error:
            if not is_told:
                log.warning("--alive: %s cannot be written: %s; whoever watches it takes this for a hang", file, error)
            is_told = True
        if await sleep_unless(stop, BEAT_SECONDS):
            return


def end_soon(code: int) -> None:
    """
    End the process although a thread still waits for an answer: supervision allows ten seconds, a client may wait
    for thirty. Nothing is lost by it; what is half done is done again, as after a crash.
    """
    last = threading.Timer(THREADS_SECONDS, os._exit, [code])
    last.daemon = True
    last.start()


async def _topics_are_right(config: "Config", stop: asyncio.Event) -> bool:
    """
    Wait until the topics are there as configured; False when told to stop before.

    Raises: TopicsRefused.
    """
    from shared.errors import Retryable
    from shared.service import backoff, sleep_unless

    attempt = 0
    while not stop.is_set():
        try:
            await asyncio.to_thread(_ensure_topics, config)
        except Retryable as trouble:
            attempt += 1
            if attempt == 1:
                log.warning("waiting for servers: %s", trouble)
            await sleep_unless(stop, backoff(attempt, RETRY_CAP_SECONDS))
            continue
        return True
    return False


def _ensure_topics(config: "Config") -> None:
    from shared.kafka.admin import Topics, refuse

    with Topics(config, open_seconds=OPEN_SECONDS) as topics:
        if not config.kafka.create_topics:
            refuse(topics.look(with_settings=False))
            return
        for one in topics.create():
            if one.was_created:
                log.info("topic %s created with %d partitions", one.wanted.name, one.wanted.partitions)


def _leave(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)
