"""
`rollcall` that can be killed or stopped at its named points, while it runs, by orders that lie in a folder.

Words: the folder, the name under which this process looks for orders, how many days its clock is ahead, then rollcall's
own. An order is a file
``<name>@<point>`` with what to do and how often the point is passed before: ``kill 0`` (as `kill -9`), ``stop 2`` (the
whole process) or ``hang 0`` (this thread, while the others go on). It is renamed to ``….reached`` when its time has
come. Who waits goes on when ``….go`` is there, one that was stopped at the next SIGCONT; it then removes both.
"""

import os
import signal
import sys
import threading
import time
from datetime import timedelta
from functools import partial
from pathlib import Path

from shared import clock, points

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

    def visit(self, point: str) -> None:
        with self._lock:  # a process may run several loops: one of them takes the order
            order = self._folder / f"{self._name}@{point}"
            if not order.exists():
                return
            what, passes = order.read_text().split()
            if int(passes):
                write(order, f"{what} {int(passes) - 1}")
                return
            reached = order.rename(f"{order}.reached")
        if what == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        go = Path(f"{order}.go")
        while not go.exists():  # a SIGCONT that came before the SIGSTOP is no leave to go on
            if what == "stop":
                os.kill(os.getpid(), signal.SIGSTOP)
            else:
                time.sleep(LOOK_SECONDS)
        reached.unlink()
        go.unlink()


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
    points.hooks.update({point: partial(orders.visit, point) for point in POINTS})
    if days := float(sys.argv[3]):
        put_clock_forward(days)
    sys.argv[1:4] = []
    from services.cli.main import main

    main()
