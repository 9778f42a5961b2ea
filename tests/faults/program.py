"""
`rollcall` that can be killed or stopped at its named points, while it runs, by orders that lie in a folder.

Words: the folder, the name under which this process looks for orders, how many days its clock is ahead, then rollcall's
own. An order is a file
``<name>@<point>`` with what to do, how often this process passes the point before, and what no other order has: ``kill
0 a1b2`` (as `kill -9`), ``stop 2 c3d4`` (the whole process) or ``hang 0 e5f6`` (this thread, while the others go on).
It is renamed to ``….reached`` when its time has come; whoever removes it before that has taken it back. Who waits goes
on when ``….go`` is there, one that was stopped at the next SIGCONT; it then removes both.
"""

import os
import signal
import sys
import threading
import time
from collections import Counter
from datetime import timedelta
from functools import partial
from pathlib import Path

from shared import clock, failpoints

POINTS = (
    *("sending", "completing"),
    "assessed",
    *("reading", "decided", "published-0", "published-1", "written"),
    *("announced", "posted", "concluded"),
)
LOOK_SECONDS = 0.02


class Orders:
    """What is to happen at which point of this process."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name
        self._lock = threading.Lock()
        self._passed: Counter[str] = Counter()

    def visit(self, point: str) -> None:
        with self._lock:  # a process may run several loops: one of them takes the order
            order = self._folder / f"{self._name}@{point}"
            try:
                what, passes, name = order.read_text().split()
                if self._passed[name] < int(passes):
                    self._passed[name] += 1
                    return
                reached = order.rename(f"{order}.reached")
            except FileNotFoundError:  # there is none, or it was taken back a moment ago
                return
        if what == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        go = Path(f"{order}.go")
        while not go.exists():  # a SIGCONT that came before the SIGSTOP is no leave to go on
            if what == "stop":
                os.kill(os.getpid(), signal.SIGSTOP)
            else:
                time.sleep(LOOK_SECONDS)
        go.unlink()  # first: who sees that this point was left may order the next stop here
        reached.unlink()


def write(file: Path, text: str) -> None:
    """Whole or not at all: somebody looks at it all the time."""
    new = file.with_name(f"{file.name}.new")
    new.write_text(text)
    new.rename(file)


def put_clock_forward(days: float) -> None:
    """Before anything that reads it is imported."""
    now = clock.utc_now
    clock.utc_now = lambda: now() + timedelta(days=days)


if __name__ == "__main__":
    orders = Orders(Path(sys.argv[1]), sys.argv[2])
    failpoints.hooks.update({point: partial(orders.visit, point) for point in POINTS})
    if days := float(sys.argv[3]):
        put_clock_forward(days)
    sys.argv[1:4] = []
    from services.cli.main import main

    main()
