"""Which of a student's records is the newest: by its reading, and no clock is believed alone."""

import pytest

from services.cli.profile import newest_of, read_at
from shared import clock
from shared.contract.codec import Record
from shared.contract.profiles import PROFILE, key_of
from shared.contract.topics import PROFILES_FETCHED
from tests.harness.builders import SCHOOL, at

ONE = "3050000001"
DAY = 24 * 60


def told(offset: int, minutes: float, appended: float | None) -> Record:
    """A profile read at that minute by its reader's clock, and taken by Kafka at another."""
    taken = None if appended is None else clock.millis(at(appended))
    text = {"read_at": at(minutes)}
    return Record(PROFILES_FETCHED, 0, offset, key_of(SCHOOL, ONE, PROFILE), b"{}", text, appended=taken)


@pytest.mark.parametrize(
    ("records", "newest"),
    [
        pytest.param([told(1, 0, 0), told(2, 5, 5)], 2, id="the later reading"),
        pytest.param([told(1, 5, 5), told(2, 0, 6)], 1, id="a stale fetcher's late record"),
        pytest.param([told(1, DAY, 0), told(2, 5, 5)], 2, id="a clock that was a day ahead hides nothing"),
        pytest.param([told(1, DAY, None), told(2, 5, None)], 1, id="where Kafka does not say, clocks are believed"),
    ],
)
def test_the_newest_reading_is_told(records: list[Record], newest: int) -> None:
    assert newest_of(records, SCHOOL, ONE)[PROFILE].offset == newest


def test_nothing_is_told_as_read_after_kafka_took_it() -> None:
    assert read_at(told(1, DAY, 0)) == at(0)
