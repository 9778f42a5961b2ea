"""What account-state has lost while Redis is sound is told again, and nothing else is."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.reconciler.rebuild import newest_of
from services.reconciler.retelling import Retelling
from shared.contract.codec import Message, Record
from shared.contract.topics import ACCOUNT_STATE
from shared.errors import Retryable
from tests.harness.builders import a_student, a_sweep
from tests.harness.pipeline import LANE, Road, a_config

PEOPLE = [a_student(str(3050000001 + n)) for n in range(6)]


class Topic:
    """account-state of a road: what is left of it, and where it begins and ends."""

    def __init__(self, road: Road) -> None:
        self._road = road
        self._gone = 0  # of what was published
        self.first = self.base = 0
        self.reads = 0

    @property
    def messages(self) -> list[Message]:
        return self._road.out.of(ACCOUNT_STATE)[self._gone :]

    def edges(self, lane: int) -> tuple[int, int]:
        return self.first, self.base + len(self.messages)

    def read(self, lane: int) -> Iterator[Record]:
        self.reads += 1
        for number, message in enumerate(self.messages):
            yield Record(ACCOUNT_STATE, LANE, number, message.key, message.value or b"", raw=dict(message.headers))

    def make_anew(self) -> None:
        self._gone, self.first, self.base = len(self._road.out.of(ACCOUNT_STATE)), 0, 0

    def trim(self, records: int) -> None:
        self._gone += records
        self.first = self.base = self.first + records

    def keys(self) -> set[str]:
        return {message.key for message in self.messages}


@pytest.fixture
def road(tmp_path: Path) -> Road:
    road = Road(a_config(tmp_path))
    road.fetch(a_sweep("s1", PEOPLE))
    road.run()
    return road


@pytest.fixture
def topic(road: Road) -> Topic:
    return Topic(road)


@pytest.fixture
def look(road: Road, topic: Topic) -> Retelling:
    look = Retelling(road.store, road.out, topic.edges, topic.read)
    look(LANE)
    return look


def test_a_topic_that_was_made_anew_has_everything_again(
    road: Road, topic: Topic, look: Retelling, caplog: pytest.LogCaptureFixture
) -> None:
    before, keys = newest_of(topic.read(LANE)), topic.keys()
    topic.make_anew()
    with caplog.at_level(logging.WARNING, logger="rollcall.reconciler"):
        look(LANE)
    after = newest_of(topic.read(LANE))
    assert (after.students, after.schools, after.structures) == (before.students, before.schools, before.structures)
    assert topic.keys() == keys
    assert "account-state had lost" in caplog.text
    assert "cleanup.policy" in caplog.text


def test_what_was_trimmed_is_told_again_and_nothing_else(road: Road, topic: Topic, look: Retelling) -> None:
    keys = topic.keys()
    gone = {message.key for message in topic.messages[:3]}
    topic.trim(3)
    left = topic.keys()
    look(LANE)
    assert topic.keys() == keys
    assert {message.key for message in topic.messages[-len(gone - left) :]} == gone - left


def test_a_sound_topic_is_read_once_and_then_only_looked_at(road: Road, topic: Topic, look: Retelling) -> None:
    told = len(topic.messages)
    assert topic.reads == 1  # nobody had looked at this lane before
    look(LANE)
    road.fetch(a_sweep("s2", [*PEOPLE, a_student("3050000009")], minutes=10), minutes=10)
    road.run()
    now = len(topic.messages)
    assert now > told
    look(LANE)
    assert (topic.reads, len(topic.messages)) == (1, now)


def test_who_dies_in_the_middle_of_it_is_followed_by_one_who_looks_at_all_of_it(
    road: Road, topic: Topic, look: Retelling
) -> None:
    keys = topic.keys()
    topic.make_anew()
    road.out.fail_after = 2
    with pytest.raises(Retryable):
        look(LANE)
    again = Retelling(road.store, road.out, topic.edges, topic.read)
    again(LANE)
    assert topic.keys() == keys


def test_an_older_record_that_is_all_that_is_left_is_told_again(road: Road, topic: Topic, look: Retelling) -> None:
    """A stale owner's late record, after a cleaning."""
    before = newest_of(topic.read(LANE)).students
    old = topic.messages[0]
    road.fetch(a_sweep("s2", [a_student(one.student_id, first_name="Bea") for one in PEOPLE], minutes=10), minutes=10)
    road.run()
    look(LANE)
    topic.make_anew()
    road.out.publish([old])
    look(LANE)
    after = newest_of(topic.read(LANE)).students
    assert after.keys() == before.keys()
    assert all(after[key].offset > before[key].offset for key in after)


def test_a_store_that_has_lost_something_tells_nothing(road: Road, topic: Topic, look: Retelling) -> None:
    """The lane is made anew from the topic then; what the store still has proves nothing."""
    topic.make_anew()
    next(fields for name, fields in road.store.hashes[LANE].items() if name.startswith("students:")).popitem()
    look(LANE)
    assert topic.messages == []


def test_an_emptied_store_tells_nothing(road: Road, topic: Topic, look: Retelling) -> None:
    road.store.records.clear()
    road.store.hashes.clear()
    topic.make_anew()
    look(LANE)
    assert topic.messages == []
