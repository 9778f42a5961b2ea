"""``rollcall profile``: what it prints, and its exit codes."""

import json
from pathlib import Path

import pytest

from services.operations import profile as operation
from shared.contract.codec import Record
from tests.harness.builders import SCHOOL
from tests.harness.pipeline import a_config
from tests.unit.cli.words import Said, rollcall
from tests.unit.operations.test_profile import ONE, a_photo, told


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    a_config(tmp_path)
    monkeypatch.setattr(operation, "records_of", lambda config, school, student: RECORDS)
    return tmp_path / "rollcall.toml"


RECORDS: list[Record] = [told(1, 0, 0), a_photo()]


def test_a_profile_is_printed(path: Path) -> None:
    said = rollcall(path, "profile", SCHOOL, ONE)
    assert said.code == 0
    for words in (f"{SCHOOL}/{ONE}", "Fern", "photos_folder is not set here", "No transcript was read."):
        assert words in said.out
    assert json.loads(rollcall(path, "profile", SCHOOL, ONE, "--json").out)["profile"]["last_name"] == "Fern"


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ((SCHOOL, "7"), 1, f"nothing is told of a student 7; `rollcall sync {SCHOOL} --student 7 --wait` reads"),
        (("nowhere", ONE), 2, "no school 'nowhere' in the configuration"),
    ],
)
def test_what_is_not_there_is_said(path: Path, words: tuple[str, ...], code: int, told: str) -> None:
    said = rollcall(path, "profile", *words)
    assert said == Said(code, "", said.err)
    assert told in said.err
