"""The example of Unitu's own document, copied word for word and sent through Rollcall: Unitu gets the same."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest

from services.sandbox.servers.loopback import free_ports
from services.sandbox.servers.serve import serving
from services.sandbox.twin_client import UnituTwin
from services.sandbox.unitu.twin import unitu_app
from shared.config.load import load
from tests.conftest import ConfigFile
from tests.e2e.harness import adopted
from tests.faults.processes import Processes
from tests.harness.examples import KEY, annotated, curl_command

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.e2e]

UNI = "northern-uni"
TABLES = """
[gateway]
listen = "127.0.0.1:{port}"
[tenants.{uni}]
url = "{unitu}/v1/sync"
api_key = {{ file = "secret" }}
mode = "live"
staff = "managed"
quiet_seconds = 0.2
max_delay_seconds = 1
min_interval_seconds = 0
[schools.{uni}]
tenant = "{uni}"
source = "push"
api_key = {{ file = "key" }}
"""
SERVICES = ("eligibility", "reconciler", "publisher", "gateway")


class Feed:
    """A university that pushes, every service, and a Unitu that has its entities and nobody."""

    def __init__(self, config_path: Path, programs: Processes, unitu: UnituTwin, address: str) -> None:
        self.config_path = config_path
        self.programs = programs
        self.unitu = unitu
        self.address = address

    def is_up(self) -> bool:
        try:
            return httpx2.get(f"{self.address}/health").is_success
        except httpx2.TransportError:
            return False

    def post(self, content: bytes, headers: dict[str, str]) -> httpx2.Response:
        return httpx2.post(f"{self.address}/v1/sync", content=content, headers=headers, timeout=60)


@pytest.fixture
def feed(config_file: ConfigFile, tmp_path: Path) -> Iterator[Feed]:
    body = curl_command().body
    with ExitStack() as stack:
        server = stack.enter_context(serving(unitu_app()))
        unitu = stack.enter_context(UnituTwin(server.url, UNI))
        lists = ("faculties", "departments", "programmes", "modules")
        entities = {name: {one["code"]: one["name"] for one in body[name]} for name in lists}
        unitu.create(api_key="made-up-secret", entities=entities)
        (tmp_path / "key").write_text(KEY)
        (port,) = free_ports(1)
        path = config_file(TABLES.format(uni=UNI, unitu=server.url, port=port))
        logs = tmp_path / "logs"
        logs.mkdir()
        programs = Processes(logs, path, load(path, {}).kafka.group_prefix)
        stack.callback(programs.kill_all)
        programs.start("all", *SERVICES)
        feed = Feed(path, programs, unitu, f"http://127.0.0.1:{port}")
        programs.until(feed.is_up, "the gateway")
        yield feed


def test_the_documents_own_example_reaches_unitu_as_it_stands(feed: Feed) -> None:
    """Fails when a field, a code or a person of the vendor's example is lost or changed on the way."""
    command = curl_command()
    assert (command.method, command.url) == ("POST", "https://api.unitu.io/v1/sync")
    answer = feed.post(command.content, command.headers)
    assert answer.status_code == 202, answer.text
    told = answer.json()
    assert (told["complete"], told["staff_complete"]) == (True, True)
    assert (told["faults"], told["notes"]) == ([], [])
    feed.programs.until(lambda: adopted(feed.config_path, UNI), "an adoption")
    feed.programs.until(feed.unitu.accounts, "accounts at Unitu")
    feed.unitu.wait_idle()
    snapshot = feed.unitu.snapshots()[-1]["body"]
    assert in_order(snapshot) == in_order(command.body)
    people = {one["email"]: one for name in ("students", "staff") for one in command.body[name]}
    accounts = {one["email"]: one for one in feed.unitu.accounts()}
    assert set(accounts) == set(people) == feed.unitu.enabled()
    for email, person in people.items():
        account = accounts[email]
        assert account["programmes"] == person["programmeCodes"]
        assert account["modules"] == person["moduleCodes"]
        assert (account["id"], account["metadata"]) == (person["id"], person["metadata"])


def test_the_documents_annotated_example_is_told_what_it_is_not(feed: Feed) -> None:
    command = curl_command()
    answer = feed.post(annotated(), command.headers)
    assert answer.status_code == 400
    assert "`//` comments are not JSON; take all of them out (line 2, column 1)" in answer.json()["detail"]


def in_order(body: dict[str, Any]) -> dict[str, Any]:
    """A body has no order of its own: neither its lists nor their codes."""
    return {name: sorted((_sorted(one) for one in entries), key=json.dumps) for name, entries in body.items()}


def _sorted(entry: dict[str, Any]) -> dict[str, Any]:
    """By name, and codes by themselves."""
    return {name: sorted(value) if name.endswith("Codes") else value for name, value in sorted(entry.items())}
