"""Staff at Unitu: told when they are managed, waited for, and never dropped by a word in the configuration."""

from pathlib import Path

import pytest

from services.publisher.decisions import NotWhole
from shared.contract.deliveries import SnapshotAccepted, SnapshotHeld
from tests.unit.publisher.world import (
    LIVE,
    MANAGED,
    QUICK,
    World,
    a_config,
    a_lane,
    a_leaver,
    an_account,
    an_employee,
    an_employee_who_left,
)

STUDENT, TEACHER = "s1@abbey.example", "t214@abbey.example"


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Staff managed, one student and one teacher at Unitu."""
    world = World(a_config(tmp_path, MANAGED + QUICK))
    world.tell_school(an_account("1", 5))
    world.tell_school(an_employee("214", 6), kind="staff", at=12)
    world.adopt()
    world.work()
    assert world.unitu.enabled == {STUDENT, TEACHER}
    return world


def configured(world: World, tmp_path: Path, tenant: str) -> None:
    """New processes, with this in the tenant's table."""
    world.config = a_config(tmp_path, tenant + QUICK)
    world.restart()


def held(world: World) -> list[str]:
    return [one.code for one in world.deliveries(SnapshotHeld)[-1].reasons]


def test_staff_are_told_as_staff_and_counted(world: World) -> None:
    [body] = world.unitu.bodies
    assert [one["email"] for one in body["students"]] == [STUDENT]
    assert [one["email"] for one in body["staff"]] == [TEACHER]
    [accepted] = world.deliveries(SnapshotAccepted)
    assert (accepted.report.counts["students"], accepted.report.counts["staff"]) == (1, 1)
    assert accepted.report.provisioned == (STUDENT, TEACHER)


def test_a_tenant_waits_for_its_staff_and_then_goes(tmp_path: Path) -> None:
    world = World(a_config(tmp_path, MANAGED + QUICK))
    world.tell_school(an_account("1", 5))
    world.tell(an_employee("214", 6))
    world.work(until=30)
    assert held(world) == ["staff_not_certified"]
    with pytest.raises(NotWhole):
        world.desk.show("abbey")
    world.tell_school(kind="staff", at=12)
    world.adopt()
    world.work()
    assert world.unitu.enabled == {STUDENT, TEACHER}


def test_what_is_shown_tells_students_and_staff_apart(world: World) -> None:
    shown = world.desk.show("abbey")
    assert (shown.by_school, shown.staff_count, shown.has_staff) == ({"abbey": 1}, 1, True)


def test_staff_that_cannot_be_read_do_not_stop_the_students(world: World) -> None:
    """Nothing new of the staff is certified; what was last known of them stays."""
    world.tell_school(an_account("2", 20), a_leaver("1", 22), at=25)
    world.work(until=600)
    assert world.unitu.enabled == {"s2@abbey.example", TEACHER}


def test_an_employee_who_left_is_disabled_at_unitu(world: World) -> None:
    world.tell_school(an_employee("215", 20), kind="staff", at=21)
    world.work(until=600)
    world.tell_school(an_employee_who_left("214", 30), kind="staff", at=31)
    world.work(until=600)
    assert world.unitu.enabled == {STUDENT, "t215@abbey.example"}


def test_staff_that_became_managed_wait_for_a_yes(tmp_path: Path) -> None:
    world = World(a_config(tmp_path))
    world.tell_school(an_account("1", 5))
    world.tell_school(an_employee("214", 6), kind="staff", at=12)
    world.adopt()
    world.work()
    assert "staff" not in world.unitu.bodies[-1]
    configured(world, tmp_path, MANAGED)
    world.publish()
    assert held(world) == ["staff_added"]
    world.adopt()
    world.work()
    assert world.unitu.enabled == {STUDENT, TEACHER}


def test_a_word_in_the_configuration_does_not_drop_all_staff(world: World, tmp_path: Path) -> None:
    configured(world, tmp_path, LIVE)
    world.tell(an_account("2", 30), a_lane(31))
    world.work(until=600)
    assert held(world) == ["staff_not_managed"]
    assert world.unitu.posts == 1
    assert world.desk.show("abbey").disabled == (TEACHER,)
    world.adopt(None, "most-would-go")
    world.work()
    assert world.unitu.enabled == {STUDENT, "s2@abbey.example"}


def test_a_teachers_changed_email_waits_and_is_released_for_the_teacher_alone(world: World) -> None:
    world.tell(an_employee("214", 30, email="new@abbey.example"), an_account("214", 31), a_lane(32))
    world.adopt()  # two people have one id: that is told, and needs a yes
    world.work(until=600)
    assert world.unitu.enabled == {STUDENT, TEACHER, "s214@abbey.example"}
    world.desk.release("abbey", world.desk.waiting("abbey"))
    assert world.state.email_releases == {"abbey+staff/214": "new@abbey.example"}
    world.work()
    assert world.unitu.enabled == {STUDENT, "new@abbey.example", "s214@abbey.example"}


def test_a_rebuilt_view_waits_for_a_full_sweep_of_the_staff_too(world: World) -> None:
    world.tell_school(an_account("2", 30), at=31)
    world.work(until=600)
    world.empty_redis()
    world.read()
    world.tell_school(a_leaver("1", 40), at=45)  # a full sweep of the students
    world.work(until=600)
    assert held(world) == ["after_rebuild"]
    assert world.unitu.enabled == {STUDENT, "s2@abbey.example", TEACHER}
    world.tell_school(kind="staff", at=50)
    world.work(until=600)
    assert world.unitu.enabled == {"s2@abbey.example", TEACHER}
