"""What a service does with the lanes that Kafka gives it."""

import logging
from typing import Any

import pytest
from confluent_kafka import TopicPartition

from shared.config.settings import Config, Kafka
from shared.contract.topics import STUDENTS_ASSESSED
from shared.lanes.service import LaneService


class Lanes:
    """A loop that knows where each lane stands."""

    def __init__(self) -> None:
        self.started: list[int] = []

    def start(self, lane: int) -> int:
        self.started.append(lane)
        return 100 + lane


class Consumer:
    def __init__(self) -> None:
        self.assigned: list[tuple[int, int]] = []

    def incremental_assign(self, places: list[TopicPartition]) -> None:
        self.assigned += [(one.partition, one.offset) for one in places]


def test_a_lane_beyond_the_configured_is_told_and_not_read(caplog: pytest.LogCaptureFixture) -> None:
    """Fails when partitions that somebody has added make the service rebuild lanes that no school is in."""
    nothing: Any = None
    service = LaneService(Config(kafka=Kafka(partitions=2)), "reconciler", STUDENTS_ASSESSED, nothing, nothing)
    lanes: Any = Lanes()
    service._loops = [lanes]
    consumer = Consumer()
    with caplog.at_level(logging.ERROR):
        service._assigned(consumer, [TopicPartition("t", lane) for lane in (0, 1, 2)])
    assert lanes.started == [0, 1]
    assert service._lanes == {0, 1}
    assert [one for one in consumer.assigned if one[0] < 2] == [(0, 100), (1, 101)]
    assert caplog.messages == [
        "t has more partitions than the 2 under [kafka]; lane 2 has no school and is not read; see "
        "`rollcall topics check`"
    ]
