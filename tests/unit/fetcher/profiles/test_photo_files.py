"""Which photos are kept, and where."""

import stat
from pathlib import Path

import pytest

from services.fetcher.profiles import photo_files
from services.fetcher.profiles.photo_files import LARGEST_PHOTO, Unfit, judged, keep

PNG = b"\x89PNG\r\n\x1a\n" + b"made up"


@pytest.mark.parametrize(
    ("content", "content_type", "suffix"),
    [
        (b"\xff\xd8\xff\xe0 made up", "image/jpeg", ".jpg"),
        (PNG, "image/png", ".png"),
        (b"GIF89a made up", "image/gif", ".gif"),
    ],
)
def test_a_photo_is_known_by_its_content(content: bytes, content_type: str, suffix: str) -> None:
    photo = judged(content)
    assert (photo.content_type, Path(photo.file).suffix, Path(photo.file).stem) == (content_type, suffix, photo.hash)
    assert judged(content + b".").hash != photo.hash


@pytest.mark.parametrize(
    "content",
    [b"", b"<!doctype html>", b"%PDF-1.7", b"<svg/>", PNG + b"\0" * LARGEST_PHOTO],
    ids=["nothing", "a page", "a document", "a drawing that may run", "too large"],
)
def test_what_is_no_photo_is_not_kept(content: bytes) -> None:
    with pytest.raises(Unfit):
        judged(content)


def test_a_photo_is_kept_once_whole_and_for_nobody_else(tmp_path: Path) -> None:
    photo = judged(PNG)
    keep(tmp_path / "photos", photo)
    place = tmp_path / "photos" / photo.file
    before = place.stat()
    keep(tmp_path / "photos", photo)
    assert place.read_bytes() == PNG
    assert stat.S_IMODE(before.st_mode) == 0o600
    assert {stat.S_IMODE(one.stat().st_mode) for one in (place.parent, tmp_path / "photos")} == {0o700}
    assert place.stat().st_mtime_ns == before.st_mtime_ns
    assert [one.name for one in place.parent.iterdir()] == [place.name]


def test_a_crash_while_it_is_written_leaves_no_photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails when the file is written under its own name: half of it would be shown."""

    def die(_: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(photo_files.os, "fsync", die)
    photo = judged(PNG)
    with pytest.raises(OSError, match="no space"):
        keep(tmp_path, photo)
    assert list((tmp_path / photo.file).parent.iterdir()) == []
