"""The gateway as a server on a port, and senders that mean harm."""

import asyncio
import json
import resource
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from services.gateway import connections
from services.gateway.app import server_of
from services.gateway.connections import Connection, Places, room_for, site_of
from shared import logs
from shared.config.settings import Gateway
from tests.hostile.program import a_gateway
from tests.unit.gateway.world import API_KEY, World, a_body

HOST = b"Host: gateway\r\n"
KEY = f"API_KEY: {API_KEY}\r\n".encode()
HEALTH = b"GET /health HTTP/1.1\r\n" + HOST + b"\r\n"


@asynccontextmanager
async def serving(world: World | None = None, **settings: int) -> AsyncIterator[int]:
    """The port that a gateway listens on."""
    server = server_of((world or World()).web.app(), Gateway.model_validate(settings))
    listening = socket.create_server(("127.0.0.1", 0))
    task = asyncio.create_task(server.serve([listening]))
    try:
        yield int(listening.getsockname()[1])
    finally:
        server.should_exit = True
        server.force_exit = True
        await task


class Sender:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def says(self, raw: bytes) -> None:
        self.writer.write(raw)
        await self.writer.drain()

    async def hears(self) -> tuple[int, dict[str, str], bytes]:
        """One answer."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        lines = head.split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
        return int(lines[0].split()[1]), headers, await self.reader.readexactly(int(headers["content-length"]))

    async def is_cut(self) -> bool:
        """Waits for it."""
        try:
            return await self.reader.read() == b""
        except ConnectionError:
            return True


@asynccontextmanager
async def a_sender(port: int) -> AsyncIterator[Sender]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Sender(reader, writer)
    finally:
        writer.transport.abort()


async def ask(port: int, raw: bytes) -> tuple[int, dict[str, str], bytes]:
    async with a_sender(port) as sender:
        await sender.says(raw)
        return await sender.hears()


def post(content: bytes, *headers: bytes, target: bytes = b"/v1/sync", version: bytes = b"1.1") -> bytes:
    return b"POST %b HTTP/%b\r\n" % (target, version) + HOST + b"".join(headers) + b"\r\n" + content


def length(content: bytes) -> bytes:
    return b"Content-Length: %d\r\n" % len(content)


class TestSilence:
    @pytest.mark.parametrize(
        "said",
        [
            pytest.param(b"", id="nothing"),
            pytest.param(b"POST /v1/sync HT", id="half a line"),
            pytest.param(b"POST /v1/sync HTTP/1.1\r\nHost: gateway\r\nX: y", id="half a head"),
            pytest.param(HEALTH + b"GET /health HT", id="half a head after an answer"),
            pytest.param(HEALTH, id="nothing after an answer"),
        ],
    )
    async def test_who_does_not_say_a_whole_head_is_cut(self, said: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(connections, "HEAD_SECONDS", 0.05)
        async with serving() as port, a_sender(port) as sender:
            await sender.says(said)
            if said.startswith(HEALTH):
                assert (await sender.hears())[0] == 200
            assert await sender.is_cut()

    async def test_no_byte_on_the_way_makes_the_time_of_a_head_longer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(connections, "HEAD_SECONDS", 0.2)
        async with serving() as port, a_sender(port) as sender:
            await sender.says(HEALTH)
            assert (await sender.hears())[0] == 200

            async def dribble() -> None:
                while True:
                    await sender.says(b"G")
                    await asyncio.sleep(0.01)

            dribbling = asyncio.create_task(dribble())
            assert await sender.is_cut()
            dribbling.cancel()
            await asyncio.gather(dribbling, return_exceptions=True)

    async def test_a_body_that_nobody_waits_for_is_not_taken_for_ever(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(connections, "HEAD_SECONDS", 0.05)
        async with serving() as port, a_sender(port) as sender:
            await sender.says(post(b"", b"API_KEY: guessed\r\n", b"Content-Length: 1000000\r\n"))
            assert (await sender.hears())[0] == 401
            assert await sender.is_cut()

    async def test_an_answer_that_nobody_reads_is_not_kept_for_ever(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The whole answer is some megabytes: what was not on its way when time was up never comes."""
        monkeypatch.setattr(connections, "ANSWER_SECONDS", 0.05)
        body = json.dumps({"students": [7] * 60_000}).encode()
        cut = asyncio.Event()
        monkeypatch.setattr(Connection, "connection_lost", _then(Connection.connection_lost, cut.set))
        async with serving() as port:
            mean = socket.socket()
            mean.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            mean.connect(("127.0.0.1", port))
            mean.sendall(post(b"", KEY, length(body)))
            mean.sendall(body)
            await cut.wait()
            mean.close()

    async def test_the_end_of_an_answer_that_nobody_reads_is_not_kept_either(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(connections, "ANSWER_SECONDS", 0.01)
        transport = await self._answered_and_closing()
        transport.unread = 10
        await transport.aborted.wait()

    async def test_whoever_reads_an_answer_slowly_gets_all_of_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(connections, "ANSWER_SECONDS", 0.01)
        transport = await self._answered_and_closing(unread=10 * connections.LEAST_READ)
        for _ in range(9):
            transport.unread -= connections.LEAST_READ
            await transport.looked_at.wait()
            transport.looked_at.clear()
            assert not transport.aborted.is_set()
        await transport.aborted.wait()

    async def _answered_and_closing(self, unread: int = 0) -> "Unread":
        """A connection whose last answer is on its way out."""
        loop, server, transport = asyncio.get_running_loop(), server_of(World().web.app(), Gateway()), Unread(unread)
        server.config.load()
        connection = Connection(
            config=server.config, server_state=server.server_state, app_state={}, _loop=loop, places=Places(9, 9)
        )
        connection.connection_made(transport)
        connection.data_received(b"no request\r\n\r\n")
        assert transport.is_closing()
        connection.resume_writing()
        transport.looked_at.clear()
        return transport

    async def test_a_request_under_way_is_not_cut(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(connections, "HEAD_SECONDS", 0.05)
        body = json.dumps(a_body()).encode()
        async with serving() as port, a_sender(port) as sender:
            await sender.says(post(b"", KEY, length(body)))
            for start in range(0, len(body), 200):
                await sender.says(body[start : start + 200])
                await asyncio.sleep(0.01)
            assert (await sender.hears())[0] == 202


class Unread(asyncio.Transport):
    """A way out on which nothing moves but what a test takes off."""

    def __init__(self, unread: int) -> None:
        super().__init__({"peername": ("10.0.0.1", 1)})
        self.unread = unread
        self.aborted = asyncio.Event()
        self.looked_at = asyncio.Event()
        self._is_closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        pass

    def close(self) -> None:
        self._is_closing = True

    def is_closing(self) -> bool:
        return self._is_closing

    def get_write_buffer_size(self) -> int:
        self.looked_at.set()
        return self.unread

    def abort(self) -> None:
        self.aborted.set()


def _then(method: Callable[..., None], after: Callable[[], None]) -> Callable[..., None]:
    def both(*given: object) -> None:
        method(*given)
        after()

    return both


class TestPlaces:
    async def test_whoever_comes_takes_the_place_of_the_silent(self) -> None:
        async with serving(max_connections=10, max_connections_per_address=10) as port, AsyncExitStack() as stack:
            silent = [await stack.enter_async_context(a_sender(port)) for _ in range(50)]
            assert (await ask(port, HEALTH))[0] == 200
            assert await silent[0].is_cut()

    async def test_one_address_takes_no_more_than_its_places(self) -> None:
        places = Places(10, 3)
        theirs = [Fake(places, "10.0.0.1") for _ in range(6)]
        ours = Fake(places, "10.0.0.2")
        assert [one.is_in for one in theirs] == [False] * 3 + [True] * 3
        assert ours.is_in
        assert len(places) == 4

    async def test_whoever_is_served_keeps_the_place(self) -> None:
        places = Places(3, 2)
        served = [Fake(places, "10.0.0.1"), Fake(places, "10.0.0.1")]
        for one in served:
            places.speaks(one)
        assert not Fake(places, "10.0.0.1").is_in
        silent = Fake(places, "10.0.0.2")
        assert silent.is_in
        newest = Fake(places, "10.0.0.3")
        assert [one.is_in for one in (*served, silent, newest)] == [True, True, False, True]

    async def test_who_has_left_has_no_place_and_nobody_is_remembered(self) -> None:
        places = Places(100, 100)
        for number in range(1000):
            one = Fake(places, f"10.0.{number // 250}.{number % 250}")
            places.leave(one)
            places.leave(one)
        assert (len(places), places._of, places._silent) == (0, {}, {})

    async def test_a_crowd_at_the_door_is_one_line_a_minute(self, caplog: pytest.LogCaptureFixture) -> None:
        now = 0.0
        places = Places(1, 1, lambda: now)
        for _ in range(1000):
            Fake(places, "10.0.0.1")
        now = 60.0
        Fake(places, "10.0.0.1")
        told = [one.getMessage().split()[0] for one in caplog.records]
        assert told == ["1", "999"]

    @pytest.mark.parametrize(
        ("address", "site"),
        [
            ("10.0.0.1", "10.0.0.1"),
            ("::ffff:10.0.0.1", "10.0.0.1"),
            ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
            ("fe80::1%eth0", "fe80::/64"),
            ("", ""),
        ],
    )
    def test_a_site_is_an_address_or_a_network(self, address: str, site: str) -> None:
        assert site_of(address) == site

    @pytest.mark.parametrize(
        ("descriptors", "room"), [(1024, 448), (2000, 500), (150, 11), (10, 8), (resource.RLIM_INFINITY, 500)]
    )
    def test_there_are_never_more_than_there_are_descriptors_for(
        self, descriptors: int, room: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(resource, "getrlimit", lambda _: (descriptors, descriptors))
        assert room_for(500) == room
        assert bool(caplog.records) is (room < 500)


class Fake(Connection):
    """A connection without a transport."""

    def __init__(self, places: Places, address: str) -> None:
        self.places = places
        self.was_cut = False
        self.is_taken = places.take(self, address)
        places.fell_silent(self)

    def cut(self) -> None:
        self.was_cut = True

    @property
    def is_in(self) -> bool:
        return self.is_taken and not self.was_cut


CHUNKED = b"Transfer-Encoding: chunked\r\n"
BODY = json.dumps(a_body()).encode()


class TestAmbiguity:
    @pytest.mark.parametrize(
        "raw",
        [
            pytest.param(post(BODY, KEY, KEY, length(BODY)), id="a key twice"),
            pytest.param(post(BODY, KEY, b"api_key: another-key\r\n", length(BODY)), id="two keys"),
            pytest.param(
                post(b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY), KEY, length(BODY), CHUNKED),
                id="a length beside chunks",
            ),
            pytest.param(post(b"0\r\n\r\n", KEY, CHUNKED, version=b"1.0"), id="chunks of an old sender"),
            pytest.param(
                post(BODY, KEY, length(BODY), b"Content-Type: text/csv\r\nContent-Type: application/json\r\n"),
                id="two types",
            ),
            pytest.param(
                post(BODY, KEY, length(BODY), b"Content-Encoding: identity\r\nContent-Encoding: gzip\r\n"),
                id="two encodings",
            ),
            pytest.param(
                post(BODY, KEY, length(BODY), target=b"/v1/sync?dry_run=true&dry_run=false"), id="a parameter twice"
            ),
        ],
    )
    async def test_what_can_be_read_in_two_ways_is_refused(self, raw: bytes) -> None:
        world = World()
        async with serving(world) as port, a_sender(port) as sender:
            await sender.says(raw)
            status, headers, told = await sender.hears()
            assert (status, json.loads(told)["type"].rpartition("/")[2]) == (400, "ambiguous-request")
            assert headers["connection"] == "close"
            assert await sender.is_cut(), "what stands behind it may be another request"
        assert world.log.messages == []

    @pytest.mark.parametrize(
        "headers",
        [
            pytest.param(b"Content-Length: 10\r\nContent-Length: 11\r\n", id="two lengths"),
            pytest.param(b"Content-Length: -1\r\n", id="below nothing"),
            pytest.param(b"Content-Length: 1_0\r\n", id="no number"),
            pytest.param(b"Content-Length: +10\r\n", id="a sign"),
            pytest.param(b"Content-Length: 0x10\r\n", id="another base"),
            pytest.param(b"Transfer-Encoding: chunked, identity\r\n", id="two encodings"),
            pytest.param(b"Transfer-Encoding: gzip\r\n", id="another encoding"),
            pytest.param(b"Host: elsewhere\r\n", id="two hosts"),
            pytest.param(b"API_KEY : x\r\n", id="a blank before the colon"),
            pytest.param(b"X: a\x00b\r\n", id="a nought"),
        ],
    )
    async def test_a_malformed_head_is_refused_and_its_connection_ends(self, headers: bytes) -> None:
        world = World()
        async with serving(world) as port, a_sender(port) as sender:
            await sender.says(post(BODY, KEY, headers))
            assert (await sender.reader.readline()).split()[1] in (b"400", b"501")
            await sender.reader.read()
        assert world.log.messages == []

    @pytest.mark.parametrize("target", ["/v1/sync/", "/v1/sync//", "//elsewhere/v1/sync", "/health/", "/v1/sync/x/"])
    @pytest.mark.parametrize("method", ["GET", "POST"])
    async def test_nobody_is_sent_to_the_host_that_they_named(self, method: str, target: str) -> None:
        async with serving() as port:
            raw = f"{method} {target} HTTP/1.1\r\nHost: elsewhere.example\r\nContent-Length: 0\r\n\r\n".encode()
            status, headers, told = await ask(port, raw)
        assert (status, "location" in headers) == (404, False)
        assert b"elsewhere" not in told


class TestLogs:
    async def test_nonsense_again_and_again_fills_no_log(self, capsys: pytest.CaptureFixture[str]) -> None:
        logs.set_up("debug")
        async with serving() as port:
            for _ in range(300):
                async with a_sender(port) as sender:
                    await sender.says(b"\x16\x03\x01\x1b[2J\r\n\r\n")
                    await sender.reader.read()
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == logs.MOST_ALIKE + 1
        assert "not told" in lines[-1]

    async def test_few_descriptors_cost_nobody_their_health(self) -> None:
        """Many more connections than the process may have files: who asks is answered, and the log stays short."""
        async with a_gateway(files=100) as gateway, AsyncExitStack() as stack:
            for _ in range(300):
                knocking = socket.create_connection(("127.0.0.1", gateway.port))
                stack.callback(knocking.close)
                await asyncio.sleep(0)
            for _ in range(20):
                assert (await ask(gateway.port, HEALTH))[0] == 200
        assert len(gateway.log.splitlines()) <= 3, gateway.log
