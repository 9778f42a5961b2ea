"""What fetchers remember, in memory and in Redis: the same cases for both."""

from collections.abc import Iterator

import pytest

from services.fetcher.isams.curriculum import SchoolLists, TeachingLists, YearGroup
from services.fetcher.sweep.cache import AreaState, Memory, MemoryMemory, Remembered, SchoolMemory
from services.fetcher.sweep.redis_cache import RedisMemory
from shared.config.settings import Config
from shared.contract.codec import encode
from shared.redis.client import Client, connect
from shared.sweeps.failing import Failing

ONE, TWO = "aa" * 16, "bb" * 16
STATE = SchoolMemory(
    roll_hash="f" * 32,
    completed_at="2026-11-22T14:05:09.123Z",
    full_at="2026-11-22T14:05:09.123Z",
    settings_version="v1/0.1.0",
    structure_digest=ONE,
    areas={"sets": AreaState(due_at=1795356309.5, read_at="2026-11-22T14:05:09.123Z", trouble="403", failures=2)},
)
LISTS = SchoolLists(year_groups=(YearGroup(nc_year=10, name="Year 10", divisions=(1,)),))


class MemoryContract:
    def test_an_unknown_school_has_nothing(self, memory: Memory) -> None:
        assert memory.load("abbey") == Remembered()
        assert memory.load("abbey").roll is None

    def test_what_is_kept_comes_back(self, memory: Memory) -> None:
        memory.keep_digests("abbey", {"1": ONE, "2": TWO})
        memory.keep_areas("abbey", {"structure": encode(LISTS)})
        memory.keep("abbey", STATE)
        memory.accept("abbey", "c" * 32)
        known = memory.load("abbey")
        assert known.digests == {"1": ONE, "2": TWO}
        assert known.area("structure", SchoolLists) == LISTS
        assert known.area("sets", TeachingLists) is None
        assert known.state == STATE
        assert known.accepted == {"c" * 32}
        assert known.roll is None

    def test_attempts_in_vain_are_counted_until_a_sweep_is_certified(self, memory: Memory) -> None:
        assert memory.glance("abbey") == (SchoolMemory(), None)
        first = Failing(since="2026-11-22T14:05:09.123Z", failed_at="2026-11-22T14:05:09.123Z", reason="unreachable")
        memory.fail("abbey", first)
        again = "2026-11-22T14:05:24.123Z"
        memory.fail("abbey", Failing(since=again, failed_at=again, reason="refused", detail="no; ask", said="not you"))
        memory.keep("abbey", STATE)
        state, failing = memory.glance("abbey")
        assert state == STATE
        assert failing is not None
        assert (failing.since, failing.failed_at, failing.attempts) == (first.since, again, 2)
        assert (failing.reason, failing.detail, failing.said) == ("refused", "no; ask", "not you")
        assert memory.glance("abbey+staff")[1] is None, "each book for itself"
        memory.certify("abbey", STATE, ["1"], gone=[], used=[])
        assert memory.glance("abbey") == (STATE, None)

    def test_some_areas_can_be_had_without_everybody(self, memory: Memory) -> None:
        memory.keep_digests("abbey", {"1": ONE})
        memory.keep_areas("abbey", {"structure": encode(LISTS), "leavers": b"{}"})
        memory.certify("abbey", STATE, ["1"], gone=[], used=[])
        known = memory.load_areas("abbey", ("structure", "sets"))
        assert known.areas == {"structure": encode(LISTS)}
        assert known.state == STATE
        assert (known.roll, known.digests) == (None, {})
        assert memory.load_areas("priory", ("structure",)) == Remembered()

    def test_digests_are_kept_one_by_one(self, memory: Memory) -> None:
        memory.keep_digests("abbey", {"1": ONE, "2": ONE})
        memory.keep_digests("abbey", {"2": TWO})
        assert memory.load("abbey").digests == {"1": ONE, "2": TWO}

    def test_a_certified_roll_takes_the_place_of_the_last(self, memory: Memory) -> None:
        memory.keep_digests("abbey", {"1": ONE, "2": TWO})
        memory.accept("abbey", "c" * 32)
        memory.accept("abbey", "d" * 32)
        memory.certify("abbey", STATE, ["1", "3"], gone=["2"], used=["c" * 32])
        known = memory.load("abbey")
        assert known.roll == frozenset({"1", "3"})
        assert known.state == STATE
        assert known.digests == {"1": ONE}
        assert known.accepted == {"d" * 32}
        memory.certify("abbey", STATE, ["4"], gone=[], used=[])
        assert memory.load("abbey").roll == frozenset({"4"})

    def test_an_empty_roll_is_not_no_roll(self, memory: Memory) -> None:
        memory.certify("abbey", STATE, [], gone=[], used=[])
        assert memory.load("abbey").roll == frozenset()

    def test_schools_do_not_meet(self, memory: Memory) -> None:
        memory.keep_digests("abbey", {"1": ONE})
        memory.certify("abbey", STATE, ["1"], gone=[], used=[])
        assert memory.load("abbe") == Remembered()

    def test_a_large_school_fits(self, memory: Memory) -> None:
        digests = {str(n): f"{n:032x}" for n in range(12_001)}
        memory.keep_digests("abbey", digests)
        assert memory.load("abbey").digests == digests
        memory.certify("abbey", STATE, list(digests), gone=list(digests)[1:], used=[])
        assert memory.load("abbey").digests == {"0": "0" * 32}
        assert len(memory.load("abbey").roll or ()) == 12_001


class TestMemoryMemory(MemoryContract):
    @pytest.fixture
    def memory(self) -> Memory:
        return MemoryMemory()


@pytest.mark.redis
class TestRedisMemory(MemoryContract):
    @pytest.fixture
    def client(self, config: Config) -> Iterator[Client]:
        client = connect(config)
        yield client
        client.close()

    @pytest.fixture
    def memory(self, client: Client, config: Config) -> Memory:
        return RedisMemory(client, config.redis.key_prefix)

    def test_what_an_older_release_wrote_otherwise_is_as_good_as_lost(
        self, memory: Memory, client: Client, config: Config
    ) -> None:
        key = f"{config.redis.key_prefix}fetcher:{{abbey}}:"
        client.set(f"{key}state", b'{"roll": 7}')
        client.hset(f"{key}areas", "structure", b'{"years": []}')
        known = memory.load("abbey")
        assert known.state == SchoolMemory()
        assert known.area("structure", SchoolLists) is None
