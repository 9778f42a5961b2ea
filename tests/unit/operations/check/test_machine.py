"""A folder that cannot be written and a limit of open files that is too low are found before they stop anything."""

import resource
from pathlib import Path

import pytest

from services.operations.check import machine
from services.operations.check.machine import FILES_WANTED, of_machine
from services.operations.check.sample import State
from shared.config.settings import Config, Fetcher


def found(folder: Path | None = None) -> list[tuple[str, str, State, str]]:
    config = Config(fetcher=Fetcher(photos_folder=folder))
    return [(one.part, one.what, one.state, f"{one.message}; {one.fix}") for one in of_machine(config)]


@pytest.fixture(autouse=True)
def limit(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The soft limit of open files."""
    limits = [FILES_WANTED]
    monkeypatch.setattr(machine.resource, "getrlimit", lambda _: (limits[0], resource.RLIM_INFINITY))
    return limits


def test_a_folder_that_can_be_written_or_made_is_no_finding(tmp_path: Path) -> None:
    assert found() == found(tmp_path) == found(tmp_path / "not" / "made") == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("below", ["", "photos"], ids=["itself", "what it is to be made in"])
def test_a_folder_that_cannot_be_written_is_told_with_its_setting(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_text("no folder")
    [(part, what, state, text)] = found(tmp_path / "file" / below)
    assert (part, what, state) == ("fetcher", "photos", State.DEGRADED)
    assert str(tmp_path / "file") in text
    assert "photos_folder under [fetcher]" in text


@pytest.mark.parametrize(
    ("soft", "is_low"),
    [(FILES_WANTED - 1, True), (FILES_WANTED, False), (resource.RLIM_INFINITY, False)],
    ids=["too low", "enough", "none"],
)
def test_a_low_limit_of_open_files_is_told(limit: list[int], soft: int, is_low: bool) -> None:
    limit[0] = soft
    assert [("ulimit -n" in text, state) for _, _, state, text in found()] == [(True, State.DEGRADED)] * is_low
