"""Told to end in the middle of something: every service does, with exit code 0, and its next start goes on."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import ConfigFile
from tests.e2e.harness import Town, a_town
from tests.faults.bench import a_bench

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.e2e]

SERVICES = ("fetcher", "eligibility", "reconciler", "publisher")
TENANT = "timeout_seconds = 20\nlease_seconds = 30\nretry_max_seconds = 1"


@pytest.fixture
def town(config_file: ConfigFile, tmp_path: Path) -> Iterator[Town]:
    with a_town(config_file, tmp_path, size=24, tenant=TENANT) as town:
        yield town


def in_a_sweep(town: Town) -> None:
    """The school does not answer for its second page."""
    town.isams.clear_requests()
    town.isams.fault({"kind": "hang", "path": "/api/students", "page": 2, "count": 1})
    town.until(lambda: not town.isams.faults()[0]["count"], "a page that hangs")


def in_a_batch(name: str, point: str) -> Callable[[Town], None]:
    """Its thread waits for something that does not come."""

    def begin(town: Town) -> None:
        town.programs.at(name, point, "hang")
        town.programs.until_at(name, point)

    return begin


def in_a_post(town: Town) -> None:
    """Unitu does not answer. What is to be sent comes after that, or it may have been sent before."""
    town.unitu.fault({"kind": "hang", "count": 1})
    last = town.isams.dump()["students"][-1]["schoolId"]
    town.isams.change(last, surname="In a POST")
    town.until(lambda: not town.unitu.faults()[0]["count"], "a POST that hangs")


MIDDLES = {
    "fetcher": in_a_sweep,
    "eligibility": in_a_batch("eligibility", "assessed"),
    "reconciler": in_a_batch("reconciler", "published-0"),
    "publisher": in_a_post,
}


def test_sigterm_in_the_middle_ends_each_service_with_0_and_its_next_start_goes_on(town: Town) -> None:
    """
    Exit code 0 says that it ended within the nine seconds that ``run_services`` gives: whoever is cut off gives 1.

    Fails when a service awaits what is under way without an end (``_ends_before`` in the fetcher, ``STOP_SECONDS`` in
    the publisher, ``graceful_timeout`` of the broker), or when a thread keeps the process (``end_soon``).
    """
    for name in SERVICES:
        town.start(name)
    town.adopt()
    town.until_unitu_agrees()
    first = town.isams.dump()["students"][0]["schoolId"]
    for name, begin in MIDDLES.items():
        town.isams.change(first, surname=f"Before {name}")
        begin(town)
        code, _ = town.programs.end(name)
        assert code == 0, f"{name}:\n{town.programs.said(name)}"
        town.isams.clear_faults()
        town.unitu.clear_faults()
        town.isams.change(first, surname=f"After {name}")
        town.start(name)
        town.until_unitu_agrees()
    assert town.ever_disabled() == set()


def test_sigterm_while_kafka_is_away_ends_each_service_with_0_and_their_next_start_goes_on(tmp_path: Path) -> None:
    """Fails when eligibility keeps its place before it knows that anybody answers: a commit waits without an end."""
    with a_bench(tmp_path, size=24, tenant=TENANT) as bench:
        town = bench.town
        for name in SERVICES:
            town.start(name)
        town.adopt()
        first = town.isams.dump()["students"][0]["schoolId"]
        for surname in ("Before", "Since"):  # the second's place is not kept yet
            town.isams.change(first, surname=surname)
            town.until_unitu_agrees()
        bench.kafka.hang()
        codes = {name: town.programs.end(name)[0] for name in SERVICES}
        bench.kafka.mend()
        assert codes == dict.fromkeys(SERVICES, 0), "\n".join(town.programs.said(name) for name in SERVICES)
        town.isams.change(first, surname="After")
        for name in SERVICES:
            town.start(name)
        town.until_unitu_agrees()
        assert town.ever_disabled() == set()
