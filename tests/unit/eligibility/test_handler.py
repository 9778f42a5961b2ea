"""Eligibility's handler: exactly one record out for each that it takes, and what each carries."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import pytest

from services.eligibility.handler import Eligibility
from shared import clock
from shared.config.settings import Config
from shared.contract.codec import Message, Record, decode, digest, encode, headers
from shared.contract.commands import PauseSchool, ReleaseHold
from shared.contract.events import (
    RollRead,
    StructureFetched,
    StudentAssessed,
    StudentFetched,
    SweepCompleted,
    SweepFailed,
    SweepStarted,
)
from shared.contract.model import Budget, Category, Frozen, Settings, Structure, Student, Verdict
from shared.contract.signatures import HEADER, sign
from shared.contract.topics import OPERATOR_COMMANDS, STUDENTS_ASSESSED, STUDENTS_FETCHED
from tests.harness.builders import SCHOOL, a_leaver, a_student, a_sweep, at
from tests.harness.pipeline import OPERATORS_KEY, a_config

ONE = "3050000001"
KEY = f"{SCHOOL}/{ONE}"
FETCHED = "rollcall.student_fetched.v1"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return a_config(tmp_path, lanes=12)


@pytest.fixture
def eligibility(config: Config) -> Eligibility:
    return Eligibility(config, lambda topic: f"{topic}@id")


def a_record(
    event: Frozen, offset: int = 7, *, topic: str = STUDENTS_FETCHED, key: str | None = None, **told: str | None
) -> Record:
    """``told``: headers, beside or instead of the sound ones; None leaves one out."""
    student = event.student.student_id if isinstance(event, StudentFetched) else ""
    key = key or (f"{SCHOOL}/{student}" if student else SCHOOL)
    raw = dict(headers(type(event), id="e1", school=SCHOOL, subject=key, time=at(), read_at=at(), sweep="s1"))
    appended = None
    if topic == OPERATOR_COMMANDS:
        raw = dict(sign(Message(topic, 3, key, encode(event), list(raw.items())), OPERATORS_KEY).headers)
        appended = clock.millis(at())
    raw |= {name: value.encode() for name, value in told.items() if value is not None}
    for name in [name for name, value in told.items() if value is None]:
        raw.pop(name, None)
    return Record(topic, 3, offset, key, encode(event), raw=raw, appended=appended)


def fetched(student: Student | None = None, school: str = SCHOOL) -> StudentFetched:
    return StudentFetched(school=school, student=student or a_student(ONE))


def broken(value: bytes, **told: str | None) -> Record:
    """A student's record that does not hold a student."""
    record = a_record(fetched(), **told)
    return Record(record.topic, record.lane, record.offset, record.key, value, record.headers)


def out(eligibility: Eligibility, *records: Record) -> list[Message]:
    return eligibility.handle(records)


def told(message: Message) -> dict[str, str]:
    return {name: value.decode() for name, value in message.headers}


def value_of(message: Message) -> Any:
    return decode(told(message)["ce_type"], message.value or b"")


def topics(messages: Sequence[Message]) -> list[str]:
    return [message.topic for message in messages]


# --- one out for each in -------------------------------------------------------------------------------------------

LANE_RECORDS: list[Frozen] = [
    SweepStarted(school=SCHOOL, sweep="s1", started_at=at(), full=True),
    StructureFetched(school=SCHOOL, structure=Structure()),
    RollRead(school=SCHOOL, sweep="s1", chunk=0, chunks=1, ids=(ONE,)),
    SweepFailed(school=SCHOOL, sweep="s1", started_at=at(), failed_at=at(1), reason="page_missing"),
]
COMMANDS: list[Frozen] = [
    PauseSchool(school=SCHOOL, operator="kim"),
    ReleaseHold(school=SCHOOL, plan="move", hash="0" * 16, operator="kim"),
]


@pytest.mark.parametrize(
    ("topic", "event"),
    [(STUDENTS_FETCHED, event) for event in LANE_RECORDS] + [(OPERATOR_COMMANDS, event) for event in COMMANDS],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_whatever_is_no_student_goes_on_as_it_came(eligibility: Eligibility, topic: str, event: Frozen) -> None:
    record = a_record(event, topic=topic, traceparent="00-ab-cd-01")
    (message,) = out(eligibility, record)
    assert (message.topic, message.lane, message.key) == (STUDENTS_ASSESSED, 3, SCHOOL)
    assert message.value == record.value
    passed_on = {name: value for name, value in record.headers.items() if name != HEADER}  # nobody else may repeat it
    assert told(message) == passed_on | {"cause": f"{topic}@id:7"}


@pytest.mark.parametrize("command", COMMANDS, ids=lambda one: type(one).__name__)
def test_a_command_that_nobody_with_the_key_gave_is_set_aside(
    eligibility: Eligibility, command: Frozen, caplog: pytest.LogCaptureFixture
) -> None:
    """Fails when it goes on: three records from any producer paused a school, released a hold and took 20 accounts."""
    records = [a_record(command, n, topic=OPERATOR_COMMANDS, signature=None) for n in range(3)]
    assert topics(out(eligibility, *records)) == [f"{OPERATOR_COMMANDS}-dlq"] * 3
    (line,) = [one.getMessage() for one in caplog.records]
    assert line.startswith("3 commands refused; the last: ")
    assert "is not signed" in line


def test_a_command_on_another_topic_is_nobodys(eligibility: Eligibility) -> None:
    command = a_record(COMMANDS[0], topic=OPERATOR_COMMANDS)
    (letter,) = out(eligibility, msgspec.structs.replace(command, topic=STUDENTS_FETCHED))
    assert letter.topic == f"{STUDENTS_FETCHED}-dlq"
    assert "does not belong on students-fetched" in told(letter)["dlq_error"]


@pytest.mark.parametrize("event", [*LANE_RECORDS, fetched()], ids=lambda one: type(one).__name__)
def test_what_is_no_command_has_no_place_among_them(eligibility: Eligibility, event: Frozen) -> None:
    (letter,) = out(eligibility, a_record(event, topic=OPERATOR_COMMANDS))
    assert letter.topic == f"{OPERATOR_COMMANDS}-dlq"


@pytest.mark.parametrize("said", [None, 1, 10**9])
def test_how_many_a_release_may_have_is_the_configurations_to_say(
    config: Config, eligibility: Eligibility, said: int | None
) -> None:
    """Fails when the sender's own word stands: whoever gives the command would choose who must agree."""
    order = ReleaseHold(school=SCHOOL, plan="move", hash="0" * 16, operator="kim", two_people_above=said)
    (message,) = out(eligibility, a_record(order, topic=OPERATOR_COMMANDS))
    assert value_of(message).two_people_above is None
    strict = config.model_copy(update={"operators": config.operators.model_copy(update={"two_people_above": 50})})
    (message,) = out(Eligibility(strict, lambda topic: topic), a_record(order, topic=OPERATOR_COMMANDS))
    assert value_of(message).two_people_above == 50


def test_a_student_goes_on_judged(eligibility: Eligibility) -> None:
    record = a_record(fetched(), offset=11, traceparent="00-ab-cd-01")
    (message,) = out(eligibility, record)
    assert (message.topic, message.lane, message.key) == (STUDENTS_ASSESSED, 3, KEY)
    assessed = value_of(message)
    assert isinstance(assessed, StudentAssessed)
    assert (assessed.school, assessed.student_id, assessed.account) == (SCHOOL, ONE, Verdict.ELIGIBLE)
    assert assessed.digest == digest(record.value).hex()
    assert assessed.student == a_student(ONE)
    kept = told(message)
    assert kept["cause"] == f"{STUDENTS_FETCHED}@id:11"
    assert (kept["read_at"], kept["ce_time"], kept["sweep"], kept["traceparent"]) == (at(), at(), "s1", "00-ab-cd-01")
    assert (kept["ce_type"], kept["ce_subject"]) == ("rollcall.student_assessed.v1", KEY)


def test_a_sweep_comes_out_one_for_one_in_its_order(eligibility: Eligibility) -> None:
    people = [a_student(str(3050000000 + n)) for n in range(5)] + [a_leaver("3050000009")]
    records = [a_record(event, offset) for offset, event in enumerate(a_sweep("s1", people, chunk=2))]
    messages = out(eligibility, *records)
    assert topics(messages) == [STUDENTS_ASSESSED] * len(records)
    assert [message.key for message in messages] == [record.key for record in records]
    assert [told(message)["cause"] for message in messages] == [
        f"{STUDENTS_FETCHED}@id:{n}" for n in range(len(records))
    ]


def test_the_same_record_twice_comes_out_the_same_but_for_its_place(eligibility: Eligibility) -> None:
    first, again, later = out(
        eligibility, a_record(fetched(), 7), a_record(fetched(), 7), a_record(fetched(), 8, read_at=at(5))
    )
    assert first == again
    assert first.value == later.value, "the value says nothing of the reading"
    assert told(first)["ce_id"] != told(later)["ce_id"]


def test_a_reading_of_one_student_belongs_to_no_sweep(eligibility: Eligibility) -> None:
    (message,) = out(eligibility, a_record(fetched(), sweep=None))
    assert "sweep" not in told(message)


# --- poison ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "record",
    [
        pytest.param(broken(b"{"), id="not JSON"),
        pytest.param(broken(b"\xff\xfe"), id="not UTF-8"),
        pytest.param(broken(b""), id="empty"),
        pytest.param(broken(b'{"school":"abbey"}'), id="no student"),
        pytest.param(broken(b'{"school":"abbey","student":{"student_id":7}}'), id="an id that is a number"),
        pytest.param(broken(encode(fetched()).replace(b'"title"', b'"tittle"')), id="a field that nobody knows"),
        pytest.param(broken(encode(fetched(a_student("3050000002")))), id="another student than its key"),
        pytest.param(broken(encode(fetched(school="priory"))), id="another school than its key"),
        pytest.param(a_record(fetched(a_leaver(ONE, leaving_date="2026-02-30"))), id="a date that is none"),
        pytest.param(a_record(fetched(), read_at=None), id="nobody says when it was read"),
        pytest.param(a_record(fetched(), read_at="yesterday"), id="read at no moment"),
        pytest.param(a_record(fetched(), read_at="2026-11-23T08:00:00"), id="read in no zone"),
    ],
)
def test_a_students_poison_is_set_aside_and_the_student_undecided(eligibility: Eligibility, record: Record) -> None:
    letter, message = out(eligibility, record)
    assert (letter.topic, letter.lane, letter.key, letter.value) == ("students-fetched-dlq", 3, KEY, record.value)
    assert told(letter)["dlq_offset"] == "7"
    assert told(letter)["dlq_error"]
    assert (message.topic, message.lane, message.key) == (STUDENTS_ASSESSED, 3, KEY)
    assessed = value_of(message)
    assert (assessed.school, assessed.student_id, assessed.category) == (SCHOOL, ONE, Category.UNKNOWN)
    assert (assessed.account, assessed.portal, assessed.details) == (Verdict.UNDECIDED, Verdict.UNDECIDED, None)
    assert assessed.digest == digest(record.value).hex(), "so the certificate of its sweep still holds"
    assert told(message)["cause"] == f"{STUDENTS_FETCHED}@id:7"


@pytest.mark.parametrize(
    "record",
    [
        pytest.param(Record(STUDENTS_FETCHED, 3, 7, SCHOOL, b"{}", {}), id="no type"),
        pytest.param(Record(STUDENTS_FETCHED, 3, 7, SCHOOL, b"{}", {"ce_type": "rollcall.made_up.v9"}), id="no such"),
        pytest.param(a_record(fetched(), ce_type="rollcall.sweep_started.v1"), id="another type than its value"),
        pytest.param(
            Record(OPERATOR_COMMANDS, 3, 7, SCHOOL, b"{", {"ce_type": "rollcall.pause_school.v1"}), id="a slip"
        ),
    ],
)
def test_any_other_poison_is_set_aside_alone(eligibility: Eligibility, record: Record) -> None:
    (letter,) = out(eligibility, record)
    assert letter.topic == f"{record.topic}-dlq"
    assert (letter.value, told(letter)["dlq_partition"]) == (record.value, "3")


@pytest.mark.parametrize("lane", [12, 99])
def test_what_stands_in_a_partition_that_no_school_has_is_set_aside(eligibility: Eligibility, lane: int) -> None:
    """Fails when it goes on: the topics that follow have no such partition, and the service waits for it for ever."""
    record = a_record(fetched())
    (letter,) = out(eligibility, msgspec.structs.replace(record, lane=lane))
    assert (letter.topic, letter.value) == ("students-fetched-dlq", record.value)
    assert f"students-fetched/{lane} is no school's, there are 12 partitions under [kafka]" in told(letter)["dlq_error"]
    assert topics(out(eligibility, msgspec.structs.replace(record, lane=11))) == [STUDENTS_ASSESSED]


@pytest.mark.parametrize("field", ["started_at", "completed_at"])
def test_a_close_at_no_moment_is_set_aside(eligibility: Eligibility, field: str) -> None:
    event = msgspec.structs.replace(a_sweep("s1", [a_student(ONE)])[-1], **{field: "2026-11-23 at eight"})
    (letter,) = out(eligibility, a_record(event))
    assert letter.topic == "students-fetched-dlq"
    assert "2026-11-23 at eight" in told(letter)["dlq_error"]


def test_one_poison_stops_nobody_else(eligibility: Eligibility) -> None:
    people = [a_record(fetched(a_student(str(3050000000 + n))), n) for n in range(3)]
    messages = out(eligibility, people[0], broken(b"{"), *people[1:])
    assert topics(messages).count(STUDENTS_ASSESSED) == 4
    assert topics(messages).count("students-fetched-dlq") == 1


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(fetched(school="priory"), id="a student"),
        pytest.param(msgspec.structs.replace(a_sweep("s1", [])[-1], school="priory"), id="a close"),
    ],
)
def test_a_school_that_is_not_configured_is_set_aside_with_the_fix(eligibility: Eligibility, event: Frozen) -> None:
    record = a_record(event, key=f"priory/{ONE}" if isinstance(event, StudentFetched) else "priory")
    (letter,) = out(eligibility, record)
    assert letter.topic == "students-fetched-dlq"
    assert "[schools.priory]" in told(letter)["dlq_error"]


# --- settings --------------------------------------------------------------------------------------------------------


def close_at(moment: str) -> SweepCompleted:
    found = a_sweep("s1", [a_student(ONE)])[-1]
    assert isinstance(found, SweepCompleted)
    return msgspec.structs.replace(found, completed_at=moment)


def stamped(eligibility: Eligibility, moment: str = at(1)) -> Settings:
    (message,) = out(eligibility, a_record(close_at(moment)))
    event = value_of(message)
    assert isinstance(event, SweepCompleted)
    assert event.settings is not None
    assert msgspec.structs.replace(event, settings=None) == close_at(moment), "nothing else is touched"
    return event.settings


def test_a_close_carries_what_later_decisions_depend_on(eligibility: Eligibility, config: Config) -> None:
    settings = stamped(eligibility)
    assert settings == Settings(
        version=config.schools[SCHOOL].settings_version,
        absence_confirm_minutes=60.0,
        budgets={
            "disable_explained": Budget(floor=5, share="3/10", count=200),
            "disable_unexplained": Budget(floor=2, share="1/50"),
            "disable_absent": Budget(floor=5, share="1/20"),
            "cohort": Budget(floor=10, share="3/10"),
            "unenrol": Budget(floor=5, share="1/5"),
            "move": Budget(share="1/5"),
            "create": Budget(floor=20, share="3/10"),
            "enable": Budget(floor=5, share="1/10"),
            "email_change": Budget(floor=5, share="1/20"),
            "update": Budget(floor=20, share="1/2"),
        },
        rollover=False,
    )


def test_a_schools_own_settings_are_stamped(tmp_path: Path) -> None:
    more = (
        "absence_confirm_minutes = 0\n[schools.SLUG.guard]\ncohort = { heads = 3, share = 1.0 }\n"
        "move = { share = 0.309 }\ndisable_explained = { floor = 0, share = 0.05, count = 7 }\n"
    )
    settings = stamped(Eligibility(a_config(tmp_path, more, lanes=12), lambda topic: topic))
    assert settings.absence_confirm_minutes == 0
    assert settings.budgets["cohort"] == Budget(floor=3, share="1/1")
    assert settings.budgets["disable_explained"] == Budget(floor=0, share="1/20", count=7)
    assert Fraction(settings.budgets["move"].share) == Fraction(309, 1000), "no share is rounded on its way"


@pytest.mark.parametrize(
    ("moment", "is_rollover"),
    [
        pytest.param("2026-08-29T22:59:59.999Z", False, id="29 August, 23:59 in London"),
        pytest.param("2026-08-29T23:00:00.000Z", True, id="30 August, 00:00 in London"),
        pytest.param("2026-09-15T22:59:59.999Z", True, id="15 September, 23:59 in London"),
        pytest.param("2026-09-15T23:00:00.000Z", False, id="16 September, 00:00 in London"),
    ],
)
def test_the_rollover_is_by_the_day_where_the_school_is(
    eligibility: Eligibility, moment: str, is_rollover: bool
) -> None:
    assert stamped(eligibility, moment).rollover is is_rollover


@pytest.mark.parametrize(
    ("zone", "read_at", "portal"),
    [
        pytest.param("Europe/London", "2026-08-31T22:59:59.999Z", Verdict.ELIGIBLE, id="31 August, 23:59 in London"),
        pytest.param("Europe/London", "2026-08-31T23:00:00.000Z", Verdict.INELIGIBLE, id="1 September in London"),
        pytest.param("Pacific/Auckland", "2026-08-31T11:59:59.999Z", Verdict.ELIGIBLE, id="31 August in Auckland"),
        pytest.param("Pacific/Auckland", "2026-08-31T12:00:00.000Z", Verdict.INELIGIBLE, id="1 September in Auckland"),
        pytest.param("America/New_York", "2026-09-01T03:59:59.999Z", Verdict.ELIGIBLE, id="31 August in New York"),
        pytest.param("America/New_York", "2026-09-01T04:00:00.000Z", Verdict.INELIGIBLE, id="1 September in New York"),
    ],
)
def test_an_academic_year_begins_where_the_school_is(tmp_path: Path, zone: str, read_at: str, portal: Verdict) -> None:
    """An applicant for the year that ends on 31 August."""
    eligibility = Eligibility(a_config(tmp_path, f'time_zone = "{zone}"', lanes=12), lambda topic: topic)
    applicant = a_student(ONE, system_status=0, admission_status="Accepted", enrolment_year=2025)
    (message,) = out(eligibility, a_record(fetched(applicant), read_at=read_at))
    assert value_of(message).portal is portal


def test_a_schools_own_rules_are_used(tmp_path: Path) -> None:
    more = (
        'first_name = "legal"\nprospective_system_statuses = [5]\nprospective_admission_statuses = ["Waiting"]\n'
        'leaving_year_names = "end"\nyear_from_nc_year = { 10 = 7 }\nacademic_year_starts = "01-01"\n'
    )
    eligibility = Eligibility(a_config(tmp_path, more, lanes=12), lambda topic: topic)

    def judged(**fields: Any) -> StudentAssessed:
        (message,) = out(eligibility, a_record(fetched(a_student(ONE, **fields))))
        found = value_of(message)
        assert isinstance(found, StudentAssessed)
        return found

    shown = judged(preferred_name="Addie").details
    assert shown is not None
    assert (shown.first_name, shown.year) == ("Ada", 7)
    applies = {"system_status": 5, "admission_status": "Waiting", "enrolment_year": 2026}
    assert judged(**applies).category is Category.PROSPECTIVE
    assert judged(**applies | {"system_status": 0}).category is Category.UNKNOWN
    assert judged(system_status=-1, leaving_year=2026).portal is Verdict.ELIGIBLE
    assert judged(system_status=-1, leaving_year=2025).portal is Verdict.INELIGIBLE
