"""A real gateway on real Kafka and Redis: what it accepts is in Kafka, and it ends when it is told to."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import httpx2
import pytest

from services.gateway.app import GatewayService
from services.gateway.recall import recall_school
from services.gateway.web import RETRY_SECONDS
from services.sandbox.servers.brokers import Redis
from shared.config.load import load
from shared.config.settings import Config
from shared.contract.account_state import AccountState, StructureState
from shared.contract.codec import Message, decode, encode, headers
from shared.contract.deliveries import Report, SnapshotAccepted
from shared.contract.events import SweepReconciled
from shared.contract.model import Details, Faculty, Structure
from shared.contract.topics import ACCOUNT_CHANGES, ACCOUNT_STATE, DELIVERIES, STUDENTS_FETCHED
from shared.errors import ConfigError
from shared.kafka.client import KafkaLog, read_compacted
from shared.lanes.partition import lane_of
from shared.redis.client import connect
from tests.conftest import ConfigFile, create_topics
from tests.unit.gateway.world import API_KEY, SLUG, a_body, pupils

pytestmark = [pytest.mark.kafka, pytest.mark.redis]


@pytest.fixture
def pushed(config_file: ConfigFile, tmp_path: Path) -> Config:
    (tmp_path / "key").write_text(API_KEY)
    school = f'[schools.{SLUG}]\ntenant = "northern"\nsource = "push"\napi_key = {{ file = "key" }}\n'
    tenant = '[tenants.northern]\napi_key = { file = "secret" }\n'
    return load(config_file(f'[gateway]\nlisten = "127.0.0.1:0"\n{tenant}{school}'), {})


@asynccontextmanager
async def running(config: Config) -> AsyncIterator[tuple[httpx2.AsyncClient, asyncio.Event, asyncio.Task[None]]]:
    service, stop = GatewayService(config), asyncio.Event()
    serving = asyncio.create_task(service.run(stop))
    while service.address is None:
        await asyncio.sleep(0.01)
        assert not serving.done(), serving.exception()
    host, port = service.address
    async with httpx2.AsyncClient(base_url=f"http://{host}:{port}", headers={"API_KEY": API_KEY}, timeout=60) as client:
        try:
            yield client, stop, serving
        finally:
            stop.set()
            await serving


def published(config: Config) -> list[str]:
    records = read_compacted(config, STUDENTS_FETCHED, lane_of(SLUG, config.kafka.partitions))
    return [type(decode(record.header("ce_type"), record.value)).__name__ for record in records]


@pytest.fixture
def topics(pushed: Config) -> None:
    create_topics(pushed)


@pytest.mark.usefixtures("topics")
async def test_what_is_accepted_is_in_kafka(pushed: Config) -> None:
    async with running(pushed) as (client, _, _):
        assert (await client.get("/health")).status_code == 200
        answer = await client.post("/v1/sync", json=a_body(pupils(1_200)))
        assert answer.status_code == 202, answer.text
        kinds = await asyncio.to_thread(published, pushed)
        assert (await client.get(answer.headers["location"])).json().items() >= answer.json().items()
        again = await client.post("/v1/sync", json=a_body(pupils(1_199)))
        assert again.json()["counts"]["left"] == 1
    assert kinds == ["SweepStarted", "StructureFetched", *["StudentFetched"] * 1_200, "RollRead", "SweepCompleted"]


@pytest.mark.usefixtures("topics")
async def test_a_refusal_reaches_a_sender_whose_body_is_not_read(pushed: Config) -> None:
    body = json.dumps(a_body(pupils(40_000))).encode()
    async with running(pushed) as (client, _, _):
        answer = await client.post("/v1/sync", content=body, headers={"API_KEY": "guessed"})
        assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
        assert (await client.get("/health")).status_code == 200
    assert await asyncio.to_thread(published, pushed) == []


@pytest.mark.usefixtures("topics")
async def test_what_becomes_of_a_body_is_followed_also_by_the_next_gateway(pushed: Config) -> None:
    """The closes and the deliveries come from Kafka; a gateway that starts later goes on where the last one was."""

    async def told(client: httpx2.AsyncClient, url: str, state: str) -> dict[str, Any]:
        async with asyncio.timeout(60):
            while (answer := (await client.get(url)).json())["state"] != state:
                pass
        return dict(answer)

    lanes = pushed.kafka.partitions
    out = KafkaLog(pushed)
    async with running(pushed) as (client, _, _):
        answer = (await client.post("/v1/sync", json=a_body(pupils(3)))).json()
        closed = SweepReconciled(school=SLUG, sweep=answer["sweep"], version=5, outcome="certified", roll_count=3)
        headers_ = headers(SweepReconciled, id="1", school=SLUG, subject=SLUG, time=answer["read_at"])
        message = Message(ACCOUNT_CHANGES, lane_of(SLUG, lanes), SLUG, encode(closed), headers_)
        await asyncio.to_thread(out.publish, [message])
        decided = await told(client, answer["status_url"], "decided")
        assert decided["decided"][0]["roll_count"] == 3
    sent = SnapshotAccepted(
        tenant="northern",
        number=7,
        status=202,
        cause="change",
        roster_hash="h",
        roster_count=3,
        digest="d",
        bytes=1,
        report=Report(is_compared=True, counts={}),
        positions={SLUG: 6},
    )
    headers_ = headers(SnapshotAccepted, id="2", school="", subject="northern", time=answer["read_at"])
    await asyncio.to_thread(
        out.publish, [Message(DELIVERIES, lane_of("northern", lanes), "northern", encode(sent), headers_)]
    )
    async with running(pushed) as (client, _, _):
        assert (await told(client, answer["status_url"], "delivered"))["snapshot"] == 7


async def healths(client: httpx2.AsyncClient) -> AsyncIterator[httpx2.Response]:
    while True:
        yield await client.get("/health")
        await asyncio.sleep(0.1)


def until_a_body_has_the_school(config: Config) -> None:
    with connect(config) as memory:
        while not memory.keys(f"{config.redis.key_prefix}gateway:*:lease"):
            time.sleep(0.01)


@pytest.mark.usefixtures("topics")
async def test_it_ends_and_refuses_the_body_under_way(pushed: Config) -> None:
    async with running(pushed) as (client, stop, serving):
        received, sent = await asyncio.open_connection(client.base_url.host, client.base_url.port)
        sent.write(f"POST /v1/sync HTTP/1.1\r\nHost: x\r\nAPI_KEY: {API_KEY}\r\nContent-Length: 99\r\n\r\n{{".encode())
        await asyncio.to_thread(until_a_body_has_the_school, pushed)
        assert (await client.post("/v1/sync", json=a_body())).status_code == 409
        stop.set()
        answer = await asyncio.wait_for(received.read(), 60)
        await serving
        sent.close()
    assert answer.startswith(b"HTTP/1.1 503 "), "not 408: it is not the body's own time that is over"


async def test_an_address_that_is_taken_is_told_with_the_fix(pushed: Config) -> None:
    async with running(pushed) as (client, _, _):
        taken = pushed.gateway.model_copy(update={"listen": f"{client.base_url.host}:{client.base_url.port}"})
        with pytest.raises(ConfigError, match=r"gateway\.listen"):
            await GatewayService(pushed.model_copy(update={"gateway": taken})).run(asyncio.Event())


@pytest.mark.usefixtures("topics")
async def test_what_rollcall_holds_of_a_school_is_found(pushed: Config) -> None:
    def state(school: str, at: int, name: str) -> Message:
        structure = Structure(faculties=(Faculty(code="FAC01", name=name),))
        value = encode(StructureState(school=school, offset=at, structure=structure))
        return Message(ACCOUNT_STATE, lane_of(SLUG, pushed.kafka.partitions), f"{school}//structure", value)

    def account(key: str, at: int, status: Literal["enabled", "disabled"], own_id: str) -> Message:
        details = Details(id=own_id, first_name="Ada", last_name="Fern", email="Now@northern.example")
        value = encode(AccountState(school=SLUG, student_id=key, offset=at, status=status, details=details))
        return Message(ACCOUNT_STATE, lane_of(SLUG, pushed.kafka.partitions), f"{SLUG}/{key}", value)

    out = KafkaLog(pushed)
    states = [state(SLUG, 7, "new"), state(SLUG, 3, "an older one, late"), state("another", 9, "another's")]
    accounts = [
        account("first@northern.example", 8, "enabled", "S1"),
        account("first@northern.example", 4, "disabled", "S0"),
    ]
    await asyncio.to_thread(out.publish, [*states, *accounts])
    found = await asyncio.to_thread(recall_school, pushed, SLUG)
    assert found.structure is not None
    assert [faculty.name for faculty in found.structure.faculties] == ["new"]
    students = found.registers["student"]
    [known] = students.here.values()
    assert (list(students.here), known.id, known.email) == (["first@northern.example"], "S1", "now@northern.example")
    nobody = await asyncio.to_thread(recall_school, pushed, "nobody")
    assert (nobody.structure, nobody.registers["student"].here) == (None, {})


@pytest.mark.usefixtures("topics")
async def test_a_body_is_not_taken_while_redis_is_a_replica(pushed: Config, tmp_path: Path) -> None:
    redis = Redis(tmp_path / "redis", say=lambda line: None)
    await asyncio.to_thread(redis.start)
    try:
        ours = pushed.redis.model_copy(update={"url": f"redis://127.0.0.1:{redis.port}/0"})
        config = pushed.model_copy(update={"redis": ours})
        async with running(config) as (client, _, _):
            assert (await client.get("/health")).status_code == 200
            with connect(config) as admin:
                admin.replicaof("127.0.0.1", str(redis.port))
                refused = await client.post("/v1/sync", json=a_body())
                assert (refused.status_code, refused.headers["retry-after"]) == (503, str(RETRY_SECONDS))
                async for told in healths(client):  # it looks once a second
                    if told.status_code != 200:
                        break
                assert (told.status_code, told.headers["retry-after"]) == (503, str(RETRY_SECONDS))
                admin.replicaof("NO", "ONE")
            assert (await client.post("/v1/sync", json=a_body())).status_code == 202
    finally:
        redis.kill()
