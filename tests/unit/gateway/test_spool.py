"""A gateway that cannot keep a body on disk says so, and asks for it again."""

import errno
import os
from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.gateway import spool as spool_module
from services.gateway.problems import Problem
from services.gateway.spool import spool, spool_fault


def fails(code: int | None) -> Any:
    def open_file() -> Any:
        if code is None:  # what tempfile raises where no folder will do
            raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']")
        raise OSError(code, os.strerror(code))

    return open_file


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (None, "or name another folder in TMPDIR"),
        (errno.EACCES, "Permission denied"),
        (errno.EROFS, "Read-only file system"),
        (errno.ENOSPC, "give it room"),
        (errno.EMFILE, "raise the limit (`ulimit -n`"),
    ],
)
def test_a_spool_that_cannot_be_written_is_told(monkeypatch: pytest.MonkeyPatch, code: int | None, words: str) -> None:
    assert spool_fault() is None
    monkeypatch.setattr(spool_module, "TemporaryFile", fails(code))
    fault = spool_fault()
    assert fault is not None
    assert words in fault


async def test_without_room_for_a_body_the_gateway_answers_503(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails when the file is opened where no error is expected: that was a bug of ours, 500."""
    monkeypatch.setattr(spool_module, "TemporaryFile", fails(None))

    async def pieces() -> AsyncIterator[bytes]:
        yield b"{}"

    with pytest.raises(Problem) as refused:
        await spool(pieces(), 100)
    assert (refused.value.status, refused.value.kind) == (503, "no-room")
    assert refused.value.headers["Retry-After"] == "60"
