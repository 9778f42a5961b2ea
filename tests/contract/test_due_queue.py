"""One suite, two worlds: who is due when, with leases, in memory and on a real Redis."""

from collections.abc import Iterator
from typing import Any

import pytest
import redis

from services.sandbox.servers.brokers import Addresses
from shared.memory import MemoryDueQueue
from shared.ports import Claim, DueQueue
from shared.redis.due_queue import RedisDueQueue


def claimed(queue: DueQueue, now: float, lease: float = 60.0) -> Claim:
    claim = queue.claim(now, lease)
    assert claim is not None
    return claim


class DueQueueContract:
    def test_the_one_that_has_been_due_longest_is_claimed_first(self, queue: DueQueue) -> None:
        queue.ensure({"late": 50.0, "early": 10.0, "not-yet": 500.0})
        assert [claimed(queue, 100.0).member, claimed(queue, 100.0).member] == ["early", "late"]
        assert queue.claim(100.0, 60.0) is None

    def test_ensuring_again_changes_no_time(self, queue: DueQueue) -> None:
        queue.ensure({"abbey": 500.0})
        queue.ensure({"abbey": 1.0})
        assert queue.claim(100.0, 60.0) is None
        assert queue.next_at() == 500.0

    def test_a_claimed_member_is_hidden_until_its_lease_ends(self, queue: DueQueue) -> None:
        queue.ensure({"abbey": 0.0})
        first = claimed(queue, 100.0)
        assert queue.claim(159.0, 60.0) is None
        second = claimed(queue, 160.0)
        assert second.token != first.token
        assert not queue.renew(first, 161.0, 60.0)
        assert not queue.finish(first, 900.0, fulfilled=True)
        assert queue.finish(second, 300.0, fulfilled=True)
        assert queue.next_at() == 300.0

    def test_a_renewed_lease_lasts(self, queue: DueQueue) -> None:
        queue.ensure({"abbey": 0.0})
        claim = claimed(queue, 100.0)
        assert queue.renew(claim, 150.0, 60.0)
        assert queue.claim(170.0, 60.0) is None
        assert claimed(queue, 210.0).member == "abbey"

    def test_a_hastened_member_comes_earlier_and_never_later(self, queue: DueQueue) -> None:
        queue.ensure({"abbey": 500.0})
        queue.hasten("abbey", 700.0)
        assert queue.next_at() == 500.0
        queue.hasten("abbey", 20.0)
        assert claimed(queue, 30.0).member == "abbey"

    def test_who_is_hastened_while_claimed_comes_due_again_after_it(self, queue: DueQueue) -> None:
        queue.ensure({"abbey": 0.0})
        claim = claimed(queue, 100.0)
        queue.hasten("abbey", 101.0)
        assert queue.claim(102.0, 60.0) is None
        queue.finish(claim, 900.0, fulfilled=True)
        assert claimed(queue, 103.0).member == "abbey"

    def test_a_note_stays_until_a_claim_that_saw_it_is_fulfilled(self, queue: DueQueue) -> None:
        queue.ensure({"abbey": 0.0})
        queue.hasten("abbey", 0.0, "full")
        claim = claimed(queue, 100.0)
        assert claim.note == "full"
        queue.finish(claim, 110.0, fulfilled=False)
        claim = claimed(queue, 110.0)
        assert claim.note == "full"
        queue.finish(claim, 120.0, fulfilled=True)
        assert claimed(queue, 120.0).note == ""

    def test_a_note_given_again_during_the_claim_is_not_fulfilled_by_it(self, queue: DueQueue) -> None:
        """Fails when notes are told apart by their words: who asks in the middle of a full sweep wants another."""
        queue.ensure({"abbey": 0.0})
        queue.hasten("abbey", 0.0, "full")
        claim = claimed(queue, 100.0)
        assert claim.note == "full"
        queue.hasten("abbey", 101.0, "full")
        assert queue.finish(claim, 400.0, fulfilled=True)
        again = claimed(queue, 110.0)
        assert again.note == "full"
        assert queue.finish(again, 400.0, fulfilled=True)
        assert claimed(queue, 500.0).note == ""

    def test_a_note_that_came_during_the_claim_is_not_fulfilled_by_it(self, queue: DueQueue) -> None:
        queue.ensure({"abbey": 0.0})
        claim = claimed(queue, 100.0)
        queue.hasten("abbey", 100.0, "full")
        queue.finish(claim, 110.0, fulfilled=True)
        assert claimed(queue, 110.0).note == "full"

    def test_a_queue_that_lost_everything_but_its_leases_is_filled_again(self, queue: DueQueue) -> None:
        """Fails when a lease of which nobody knows the end keeps its member out of the queue."""
        queue.ensure({"abbey": 0.0})
        claimed(queue, 100.0)
        self.lose(queue)
        queue.hasten("abbey", 100.0, "full")
        assert claimed(queue, 101.0).note == "full"

    def lose(self, queue: DueQueue) -> None:
        """Who is due when, and nothing else."""
        raise NotImplementedError

    def test_a_removed_member_does_not_come_back_with_its_claim(self, queue: DueQueue) -> None:
        queue.ensure({"abbey": 0.0})
        claim = claimed(queue, 100.0)
        queue.remove("abbey")
        assert not queue.finish(claim, 0.0, fulfilled=True)
        assert queue.claim(1000.0, 60.0) is None


class TestMemoryDueQueue(DueQueueContract):
    @pytest.fixture
    def queue(self) -> DueQueue:
        return MemoryDueQueue()

    def lose(self, queue: DueQueue) -> None:
        assert isinstance(queue, MemoryDueQueue)
        queue._due.clear()


class Agreeing(RedisDueQueue):
    """Redis's time and the worker's are one, and move with what a test says that it is."""

    def __init__(self, client: Any, prefix: str) -> None:
        self.now = 0.0
        super().__init__(client, prefix, "contract", lambda: self.now, lambda: self.now)

    def claim(self, now: float, lease_seconds: float) -> Claim | None:
        self.now = now
        return super().claim(now, lease_seconds)

    def renew(self, claim: Claim, now: float, lease_seconds: float) -> bool:
        self.now = now
        return super().renew(claim, now, lease_seconds)


@pytest.mark.redis
class TestRedisDueQueue(DueQueueContract):
    @pytest.fixture
    def queue(self, brokers: Addresses, prefix: str) -> Iterator[DueQueue]:
        with redis.Redis.from_url(brokers.redis) as client:
            yield Agreeing(client, prefix)

    def lose(self, queue: DueQueue) -> None:
        assert isinstance(queue, RedisDueQueue)
        assert queue._client.delete(queue._keys[0]) == 1


NOW, DAY = 1_795_420_800.0, 86_400.0


class Workers:
    """One queue, asked by workers whose clocks are as far off as each says. Redis's time is ``now``."""

    def __init__(self, client: Any, prefix: str) -> None:
        self.now = NOW
        self._client, self._prefix = client, prefix

    def worker(self, off: float) -> RedisDueQueue:
        return RedisDueQueue(self._client, self._prefix, "clocks", lambda: self.now + off, lambda: self.now)


@pytest.mark.redis
@pytest.mark.parametrize("off", [DAY, -DAY, 8 * DAY])
class TestClocksOfWorkers:
    @pytest.fixture
    def workers(self, brokers: Addresses, prefix: str) -> Iterator[Workers]:
        with redis.Redis.from_url(brokers.redis) as client:
            yield Workers(client, prefix)

    def test_nobody_takes_a_lease_that_is_over_by_their_own_clock_alone(self, workers: Workers, off: float) -> None:
        right, wrong = workers.worker(0), workers.worker(off)
        right.ensure({"abbey": NOW})
        claim = claimed(right, NOW, 60.0)
        workers.now += 59
        assert wrong.claim(workers.now + off, 60.0) is None
        assert right.renew(claim, workers.now, 60.0)
        workers.now += 61
        other = claimed(wrong, workers.now + off, 60.0)
        assert right.claim(workers.now, 60.0) is None, "and a lease of theirs lasts as long as any"
        workers.now += 60
        assert right.claim(workers.now, 60.0) is not None
        assert not wrong.renew(other, workers.now + off, 60.0)

    def test_nobody_keeps_a_school_waiting_by_their_own_clock(self, workers: Workers, off: float) -> None:
        right, wrong = workers.worker(0), workers.worker(off)
        wrong.ensure({"abbey": NOW + off})
        claim = claimed(wrong, NOW + off)
        wrong.hasten("abbey", NOW + off + 500.0)
        assert wrong.finish(claim, NOW + off + 300.0, fulfilled=True)
        assert right.next_at() == NOW + 300
        assert right.look("abbey") == (NOW + 300, False)
        assert wrong.members() == {"abbey": NOW + off + 300}
        wrong.hasten("abbey", NOW + off + 20.0)
        workers.now += 20
        assert right.claim(workers.now, 60.0) is not None


@pytest.mark.redis
def test_redis_says_what_time_it_is(brokers: Addresses, prefix: str) -> None:
    """Fails when production counts by anything but Redis's own clock."""
    with redis.Redis.from_url(brokers.redis) as client:
        queue = RedisDueQueue(client, prefix, "clocks", lambda: 100.0)  # a worker that lives in 1970
        queue.ensure({"abbey": 100.0, "priory": 100.0 + DAY})
        seconds, _ = client.time()
        kept = dict(client.zrange(queue._keys[0], 0, -1, withscores=True))
        assert abs(kept[b"abbey"] - seconds) < DAY
        assert kept[b"priory"] - kept[b"abbey"] == pytest.approx(DAY)
        assert claimed(queue, 100.0).member == "abbey"
        assert queue.claim(100.0, 60.0) is None
