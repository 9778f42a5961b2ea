"""The demonstration's own processes: each with a log, none of which outlives us."""

import sys
import time
from contextlib import ExitStack
from pathlib import Path

from services.sandbox.demo.plan import DemoFailed
from services.sandbox.servers.processes import Guarded

GRACE_SECONDS = 4.0  # for all of them together, to end in good order


class Programs:
    """Python modules in processes of their own. ``folder`` has the logs; it is removed if we are killed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._running: dict[str, Guarded] = {}
        self._may_end: set[str] = set()

    def start(self, name: str, module: str, *arguments: str, may_end: bool = False) -> None:
        """``may_end``: somebody waits for its end; any other must go on until it is told."""
        if may_end:
            self._may_end.add(name)
        command = [sys.executable, "-m", module, *arguments]
        self._running[name] = Guarded(command, log=self.log(name), folder=self.folder, lent=self.folder)

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def said(self, name: str) -> str:
        """Everything that it has written so far."""
        log = self.log(name)
        return log.read_text(errors="replace") if log.exists() else ""

    def check(self) -> None:
        """Raises: DemoFailed, when one has ended by itself."""
        for name, process in self._running.items():
            if name not in self._may_end and not process.running():
                raise DemoFailed(f"{name} ended by itself (exit code {process.exit_code()})", self.log(name))

    def exit_code(self, name: str) -> int | None:
        """None while it runs."""
        return self._running[name].exit_code()

    def stop(self) -> None:
        """Ask all of them to end, and give them a moment."""
        for process in self._running.values():
            process.terminate()
        until = time.monotonic() + GRACE_SECONDS
        for process in self._running.values():
            process.wait(max(until - time.monotonic(), 0.0))

    def kill(self) -> None:
        """End at once whatever still runs."""
        with ExitStack() as stack:
            for process in self._running.values():
                stack.callback(process.kill)
        self._running.clear()
