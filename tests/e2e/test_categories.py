"""
Current, prospective and left students from their records to Unitu, through the real services.

The sweeps are put where the fetcher puts them, so that a record may say whatever some school's would.
"""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.operations.explain import lookup
from shared.contract.codec import Message
from shared.contract.events import RollRead, StudentFetched, SweepCompleted, SweepStarted
from shared.contract.model import Department, Module, Programme, Structure, Student
from shared.kafka.client import KafkaLog
from shared.lanes.partition import lane_of
from shared.sweeps.messages import Envelope, of_person, of_structure
from tests.conftest import ConfigFile, create_topics
from tests.e2e.harness import Town, a_town
from tests.harness import builders
from tests.harness.builders import a_leaver, a_student, a_sweep, at
from tests.unit.cli.words import rollcall

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.e2e]

LEAVES, BLANKED, READMITTED, BACK_TO_ADMISSIONS, STAYS = (str(3050000001 + n) for n in range(5))
TODAY = datetime.now(UTC).date()
LEFT_ON = (TODAY - timedelta(days=8)).isoformat()
APPLIES, LONG_GONE = "3050000011", "3050000012"
EVERYBODY = (LEAVES, BLANKED, READMITTED, BACK_TO_ADMISSIONS, STAYS)
STRUCTURE = Structure(
    departments=(Department(code="DEP", name="Department"),),
    programmes=(Programme(code="Y10", name="Year 10", department_code="DEP"),),
    modules=tuple(Module(code=code, name=code, programme_code="Y10") for code in ("Y10-ENG", "Y10-HIS")),
)


def an_applicant(student_id: str, **fields: Any) -> Student:
    sound = {"system_status": 0, "system_status_word": "Applicant", "lists": ("applicants",)}
    applies = {"admission_status": "Accepted", "enrolment_year": TODAY.year + 1, "email": None}
    return a_student(student_id, **(sound | applies | fields))


@pytest.fixture
def town(config_file: ConfigFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    """Everything but a fetcher. The sweeps are of now, since nothing old is sent to Unitu."""
    monkeypatch.setattr(lookup, "KAFKA_SECONDS", 60.0)
    monkeypatch.setattr(builders, "START", datetime.now(UTC))
    with a_town(config_file, tmp_path) as town:
        create_topics(town.config, keep_own_times=True)
        town.start("eligibility", "reconciler", "publisher", process="services")
        yield town


def sweep(town: Town, name: str, roll: Iterable[Student], also: Iterable[Student] = ()) -> None:
    """A full sweep of a roll and of records that are never roll, published as a fetcher publishes it, and decided."""
    roll = list(roll)
    minutes = (datetime.now(UTC) - builders.START).total_seconds() / 60
    envelope = Envelope(school=town.slug, lane=lane_of(town.slug, town.config.kafka.partitions), sweep=name)
    out: list[Message] = []
    for event in a_sweep(name, roll, sends=[*roll, *also], minutes=minutes, full=True, school=town.slug):
        match event:
            case SweepStarted():
                out.append(envelope.event(event, "sweep_started", event.started_at))
                out.append(envelope.structure(of_structure(town.slug, STRUCTURE), at()))
            case StudentFetched():
                out.append(envelope.student(of_person(town.slug, "student", event.student), at(minutes)))
            case RollRead():
                out.append(envelope.event(event, "roll_read", at(minutes), f"/{event.chunk}"))
            case SweepCompleted():
                out.append(envelope.event(event, "sweep_completed", event.completed_at))
    log = KafkaLog(town.config)
    log.publish(out)
    log.close()
    town.until(lambda: name in {one.sweep for one in town.sweeps("certified")}, f"{name} decided")


def email(student_id: str) -> str:
    return f"s{student_id}@abbey.example"


def explained(town: Town, student_id: str) -> dict[str, Any]:
    said = rollcall(town.config_path, "explain", town.slug, student_id, "--json")
    assert said.code == 0, said.err
    told: dict[str, Any] = json.loads(said.out)
    return told


def verdicts(told: dict[str, Any]) -> tuple[str, str, str]:
    return told["category"], told["portal"]["verdict"], told["account"]["verdict"]


def test_each_category_comes_to_what_its_record_says(town: Town) -> None:
    """
    Fails when a blanked e-mail keeps a leaver or removes a pupil, when an applicant gets an account or loses one by
    being one, when a re-admitted pupil who stands in two lists goes, or when an old leaving date makes a leaver.
    """
    others = [an_applicant(APPLIES), a_leaver(LONG_GONE, lists=("leavers",), leaving_date="2019-07-10")]
    sweep(town, "s1", [*map(a_student, EVERYBODY), others[0]], also=others[1:])
    town.adopt()
    town.until(lambda: town.unitu.enabled() == set(map(email, EVERYBODY)), "the current students at Unitu")

    roll = [
        a_student(BLANKED, email=None),
        a_student(READMITTED, lists=("leavers", "students")),
        an_applicant(BACK_TO_ADMISSIONS),
        a_student(STAYS),
        an_applicant(APPLIES, email=email(APPLIES)),
    ]
    gone = a_leaver(LEAVES, email=None, lists=("leavers",), leaving_date=LEFT_ON)
    sweep(town, "s2", roll, also=[gone, others[1]])
    stay = set(map(email, EVERYBODY)) - {email(LEAVES)}
    town.until(lambda: town.unitu.enabled() == stay, "the leaver's account switched off")
    assert town.ever_disabled() == {email(LEAVES)}
    # what is known is written after it was told: Unitu may have it first
    town.until(lambda: explained(town, LEAVES)["state"]["status"] == "disabled", "the leaver's state")
    told = {student: explained(town, student) for student in (*EVERYBODY, APPLIES, LONG_GONE)}
    assert {student: verdicts(one) for student, one in told.items()} == {
        LEAVES: ("left", "eligible", "ineligible"),
        BLANKED: ("current", "ineligible", "undecided"),
        READMITTED: ("unknown", "undecided", "undecided"),
        BACK_TO_ADMISSIONS: ("prospective", "eligible", "ineligible"),
        STAYS: ("current", "eligible", "eligible"),
        APPLIES: ("prospective", "eligible", "ineligible"),
        LONG_GONE: ("left", "ineligible", "ineligible"),
    }
    assert {student: one["state"]["status"] for student, one in told.items()} == {
        **dict.fromkeys(EVERYBODY, "enabled"),
        LEAVES: "disabled",
        APPLIES: "none",
        LONG_GONE: "none",
    }
    assert told[LEAVES]["last_changes"][0]["kind"] == "account_disabled"

    back = a_student(LEAVES, leaving_date=LEFT_ON)
    enrolled = a_student(APPLIES)
    sweep(town, "s3", [back, enrolled, *roll[:4]], also=others[1:])
    town.until(lambda: town.unitu.enabled() == set(map(email, (*EVERYBODY, APPLIES))), "both at Unitu")
    assert town.ever_disabled() == {email(LEAVES)}, "nobody else, at any time"
    last = town.until(lambda: in_snapshot(town, APPLIES), "the enrolled applicant in an accepted snapshot")
    assert (last["email"], last["mode"], last["held"]) == (email(APPLIES), "live", [])
    before = [one for one in town.unitu.snapshots() if email(LEAVES) not in json.dumps(one["body"])]
    assert before, "the leaver was out of at least one snapshot"
    assert all(email(APPLIES) not in json.dumps(one["body"]) for one in before), "and the applicant in none of those"


def in_snapshot(town: Town, student_id: str) -> dict[str, Any] | None:
    last: dict[str, Any] = explained(town, student_id)["last_snapshot"]
    return last if last["is_in_it"] else None
