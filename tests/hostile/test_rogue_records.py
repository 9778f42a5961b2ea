"""Records that nobody of ours has written: whatever stands on a topic, lanes go on and nobody's account is touched."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from shared.contract.codec import TYPES, Message, Record
from shared.contract.topics import ACCOUNT_STATE, OPERATOR_COMMANDS, STUDENTS_ASSESSED, STUDENTS_FETCHED
from tests.harness.builders import SCHOOL, a_student, a_sweep
from tests.harness.pipeline import LANE, Road, a_config
from tests.unit.publisher.world import World, an_account
from tests.unit.publisher.world import a_config as a_tenant

EXAMPLES = Path(__file__).parents[2] / "schemas" / "examples"
ALL = [a_student(str(3050000000 + n)) for n in range(20)]
STRANGE_KEYS = (
    "",
    "/",
    "oakham",
    "oakham/1",
    "\x00",
    f"{SCHOOL}x/1",
    f"{SCHOOL.upper()}/1",
    "../" + SCHOOL,
    "a" * 5000,
)
BODIES = (
    b"",
    b"{",
    b"\xff\xfe\x00",
    b"null",
    b"[]",
    b"{}",
    b"7",
    b"[" * 5000,
    b'{"school":"' + SCHOOL.encode() + b'"}',
)
UNKNOWN = (None, b"", b"\xff", b"rollcall.made_up.v9", b"rollcall.student_fetched.v99", b"__class__", b"x" * 5000)
OF_THE_LANE = {  # what these topics carry: with the right key it is what its sender says, and is told elsewhere
    STUDENTS_FETCHED: ("sync_", "student_fetched", "staff_fetched", "structure_fetched", "roll_read", "sweep_"),
    STUDENTS_ASSESSED: ("student_assessed", "staff_assessed", "structure_fetched", "roll_read", "sweep_", *(
        "release_hold", "refuse_hold", "pause_school", "resume_school", "accept_roll", "forget_student"
    )),
    OPERATOR_COMMANDS: (),
    ACCOUNT_STATE: ("account_state", "school_state", "structure_state", "lane_state"),
}  # fmt: skip


def examples() -> Iterator[tuple[str, bytes]]:
    """Every event that there is, by its type, as it is in the published examples."""
    for name in sorted(TYPES):
        short = name.split(".")[1]
        for file in sorted((EXAMPLES / short / "1").glob("*.json")):
            yield name, file.read_bytes()


def rogues(topic: str) -> list[tuple[str, bytes | None, bytes]]:
    """Key, type and value. None of them is what the topic carries under a key of ours."""
    found = [(key, kind, body) for key, kind, body in product((SCHOOL, f"{SCHOOL}/1"), UNKNOWN, BODIES)]
    for name, body in examples():
        is_of_the_lane = name.split(".")[1].startswith(OF_THE_LANE[topic]) if OF_THE_LANE[topic] else False
        keys = STRANGE_KEYS if is_of_the_lane else (*STRANGE_KEYS, SCHOOL, f"{SCHOOL}/{ALL[0].student_id}")
        found += [(key, name.encode(), body) for key in keys]
        found += [(f"{SCHOOL}/1", name.encode(), body[: len(body) // 2])]
    return found


def told(kind: bytes | None) -> dict[str, bytes | None]:
    return {"read_at": b"soon", "sweep": b"\xff", "digest": b"x"} | ({} if kind is None else {"ce_type": kind})


@pytest.fixture
def road(tmp_path: Path) -> Road:
    road = Road(a_config(tmp_path))
    road.fetch(a_sweep("s1", ALL, full=True))
    road.run()
    return road


def goes_on(road: Road) -> None:
    """Nobody was touched, and the school's next sweep is certified."""
    assert road.enabled() == {one.student_id for one in ALL}
    assert "AccountDisabled" not in road.kinds()
    joiner = a_student("3050000099")
    road.fetch(a_sweep("s9", [*ALL, joiner], full=True, minutes=30), minutes=30)
    road.run()
    assert road.enabled() == {one.student_id for one in (*ALL, joiner)}


@pytest.mark.parametrize("topic", [STUDENTS_FETCHED, OPERATOR_COMMANDS])
def test_what_a_stranger_puts_before_eligibility_is_set_aside(road: Road, topic: str) -> None:
    found = rogues(topic)
    for number, (key, kind, body) in enumerate(found):
        road.judge([Record(topic, LANE, 10_000 + number, key, body, raw=told(kind))])
    road.run()
    road.fetched = 10_000 + len(found)  # what comes stands behind them
    goes_on(road)


def test_what_a_stranger_puts_before_the_reconciler_is_set_aside(road: Road) -> None:
    for key, kind, body in rogues(STUDENTS_ASSESSED):
        headers = [(name, value) for name, value in told(kind).items() if value is not None]
        road.append(Message(STUDENTS_ASSESSED, LANE, key, body, headers))
    road.run(batch=100)
    goes_on(road)


def test_what_a_stranger_puts_before_the_publisher_is_set_aside(tmp_path: Path) -> None:
    world = World(a_tenant(tmp_path))
    world.tell_school(an_account("1", 5), an_account("2", 6))
    world.adopt()
    world.work()
    for key, kind, body in rogues(ACCOUNT_STATE):
        log = world.log.setdefault(0, [])
        log.append(Record(ACCOUNT_STATE, 0, len(log), key, body, raw=told(kind)))
    world.read(batch=100)
    world.tell_school(an_account("1", 50), an_account("2", 51), an_account("3", 52), at=60, enabled=3)
    world.work(until=2000)
    assert world.unitu.enabled == {f"s{n}@abbey.example" for n in (1, 2, 3)}
