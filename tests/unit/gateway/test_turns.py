"""One body of a school at a time, and none for ever: leases, and a gateway that is told to end."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest

from services.gateway import publish_lease as gate_module
from services.gateway import web as web_module
from services.gateway.publish_lease import PublishLease
from shared.contract.codec import Message
from shared.work import lease as lease_module
from shared.work.lease import KeptLease
from tests.unit.gateway.world import SLUG, World, a_body, kinds


async def test_one_body_of_a_school_at_a_time() -> None:
    world = World()
    first_is_here, second_was_answered = asyncio.Event(), asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b"{"
        first_is_here.set()
        await second_was_answered.wait()
        yield json.dumps(a_body()).encode()[1:]

    first = asyncio.create_task(world.post(None, slowly()))
    await first_is_here.wait()
    second = await world.post(a_body())
    others = await world.client.post("/v1/sync", json=a_body(), headers={"API_KEY": "another-key"})
    second_was_answered.set()
    assert (second.status_code, others.status_code, (await first).status_code) == (409, 202, 202)
    assert int(second.headers["retry-after"]) > 0
    assert (await world.post(a_body())).status_code == 202


class Gated:
    """A log that lets a test act between two batches."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.reached, self.go_on = threading.Event(), threading.Event()

    def publish(self, messages: Sequence[Message]) -> None:
        self.world.log.publish(messages)
        self.reached.set()
        assert self.go_on.wait(120)


class Leases:
    """They last 30 s, by a clock that is moved by hand, and are renewed all the time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self.made: list[PublishLease] = []
        monkeypatch.setattr(lease_module, "RENEWALS", 10**9)
        monkeypatch.setattr(web_module, "PublishLease", self._make)

    def _make(self, *given: Any) -> PublishLease:
        lease = PublishLease(*given)
        lease.kept._ticks = lambda: self.now
        lease.kept.given(given[-1]._replace(tick=self.now))
        self.made.append(lease)
        return lease

    async def until(self, condition: Callable[[KeptLease], bool]) -> None:
        async with asyncio.timeout(120):
            while not condition(self.made[-1].kept):  # noqa: ASYNC110 - whatever the condition looks at has no event
                await asyncio.sleep(0.01)


@pytest.fixture
def leases(monkeypatch: pytest.MonkeyPatch) -> Leases:
    return Leases(monkeypatch)


async def test_a_lease_lost_midway_stops_the_publishing(leases: Leases) -> None:
    world = World()
    world.web._intake._out = log = Gated(world)
    posting = asyncio.create_task(world.post(a_body()))
    await asyncio.to_thread(log.reached.wait, 120)
    world.memory.lose(SLUG)
    await leases.until(lambda lease: not lease.held())
    log.go_on.set()
    answer = await posting
    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (503, "lease-lost")
    assert kinds(world.log.messages) == ["SweepStarted", "StructureFetched", *["StudentFetched"] * 20]
    assert (world.memory.lasts, world.memory.statuses) == ({}, {})


async def test_a_lease_is_kept_while_a_body_takes_long(leases: Leases) -> None:
    world = World()
    world.web._intake._out = log = Gated(world)
    posting = asyncio.create_task(world.post(a_body()))
    await asyncio.to_thread(log.reached.wait, 120)
    for _ in range(2):
        leases.now += 20
        await leases.until(lambda lease: lease._until.tick == leases.now + 30)
    log.go_on.set()
    assert (await posting).status_code == 202


async def test_a_lease_lost_at_the_end_is_no_acceptance() -> None:
    world = World()
    accept = world.memory.accept

    def too_late(*given: Any) -> bool:
        world.memory.lose(SLUG)
        return accept(*given)

    world.memory.accept = too_late  # type: ignore[assignment,method-assign]
    assert (await world.post(a_body())).status_code == 503
    assert world.memory.lasts == {}


async def test_a_gateway_that_stops_refuses_what_has_not_come_whole() -> None:
    world = World()
    is_here = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b"{"
        is_here.set()
        await asyncio.sleep(1000)

    posting = asyncio.create_task(world.post(None, slowly()))
    await is_here.wait()
    world.stopping.begin()
    answer = await asyncio.wait_for(posting, 60)
    assert (answer.status_code, (await world.post(a_body())).status_code) == (503, 503)
    assert (await world.client.get("/health")).status_code == 503
    assert world.log.messages == []


async def test_a_gateway_that_stops_ends_what_is_being_published(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (gate_module, web_module):
        monkeypatch.setattr(module, "FINISH_SECONDS", 120.0)
    world = World()
    world.web._intake._out = log = Gated(world)
    posting = asyncio.create_task(world.post(a_body()))
    await asyncio.to_thread(log.reached.wait, 120)
    world.stopping.begin()
    log.go_on.set()
    assert (await posting).status_code == 202


async def test_a_gateway_that_stops_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate_module, "FINISH_SECONDS", 0.0)
    world = World()
    world.web._intake._out = log = Gated(world)
    posting = asyncio.create_task(world.post(a_body()))
    await asyncio.to_thread(log.reached.wait, 120)
    world.stopping.begin()
    await asyncio.sleep(0.01)
    log.go_on.set()
    assert (await posting).status_code == 503
    assert kinds(world.log.messages)[-1] != "SweepCompleted"
