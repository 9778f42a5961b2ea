"""Bodies that mean harm, posted to a gateway in a process of its own whose memory is watched."""

import asyncio
import json
import socket

import httpx2
import pytest

from tests.hostile.program import Served, a_gateway
from tests.unit.gateway.world import API_KEY, a_body, pupils

MEGABYTE = 1024 * 1024
ROOM = 150  # megabytes beside what the process has at its start, for a body of 38


async def post(gateway: Served, content: bytes, key: str = API_KEY) -> httpx2.Response:
    async with httpx2.AsyncClient(timeout=600.0, headers={"API_KEY": key}) as client:
        return await client.post(f"http://127.0.0.1:{gateway.port}/v1/sync", content=content)


def filled(start: bytes, piece: bytes, end: bytes, megabytes: int = 38) -> bytes:
    """A body of so many megabytes, made of one piece."""
    return start + b",".join([piece] * (megabytes * MEGABYTE // (len(piece) + 1))) + end


def many_fields(megabytes: int = 38) -> bytes:
    count = megabytes * MEGABYTE // 12
    return b"{" + b",".join(b'"%07d":1' % number for number in range(count)) + b"}"


BOMBS = [
    pytest.param(lambda: filled(b'{"students":[', b"1", b"]}"), 413, id="numbers"),
    pytest.param(lambda: filled(b'{"students":[', b"{}", b"]}"), 413, id="objects"),
    pytest.param(lambda: filled(b'{"modules":[', b"[]", b"]}"), 413, id="lists"),
    pytest.param(lambda: filled(b'{"students":[{}],"students":[', b"{}", b"]}"), 413, id="a list that stands twice"),
    pytest.param(lambda: filled(b'{"students":[{"a":[', b"{}", b"]}]}"), 422, id="one entry of braces"),
    pytest.param(many_fields, 422, id="fields"),
    pytest.param(lambda: b'{"' + b"s" * 38 * MEGABYTE + b'":[],"students":[]}', 202, id="a long name"),
    pytest.param(lambda: filled(b'{"x":[', b"[]", b'],"students":[]}'), 202, id="a field that nobody knows"),
    pytest.param(lambda: filled(b'{"x":["\\ud800",', b'"\\n\\n\\n"', b'],"students":[]}'), 202, id="escapes"),
    pytest.param(lambda: filled(b'{"students":[{"a":1', b" ", b"}]}"), 400, id="no JSON"),
]


@pytest.mark.parametrize(("body", "status"), BOMBS)
async def test_no_body_takes_more_memory_than_its_own_size_and_a_bound(body: object, status: int) -> None:
    content: bytes = body()  # type: ignore[operator]
    async with a_gateway() as gateway:
        assert (await post(gateway, json.dumps(a_body()).encode())).status_code == 202
        before = gateway.peak()
        answer = await post(gateway, content)
        assert gateway.peak() - before < ROOM
    assert answer.status_code == status, answer.text[:300]


async def test_too_many_records_are_told_with_the_setting() -> None:
    async with a_gateway() as gateway:
        answer = await post(gateway, b'{"students":[' + b"1," * 250_000 + b"1]}")
    told = answer.json()
    assert (told["status"], told["type"].rpartition("/")[2], told["max_records"]) == (413, "too-many-records", 250_000)
    assert "gateway.max_records" in told["detail"]


async def test_health_is_answered_while_a_bomb_is_looked_at() -> None:
    async with a_gateway() as gateway, httpx2.AsyncClient(timeout=600.0) as client:
        bombs = [asyncio.create_task(post(gateway, filled(b'{"students":[', b"1", b"]}", 10))) for _ in range(3)]
        while not all(bomb.done() for bomb in bombs):
            assert (await client.get(f"http://127.0.0.1:{gateway.port}/health")).status_code == 200
        assert {bomb.result().status_code for bomb in bombs} <= {409, 413}


SMALL = json.dumps(a_body()).encode()


async def until_looked_at(gateway: Served, before: int, content: bytes) -> None:
    """The file's pages are in memory then."""
    while gateway.memory() - before < len(content) // MEGABYTE:
        assert (await post(gateway, b"{}", "guessed")).status_code == 401


def large(students: int) -> bytes:
    """An honest body."""
    return json.dumps(a_body(pupils(students))).encode()


async def test_when_its_sender_has_left_a_body_costs_nothing_any_more() -> None:
    """The school may send again, nothing of the body goes out, and the memory is given back."""
    content = large(150_000)
    async with a_gateway() as gateway:
        assert (await post(gateway, SMALL)).status_code == 202
        before = gateway.memory()
        with socket.create_connection(("127.0.0.1", gateway.port)) as sender:
            head = f"POST /v1/sync HTTP/1.1\r\nHost: x\r\nAPI_KEY: {API_KEY}\r\nContent-Length: {len(content)}\r\n\r\n"
            await asyncio.to_thread(sender.sendall, head.encode() + content)
            await until_looked_at(gateway, before, content)
        while (answer := await post(gateway, SMALL)).status_code == 409:
            pass
        assert answer.status_code == 202
        assert gateway.memory() - before < len(content) // MEGABYTE
    assert "sender disconnected" in gateway.log
    assert gateway.sent < 100


async def test_two_schools_with_large_bodies_do_not_stop_a_third() -> None:
    content = large(50_000)
    async with a_gateway() as gateway:
        before = gateway.memory()
        greedy = [asyncio.create_task(post(gateway, content, key)) for key in (API_KEY, "another-key")]
        await until_looked_at(gateway, before, content * 2)
        assert (await post(gateway, SMALL, "third-key")).status_code == 202
        assert not any(one.done() for one in greedy)
        assert [one.status_code for one in await asyncio.gather(*greedy)] == [202, 202]


async def test_checking_ends_when_a_body_is_sure_to_be_refused() -> None:
    """Every record is at fault in every field: the answer has a bound, and so has the time."""
    async with a_gateway() as gateway:
        before = gateway.peak()
        answer = await post(
            gateway, filled(b'{"students":[', b'{"email":1,"id":[],"year":"x","metadata":7}', b"]}", 10)
        )
        assert gateway.peak() - before < 2 * ROOM
    told = answer.json()
    assert (answer.status_code, told["type"].rpartition("/")[2]) == (422, "too-many-faults")
    assert 100_000 < told["fault_count"] < 101_000
    assert "no more were looked for" in told["note"]
