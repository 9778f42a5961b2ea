"""Story 11: each service is killed in turn while changes flow, and Redis goes back a second."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from services.sandbox.schools.school import make_joiner
from tests.conftest import ConfigFile
from tests.e2e.harness import Town, a_town
from tests.faults.copies import Copies

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.e2e]

WORST = {"fetcher": "completing", "eligibility": "assessed", "reconciler": "published-0", "publisher": "announced"}
TENANT = "timeout_seconds = 2\nlease_seconds = 4\nretry_max_seconds = 1"
BUDGETS = """
[schools.abbey.guard]
disable_explained = { floor = 100, share = 1.0 }
unenrol = { floor = 100, share = 1.0 }
move = { share = 1.0 }
"""  # the eight moves of this story leave the default budget no headroom at all: one account fewer, and they are held


@pytest.fixture
def town(config_file: ConfigFile, tmp_path: Path) -> Iterator[Town]:
    school = f"lease_seconds = 4{BUDGETS}"
    with a_town(config_file, tmp_path, size=30, tenant=TENANT, school=school) as town:
        yield town


class Flow:
    """Joiners, leavers, returners and corrections, one after the other: the same ones in every run."""

    def __init__(self, town: Town) -> None:
        self._town = town
        self._pupils: Iterator[dict[str, Any]] = iter(town.isams.dump()["students"])
        self._numbers = itertools.count(1)
        self.left: list[dict[str, Any]] = []

    def go_on(self) -> None:
        number = next(self._numbers)
        isams = self._town.isams
        isams.add(msgspec.to_builtins(make_joiner(self._town.slug, number)))
        isams.change(next(self._pupils)["schoolId"], surname=f"Changed{number}", yearGroup=8)
        self.left.append(next(self._pupils))
        isams.leave(self.left[-1]["schoolId"])
        if number % 3 == 0:
            isams.come_back(self.left[-2]["schoolId"])
        self._town.oracle.see(isams.dump())


def test_each_service_killed_in_turn_and_redis_put_back_end_in_the_oracles_state(town: Town) -> None:
    """
    Each dies where it has done one thing and not yet the next. Fails when ``LaneLoop.step`` (``shared/lanes/loop.py``)
    writes the states, with their position, before it publishes: what the dead reconciler had decided is never told.
    """
    for name in WORST:
        town.start(name)
    town.adopt()
    town.until_unitu_agrees()
    flow = Flow(town)
    copies = Copies(town.config.redis.url, town.config.redis.key_prefix)
    for name, point in WORST.items():
        town.programs.at(name, point, "kill")
        flow.go_on()
        town.programs.until_at(name, point)
        flow.go_on()
        town.start(name)
    copy = copies.take()
    flow.go_on()
    town.until_sweeps(1)
    copies.put_back(copy)
    flow.go_on()
    town.until_unitu_agrees()
    assert town.ever_disabled() <= {one["schoolEmailAddress"] for one in flow.left}
    contents: dict[str | None, bytes] = {}
    for record in town.records("account-changes"):
        assert contents.setdefault(record.header("ce_id"), record.value) == record.value
    copies.close()
