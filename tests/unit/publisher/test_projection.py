"""The view of a lane: what it keeps, whom it wakes, and what it owes after it was lost."""

from pathlib import Path

import pytest

from services.publisher.projection import COUNTS, LANE, SCHOOLS, STRUCTURES, people_of
from shared.contract.account_state import AccountState
from shared.contract.codec import Record
from shared.contract.deliveries import SnapshotHeld
from shared.contract.model import Frozen
from shared.lanes.partition import lane_of
from tests.unit.publisher.world import (
    MANAGED,
    QUICK,
    World,
    a_config,
    a_lane,
    a_leaver,
    a_school,
    a_structure,
    an_account,
    an_employee,
)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(a_config(tmp_path))


def known(world: World) -> dict[str, tuple[str, int]]:
    """Person -> status and ``at``."""
    return {ref: (one.status, one.at) for ref, one in world.views.read("abbey").facts.people.items()}


def woken(world: World) -> bool:
    """Whether the tenant came due since it was last looked at."""
    now = world.clock().timestamp()
    is_due = (world.due.next_at() or 0) <= now
    claim = world.due.claim(now, 1)
    if claim is not None:
        world.due.finish(claim, now + 1e6, fulfilled=True)
    return is_due


# --- what it keeps ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([an_account("1", 5), a_leaver("1", 9)], ("disabled", 9)),
        ([a_leaver("1", 9), an_account("1", 5)], ("disabled", 9)),
        ([an_account("1", 9), a_leaver("1", 5)], ("enabled", 9)),
        ([an_account("1", 5), an_account("1", 5)], ("enabled", 5)),
    ],
)
@pytest.mark.parametrize("batch", [1, 100])
def test_the_newest_by_at_stands(
    world: World, states: list[AccountState], expected: tuple[str, int], batch: int
) -> None:
    world.append(*states)
    world.read(batch)
    assert known(world) == {"abbey/1": expected}


def test_an_older_school_or_structure_never_replaces_a_newer(world: World) -> None:
    world.tell(a_school(20), a_structure(codes=["Y11"], at=20), a_lane(21))
    world.tell(a_school(10), a_structure(codes=["Y10"], at=10), a_lane(11))
    view = world.views.read("abbey")
    assert view.facts.states["abbey"].offset == 20
    assert view.facts.positions() == {"abbey": 21}
    assert [one.code for one in view.structures["abbey"].programmes] == ["Y11"]


def test_a_forgotten_person_is_gone(world: World) -> None:
    world.tell(an_account("1", 5), an_account("2", 6))
    world.forget("1")
    world.forget("99")
    world.read()
    assert known(world) == {"abbey/2": ("enabled", 6)}


def test_a_disabled_account_stays_with_its_evidence(world: World) -> None:
    world.tell(a_leaver("1", 5))
    person = world.views.read("abbey").facts.people["abbey/1"]
    assert person.evidence is not None
    assert person.evidence.offset == 5
    assert b"Ada" in person.head  # as they were sent, should their removal be held


def test_keys_with_slashes_are_kept_apart(world: World) -> None:
    world.tell(an_account("a/b@x", 5), an_account("b@x", 6))
    assert set(known(world)) == {"abbey/a/b@x", "abbey/b@x"}


def test_a_record_that_cannot_be_read_is_set_aside_and_the_lane_goes_on(world: World) -> None:
    world.append(an_account("1", 5))
    good = world.log[0][0]
    raw = {name: value.encode() for name, value in good.headers.items()}
    world.log[0] += [
        Record("account-state", 0, 1, "abbey/2", b"{", raw=raw),
        Record("account-state", 0, 2, "abbey/3", good.value, raw=raw | {"ce_type": b"rollcall.sync_requested.v1"}),
        Record("account-state", 0, 3, "abbey/4", good.value, raw={}),
    ]
    world.append(an_account("5", 6))
    world.read()
    assert set(known(world)) == {"abbey/1", "abbey/5"}
    letters = world.out.of("account-state-dlq")
    assert [letter.key for letter in letters] == ["abbey/2", "abbey/3", "abbey/4"]


def test_employee_and_student_of_one_number_are_kept_apart(tmp_path: Path) -> None:
    world = World(a_config(tmp_path, MANAGED + QUICK))
    world.tell(an_account("214", 5), an_employee("214", 6), a_school(9), a_school(8, kind="staff"), a_structure())
    assert known(world) == {"abbey/214": ("enabled", 5), "abbey+staff/214": ("enabled", 6)}
    view = world.views.read("abbey")
    assert {book: state.offset for book, state in view.facts.states.items()} == {"abbey": 9, "abbey+staff": 8}
    assert set(view.structures) == {"abbey"}
    assert world.lanes.hashes[0][COUNTS] == {"abbey": b"1", "abbey+staff": b"1"}
    world.forget("214", "abbey+staff")
    world.read()
    assert known(world) == {"abbey/214": ("enabled", 5)}


def test_staff_that_are_not_managed_are_nobodys_business(world: World) -> None:
    world.tell_school(an_account("1", 5))
    woken(world)
    world.tell_school(an_employee("214", 6), kind="staff")
    assert not woken(world)
    assert known(world) == {"abbey/1": ("enabled", 5)}
    assert set(world.views.read("abbey").facts.states) == {"abbey"}


@pytest.mark.parametrize(
    ("state", "key"),
    [(an_employee("1", 9), "abbey/1"), (an_account("1", 9), "abbey+staff/1"), (a_school(9, kind="staff"), "abbey")],
)
def test_what_stands_under_another_books_key_is_set_aside(world: World, state: Frozen, key: str) -> None:
    """An employee's record under a student's key would be that student's newest."""
    world.tell_school(an_account("1", 5))
    world.append(state, key=key)
    world.read()
    assert known(world) == {"abbey/1": ("enabled", 5)}
    assert [letter.key for letter in world.out.of("account-state-dlq")] == [key]


# --- whom it wakes ---------------------------------------------------------------------------------------------------


def test_it_wakes_only_for_what_a_snapshot_may_show(world: World) -> None:
    world.tell(a_structure())
    world.tell_school(an_account("1", 5))
    assert woken(world)
    for quiet in (
        an_account("1", 20),  # decided anew by a full sweep, and the same
        an_account("2", 21, status="none"),
        a_school(22, full_offset=10),
        a_structure(at=23),
        a_lane(30),
        an_account("1", 3, first_name="Old"),
    ):
        world.tell(quiet)
        assert not woken(world), quiet
    for loud in (
        an_account("1", 40, first_name="Bea"),
        a_leaver("1", 41),
        an_account("3", 42),
        a_school(43, full_offset=43),
        a_structure(codes=["Y10", "Y11"], at=44),
    ):
        world.tell(loud)
        assert woken(world), loud


def test_a_school_that_no_tenant_has_wakes_nobody(world: World) -> None:
    world.append(an_account("1", 5, school="stranger"), key="stranger/1")
    world.read()
    woken(world)
    world.append(an_account("1", 6, school="stranger", first_name="B"))
    world.read()
    assert not woken(world)


# --- when it was lost ------------------------------------------------------------------------------------------------


def test_a_first_start_owes_nothing(world: World) -> None:
    world.log[0] = []
    world.read()
    world.loop.start(0)
    world.tell_school(an_account("1", 5))
    assert world.requests() == []
    assert world.views.read("abbey").facts.lane_of("abbey").rebuilt_offset == -1


def test_a_view_read_anew_is_whole_only_at_the_end_it_saw(world: World) -> None:
    world.append(*(an_account(str(n), n) for n in range(10)), a_school(10), a_lane(11))
    world.loop.start(0)
    for _ in range(11):
        world.loop.step({0: world.log[0][world.loop.position(0) :][:1]})
        assert not world.views.read("abbey").facts.lane_of("abbey").is_whole
    world.loop.step({0: world.log[0][11:]})
    lane = world.views.read("abbey").facts.lane_of("abbey")
    assert lane.is_whole
    assert lane.rebuilt_offset == 11
    assert woken(world)


def test_a_full_sweep_that_was_told_before_the_rebuild_does_not_count_after_it(world: World) -> None:
    """Its lane record comes later, as in the middle of a batch."""
    world.append(an_account("1", 5), a_lane(8), a_school(30))
    world.read()
    world.tell(a_lane(31))
    facts = world.views.read("abbey").facts
    assert facts.lane_of("abbey").rebuilt_offset > facts.states["abbey"].full_offset
    world.tell(a_school(31), a_lane(32))
    facts = world.views.read("abbey").facts
    assert facts.lane_of("abbey").rebuilt_offset <= facts.states["abbey"].full_offset


def test_a_rebuilt_view_asks_for_a_full_sweep_of_its_lanes_schools(tmp_path: Path) -> None:
    world = World(a_config(tmp_path, schools=("abbey", "borough", "court"), partitions=2))
    lane = lane_of("abbey", 2)
    world.tell_school(an_account("1", 5))
    asked = world.requests()
    world.lanes.records.pop(lane)
    world.read()
    again = world.requests()[len(asked) :]
    expected = sorted(school for school in ("abbey", "borough", "court") if lane_of(school, 2) == lane)
    assert [(one.school, one.full) for one in again] == [(school, True) for school in expected]


def test_after_a_lost_view_the_next_snapshot_is_whole_or_held(world: World) -> None:
    world.tell_school(an_account("1", 5), an_account("2", 6))
    world.adopt()
    world.work()
    world.empty_redis()
    world.work(until=30)
    assert world.unitu.posts == 1  # nobody reads the lane: nothing is whole
    world.read()
    world.publish()
    assert world.unitu.posts == 1  # what was sent is lost too, so nobody knows which codes a record must have
    world.tell_school(at=40)  # a full sweep, decided after the rebuild
    world.publish()
    assert world.unitu.posts == 2
    assert world.unitu.enabled == {"s1@abbey.example", "s2@abbey.example"}


def test_after_a_lost_view_a_leaver_waits_for_a_full_sweep(world: World) -> None:
    world.tell_school(an_account("1", 5), an_account("2", 6))
    world.adopt()
    world.work()
    world.empty_redis()
    world.read()
    world.tell_school(a_leaver("2", 20), an_account("3", 21), at=25, full_offset=10)
    world.work(until=60)
    assert world.unitu.posts == 1
    assert [one.code for one in world.deliveries(SnapshotHeld)[-1].reasons] == ["after_rebuild"]
    world.tell_school(at=40)  # a full sweep, decided after the rebuild
    world.work(until=60)
    assert world.unitu.enabled == {"s1@abbey.example", "s3@abbey.example"}


def test_a_stale_record_that_compaction_left_last_disables_nobody(world: World) -> None:
    """The true record of student 2 (at 30) was compacted away; a stale owner's (at 20) was written after it."""
    world.tell_school(an_account("1", 5), an_account("2", 30), at=35)
    world.adopt()
    world.work()
    world.log[0] = [record for record in world.log[0] if record.key != "abbey/2"]
    world.log[0] = [record.at_offset(place) for place, record in enumerate(world.log[0])]
    world.append(a_leaver("2", 20))
    world.empty_redis()
    world.read()
    world.tell_school(at=40)  # even if a full sweep that lacks them were believed
    world.work(until=600)
    assert world.unitu.posts == 1
    [who] = world.deliveries(SnapshotHeld)[-1].who
    assert (who.person, who.reason) == ("2", "evidence_before_last_snapshot")


def test_a_view_that_lost_some_people_is_not_whole_and_is_rebuilt(world: World) -> None:
    world.tell_school(an_account("1", 5), an_account("2", 6))
    world.lanes.hashes[0][people_of("abbey")].pop("2")
    assert not world.views.read("abbey").facts.lane_of("abbey").is_whole
    world.tell(an_account("3", 20))
    assert set(known(world)) == {"abbey/1", "abbey/2", "abbey/3"}
    assert world.lanes.hashes[0][COUNTS] == {"abbey": b"3"}


@pytest.mark.parametrize("name", [people_of("abbey"), COUNTS, SCHOOLS, STRUCTURES, LANE])
def test_a_view_that_lost_a_key_sends_nothing_until_it_was_read_anew(world: World, name: str) -> None:
    """Fails when a lost hash is taken for one that never was: without its structures, the snapshot has none."""
    world.tell_school(an_account("1", 5), an_account("2", 6))
    world.tell(a_structure(at=7))
    before = dict(world.lanes.hashes[0])
    del world.lanes.hashes[0][name]
    assert not world.views.read("abbey").facts.lane_of("abbey").is_whole
    world.tell(an_account("2", 20))
    assert world.views.read("abbey").facts.lane_of("abbey").is_whole
    assert set(world.lanes.hashes[0][name]) == set(before[name])


def test_wakes_that_lost_a_key_are_begun_anew(world: World) -> None:
    """Fails when a writing that is refused because something is lost is tried for ever."""
    world.tell_school(an_account("1", 5))
    world.wake_hashes.hashes[0].clear()
    world.tell(an_account("2", 6))
    assert world.wakes.of([0], "abbey")[0].position > 0


def test_a_tenants_schools_may_be_in_several_lanes(tmp_path: Path) -> None:
    schools = ["abbey", next(name for name in "bcdefgh" if lane_of(name, 2) != lane_of("abbey", 2))]
    world = World(a_config(tmp_path, schools=schools, partitions=2))
    world.tell_school(an_account("1", 5))
    world.work(until=5)
    assert [one.code for one in world.deliveries(SnapshotHeld)[-1].reasons] == ["view_incomplete"]
    world.tell_school(an_account("1", 7, school=schools[1], email="other@x"), school=schools[1])
    world.adopt()
    world.work()
    assert world.unitu.enabled == {"s1@abbey.example", "other@x"}
