"""One suite, two worlds: a lane's state moves whole or not at all, in memory and on a real Redis."""

from collections.abc import Iterator

import pytest
import redis

from services.sandbox.servers.brokers import Addresses
from shared.memory import MemoryFencedHashes
from shared.ports import Ask, FencedHashes, Write
from shared.redis.fenced_hashes import RedisFencedHashes


class FencedHashesContract:
    def test_a_lane_that_nobody_wrote_is_empty(self, store: FencedHashes) -> None:
        seen = store.read(3, {"people": ["a"]}, whole=["people"], sizes=["people"])
        assert (seen.lane, seen.some, seen.whole, seen.sizes) == (
            None,
            {"people": [None]},
            {"people": {}},
            {"people": 0},
        )

    def test_what_was_written_is_read_with_its_record(self, store: FencedHashes) -> None:
        assert store.write(3, None, b"one", {"people": {"a": b"1", "b": b"2"}, "rolls": {"abbey": b"\x00\xff"}})
        seen = store.read(3, {"people": ["b", "x", "a"]}, whole=["rolls"], sizes=["people", "rolls"])
        assert seen.lane == b"one"
        assert seen.some == {"people": [b"2", None, b"1"]}
        assert seen.whole == {"rolls": {"abbey": b"\x00\xff"}}
        assert seen.sizes == {"people": 2, "rolls": 1}

    def test_a_second_owner_cannot_move_the_position(self, store: FencedHashes) -> None:
        store.write(3, None, b"one", {"people": {"a": b"1"}})
        assert store.write(3, b"one", b"two", {"people": {"a": b"2"}})
        assert not store.write(3, b"one", b"stale", {"people": {"a": b"stale"}})
        assert not store.write(3, None, b"stale", {})
        assert store.read(3, {"people": ["a"]}).some == {"people": [b"2"]}
        assert store.read(3).lane == b"two"

    def test_a_field_is_deleted_by_nothing(self, store: FencedHashes) -> None:
        store.write(3, None, b"one", {"people": {"a": b"1", "b": b"2"}})
        store.write(3, b"one", b"two", {"people": {"a": None, "c": b"3"}, "rolls": {}})
        assert store.read(3, whole=["people"]).whole == {"people": {"b": b"2", "c": b"3"}}

    def test_several_lanes_are_written_in_one_journey_each_by_itself(self, store: FencedHashes) -> None:
        store.write(1, None, b"moved", {})
        done = store.write_lanes(
            {1: Write(None, b"x", {"people": {"a": b"1"}}), 2: Write(None, b"y", {"people": {"a": b"2"}})}
        )
        assert done == {1: False, 2: True}
        seen = store.read_lanes({1: Ask({"people": ["a"]}), 2: Ask(whole=["people"]), 7: Ask(sizes=["people"])})
        assert (seen[1].lane, seen[1].some["people"]) == (b"moved", [None])
        assert (seen[2].lane, seen[2].whole["people"]) == (b"y", {"a": b"2"})
        assert (seen[7].lane, seen[7].sizes["people"]) == (None, 0)

    def test_a_batch_of_any_size_is_written(self, store: FencedHashes) -> None:
        many: dict[str, bytes | None] = {str(n): b"x" * 20 for n in range(9_001)}
        assert store.write(3, None, b"one", {"people": many})
        assert store.read(3, sizes=["people"]).sizes == {"people": 9_001}
        assert store.write(3, b"one", b"two", {"people": dict.fromkeys(list(many)[1:])})
        assert store.read(3, whole=["people"]).whole == {"people": {"0": b"x" * 20}}

    def test_a_replaced_lane_has_nothing_of_before(self, store: FencedHashes) -> None:
        store.write(3, None, b"one", {"people": {"a": b"1"}, "rolls": {"abbey": b"1"}})
        assert store.replace(3, b"one", b"new", {"people": {"z": b"26"}, "empty": {}})
        seen = store.read(3, whole=["people", "rolls", "empty"])
        assert seen.whole == {"people": {"z": b"26"}, "rolls": {}, "empty": {}}
        assert seen.lane == b"new"
        assert store.write(3, b"new", b"newer", {"people": {"y": b"25"}})
        assert store.read(3, sizes=["people"]).sizes == {"people": 2}

    def test_a_lane_that_moved_is_not_replaced(self, store: FencedHashes) -> None:
        store.write(3, None, b"one", {"people": {"a": b"1"}})
        assert not store.replace(3, b"old", b"new", {"people": {}})
        assert store.read(3, whole=["people"]).whole == {"people": {"a": b"1"}}

    def test_a_hash_that_vanished_is_told_from_one_that_never_was(self, store: FencedHashes) -> None:
        store.write(3, None, b"one", {"people": {"a": b"1", "b": b"2"}, "rolls": {"abbey": b"1"}})
        store.write(3, b"one", b"two", {"people": {"b": None}, "gone": {"a": b"1"}})
        store.write(3, b"two", b"three", {"gone": {"a": None}})
        assert store.read(3, {"people": ["a"], "never": ["a"]}, whole=["gone"], sizes=["rolls"]).lost in ([], ())
        self.lose(store, 3, "people")
        assert list(store.read(3, {"people": ["a"]}).lost) == ["people"]
        assert list(store.read(3, whole=["people"]).lost) == ["people"]
        assert list(store.read(3, sizes=["people", "rolls"]).lost) == ["people"]
        assert list(store.read(3, whole=["rolls"]).lost) == []
        assert list(store.lost(3)) == ["people"]
        assert not store.write(3, b"three", b"four", {"rolls": {"abbey": b"2"}, "people": {"c": b"3"}})
        assert store.read(3, {"rolls": ["abbey"]}).some == {"rolls": [b"1"]}
        assert store.write(3, b"three", b"four", {"rolls": {"abbey": b"2"}})
        assert store.replace(3, b"four", b"five", {"people": {"c": b"3"}})
        assert list(store.read(3, whole=["people", "rolls"]).lost) == []
        assert list(store.lost(3)) == []

    def lose(self, store: FencedHashes, lane: int, name: str) -> None:
        """One hash, and nothing else."""
        raise NotImplementedError


class TestMemoryFencedHashes(FencedHashesContract):
    @pytest.fixture
    def store(self) -> FencedHashes:
        return MemoryFencedHashes()

    def lose(self, store: FencedHashes, lane: int, name: str) -> None:
        assert isinstance(store, MemoryFencedHashes)
        del store.hashes[lane][name]


@pytest.mark.redis
class TestRedisFencedHashes(FencedHashesContract):
    @pytest.fixture
    def store(self, brokers: Addresses, prefix: str) -> Iterator[FencedHashes]:
        with redis.Redis.from_url(brokers.redis) as client:
            yield RedisFencedHashes(client, prefix, "contract")

    def lose(self, store: FencedHashes, lane: int, name: str) -> None:
        assert isinstance(store, RedisFencedHashes)
        assert store._client.delete(store.key(lane, name)) == 1

    def test_a_lane_that_lost_its_sizes_has_lost_everything_and_leaves_nothing_behind(
        self, store: FencedHashes
    ) -> None:
        store.write(3, None, b"one", {"people": {"a": b"1"}, "rolls": {"abbey": b"1"}})
        self.lose(store, 3, "!sizes")
        assert list(store.read(3, whole=["people", "rolls"]).lost) == ["people", "rolls"]
        assert store.replace(3, b"one", b"two", {"people": {"z": b"26"}})
        assert store.read(3, whole=["people", "rolls"]).whole == {"people": {"z": b"26"}, "rolls": {}}

    def test_a_redis_that_forgot_its_scripts_is_told_again(self, store: FencedHashes, brokers: Addresses) -> None:
        store.write(3, None, b"one", {})
        with redis.Redis.from_url(brokers.redis) as client:
            client.script_flush()
        assert store.write(3, b"one", b"two", {})
