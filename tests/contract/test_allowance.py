"""What a host may be asked in an hour, counted in memory and by a real Redis: one suite."""

from collections.abc import Iterator

import pytest

from services.fetcher.isams.hourly_quota import Allowance, MemoryAllowance, RedisAllowance
from shared.config.settings import Config
from shared.redis.client import connect


class Contract:
    """``ours`` and ``theirs`` are two fetchers' of one host; ``other`` is another host's."""

    ours: Allowance
    theirs: Allowance
    other: Allowance

    def test_all_fetchers_together_get_no_more_than_the_ceiling(self) -> None:
        """Fails when each counts for itself."""
        turns = [allowance.take(3) for allowance in (self.ours, self.theirs, self.ours)]
        assert turns == [(0.0, 1), (0.0, 2), (0.0, 3)]
        wait, used = self.theirs.take(3)
        assert used == 3
        assert 3600 - 60 <= wait <= 3600 + 60
        assert self.theirs.take(4) == (0.0, 4), "whoever was refused is not counted"

    def test_another_host_has_an_hour_of_its_own(self) -> None:
        self.ours.take(1)
        assert self.ours.take(1)[0] > 0
        assert self.other.take(1) == (0.0, 1)

    def test_who_is_asked_for_rest_is_not_asked_by_anybody(self) -> None:
        self.ours.quiet(120)
        self.ours.quiet(5)
        wait, used = self.theirs.take(100)
        assert 100 < wait <= 120
        assert used == 0
        assert self.other.take(100)[0] == 0

    def test_nobody_rests_longer_than_the_host_asked_for(self) -> None:
        """Fails, in some of the tries, when the end of the rest is kept in whole milliseconds."""
        for seconds in range(100, 400):
            self.ours.quiet(seconds)
            assert self.theirs.take(100)[0] <= seconds


class TestInMemory(Contract):
    @pytest.fixture(autouse=True)
    def _made(self) -> None:
        self.now = 1_000_000.0
        self.ours = self.theirs = MemoryAllowance(lambda: self.now)
        self.other = MemoryAllowance(lambda: self.now)

    def test_no_hour_whenever_it_begins_sees_more_than_the_ceiling(self) -> None:
        sent = []
        for step in range(4000):
            self.now = 1_000_000.0 + step * 7
            if self.ours.take(5)[0] == 0:
                sent.append(self.now)
        assert len(sent) > 20
        assert all(later - earlier > 3600 for earlier, later in zip(sent, sent[5:], strict=False))

    def test_who_waits_as_long_as_was_said_has_room(self) -> None:
        self.ours.take(1)
        self.now += self.ours.take(1)[0]
        assert self.ours.take(1) == (0.0, 1)


@pytest.mark.redis
class TestOnRedis(Contract):
    @pytest.fixture(autouse=True)
    def _made(self, config: Config) -> Iterator[None]:
        client, prefix = connect(config), config.redis.key_prefix
        self.ours, self.theirs, self.other = (
            RedisAllowance(client, prefix, host) for host in ("https://a", "https://a", "https://b")
        )
        yield
        client.close()
