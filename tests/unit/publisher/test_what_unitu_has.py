"""Which accounts Unitu has, as far as known, across a yes: what the reports after it say."""

from pathlib import Path

import pytest

from services.publisher.last_snapshot import accounts_of, may_be_at_unitu
from shared.contract.deliveries import SnapshotAccepted
from tests.unit.publisher.world import Crash, World, a_config, a_leaver, an_account

OURS = ["s1@abbey.example", "s2@abbey.example"]


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(a_config(tmp_path))
    world.tell_school(an_account("1", 1), an_account("2", 2))
    return world


def last_report(world: World) -> SnapshotAccepted:
    event: SnapshotAccepted = world.deliveries(SnapshotAccepted)[-1]
    return event


def test_who_was_adopted_and_never_sent_has_no_account_by_it(world: World) -> None:
    """A POST is open when the roster with the joiner has its yes; the joiner is lost again before anything goes."""
    world.adopt(OURS)
    world.unitu.plan = ["crash"]
    with pytest.raises(Crash):
        world.work_once()
    world.restart()
    world.tell(an_account("3", 20))
    world.adopt(OURS)
    assert accounts_of(world.state) == frozenset(OURS)
    world.forget("3")
    world.read()
    shown = world.desk.show("abbey", OURS)
    assert (shown.disabled, shown.accounts) == (("s3@abbey.example",), tuple(OURS))  # it may be there: it is shown
    world.adopt(OURS, *shown.words)
    world.clock.advance(100)
    world.work_once()
    assert last_report(world).report.disabled == ()


def test_who_was_in_a_snapshot_after_the_yes_may_have_an_account(world: World) -> None:
    world.adopt(OURS[:1], "list-meets-few")
    world.unitu.plan = ["times-out"]
    world.work_once()
    assert accounts_of(world.state) == frozenset(OURS)
    world.adopt(OURS[:1], "list-meets-few")
    assert accounts_of(world.state) == may_be_at_unitu(world.state) == frozenset(OURS)


@pytest.mark.parametrize("yeses", [1, 2])
def test_who_returns_before_a_yes_is_enabled_again_and_not_new(world: World, yeses: int) -> None:
    world.adopt(OURS)
    world.work(until=10)
    world.tell_school(a_leaver("2", 20), at=20)
    world.work(until=10)
    world.tell(an_account("2", 30))
    for _ in range(yeses):
        world.clock.advance(1)
        world.adopt(OURS[:1], "list-meets-few")
    world.work(until=10)
    assert (last_report(world).report.enabled, last_report(world).report.provisioned) == (("s2@abbey.example",), ())


def test_a_list_that_says_that_they_are_enabled_is_believed(world: World) -> None:
    world.adopt(OURS)
    world.work(until=10)
    world.tell_school(a_leaver("2", 20), at=20)
    world.work(until=10)
    world.tell(an_account("2", 30))
    world.clock.advance(1)
    world.adopt(OURS)  # somebody at Unitu has enabled it
    world.work(until=10)
    assert (last_report(world).report.enabled, last_report(world).report.provisioned) == ((), ())


def test_an_account_that_only_a_list_knew_is_not_forgotten_when_it_is_disabled(world: World) -> None:
    world.adopt([*OURS, "old@abbey.example"])
    world.work(until=10)
    assert last_report(world).report.disabled == ("old@abbey.example",)
    world.tell(an_account("3", 20, email="Old@abbey.example"), an_account("4", 21))
    world.work(until=10)
    report = last_report(world).report
    assert (report.enabled, report.provisioned) == (("old@abbey.example",), ("s4@abbey.example",))
    assert world.state.gone == ()
