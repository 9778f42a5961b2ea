"""The wheel has what an installed Rollcall needs: its code, its licence, the example configuration, the schemas."""

import ast
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
from hatchling.builders.wheel import WheelBuilder

from services.cli.main import VERBS
from tests.unit.cli.words import rollcall

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
OURS = ("services", "shared")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    (made,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path_factory.mktemp("wheel")), versions=["standard"])
    return zipfile.ZipFile(made)


@pytest.fixture(scope="module")
def installed(wheel: zipfile.ZipFile, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what pip would put beside other packages."""
    folder = tmp_path_factory.mktemp("site-packages")
    wheel.extractall(folder)
    return folder


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def run(installed: Path, away: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """``rollcall`` from there, in a folder that is no checkout."""
    command = [sys.executable, "-c", "from services.cli.main import main; main()", *words]
    environment = os.environ | {"PYTHONPATH": str(installed)}
    return subprocess.run(command, cwd=away, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_the_wheel_has_the_example_and_every_schema(installed: Path) -> None:
    data = installed / "shared" / "data"
    assert (data / "rollcall.example.toml").read_bytes() == (ROOT / "rollcall.example.toml").read_bytes()
    assert tree(data / "schemas") == tree(ROOT / "schemas")


def test_the_wheel_has_all_of_our_code_and_nothing_of_the_tests(installed: Path) -> None:
    code = {str(path.relative_to(ROOT)) for name in OURS for path in (ROOT / name).rglob("*") if is_source(path)}
    there = {str(path.relative_to(installed)) for path in installed.rglob("*") if is_source(path)}
    information = f"rollcall-{PROJECT['version']}.dist-info"
    assert code == {name for name in there if not name.startswith(("shared/data/", information))}
    assert f"{information}/licenses/LICENSE" in there


def is_source(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts


def test_an_installed_rollcall_finds_what_it_is_handed_out_with(installed: Path, tmp_path: Path) -> None:
    said = run(installed, tmp_path, "example")
    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout == (ROOT / "rollcall.example.toml").read_text()
    assert run(installed, tmp_path, "example", "--schemas", "events").returncode == 0
    assert tree(tmp_path / "events") == tree(ROOT / "schemas")
    assert run(installed, tmp_path, "--version").stdout == f"rollcall {PROJECT['version']}\n"


def test_every_verb_of_an_installed_rollcall_can_be_imported(installed: Path, tmp_path: Path) -> None:
    said = run(installed, tmp_path, "--help")
    assert (said.returncode, said.stderr) == (0, "")
    assert set(VERBS) <= set(said.stdout.split())


def test_the_code_imports_only_what_the_project_says_that_it_needs() -> None:
    """What tests alone have installed is not there where Rollcall runs."""
    needed = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["embedded"]]
    allowed = {re.split(r"[\[<>=]", line)[0] for line in needed} | {"pydantic_core"}  # which pydantic pins exactly
    where = packages_distributions()
    strangers = {
        (str(path.relative_to(ROOT)), name)
        for folder in OURS
        for path in (ROOT / folder).rglob("*.py")
        for name in imported(path)
        if name not in sys.stdlib_module_names and name not in OURS and not allowed & set(where.get(name, ()))
    }
    assert strangers == set()


def imported(path: Path) -> set[str]:
    """The top-level names."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return {
        name.split(".")[0] for name in plain | {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    }


def test_a_checkout_prints_the_same_example() -> None:
    assert rollcall(None, "example").out == (ROOT / "rollcall.example.toml").read_text()


def test_schemas_are_not_copied_over_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("notes")
    said = rollcall(None, "example", "--schemas", str(tmp_path))
    assert said.code == 2
    assert "--schemas" in said.err
    assert list(tmp_path.iterdir()) == [tmp_path / "mine"]


def test_the_image_copies_whatever_the_wheel_is_made_of() -> None:
    """Else the wheel that the image builds fails, or lacks it."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    made_of = {*settings["packages"], *settings["force-include"], *PROJECT["license-files"], PROJECT["readme"]}
    lines = re.findall(r"^COPY (?!--)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert made_of <= {word for line in lines for word in line.split()}
    let_in = re.findall(r"^!(.+?)/?$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    assert made_of <= set(let_in)
