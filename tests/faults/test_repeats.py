"""Work that is done twice: stories 3 and 5. Whoever repeats a stretch says nothing new, and nothing else."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from services.operations.commands import give
from services.sandbox.schools.school import make_joiner
from shared.contract.codec import Record
from shared.contract.commands import PauseSchool
from shared.contract.events import AccountDisabled, StudentFetched, SweepCompleted, SweepReconciled
from shared.contract.model import Frozen
from shared.contract.topics import ACCOUNT_CHANGES, STUDENTS_ASSESSED, STUDENTS_FETCHED
from shared.errors import Retryable
from shared.lanes.partition import lane_of
from tests.conftest import ConfigFile
from tests.e2e.harness import OTHERS, Town, a_town

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.e2e]


@pytest.fixture
def town(config_file: ConfigFile, tmp_path: Path) -> Iterator[Town]:
    with a_town(config_file, tmp_path, size=24) as town:
        yield town


def test_eligibility_that_forgets_its_place_repeats_an_old_stretch_and_nobody_goes(town: Town) -> None:
    """
    Several sweeps lack a pupil who then joins. Eligibility judges all of it, and is killed before it keeps its place:
    its next start says it all again, after the joiner.

    Fails when ``_is_news`` (``services/reconciler/batch.py``) takes every record for news: the repeated sweeps close
    a second time, and two that lack the joiner disable them.
    """
    town.start("reconciler")
    town.start("publisher", "fetcher", process="others")
    town.until(lambda: len(fetched(town, SweepCompleted)) >= 3, "three sweeps without the joiner")
    joiner = msgspec.to_builtins(make_joiner(town.slug, 1))
    town.isams.add(joiner)
    town.until(lambda: len(fetched(town, StudentFetched)) > 24, "the joiner's record")
    read = len(fetched(town, SweepCompleted))
    town.until(lambda: len(fetched(town, SweepCompleted)) > read, "the end of the joiner's sweep")
    town.programs.at("eligibility", "assessed", "kill")
    town.start("eligibility")
    town.programs.until_at("eligibility", "assessed")
    assert f"{town.slug}/{joiner['schoolId']}" in {one.key for one in town.records(STUDENTS_ASSESSED)}
    town.start("eligibility")
    town.adopt()
    town.until_unitu_agrees()
    town.until_sweeps(2)
    ends = Counter(one.sweep for one in town.closes())
    assert all(ends[sweep] >= 2 for sweep in list(ends)[:3]), "the old stretch came twice"
    reports = [one for one in town.events(ACCOUNT_CHANGES) if isinstance(one, SweepReconciled)]
    decided = {(one.sweep, one.version) for one in reports}  # one that is told again has the same
    assert len(decided) == len({one.sweep for one in reports})
    assert not [one for one in town.events(ACCOUNT_CHANGES) if isinstance(one, AccountDisabled)]
    assert joiner["schoolEmailAddress"] in town.unitu.enabled()


def fetched(town: Town, kind: type[Frozen]) -> list[Frozen]:
    try:
        return [one for one in town.events(STUDENTS_FETCHED) if isinstance(one, kind)]
    except Retryable:  # the topics are not there yet
        return []


HARSHER = "\n[schools.abbey.guard]\ndisable_explained = { floor = 0, share = 0.0, count = 0 }\n"


def test_a_crash_before_the_write_then_other_settings_another_day_and_a_command_change_no_byte(town: Town) -> None:
    """
    The reconciler is killed between publishing a close that disables a leaver and writing it. Before its next start the
    school's budgets become 0, its clock goes on by three days, and an operator pauses the school.

    Fails when a close takes its settings from anywhere but the record, or its time from a clock: with ``now()`` in
    place of the record's time in ``ChangeEnvelope`` (``services/reconciler/messages.py``) the bytes differ.
    """
    town.open()
    town.kill("reconciler")
    first, leaver, later, *_ = town.isams.dump()["students"]
    town.isams.leave(leaver["schoolId"])
    town.isams.change(first["schoolId"], surname="Changed")
    town.until_sweeps_read(2)
    before = len(told(town))
    town.programs.at("reconciler", "published-0", "kill")
    town.start("reconciler")
    town.programs.until_at("reconciler", "published-0")
    once = told(town)[before:]
    assert any("account_disabled" in (one.header("ce_type") or "") for one in once)
    town.config_path.write_text(town.config_path.read_text() + HARSHER)
    town.programs.end("others")
    town.start(*OTHERS, process="others")
    give(town.config, PauseSchool(school=town.slug, operator="ops"))
    town.until_sweeps_read(2)
    town.programs.start("reconciler", days=3)
    town.until(lambda: len(told(town)) >= before + 2 * len(once), "the same once more")
    twice = told(town)[before + len(once) :][: len(once)]
    assert [(one.key, one.value, one.headers) for one in twice] == [(one.key, one.value, one.headers) for one in once]
    town.until_unitu_agrees()
    assert town.ever_disabled() == {leaver["schoolEmailAddress"]}
    town.isams.leave(later["schoolId"])
    town.until_sweeps(2)
    assert later["schoolEmailAddress"] in town.unitu.enabled(), "from here on the school is paused"


def told(town: Town) -> list[Record]:
    """What has been told of the school's accounts, in order."""
    lane = lane_of(town.slug, town.config.kafka.partitions)
    return [one for one in town.records(ACCOUNT_CHANGES) if one.lane == lane]
