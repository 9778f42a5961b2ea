"""
One of our clients or readers in a process of its own, whose memory has an end: ``python -m tests.hostile.program``.

Prints one JSON object: what came of it. Whoever needs more memory than that ends with MemoryError.
"""

import asyncio
import json
import os
import resource
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from services.fetcher.isams import client
from services.fetcher.isams.rate_limit import Politeness
from services.fetcher.isams.session import Session
from services.gateway.app import server_of
from services.publisher.unitu import Unitu
from shared import logs
from shared.config.settings import Gateway
from tests.unit.fetcher.world import settings
from tests.unit.gateway.world import World

PATH = "/api/students"


async def school(url: str) -> dict[str, Any]:
    async def no_rest(_: float) -> None:
        pass

    session = Session(settings(base_url=url), Politeness(1000, sleep=no_rest), client.permission_words)
    try:
        return {"found": await session.find(PATH)}
    except Exception as error:
        return {"error": type(error).__name__, "message": str(error)}
    finally:
        await session.close()


async def unitu(url: str) -> dict[str, Any]:
    client = Unitu()
    try:
        outcome = await client.post(f"{url}/v1/sync", SecretStr("made-up-key"), b"{}", 60.0)
    except Exception as error:
        return {"error": type(error).__name__, "message": str(error)}
    finally:
        await client.close()
    return {"kind": outcome.kind, "status": outcome.status, "message": outcome.message, "text": outcome.text}


async def gateway(files: str) -> dict[str, Any]:
    """Serves from memory until its standard input ends, with so many files open at most. Its first line is its port."""
    logs.set_up("info")
    resource.setrlimit(resource.RLIMIT_NOFILE, (int(files), int(files)))
    world = World(max_body_bytes=100_000_000)
    server = server_of(world.web.app(), Gateway())
    listening = socket.create_server(("127.0.0.1", 0))
    serving = asyncio.create_task(server.serve([listening]))
    print(listening.getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.should_exit = server.force_exit = True
    await serving
    return {"sent": len(world.log.messages)}


@dataclass
class Served:
    """A gateway in another process; ``log`` is there when it has ended."""

    port: int
    pid: int
    log: str = ""
    sent: int = 0  # messages, when it has ended

    def peak(self) -> int:
        """Megabytes of memory, at most until now."""
        return self._megabytes("VmHWM")

    def memory(self) -> int:
        """Megabytes, now."""
        return self._megabytes("VmRSS")

    def _megabytes(self, name: str) -> int:
        (line,) = [one for one in Path(f"/proc/{self.pid}/status").read_text().splitlines() if name in one]
        return int(line.split()[1]) // 1024

    def seconds(self) -> float:
        """Of computing, until now."""
        times = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")


@asynccontextmanager
async def a_gateway(*, files: int = 1024, megabytes: int = 2000) -> AsyncIterator[Served]:
    process = await _start("gateway", str(files), megabytes)
    assert process.stdout is not None
    served = Served(int(await process.stdout.readline()), process.pid)
    try:
        yield served
    finally:
        out, err = await process.communicate(b"")
        served.log = err.decode()
    assert process.returncode == 0, served.log[-2000:]
    served.sent = json.loads(out)["sent"]


DEEDS: dict[str, Callable[[str], Awaitable[dict[str, Any]]]] = {
    "school": school,
    "unitu": unitu,
    "gateway": gateway,
}


def bound(megabytes: int) -> None:
    """From here on this process may have so much more than it has now."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + megabytes * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


async def in_bounds(deed: str, given: str, megabytes: int) -> dict[str, Any]:
    """Run it in another process, while this one may go on serving it."""
    process = await _start(deed, given, megabytes)
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()[-2000:]
    return dict(json.loads(out))


async def _start(deed: str, given: str, megabytes: int) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.hostile.program", deed, given, str(megabytes)),
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
    )


if __name__ == "__main__":
    deed, given, megabytes = sys.argv[1:]
    bound(int(megabytes))
    print(json.dumps(asyncio.run(DEEDS[deed](given))))
