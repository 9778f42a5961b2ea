"""Bodies that mean harm, posted to a gateway in a process of its own whose memory is watched."""

import asyncio
import json

import httpx
import pytest

from tests.hostile.program import Served, a_gateway
from tests.unit.gateway.world import API_KEY, a_body

MEGABYTE = 1024 * 1024
ROOM = 150  # megabytes beside what the process has at its start, for a body of 38


async def post(gateway: Served, content: bytes, key: str = API_KEY) -> httpx.Response:
    async with httpx.AsyncClient(timeout=600.0, headers={"API_KEY": key}) as client:
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
    async with a_gateway() as gateway, httpx.AsyncClient(timeout=600.0) as client:
        bombs = [asyncio.create_task(post(gateway, filled(b'{"students":[', b"1", b"]}"))) for _ in range(3)]
        while not all(bomb.done() for bomb in bombs):
            assert (await client.get(f"http://127.0.0.1:{gateway.port}/health")).status_code == 200
        assert {bomb.result().status_code for bomb in bombs} <= {409, 413}
