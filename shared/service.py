"""What a service is, and how several run in one process until they are told to stop."""

import asyncio
import gc
import logging
import random
import signal
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol

from shared.errors import Retryable, RollcallError

log = logging.getLogger("rollcall")

INSIST_CAP_SECONDS = 2.0
STOP_SECONDS = 9.0  # what runs is given this long to end; supervision allows ten


class Service(Protocol):
    """One of Rollcall's services. ``run`` returns soon after ``stop`` is set, with whatever was under way ended."""

    name: str

    async def run(self, stop: asyncio.Event) -> None: ...


def backoff(attempt: int, cap: float, base: float = 0.2) -> float:
    """Seconds to wait before try ``attempt`` (from 1): full jitter, capped."""
    return random.uniform(base / 2, min(cap, base * 2 ** min(attempt, 16)))


async def sleep_unless(stop: asyncio.Event, seconds: float) -> bool:
    """Wait; True as soon as ``stop`` is set."""
    try:
        await asyncio.wait_for(stop.wait(), max(seconds, 0.0))
    except TimeoutError:
        return False
    return True


async def insist(action: Callable[[], object], seconds: float, stop: asyncio.Event) -> bool:
    """
    Do it, in a thread, again and again while what it needs is away: for so many seconds, or until ``stop``.

    A claim that is not given back keeps its place to itself until its lease ends, long after the queue is there again.
    Returns whether it was done.
    """
    deadline = asyncio.get_running_loop().time() + seconds
    attempt = 0
    while True:
        try:
            await asyncio.to_thread(action)
        except Retryable as trouble:
            attempt += 1
            wait = trouble.retry_after or backoff(attempt, INSIST_CAP_SECONDS)
            if asyncio.get_running_loop().time() + wait > deadline or await sleep_unless(stop, wait):
                return False
            continue
        return True


async def finish_anyway(work: Coroutine[Any, Any, None], seconds: float) -> None:
    """
    Do it to its end, for at most so many seconds once the caller is cancelled: what is half told (a failure written
    down, and its claim not given back) is worse than a stop that comes a moment later. Raises: CancelledError, then.
    """
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=seconds)
        task.cancel()  # if it has not ended; what it was told to do in a thread goes on there
        await asyncio.gather(task, return_exceptions=True)
        raise


async def run_services(services: Sequence[Service], stop: asyncio.Event | None = None) -> int:
    """
    Run until SIGTERM, SIGINT or ``stop``; one that fails ends all of them.

    Returns the process' exit code: 0, or 1 for a failure.
    """
    stop = stop or asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    calm_garbage_collector()
    tasks = {asyncio.create_task(service.run(stop), name=service.name): service for service in services}
    for service in services:
        log.info("%s started", service.name)
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({*tasks, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stop.set()
        _, late = await asyncio.wait(tasks, timeout=STOP_SECONDS)
    finally:
        stopping.cancel()
    for task in late:
        log.error("%s did not stop within %.0f s and was cancelled", tasks[task].name, STOP_SECONDS)
        task.cancel()
    failures = 0
    for task, service in tasks.items():
        error = None if task in late else task.exception()
        if error is not None:
            failures += 1
            error = alone(error)
            if isinstance(error, RollcallError):  # on purpose: what it says is what a person needs
                log.error("%s stopped, position unchanged: %s", service.name, error)
                continue
            log.error("%s stopped on a bug, position unchanged", service.name, exc_info=error)
        else:
            log.info("%s stopped", service.name)
    return 1 if failures or late else 0


def alone(error: BaseException) -> BaseException:
    """What a group of tasks ended with, if that is one thing."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def calm_garbage_collector() -> None:
    """What was imported stays for good: looking at it again on every collection halves the speed of a backlog."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(250_000, 20, 100)
