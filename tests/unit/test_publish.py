"""Publishing over a line of any width: in pieces, and only silence ends the wait."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException
from hypothesis import given
from hypothesis import strategies as st

from shared.config.settings import Config
from shared.contract.codec import Message
from shared.errors import Retryable
from shared.kafka import client
from shared.kafka.client import SILENCE_SECONDS, SLOWEST, KafkaLog
from shared.kafka.client_errors import ear_of
from shared.kafka.piece_size import FIRST_PIECE, LARGEST_PIECE, SMALLEST_PIECE, PieceSize

KIB = 1024


class Line:
    """A producer whose line takes so many bytes a second; ``room``: messages that its queue has place for."""

    def __init__(self, settings: Any, rate: float = 1e9, room: int = 10**9) -> None:
        self.told: Callable[[Any, Any], None] = settings["on_delivery"]
        self.rate, self.room = rate, room
        self.queued: list[int] = []
        self.handed: list[int] = []
        self.lanes: list[int] = []
        self.most = 0  # bytes queued at once
        self.refuses: KafkaError | None = None
        self.now = 0.0
        self.credit = 0.0
        self.purged = False

    def produce(self, topic: str, value: bytes, key: str, lane: int, headers: Any = None) -> None:
        if len(self.queued) >= self.room:
            raise BufferError
        if self.refuses is not None:
            self.topic = lambda: topic
            self.told(self.refuses, self)
        self.lanes.append(lane)
        self.queued.append(len(value))
        self.handed.append(len(value))
        self.most = max(self.most, sum(self.queued))

    def flush(self, seconds: float) -> int:
        self.now += seconds
        self.credit += seconds * self.rate
        while self.queued and self.queued[0] <= self.credit:
            self.credit -= self.queued.pop(0)
        if not self.queued:
            self.credit = 0
        return len(self.queued)

    def __len__(self) -> int:
        return len(self.queued)

    def purge(self) -> None:
        self.purged = True
        self.queued.clear()


@pytest.fixture
def out(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., tuple[KafkaLog, Line]]]:
    lines: list[Line] = []

    def make(**line: Any) -> tuple[KafkaLog, Line]:
        monkeypatch.setattr(client, "Producer", lambda settings: lines.append(Line(settings, **line)) or lines[-1])
        log = KafkaLog(Config())
        return log, log._open()

    monkeypatch.setattr(client.time, "monotonic", lambda: sum(line.now for line in lines))
    yield make
    ear_of(Config())._last = None


def messages(count: int, size: int = KIB) -> list[Message]:
    return [Message("account-state", 0, f"abbey/{n}", b"x" * size, []) for n in range(count)]


def test_what_takes_long_because_it_is_much_is_no_fault(out: Callable[..., tuple[KafkaLog, Line]]) -> None:
    log, line = out(rate=150_000)
    log.publish(messages(20_000))
    assert line.now > 4 * SILENCE_SECONDS
    assert len(line.handed) == 20_000
    assert line.most <= 2 * FIRST_PIECE


def test_a_dead_letter_of_a_partition_too_many_has_a_place_all_the_same(
    out: Callable[..., tuple[KafkaLog, Line]],
) -> None:
    """Only a dead letter has: whatever else has a lane that its topic lacks is a fault, and is not sent astray."""
    log, line = out()
    log.publish([Message(topic, 14, "abbey", b"{}", []) for topic in ("students-fetched-dlq", "students-assessed")])
    assert line.lanes == [2, 14]


def test_a_line_that_has_fallen_silent_is_given_up_in_the_middle(out: Callable[..., tuple[KafkaLog, Line]]) -> None:
    log, line = out(rate=0)
    with pytest.raises(Retryable, match=r"10 records not acknowledged: no answer in 30 s"):
        log.publish(messages(10))
    assert line.purged
    assert SILENCE_SECONDS <= line.now < SILENCE_SECONDS + 3


def test_one_large_record_has_the_time_that_it_needs(out: Callable[..., tuple[KafkaLog, Line]]) -> None:
    """It cannot go in pieces, and until it is acknowledged whole there is only silence."""
    log, line = out(rate=1.1 * SLOWEST)
    log.publish(messages(1, size=8 * KIB * KIB))
    assert line.now > 3 * SILENCE_SECONDS


def test_a_full_queue_is_waited_for(out: Callable[..., tuple[KafkaLog, Line]]) -> None:
    log, line = out(rate=1_000_000, room=7)
    log.publish(messages(100))
    assert len(line.handed) == 100
    assert not line.purged


def test_what_is_refused_names_the_topic_and_the_right(out: Callable[..., tuple[KafkaLog, Line]]) -> None:
    log, line = out(rate=0)
    line.refuses = KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)
    with pytest.raises(Retryable, match="may not WRITE topic account-state; allow WRITE on topic account-state"):
        log.publish(messages(1))
    assert line.now < SILENCE_SECONDS / 2  # at once
    assert line.purged


def test_a_client_that_refuses_at_once_names_them_too(
    out: Callable[..., tuple[KafkaLog, Line]], monkeypatch: pytest.MonkeyPatch
) -> None:
    log, line = out()

    def refuse(*_: Any, **__: Any) -> None:
        raise KafkaException(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))

    monkeypatch.setattr(line, "produce", refuse)
    with pytest.raises(Retryable, match="allow WRITE on topic account-state"):
        log.publish(messages(1))


def test_a_silence_is_told_with_what_the_client_said_of_its_road(out: Callable[..., tuple[KafkaLog, Line]]) -> None:
    log, _ = out(rate=0)
    ear_of(Config())(KafkaError(KafkaError._AUTHENTICATION, "SASL authentication error"))
    with pytest.raises(Retryable, match="refuses user ANONYMOUS or the password"):
        log.publish(messages(1))


@given(st.lists(st.tuples(st.integers(0, 10**9), st.floats(0, 10**6)), max_size=20))
def test_a_piece_is_never_nothing_and_never_all(taken: list[tuple[int, float]]) -> None:
    piece = PieceSize()
    for size, seconds in taken:
        piece.took(size, seconds)
        assert SMALLEST_PIECE <= piece.bytes <= LARGEST_PIECE


@pytest.mark.parametrize(
    ("size", "seconds", "then"),
    [
        pytest.param(FIRST_PIECE, 0.01, LARGEST_PIECE, id="a wide line"),
        pytest.param(FIRST_PIECE, 8.0, FIRST_PIECE // 4, id="a narrow one"),
        pytest.param(FIRST_PIECE // 2 - 1, 8.0, FIRST_PIECE, id="little says nothing of it"),
        pytest.param(FIRST_PIECE, 1000.0, SMALLEST_PIECE, id="the narrowest"),
    ],
)
def test_a_piece_is_what_the_line_takes_in_two_seconds(size: int, seconds: float, then: int) -> None:
    piece = PieceSize()
    piece.took(size, seconds)
    assert piece.bytes == then
