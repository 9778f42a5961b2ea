"""A line to a server that can be cut, silenced, slowed and narrowed: a small TCP proxy on the loopback interface."""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

HOST = "127.0.0.1"
CHUNK = 65_536
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close with a reset, not in good order


class Proxy:
    """
    Listens on ``port`` from the start; passes on to ``target``, a port that may become known later. For a ``with``
    statement; every call takes effect at once and may come from any thread.
    """

    def __init__(self, target: int = 0) -> None:
        self.target = target
        self._socket = socket.create_server((HOST, 0))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, CHUNK)  # a line keeps nothing; its ends do
        self.port: int = self._socket.getsockname()[1]
        self.taken = 0  # connections so far, those that were reset at once left out
        self._is_cut = False
        self._seconds = 0.0
        self._rate = 0.0
        self._free_at = {True: 0.0, False: 0.0}  # when the line has room again, there and back
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._flows = asyncio.Event()
        self._flows.set()
        self._thread = threading.Thread(target=self._run, daemon=True, name=f"proxy-{self.port}")

    # --- what can happen to the line ---------------------------------------------------------------------------------

    def cut(self) -> None:
        """Every connection is reset, and so is each new one, until ``mend``."""
        self._do(lambda: self._set(is_cut=True))

    def hang(self) -> None:
        """Connections stay and new ones are taken, but nothing passes either way until ``mend``."""
        self._do(self._flows.clear)

    def delay(self, seconds: float) -> None:
        """Whatever comes waits so long, each way, until ``mend``."""
        self._do(lambda: self._set(seconds=seconds))

    def narrow(self, bytes_per_second: float) -> None:
        """All connections together take so much, each way, until ``mend``."""
        self._do(lambda: self._set(rate=bytes_per_second))

    def drop(self) -> None:
        """Every connection is reset, once; new ones are as before."""
        self._do(self._reset_all)

    def mend(self) -> None:
        """As at the beginning. What hung goes on where it was."""
        self._do(lambda: self._set(is_cut=False, seconds=0.0, rate=0.0))
        self._do(self._flows.set)

    # --- to begin and to end -----------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._do(self._reset_all)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, sock=self._socket))
        self._loop.run_forever()
        server.close()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    def _do(self, what: Callable[[], None]) -> None:
        """In the proxy's own thread, and done when this returns."""
        done = threading.Event()

        def do() -> None:
            what()
            done.set()

        self._loop.call_soon_threadsafe(do)
        done.wait()

    def _set(self, *, is_cut: bool = False, seconds: float | None = None, rate: float | None = None) -> None:
        self._is_cut = is_cut
        if rate is not None:
            self._rate = rate
        if seconds is not None:
            self._seconds = seconds
        if is_cut:
            self._reset_all()

    def _reset_all(self) -> None:
        for writer in list(self._open):
            _reset(writer)

    # --- one connection ----------------------------------------------------------------------------------------------

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            _reset(writer)
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(HOST, self.target)
        except OSError:
            _reset(writer)
            return
        both = {writer, far_writer}
        self._open |= both
        self.taken += 1
        if self._is_cut:  # meanwhile
            self._reset_all()
        try:
            await asyncio.gather(self._pass_on(reader, far_writer, True), self._pass_on(far_reader, writer, False))
        finally:
            self._open -= both
            for end in both:
                end.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, there: bool) -> None:
        with contextlib.suppress(OSError):  # either end has gone
            while data := await reader.read(CHUNK):
                await self._flows.wait()
                if self._seconds:
                    await asyncio.sleep(self._seconds)
                if self._rate:
                    now = self._loop.time()
                    self._free_at[there] = max(self._free_at[there], now) + len(data) / self._rate
                    await asyncio.sleep(self._free_at[there] - now)
                writer.write(data)
                await writer.drain()
        with contextlib.suppress(OSError, RuntimeError):
            writer.write_eof()


def _reset(writer: asyncio.StreamWriter) -> None:
    """The other end learns of it by an error, not by an end."""
    end = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()
