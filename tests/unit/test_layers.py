"""The core knows no client: what decides can be called without a broker, and no client's name spreads."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PURE = {
    *("completeness.py", "hold_hash.py", "budget_usage.py", "changed_ids.py", "account_identity.py", "roster_entry.py"),
    *("reconcile.py", "guard.py", "close.py", "absences.py", "certificate.py", "operator_commands.py", "rollover.py"),
    *(
        "rules.py",
        "staff.py",
        "academic_year.py",
        "append_time.py",
        "leaving.py",
        "category.py",
        "assess.py",
        "rule_results.py",
        "remediation.py",
    ),
    *(
        "parse.py",
        "field_names.py",
        "fields.py",
        "slips.py",
        "employees.py",
        "curriculum.py",
        "sets.py",
        "school_records.py",
    ),
    *("staff_assignments.py", "certificate.py", "likeness.py", "entries.py"),
    *("snapshot.py", "safety.py", "report.py", "addresses.py", "rekeyed.py"),
    *("canonical_text.py", "email.py", "texts.py"),
    *("structure_ledger.py", "unconfirmed.py", "entity_list.py"),
    *("account_list.py", "adoption_check.py", "concerns.py", "prefixes.py", "preview.py", "unprovisioned.py"),
}
PURE_PATHS = {
    f"services/operations/explain/{name}.py"
    for name in ("answer", "evidence", "live", "model", "pending", "unitu", "verdicts")
} | {
    "services/operations/requests/progress.py",
    "services/operations/standing.py",
    "services/operations/holds/words.py",
}
CLIENTS = {"confluent_kafka", "faststream", "kafka", "redis", "httpx", "starlette", "uvicorn", "asyncio", "socket"}
HOMES = {  # a client, and the only files of services/ and shared/ that may import it
    "redis": {"shared/redis/client.py", "services/cli/check.py", "services/sandbox"},
    "kafka": {"shared/kafka/admin.py"},
    "httpx": {"services/fetcher", "services/publisher/unitu.py", "services/sandbox"},
    "faststream": {"shared/lanes/service.py", "services/eligibility/app.py", "services/fetcher"},
}


def imports(path: Path) -> set[str]:
    """The top-level names that a file imports, and for our own packages the whole module."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def sources() -> list[Path]:
    return sorted(path for folder in ("services", "shared") for path in (ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize(
    "path",
    [
        path
        for path in sources()
        if "sandbox" not in path.parts and (path.name in PURE or str(path.relative_to(ROOT)) in PURE_PATHS)
    ],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_the_core_imports_no_client(path: Path) -> None:
    top = {name.split(".")[0] for name in imports(path)}
    assert not top & CLIENTS
    assert not {
        name for name in imports(path) if name in {"shared.kafka.client", "shared.redis.client", "shared.lanes.service"}
    }


@pytest.mark.parametrize("client", sorted(HOMES))
def test_a_client_is_imported_where_it_lives_and_nowhere_else(client: str) -> None:
    strangers = {
        str(path.relative_to(ROOT))
        for path in sources()
        if client in {name.split(".")[0] for name in imports(path)}
        and not any(str(path.relative_to(ROOT)).startswith(home) for home in HOMES[client])
    }
    assert strangers == set()


def test_shared_knows_no_service() -> None:
    guests = {
        str(path)
        for path in (ROOT / "shared").rglob("*.py")
        if any(name.startswith("services") for name in imports(path))
    }
    assert guests == set()


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_opened_on_import(path: Path) -> None:
    """A module's body makes no call that opens anything: services are composed in ``app.py`` and run by hand."""
    opened = {"connect", "Producer", "Consumer", "KafkaLog", "AsyncClient", "Client", "Redis"}
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.Expr) and isinstance(node.value, ast.Call):
            called = node.value.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            assert name not in opened
