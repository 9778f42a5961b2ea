"""Story 9 with a publisher that was thought dead: it has announced a snapshot, and goes on after a newer one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ConfigFile
from tests.e2e.harness import Town, a_town

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.e2e]

QUICK = "timeout_seconds = 2\nlease_seconds = 4\nretry_max_seconds = 1"


@pytest.fixture
def town(config_file: ConfigFile, tmp_path: Path) -> Iterator[Town]:
    with a_town(config_file, tmp_path, size=24, tenant=QUICK) as town:
        yield town


def test_a_publisher_that_slept_before_its_post_sends_nothing_after_a_newer_snapshot(town: Town) -> None:
    """
    It has a snapshot with a pupil who then leaves; its successor waits out the POST that may be under way, and sends
    the newest.

    Fails when ``_may_post`` (``services/publisher/deliver.py``) is not asked: the old snapshot enables the leaver.
    """
    town.start("reconciler")
    town.start("eligibility", "fetcher", process="front")
    town.start("publisher")
    town.adopt()
    town.until_unitu_agrees()
    leaver, first, *_ = town.isams.dump()["students"]
    town.programs.at("publisher", "announced", "stop")
    town.isams.change(first["schoolId"], surname="Before")
    town.programs.until_at("publisher", "announced")
    town.programs.start("successor", "publisher", group="second")
    town.isams.leave(leaver["schoolId"])
    town.until_unitu_agrees()
    received = town.unitu.summary()["received"]
    town.programs.leave("publisher", "announced")
    town.isams.change(first["schoolId"], surname="Afterwards")
    town.until_unitu_agrees()
    for snapshot in town.unitu.snapshots()[received:]:
        assert leaver["schoolEmailAddress"] not in {one["email"] for one in snapshot["body"]["students"]}
    assert [one["change"]["kind"] for one in town.unitu.history(leaver["schoolEmailAddress"])].count("disable") == 1
