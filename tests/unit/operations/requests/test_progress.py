"""Which sweep is the one that was asked for, and what came of it."""

from typing import Any

import pytest

from services.operations.requests.progress import AccountChange, RequestProgress, Step, counts
from shared.contract.codec import Record, encode, headers
from shared.contract.events import (
    AccountProvisioned,
    AccountUpdated,
    Certificate,
    StudentAssessed,
    SweepCompleted,
    SweepFailed,
    SweepReconciled,
    SweepStarted,
    SyncAnswered,
)
from shared.contract.model import Category, Details, Frozen, Verdict
from shared.contract.topics import ACCOUNT_CHANGES, STUDENTS_ASSESSED, STUDENTS_FETCHED, SYNC_REQUESTS
from tests.harness.builders import at

ADA, DETAILS = "3050000001", Details(first_name="Ada", last_name="Fern", email="ada@abbey.example")


class World:
    def __init__(self, student: str | None = None) -> None:
        self.progress = RequestProgress("abbey", student, "r1", at(10))

    def tell(self, topic: str, event: Frozen, offset: int = 0, key: str = "abbey", **more: str) -> Step:
        named = headers(type(event), id="1", school="abbey", subject=key, time=at(), **more)
        record = Record(f"t1-{topic}", 0, offset, key, encode(event), raw=dict(named))
        self.progress.take(record)
        return self.progress.step

    def starts(self, sweep: str, minutes: float) -> Step:
        return self.tell(STUDENTS_FETCHED, SweepStarted(school="abbey", sweep=sweep, started_at=at(minutes)))

    def closes(self, sweep: str, outcome: Any, version: int = 70) -> Step:
        close = SweepReconciled(school="abbey", sweep=sweep, version=version, outcome=outcome, roll_count=45)
        return self.tell(ACCOUNT_CHANGES, close)

    def completes(self, sweep: str) -> Step:
        proof = Certificate(roll_hash="0" * 32, roll_count=45, content_sum="0" * 32)
        event = SweepCompleted(school="abbey", sweep=sweep, started_at=at(), completed_at=at(), certificate=proof)
        return self.tell(STUDENTS_FETCHED, event)


def updated(version: int, student: str = ADA) -> AccountUpdated:
    return AccountUpdated(school="abbey", student_id=student, version=version, fields=("year",), details=DETAILS)


def test_a_sweep_passes_every_step() -> None:
    world = World()
    assert world.progress.step is Step.ASKED
    assert world.tell(SYNC_REQUESTS, SyncAnswered(school="abbey", request="r0", outcome="due")) is Step.ASKED
    assert world.tell(SYNC_REQUESTS, SyncAnswered(school="abbey", request="r1", outcome="due")) is Step.TAKEN
    assert world.starts("s1", 11) is Step.READING
    assert world.completes("s1") is Step.READ
    world.tell(ACCOUNT_CHANGES, updated(60), key=f"abbey/{ADA}", sweep="s1")
    world.tell(ACCOUNT_CHANGES, updated(60), key=f"abbey/{ADA}", sweep="s1")
    world.tell(ACCOUNT_CHANGES, updated(61), key=f"abbey/{ADA}", sweep="s0")
    assert world.closes("s1", "certified") is Step.DECIDED
    assert world.progress.changes() == [AccountChange(ADA, "account_updated", 60, "year")]
    assert world.progress.version(5) == 70
    assert counts(world.progress.changes()) == {"account_updated": 1}


def test_a_sweep_that_began_before_the_request_is_not_the_one() -> None:
    """Fails when it is: it may have read the page before what was changed."""
    world = World()
    assert world.starts("s0", 9) is Step.ASKED
    assert world.closes("s0", "certified") is Step.ASKED
    assert world.starts("s1", 10) is Step.READING


def test_the_second_one_counts_whatever_the_clocks_say() -> None:
    """Fails when a fetcher's clock that is behind makes a person wait for ever."""
    world = World()
    world.starts("s0", 1)
    assert world.starts("s1", 2) is Step.READING
    assert world.closes("s1", "certified") is Step.DECIDED


def test_a_close_that_is_told_before_its_start_was_seen_is_found() -> None:
    """Topics are read one after the other: a later one may be further."""
    world = World()
    world.closes("s1", "certified")
    assert world.starts("s1", 11) is Step.DECIDED


def test_a_sweep_that_begins_before_the_end_of_ours_is_read_is_not_the_one() -> None:
    """Fails when the last that began is: its topic is read first, and it brings nothing of what was asked for."""
    world = World()
    world.starts("s1", 11)
    world.completes("s1")
    world.starts("s2", 12)
    world.tell(ACCOUNT_CHANGES, updated(60), key=f"abbey/{ADA}", sweep="s1")
    assert world.closes("s1", "certified") is Step.DECIDED
    assert [change.version for change in world.progress.changes()] == [60]


def test_what_is_read_after_the_decision_changes_nothing() -> None:
    """Fails when the next sweep takes its place while the snapshot is waited for: nothing would have changed."""
    world = World()
    world.starts("s1", 11)
    world.tell(ACCOUNT_CHANGES, updated(60), key=f"abbey/{ADA}", sweep="s1")
    world.closes("s1", "certified")
    world.starts("s2", 12)
    failed = SweepFailed(school="abbey", sweep="s2", started_at=at(12), failed_at=at(13), reason="unreachable")
    world.tell(STUDENTS_FETCHED, failed)
    assert [change.version for change in world.progress.changes()] == [60]
    assert (world.progress.step, world.progress.failed) == (Step.DECIDED, None)


def test_a_failure_while_ours_waits_for_its_decision_is_not_ours() -> None:
    world = World()
    world.starts("s1", 11)
    world.completes("s1")
    failed = SweepFailed(school="abbey", sweep="s2", started_at=at(12), failed_at=at(13), reason="unreachable")
    world.tell(STUDENTS_FETCHED, failed)
    assert world.progress.failed is None
    assert world.closes("s1", "certified") is Step.DECIDED


def test_a_close_that_proved_nothing_waits_for_the_full_sweep_that_it_asked_for() -> None:
    world = World()
    world.starts("s1", 11)
    world.completes("s1")
    assert world.closes("s1", "uncertified") is not Step.DECIDED
    assert world.starts("s2", 3) is Step.READING
    assert world.closes("s2", "certified", 90) is Step.DECIDED
    assert world.progress.version(0) == 90


@pytest.mark.parametrize(("sweep", "minutes", "is_ours"), [("s1", 5, True), ("s2", 11, True), ("s0", 5, False)])
def test_a_failure_is_ours_with_its_start_or_after_the_request(sweep: str, minutes: float, is_ours: bool) -> None:
    world = World()
    world.starts("s1", 10)
    failed = SweepFailed(school="abbey", sweep=sweep, started_at=at(minutes), failed_at=at(12), reason="unreachable")
    world.tell(STUDENTS_FETCHED, failed)
    assert (world.progress.failed is not None) is is_ours


@pytest.mark.parametrize("is_seen_first", [False, True], ids=["answered, then judged", "judged before the answer"])
def test_one_student_is_followed_by_the_moment_of_the_reading(is_seen_first: bool) -> None:
    """
    Fails when a sweep's record of the same student is taken for the one that was asked for, and when a verdict that
    was faster than the answer is lost: it would be waited for in vain.
    """
    world = World(ADA)
    judged = StudentAssessed(
        school="abbey",
        student_id=ADA,
        digest="0" * 32,
        category=Category.CURRENT,
        portal=Verdict.ELIGIBLE,
        account=Verdict.ELIGIBLE,
    )
    key = f"abbey/{ADA}"
    answer = SyncAnswered(school="abbey", request="r1", outcome="read", student_id=ADA, read_at=at(11))
    if is_seen_first:
        assert world.tell(STUDENTS_ASSESSED, judged, 42, key, read_at=at(11)) is Step.ASKED
        assert world.tell(SYNC_REQUESTS, answer) is Step.READ
    else:
        world.tell(SYNC_REQUESTS, answer)
        assert world.tell(STUDENTS_ASSESSED, judged, 40, key, read_at=at(11), sweep="s9") is Step.TAKEN
        assert world.tell(STUDENTS_ASSESSED, judged, 41, key, read_at=at(9)) is Step.TAKEN
        assert world.tell(STUDENTS_ASSESSED, judged, 42, key, read_at=at(11)) is Step.READ
    assert world.progress.version(100) == 142
    provisioned = AccountProvisioned(school="abbey", student_id=ADA, version=142, details=DETAILS)
    world.tell(ACCOUNT_CHANGES, provisioned, key=key)
    world.tell(ACCOUNT_CHANGES, updated(143), key=key)
    assert world.progress.changes(100) == [AccountChange(ADA, "account_provisioned", 142)]
