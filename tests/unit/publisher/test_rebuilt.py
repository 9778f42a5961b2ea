"""After a rebuild, what the view has may be a little old: nobody is taken out of anything by it."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.unit.publisher.world import (
    World,
    a_config,
    a_lane,
    a_school,
    a_structure,
    an_account,
)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Four students whom Unitu has."""
    world = World(a_config(tmp_path))
    world.tell_school(*(an_account(str(number), number) for number in range(1, 5)))
    world.adopt()
    world.work(until=10)
    return world


def record(world: World, email: str) -> dict[str, Any]:
    [found] = [one for one in world.unitu.bodies[-1]["students"] if one["email"] == email]
    return dict(found)


@pytest.mark.parametrize("loses", ["the view", "all of Redis"])
def test_after_a_rebuild_a_stale_record_unenrols_nobody(world: World, loses: str) -> None:
    """A stale owner's record, late, is the last of its key; compaction leaves it; the view is made anew from it."""
    codes = ("Y10-ART", "Y10-HIS", "Y10-MAT")
    world.tell_school(an_account("2", 20, modules=codes), at=20)
    world.work(until=10)
    world.log = {}
    people = [an_account(n, int(n)) for n in "134"]
    world.append(*people, a_school(20, enabled=4), an_account("2", 2, modules=()), an_account("5", 21), a_lane(22))
    if loses == "all of Redis":
        world.empty_redis()
    else:
        world.lanes = type(world.lanes)()
        world.restart()
    world.read()
    world.work(until=5)
    assert record(world, "s2@abbey.example")["moduleCodes"] == list(codes)
    assert ("s5@abbey.example" in world.unitu.enabled) == (loses == "the view")  # else nobody knows what was sent
    world.tell_school(an_account("2", 40, modules=codes), at=40)
    world.publish()
    assert record(world, "s2@abbey.example")["moduleCodes"] == list(codes)
    assert "s5@abbey.example" in world.unitu.enabled


def test_after_a_rebuild_nobody_loses_what_the_school_no_longer_lists(world: World) -> None:
    """Their un-enrolment is held, and compaction has left the newest structure alone."""
    world.tell(a_structure(codes=("Y10", "Y11")))
    world.work(until=10)
    world.log = {}
    retired = a_structure(codes=("Y10",)).structure
    world.append(msgspec.structs.replace(a_structure(codes=("Y11",), at=30), retired=retired))
    world.append(*(an_account(str(n), 31) for n in range(1, 5)), a_school(32), a_lane(33))
    world.empty_redis()
    world.read()
    world.tell_school(*(an_account(str(n), 40, phone="7") for n in range(1, 5)), at=40)
    world.publish()
    assert record(world, "s1@abbey.example")["phone"] == "7"
    assert record(world, "s1@abbey.example")["programmeCodes"] == ["Y10"]
    assert [one["code"] for one in world.unitu.bodies[-1]["programmes"]] == ["Y10", "Y11"]


def test_what_was_retired_before_the_structure_said_so_is_kept_beside_what_it_says(world: World) -> None:
    world.tell(a_structure(codes=("Y10", "Y11", "Y12")))
    world.tell(a_structure(codes=("Y11", "Y12"), at=30))
    retired = a_structure(codes=("Y11",)).structure
    world.tell(msgspec.structs.replace(a_structure(codes=("Y12",), at=40), retired=retired))
    found = world.views.read("abbey").retired["abbey"]
    assert [one.code for one in found.programmes] == ["Y10", "Y11"]


def test_a_yes_after_a_rebuild_takes_nobody_out_of_what_it_has_not_shown(world: World) -> None:
    """It shows who would be disabled; the view's record of one is stale, and nobody sees that."""
    codes = ("Y10-ART", "Y10-HIS")
    world.tell_school(an_account("2", 20, modules=codes), at=20)
    world.work(until=10)
    world.log = {}
    people = [an_account(n, int(n)) for n in "134"]
    world.append(*people, an_account("2", 2, modules=()), a_school(20), a_lane(22))
    world.lanes = type(world.lanes)()
    world.restart()
    world.read()
    world.adopt()
    world.publish()
    assert record(world, "s2@abbey.example")["moduleCodes"] == list(codes)
    world.tell_school(an_account("2", 40, modules=("Y10-ART",)), at=40)
    world.publish()
    assert record(world, "s2@abbey.example")["moduleCodes"] == ["Y10-ART"]


def test_account_state_made_anew_is_no_whole_roster(tmp_path: Path) -> None:
    """The reconciler's Redis is sound, so it tells only what changes: the view has one of six."""
    from services.publisher.decisions import NotWhole

    world = World(a_config(tmp_path))
    world.tell_school(*(an_account(str(n), n) for n in range(1, 7)))
    world.log[0] = []
    world.restart()
    world.loop.start(0)
    world.append(an_account("1", 30, first_name="Bea"), a_school(30, full_offset=10, enabled=6), a_lane(31))
    world.read()
    with pytest.raises(NotWhole) as refused:
        world.desk.show("abbey")
    assert [one.code for one in refused.value.reasons] == ["view_miscounts"]
