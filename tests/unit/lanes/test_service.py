"""What a service does with the lanes that Kafka gives it."""

import logging
from typing import Any

import pytest

from shared.config.settings import Config, Kafka
from shared.contract.topics import STUDENTS_ASSESSED
from shared.errors import Retryable
from shared.kafka.consumer import Place
from shared.lanes.service import LaneService


class Lanes:
    """A loop that knows where each lane stands."""

    def __init__(self) -> None:
        self.started: list[int] = []

    def start(self, lane: int) -> int:
        self.started.append(lane)
        return 100 + lane

    def heal(self, lane: int) -> None:
        return None

    def leave(self, lane: int) -> None:
        return None


class Consumer:
    """``refuses``: so many seeks."""

    def __init__(self, refuses: int = 0) -> None:
        self.sought: list[tuple[int, int]] = []
        self._refuses = refuses

    def seek(self, place: Place, offset: int) -> None:
        self._refuses -= 1
        if self._refuses >= 0:
            raise Retryable("Kafka: away")
        self.sought.append((place[1], offset))


def a_service(lanes: Any, consumer: Any) -> LaneService:
    nothing: Any = None
    service = LaneService(Config(kafka=Kafka(partitions=2)), "reconciler", STUDENTS_ASSESSED, nothing, nothing)
    service._loops, service._consumer = [lanes], consumer
    return service


def test_a_lane_beyond_the_configured_is_told_and_not_read(caplog: pytest.LogCaptureFixture) -> None:
    """Fails when partitions that somebody has added make the service rebuild lanes that no school is in."""
    lanes = Lanes()
    service = a_service(lanes, Consumer())
    with caplog.at_level(logging.ERROR):
        starts = service._assigned([("t", lane) for lane in (0, 1, 2)])
    assert lanes.started == [0, 1]
    assert service._lanes == {0, 1}
    assert starts == {("t", 0): 100, ("t", 1): 101}
    assert caplog.messages == [
        "t has more partitions than the 2 under [kafka]; lane 2 has no school and is not read; see "
        "`rollcall topics check`"
    ]


def test_a_lane_that_could_not_be_sought_is_sought_again_although_nothing_arrives() -> None:
    """Fails when only its next batch would have it sought: it waits at the end of a log that was made anew."""
    lanes, consumer = Lanes(), Consumer(refuses=1)
    service = a_service(lanes, consumer)
    service._lanes = {1}
    service._seek(1, 0)
    assert consumer.sought == []
    service._look_at(1)
    assert consumer.sought == [(1, 101)]
    service._look_at(1)
    assert consumer.sought == [(1, 101)], "and once"
