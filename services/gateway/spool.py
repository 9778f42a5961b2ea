"""A body on its way in: to a file that has no name, so that whatever happens nothing of it stays on the disk."""

import asyncio
import errno
from collections.abc import AsyncIterator
from http import HTTPStatus
from tempfile import TemporaryFile, gettempdir
from typing import IO

from services.gateway.problems import Problem, later
from shared.kafka.error_words import FILES

SILENCE_SECONDS = 30.0  # between two pieces of a body; a sender that says nothing for longer is gone
NO_ROOM_SECONDS = 60  # until a body should be sent again for which there is no room
PIECE = 1024 * 1024  # bytes written at once


async def spool(pieces: AsyncIterator[bytes], max_bytes: int) -> IO[bytes]:
    """
    All of a body, on disk; the caller closes it. Raises: Problem, and then nothing is left.
    """
    try:
        file: IO[bytes] = await asyncio.to_thread(TemporaryFile)
    except OSError as error:
        raise no_room(error) from error
    try:
        await _fill(file, pieces, max_bytes)
    except OSError as error:
        file.close()
        raise no_room(error) from error
    except BaseException:
        file.close()
        raise
    return file


def no_room(error: OSError) -> Problem:
    """Not where: that is for the log, and for `rollcall check`."""
    why = error.strerror or "there is no folder for it"
    return later("no-room", f"The body could not be kept on disk: {why}.", NO_ROOM_SECONDS)


def spool_fault() -> str | None:
    """Why no body can be kept on disk, and what to do; None if one can."""
    try:
        with TemporaryFile() as file:
            file.write(b"{}")
            file.flush()
    except OSError as error:
        if error.errno in (errno.EMFILE, errno.ENFILE):
            return f"no body can be kept on disk: {FILES}"
        return (
            f"no body can be kept on disk ({error.strerror or error}); make {_folder()} writable and give it room, or "
            "name another folder in TMPDIR"
        )
    return None


def _folder() -> str:
    try:
        return gettempdir()
    except OSError:
        return "a folder for temporary files"


async def _fill(file: IO[bytes], pieces: AsyncIterator[bytes], max_bytes: int) -> None:
    received = 0
    waiting = bytearray()
    while True:
        try:
            piece = await asyncio.wait_for(anext(pieces), SILENCE_SECONDS)
        except StopAsyncIteration:
            break
        except TimeoutError:
            detail = f"Nothing came for {SILENCE_SECONDS:.0f} s."
            raise Problem(HTTPStatus.REQUEST_TIMEOUT, "body-stalled", detail, headers={"Connection": "close"}) from None
        received += len(piece)
        if received > max_bytes:
            raise too_large(max_bytes)
        waiting += piece
        if len(waiting) >= PIECE:
            await asyncio.to_thread(file.write, bytes(waiting))
            waiting.clear()
    await asyncio.to_thread(_finish, file, bytes(waiting))


def _finish(file: IO[bytes], rest: bytes) -> None:
    file.write(rest)
    file.flush()


def too_large(max_bytes: int) -> Problem:
    return Problem(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "body-too-large",
        f"A body may have at most {max_bytes} bytes (gateway.max_body_bytes).",
        more={"max_body_bytes": max_bytes},
    )
