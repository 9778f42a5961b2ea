"""Which of a student's records is the newest: by its reading, and no clock is believed alone."""

from pathlib import Path

import pytest

from services.operations.errors import Code, OperationError
from services.operations.profile import newest_of, profile_of, read_at
from shared import clock
from shared.contract.codec import Record, encode
from shared.contract.profiles import PHOTO, PROFILE, PhotoFetched, Profile, ProfileFetched, key_of
from shared.contract.topics import PROFILES_FETCHED
from tests.harness.builders import SCHOOL, at
from tests.harness.pipeline import a_config

ONE = "3050000001"
DAY = 24 * 60
VALUE = encode(ProfileFetched(school=SCHOOL, profile=Profile(student_id=ONE, last_name="Fern")))


def told(offset: int, minutes: float, appended: float | None) -> Record:
    """A profile read at that minute by its reader's clock, and taken by Kafka at another."""
    taken = None if appended is None else clock.millis(at(appended))
    text = {"read_at": at(minutes)}
    return Record(PROFILES_FETCHED, 0, offset, key_of(SCHOOL, ONE, PROFILE), VALUE, text, appended=taken)


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


def a_photo() -> Record:
    fetched = PhotoFetched(
        school=SCHOOL, student_id=ONE, photo_id=7, hash="h", file="h.jpg", content_type="image/jpeg", size=3
    )
    key = key_of(SCHOOL, ONE, PHOTO)
    return Record(PROFILES_FETCHED, 0, 9, key, encode(fetched), {"read_at": at(1)}, appended=clock.millis(at(1)))


def test_a_photo_is_told_with_whether_its_file_is_here(tmp_path: Path) -> None:
    config = a_config(tmp_path)
    found = profile_of(config, SCHOOL, ONE, [told(1, 0, 0), a_photo()])
    assert found.profile == Profile(student_id=ONE, last_name="Fern")
    assert found.photo is not None
    assert (found.photo.path, found.photo.is_there, found.transcript) == (None, False, None)
    assert found.read_at == {PROFILE: at(0), PHOTO: at(1)}
    full = found.in_full()
    assert list(full) == ["school", "student_id", "profile", "photo", "transcript", "read_at"]
    assert full["profile"]["house"] is None, "programs get each field, told or not"
    fetcher = config.fetcher.model_copy(update={"photos_folder": tmp_path})
    (tmp_path / "h.jpg").write_bytes(b"jpg")
    found = profile_of(config.model_copy(update={"fetcher": fetcher}), SCHOOL, ONE, [a_photo()])
    assert found.photo is not None
    assert (found.photo.path, found.photo.is_there, found.profile) == (str(tmp_path / "h.jpg"), True, None)


def test_of_whom_nothing_is_told_that_is_a_refusal(tmp_path: Path) -> None:
    with pytest.raises(OperationError, match="nothing is told of a student 7") as refused:
        profile_of(a_config(tmp_path), SCHOOL, "7", [told(1, 0, 0)])
    assert (refused.value.code, "rollcall sync" in refused.value.fix) == (Code.NOTHING_TOLD, True)
