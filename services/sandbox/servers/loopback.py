"""Servers on the loopback interface, each a guarded process with its data in one folder."""

import contextlib
import re
import secrets
import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

from services.sandbox.servers.processes import Guarded

HOST = "127.0.0.1"
# below those for outgoing connections, one of which could take the port of a server that restarts
PORTS = range(20_000, 32_000)
TRIES = 3  # with other ports, when somebody took ours between the look and the start
TOLD_LINES, TOLD_CHARACTERS = 12, 300  # of a log, in a message
COMPLAINT = re.compile(r"\b(ERROR|FATAL)\b|Exception: ")
READY_SECONDS = 0.05  # between two looks

Say = Callable[[str], None]  # where a line of progress goes


class CannotStart(RuntimeError):
    """A program that we need cannot be had or does not answer; the message says what to do."""


class Server(ABC):
    """
    One broker on the loopback interface, with its data in one folder.

    ``start``, ``stop``, ``kill`` and ``restart`` may follow each other in any order; port and data stay the same.
    Raises: CannotStart, with the last lines of the log.
    """

    name: ClassVar[str]
    limit_seconds: ClassVar[float]  # from start to first answer; generous, since a machine that runs tests is busy
    port_count: ClassVar[int] = 1

    def __init__(self, folder: Path, *, lent: Path | None = None, say: Say) -> None:
        self.folder, self.log = folder, folder / "log"
        self._lent, self._say = lent, say
        self._process: Guarded | None = None
        self._ports: list[int] = []

    @property
    def port(self) -> int:
        """Where it listens. Chosen at the first start."""
        return self._ports[0]

    @property
    def pid(self) -> int:
        """Of the broker itself."""
        if self._process is None:
            raise CannotStart(f"{self.name} was not started")
        return self._process.pid

    def running(self) -> bool:
        """Whether there is a process, ready or not."""
        return self._process is not None and self._process.running()

    def start(self) -> None:
        """Start, and return when it answers."""
        self.launch()
        self.await_ready()

    def stop(self) -> None:
        """End it in good order; by force if it takes too long."""
        self.ask_to_stop()
        self.await_end()

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        if self._process is not None:
            self._process.kill()

    def restart(self) -> None:
        """End it if it runs, and start it again."""
        self.stop()
        self.start()

    def launch(self) -> None:
        """Start, and return at once."""
        if self.running():
            return
        self._ports = self._ports or free_ports(self.port_count)
        self._run()

    def await_ready(self) -> None:
        """Return when it answers."""
        until = time.monotonic() + self.limit_seconds
        tries = TRIES if self._new else 1
        while not self.answers():
            if not self.running():
                tries -= 1
                if not tries or not any("ddress already in use" in line for line in self._said()):
                    self.check()
                self._ports = free_ports(self.port_count)
                self._run()
            elif time.monotonic() > until:
                raise self._failed(f"did not answer on {HOST}:{self.port} within {self.limit_seconds:.0f} s")
            time.sleep(READY_SECONDS)
        self._new = False

    def check(self) -> None:
        """Raises: CannotStart, if it has ended by itself."""
        if not self.running():
            raise self._failed(f"ended with exit code {self._process and self._process.exit_code()}")

    def ask_to_stop(self) -> None:
        """Ask it to end, and return at once."""
        if self._process is not None:
            self._process.terminate()

    def await_end(self) -> None:
        """Return when it has ended."""
        if self._process is not None and not self._process.wait():
            self._say(f"{self.name} does not stop: killing it")
            self._process.kill()

    @abstractmethod
    def answers(self) -> bool:
        """Whether it is ready for work: it, and no other that has its port."""

    @abstractmethod
    def _prepare(self) -> Sequence[str | Path]:
        """Write what it needs; the command."""

    _new = True  # nobody has been told the port yet

    def _run(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        command = self._prepare()
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        try:
            self._process = Guarded(command, log=self.log, folder=self.folder, lent=self._lent)
        except OSError as refused:
            raise CannotStart(f"{self.name} cannot be run: {refused}") from refused

    def _said(self) -> list[str]:
        """What it logged since it was started."""
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace").splitlines()

    def _failed(self, why: str) -> CannotStart:
        """With the last lines of the log; with the last complaints too, if they are not among them."""
        said = self._said()
        complaints = [line for line in said[:-TOLD_LINES] if COMPLAINT.search(line)][-TOLD_LINES:]
        lines = "\n".join(line[:TOLD_CHARACTERS] for line in [*complaints, *said[-TOLD_LINES:]])
        return CannotStart(f"{self.name} {why}; from {self.log}:\n{lines}")


def free_ports(count: int) -> list[int]:
    """Different ports that nobody has now."""
    ports: set[int] = set()
    while len(ports) < count:
        port = secrets.choice(PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((HOST, port))
            ports.add(port)
    return list(ports)
