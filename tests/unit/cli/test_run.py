"""Which services one process runs, and what is read for it."""

import asyncio
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from services.cli import run as module
from services.cli.run import SERVICES, Name, chosen, service_of
from shared.config.settings import Config
from tests.unit.cli.words import rollcall
from tests.unit.fetcher.sweep.test_scheduler import until


@pytest.mark.parametrize(
    ("names", "services"),
    [
        ([Name.ALL], list(SERVICES)),
        ([Name.PUBLISHER, Name.FETCHER], ["fetcher", "publisher"]),
        ([Name.FETCHER, Name.ALL, Name.FETCHER], list(SERVICES)),
    ],
)
def test_each_service_runs_once_in_the_order_of_the_records(names: list[Name], services: list[str]) -> None:
    assert chosen(names) == services


def test_every_service_can_be_named() -> None:
    assert {name.value for name in Name} == {*SERVICES, "all"}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_bears_the_name_that_it_is_run_by(name: str) -> None:
    assert service_of(name, Config()).name == name


def test_only_the_services_that_were_asked_for_are_read() -> None:
    program = "import sys; from services.cli.run import service_of; from shared.config.settings import Config\n"
    program += "service_of('reconciler', Config())\n"
    program += "print([n for n in ('fetcher', 'gateway', 'publisher') if f'services.{n}.app' in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_service_that_is_none_is_a_wrong_word() -> None:
    said = rollcall(None, "run", "portal")
    assert said.code == 2
    assert "portal" in said.err


def test_a_file_that_cannot_be_kept_young_is_told_at_the_start(tmp_path: Path) -> None:
    """Fails when the service runs and whoever watches the file restarts it again and again, without a word."""
    (tmp_path / "rollcall.toml").write_text("[kafka]\npartitions = 1\n")
    said = rollcall(tmp_path / "rollcall.toml", "run", "reconciler", "--alive", str(tmp_path / "none" / "alive"))
    assert said.code == 2
    assert f"--alive: {tmp_path}/none/alive cannot be written (No such file or directory); name a file" in said.err


async def test_a_file_that_cannot_be_kept_young_any_more_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "BEAT_SECONDS", 0.001)
    folder, stop = tmp_path / "run", asyncio.Event()
    beat = asyncio.create_task(module._beat(folder / "alive", stop))
    with caplog.at_level(logging.WARNING, logger="rollcall"):
        await until(lambda: "cannot be written" in caplog.text)
        folder.mkdir()
        await until((folder / "alive").exists)
        stop.set()
        await asyncio.wait_for(beat, 30)
    assert caplog.text.count("cannot be written") == 1
