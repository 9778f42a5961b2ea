"""A log that was cut short is known by the epochs of its leaders, and read from its first record then."""

import pytest

from shared.contract.codec import Record
from shared.errors import Retryable
from shared.kafka.continuity import Continuity, Place

HERE: Place = ("students-fetched", 3)


class Log:
    """Offset by offset the epoch of who took the record; ``first`` is the first that is still there."""

    def __init__(self, *epochs: int) -> None:
        self.epochs = list(epochs)
        self.first = 0
        self.looks: list[int] = []
        self.begun = 0
        self.continuity = Continuity(self.epoch_at, self.begin)

    def epoch_at(self, place: Place, offset: int) -> int | None:
        self.looks.append(offset)
        return self.epochs[offset] if offset < len(self.epochs) else None

    def begin(self, place: Place) -> int:
        self.begun += 1
        return self.first

    def read(self, start: int, end: int) -> list[int]:
        """What is taken of these."""
        records = [Record(*HERE, offset, "abbey", b"", epoch=self.epochs[offset]) for offset in range(start, end)]
        followers = self.continuity.follows(records)
        self.continuity.taken(followers)
        return [record.offset for record in followers]


def test_one_leader_costs_no_look() -> None:
    log = Log(1, 1, 1, 1)
    assert log.read(0, 2) + log.read(2, 4) == [0, 1, 2, 3]
    assert log.looks == []


def test_another_leader_that_has_what_was_taken_costs_one_look() -> None:
    log = Log(1, 1, 2, 2, 3)
    assert log.read(0, 2) + log.read(2, 5) == [0, 1, 2, 3, 4]
    assert log.looks == [1, 3]
    assert log.begun == 0


@pytest.mark.parametrize("epochs", [(1, 1, 3, 3, 3, 3), (3, 3, 3, 3, 3, 3)], ids=["in the middle", "at its beginning"])
def test_what_comes_after_a_cut_is_read_from_the_first_record(epochs: tuple[int, ...]) -> None:
    """Fails when it is read on where it was: what came in place of what was lost is never taken."""
    log = Log(1, 1, 1, 1)
    log.read(0, 4)
    log.epochs = list(epochs)
    assert log.read(4, 6) == []
    assert log.begun == 1
    assert log.read(5, 6) == [], "what the client still holds would hide what comes before it"
    assert log.read(0, 6) == [0, 1, 2, 3, 4, 5]
    assert log.read(5, 6) == [5]


def test_a_place_that_is_anothers_now_is_forgotten() -> None:
    log = Log(1, 1, 2, 2)
    log.read(0, 2)
    log.continuity.left([HERE])
    assert log.read(2, 4) == [2, 3]
    assert log.looks == []


def test_what_was_committed_is_what_was_taken() -> None:
    log = Log(1, 1, 3, 3, 3, 3)
    log.continuity.knows(HERE, 3, 1)
    assert log.read(4, 6) == []
    assert log.begun == 1


def test_a_record_that_is_not_there_any_more_tells_nothing() -> None:
    log = Log(1, 1)
    log.continuity.knows(HERE, 9, 0)
    assert log.read(0, 2) == [0, 1]


def test_who_cannot_ask_has_taken_nothing() -> None:
    log = Log(1, 1, 2)
    log.read(0, 2)

    def away(place: Place, offset: int) -> int | None:
        raise Retryable("away")

    log.continuity._epoch_at, asks = away, log.continuity._epoch_at
    with pytest.raises(Retryable):
        log.read(2, 3)
    log.continuity._epoch_at = asks
    log.epochs = [1, 2, 2]
    assert log.read(2, 3) == []
