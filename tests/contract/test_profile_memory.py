"""What the fetchers know of photos and transcripts, in memory and in a real Redis: one suite."""

from collections.abc import Iterator

import pytest

from services.fetcher.profiles.cache import (
    Marked,
    MemoryProfileMemory,
    Photographed,
    Portraits,
    ProfileMemory,
    RedisProfileMemory,
    Wanted,
)
from shared.config.settings import Config
from shared.redis.client import connect

ADA, BEA = "3050000001", "3050000002"


class Contract:
    memory: ProfileMemory

    def test_a_school_that_nobody_knows_is_empty(self) -> None:
        assert self.memory.load("abbey") == Portraits()
        assert not self.memory.want("abbey", {})

    def test_what_is_wanted_is_news_once(self) -> None:
        ada = Wanted(photo_id=11, has_marks=True)
        assert self.memory.want("abbey", {ADA: ada})
        assert not self.memory.want("abbey", {ADA: ada})
        assert self.memory.want("abbey", {ADA: ada, BEA: Wanted(photo_id=None, has_marks=False)})
        assert self.memory.load("abbey").wanted == {ADA: ada, BEA: Wanted(photo_id=None, has_marks=False)}
        self.memory.drop("abbey", BEA)
        assert set(self.memory.load("abbey").wanted) == {ADA}
        assert self.memory.load("priory") == Portraits()

    def test_who_rests_keeps_their_photo(self) -> None:
        self.memory.want("abbey", {ADA: Wanted(photo_id=11, has_marks=True)})
        self.memory.rest("abbey", [ADA, BEA])
        self.memory.rest("abbey", [])
        assert self.memory.load("abbey").wanted == {ADA: Wanted(photo_id=11, has_marks=False)}

    def test_of_whom_a_whole_profile_was_told_is_known_by_school(self) -> None:
        self.memory.note_full("abbey", [ADA])
        self.memory.note_full("abbey", [])
        assert self.memory.had_full("abbey", [BEA, ADA]) == {ADA}
        assert self.memory.had_full("abbey", []) == set()
        assert self.memory.had_full("priory", [ADA]) == set()

    def test_what_was_told_is_kept_by_student(self) -> None:
        self.memory.keep_photo("abbey", ADA, Photographed(photo_id=11, hash="ab"))
        self.memory.keep_photo("abbey", BEA, Photographed(photo_id=12, hash=""))
        self.memory.keep_photo("abbey", BEA, None)
        self.memory.keep_marks("abbey", ADA, Marked(read_at=1.5, digest="cd"))
        known = self.memory.load("abbey")
        assert known.photos == {ADA: Photographed(photo_id=11, hash="ab")}
        assert known.marks == {ADA: Marked(read_at=1.5, digest="cd")}


class TestInMemory(Contract):
    @pytest.fixture(autouse=True)
    def _made(self) -> None:
        self.memory = MemoryProfileMemory()


@pytest.mark.redis
class TestOnRedis(Contract):
    @pytest.fixture(autouse=True)
    def _made(self, config: Config) -> Iterator[None]:
        self.client = connect(config)
        self.memory = RedisProfileMemory(self.client, config.redis.key_prefix)
        self.prefix = config.redis.key_prefix
        yield
        self.client.close()

    def test_what_an_older_release_kept_is_as_good_as_lost(self) -> None:
        self.memory.keep_photo("abbey", BEA, Photographed(photo_id=12, hash="ef"))
        self.client.hset(f"{self.prefix}fetcher:{{abbey}}:photos", ADA, b'{"torn')
        assert set(self.memory.load("abbey").photos) == {BEA}
