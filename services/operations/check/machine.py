"""What the machine that the check runs on gives: a folder for photos, and open files. Nothing is left behind."""

import resource
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile

from services.operations.check.findings import Finding, finding
from services.operations.check.sample import State
from shared.config.settings import Config

FILES_WANTED = 1024  # what Linux gives by default; a process has one for each connection, and some dozens of its own


def of_machine(config: Config) -> list[Finding]:
    return [*_photos(config.fetcher.photos_folder), *_open_files()]


def _photos(folder: Path | None) -> Iterator[Finding]:
    if folder is None:
        return
    place = next((one for one in (folder, *folder.absolute().parents) if one.exists()), folder)  # made on first use
    try:
        with TemporaryFile(dir=place) as file:
            file.write(b"photo")
            file.flush()
    except OSError as error:
        text = f"no photo can be kept ({error.strerror or error}); make {place} a folder that can be written, "
        yield finding("fetcher", "photos", State.DEGRADED, f"{text}or change photos_folder under [fetcher]")


def _open_files() -> Iterator[Finding]:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < FILES_WANTED:
        text = f"a process here may have {soft} open files; raise it to {FILES_WANTED} or more (ulimit -n)"
        yield finding("machine", "open files", State.DEGRADED, text)
