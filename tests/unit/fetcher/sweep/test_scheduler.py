"""The worker: who is read when, by whom, and what happens when that goes wrong."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime

import pytest

from services.fetcher.isams.source import EMPLOYEES, Page, Refused
from services.fetcher.population import School
from services.fetcher.sweep import scheduler as module
from services.fetcher.sweep.cache import MemoryMemory
from services.fetcher.sweep.scheduler import FULL, Rounds
from shared.contract.events import StaffFetched
from shared.errors import Retryable
from shared.memory import MemoryDueQueue, MemoryLog
from shared.ports import Claim
from shared.sweeps.failing import Failing
from shared.work import lease as leases
from shared.work import pool as pools
from tests.unit.fetcher.world import (
    MONDAY,
    Abbey,
    AbbeySource,
    completed,
    employee,
    event,
    ids,
    kinds,
    record,
    settings,
)

NOW = MONDAY.timestamp()
FAR = NOW + 10**6
STAFF = "abbey+staff"


class Still:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = MONDAY

    def __call__(self) -> datetime:
        return self.now


class Waiting(AbbeySource):
    """Its first page waits until the gate opens."""

    def __init__(self, *pupils: str) -> None:
        super().__init__([record(id) for id in pupils])
        self.gate = asyncio.Event()
        self.waits = asyncio.Event()

    async def students(self, page: int) -> Page:
        self.waits.set()
        await self.gate.wait()
        return await super().students(page)


class World:
    def __init__(self, concurrency: int = 4, **sources: AbbeySource) -> None:
        self.due = MemoryDueQueue()
        self.out = MemoryLog()
        self.memory = MemoryMemory()
        self.sources = sources
        self.config = settings(poll_seconds=300)
        self.schools = {
            slug: School(slug, self.config, number, source) for number, (slug, source) in enumerate(sources.items())
        }
        self.clock = Still()
        self.rounds = Rounds(self.schools, self.due, self.out, self.memory, self.clock, concurrency, jitter=lambda: 0.0)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Event]:
        stop = asyncio.Event()
        task = asyncio.create_task(self.rounds.run(stop))
        try:
            yield stop
        finally:
            stop.set()
            await asyncio.wait_for(task, 30)

    def at(self, slug: str) -> float:
        """When the school comes due, from now."""
        return self.due.members()[slug] - self.clock.now.timestamp()

    def said(self, slug: str) -> list[str]:
        return kinds([one for one in self.out.messages if one.key.split("/")[0] == slug])

    def closes(self, slug: str) -> int:
        return sum(kind in ("SweepCompleted", "SweepFailed") for kind in self.said(slug))

    async def rested(self, slug: str, closes: int = 1) -> None:
        """Until so many sweeps have ended, and the queue knows."""
        await until(lambda: self.closes(slug) >= closes and slug not in self.due._leases)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - whatever the condition looks at has no event
            await asyncio.sleep(0)


def pupils(count: int = 3) -> AbbeySource:
    return AbbeySource([record(id) for id in ids(count)])


async def test_every_school_is_read_at_once_and_then_at_its_pace() -> None:
    world = World(abbey=pupils(), priory=pupils())
    async with world.running():
        await world.rested("abbey")
        await world.rested("priory")
        assert (world.at("abbey"), world.at("priory")) == (300, 300)
        world.clock.now = MONDAY.fromtimestamp(NOW + 300, MONDAY.tzinfo)
        world.rounds.look()
        await world.rested("abbey", 2)
    assert world.said("abbey")[-2:] == ["SweepStarted", "SweepCompleted"]


async def test_a_school_that_is_not_due_yet_is_due_at_the_start() -> None:
    world = World(abbey=pupils())
    world.due.ensure({"abbey": FAR})
    async with world.running():
        await world.rested("abbey")


async def test_a_queue_that_is_gone_is_made_again_in_full() -> None:
    world = World(abbey=pupils())
    async with world.running():
        await world.rested("abbey")
        world.due.remove("abbey")
        world.rounds.look()
        await world.rested("abbey", 2)
    assert completed(world.out.messages[-1:]).full


async def test_a_school_that_somebody_removed_comes_back() -> None:
    world = World(abbey=pupils(), priory=pupils())
    async with world.running():
        await world.rested("abbey")
        await world.rested("priory")
        world.due.remove("abbey")
        world.rounds.look()
        await world.rested("abbey", 2)
    assert not completed(world.out.messages[-1:]).full


class TestTwoBooks:
    """A school whose staff is managed is in the queue twice. Its areas say what they said before."""

    @pytest.fixture
    async def world(self) -> World:
        source = pupils()
        source.short[EMPLOYEES] = [employee(214), employee(215)]
        before = Abbey(source)
        await before.sweep()
        world = World(abbey=source)
        world.memory.keep_areas("abbey", before.memory.load("abbey").areas)
        world.schools[STAFF] = replace(world.schools["abbey"], kind="staff")
        return world

    async def test_both_are_read_at_once_and_each_at_its_own_pace(self, world: World) -> None:
        async with world.running():
            await world.rested("abbey")
            await world.rested(STAFF)
            assert (world.at("abbey"), world.at(STAFF)) == (300, 3600)
        assert world.said("abbey").count("StudentFetched") == 3
        assert world.said(STAFF).count("StaffFetched") == 2

    async def test_a_list_of_staff_that_fails_rests_alone(self, world: World) -> None:
        world.sources["abbey"].trouble[EMPLOYEES] = Refused("403")
        async with world.running():
            for failures, rest in ((1, 15), (2, 30)):
                await world.rested(STAFF, failures)
                assert world.at(STAFF) == rest
                world.clock.now = MONDAY.fromtimestamp(world.due.members()[STAFF], MONDAY.tzinfo)
                world.rounds.look()
            await world.rested("abbey")
            assert world.at("abbey") > 0
        assert world.said("abbey")[-1] == "SweepCompleted"
        assert set(world.said(STAFF)) == {"SweepFailed"}

    async def test_students_that_hang_do_not_hold_the_staff(self) -> None:
        source = Waiting(*ids(3))
        source.short[EMPLOYEES] = [employee(214)]
        world = World(abbey=source)
        world.schools[STAFF] = replace(world.schools["abbey"], kind="staff")
        async with world.running():
            await source.waits.wait()
            await world.rested(STAFF)
            assert world.said("abbey") == []
            source.gate.set()
            await world.rested("abbey")

    async def test_where_the_queue_was_lost_both_are_read_in_full(self, world: World) -> None:
        async with world.running():
            await world.rested("abbey")
            await world.rested(STAFF)
        world.due.remove("abbey")
        world.due.remove(STAFF)
        async with world.running():
            await world.rested("abbey", 2)
            await world.rested(STAFF, 2)
        assert world.said("abbey").count("StudentFetched") == 6
        assert world.said(STAFF).count("StaffFetched") == 4

    async def test_staff_are_read_at_once_when_the_sets_are_others(self, world: World) -> None:
        async with world.running():
            await world.rested("abbey")
            await world.rested(STAFF)
            world.sources["abbey"].teach(*ids(2), by=("214",))
            world.due.hasten("abbey", NOW, FULL)
            world.rounds.look()
            await world.rested(STAFF, 2)
            assert (world.at("abbey"), world.at(STAFF)) == (300, 3600)
        (told,) = [event(one) for one in world.out.messages if one.key == f"{STAFF}/214"][1:]
        assert isinstance(told, StaffFetched)
        assert told.student.modules == ("Y10-HIS",)

    async def test_staff_that_nobody_manages_any_more_leave_the_queue(self, world: World) -> None:
        del world.schools[STAFF]
        world.due.ensure({STAFF: NOW})
        async with world.running():
            await until(lambda: STAFF not in world.due.members())
            await world.rested("abbey")
        assert world.said(STAFF) == []


async def test_a_slow_school_delays_no_other() -> None:
    slow = Waiting(*ids(3))
    world = World(concurrency=2, slow=slow, abbey=pupils(), priory=pupils())
    async with world.running():
        await slow.waits.wait()
        await world.rested("abbey")
        await world.rested("priory")
        assert world.said("slow") == []
        slow.gate.set()
        await world.rested("slow")


async def test_schools_that_hang_delay_no_other_even_where_they_fill_every_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Fails when a sweep that takes long keeps its place: the third school would never be read."""
    monkeypatch.setattr(pools, "SLOW_SECONDS", 0.0)
    world = World(concurrency=2, first=(first := Waiting()), second=(second := Waiting()), third=pupils())
    world.due.ensure({"third": NOW + 1})
    async with world.running():
        await first.waits.wait()
        await second.waits.wait()
        await world.rested("third")
        assert world.said("first") == world.said("second") == []


async def test_a_school_that_failed_last_time_takes_no_place_from_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails when it is claimed like any other: with one place, a school that hangs would keep it for a while."""
    monkeypatch.setattr(pools, "SLOW_SECONDS", 10**6)
    bad = Waiting(*ids(1))
    bad.trouble[1] = Retryable("away")
    world = World(concurrency=1, bad=bad, good=pupils())
    bad.gate.set()
    async with world.running():
        await world.rested("bad")
        await world.rested("good")
        bad.gate.clear()
        bad.waits.clear()
        world.clock.now = MONDAY.fromtimestamp(NOW + 400, MONDAY.tzinfo)
        world.rounds.look()
        await bad.waits.wait()
        await world.rested("good", 2)
        assert world.closes("bad") == 1


async def test_there_is_an_end_to_how_many_take_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails when slow sweeps are not counted: a fetcher would hold as many schools as there are."""
    monkeypatch.setattr(pools, "SLOW_SECONDS", 0.0)
    waiting = {f"school-{number}": Waiting(*ids(1)) for number in range(module.SLOW_PLACES + 2)}
    world = World(concurrency=1, **waiting)
    async with world.running():
        await until(lambda: len(world.due._leases) == module.SLOW_PLACES + 1)
        for _ in range(3):
            world.rounds.look()
            await until(lambda: not world.rounds.pool._wake.is_set())
        assert len(world.due._leases) == module.SLOW_PLACES + 1
        await until(lambda: sum(source.waits.is_set() for source in waiting.values()) > module.SLOW_PLACES)
        (left,) = (source for source in waiting.values() if not source.waits.is_set())
        for source in waiting.values():
            source.gate.set()
        await left.waits.wait()


async def test_no_more_are_read_at_once_than_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "SLOW_SECONDS", 10**6)
    first, second = Waiting(*ids(1)), Waiting(*ids(1))
    world = World(concurrency=1, first=first, second=second)
    async with world.running():
        await first.waits.wait()
        for _ in range(2):  # two rounds: the second begins when the first has claimed whom it would
            world.rounds.look()
            await until(lambda: not world.rounds.pool._wake.is_set())
        assert "second" not in world.due._leases
        first.gate.set()
        await second.waits.wait()
        second.gate.set()
        await world.rested("second")


async def test_a_school_that_fails_rests_and_returns_by_itself(caplog: pytest.LogCaptureFixture) -> None:
    source = pupils()
    source.trouble[1] = Retryable("away")
    world = World(abbey=source, priory=pupils())
    async with world.running():
        for failures, rest in ((1, 15), (2, 30), (3, 60)):
            await world.rested("abbey", failures)
            assert world.at("abbey") == rest
            world.clock.now = MONDAY.fromtimestamp(world.due.members()["abbey"], MONDAY.tzinfo)
            world.rounds.look()
        source.trouble.clear()
        await until(lambda: "SweepCompleted" in world.said("abbey"))
        await world.rested("abbey", 4)
        assert world.at("abbey") == 300
    assert world.closes("priory") == 1
    told = [
        one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING and "abbey" in one.getMessage()
    ]
    assert told == ["abbey: sweep failed (unreachable: away); retrying in 15 s", "abbey: recovered"]


async def test_what_a_school_asked_for_is_honoured() -> None:
    source = pupils()
    source.trouble[1] = Retryable("429", retry_after=1234)
    world = World(abbey=source)
    async with world.running():
        await world.rested("abbey")
        assert world.at("abbey") == 1234


async def test_a_wanted_full_sweep_stays_wanted_until_one_was_completed() -> None:
    source = pupils()
    world = World(abbey=source)
    async with world.running():
        await world.rested("abbey")
        source.trouble[1] = Retryable("away")
        world.due.hasten("abbey", NOW, FULL)
        world.rounds.look()
        await world.rested("abbey", 2)
        source.trouble.clear()
        world.clock.now = MONDAY.fromtimestamp(NOW + 900, MONDAY.tzinfo)
        world.rounds.look()
        await world.rested("abbey", 3)
        assert completed(world.out.messages[-1:]).full
        world.clock.now = MONDAY.fromtimestamp(NOW + 1800, MONDAY.tzinfo)
        world.rounds.look()
        await world.rested("abbey", 4)
    assert not completed(world.out.messages[-1:]).full


async def test_a_full_sweep_wanted_during_another_is_still_wanted_after_it() -> None:
    slow = Waiting(*ids(3))
    world = World(abbey=slow)
    world.due.ensure({"abbey": NOW})
    async with world.running():
        await slow.waits.wait()
        world.due.hasten("abbey", NOW, FULL)
        slow.gate.set()
        await world.rested("abbey", 2)
    assert [completed([one]).full for one in world.out.messages if kinds([one]) == ["SweepCompleted"]] == [True, True]


async def test_stopping_gives_up_the_sweep_and_leaves_the_school_due() -> None:
    slow = Waiting(*ids(3))
    world = World(abbey=slow)
    async with world.running() as stop:
        await slow.waits.wait()
        stop.set()
    assert world.said("abbey") == []
    assert world.at("abbey") <= 0
    assert world.due.claim(NOW, 10) is not None


async def test_stopping_keeps_the_wish_for_a_full_sweep() -> None:
    slow = Waiting(*ids(3))
    world = World(abbey=slow)
    world.due.hasten("abbey", NOW, FULL)
    async with world.running() as stop:
        await slow.waits.wait()
        stop.set()
    claim = world.due.claim(NOW, 10)
    assert claim is not None
    assert claim.note == FULL


async def test_a_lost_lease_ends_the_sweep_in_silence(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(leases, "RENEWALS", 10**9)
    slow = Waiting(*ids(3))
    world = World(abbey=slow)
    async with world.running():
        await slow.waits.wait()
        world.clock.now = MONDAY.fromtimestamp(NOW + 121, MONDAY.tzinfo)
        stranger = world.due.claim(NOW + 121, 600)
        assert stranger is not None
        slow.gate.set()
        await until(lambda: not world.rounds.pool._running)
        assert world.said("abbey") == []
        assert world.due.renew(stranger, NOW + 122, 600)
    assert "nothing more of it is published" in caplog.text
    assert "bug" not in caplog.text


async def test_a_school_that_is_no_longer_configured_is_forgotten() -> None:
    world = World(abbey=pupils())
    world.due.ensure({"abbey": NOW, "gone": NOW - 1})
    async with world.running():
        await until(lambda: "gone" not in world.due.members())
        await world.rested("abbey")


async def test_a_bug_in_one_school_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    source = pupils()
    source.trouble[1] = ZeroDivisionError("ours")
    world = World(abbey=source, priory=pupils())
    with caplog.at_level(logging.ERROR):
        async with world.running():
            await world.rested("priory")
            await until(lambda: world.at("abbey") == 15)
    assert world.said("abbey") == []
    assert "sweep failed on a bug" in caplog.text


async def test_a_queue_that_is_away_is_asked_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(pools, "backoff", lambda *_: 0.0)
    world = World(abbey=pupils())
    claim, troubles = world.due.claim, [Retryable("away")] * 3

    def moody(now: float, lease_seconds: float) -> Claim | None:
        if troubles:
            raise troubles.pop()
        return claim(now, lease_seconds)

    monkeypatch.setattr(world.due, "claim", moody)
    async with world.running():
        await world.rested("abbey")
    assert troubles == []
    assert caplog.text.count("the due-queue is unreachable") == 1
    assert caplog.text.count("the due-queue is reachable again") == 1


async def test_a_queue_that_is_away_gets_its_school_back_when_it_is_there_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Fails when a claim is given back once: after a second without the queue nobody reads the school for a lease."""
    world = World(abbey=pupils())
    finish, troubles = world.due.finish, [Retryable("away")] * 3

    def moody(claim: Claim, next_at: float, *, fulfilled: bool) -> bool:
        if troubles:
            raise troubles.pop()
        return finish(claim, next_at, fulfilled=fulfilled)

    monkeypatch.setattr(world.due, "finish", moody)
    async with world.running():
        await world.rested("abbey")
    assert troubles == []


async def test_a_log_that_is_away_rests_the_school_too() -> None:
    world = World(abbey=pupils())
    world.out.fail_after = 2
    async with world.running():
        await until(lambda: world.out.fail_after is None and "abbey" not in world.due._leases)
        assert world.at("abbey") == 15
        assert "SweepFailed" not in world.said("abbey")


class SlowToRemember(MemoryMemory):
    """Writes a failure down until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.writes, self.goes_on = threading.Event(), threading.Event()

    def fail(self, book: str, attempt: Failing) -> None:
        self.writes.set()
        self.goes_on.wait(30)
        super().fail(book, attempt)


async def test_who_is_stopped_once_a_sweep_has_failed_gives_the_school_back() -> None:
    """Fails when only a sweep under way is given back: nobody read the school until its lease had ended by itself."""
    world = World(abbey=pupils())
    world.sources["abbey"].trouble[1] = Retryable("away")
    world.memory = world.rounds._memory = memory = SlowToRemember()
    async with world.running() as stop:
        await until(memory.writes.is_set)
        stop.set()
        await until(lambda: any(task.cancelling() for task in world.rounds.pool._running))
        memory.goes_on.set()
    assert "abbey" not in world.due._leases
    assert world.at("abbey") > 0, "its rest after a failure is kept"
