"""What a member of a consumer group does with the batches and the places that Kafka gives it."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import pytest
from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, KafkaError, KafkaException, TopicPartition

from shared.config.settings import Config, Kafka
from shared.contract.codec import Record
from shared.errors import Poison, Retryable
from shared.kafka import consumer as module
from shared.kafka.client_errors import Ear
from shared.kafka.consumer import BatchConsumer, Listening, ends_of

LOG = logging.getLogger("rollcall.test")
AWAY = KafkaException(KafkaError(KafkaError._TRANSPORT))


class Message:
    def __init__(self, offset: int, lane: int = 0) -> None:
        self._offset, self._lane = offset, lane

    def topic(self) -> str:
        return "t"

    def partition(self) -> int:
        return self._lane

    def offset(self) -> int:
        return self._offset

    def key(self) -> bytes:
        return b"abbey"

    def value(self) -> bytes:
        return b"{}"

    def headers(self) -> None:
        return None

    def leader_epoch(self) -> int | None:
        return 7

    def timestamp(self) -> tuple[int, int]:
        return TIMESTAMP_LOG_APPEND_TIME, 1


class Client:
    """``trouble``: what every question ends in."""

    def __init__(self, trouble: KafkaException | None = None) -> None:
        self.trouble = trouble
        self.said: list[Any] = []

    def _say(self, *words: Any) -> None:
        if self.trouble is not None:
            raise self.trouble
        self.said.append(words)

    def seek(self, place: TopicPartition) -> None:
        self._say("seek", place.topic, place.partition, place.offset)

    kept: Sequence[TopicPartition] = ()

    def commit(self, offsets: list[TopicPartition], asynchronous: bool) -> None:
        self.kept = offsets
        self._say("commit", [(one.topic, one.partition, one.offset) for one in offsets], asynchronous)

    def committed(self, places: list[TopicPartition], timeout: float) -> Sequence[TopicPartition]:
        self._say("committed", timeout)
        return self.kept

    def incremental_assign(self, places: list[TopicPartition]) -> None:
        self._say("assign", [(one.partition, one.offset) for one in places])

    def incremental_unassign(self, places: list[TopicPartition]) -> None:
        self._say("unassign", [one.partition for one in places])


class World:
    """One batch after another is taken; ``troubles`` are what the first tries end in."""

    def __init__(self, *troubles: Exception, client: Client | None = None, **hooks: Any) -> None:
        self.troubles = list(troubles)
        self.taken: list[list[int]] = []
        self.log = "one"
        self.stop = asyncio.Event()
        config = Config(kafka=Kafka(partitions=2))
        self.consumer = BatchConsumer(config, "reconciler", ("t",), self.take, LOG, **hooks)
        self.consumer._stop = self.stop
        self.consumer._client = client
        self.consumer._ids = lambda topic: self.log  # type: ignore[assignment]

    async def take(self, records: Sequence[Record]) -> None:
        self.taken.append([record.offset for record in records])
        if self.troubles:
            raise self.troubles.pop(0)

    async def comes(self, *offsets: int) -> None:
        await self.consumer._taken([Message(offset) for offset in offsets])


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """For which try in a row a wait was asked for; none is waited."""
    found: list[int] = []

    def at_once(attempt: int, cap: float) -> float:
        found.append(attempt)
        return 0.0

    monkeypatch.setattr(module, "backoff", at_once)
    return found


async def test_the_same_batch_comes_again_until_it_is_taken(waits: list[int], caplog: pytest.LogCaptureFixture) -> None:
    world = World(*[Retryable("Redis: away")] * 3)
    await world.comes(5, 6)
    await world.comes(7)
    assert world.taken == [[5, 6]] * 4 + [[7]]
    assert waits == [1, 2, 3]
    assert caplog.messages == ["reconciler: retrying: Redis: away", "reconciler: recovered after 3 attempts"]


async def test_a_service_that_is_told_to_end_leaves_its_batch_for_the_next_start() -> None:
    world = World(Retryable("away", retry_after=60))
    world.stop.set()
    await world.comes(5)
    assert world.taken == [[5]]


@pytest.mark.parametrize("trouble", [Poison("too much"), LookupError("ours")])
async def test_anything_else_ends_the_service_and_nothing_more_is_taken(trouble: Exception) -> None:
    """Fails when a batch after the failed one is taken: its place would be kept, and the failed one passed over."""
    world = World(trouble)
    await world.comes(5)
    await world.comes(6)
    assert world.taken == [[5]]
    assert world.stop.is_set()
    assert world.consumer._failed is trouble


async def test_who_is_told_to_end_in_the_middle_has_not_failed() -> None:
    world = World(asyncio.CancelledError())  # type: ignore[arg-type]
    with pytest.raises(asyncio.CancelledError):
        await world.comes(5)
    assert world.consumer._failed is None
    assert not world.stop.is_set()


async def test_a_lane_begins_where_the_service_says_and_else_where_the_group_committed() -> None:
    client, told = Client(), []
    world = World(assigned=lambda places: told.extend(places) or {("t", 1): 7})
    world.consumer._assigned(client, [TopicPartition("t", 0), TopicPartition("t", 1)])
    assert told == [("t", 0), ("t", 1)]
    assert client.said[-1] == ("assign", [(0, TopicPartition("t", 0).offset), (1, 7)])
    assert world.consumer.places == {("t", 0), ("t", 1)}


@pytest.mark.parametrize(("log", "start"), [("one", -1001), ("another", module.BEGINNING)], ids=["the same", "anew"])
async def test_what_was_committed_of_a_topic_that_is_no_more_is_no_place_in_the_new_one(log: str, start: int) -> None:
    """Fails when a commit that came late, or before the topic was made anew, has the new one's beginning skipped."""
    client = Client()
    world = World(client=client)
    world.consumer._assigned(client, [TopicPartition("t", 0)])
    await world.comes(5, 6)
    world.consumer.commit({("t", 0): 7})
    assert [(one.metadata, one.leader_epoch) for one in client.kept] == [("one", 7)]
    world.log = log
    world.consumer._assigned(client, [TopicPartition("t", 0)])
    assert client.said[-1] == ("assign", [(0, start)])


async def test_what_an_older_release_committed_is_believed() -> None:
    client, world = Client(), World()
    client.kept = [TopicPartition("t", 0, 7)]
    world.consumer._assigned(client, [TopicPartition("t", 0)])
    assert client.said[-1] == ("assign", [(0, -1001)])


async def test_what_cannot_be_asked_for_is_believed_and_told(caplog: pytest.LogCaptureFixture) -> None:
    client, world = Client(KafkaException(KafkaError(KafkaError._TIMED_OUT))), World()
    assert world.consumer._of_other_logs(client, [("t", 0)]) == {}
    assert "committed offsets cannot be checked" in caplog.text


async def test_a_lane_is_left_before_it_is_another_s() -> None:
    client, told = Client(), []
    world = World(revoked=lambda places: told.append((list(places), list(client.said))))
    world.consumer.places = {("t", 0), ("t", 1)}
    world.consumer._revoked(client, [TopicPartition("t", 1)])
    assert told == [([("t", 1)], [])]
    assert client.said == [("unassign", [1])]
    assert world.consumer.places == {("t", 0)}


async def test_where_the_group_goes_on_is_told_without_waiting_and_at_the_end_with_it() -> None:
    client = Client()
    consumer = World(client=client).consumer
    consumer.commit({("t", 0): 4, ("t", 1): 9})
    consumer.commit({("t", 0): 5}, wait=True)
    consumer.commit({}, wait=True)
    assert client.said == [
        ("commit", [("t", 0, 4), ("t", 1, 9)], True),
        ("committed", module.COMMIT_SECONDS),
        ("commit", [("t", 0, 5)], False),
    ]


@pytest.mark.parametrize(("wait", "level"), [(False, logging.DEBUG), (True, logging.INFO)])
async def test_a_place_that_is_not_kept_stops_nobody(wait: bool, level: int, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        World(client=Client(AWAY)).consumer.commit({("t", 0): 4}, wait=wait)
    assert [one.levelno for one in caplog.records] == [level]


async def test_a_seek_that_fails_may_be_tried_again() -> None:
    with pytest.raises(Retryable, match="Kafka: t"):
        World(client=Client(AWAY)).consumer.seek(("t", 0), 4)


async def test_nothing_is_asked_of_a_client_that_is_closed() -> None:
    """Fails when a thread that still works asks it: the client ends neither, for good."""
    client: Any = Client()
    client.close = lambda: None
    listening = Listening(client, Ear())
    listening.close()
    consumer = World(client=listening).consumer  # type: ignore[arg-type]
    with pytest.raises(Retryable, match="closed"):
        consumer.seek(("t", 0), 4)
    consumer.commit({("t", 0): 4})
    assert client.said == []


def test_each_place_of_a_batch_goes_on_after_its_last_record() -> None:
    records = [Record("t", lane, offset, "", b"") for lane, offset in ((0, 3), (1, 8), (0, 4))]
    assert ends_of(records) == {("t", 0): 5, ("t", 1): 9}
