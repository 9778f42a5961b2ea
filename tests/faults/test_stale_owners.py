"""Owners that were thought dead and go on: stories 2 and 4. What they say is too late, and must do no harm."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from services.sandbox.schools.school import make_joiner
from shared.contract.events import AccountDisabled, SweepReconciled, SweepStarted
from shared.contract.topics import ACCOUNT_CHANGES, ACCOUNT_STATE, STUDENTS_FETCHED
from tests.conftest import ConfigFile
from tests.e2e.harness import Town, a_town
from tests.faults.copies import Copies

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.e2e]


@pytest.fixture
def town(config_file: ConfigFile, tmp_path: Path) -> Iterator[Town]:
    with a_town(config_file, tmp_path, size=24, school="lease_seconds = 3000") as town:
        yield town


def test_a_stale_reconciler_across_a_close_disables_nobody(town: Town) -> None:
    """
    Two reconcilers, neither of which knows of the other. One is stopped before it publishes what it has decided, a
    close that disables a leaver; meanwhile the other does the same, the leaver is re-admitted and a pupil joins. It
    goes on, and is stopped again, before it reads a batch.

    Fails without the comparison of ``at`` in ``_Kept.account`` (``services/publisher/projection.py``): the late record
    disables the re-admitted pupil; without that of the lane's record in ``_WRITE`` (``fenced_hashes.py``): the
    late state takes the place of the newer one, and the lane contradicts itself.
    """
    town.open()
    town.kill("reconciler")
    leaver, first, *_ = town.isams.dump()["students"]
    town.isams.leave(leaver["schoolId"])
    town.until_sweeps_read(2)
    town.programs.at("stale", "decided", "stop")
    town.programs.start("stale", "reconciler")
    town.programs.until_at("stale", "decided")
    town.programs.start("owner", "reconciler", group="second")
    town.until_unitu_agrees()
    assert town.ever_disabled() == {leaver["schoolEmailAddress"]}
    town.isams.come_back(leaver["schoolId"])
    town.isams.add(msgspec.to_builtins(make_joiner(town.slug, 1)))
    town.until_unitu_agrees()
    before = len(town.records(ACCOUNT_STATE))
    town.programs.at("stale", "reading", "stop", passes=1)
    town.programs.leave("stale", "decided")
    town.programs.until_at("stale", "reading")
    assert len(town.records(ACCOUNT_STATE)) > before, "it has said what it had decided"
    town.until_sweeps(2)
    town.programs.leave("stale", "reading")
    town.isams.change(first["schoolId"], surname="Afterwards")
    town.until_unitu_agrees()
    town.until_sweeps(2)
    assert [one["change"]["kind"] for one in town.unitu.history(leaver["schoolEmailAddress"])].count("disable") == 1
    assert town.ever_disabled() == {leaver["schoolEmailAddress"]}
    assert "was rebuilt" not in town.programs.said("owner") + town.programs.said("stale")
    assert town.sweeps("uncertified") == []
    contents: dict[str, bytes] = {}
    for record in town.records(ACCOUNT_CHANGES):
        assert contents.setdefault(record.header("ce_id") or "", record.value) == record.value


def test_fetchers_that_finish_their_old_sweeps_after_a_new_one_take_nobody_away(town: Town) -> None:
    """
    Two fetchers in turn have read a school to its end when Redis forgets whose turn it was; neither knows. A pupil
    joins, and a third fetcher says so. Then both go on and say their rolls, which lack the pupil: two certificates.

    Fails when ``Ledger.has_open`` says yes to every sweep: each of the two closes, and the second disables the joiner.
    """
    town.start("reconciler")
    town.start("eligibility", "publisher", process="others")
    copies = Copies(town.config.redis.url, town.config.redis.key_prefix)
    late = {}
    for old in ("old-1", "old-2"):
        town.programs.at(old, "completing", "stop")
        town.programs.start(old, "fetcher")
        town.programs.until_at(old, "completing")
        late[old] = [one.sweep for one in town.events(STUDENTS_FETCHED) if isinstance(one, SweepStarted)][-1]
        forget_turns(copies)
    joiner = msgspec.to_builtins(make_joiner(town.slug, 1))
    town.isams.add(joiner)
    town.start("fetcher")
    town.adopt()
    town.until_unitu_agrees()
    town.until_sweeps(1)
    town.kill("fetcher")
    for old, sweep in late.items():
        assert sweep not in {one.sweep for one in town.closes()}
        town.programs.at(old, "sending", "kill", passes=2)  # its roll and its end, and nothing more
        town.programs.leave(old, "completing")
        town.until(lambda: sweep in {one.sweep for one in town.closes()}, f"the end of {old}'s sweep")  # noqa: B023
        town.kill(old)
    forget_turns(copies)
    town.start("fetcher")
    town.until_sweeps(2)
    assert not set(late.values()) & {one.sweep for one in closed(town)}
    assert not [one for one in town.events(ACCOUNT_CHANGES) if isinstance(one, AccountDisabled)]
    town.until_unitu_agrees()
    assert joiner["schoolEmailAddress"] in town.unitu.enabled()
    assert town.ever_disabled() == set()
    copies.close()


def forget_turns(copies: Copies) -> None:
    for key in copies.keys("due-sweeps"):
        copies.delete(key)


def closed(town: Town) -> list[SweepReconciled]:
    return [one for one in town.events(ACCOUNT_CHANGES) if isinstance(one, SweepReconciled)]
