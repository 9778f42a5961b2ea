"""What others on this machine may read, or know, that they should not: `rollcall check` warns of it. Opens nothing."""

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from services.operations.check.findings import Finding, finding
from services.operations.check.sample import State
from shared.config.secret_values import secrets_of
from shared.config.settings import Config

MADE_UP = {  # docker-compose.yml has these for its twins, where nobody gives others
    "made-up-abbey-unitu-key",
    "made-up-abbey-isams-secret",
    "made-up-northern-unitu-key",
    "made-up-northern-push-key",
    "made-up-key-of-the-operators",
}


def of_exposure(config: Config, files: Mapping[str, Path]) -> list[Finding]:
    """``files``: setting -> the file that it names and that nobody else should read."""
    found = [*_made_up(config), *_readable(files)]
    if not found:
        found = [finding("secrets", "kept", State.OK, "none is made up, and no others on this machine may read a file")]
    return [*found, *_no_key(config), *_photos(config.fetcher.photos_folder)]


def _no_key(config: Config) -> Iterator[Finding]:
    """Before anything is live nobody can lose an account by it."""
    if config.operators.key is None:
        is_live = any(tenant.mode == "live" for tenant in config.tenants.values())
        text = (
            "there is none: no hold can be released, and whoever can write to Kafka can adopt a roster; set key under "
            "[operators]"
        )
        yield finding("operators", "key", State.DEGRADED if is_live else State.OK, text)


def _made_up(config: Config) -> Iterator[Finding]:
    for setting, secret in secrets_of(config).items():
        if secret.get_secret_value() in MADE_UP:
            text = (
                "is the one that docker-compose.yml makes up, and everybody can read there; give a real one, by the "
                "environment or in .env"
            )
            yield finding("secrets", setting, State.DEGRADED, text)


def _readable(files: Mapping[str, Path]) -> Iterator[Finding]:
    for setting, path in files.items():
        if mode := open_to_others(path, stat.S_IROTH | stat.S_IWOTH):
            text = f"others on this machine may use {path} (mode {mode:o}); chmod o= {path}"
            yield finding("secrets", setting, State.DEGRADED, text)


def _photos(folder: Path | None) -> Iterator[Finding]:
    """A release before this one made it as the umask had it."""
    if folder is not None and (mode := open_to_others(folder, stat.S_IRWXO)):
        text = f"others on this machine may look into {folder} (mode {mode:o}); chmod -R go= {folder}"
        yield finding("fetcher", "photos", State.DEGRADED, text)


def open_to_others(path: Path, rights: int) -> int:
    """
    The mode of what gives others one of these rights, below folders that let them through; else 0. Whoever can read
    nothing of it is told by what uses it.
    """
    if os.name == "nt":  # no modes there
        return 0
    try:
        place = path.resolve()
        mode = stat.S_IMODE(place.stat().st_mode)
        is_reached = all(folder.stat().st_mode & stat.S_IXOTH for folder in place.parents)
    except OSError:
        return 0
    return mode if is_reached and mode & rights else 0
