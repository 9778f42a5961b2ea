"""Photos on disk, by the hash of their content: the same photo is kept once, and a file never changes."""

import os
import secrets
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from shared.errors import RollcallError

LARGEST_PHOTO = 5 * 1024 * 1024  # bytes; a portrait is some 50 kB
KINDS = (  # how a file begins, by its own account: what a header says of it may be a proxy's
    (b"\xff\xd8\xff", "image/jpeg", "jpg"),
    (b"\x89PNG\r\n\x1a\n", "image/png", "png"),
    (b"GIF87a", "image/gif", "gif"),
    (b"GIF89a", "image/gif", "gif"),
)


class Unfit(RollcallError):
    """What came is no photo that we keep."""


@dataclass(frozen=True)
class Photo:
    """One photo, judged. ``file``: where it belongs below the folder."""

    hash: str
    file: str
    content_type: str
    content: bytes


def judged(content: bytes) -> Photo:
    """Raises: Unfit, for what is too large or no JPEG, PNG or GIF."""
    if len(content) > LARGEST_PHOTO:
        raise Unfit(f"{len(content)} bytes, and a photo has at most {LARGEST_PHOTO}")
    for start, content_type, suffix in KINDS:
        if content.startswith(start):
            name = blake2b(content, digest_size=16).hexdigest()
            return Photo(name, f"{name[:2]}/{name}.{suffix}", content_type, content)
    raise Unfit("neither JPEG nor PNG nor GIF")


def keep(folder: Path, photo: Photo) -> None:
    """
    Whole or not at all; nobody but us may read it. Doing it twice, or by two fetchers at once, does no harm.

    Raises: OSError.
    """
    place = folder / photo.file
    if place.exists():
        return
    for made in (folder, place.parent):  # the mode is that of the last folder alone
        made.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = place.parent / f".{secrets.token_hex(8)}"
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(photo.content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(place)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
