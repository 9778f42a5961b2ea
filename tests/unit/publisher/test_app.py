"""The publisher's workers, while something is away: told once, tried again after longer and longer."""

import asyncio
import logging
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from services.publisher import app
from services.publisher.app import PublisherService
from shared.errors import Retryable
from shared.memory import MemoryDueQueue
from shared.ports import Claim
from shared.work import pool
from tests.unit.publisher.world import START, a_config

NOW = START.timestamp()


class Deliverer:
    """Abbey needs Kafka, which is away for so many tries; priory needs nothing, and is due again at once."""

    def __init__(self, due: MemoryDueQueue, troubles: int, trouble: Exception | None = None) -> None:
        self.due = due
        self.troubles = troubles
        self.trouble = trouble or Retryable("Kafka: away")
        self.tries: Counter[str] = Counter()
        self.has_abbey = asyncio.Event()

    async def deliver(self, claim: Claim) -> None:
        self.tries[claim.member] += 1
        await asyncio.sleep(0)
        if claim.member == "abbey" and self.troubles:
            self.troubles -= 1
            raise self.trouble
        if claim.member == "abbey":
            self.has_abbey.set()
        self.due.finish(claim, NOW if claim.member == "priory" else NOW + 10**6, fulfilled=True)


async def work(folder: Path, deliverer: Deliverer) -> None:
    """Until abbey is delivered."""
    service = PublisherService(a_config(folder), clock=lambda: START)
    parts: Any = SimpleNamespace(due=deliverer.due, clock=lambda: START)
    stop = asyncio.Event()
    workers = asyncio.create_task(service._pool(parts, deliverer, stop).run(stop))  # type: ignore[arg-type]
    async with asyncio.timeout(60):
        await deliverer.has_abbey.wait()
    stop.set()
    await workers


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """For which try in a row a wait was asked for; none is waited."""
    found: list[int] = []

    def at_once(attempt: int, cap: float) -> float:
        found.append(attempt)
        return 0.0

    for module in (app, pool):
        monkeypatch.setattr(module, "backoff", at_once)
    return found


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING]


async def test_kafka_away_is_told_once_although_others_go_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, waits: list[int]
) -> None:
    """Fails when any worker that has done anything says that the publisher goes on: 1,007 lines in three minutes."""
    due = MemoryDueQueue()
    due.ensure({"abbey": NOW, "priory": NOW})
    deliverer = Deliverer(due, troubles=20)
    await work(tmp_path, deliverer)
    assert deliverer.tries["abbey"] == 21
    assert deliverer.tries["priory"] > 1
    assert told(caplog) == ["publisher: retrying: Kafka: away", "publisher: recovered"]


async def test_each_try_waits_longer_than_the_one_before(tmp_path: Path, waits: list[int]) -> None:
    """Fails when a worker counts, and not the tenant: whoever finds nothing to do begins at the shortest wait again."""
    due = MemoryDueQueue()
    due.ensure({"abbey": NOW})
    await work(tmp_path, Deliverer(due, troubles=5))
    assert waits == [1, 2, 3, 4, 5]


async def test_a_queue_that_is_away_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, waits: list[int]
) -> None:
    due = MemoryDueQueue()
    due.ensure({"abbey": NOW})
    claim, troubles = due.claim, [Retryable("Redis: away")] * 12

    def moody(now: float, lease_seconds: float) -> Claim | None:
        if troubles:
            raise troubles.pop()
        return claim(now, lease_seconds)

    due.claim = moody  # type: ignore[method-assign]
    await work(tmp_path, Deliverer(due, troubles=0))
    assert told(caplog) == ["publisher: retrying: Redis: away", "publisher: recovered"]


async def test_a_bug_in_one_tenants_delivery_rests_that_tenant(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, waits: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails when one answer that nobody thought of ends the publisher: then no tenant is delivered any more."""
    rests: list[float] = []

    def give_back(parts: Any, claim: Claim, wait: float) -> bool:
        rests.append(wait)
        return bool(parts.due.finish(claim, NOW, fulfilled=False))

    monkeypatch.setattr(app, "_give_back", give_back)
    due = MemoryDueQueue()
    due.ensure({"abbey": NOW, "priory": NOW})
    deliverer = Deliverer(due, troubles=9, trouble=LookupError("zlib"))
    await work(tmp_path, deliverer)
    assert (deliverer.tries["abbey"], deliverer.tries["priory"] > 1) == (10, True)
    assert rests == [60.0, 120.0, 240.0, 480.0, 960.0, 1920.0, 3600.0, 3600.0, 3600.0]
    assert told(caplog)[0] == "tenant abbey: delivery failed on a bug; retrying in 60 s"


async def test_after_a_bug_a_tenant_comes_due_again(tmp_path: Path) -> None:
    due = MemoryDueQueue()
    due.ensure({"abbey": NOW})
    service = PublisherService(a_config(tmp_path), clock=lambda: START)
    claim = due.claim(NOW, 60.0)
    assert claim is not None
    parts: Any = SimpleNamespace(due=due, clock=lambda: START)
    try:
        raise KeyError("esmeralda@abbey.example")
    except KeyError:
        await service._rest_of_a_bug(parts, claim, asyncio.Event())
    assert due.members() == {"abbey": NOW + 60.0}
    assert due.claim(NOW + 59.0, 60.0) is None
    assert due.claim(NOW + 60.0, 60.0) is not None
