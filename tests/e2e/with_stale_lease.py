"""
`rollcall` as a process that slept through the end of a lease and does not know: it renews none and believes in all.

Words: those of ``tests.faults.program``.
"""

import asyncio
import runpy

from shared.work.lease import KeptLease


async def _sleep_on(_: KeptLease) -> None:
    await asyncio.Event().wait()


if __name__ == "__main__":
    KeptLease.keep = _sleep_on  # type: ignore[method-assign]
    KeptLease.held = lambda _: True  # type: ignore[method-assign, assignment]
    runpy.run_module("tests.faults.program", run_name="__main__", alter_sys=True)
