"""Two hundred schools, twenty of them broken in different ways, two fetchers, one of them killed in the middle."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest

from services.sandbox.demo.programs import Programs
from services.sandbox.isams.twin import isams_app
from services.sandbox.schools.school import make_school
from services.sandbox.servers.serve import serving
from services.sandbox.twin_client import IsamsTwin
from shared.config.load import load
from shared.config.settings import Config
from shared.contract.codec import Record, decode
from shared.contract.events import SweepCompleted, SweepFailed, SweepStarted
from shared.contract.topics import STUDENTS_FETCHED
from shared.kafka.client import Reader
from tests.conftest import ConfigFile, create_topics

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.e2e, pytest.mark.timeout(900)]

PATIENCE = 240.0  # seconds; who has failed rests about as long again as it has been failing, before it is read
SCHOOLS, PUPILS, PAGE = 200, 12, 5
HANGS = [{"kind": "hang", "path": path} for path in ("/auth/connect/token", "/api/students")] * 5
BREAKS: list[dict[str, Any]] = [  # each of these keeps its school from a certificate for as long as it lasts
    *HANGS,
    {"kind": "status", "path": "/api/students", "status": 401},
    {"kind": "status", "path": "/api/students", "status": 403},
    {"kind": "status", "path": "/api/students", "status": 404},
    {"kind": "status", "path": "/api/students", "status": 429, "retry_after": 1},
    {"kind": "status", "path": "/api/students", "status": 500},
    {"kind": "truncated_json", "path": "/api/students"},
    {"kind": "wrong_content_type", "path": "/api/students"},
    {"kind": "empty_list", "path": "/api/students"},
    {"kind": "duplicate_id", "path": "/api/students", "page": 2},
    {"kind": "short_page", "path": "/api/students", "page": 2},
]
BROKEN = {f"school-{number * 9 + 4:03}": fault for number, fault in enumerate(BREAKS)}
SLUGS = [f"school-{number:03}" for number in range(SCHOOLS)]
SOUND = [slug for slug in SLUGS if slug not in BROKEN]

SCHOOL = """
[schools.{slug}]
tenant = "all"
source = "isams"
base_url = "{isams}/{slug}"
client_id = "many"
client_secret = {{ file = "secret" }}
poll_seconds = 2
page_size = {page}
max_requests_per_hour = 1000000
timeout_seconds = 120
lease_seconds = 15
"""


class Country:
    """Every school on one twin, and the log of what the fetchers said of them."""

    def __init__(self, config: Config, path: Path, programs: Programs, twins: dict[str, IsamsTwin]) -> None:
        self.config = config
        self.path = path
        self.programs = programs
        self.twins = twins
        self.lanes: list[list[Record]] = [[] for _ in range(config.kafka.partitions)]

    def start(self, name: str, *, may_end: bool = False) -> None:
        words = ("--config", str(self.path), "run", "fetcher")
        self.programs.start(name, "services.cli.main", *words, may_end=may_end)

    def read_on(self) -> None:
        with Reader(self.config) as reader:
            for lane, records in enumerate(self.lanes):
                start = records[-1].offset + 1 if records else 0
                records += reader.read(STUDENTS_FETCHED, lane, start)

    def of(self, model: type[Any]) -> dict[str, list[Any]]:
        """The events of one kind, by school."""
        found: dict[str, list[Any]] = {slug: [] for slug in SLUGS}
        for record in (one for records in self.lanes for one in records):
            event = decode(record.header("ce_type"), record.value)
            if isinstance(event, model):
                found[event.school].append(event)
        return found

    def until(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            self.programs.check()
            if time.monotonic() > deadline:
                logs = {log.stem: log.read_text()[-3000:] for log in self.programs.folder.glob("*.log")}
                raise AssertionError(f"{what}: not yet\n" + json.dumps(logs, indent=1))
            time.sleep(0.2)
            self.read_on()

    def certified(self, slugs: list[str], times: int = 1) -> bool:
        closes = self.of(SweepCompleted)
        return all(len(closes[slug]) >= times for slug in slugs)


@pytest.fixture
def country(config_file: ConfigFile, tmp_path: Path) -> Iterator[Country]:
    with ExitStack() as stack:
        server = stack.enter_context(serving(isams_app()))
        twins = {}
        for number, slug in enumerate(SLUGS):
            twins[slug] = stack.enter_context(IsamsTwin(server.url, slug))
            school = msgspec.to_builtins(make_school(slug, PUPILS, number), str_keys=True)
            school |= {"sets": [], "yearGroups": school["yearGroups"][:1]}
            twins[slug].load(school, client_id="many", client_secret="made-up-secret")
        tables = [SCHOOL.format(slug=slug, isams=server.url, page=PAGE) for slug in SLUGS]
        path = config_file('[tenants.all]\napi_key = { file = "secret" }\n' + "".join(tables))
        config = load(path, {})
        create_topics(config)
        programs = Programs(tmp_path)
        stack.callback(programs.kill)
        stack.callback(programs.stop)
        yield Country(config, path, programs, twins)


def test_twenty_broken_schools_and_a_killed_fetcher_keep_nobody_from_being_read(country: Country) -> None:
    """
    Fails when schools that hang fill a fetcher's places (``rounds.SLOW_PLACES = 0``: the ten that hang here would wait
    for two minutes each), when a killed fetcher's schools stay claimed, when a broken school is certified, and when one
    that is whole again has to be asked for.
    """
    for slug, fault in BROKEN.items():
        country.twins[slug].fault(fault)
    country.start("first", may_end=True)
    country.start("second")
    country.until(lambda: country.certified(SOUND[:60]), "a third of the sound schools")
    country.programs._running["first"].kill()
    country.until(lambda: country.certified(SOUND), "every sound school, the killed fetcher's among them")
    before = country.of(SweepCompleted)
    again = {slug: len(before[slug]) + 1 for slug in SOUND}
    country.until(
        lambda: all(len(closes) >= again[slug] for slug, closes in country.of(SweepCompleted).items() if slug in again),
        "every sound school, once more",
    )
    assert {slug: closes for slug, closes in country.of(SweepCompleted).items() if slug in BROKEN and closes} == {}
    failures = country.of(SweepFailed)
    assert {slug for slug, failed in failures.items() if failed} <= set(BROKEN)
    told = {slug for slug, fault in BROKEN.items() if fault["kind"] != "hang"}
    assert {slug for slug in told if not failures[slug]} == set(), "who fails is told with a reason"

    for slug in BROKEN:
        country.twins[slug].clear_faults()
    country.until(lambda: country.certified(SLUGS), "all two hundred, by themselves")
    for slug, closes in country.of(SweepCompleted).items():
        assert closes[-1].certificate.endpoints[0].received == PUPILS, slug
    assert_one_sweep_at_a_time(country)


def assert_one_sweep_at_a_time(country: Country) -> None:
    """Between a sweep's start and its end, its school says nothing of another one: a lease is one fetcher's."""
    open_sweeps: dict[str, str] = {}
    for record in (one for records in country.lanes for one in records):
        event = decode(record.header("ce_type"), record.value)
        school, sweep = record.key.partition("/")[0], record.header("sweep") or ""
        if isinstance(event, SweepStarted):  # of the fetcher that was killed some have no end
            open_sweeps[school] = sweep
        elif isinstance(event, SweepFailed) and event.sweep != open_sweeps.get(school):
            continue  # a sweep whose first page could not be read has no start
        else:
            assert open_sweeps.get(school) == sweep, record.key
