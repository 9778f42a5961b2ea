"""
Processes that cannot outlive us. Knows nothing of what it runs.

A guard, which is this file run as a program, stands between us and each process. It holds the end of a pipe: when the
pipe closes, because we ended in whatever way, it kills its process and removes the folder that was lent to it. On Linux
the kernel kills the process if the guard itself is killed. Guard and process are in a session of their own, so that a
terminal's Ctrl-C reaches us alone.
"""

import contextlib
import ctypes
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import IO, Any, cast

GRACE_SECONDS = 30.0  # Kafka closes its logs in 0.3 s on an idle machine
LOOK_SECONDS = 1.0  # how often a guard looks whether we live, in case a forked copy of us holds the pipe open
TERMINATE, KILL = b"T", b"K"
PR_SET_PDEATHSIG = 1  # Linux: prctl(2)


class Guarded:
    """
    One running process and its guard.

    ``lent``: a folder that the guard removes if we die first. Several may be lent the same: the last one clears it.
    Raises: OSError, when the program cannot be run.
    """

    def __init__(self, command: Sequence[str | Path], *, log: Path, folder: Path, lent: Path | None = None) -> None:
        task = {"command": [str(part) for part in command], "log": str(log), "lent": str(lent) if lent else None}
        try:
            with undisturbed():  # what runs is known
                self._guard = subprocess.Popen(
                    [sys.executable, "-I", "-S", __file__, json.dumps(task)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    cwd=folder,
                    start_new_session=True,
                    bufsize=0,
                )
                self._orders, answers = cast(IO[bytes], self._guard.stdin), cast(IO[bytes], self._guard.stdout)
                with answers:
                    answer = json.loads(answers.readline() or b'{"error": "the guard ended before its process began"}')
                if "error" in answer:
                    raise OSError(f"{command[0]}: {answer['error']}")
                self.pid: int = answer["pid"]
        except BaseException:  # Ctrl-C too, put off until here
            if hasattr(self, "_orders"):
                self._orders.close()
                self._guard.wait()
            raise

    def running(self) -> bool:
        """Whether the process has not ended yet."""
        return self._guard.poll() is None

    def exit_code(self) -> int | None:
        """As a shell would say it (128 + signal); none while it runs."""
        return self._guard.poll()

    def terminate(self) -> None:
        """Ask it to end, and return at once."""
        self._order(TERMINATE)

    def wait(self, seconds: float = GRACE_SECONDS) -> bool:
        """Whether it ended in that time. Seen to the end by us, it leaves its folder to us."""
        try:
            self._guard.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        self._orders.close()
        return True

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        self._order(KILL)
        self._guard.wait()
        self._orders.close()

    def _order(self, order: bytes) -> None:
        if self.running():
            with contextlib.suppress(BrokenPipeError):  # it ended meanwhile, which is what was asked
                self._orders.write(order)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Put off Ctrl-C and SIGTERM until the end of the block. Only the main thread gets them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []

    def later(number: int, _frame: FrameType | None) -> None:
        came.append(number)

    before = {number: signal.signal(number, later) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)
        for first in came[:1]:
            signal.raise_signal(first)


def guard(task: dict[str, Any]) -> int:
    """
    Run one process until it ends or we are told that nobody needs it. For a process of its own, with one thread.

    Shape: orders come as bytes on standard input; its end is an order too. The answer is one JSON object on standard
    output, ``{"pid": …}`` or ``{"error": …}``; the exit code is that of the process.
    """
    wake = _wake_on_signals()
    us = os.getppid()
    try:
        with open(task["log"], "ab") as log:
            child = subprocess.Popen(
                task["command"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=0,
                preexec_fn=_die_with(os.getpid()),  # safe: one thread, so nothing can hold a lock
            )
    except OSError as refused:
        _answer({"error": str(refused)})
        return 127
    _answer({"pid": child.pid})
    while (code := child.poll()) is None:
        readable, _, _ = select.select([0, wake.fileno()], [], [], LOOK_SECONDS)
        if wake.fileno() in readable:
            wake.recv(4096)
        order = os.read(0, 1) if 0 in readable else None
        if order == TERMINATE:
            child.terminate()
        elif order == KILL:
            _kill(child)
        elif order == b"" or os.getppid() != us:
            return _clear_up(child, task["lent"])
    return code if code >= 0 else 128 - code


def _wake_on_signals() -> socket.socket:
    """A socket that becomes readable when the process ends; none of these signals ends the guard before it."""
    ours, kernels = socket.socketpair()
    for end in (ours, kernels):
        end.setblocking(False)
    signal.set_wakeup_fd(kernels.detach())
    for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: None)  # not SIG_IGN, which the process would inherit
    return ours


def _die_with(guard_pid: int) -> Callable[[], None]:
    """What a new process runs before its program: on Linux, ask to be killed when the guard ends."""
    if not sys.platform.startswith("linux"):
        return lambda: None
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def die_with_guard() -> None:
        if prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0 or os.getppid() != guard_pid:
            os._exit(126)

    return die_with_guard


def _answer(answer: dict[str, Any]) -> None:
    with contextlib.suppress(BrokenPipeError):  # we died at once: the closed pipe says so again
        os.write(1, json.dumps(answer).encode() + b"\n")
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)


def _kill(child: subprocess.Popen[bytes]) -> None:
    """With what it has started: Redis forks to rewrite its log, and Java to make an archive."""
    with contextlib.suppress(PermissionError):  # macOS says so of a group that is dead but for our wait
        os.killpg(child.pid, signal.SIGKILL)


def _clear_up(child: subprocess.Popen[bytes], lent: str | None) -> int:
    _kill(child)
    child.wait()
    if lent:
        shutil.rmtree(lent, ignore_errors=True)  # another guard may be at it too; and nobody is left to be told
    return 1


if __name__ == "__main__":
    sys.exit(guard(json.loads(sys.argv[1])))
