"""A server that means harm, or is broken: whatever bytes a test wants, on a loopback port."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

TOKEN_PATH = "/auth/connect/token"
MEGABYTE = 1024 * 1024

Raw = bytes | Iterable[bytes]
"""An answer as it goes out, head and all; an iterable may have no end."""


@dataclass
class Neighbour:
    """``asked``: the request lines, in order. ``sent``: bytes that went out."""

    url: str
    asked: list[str] = field(default_factory=list)
    sent: int = 0


def answer(content: bytes = b"", status: str = "200 OK", **headers: str) -> bytes:
    """A whole answer; a header's name has _ for -."""
    told = {"Content_Type": "application/json", "Content_Length": str(len(content))} | headers
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in told.items())
    return f"HTTP/1.1 {status}\r\n{lines}Connection: close\r\n\r\n".encode("latin-1") + content


def without_length(pieces: Iterable[bytes], status: str = "200 OK", **headers: str) -> Iterator[bytes]:
    """An answer that ends where its pieces do, if they do."""
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    yield f"HTTP/1.1 {status}\r\n{lines}Connection: close\r\n\r\n".encode("latin-1")
    yield from pieces


def a_token(written: str = '"made-up-token"', lifetime: str = "3600") -> bytes:
    """Both as JSON writes them."""
    return answer(f'{{"access_token": {written}, "expires_in": {lifetime}}}'.encode())


def bomb(megabytes: int) -> bytes:
    """A gzip of so many megabytes of nothing. Its end is missing: nobody should get that far."""
    stream = zlib.compressobj(9, zlib.DEFLATED, 31)
    head = stream.compress(bytes(MEGABYTE)) + stream.flush(zlib.Z_FULL_FLUSH)
    more = stream.compress(bytes(MEGABYTE)) + stream.flush(zlib.Z_FULL_FLUSH)
    return head + more * (megabytes - 1)


def gzip_of_gzip(megabytes: int) -> bytes:
    return gzip.compress(bomb(megabytes))


@asynccontextmanager
async def neighbour(says: Callable[[str], Raw], token: Raw | None = None) -> AsyncIterator[Neighbour]:
    """``says``: what a path is answered with. The token's path is answered as by a sound one unless said otherwise."""
    found = Neighbour("")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            method, path, _ = head.decode("latin-1").split(" ", 2)
            found.asked.append(f"{method} {path}")
            raw = (token or a_token()) if path == TOKEN_PATH else says(path)
            for piece in (raw,) if isinstance(raw, bytes) else raw:
                writer.write(piece)
                found.sent += len(piece)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=MEGABYTE)
    found.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield found
    finally:
        server.close()
