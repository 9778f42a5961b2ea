"""Which settings are secrets, and which files nobody else should read: for `rollcall check`, and for tests. Pure."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr

from shared.config.faults import dotted

FILES_OF_PEOPLE = ("protected",)  # settings whose files hold pupils


def secrets_of(config: BaseModel) -> dict[str, SecretStr]:
    """Setting -> its secret, of all that are set."""
    return dict(_secrets((), config))


def _secrets(key: tuple[str, ...], value: object) -> Iterator[tuple[str, SecretStr]]:
    match value:
        case SecretStr():
            yield dotted(key), value
        case BaseModel():
            for name in type(value).model_fields:
                yield from _secrets((*key, name), getattr(value, name))
        case dict():
            for name, one in value.items():
                yield from _secrets((*key, str(name)), one)


def secret_files(tree: Mapping[str, Any], folder: Path) -> dict[str, Path]:
    """
    Setting -> the file that holds its secret, or pupils. ``tree``: the configuration as it was read; paths are relative
    to ``folder``.
    """
    return {dotted(key): folder / name for key, name in _files((), tree)}


def _files(key: tuple[str, ...], value: object) -> Iterator[tuple[tuple[str, ...], str]]:
    match value:
        case {"file": str(name), **rest} if not rest:
            yield key, name
        case str(name) if key[-1:] and key[-1] in FILES_OF_PEOPLE:
            yield key, name
        case dict():
            for name, one in value.items():
                yield from _files((*key, str(name)), one)
