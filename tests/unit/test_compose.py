"""docker-compose.yml is a Compose file, has every service alone, and goes with the configuration that it mounts."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from services.cli.run import SERVICES
from services.sandbox.servers.kafka_jars import VERSION
from shared.config.load import load
from shared.config.settings import Config

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
PARTS: dict[str, dict[str, Any]] = COMPOSE["services"]
ONCE = {"topics", "twins-data", "cli"}  # they end by themselves
OURS = {*SERVICES, *ONCE, "isams-twin", "unitu-twin"}


def environment(part: str) -> dict[str, str]:
    """As Compose hands it over where nobody has set anything."""
    given = PARTS[part].get("environment", {})
    return {name: re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", str(value)) for name, value in given.items()}


@pytest.fixture
def config() -> Config:
    return load(ROOT / "docker" / "rollcall.toml", environment("fetcher"))


def test_it_is_a_compose_file() -> None:
    schema = json.loads((ROOT / "tests" / "data" / "compose-spec.json").read_text())
    jsonschema.validate(COMPOSE, schema, cls=jsonschema.Draft201909Validator)


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_runs_alone(name: str) -> None:
    assert PARTS[name]["command"][:2] == ["run", name]
    assert set(PARTS[name]["depends_on"]) == {"kafka", "redis", "topics"}


def test_topics_are_made_once_and_before_any_service() -> None:
    assert PARTS["topics"]["command"] == ["topics", "create"]
    assert PARTS["topics"]["restart"] == "no"
    for name in SERVICES:
        needs = PARTS[name]["depends_on"]
        assert needs["topics"] == {"condition": "service_completed_successfully"}
        assert needs["kafka"] == needs["redis"] == {"condition": "service_healthy"}


@pytest.mark.parametrize("part", sorted(set(PARTS) - ONCE))
def test_what_keeps_running_has_a_health_check_and_comes_back(part: str) -> None:
    assert PARTS[part]["healthcheck"]["test"]
    assert PARTS[part]["restart"] == "unless-stopped"


@pytest.mark.parametrize("part", sorted(PARTS))
def test_ports_are_on_loopback_only(part: str) -> None:
    for port in PARTS[part].get("ports", []):
        assert port.startswith("127.0.0.1:")


@pytest.mark.parametrize("part", sorted(OURS))
def test_our_containers_may_do_little(part: str) -> None:
    assert PARTS[part]["image"] == "rollcall:local", "one image"
    assert PARTS[part]["read_only"] is True
    assert PARTS[part]["cap_drop"] == ["ALL"]


def test_one_part_alone_builds_the_image_for_all() -> None:
    assert [part for part in sorted(PARTS) if "build" in PARTS[part]] == ["topics"]
    assert {PARTS[part]["pull_policy"] for part in OURS} == {"never"}, "it is in no registry"


def test_a_twin_is_stopped_by_the_signal_that_is_no_failure() -> None:
    assert PARTS["isams-twin"]["stop_signal"] == PARTS["unitu-twin"]["stop_signal"] == "SIGINT"


def test_a_service_gets_longer_to_end_than_it_takes() -> None:
    for name in SERVICES:
        assert int(PARTS[name]["stop_grace_period"].removesuffix("s")) > 10


def test_kafka_is_the_release_that_tests_run_on_and_makes_no_topic_by_itself() -> None:
    assert PARTS["kafka"]["image"].startswith(f"apache/kafka:{VERSION}@sha256:")
    assert PARTS["kafka"]["environment"]["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"


def test_redis_keeps_what_it_is_given() -> None:
    command = PARTS["redis"]["command"]
    assert command[command.index("--appendonly") + 1] == "yes"
    assert command[command.index("--maxmemory-policy") + 1] == "noeviction"
    assert PARTS["redis"]["volumes"] == ["redis:/data"]


def test_the_configuration_that_is_mounted_is_sound_and_names_the_containers(config: Config) -> None:
    assert config.kafka.bootstrap_servers == "kafka:29092"
    assert "INSIDE://kafka:29092" in PARTS["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    assert config.redis.url.startswith("redis://redis:6379")
    assert PARTS["gateway"]["ports"] == [f"127.0.0.1:{config.gateway.port}:{config.gateway.port}"]
    school: Any = config.schools["abbey"]
    assert school.base_url == "http://isams-twin:9001/abbey"
    assert {tenant.url for tenant in config.tenants.values()} == {"http://unitu-twin:9002/v1/sync"}


def test_every_secret_of_the_configuration_comes_by_the_environment() -> None:
    text = (ROOT / "docker" / "rollcall.toml").read_text()
    wanted = set(re.findall(r'env = "(\w+)"', text))
    for part in sorted(OURS):
        assert wanted <= set(environment(part))


def test_the_twins_are_given_the_same_secrets() -> None:
    text = (ROOT / "docker" / "twins.py").read_text()
    names = set(re.findall(r'"([A-Z]+_[A-Z_]+)"', text))
    assert names <= set(environment("twins-data"))


def test_whatever_is_fetched_is_named_by_its_bytes() -> None:
    """A tag, or a version, can be given to other bytes: an image by its digest, a package by its hash."""
    images = [part["image"] for part in PARTS.values() if part["image"] != "rollcall:local"]
    images += re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert len(images) == 4
    assert [one for one in images if not re.fullmatch(r"[a-z/]+:[0-9a-z.-]+@sha256:[0-9a-f]{64}", one)] == []
    installs = re.findall(r"pip install (.*)", (ROOT / "Makefile").read_text())
    assert [one for one in installs if "--require-hashes" not in one and "--no-deps" not in one] == []
    for lock in ("requirements.lock", "mutation-requirements.lock"):
        pinned = re.split(r"^(?=[a-z])", (ROOT / lock).read_text(), flags=re.MULTILINE)[1:]
        assert [one for one in pinned if "--hash=sha256:" not in one] == []


def test_the_image_installs_hashes_only_and_runs_as_nobody() -> None:
    text = (ROOT / "Dockerfile").read_text()
    assert text.count("--require-hashes") == 1
    assert "--no-index" in text
    assert re.search(r"^FROM python:3\.11-slim-bookworm@", text, re.MULTILINE)
    assert re.search(r"^USER [1-9]\d*$", text, re.MULTILINE)
    copied = {word for line in re.findall(r"^COPY (?!--from)(.*)", text, re.MULTILINE) for word in line.split()[:-1]}
    let_in = {
        line.removeprefix("!").rstrip("/")
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line[:1] == "!"
    }
    assert copied == let_in
