"""What is named does something: each setting is read, each verb is there, each event is made, each order is obeyed."""

import ast
import inspect
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
import typer

from services.cli.main import app
from services.operations.commands import Command
from shared.config.settings import Config, IsamsSchool, PushSchool, School, Section, Tenant
from shared.contract.topics import BY_NAME, OPERATOR_COMMANDS, TOPICS

ROOT = Path(__file__).parents[2]
PLAIN = {name: field.annotation for name, field in Config.model_fields.items() if name not in ("tenants", "schools")}
SECTIONS: list[type[Section]] = [Tenant, School, IsamsSchool, PushSchool]


@cache
def trees() -> dict[Path, ast.Module]:
    paths = [path for folder in ("services", "shared") for path in sorted((ROOT / folder).rglob("*.py"))]
    return {path: ast.parse(path.read_text()) for path in paths}


# --- settings ----------------------------------------------------------------------------------------------------


def words_of(node: ast.expr) -> str:
    return getattr(node, "attr", getattr(node, "id", ""))


@cache
def reads() -> frozenset[tuple[str, str]]:
    """Every attribute that is looked at, with the name before it."""
    nodes = [node for tree in trees().values() for node in ast.walk(tree)]
    return frozenset((words_of(node.value), node.attr) for node in nodes if isinstance(node, ast.Attribute))


@pytest.mark.parametrize("section", PLAIN)
def test_every_section_of_the_configuration_is_read(section: str) -> None:
    """Fails for a section that only the documents know: whoever sets it waits for something that never comes."""
    assert any(name == section and before.endswith("config") for before, name in reads())


@pytest.mark.parametrize(
    ("section", "setting"),
    [
        *((section, name) for section in SECTIONS for name in section.model_fields),
        *((kind, name) for kind in PLAIN.values() if kind is not None for name in kind.model_fields),
    ],
    ids=lambda one: one if isinstance(one, str) else one.__name__,
)
def test_every_setting_is_read_by_some_code(section: type[Section], setting: str) -> None:
    assert any(name == setting for _, name in reads()) or is_read_by_name(setting)


def is_read_by_name(setting: str) -> bool:
    return any(
        isinstance(node, ast.Call) and any(isinstance(one, ast.Constant) and one.value == setting for one in node.args)
        for tree in trees().values()
        for node in ast.walk(tree)
    )


# --- verbs -------------------------------------------------------------------------------------------------------


def texts() -> Iterator[tuple[Path, str]]:
    """Every text in the code, docstrings included."""
    for path, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield path, node.value


def test_every_verb_that_a_message_names_is_there() -> None:
    """Fails when an error, a help text or a docstring sends somebody to a command that does not exist."""
    known: Any = typer.main.get_command(app)
    for path, text in texts():
        for verb in re.findall(r"(?:^|[`(:,;] ?|see |then |or )rollcall ([a-z][a-z-]+)", " ".join(text.split())):
            assert known.get_command(None, verb) is not None, f"{path.relative_to(ROOT)}: rollcall {verb}"


def test_the_verbs_of_groups_that_a_message_names_are_there() -> None:
    known: Any = typer.main.get_command(app)
    groups = {name: known.get_command(None, name) for name in ("holds", "tenant", "topics")}
    for path, text in texts():
        for group, verb in re.findall(r"rollcall (holds|tenant|topics) ([a-z][a-z-]+)", " ".join(text.split())):
            assert groups[group].get_command(None, verb) is not None, (
                f"{path.relative_to(ROOT)}: rollcall {group} {verb}"
            )


# --- events and orders -------------------------------------------------------------------------------------------


@cache
def names_in_code() -> frozenset[str]:
    """Every name that is used, imports and annotations of the registry aside."""
    found = set()
    for path, tree in trees().items():
        if path.parts[-2] == "shared":
            continue
        found |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return frozenset(found)


@pytest.mark.parametrize("event", sorted({event for topic in TOPICS for event in topic.events}))
def test_every_event_of_the_contract_is_known_to_some_service(event: str) -> None:
    assert event in names_in_code()


def is_made(name: str) -> bool:
    """Whether a verb makes it: called by name, or chosen and then called."""
    cli = [
        tree for path, tree in trees().items() if {"cli", "operations"} & {*path.parts} and path.name != "commands.py"
    ]
    return any(isinstance(node, ast.Name) and node.id == name for tree in cli for node in ast.walk(tree))


@pytest.mark.parametrize("order", get_args(Command), ids=lambda one: one.__name__)
def test_an_order_that_no_verb_gives_says_so(order: type[msgspec.Struct]) -> None:
    says = "no verb of ``rollcall`` gives this order" in " ".join((inspect.getdoc(order) or "").split()).lower()
    is_given = is_made(order.__name__)
    assert is_given is not says
    assert order.__name__ in BY_NAME[OPERATOR_COMMANDS].events


def test_the_orders_of_the_contract_are_those_of_the_code() -> None:
    assert {order.__name__ for order in get_args(Command)} == set(BY_NAME[OPERATOR_COMMANDS].events)
