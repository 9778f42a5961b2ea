"""Which of a sender's times are believed beside Kafka's own, on both sides of the limit."""

from pathlib import Path

import msgspec
import pytest

from services.eligibility import append_time
from services.eligibility.append_time import MOST_MINUTES
from services.eligibility.handler import Eligibility
from shared import clock
from shared.contract.codec import Record
from shared.contract.commands import RefuseHold
from shared.contract.events import StructureFetched, SweepCompleted, SweepFailed, SweepStarted
from shared.contract.model import Category, Frozen, Structure, Verdict
from shared.contract.topics import OPERATOR_COMMANDS
from tests.harness.builders import SCHOOL, a_failed_sweep, a_member, a_reading, a_student, a_sweep, at
from tests.harness.pipeline import a_config
from tests.unit.eligibility.test_handler import ONE, a_record, fetched, out, told, value_of

SECOND = 1 / 60


@pytest.fixture
def eligibility(tmp_path: Path) -> Eligibility:
    return Eligibility(a_config(tmp_path, lanes=12), lambda topic: f"{topic}@id")


def taken(record: Record, minutes: float | None) -> Record:
    """The record as Kafka took it at that minute; None: nobody knows."""
    return msgspec.structs.replace(record, appended=None if minutes is None else clock.millis(at(minutes)))


@pytest.mark.parametrize(
    ("said", "appended", "believed"),
    [
        pytest.param(0, 0, 0, id="both clocks agree"),
        pytest.param(MOST_MINUTES, 0, MOST_MINUTES, id="the last minute that is believed"),
        pytest.param(MOST_MINUTES + SECOND, 0, 0, id="a second more"),
        pytest.param(61, 0, 0, id="an hour ahead"),
        pytest.param(8 * 24 * 60, 0, 0, id="eight days ahead"),
        pytest.param(-61, 0, -61, id="a reading may be old: whoever compares passes it over"),
        pytest.param(8 * 24 * 60, None, 8 * 24 * 60, id="the broker's time is not known"),
    ],
)
def test_nobody_reads_what_will_be(
    eligibility: Eligibility, said: float, appended: float | None, believed: float
) -> None:
    (message,) = out(eligibility, taken(a_record(fetched(), read_at=at(said)), appended))
    assert (told(message)["read_at"], told(message)["ce_time"]) == (at(believed), at(believed))
    assert told(message).get("said_at") == (None if said == believed else at(said))


def test_a_repeat_of_a_time_that_was_not_believed_is_the_same_bytes(eligibility: Eligibility) -> None:
    record = taken(a_record(fetched(), read_at=at(500)), 3)
    first, again = out(eligibility, record, record)
    assert first == again


def test_the_day_of_a_reading_is_the_day_on_which_it_was_taken(eligibility: Eligibility) -> None:
    """A last day two days ahead, read by a clock that is a week ahead."""
    member = a_member("214", leaving_date=at(2 * 24 * 60)[:10])
    event = a_reading(member, SCHOOL, "staff")
    record = a_record(event, key=f"{SCHOOL}+staff/214", read_at=at(7 * 24 * 60))
    (ahead,) = out(eligibility, record)
    assert value_of(ahead).category is Category.LEFT
    (believed,) = out(eligibility, taken(record, 0))
    assert (value_of(believed).category, value_of(believed).account) == (Category.CURRENT, Verdict.ELIGIBLE)


@pytest.mark.parametrize("minutes", [30 * 24 * 60, -30 * 24 * 60, 400 * 24 * 60])
def test_a_clock_that_is_far_off_is_told_to_the_minute(minutes: int) -> None:
    assert append_time.minutes_off(at(minutes), clock.millis(at(0))) == minutes


# --- the events of a sweep -----------------------------------------------------------------------------------------


def closed(eligibility: Eligibility, event: Frozen, appended: float | None) -> SweepCompleted | SweepFailed:
    (message,) = out(eligibility, taken(a_record(event), appended))
    found = value_of(message)
    assert isinstance(found, SweepCompleted | SweepFailed)
    return found


@pytest.mark.parametrize(
    ("off", "clock_minutes"),
    [
        pytest.param(MOST_MINUTES, 0, id="the last minute that is believed"),
        pytest.param(MOST_MINUTES + 1, MOST_MINUTES + 1, id="a minute more"),
        pytest.param(-MOST_MINUTES, 0, id="the last minute that is believed, behind"),
        pytest.param(-MOST_MINUTES - 1, -MOST_MINUTES - 1, id="a minute more, behind"),
        pytest.param(8 * 24 * 60, 8 * 24 * 60, id="eight days ahead"),
        pytest.param(-8 * 24 * 60, -8 * 24 * 60, id="eight days behind"),
    ],
)
def test_a_sweep_ends_when_kafka_heard_of_it(
    eligibility: Eligibility, caplog: pytest.LogCaptureFixture, off: float, clock_minutes: int
) -> None:
    completed = a_sweep("s1", [a_student(ONE)], minutes=off - 1)[-1]
    failed = a_failed_sweep("s1", [], minutes=off - 1)[-1]
    for event, name in ((completed, "completed_at"), (failed, "failed_at")):
        caplog.clear()
        found = closed(eligibility, event, 0)
        assert getattr(found, name) == (at(0) if clock_minutes else at(off))
        assert found.clock_minutes == clock_minutes
        assert clock.minutes_between(found.started_at, getattr(found, name)) == 1, "it lasted as long as it says"
        lines = [one.message for one in caplog.records]
        assert len(lines) == bool(clock_minutes)
        assert all(str(abs(clock_minutes)) in line and SCHOOL in line for line in lines)


@pytest.mark.parametrize("off", [-61, -8 * 24 * 60, 61, 8 * 24 * 60])
def test_a_sweep_begins_when_kafka_heard_of_it(eligibility: Eligibility, off: float) -> None:
    (message,) = out(eligibility, taken(a_record(a_sweep("s1", [], minutes=off)[0]), 0))
    opened = value_of(message)
    assert isinstance(opened, SweepStarted)
    assert opened.started_at == at(0)


def test_a_sweep_that_really_lasts_hours_began_when_it_says(eligibility: Eligibility) -> None:
    event = msgspec.structs.replace(a_sweep("s1", [a_student(ONE)])[-1], started_at=at(-300))
    found = closed(eligibility, event, 1)
    assert (found.started_at, found.clock_minutes) == (at(-300), 0)


def test_nobody_else_says_how_far_a_clock_is_off(eligibility: Eligibility) -> None:
    event = msgspec.structs.replace(a_sweep("s1", [a_student(ONE)])[-1], clock_minutes=99)
    assert closed(eligibility, event, 1).clock_minutes == 0
    assert closed(eligibility, event, None).clock_minutes == 0


def test_an_event_whose_times_are_believed_is_the_very_event() -> None:
    """Its bytes can go on as they came."""
    appended = clock.millis(at(1))
    for event in (a_sweep("s1", [])[0], a_sweep("s1", [])[-1], a_failed_sweep("s1", [])[-1]):
        assert append_time.timed(event, appended) is event
        assert append_time.timed(event, clock.millis(at(100))) is not event


def test_times_that_are_believed_change_no_byte(eligibility: Eligibility) -> None:
    for event in (a_sweep("s1", [])[0], a_failed_sweep("s1", [])[-1]):
        record = taken(a_record(event), 1)
        (message,) = out(eligibility, record)
        assert message.value == record.value


def test_what_is_passed_on_bears_no_time_to_come(eligibility: Eligibility) -> None:
    structure = StructureFetched(school=SCHOOL, structure=Structure())
    order = RefuseHold(school=SCHOOL, plan="move", hash="0" * 16, operator="kim")
    for record in (a_record(structure), a_record(order, topic=OPERATOR_COMMANDS)):
        (message,) = out(eligibility, taken(record, -10))
        assert (told(message)["ce_time"], told(message)["read_at"]) == (at(-10), at(-10))


@pytest.mark.parametrize("appended", [None, 0])
@pytest.mark.parametrize("name", ["started_at", "failed_at"])
def test_a_failure_at_no_moment_is_set_aside(eligibility: Eligibility, name: str, appended: float | None) -> None:
    event = msgspec.structs.replace(a_failed_sweep("s1", [])[-1], **{name: "at eight"})
    (letter,) = out(eligibility, taken(a_record(event), appended))
    assert "at eight" in told(letter)["dlq_error"]


@pytest.mark.parametrize("moment", ["1970-01-01T00:00:00.000Z", "2026-11-23T08:00:00.123Z"])
def test_milliseconds_are_the_same_time(moment: str) -> None:
    assert clock.of_millis(clock.millis(moment)) == moment
    assert append_time.minutes_off(moment, clock.millis(moment)) == 0
