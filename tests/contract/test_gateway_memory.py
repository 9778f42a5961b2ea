"""What gateways remember and how they take turns, in memory and in Redis: the same cases for both."""

import time
from collections.abc import Iterator

import pytest

from services.fetcher.failing import Failing
from services.gateway.memory import MOST_AHEAD_MS, Last, Lease, Memory, MemoryMemory, RedisMemory
from services.gateway.register import Known, Register
from services.gateway.structure import Lists
from shared.config import Config
from shared.model import Faculty
from shared.redis import Client, connect

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


def in_vain(at: str, reason: str = "body_refused") -> Failing:
    return Failing(since=at, failed_at=at, reason=reason)


def opened(memory: Memory, school: str = "northern", now: int = NOW) -> Lease:
    lease = memory.open(school, now, 30)
    assert lease is not None
    return lease


class MemoryContract:
    def test_an_unknown_school_has_nothing(self, memory: Memory) -> None:
        assert (memory.last("northern"), memory.status("northern", "x")) == (None, None)

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
        assert memory.accept(lease, LAST, "sweep-1", b"{}")
        assert (last := memory.last("northern")) == LAST
        assert last is not None
        assert list(last.register("student").here) == ["zoë@northern.example", "ada@northern.example"], "in their order"
        assert memory.status("northern", "sweep-1") == b"{}"
        assert memory.status("southern", "sweep-1") is None
        assert memory.last("southern") is None

    def test_bodies_in_vain_are_counted_until_one_is_accepted_whole(self, memory: Memory) -> None:
        assert memory.failing("northern") is None
        memory.refuse("northern", in_vain(AT))
        memory.refuse("northern", in_vain(LATER))
        assert (failing := memory.failing("northern")) is not None
        assert (failing.since, failing.failed_at, failing.attempts) == (AT, LATER, 2)
        assert memory.failing("southern") is None
        lease = opened(memory)
        assert memory.accept(lease, LAST, "sweep-1", b"{}", in_vain(LATER, "student_without_key"))
        assert (failing := memory.failing("northern")) is not None
        assert failing.reason == "student_without_key"
        assert memory.accept(lease, LAST, "sweep-2", b"{}")
        assert memory.failing("northern") is None

    def test_whoever_has_lost_the_lease_writes_nothing(self, memory: Memory) -> None:
        lease = opened(memory)
        memory.close(lease)
        assert not memory.accept(lease, LAST, "sweep-1", b"{}")
        opened(memory)
        assert not memory.accept(lease, LAST, "sweep-1", b"{}")
        assert (memory.last("northern"), memory.status("northern", "sweep-1")) == (None, None)


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
        assert not memory.accept(lease, LAST, "sweep-1", b"{}")
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
