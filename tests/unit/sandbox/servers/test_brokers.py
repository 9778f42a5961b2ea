"""What the brokers of a laptop trust, where they look, and what is left when we die. Starts neither of them."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from services.sandbox.servers import kafka_jars
from services.sandbox.servers.brokers import Addresses, from_environment
from services.sandbox.servers.kafka_jars import Jar, cache, class_path, pinned
from services.sandbox.servers.loopback import CannotStart
from services.sandbox.servers.processes import Guarded

KAFKA, REDIS = "ROLLCALL__KAFKA__BOOTSTRAP_SERVERS", "ROLLCALL__REDIS__URL"
CONTENT = {"org/one/1.0/one-1.0.jar": b"one", "org/two/2.0/two-2.0.jar": b"two"}


def eventually(condition: Callable[[], bool], seconds: float = 60) -> bool:
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.01)
    return condition()


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


# Addresses


def test_both_addresses_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    here = Addresses("127.0.0.1:9092", "redis://127.0.0.1:6379/0")
    for name, value in here.environment().items():
        monkeypatch.setenv(name, value)
    assert from_environment() == here


@pytest.mark.parametrize("empty", [None, ""])
def test_no_address_means_that_nobody_runs_them_for_us(monkeypatch: pytest.MonkeyPatch, empty: str | None) -> None:
    for name in (KAFKA, REDIS):
        monkeypatch.delenv(name, raising=False) if empty is None else monkeypatch.setenv(name, empty)
    assert from_environment() is None


@pytest.mark.parametrize(("there", "missing"), [(KAFKA, REDIS), (REDIS, KAFKA)])
def test_one_address_alone_is_refused(monkeypatch: pytest.MonkeyPatch, there: str, missing: str) -> None:
    monkeypatch.setenv(there, "127.0.0.1:1")
    monkeypatch.delenv(missing, raising=False)
    with pytest.raises(CannotStart, match=f"{there} is set and {missing} is not"):
        from_environment()


# Jars


def test_every_jar_is_pinned_and_one_of_them_logs() -> None:
    jars = pinned()
    names = [Path(jar.path).name for jar in jars]
    assert len(names) == len(set(names)) == 46
    assert {f"kafka_2.13-{kafka_jars.VERSION}.jar", "slf4j-simple-1.7.36.jar"} <= set(names)
    assert all(len(jar.sha256) == 64 and int(jar.sha256, 16) for jar in jars)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"ROLLCALL_CACHE": "/mine", "XDG_CACHE_HOME": "/theirs"}, "/mine"),
        ({"XDG_CACHE_HOME": "/theirs"}, "/theirs/rollcall"),
    ],
)
def test_the_cache_is_where_it_is_told_to_be(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], expected: str
) -> None:
    monkeypatch.delenv("ROLLCALL_CACHE", raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert cache() == Path(expected)


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The user's own Maven repository, with two jars, which are all that Kafka needs here. Nothing can be fetched."""
    jars = [Jar(path, hashlib.sha256(content).hexdigest()) for path, content in CONTENT.items()]
    monkeypatch.setattr(kafka_jars, "pinned", lambda: jars)
    monkeypatch.setattr(kafka_jars.Repository, "remote", unreachable)
    for name, folder in {"ROLLCALL_CACHE": "cache", "M2_REPO": "own", "JGO_CONFIG_FILE": "none.conf"}.items():
        monkeypatch.setenv(name, str(tmp_path / folder))
    for path, content in CONTENT.items():
        write(tmp_path / "own" / path, content)
    yield tmp_path / "own"
    assert not list(tmp_path.rglob(".part-*"))


def unreachable(_repository: kafka_jars.Repository, jar: Jar) -> Path:
    raise ConnectionError(f"no way to {jar.path}")


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def test_what_the_user_has_is_not_fetched(own: Path) -> None:
    assert [jar.read_bytes() for jar in class_path(print)] == [b"one", b"two"]
    assert (own / "org/one/1.0/one-1.0.jar").exists()


@pytest.mark.parametrize("harm", [Path.unlink, lambda jar: jar.write_bytes(b"on")], ids=["missing", "cut short"])
def test_a_jar_that_is_not_the_pinned_one_is_replaced(own: Path, harm: Callable[[Path], object]) -> None:
    one, two = class_path(print)
    before = two.stat().st_ino, one.stat().st_mtime
    harm(one)
    assert class_path(print) == [one, two]
    assert one.read_bytes() == b"one"
    assert (two.stat().st_ino, one.stat().st_mtime) == before  # only the one; and an archive of classes stays good


@pytest.mark.parametrize("harm", [Path.unlink, lambda jar: jar.write_bytes(b"evil")], ids=["missing", "another"])
def test_a_jar_that_cannot_be_had_is_tried_again_and_then_named(own: Path, harm: Callable[[Path], object]) -> None:
    harm(own / "org/one/1.0/one-1.0.jar")
    said: list[str] = []
    with pytest.raises(CannotStart, match=r"(?s)one-1\.0\.jar cannot be had \(1 of 2\): no way to .*mirror"):
        class_path(said.append)
    assert len([line for line in said if "fetching" in line]) == 2
    assert "1 of 2 jars" in said[1]


def test_a_start_with_sound_jars_says_nothing(own: Path) -> None:
    class_path(print)
    said: list[str] = []
    class_path(said.append)
    assert said == []


# Processes


@pytest.fixture
def lent(tmp_path: Path) -> Path:
    folder = tmp_path / "lent"
    folder.mkdir()
    return folder


def sleeper(folder: Path) -> Guarded:
    return Guarded(["sleep", "1000"], log=folder / "log", folder=folder, lent=folder)


def test_a_process_ends_when_it_is_told_to(lent: Path) -> None:
    process = sleeper(lent)
    assert process.running()
    process.terminate()
    assert process.wait(60)
    assert (process.exit_code(), alive(process.pid), lent.exists()) == (128 + signal.SIGTERM, False, True)


def test_a_killed_process_is_gone_at_once(lent: Path) -> None:
    process = sleeper(lent)
    process.kill()
    process.kill()  # harmless
    assert (process.exit_code(), alive(process.pid)) == (128 + signal.SIGKILL, False)


def test_a_kill_reaches_what_the_process_has_started(lent: Path) -> None:
    process = Guarded(["sh", "-c", "sleep 1000 & echo $!; wait"], log=lent / "log", folder=lent)
    assert eventually(lambda: (lent / "log").read_text().endswith("\n"))
    process.kill()
    grandchild = int((lent / "log").read_text())
    assert eventually(lambda: not alive(grandchild) or zombie(grandchild))


def zombie(pid: int) -> bool:
    """Dead, in a container whose first process waits for nobody."""
    said = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return said.stdout.startswith("Z")


def test_a_program_that_cannot_be_run_is_an_error(lent: Path) -> None:
    with pytest.raises(OSError, match="no-such-program"):
        Guarded(["no-such-program"], log=lent / "log", folder=lent)


PARENT = """
import sys, time
from pathlib import Path
from services.sandbox.servers.processes import Guarded
folder = Path(sys.argv[1])
print(Guarded(["sleep", "1000"], log=folder / "log", folder=folder, lent=folder).pid, flush=True)
time.sleep(1000)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_outlives_a_parent_that_dies(lent: Path, how: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(lent)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        parent.send_signal(how)
    assert eventually(lambda: not alive(pid) and not lent.exists())


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel's help is Linux's own")
def test_a_process_dies_with_its_guard(lent: Path) -> None:
    process = sleeper(lent)
    process._guard.kill()
    assert eventually(lambda: not alive(process.pid) or zombie(process.pid))
    process.kill()  # harmless
