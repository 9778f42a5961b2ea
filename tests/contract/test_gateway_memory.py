"""What gateways remember and how they take turns, in memory and in Redis: the same cases for both."""

import json
import time
from collections.abc import Iterator

import pytest

from services.gateway.feed_store import MOST_AHEAD_MS, Last, Lease, Memory, MemoryMemory
from services.gateway.progress import Course, told
from services.gateway.redis_feed_store import RedisMemory
from services.gateway.register import Known, Register
from services.gateway.structure import Lists
from shared.config.settings import Config
from shared.contract.codec import encode
from shared.contract.events import SweepReconciled
from shared.contract.model import Faculty, Kind
from shared.redis.client import Client, connect
from shared.sweeps.failing import Failing

NOW = 1_795_420_800_123  # milliseconds
LAST = Last(
    key="email",
    lists=Lists(faculties=(Faculty(code="FAC01", name="Faculté des lettres"),), modules=()),
    registers={
        "student": Register(
            here={
                "zoë@northern.example": Known(),
                "ada@northern.example": Known(id="S1", email="ada@x", names="0a" * 8),
            },
            gone={"S2": Known(id="S2")},
        ),
        "staff": Register(here={"jane@northern.example": Known(id="T1")}, is_proved=False),
    },
)
OF_OLD = b'{"key":"email","roll":{"ada@northern.example":"S1","kim@northern.example":null},"staff":{"T1":null}}'


AT, LATER = "2026-11-23T08:00:00.000Z", "2026-11-23T08:05:00.000Z"


RECEIPT = b'{"reason":null,"staff_complete":null}'  # of a body with students, and with no staff
WITH_STAFF = b'{"reason":null,"staff_complete":true}'
STRUCTURE = b'{"reason":"students_not_supplied","staff_complete":null}'
FIRST, SECOND, THIRD = (f"20261123T080{n}00.000Z-00000000" for n in range(3))


def a_report(sweep: str, version: int, kind: Kind = "student") -> SweepReconciled:
    return SweepReconciled(school="northern", kind=kind, sweep=sweep, version=version, outcome="certified")


def in_vain(at: str, reason: str = "body_refused") -> Failing:
    return Failing(since=at, failed_at=at, reason=reason)


def opened(memory: Memory, school: str = "northern", now: int = NOW) -> Lease:
    lease = memory.open(school, now, 30)
    assert lease is not None
    return lease


class MemoryContract:
    def test_an_unknown_school_has_nothing(self, memory: Memory) -> None:
        assert (memory.last("northern"), memory.course("northern", "x")) == (None, None)

    def test_one_lease_of_a_school_at_a_time(self, memory: Memory) -> None:
        first = opened(memory)
        assert memory.open("northern", NOW, 30) is None
        opened(memory, "southern")
        memory.close(first)
        opened(memory)

    def test_a_lease_that_was_lost_is_not_closed_for_another(self, memory: Memory) -> None:
        first = opened(memory)
        memory.close(first)
        opened(memory)
        memory.close(first)
        assert memory.open("northern", NOW, 30) is None

    def test_only_its_holder_renews_a_lease(self, memory: Memory) -> None:
        first = opened(memory)
        assert memory.renew(first, 30)
        memory.close(first)
        assert not memory.renew(first, 30)
        opened(memory)
        assert not memory.renew(first, 30)

    def test_moments_only_rise_whatever_the_clocks_say(self, memory: Memory) -> None:
        moments = []
        for now in (NOW, NOW, NOW - 5_000, NOW + 7, NOW + 7):
            lease = opened(memory, now=now)
            moments.append(lease.moment)
            memory.close(lease)
        assert moments == [NOW, NOW + 1, NOW + 2, NOW + 7, NOW + 8]

    @pytest.mark.parametrize(
        ("ahead", "moment"),
        [
            pytest.param(MOST_AHEAD_MS, NOW + MOST_AHEAD_MS + 1, id="clocks that agree nearly: it rises"),
            pytest.param(MOST_AHEAD_MS + 1, NOW, id="a clock that was ahead is not waited for"),
            pytest.param(365 * 86_400_000, NOW, id="nor one of next year"),
        ],
    )
    def test_a_clock_that_was_far_ahead_freezes_no_school(self, memory: Memory, ahead: int, moment: int) -> None:
        memory.close(opened(memory, now=NOW + ahead))
        assert opened(memory, now=NOW).moment == moment

    def test_what_is_accepted_comes_back(self, memory: Memory) -> None:
        lease = opened(memory)
        assert memory.accept(lease, LAST, "sweep-1", RECEIPT)
        assert (last := memory.last("northern")) == LAST
        assert last is not None
        assert list(last.register("student").here) == ["zoë@northern.example", "ada@northern.example"], "in their order"
        assert memory.course("northern", "sweep-1") == Course(RECEIPT)
        assert memory.course("southern", "sweep-1") is None
        assert memory.last("southern") is None

    def test_bodies_in_vain_are_counted_until_one_is_accepted_whole(self, memory: Memory) -> None:
        assert memory.failing("northern") is None
        memory.refuse("northern", in_vain(AT))
        memory.refuse("northern", in_vain(LATER))
        assert (failing := memory.failing("northern")) is not None
        assert (failing.since, failing.failed_at, failing.attempts) == (AT, LATER, 2)
        assert memory.failing("southern") is None
        lease = opened(memory)
        assert memory.accept(lease, LAST, "sweep-1", RECEIPT, in_vain(LATER, "student_without_key"))
        assert (failing := memory.failing("northern")) is not None
        assert failing.reason == "student_without_key"
        assert memory.accept(lease, LAST, "sweep-2", RECEIPT)
        assert memory.failing("northern") is None

    def accepts(self, memory: Memory, *sweeps: str, receipt: bytes = RECEIPT) -> None:
        lease = opened(memory)
        for sweep in sweeps:
            assert memory.accept(lease, LAST, sweep, receipt)
        memory.close(lease)

    def decides(self, memory: Memory, sweep: str, version: int, kind: Kind = "student") -> None:
        report = a_report(sweep, version, kind)
        memory.decide("northern", kind, sweep, version, encode(report))

    def state(self, memory: Memory, sweep: str) -> tuple[str, int | None, str | None]:
        course = memory.course("northern", sweep)
        assert course is not None
        answer = json.loads(told(course, "live"))
        return answer["state"], answer["snapshot"], answer["superseded_by"]

    @pytest.mark.parametrize(
        "order",
        [
            pytest.param(("decide", "deliver"), id="as it happens"),
            pytest.param(("deliver", "decide"), id="as two topics may tell it"),
            pytest.param(("decide", "deliver", "deliver", "decide"), id="twice"),
        ],
    )
    def test_a_body_is_accepted_then_decided_then_delivered(self, memory: Memory, order: tuple[str, ...]) -> None:
        self.accepts(memory, FIRST)
        assert self.state(memory, FIRST) == ("accepted", None, None)
        memory.deliver("northern", 6, 40)
        for step in order:
            if step == "decide":
                self.decides(memory, FIRST, 40)
            else:
                memory.deliver("northern", 8, 60)
                memory.deliver("northern", 7, 41)
        assert self.state(memory, FIRST) == ("delivered", 7, None)
        course = memory.course("northern", FIRST)
        assert course is not None
        assert course.reports == {"student": a_report(FIRST, 40)}
        assert memory.course("southern", FIRST) is None, "only its own school's"

    def test_a_snapshot_from_before_the_decision_carries_nothing_of_it(self, memory: Memory) -> None:
        self.accepts(memory, FIRST)
        self.decides(memory, FIRST, 40)
        memory.deliver("northern", 7, 40)
        memory.deliver("southern", 9, 41)
        assert self.state(memory, FIRST) == ("decided", None, None)
        memory.deliver("northern", 8, 41)
        assert self.state(memory, FIRST) == ("delivered", 8, None)

    def test_whoever_was_overtaken_before_a_snapshot_went_is_superseded(self, memory: Memory) -> None:
        self.accepts(memory, FIRST, SECOND, THIRD)
        for sweep, version in ((FIRST, 40), (SECOND, 50), (THIRD, 60)):
            self.decides(memory, sweep, version)
        assert self.state(memory, FIRST) == ("superseded", None, SECOND)
        memory.deliver("northern", 7, 51)
        assert self.state(memory, FIRST) == ("superseded", None, SECOND)
        assert self.state(memory, SECOND) == ("delivered", 7, None)
        assert self.state(memory, THIRD) == ("decided", None, None)
        memory.deliver("northern", 8, 70)
        assert [self.state(memory, one)[0] for one in (FIRST, SECOND, THIRD)] == [
            "superseded",
            "delivered",
            "delivered",
        ], "what was delivered stays so"

    def test_a_body_with_staff_is_decided_when_both_are(self, memory: Memory) -> None:
        self.accepts(memory, FIRST, receipt=WITH_STAFF)
        self.decides(memory, FIRST, 40)
        memory.deliver("northern", 7, 41)
        assert self.state(memory, FIRST)[0] == "accepted"
        self.decides(memory, FIRST, 45, "staff")
        assert self.state(memory, FIRST) == ("decided", None, None)
        memory.deliver("northern", 8, 46)
        assert self.state(memory, FIRST) == ("delivered", 8, None)

    def test_a_body_of_staff_alone_supersedes_no_students(self, memory: Memory) -> None:
        self.accepts(memory, FIRST)
        self.decides(memory, FIRST, 40)
        self.decides(memory, SECOND, 50, "staff")
        memory.deliver("northern", 7, 60)
        assert self.state(memory, FIRST) == ("delivered", 7, None)

    def test_a_body_of_structure_alone_is_over_when_a_later_one_is_decided(self, memory: Memory) -> None:
        self.accepts(memory, SECOND, receipt=STRUCTURE)
        self.decides(memory, FIRST, 40)
        assert self.state(memory, SECOND) == ("accepted", None, None)
        self.decides(memory, THIRD, 50)
        assert self.state(memory, SECOND) == ("superseded", None, THIRD)

    def test_a_place_is_kept_by_topic_and_lane(self, memory: Memory) -> None:
        assert memory.place("deliveries", 3) is None
        memory.keep_place("deliveries", 3, 7)
        memory.keep_place("deliveries", 3, 5)
        assert (memory.place("deliveries", 3), memory.place("deliveries", 4), memory.place("account-changes", 3)) == (
            *(5, None),
            None,
        )

    def test_whoever_has_lost_the_lease_writes_nothing(self, memory: Memory) -> None:
        lease = opened(memory)
        memory.close(lease)
        assert not memory.accept(lease, LAST, "sweep-1", RECEIPT)
        opened(memory)
        assert not memory.accept(lease, LAST, "sweep-1", RECEIPT)
        assert (memory.last("northern"), memory.course("northern", "sweep-1")) == (None, None)


class TestMemoryMemory(MemoryContract):
    @pytest.fixture
    def memory(self) -> Memory:
        return MemoryMemory()


class Agreeing(RedisMemory):
    """Redis's time is what a test says that the gateway's is."""

    def __init__(self, client: Client, prefix: str) -> None:
        self.now = NOW
        super().__init__(client, prefix, lambda: self.now)

    def open(self, school: str, now: int, seconds: float) -> Lease | None:
        self.now = now
        return super().open(school, now, seconds)


@pytest.mark.redis
class TestRedisMemory(MemoryContract):
    @pytest.fixture
    def client(self, config: Config) -> Iterator[Client]:
        with connect(config) as client:
            yield client

    @pytest.fixture
    def memory(self, client: Client, prefix: str) -> Memory:
        return Agreeing(client, prefix)

    def test_redis_says_what_time_it_is(self, client: Client, prefix: str) -> None:
        """Fails when a body's moment is one gateway's word."""
        lease = opened(RedisMemory(client, prefix), now=1)
        seconds, _ = client.time()
        assert abs(lease.moment / 1000 - seconds) < 86_400

    def test_a_dead_gateways_lease_ends_by_itself(self, memory: Memory) -> None:
        lease = memory.open("northern", NOW, 0.05)
        assert lease is not None
        deadline = time.monotonic() + 60
        while (second := memory.open("northern", NOW, 30)) is None:
            assert time.monotonic() < deadline
        assert not memory.renew(lease, 30)
        assert not memory.accept(lease, LAST, "sweep-1", RECEIPT)
        assert memory.renew(second, 30)

    def test_what_an_older_release_wrote_is_as_good_as_lost(self, memory: Memory, client: Client, prefix: str) -> None:
        client.set(f"{prefix}gateway:{{northern}}:last", b'{"another": "shape"}')
        assert memory.last("northern") is None

    def test_the_rolls_that_an_older_release_wrote_are_known(self, memory: Memory, client: Client, prefix: str) -> None:
        client.set(f"{prefix}gateway:{{northern}}:last", OF_OLD)
        last = memory.last("northern")
        assert last is not None
        known = Known(id="S1", email="ada@northern.example")
        assert last.register("student").here["ada@northern.example"] == known
        assert list(last.register("staff").here) == ["T1"]
