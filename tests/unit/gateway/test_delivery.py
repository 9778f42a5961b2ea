"""What one accepted body is on the topic."""

from datetime import timedelta

import pytest

from shared.contract.codec import content_sum, digest, roll_hash
from shared.contract.events import RollRead, StudentFetched, SweepCompleted, SweepFailed, SweepStarted
from shared.contract.model import Student
from shared.contract.topics import STUDENTS_FETCHED
from shared.lanes.partition import lane_of
from tests.unit.gateway.world import (
    PARTITIONS,
    SLUG,
    World,
    a_body,
    a_pupil,
    email,
    event,
    header,
    kinds,
    only,
    pupils,
    structure,
    students,
)


async def test_a_body_is_one_complete_sweep_in_order() -> None:
    world = World()
    answer = await world.accepted(a_body(pupils(3)))
    messages = world.take()
    assert kinds(messages) == [
        "SweepStarted",
        "StructureFetched",
        *["StudentFetched"] * 3,
        "RollRead",
        "SweepCompleted",
    ]
    completed = only(messages, SweepCompleted)
    started = only(messages, SweepStarted)
    assert (completed.full, started.full) == (True, True)
    assert {completed.sweep, started.sweep, only(messages, RollRead).sweep} == {answer["sweep"]}
    assert completed.started_at == started.started_at == answer["read_at"] <= completed.completed_at


async def test_the_certificate_covers_every_record_of_the_roll() -> None:
    world = World()
    await world.accepted(a_body(pupils(40, a_pupil(41, year="1"), a_pupil(42, moduleCodes=["?"]))))
    messages = world.take()
    sent = {
        header(one, "ce_subject"): digest(one.value or b"").hex()
        for one in messages
        if isinstance(event(one), StudentFetched)
    }
    parts = {subject.removeprefix(f"{SLUG}/"): value for subject, value in sent.items() if subject is not None}
    certificate = only(messages, SweepCompleted).certificate
    assert len(parts) == certificate.roll_count == 42
    assert certificate.content_sum == content_sum(parts)
    assert certificate.roll_hash == roll_hash(list(parts)) == roll_hash(only(messages, RollRead).ids)
    assert set(certificate.areas) == {"students", "sets"}
    assert [(one.declared, one.received) for one in certificate.endpoints] == [(42, 42)]


async def test_every_record_goes_to_the_schools_lane_under_its_own_key() -> None:
    world = World()
    answer = await world.accepted(a_body(pupils(2)))
    for message in world.take():
        is_student = isinstance(event(message), StudentFetched)
        assert (message.topic, message.lane) == (STUDENTS_FETCHED, lane_of(SLUG, PARTITIONS))
        assert message.key == (f"{SLUG}/{next(iter(students([message])))}" if is_student else SLUG)
        assert header(message, "sweep") == answer["sweep"]
        if is_student:
            assert header(message, "read_at") == answer["read_at"]
            assert header(message, "digest") == digest(message.value or b"").hex()


async def test_a_long_roll_goes_in_chunks() -> None:
    world = World(max_body_bytes=10_000_000)
    await world.accepted(a_body(pupils(5_001)))
    chunks = [one for one in map(event, world.take()) if isinstance(one, RollRead)]
    assert [(one.chunk, one.chunks, len(one.ids)) for one in chunks] == [(0, 2, 5_000), (1, 2, 1)]


async def test_whoever_the_next_body_lacks_is_absent_and_nothing_else_is_said_of_them() -> None:
    world = World()
    await world.accepted(a_body(pupils(3)))
    world.take()
    answer = await world.accepted(a_body(pupils(2)))
    messages = world.take()
    assert students(messages)[email(2)] == Student(student_id=email(2), lists=("absent",))
    assert (answer["counts"]["left"], only(messages, SweepCompleted).absences.explained) == (1, (email(2),))
    assert email(2) not in only(messages, RollRead).ids
    assert only(messages, SweepCompleted).certificate.roll_count == 2
    await world.accepted(a_body(pupils(2)))
    assert email(2) not in students(world.take()), "who has left is told once"


async def test_without_a_last_roll_nobody_is_said_to_have_left() -> None:
    world = World()
    await world.accepted(a_body(pupils(3)))
    world.memory.lasts.clear()
    world.take()
    await world.accepted(a_body(pupils(2)))
    messages = world.take()
    assert set(students(messages)) == {email(0), email(1)}
    assert only(messages, SweepCompleted).absences.explained == ()


async def test_where_absence_is_unexplained_nobody_is_said_to_have_left() -> None:
    world = World(absence="unexplained")
    await world.accepted(a_body(pupils(3)))
    world.take()
    answer = await world.accepted(a_body(pupils(2)))
    messages = world.take()
    assert set(students(messages)) == {email(0), email(1)}
    absences = only(messages, SweepCompleted).absences
    assert (answer["counts"]["left"], absences.explained, absences.unexplained) == (0, (), (email(2),))


async def test_another_key_for_new_people_renames_nobody() -> None:
    world = World()
    await world.accepted(a_body(pupils(3)))
    other = World(memory=world.memory, key="id")
    await other.accepted(a_body([a_pupil(0), a_pupil(1, email="new@northern.example"), a_pupil(7)]))
    sent = students(other.take())
    assert set(sent) == {email(0), email(1), email(2), "S000007"}
    assert (sent[email(1)].email, sent[email(1)].feed_id) == ("new@northern.example", "S000001")
    assert (sent["S000007"].feed_id, sent[email(2)].lists) == (None, ("absent",))


async def test_a_student_without_a_key_proves_nothing_about_who_is_gone() -> None:
    world = World()
    await world.accepted(a_body(pupils(25)))
    world.take()
    answer = await world.accepted(a_body(pupils(23, a_pupil(40, id="new", email=""))))
    messages = world.take()
    failed = only(messages, SweepFailed)
    assert (failed.sweep, failed.reason) == (answer["sweep"], "student_without_key")
    assert "SweepCompleted" not in kinds(messages)
    assert "RollRead" not in kinds(messages)
    assert len(students(messages)) == 23, "joiners and updates are delivered, and nobody is said to have left"
    assert (answer["complete"], answer["reason"]) == (False, "student_without_key")
    assert answer["without_key"] == ["/students/23"]


async def test_whoever_was_new_in_an_incomplete_body_can_leave_with_the_next() -> None:
    world = World()
    await world.accepted(a_body(pupils(25)))
    await world.accepted(a_body(pupils(26, a_pupil(40, id="new", email=""))))
    world.take()
    await world.accepted(a_body(pupils(24)))
    assert only(world.take(), SweepCompleted).absences.explained == (email(24), email(25))


async def test_a_body_without_students_is_structure_alone_and_opens_no_sweep() -> None:
    world = World()
    await world.accepted(a_body(pupils(3)))
    world.take()
    answer = await world.accepted(a_body(students=..., modules=[]))
    messages = world.take()
    assert (kinds(messages), header(messages[0], "sweep")) == (["StructureFetched"], None)
    assert (answer["complete"], answer["reason"]) == (False, "students_not_supplied")
    await world.accepted(a_body([a_pupil(0, moduleCodes=[])]))
    assert only(world.take(), SweepCompleted).absences.explained == (email(1), email(2)), "the last roll still stood"


async def test_a_list_that_is_not_supplied_stays_as_the_school_last_said() -> None:
    world = World()
    await world.accepted(a_body())
    before = structure(world.take())
    answer = await world.accepted(a_body(faculties=..., departments=..., programmes=..., modules=[], students=[]))
    after = structure(world.take())
    assert before is not None
    assert after is not None
    assert (after.faculties, after.departments, after.programmes) == (
        before.faculties,
        before.departments,
        before.programmes,
    )
    assert after.modules == ()
    assert answer["not_supplied"] == ["faculties", "departments", "programmes", "staff"]


async def test_students_alone_leave_the_structure_alone() -> None:
    world = World()
    await world.accepted(a_body())
    world.take()
    await world.accepted({"students": pupils(20)})
    assert "StructureFetched" not in kinds(world.take())


@pytest.mark.parametrize("is_held", [True, False])
async def test_a_lost_memory_asks_for_the_structure_that_rollcall_holds(is_held: bool) -> None:
    world = World()
    await world.accepted(a_body())
    before = structure(world.take())
    world.held = before if is_held else None
    world.memory.lasts.clear()
    await world.accepted(a_body(faculties=..., departments=[{"code": "DEP01", "name": "New"}]))
    now = structure(world.take())
    assert now is not None
    assert [one.code for one in now.faculties] == (["FAC01"] if is_held else [])


async def test_sweeps_are_unique_and_in_the_order_of_time_whatever_the_clock_says() -> None:
    world = World()
    before, sweeps = world.now - timedelta(minutes=4), []
    for _ in range(3):
        sweeps.append((await world.accepted(a_body()))["sweep"])
        world.now = before  # as on another machine
    assert sweeps == sorted(set(sweeps))
    reads = [one.started_at for one in map(event, world.take()) if isinstance(one, SweepStarted)]
    assert reads == sorted(set(reads))
