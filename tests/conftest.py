"""Fixtures of every test: the run's servers, a configuration of one's own on them. No socket leaves this machine."""

import logging
import shutil
import socket
import tempfile
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from services.sandbox.servers.brokers import Addresses
from shared.config.load import load
from shared.config.settings import Config
from shared.kafka.admin import Topics, wanted_topics
from tests.harness import brokers as servers

# No test is timed: neither an example, nor how long it takes to think one up on a busy machine. A run draws the same
# examples as the one before, so that what fails is of the change; --hypothesis-profile=explore looks for others.
settings.register_profile("explore", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("same", settings.get_profile("explore"), derandomize=True)
settings.load_profile("same")

_FOLDER = pytest.StashKey[Path]()
_LEADER = pytest.StashKey[servers.Leader]()
LOOPBACK = ("127.", "::1", "localhost")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--brokers", choices=servers.KINDS, default="embedded", help="the Kafka and Redis of this run")


def pytest_configure(config: pytest.Config) -> None:
    worker = getattr(config, "workerinput", None)
    if worker is not None:
        config.stash[_FOLDER] = Path(worker["brokers"])
        return
    folder = Path(tempfile.mkdtemp(prefix="rollcall-tests-"))
    config.stash[_FOLDER] = folder
    config.stash[_LEADER] = servers.Leader(folder, config.getoption("--brokers"))


def pytest_configure_node(node: Any) -> None:
    """Called by pytest-xdist for each worker."""
    node.workerinput["brokers"] = str(node.config.stash[_FOLDER])


def pytest_unconfigure(config: pytest.Config) -> None:
    leader = config.stash.get(_LEADER, None)
    if leader is not None:
        leader.end()
        shutil.rmtree(config.stash[_FOLDER])


def pytest_report_header(config: pytest.Config) -> str:
    return f"brokers: {config.getoption('--brokers')} (a real Apache Kafka and a real Redis, started once per run)"


@pytest.fixture(autouse=True)
def _no_server_without_a_mark(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unmarked test reaches loopback only, where it may have started a twin itself."""
    if request.node.get_closest_marker("kafka") or request.node.get_closest_marker("redis"):
        return
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not str(address[0]).startswith(LOOPBACK):
            raise RuntimeError(f"a test without a mark reached for {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """A test that sets logging up, as a command does, or mutes it leaves it as it was: tests run in any order."""
    ours = [name for name in logging.root.manager.loggerDict if name.partition(".")[0] == "rollcall"]
    loggers = [logging.getLogger(name) for name in ["", *ours]]
    before = [(one, one.level, one.propagate, list(one.handlers), one.disabled) for one in loggers]
    yield
    for one, level, propagate, handlers, is_disabled in before:
        one.setLevel(level)
        one.propagate, one.handlers, one.disabled = propagate, handlers, is_disabled


@pytest.fixture(scope="session")
def brokers(request: pytest.FixtureRequest) -> Addresses:
    """The run's Kafka and Redis; started when the first test asks for them."""
    return servers.ask(request.config.stash[_FOLDER])


@pytest.fixture
def prefix() -> str:
    """What this test's topics, groups and keys begin with: tests share the servers and never meet."""
    return f"t{uuid.uuid4().hex[:10]}-"


def create_topics(config: Config, *, keep_own_times: bool = False) -> None:
    """
    All of a configuration. With more patience than a person has: the machine of a test run may stand still.

    ``keep_own_times``: for a story of hours that is told in seconds. Kafka then does not say when it took a record, and
    the story's times are believed.
    """
    with Topics(config, open_seconds=60) as topics:
        if keep_own_times:
            topics._create([replace(one, settings=one.settings | OWN_TIMES) for one in wanted_topics(config)])
        topics.create()


OWN_TIMES = {"message.timestamp.type": "CreateTime"}


ConfigFile = Callable[..., Path]


@pytest.fixture
def config_file(brokers: Addresses, prefix: str, tmp_path: Path) -> ConfigFile:
    """Writes a configuration on the run's servers: ``config_file(text_of_tenants_and_schools, partitions=2)``."""

    return writer(brokers, prefix, tmp_path)


def writer(brokers: Addresses, prefix: str, folder: Path) -> ConfigFile:
    """As ``config_file``, for any servers."""

    def write(text: str, *, partitions: int = 2, **kafka: Any) -> Path:
        (folder / "secret").write_text("made-up-secret\n")
        (folder / "operators.key").write_text("the-operators-key-of-all-tests\n")
        more = "".join(f"{name} = {value!r}\n".replace("'", '"') for name, value in kafka.items())
        path = folder / "rollcall.toml"
        path.write_text(
            f'[kafka]\nbootstrap_servers = "{brokers.kafka}"\npartitions = {partitions}\ncreate_topics = true\n'
            f'topic_prefix = "{prefix}"\ngroup_prefix = "{prefix}"\n{more}'
            f'[redis]\nurl = "{brokers.redis}"\nkey_prefix = "{prefix}"\n'
            f'[operators]\nkey = {{ file = "operators.key" }}\n{text}'
        )
        return path

    return write


ONE_SCHOOL = """
[tenants.abbey]
url = "http://127.0.0.1:9/v1/sync"
api_key = { file = "secret" }
[schools.abbey]
tenant = "abbey"
source = "isams"
base_url = "http://127.0.0.1:9"
client_id = "made-up"
client_secret = { file = "secret" }
"""


@pytest.fixture
def config(config_file: ConfigFile) -> Config:
    """One iSAMS school that nobody reads, on the run's servers."""
    return load(config_file(ONE_SCHOOL), {})
