"""Which records a lane has had: by the source's name, the leader's epoch and the offset."""

import pytest

from shared.contract.causes import Causes, cause_of

SOURCE = "students-fetched@one"


def cause(epoch: int, offset: int, source: str = SOURCE) -> bytes:
    return cause_of(source, epoch, offset).encode()


@pytest.mark.parametrize(
    ("epoch", "offset", "is_news"),
    [
        pytest.param(4, 100, False, id="the same"),
        pytest.param(4, 101, True, id="the next"),
        pytest.param(4, 99, False, id="a repeat"),
        pytest.param(5, 101, True, id="another leader"),
        pytest.param(5, 40, True, id="another leader, of a log that was cut short"),
        pytest.param(3, 500, False, id="what a stale owner still has of what was cut off"),
        pytest.param(-1, 100, False, id="no epoch is told: a repeat"),
        pytest.param(-1, 101, True, id="no epoch is told: the next"),
    ],
)
def test_what_was_taken_is_known_by_epoch_and_offset(epoch: int, offset: int, is_news: bool) -> None:
    causes = Causes({SOURCE: 100}, {SOURCE: 4})
    assert causes.is_news(cause(epoch, offset)) is is_news
    assert not causes.is_news(cause(epoch, offset)), "twice it is a repeat"


@pytest.mark.parametrize(("offset", "is_news"), [(100, False), (101, True)])
def test_what_an_older_release_kept_is_compared_by_its_offset(offset: int, is_news: bool) -> None:
    causes = Causes({SOURCE: 100}, {})
    assert causes.is_news(cause(7, offset)) is is_news
    assert causes.epochs == ({SOURCE: 7} if is_news else {})


def test_the_highest_goes_back_with_a_log_that_was_cut_short() -> None:
    causes = Causes({SOURCE: 100}, {SOURCE: 4})
    assert [causes.is_news(cause(5, offset)) for offset in (40, 41, 41, 42)] == [True, True, False, True]
    assert (causes.offsets, causes.epochs) == ({SOURCE: 42}, {SOURCE: 5})


def test_another_topic_has_been_seen_nothing_of() -> None:
    causes = Causes({SOURCE: 100}, {SOURCE: 4})
    assert causes.is_news(cause(0, 0, "students-fetched@another"))
    assert causes.offsets[SOURCE] == 100


@pytest.mark.parametrize("unreadable", [None, b"", b"students-fetched", b"students-fetched:many", b"a#b:c"])
def test_a_cause_that_cannot_be_read_is_no_repeat(unreadable: bytes | None) -> None:
    causes = Causes({SOURCE: 100}, {})
    assert causes.is_news(unreadable)
    assert causes.offsets == {SOURCE: 100}
