"""What the road must survive from its first day: whole processes, a real Kafka, a real Redis."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import redis

from services.sandbox.schools.school import make_joiner
from services.sandbox.servers.brokers import Addresses
from shared import clock
from shared.contract.codec import Message
from shared.contract.events import AccountDisabled, SweepCompleted
from shared.contract.topics import ACCOUNT_CHANGES, STUDENTS_ASSESSED, STUDENTS_FETCHED
from shared.errors import Retryable
from shared.kafka.client import KafkaLog
from shared.lanes.partition import lane_of
from tests.conftest import ConfigFile
from tests.e2e.harness import OTHERS, Town, a_town, is_after

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.e2e]


@pytest.fixture
def town(config_file: ConfigFile, tmp_path: Path) -> Iterator[Town]:
    with a_town(config_file, tmp_path) as town:
        yield town


def pupils(town: Town) -> list[str]:
    return [one["schoolId"] for one in town.isams.dump()["students"]]


def is_judged(town: Town) -> bool:
    try:
        return any(isinstance(event, SweepCompleted) for event in town.events(STUDENTS_ASSESSED))
    except Retryable:  # no topic yet
        return False


def test_what_cannot_be_read_is_set_aside_and_the_lane_goes_on(town: Town) -> None:
    """Fails when a poison record stops its lane, or is dropped without a letter."""
    town.open()
    lane = lane_of(town.slug, town.config.kafka.partitions)
    known = b"rollcall.student_fetched.v1"
    poison = [
        Message(STUDENTS_FETCHED, lane, f"{town.slug}/1", b"{not json", [("ce_type", known), ("read_at", b"?")]),
        Message(STUDENTS_FETCHED, lane, f"{town.slug}/2", b'{"school":"abbey"}', [("ce_type", known)]),
        Message(
            STUDENTS_FETCHED, lane, town.slug, b"{}", [("ce_type", b"rollcall.nobody_knows.v1"), ("told", b"\xff")]
        ),
        Message("students-assessed", lane, f"{town.slug}/3", b"[]", [("ce_type", b"rollcall.student_assessed.v1")]),
    ]
    log = KafkaLog(town.config)
    log.publish(poison)
    log.close()
    town.isams.change(pupils(town)[0], surname="Afterwards")
    town.until_unitu_agrees()
    letters = [*town.records("students-fetched-dlq"), *town.records("students-assessed-dlq")]
    told = {(one.header("dlq_topic"), one.header("dlq_offset")): one.value for one in letters}
    assert sorted(told.values()) == sorted(one.value for one in poison)
    for letter in letters:
        assert letter.header("dlq_error")
        assert letter.header("dlq_offset")
        assert letter.header("dlq_topic") in ("students-fetched", "students-assessed")
    assert town.ever_disabled() == set()


def test_a_page_that_comes_back_short_disables_nobody(town: Town) -> None:
    """Fails when a sweep is certified without its page totals (``certificate.py``), or a failed one removes."""
    town.open()
    first, *_, last = pupils(town)
    town.isams.fault({"kind": "short_page", "path": "/api/students", "page": 2, "missing": 5})
    joiner = msgspec.to_builtins(make_joiner(town.slug, 1))
    town.isams.add(joiner)
    town.isams.change(first, surname="Corrected")
    town.until(lambda: town.unitu.account(joiner["schoolEmailAddress"]), "the joiner at Unitu")
    for number in ("another", "a third"):
        now = clock.now()
        assert town.rollcall("sync", town.slug).returncode == 0  # a school that fails rests longer each time
        town.until(lambda: any(is_after(one.sweep, now) for one in town.sweeps("failed")), f"{number} failure")  # noqa: B023
    town.until_unitu_agrees()
    assert town.ever_disabled() == set()
    assert not [event for event in town.events(ACCOUNT_CHANGES) if isinstance(event, AccountDisabled)]
    assert last in pupils(town)


@pytest.mark.parametrize("point", ["published-0", "published-1"])
def test_a_reconciler_killed_between_publishing_and_writing_says_the_same_again(town: Town, point: str) -> None:
    """Fails when the position moves before the state is written, or when an id depends on anything but its cause."""
    town.start(*OTHERS, process="others")
    town.until(lambda: is_judged(town), "a whole sweep, for the reconciler's first step to be about")
    town.programs.at("reconciler", point, "kill")
    town.start("reconciler")
    town.programs.until_at("reconciler", point)
    town.start("reconciler")
    town.adopt()
    town.until_unitu_agrees()
    leaver = pupils(town)[3]
    town.isams.leave(leaver)
    town.isams.change(pupils(town)[0], surname="Afterwards")
    town.until_unitu_agrees()
    by_id: dict[str, bytes] = {}
    for record in town.records(ACCOUNT_CHANGES):
        assert by_id.setdefault(record.header("ce_id") or "", record.value) == record.value, "one id, two contents"
    assert len(by_id) < len(town.records(ACCOUNT_CHANGES)), "it died after publishing, so something came twice"
    assert len(town.ever_disabled()) == 1


def test_an_emptied_redis_is_rebuilt_and_the_next_snapshot_is_whole(town: Town, brokers: Addresses) -> None:
    """Fails when a lost state is taken for an empty school: everybody would be provisioned or disabled anew."""
    town.open()
    town.isams.leave(pupils(town)[3])
    town.until_unitu_agrees()
    before = len(town.unitu.snapshots(bodies=False))
    with redis.Redis.from_url(brokers.redis) as client:
        for key in client.scan_iter(match=f"{town.config.redis.key_prefix}*", count=1000):
            client.delete(key)
    town.isams.change(pupils(town)[0], surname="Afterwards")
    town.until_unitu_agrees()
    for snapshot in town.unitu.snapshots()[before:]:
        assert len(snapshot["body"]["students"]) == 44
    provisioned = [
        one.header("ce_id") for one in town.records(ACCOUNT_CHANGES) if "provisioned" in (one.header("ce_type") or "")
    ]
    assert len(set(provisioned)) == 45
    assert len(town.ever_disabled()) == 1
