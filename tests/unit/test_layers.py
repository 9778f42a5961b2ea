"""
The core knows no client, each client has its homes, and no service knows another: what decides can be called without a
broker, and what two services share has a room of its own.
"""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CLIENTS = {"confluent_kafka", "faststream", "kafka", "redis", "httpx2", "starlette", "uvicorn", "asyncio", "socket"}
COMPUTES = {  # all that a module which calls itself pure may import from outside
    *("bisect", "collections", "contextlib", "dataclasses", "datetime", "enum", "fractions", "functools", "itertools"),
    *("csv", "difflib", "hashlib", "idna", "io", "json", "math", "msgspec", "operator", "re", "typing", "unicodedata"),
    *("__future__", "mmap", "pathlib", "pydantic", "urllib", "zlib"),  # a path is a value, and a mapped file a view
}
KNOWN = {  # a pure module, and what it takes from one that has a client: a value, a constant, a function
    "services.operations.check.sample": {"services.fetcher.isams.client"},
    "services.operations.check.cost": {"services.fetcher.isams.rate_limit"},
    "services.fetcher.isams.server_words": {"shared.http_answer"},
    "services.operations.holds.words": {"services.fetcher.isams.client"},
    "services.publisher.answers": {"services.publisher.unitu"},
    "services.publisher.refusals": {"shared.http_answer"},
}
HOMES = {  # a client, and the only files of services/ and shared/ that import it; each of them does
    "confluent_kafka": {
        "services/sandbox/demo/guests.py",
        "services/sandbox/demo/watch.py",
        "shared/kafka/client.py",
        "shared/kafka/cluster.py",
        "shared/kafka/consumer.py",
    },
    "faststream": {"shared/kafka/consumer.py"},
    "httpx2": {"services/fetcher/isams/session.py", "services/publisher/unitu.py", "services/sandbox/twin_client.py"},
    "kafka": {"shared/kafka/admin.py"},
    "redis": {"shared/redis/client.py", "shared/redis/fenced_hashes.py"},
}
SERVICES = ("eligibility", "fetcher", "gateway", "publisher", "reconciler")


def module_of(path: Path) -> str:
    return str(path.relative_to(ROOT).with_suffix("")).replace("/", ".").removesuffix(".__init__")


@cache
def sources() -> dict[str, Path]:
    """Every module of ours, by its name."""
    paths = (path for folder in ("services", "shared") for path in (ROOT / folder).rglob("*.py"))
    return {module_of(path): path for path in sorted(paths)}


@cache
def imports(path: Path) -> frozenset[str]:
    """The modules that a file imports, of our own as well where a name is one, wherever in it they are imported."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}"
                found.add(submodule if submodule in sources() else node.module)
    return frozenset(found)


def outside(path: Path) -> set[str]:
    """The packages that a file imports which are not ours."""
    return {name.split(".")[0] for name in imports(path)} - {"services", "shared"}


def says_pure(text: str) -> bool:
    return re.search(r"\bpure\b", ast.get_docstring(ast.parse(text)) or "", re.IGNORECASE) is not None


PURE = sorted(name for name, path in sources().items() if says_pure(path.read_text()))


@pytest.mark.parametrize(
    ("text", "is_pure"),
    [
        pytest.param('"""Adds. Pure."""', True, id="a word of its own"),
        pytest.param('"""Adds: pure (DESIGN §6)."""', True, id="in a sentence"),
        pytest.param('"""Adds, impurely."""', False, id="a part of another word"),
        pytest.param("# Pure.", False, id="no docstring"),
    ],
)
def test_a_module_is_pure_when_its_docstring_says_so(text: str, is_pure: bool) -> None:
    assert says_pure(text) is is_pure


@pytest.mark.parametrize("name", PURE)
def test_the_core_imports_no_client(name: str) -> None:
    found = imports(sources()[name])
    assert outside(sources()[name]) <= COMPUTES
    with_client = {one for one in found if one in sources() and outside(sources()[one]) & CLIENTS}
    assert with_client == KNOWN.get(name, set())


def test_who_may_know_a_client_is_pure_and_there() -> None:
    assert KNOWN.keys() <= set(PURE)


@pytest.mark.parametrize("client", sorted(HOMES))
def test_a_client_is_imported_where_it_lives_and_nowhere_else(client: str) -> None:
    """A home that imports it no more fails as well: it has moved out."""
    found = {str(path.relative_to(ROOT)) for path in sources().values() if client in outside(path)}
    assert found == HOMES[client]


def test_shared_knows_no_service() -> None:
    guests = {
        name
        for name, path in sources().items()
        if name.startswith("shared") and any(one.startswith("services") for one in imports(path))
    }
    assert guests == set()


@pytest.mark.parametrize("service", SERVICES)
def test_no_service_knows_another(service: str) -> None:
    """What two of them need has a room in ``shared``; the command line, the operations and the sandbox know all."""
    own = f"services.{service}"
    strangers = {
        f"{name} imports {one}"
        for name, path in sources().items()
        if name == own or name.startswith(f"{own}.")
        for one in imports(path)
        if one.startswith("services.") and one != own and not one.startswith(f"{own}.")
    }
    assert strangers == set()


@pytest.mark.parametrize("path", sources().values(), ids=module_of)
def test_nothing_is_opened_on_import(path: Path) -> None:
    """A module's body makes no call that opens anything: services are composed in ``app.py`` and run by hand."""
    opened = {"connect", "Producer", "Consumer", "KafkaLog", "AsyncClient", "Client", "Redis"}
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.Expr) and isinstance(node.value, ast.Call):
            called = node.value.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            assert name not in opened
