"""The demonstration at a small size, on the run's Kafka and Redis: what it says, what it finds, what it leaves."""

import io
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient
from rich.console import Console

from services.sandbox.demo.course import INTERRUPTED, Tamper, run
from services.sandbox.demo.plan import Plan
from services.sandbox.demo.screen import Screen
from services.sandbox.demo.world import World
from services.sandbox.servers.brokers import Addresses

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.e2e]

SIZES = {"abbey": 12, "birch": 20, "castle": 30}
HAPPENED = (
    "joins Year 7",
    "account created",
    "leaves set",
    "is created at Unitu, and confirmed",
    "of the snapshot not in it: 1",
    "leaves the school",
    "account disabled",
    "comes back",
    "account enabled again",
    "e-mail is blanked",
    "the account stays enabled",
    "page 2 lacks",
    "nobody disabled",
    "Unitu's own: no differences",
    "they agree exactly",
)
ALONE = """
import sys
from services.sandbox.servers.brokers import Addresses
from services.sandbox.demo.course import run
from services.sandbox.demo.plan import Plan
from services.sandbox.demo.screen import Screen
plan = Plan(sizes={"abbey": 12, "birch": 20, "castle": 30}, keep=True, brokers=Addresses(*sys.argv[1:]))
sys.exit(run(plan, Screen()))
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the demonstration makes its temporary folder; it must be empty afterwards."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield temporary
    assert gone(temporary), processes_of(temporary)


def processes_of(folder: Path) -> list[str]:
    """Process ids and command lines that name it: those of guards and of services do."""
    listed = subprocess.run(["ps", "-A", "-ww", "-o", "pid=,args="], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if str(folder) in line]


def gone(folder: Path, seconds: float = 60.0) -> bool:
    until = time.monotonic() + seconds
    while processes_of(folder) or list(folder.iterdir()):
        if time.monotonic() > until:
            return False
        time.sleep(0.1)
    return True


def demonstrate(brokers: Addresses, tamper: Tamper | None = None) -> tuple[int, str]:
    """Exit code, and all that was said."""
    said = io.StringIO()
    code = run(Plan(sizes=SIZES, brokers=brokers), Screen(Console(file=said, width=200)), tamper)
    return code, said.getvalue()


def topics_left(brokers: Addresses, said: str, seconds: float = 60.0) -> list[str]:
    """The topics of the demonstration that said this: others may run beside it, and brokers take a moment to forget."""
    (prefix,) = set(re.findall(r"begins\s+with\s+(demo-[0-9a-f]+-)", said))
    admin = AdminClient({"bootstrap.servers": brokers.kafka})
    until = time.monotonic() + seconds
    while left := [name for name in admin.list_topics(timeout=60).topics if name.startswith(prefix)]:
        if time.monotonic() > until:
            break
        time.sleep(0.1)
    return left


def test_unitu_ends_exactly_as_it_ought_to(brokers: Addresses, folder: Path) -> None:
    code, said = demonstrate(brokers)
    assert [words for words in HAPPENED if words not in said] == [], said
    assert code == 0
    assert re.search(r"abbey +12 +12 +2 +2 +2 +2 +0", said), said
    assert topics_left(brokers, said) == []


def test_every_wrong_account_is_found(brokers: Addresses, folder: Path) -> None:
    def tamper(world: World) -> None:
        unitu = world.unitu["birch"]
        first, second, third = [account for account in unitu.accounts() if account["enabled"]][:3]
        unitu.add_accounts(
            first | {"enabled": False},
            second | {"last_name": "Wrong"},
            third | {"number": 0, "email": "nobody@birch.example"},
        )

    code, said = demonstrate(brokers, tamper)
    assert code == 1
    for told in ("enabled ought to be True", "last_name ought to be", "nobody@birch.example: account ought to be"):
        assert told in said
    assert "they do not agree" in said


@pytest.mark.parametrize(
    ("moment", "number"),
    [
        pytest.param("the twin of iSAMS has", signal.SIGINT, id="as the services start"),
        pytest.param("all schools are read", signal.SIGTERM, id="as the rosters are adopted"),
        pytest.param("joins Year 7", signal.SIGINT, id="in the middle of the story"),
        pytest.param("it goes on running", signal.SIGINT, id="kept running"),
        pytest.param("joins Year 7", signal.SIGKILL, id="killed"),
    ],
)
def test_whenever_it_is_ended_it_leaves_nothing(
    brokers: Addresses, folder: Path, moment: str, number: signal.Signals
) -> None:
    process = alone(brokers)
    with process:
        said = list(read_until(process, moment))
        assert any(moment in line for line in said), said
        process.send_signal(number)
        rest = said_after(process)
    expected = {signal.SIGKILL: -signal.SIGKILL}.get(number, 0 if "goes on" in moment else INTERRUPTED)
    assert process.returncode == expected, rest
    assert gone(folder)
    if number is not signal.SIGKILL:
        assert "nothing is left" in rest
        assert topics_left(brokers, "".join(said)) == []


def test_a_service_that_dies_is_named_with_its_last_words(brokers: Addresses, folder: Path) -> None:
    with alone(brokers) as process:
        said = list(read_until(process, "all schools are read"))
        (line,) = [one for one in processes_of(folder) if one.endswith("run reconciler")]
        os.kill(int(line.split()[0]), signal.SIGKILL)
        rest = said_after(process)
    assert process.returncode == 1, said
    assert "failed: reconciler ended by itself (exit code 137)" in rest
    assert "the end of the log of reconciler:" in rest
    assert " INFO rollcall" in rest


def alone(brokers: Addresses) -> "subprocess.Popen[str]":
    """In a process of its own, kept running at its end."""
    command = [sys.executable, "-c", ALONE, brokers.kafka, brokers.redis]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)


def read_until(process: "subprocess.Popen[str]", words: str) -> Iterator[str]:
    assert process.stdout is not None
    for line in process.stdout:
        yield line
        if words in line:
            return


def said_after(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.read()
