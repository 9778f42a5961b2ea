"""``rollcall explain`` on the run's real servers, and against an iSAMS that speaks HTTP."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.fetcher.app import QUEUE
from services.operations.explain import lookup
from services.operations.stores import SWEEPS
from services.publisher.app import Parts
from services.reconciler.app import store_of
from services.sandbox.isams.twin import isams_app
from services.sandbox.servers.serve import serving
from services.sandbox.twin_client import IsamsTwin
from shared.clock import utc_now
from shared.config.load import load
from shared.config.settings import Config
from shared.redis.client import connect
from shared.redis.due_queue import RedisDueQueue
from tests.conftest import ONE_SCHOOL, ConfigFile
from tests.harness.builders import SCHOOL, a_student
from tests.integration.on_servers import ALL, a_road_that_holds_three, put_on_servers
from tests.unit.cli.words import rollcall

pytestmark = [pytest.mark.kafka, pytest.mark.redis]
ONE = ALL[0].student_id


def record(student_id: str, **fields: Any) -> dict[str, Any]:
    """As iSAMS says it, of the student whom ``a_student`` makes."""
    sound = {"title": "Miss", "forename": "Ada", "surname": "Fern0", "yearGroup": 10, "systemStatus": "Current"}
    email = a_student(student_id).email
    return (
        {"id": 1, "personId": 1, "personGuid": "x", "schoolId": student_id, "schoolEmailAddress": email}
        | sound
        | fields
    )


@pytest.fixture
def isams() -> Iterator[tuple[IsamsTwin, str]]:
    with serving(isams_app()) as server, IsamsTwin(server.url, SCHOOL) as twin:
        twin.load({"slug": SCHOOL, "students": [record(ONE)]}, client_id="made-up", client_secret="made-up-secret")
        yield twin, server.url


@pytest.fixture
def path(
    config_file: ConfigFile, isams: tuple[IsamsTwin, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Twenty certified, three of them held as missing, on the run's servers; no service runs."""
    monkeypatch.setattr(lookup, "KAFKA_SECONDS", 60.0)
    text = ONE_SCHOOL.replace('base_url = "http://127.0.0.1:9"', f'base_url = "{isams[1]}/{SCHOOL}"')
    path = config_file(text, partitions=1)
    put_on_servers(a_road_that_holds_three(tmp_path / "road"), load(path, {}))
    return path


def ask(path: Path, student: str, *words: str) -> dict[str, Any]:
    said = rollcall(path, "explain", SCHOOL, student, "--json", *words)
    assert said.code == 0, said.err
    told: dict[str, Any] = json.loads(said.out)
    return told


def test_it_looks_where_the_services_keep_things(config: Config) -> None:
    """The names are written twice, since the services' applications take long to import. Fails when they part."""
    stores, parts, lane = lookup.Stores(config), Parts(config, utc_now), 0
    kept = (store_of(config), parts.lanes, parts.tenants._store)
    asked = (stores.reconciler, stores.publisher, stores.tenants)
    assert [one.key(lane, "x") for one in asked] == [one.key(lane, "x") for one in kept]  # type: ignore[attr-defined]
    assert SWEEPS == QUEUE
    parts.close()


def test_everything_is_told_while_no_service_runs(path: Path) -> None:
    config = load(path, {})
    due = RedisDueQueue(connect(config), config.redis.key_prefix, QUEUE)
    due.ensure({SCHOOL: 4_000_000_000.0})
    told = ask(path, ONE)
    assert (told["category"], told["account"]["verdict"], told["state"]["status"]) == ("current", "eligible", "enabled")
    assert [held["kind"] for held in told["held"]] == ["disable_unexplained"]
    assert [change["kind"] for change in told["last_changes"]][-1] == "account_provisioned"
    assert "removal_held" in [change["kind"] for change in told["last_changes"]]
    assert told["next_sweep"]["at"].startswith("2096-10-02T07:06:"), "Redis keeps how long it is until then"
    assert told["next_sweep"]["is_under_way"] is False
    assert ask(path, f"s{ONE}@abbey.example")["student"] == ONE
    due.hasten(SCHOOL, 0.0)
    claim = due.claim(time.time(), 60.0)
    assert claim is not None
    assert ask(path, ONE)["next_sweep"] == {"at": None, "is_under_way": True}


def test_live_asks_the_record_system_and_compares(path: Path, isams: tuple[IsamsTwin, str]) -> None:
    """Fails when the reading by id or the status words differ from what the fetcher would make of them."""
    twin, _ = isams
    live = ask(path, ONE, "--live")["live"]
    assert (live["is_there"], live["category"], live["account"]) == (True, "current", "eligible")
    assert live["differs"] == [
        {"field": "person_guid", "state": None, "live": "x"},
        {"field": "year", "state": None, "live": 4},
    ], "and no structure, which was never read"
    twin.change(ONE, surname="Reed", schoolEmailAddress=None)
    live = ask(path, ONE, "--live")["live"]
    assert {"field": "last_name", "state": "Fern0", "live": "Reed"} in live["differs"]
    assert (live["portal"], live["account"]) == ("ineligible", "undecided")
    twin.remove(ONE)
    assert ask(path, ONE, "--live")["live"]["is_there"] is False


def test_live_names_the_permission_that_is_missing(path: Path, isams: tuple[IsamsTwin, str]) -> None:
    isams[0].settings(permissions=["teaching"])
    said = rollcall(path, "explain", SCHOOL, ONE, "--live")
    assert said.code == 1
    assert "give this client the permission Student Manager (Read)" in said.err
    assert "3 rules" in said.out, "the rest is told all the same"
