"""
One of our clients or readers in a process of its own, whose memory has an end: ``python -m tests.hostile.program``.

Prints one JSON object: what came of it. Whoever needs more memory than that ends with MemoryError.
"""

import asyncio
import json
import resource
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from services.fetcher.isams import client
from services.fetcher.isams.rate_limit import Politeness
from services.fetcher.isams.session import Session
from services.publisher.unitu import Unitu
from tests.unit.fetcher.world import settings

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


DEEDS: dict[str, Callable[[str], Awaitable[dict[str, Any]]]] = {"school": school, "unitu": unitu}


def bound(megabytes: int) -> None:
    """From here on this process may have so much more than it has now."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + megabytes * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


async def in_bounds(deed: str, given: str, megabytes: int) -> dict[str, Any]:
    """Run it in another process, while this one may go on serving it."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.hostile.program", deed, given, str(megabytes)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()[-2000:]
    return dict(json.loads(out))


if __name__ == "__main__":
    deed, given, megabytes = sys.argv[1:]
    bound(int(megabytes))
    print(json.dumps(asyncio.run(DEEDS[deed](given))))
