"""What a person may ask is answered in values: nothing of the command line is in it, so that a page can ask as well."""

import ast
from pathlib import Path

import pytest

from tests.unit.test_layers import imports

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "services" / "operations"
OF_A_TERMINAL = {"typer", "click", "rich", "getpass", "argparse"}
CALLS = {"print", "input", "exit", "quit", "echo", "confirm", "prompt"}
MODULES = sorted(FOLDER.rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_an_operation_knows_no_terminal(path: Path) -> None:
    """Fails for what a page could not call: a prompt, a printed line, an exit code, or a module of the command line."""
    found = imports(path)
    assert not {name.split(".")[0] for name in found} & OF_A_TERMINAL
    assert not {name for name in found if name.startswith("services.cli")}
    nodes = list(ast.walk(ast.parse(path.read_text())))
    called = {getattr(one.func, "attr", getattr(one.func, "id", "")) for one in nodes if isinstance(one, ast.Call)}
    assert not called & CALLS
    assert not {one.id for one in nodes if isinstance(one, ast.Name)} & {"SystemExit", "KeyboardInterrupt"}
    of_sys = {one.attr for one in nodes if isinstance(one, ast.Attribute) and getattr(one.value, "id", "") == "sys"}
    assert not of_sys & {"stdin", "stdout", "stderr", "exit", "argv"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_an_operation_has_one_way_to_refuse(path: Path) -> None:
    """Fails for an error class of its own: programs tell refusals apart by their code."""
    classes = [one for one in ast.walk(ast.parse(path.read_text())) if isinstance(one, ast.ClassDef)]
    of_errors = {
        one.name for one in classes if {getattr(base, "id", "") for base in one.bases} & {"Exception", "RollcallError"}
    }
    assert of_errors <= {"OperationError"}
