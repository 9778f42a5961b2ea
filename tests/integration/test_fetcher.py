"""The fetcher on a real Kafka and a real Redis, reading a twin of iSAMS."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from services.fetcher.app import QUEUE, FetcherService
from services.fetcher.sweep.redis_cache import RedisMemory
from services.sandbox.isams.twin import isams_app
from services.sandbox.schools.school import make_school
from services.sandbox.servers.serve import Server
from services.sandbox.twin_client import IsamsTwin
from shared import clock
from shared.config.load import load
from shared.config.settings import Config
from shared.contract.codec import Message, Record, decode, encode, headers, roll_hash
from shared.contract.commands import AcceptRoll
from shared.contract.events import (
    StaffFetched,
    StudentFetched,
    SweepCompleted,
    SweepFailed,
    SweepStarted,
    SyncRequested,
)
from shared.contract.model import Frozen, Kind
from shared.contract.signatures import sign
from shared.contract.topics import OPERATOR_COMMANDS, STUDENTS_FETCHED, SYNC_REQUESTS
from shared.kafka.client import KafkaLog, Reader
from shared.lanes.partition import lane_of
from shared.redis.client import connect
from shared.redis.due_queue import RedisDueQueue
from tests.conftest import ConfigFile, create_topics

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

SLUG = "abbey"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server(isams_app()).start()
    yield server
    server.stop()


@pytest.fixture
def twin(server: Server) -> Iterator[IsamsTwin]:
    school = msgspec.to_builtins(make_school(SLUG, 40, 1), str_keys=True)
    school["sets"] = school["sets"][:5]
    school["setLists"] = {str(one["id"]): school["setLists"][str(one["id"])] for one in school["sets"]}
    with IsamsTwin(server.url, SLUG) as twin:
        twin.load(school, client_id="made-up", client_secret="made-up-secret")
        yield twin
        twin.clear_faults()


def ids_of(twin: IsamsTwin, *lists: str) -> list[str]:
    school = twin.dump()
    return [one["schoolId"] for name in lists for one in school[name]]


class World:
    """A configuration with one school, its log as it stands, and the fetchers that read it."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.lane = lane_of(SLUG, config.kafka.partitions)
        self.client = connect(config)
        self.due = RedisDueQueue(self.client, config.redis.key_prefix, QUEUE)
        self.memory = RedisMemory(self.client, config.redis.key_prefix)
        self.out = KafkaLog(config)
        self.log: list[Record] = []

    @asynccontextmanager
    async def fetcher(self) -> AsyncIterator[asyncio.Event]:
        stop = asyncio.Event()
        task = asyncio.create_task(FetcherService(self.config).run(stop))
        try:
            yield stop
        finally:
            stop.set()
            await asyncio.wait_for(task, 60)

    async def ask(self, topic: str, event: Frozen) -> None:
        named = headers(type(event), id="1", school=SLUG, subject=SLUG, time=clock.now())
        message = Message(topic, self.lane, SLUG, encode(event), named)
        if topic == OPERATOR_COMMANDS:
            assert self.config.operators.key is not None
            message = sign(message, self.config.operators.key.get_secret_value())
        await asyncio.to_thread(self.out.publish, [message])

    def events(self) -> list[Frozen]:
        return [decode(one.headers.get("ce_type"), one.value) for one in self.log]

    def closes(self, kind: Kind = "student") -> list[SweepCompleted]:
        return [one for one in self.events() if isinstance(one, SweepCompleted) and one.kind == kind]

    def failures(self, kind: Kind) -> list[SweepFailed]:
        return [one for one in self.events() if isinstance(one, SweepFailed) and one.kind == kind]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Read on in the log until the condition holds."""
        async with asyncio.timeout(120):
            while True:
                await asyncio.to_thread(self._read)
                if condition():
                    return
                await asyncio.sleep(0.02)

    def _read(self) -> None:
        with Reader(self.config) as reader:
            start = self.log[-1].offset + 1 if self.log else 0
            self.log += reader.read(STUDENTS_FETCHED, self.lane, start)


@pytest.fixture
def tenant() -> str:
    """What the configuration says of the tenant, beside its key."""
    return ""


@pytest.fixture
def world(config_file: ConfigFile, twin: IsamsTwin, tenant: str) -> Iterator[World]:
    config = load(
        config_file(
            f'[tenants.abbey]\napi_key = {{ file = "secret" }}\n{tenant}\n'
            f'[schools.{SLUG}]\ntenant = "abbey"\nsource = "isams"\n'
            f'base_url = "{twin.base_url}"\nclient_id = "made-up"\nclient_secret = {{ file = "secret" }}\n'
            "poll_seconds = 1\nstaff_poll_seconds = 1\nmax_requests_per_hour = 100000\n"
        ),
        {},
    )
    create_topics(config)
    world = World(config)
    yield world
    world.out.close()
    world.client.close()


async def test_a_school_is_read_and_read_again(world: World, twin: IsamsTwin) -> None:
    async with world.fetcher():
        await world.until(lambda: len(world.closes()) >= 2)
        roll = ids_of(twin, "students", "applicants")
        first, second = world.closes()[:2]
        assert (first.full, second.full) == (True, False)
        assert first.certificate.roll_hash == second.certificate.roll_hash == roll_hash(roll)
        assert first.certificate.content_sum == second.certificate.content_sum
        sent = len([one for one in world.events() if isinstance(one, StudentFetched)])
        assert sent == len(ids_of(twin, "students", "applicants", "alumni")) == 44
        twin.change(roll[7], surname="Oak")
        await world.until(lambda: len([one for one in world.events() if isinstance(one, StudentFetched)]) > sent)
    newest = [one for one in world.events() if isinstance(one, StudentFetched)][-1]
    assert (newest.student.student_id, newest.student.last_name) == (roll[7], "Oak")
    assert {one.lane for one in world.log} == {world.lane}
    assert world.memory.load(SLUG).roll == frozenset(roll)


async def test_a_second_start_goes_on_from_what_the_first_knew(world: World) -> None:
    async with world.fetcher():
        await world.until(lambda: world.memory.load(SLUG).roll is not None)  # which comes after the sweep's end is told
    await world.until(lambda: True)
    before = len(world.closes())
    async with world.fetcher():
        await world.until(lambda: len(world.closes()) > before)
    assert not world.closes()[-1].full
    assert len([one for one in world.events() if isinstance(one, StudentFetched)]) == 44


async def test_requests_come_by_topic_even_from_before_the_start(world: World, twin: IsamsTwin) -> None:
    id = twin.dump()["students"][0]["schoolId"]
    async with world.fetcher():
        await world.until(lambda: len(world.closes()) >= 1)
    await world.ask(SYNC_REQUESTS, SyncRequested(school=SLUG, full=True, reason="a test"))
    await world.ask(SYNC_REQUESTS, SyncRequested(school=SLUG, student_id=id))
    async with world.fetcher():
        await world.until(lambda: sum(one.full for one in world.closes()) >= 2)
        await world.until(lambda: any("sweep" not in one.headers for one in world.log))
    assert {one.key for one in world.log if "sweep" not in one.headers} == {f"{SLUG}/{id}"}


async def test_a_person_can_accept_another_roll(world: World, twin: IsamsTwin) -> None:
    async with world.fetcher():
        await world.until(lambda: len(world.closes()) >= 1)
        twin.replace(students=msgspec.to_builtins(make_school("priory", 20, 2), str_keys=True)["students"])
        await world.until(lambda: any(isinstance(one, SweepFailed) for one in world.events()))
        roll = [one["schoolId"] for one in twin.dump()["students"]]
        await world.ask(OPERATOR_COMMANDS, AcceptRoll(school=SLUG, hash=roll_hash(roll), operator="ops"))
        whole = roll_hash(ids_of(twin, "students", "applicants"))
        await world.until(lambda: world.closes()[-1].certificate.roll_hash == whole)
    failed = next(one for one in world.events() if isinstance(one, SweepFailed))
    assert failed.reason == "another_school"


async def test_several_fetchers_read_a_school_one_at_a_time(world: World, twin: IsamsTwin) -> None:
    async with world.fetcher(), world.fetcher(), world.fetcher():
        await world.until(lambda: len(world.closes()) >= 4)
    open_sweep = ""
    for record, event in zip(world.log, world.events(), strict=True):
        if isinstance(event, SweepStarted):
            assert open_sweep == ""
            open_sweep = event.sweep
        assert record.headers["sweep"] == open_sweep
        if isinstance(event, SweepCompleted | SweepFailed):
            open_sweep = ""


@pytest.mark.parametrize("tenant", ['staff = "managed"'])
class TestStaff:
    async def test_a_managed_school_has_two_sweeps_and_a_403_on_staff_fails_theirs_alone(
        self, world: World, twin: IsamsTwin
    ) -> None:
        there = {str(one["id"]) for one in twin.dump()["employees"]}
        async with world.fetcher():
            await world.until(lambda: bool(world.closes("staff") and world.closes("student")))
            twin.fault({"kind": "status", "status": 403, "path": "/api/humanresources/*"})
            await world.until(lambda: bool(world.failures("staff")))
            before = len(world.closes())
            await world.until(lambda: len(world.closes()) > before)
            twin.clear_faults()
            await world.ask(SYNC_REQUESTS, SyncRequested(school=SLUG, kind="staff", full=True, reason="a test"))
            await world.until(lambda: sum(one.full for one in world.closes("staff")) >= 2)
        assert world.closes("staff")[0].certificate.roll_hash == roll_hash(sorted(there))
        assert world.failures("staff")[0].reason == "refused"
        assert world.failures("student") == []
        keys = {one.key for one, told in zip(world.log, world.events(), strict=True) if isinstance(told, StaffFetched)}
        assert keys == {f"{SLUG}+staff/{id}" for id in there}
        assert {one.lane for one in world.log} == {world.lane}
        assert set(world.due.members()) == {SLUG, f"{SLUG}+staff"}
        assert world.memory.load(f"{SLUG}+staff").roll == there

    async def test_both_sweeps_share_one_token(self, world: World, twin: IsamsTwin) -> None:
        async with world.fetcher():
            await world.until(lambda: bool(world.closes("staff") and world.closes("student")))
        assert sum(one["path"] == "/auth/connect/token" for one in twin.requests()) == 1


async def test_staff_that_are_not_managed_are_not_asked_for(world: World, twin: IsamsTwin) -> None:
    async with world.fetcher():
        await world.until(lambda: len(world.closes()) >= 1)
    assert not [one for one in twin.requests() if "humanresources" in one["path"]]
    assert set(world.due.members()) == {SLUG}


async def test_stopping_in_the_middle_leaves_the_school_due(world: World, twin: IsamsTwin) -> None:
    twin.fault({"kind": "hang", "path": "/api/students"})
    async with world.fetcher():
        await world.until(lambda: any(one["path"] == "/api/students" for one in twin.requests()))
    assert await asyncio.to_thread(lambda: world.due.claim(4e9, 1.0)) is not None
    await world.until(lambda: True)
    assert world.log == []
