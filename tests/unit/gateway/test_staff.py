"""Pushed staff: a sweep of their own in the same body, where the tenant manages them."""

from pathlib import Path
from typing import Any

import pytest

from services.gateway.app import schools_with_staff
from shared.config.load import load
from shared.contract.codec import Message, content_sum, digest, roll_hash
from shared.contract.events import RollRead, StaffFetched, StudentFetched, SweepCompleted, SweepFailed, SweepStarted
from shared.contract.model import Student
from shared.lanes.partition import lane_of
from tests.unit.gateway.world import (
    PARTITIONS,
    SLUG,
    World,
    a_body,
    a_pupil,
    a_teacher,
    email,
    event,
    header,
    kinds,
    only,
    pupils,
    staff,
    staff_email,
    students,
    teachers,
)

BOOK = f"{SLUG}+staff"


def of_staff(messages: list[Message]) -> list[Message]:
    return [message for message in messages if message.key.partition("/")[0] == BOOK]


@pytest.fixture
def world() -> World:
    return World(has_staff=True)


async def test_a_body_with_staff_is_two_complete_sweeps_the_students_first(world: World) -> None:
    answer = await world.accepted(a_body(pupils(2), staff=teachers(3)))
    messages = world.take()
    assert kinds(messages) == [
        *["SweepStarted", "StructureFetched", "StudentFetched", "StudentFetched", "RollRead", "SweepCompleted"],
        *["SweepStarted", "StaffFetched", "StaffFetched", "StaffFetched", "RollRead", "SweepCompleted"],
    ]
    mine = of_staff(messages)
    assert len(mine) == 6
    for kind in (SweepStarted, RollRead, SweepCompleted):
        found = only(mine, kind)
        assert (found.school, found.kind, found.sweep) == (SLUG, "staff", answer["sweep"])
    assert (only(mine, SweepStarted).full, only(mine, SweepCompleted).full) == (True, True)
    assert {message.lane for message in messages} == {lane_of(SLUG, PARTITIONS)}
    assert set(staff(mine)) == {staff_email(n) for n in range(3)}
    assert len({header(message, "ce_id") for message in messages}) == len(messages)
    assert (answer["complete"], answer["staff_complete"]) == (True, True)
    assert answer["counts"]["staff"] == 3


async def test_the_certificate_of_the_staff_covers_the_staff_alone(world: World) -> None:
    await world.accepted(a_body(pupils(40), staff=teachers(40, a_teacher(41, universityTitle=7))))
    mine = of_staff(world.take())
    sent = {
        message.key.partition("/")[2]: digest(message.value or b"").hex()
        for message in mine
        if isinstance(event(message), StaffFetched)
    }
    certificate = only(mine, SweepCompleted).certificate
    assert len(sent) == certificate.roll_count == 41
    assert certificate.content_sum == content_sum(sent)
    assert certificate.roll_hash == roll_hash(list(sent)) == roll_hash(only(mine, RollRead).ids)
    assert set(certificate.areas) == {"staff", "sets"}
    assert [(one.path, one.received) for one in certificate.endpoints] == [("/v1/sync#/staff", 41)]
    assert [fault.pointer for fault in staff(mine)[staff_email(41)].faults] == ["/universityTitle"]


async def test_staff_that_are_not_in_the_body_are_not_supplied_and_nothing_is_said(world: World) -> None:
    await world.accepted(a_body(staff=teachers(3)))
    world.take()
    answer = await world.accepted(a_body())
    assert of_staff(world.take()) == []
    assert (answer["staff_complete"], answer["not_supplied"]) == (None, ["staff"])
    await world.accepted(a_body(staff=teachers(2)))
    assert only(of_staff(world.take()), SweepCompleted).absences.explained == (staff_email(2),)


async def test_an_empty_list_of_staff_is_an_empty_roll(world: World) -> None:
    await world.accepted(a_body(staff=teachers(3)))
    world.take()
    answer = await world.accepted(a_body(staff=[]))
    mine = of_staff(world.take())
    assert only(mine, SweepCompleted).certificate.roll_count == 0
    assert only(mine, RollRead).ids == ()
    assert (answer["staff_complete"], answer["counts"]["staff_left"]) == (True, 3)


async def test_staff_alone_say_nothing_of_the_students_and_carry_no_structure_into_their_sweep(world: World) -> None:
    await world.accepted(a_body(pupils(3), staff=teachers(3)))
    world.take()
    answer = await world.accepted(a_body(students=..., staff=teachers(2)))
    messages = world.take()
    assert kinds(messages) == ["StructureFetched", "SweepStarted", *["StaffFetched"] * 3, "RollRead", "SweepCompleted"]
    assert header(messages[0], "sweep") is None
    assert (answer["complete"], answer["reason"], answer["staff_complete"]) == (False, "students_not_supplied", True)
    await world.accepted({"students": [a_pupil(0)]})
    assert len(only(world.take(), SweepCompleted).absences.explained) == 2, "the last roll still stood"


async def test_whoever_is_gone_from_the_staff_is_said_to_be_absent_once(world: World) -> None:
    await world.accepted(a_body(pupils(3), staff=teachers(3)))
    world.take()
    answer = await world.accepted(a_body(pupils(3), staff=teachers(2)))
    messages = world.take()
    gone = staff(messages)[staff_email(2)]
    assert gone == Student(student_id=staff_email(2), lists=("absent",))
    mine = of_staff(messages)
    assert staff_email(2) not in only(mine, RollRead).ids
    assert only(mine, SweepCompleted).absences.explained == (staff_email(2),)
    assert (answer["counts"]["left"], answer["counts"]["staff_left"]) == (0, 1)
    await world.accepted(a_body(pupils(3), staff=teachers(2)))
    assert staff_email(2) not in staff(world.take())


async def test_where_absence_is_unexplained_no_staff_are_said_to_have_left() -> None:
    world = World(has_staff=True, absence="unexplained")
    await world.accepted(a_body(staff=teachers(3)))
    world.take()
    await world.accepted(a_body(staff=teachers(2)))
    messages = world.take()
    assert set(staff(messages)) == {staff_email(0), staff_email(1)}
    assert only(of_staff(messages), SweepCompleted).absences.unexplained == (staff_email(2),)


async def test_staff_whom_nobody_can_name_prove_nothing_of_the_staff_and_spoil_no_students(world: World) -> None:
    await world.accepted(a_body(pupils(25), staff=teachers(25)))
    world.take()
    body = a_body(pupils(24), staff=teachers(23, a_teacher(40, id="new", email="")))
    answer = await world.accepted(body)
    messages = world.take()
    failed = only(messages, SweepFailed)
    assert (failed.kind, failed.reason, failed.sweep) == ("staff", "staff_without_key", answer["sweep"])
    assert only(messages, SweepCompleted).kind == "student"
    assert (answer["complete"], answer["reason"], answer["staff_complete"]) == (True, None, False)
    assert answer["without_key"] == ["/staff/23"]
    assert len(staff(messages)) == 23
    assert answer["counts"]["left"] == 1


async def test_a_student_whom_nobody_can_name_spoils_no_staff(world: World) -> None:
    await world.accepted(a_body(pupils(25, a_pupil(40, id="new", email="")), staff=teachers(3)))
    messages = world.take()
    assert only(messages, SweepFailed).kind == "student"
    assert only(messages, SweepCompleted).kind == "staff"


async def test_a_teacher_known_by_the_id_is_undecided_under_the_key_that_they_had(world: World) -> None:
    await world.accepted(a_body(staff=teachers(30)))
    world.take()
    await world.accepted(a_body(staff=teachers(29, a_teacher(29, email="jane"))))
    messages = world.take()
    assert [fault.pointer for fault in staff(messages)[staff_email(29)].faults] == ["/email"]
    assert only(of_staff(messages), SweepCompleted).absences.explained == ()


async def test_one_person_in_both_lists_is_remembered_in_both(world: World) -> None:
    """Gone from the staff, and still a student."""
    both: dict[str, Any] = {"id": "X1", "email": "both@northern.example"}
    await world.accepted(a_body([a_pupil(**both)], staff=[a_teacher(**both), a_teacher(2)]))
    world.take()
    await world.accepted(a_body([a_pupil(**both)], staff=[a_teacher(2)]))
    messages = world.take()
    assert students(messages)["both@northern.example"].lists == ("students",)
    assert staff(messages)["both@northern.example"].lists == ("absent",)


async def test_staff_that_are_not_managed_are_passed_over_and_leave_no_trace() -> None:
    world = World()
    answer = await world.accepted(a_body(pupils(3), staff=teachers(3)))
    messages = world.take()
    assert of_staff(messages) == []
    assert answer["staff_complete"] is None
    assert [note["pointer"] for note in answer["notes"]] == ["/staff"]
    assert "staff_left" not in answer["counts"]
    assert world.memory.lasts[SLUG].staff is None
    faulty = await world.accepted(a_body(pupils(3), staff=teachers(3, 7, a_teacher(31, email=""))))
    assert (faulty["fault_count"], faulty["staff_complete"], faulty["staff_reason"]) == (0, None, None)


@pytest.mark.parametrize("bad", [[7], {}, teachers(2, *[a_teacher(9, email="")] * 4)], ids=["one", "no list", "most"])
async def test_what_is_wrong_with_the_staff_stops_no_student_and_takes_no_staff_away(world: World, bad: Any) -> None:
    await world.accepted(a_body(pupils(3), staff=teachers(8)))
    world.take()
    answer = await world.accepted(a_body(pupils(4), staff=bad))
    messages = world.take()
    assert set(students(messages)) == {email(n) for n in range(4)}
    assert of_staff(messages) == [], "they are as good as not supplied"
    assert (answer["complete"], answer["staff_complete"]) == (True, False)
    assert answer["staff_reason"] == ("no_list" if bad == {} else "too_many_faults")
    assert all(fault["pointer"].startswith("/staff") for fault in answer["faults"])
    assert "staff_left" not in answer["counts"]
    await world.accepted(a_body(pupils(4), staff=teachers(7)))
    assert only(of_staff(world.take()), SweepCompleted).absences.explained == (staff_email(7),)


async def test_a_body_that_ends_among_the_staff_is_not_remembered(world: World) -> None:
    await world.accepted(a_body(pupils(3), staff=teachers(3)))
    before = world.memory.lasts[SLUG]
    world.take()
    world.log.fail_after = 9
    assert (await world.post(a_body(pupils(2), staff=teachers(9)))).status_code == 503
    assert world.memory.lasts[SLUG] == before
    messages = world.take()
    assert only(messages, SweepCompleted).kind == "student"
    assert any(isinstance(one, StudentFetched) for one in map(event, messages))


def test_the_tenant_says_whose_staff_are_taken(tmp_path: Path) -> None:
    text = ""
    for name, more in (("managed", 'staff = "managed"'), ("elsewhere", 'staff = "not-in-unitu"'), ("undecided", "")):
        (tmp_path / name).write_text(f"key-of-{name}")
        (tmp_path / f"unitu-{name}").write_text(f"key-for-{name}")
        text += f'[tenants.{name}]\napi_key = {{ file = "unitu-{name}" }}\n{more}\n'
        text += f'[schools.{name}-uni]\ntenant = "{name}"\nsource = "push"\napi_key = {{ file = "{name}" }}\n'
    (tmp_path / "rollcall.toml").write_text(text)
    assert schools_with_staff(load(tmp_path / "rollcall.toml", {})) == {"managed-uni"}
