"""Rollcall's services as processes of their own, that can be killed, stopped and continued: now, or at a point."""

import os
import secrets
import signal
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

from services.sandbox.servers.processes import Guarded
from tests.faults.program import POINTS, write

WAIT_SECONDS = 120.0  # for what must come; a machine that runs tests is busy
LOOK_SECONDS = 0.05


class Processes:
    """
    ``folder`` has a log for each, and the orders; it is removed if we are killed. ``group_prefix`` is that of the
    configuration.
    """

    def __init__(self, folder: Path, config_path: Path, group_prefix: str) -> None:
        self.folder = folder
        self._config_path = config_path
        self._group_prefix = group_prefix
        self._running: dict[str, Guarded] = {}
        self._dying: set[Path] = set()  # orders to die

    # --- to begin and to end ---------------------------------------------------------------------------------------

    def start(
        self,
        name: str,
        *services: str,
        group: str = "",
        days: float = 0,
        program: str = "tests.faults.program",
        user: str = "",
    ) -> None:
        """
        A process ``name`` that runs these services (none given: the one of its name).

        ``group``: of which consumer group, in place of the configuration's own. Two processes of one service share its
        lanes; in two groups both own all of them, and neither knows of the other: each is the other's stale owner.
        ``days``: how far its clock is ahead. ``program``: a module that does something else first.
        ``user``: as whom it comes to Kafka.
        """
        words = [sys.executable, "-m", program, str(self.folder), name, str(days)]
        if group:
            words = ["env", f"ROLLCALL__KAFKA__GROUP_PREFIX={self._group_prefix}{group}-", *words]
        if user:
            words = ["env", f"ROLLCALL__KAFKA__SASL_USERNAME={user}", *words]
        command = [*words, "--config", str(self._config_path), "run", *(services or (name,))]
        self._running[name] = Guarded(command, log=self.log(name), folder=self.folder, lent=self.folder)

    def kill(self, name: str) -> None:
        """As `kill -9` does, wherever it is; also one that is stopped."""
        self._running.pop(name).kill()

    def restart(self, name: str, *services: str, group: str = "") -> None:
        """Kill it if it runs, and start it again."""
        if name in self._running:
            self.kill(name)
        self.start(name, *services, group=group)

    def end(self, name: str) -> tuple[int | None, float]:
        """SIGTERM, and wait. Returns the exit code (None: it does not end) and the seconds that it took."""
        begun = time.monotonic()
        process = self._running.pop(name)
        process.terminate()
        process.wait(WAIT_SECONDS)
        seconds = time.monotonic() - begun
        code = process.exit_code()
        process.kill()
        return code, seconds

    def kill_all(self) -> None:
        with ExitStack() as stack:
            for process in self._running.values():
                stack.callback(process.kill)
        self._running.clear()

    # --- to stop and to continue -------------------------------------------------------------------------------------

    def stop(self, name: str) -> None:
        """SIGSTOP, now: nothing of it runs on, neither a lease nor a heartbeat."""
        os.kill(self._running[name].pid, signal.SIGSTOP)

    def go_on(self, name: str) -> None:
        """SIGCONT to one that ``stop`` has stopped."""
        os.kill(self._running[name].pid, signal.SIGCONT)

    # --- at a point --------------------------------------------------------------------------------------------------

    def at(self, name: str, point: str, what: Literal["kill", "stop", "hang"], passes: int = 0) -> None:
        """
        Order what happens the next time that process passes this point (docs/faults.md), or after so many passes. Works
        before its start and while it runs. ``hang`` holds one thread there, ``stop`` the whole process.
        """
        if point not in POINTS:
            raise ValueError(f"no point {point!r}: there are {', '.join(POINTS)}")
        order = self._order(name, point)
        (self._dying.add if what == "kill" else self._dying.discard)(order)
        write(order, f"{what} {passes} {secrets.token_hex(4)}")

    def take_back(self, name: str, point: str) -> bool:
        """No such order any more; False, when it was reached before that."""
        order = self._order(name, point)
        order.unlink(missing_ok=True)
        return not Path(f"{order}.reached").exists()

    def until_at(self, name: str, point: str) -> None:
        """Wait until it is there: waiting, or dead."""
        order = self._order(name, point)
        reached = Path(f"{order}.reached")
        self.until(reached.exists, f"{name} at {point}")
        if order in self._dying:
            self.until(lambda: not self._running[name].running(), f"{name} dying at {point}")
            self.kill(name)
            reached.unlink()

    def leave(self, name: str, point: str) -> None:
        """Let one that waits at a point go on; returns when it has left it."""
        order = self._order(name, point)
        write(Path(f"{order}.go"), "")
        reached = Path(f"{order}.reached")

        def has_left() -> bool:
            self.go_on(name)
            return not reached.exists()

        self.until(has_left, f"{name} leaving {point}")

    def _order(self, name: str, point: str) -> Path:
        return self.folder / f"{name}@{point}"

    # --- looking -----------------------------------------------------------------------------------------------------

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def said(self, name: str) -> str:
        """Everything that it has logged, all of its starts together."""
        log = self.log(name)
        return log.read_text(errors="replace") if log.exists() else ""

    def check(self) -> None:
        """Raises: AssertionError, when one has ended by itself."""
        for name, process in self._running.items():
            if not process.running() and not list(self.folder.glob(f"{name}@*.reached")):
                raise AssertionError(f"{name} ended by itself ({process.exit_code()}):\n{self.said(name)[-3000:]}")

    def until(self, found: Callable[[], Any], what: str, seconds: float = WAIT_SECONDS) -> Any:
        """Wait for something that is true, and return it. Raises: AssertionError with what the processes logged."""
        deadline = time.monotonic() + seconds
        while not (answer := found()):
            self.check()
            if time.monotonic() > deadline:
                logs = "\n".join(f"--- {log.stem}\n{log.read_text()[-2500:]}" for log in self.folder.glob("*.log"))
                raise AssertionError(f"{what}: not within {seconds:.0f} s\n{logs}")
            time.sleep(LOOK_SECONDS)
        return answer
