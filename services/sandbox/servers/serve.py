"""
Runs a twin on a loopback port: for tests in a thread, for people as `python -m services.sandbox.servers.serve isams
--port 0 --make abbey:1500:1`.

Prints ``listening on http://127.0.0.1:PORT`` once it answers.
"""

from __future__ import annotations

import argparse
import logging
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from services.sandbox.isams.twin import isams_app
from services.sandbox.schools.school import load_school, make_school
from services.sandbox.twin_client import IsamsTwin, UnituTwin
from services.sandbox.unitu.twin import unitu_app

APPS = {"isams": isams_app, "unitu": unitu_app}
START_SECONDS = 20.0
LEAVE_SECONDS = 1  # that open requests get when the server stops


class Server:
    """A twin in a thread. ``url`` answers from the moment that ``start`` returns."""

    def __init__(self, app: ASGIApp, port: int = 0) -> None:
        self._socket = socket.create_server(("127.0.0.1", port))
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        config = uvicorn.Config(
            app,
            log_config=None,  # the process says where its lines go
            log_level=logging.CRITICAL,
            access_log=False,
            lifespan="off",
            timeout_keep_alive=75,
            timeout_graceful_shutdown=LEAVE_SECONDS,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, args=([self._socket],), daemon=True, name=f"twin-{self.port}"
        )

    def start(self) -> Server:
        """Raises: TimeoutError, when the server does not come up."""
        self._thread.start()
        deadline = time.monotonic() + START_SECONDS
        while not self._server.started:
            if time.monotonic() > deadline or not self._thread.is_alive():
                raise TimeoutError(f"The twin did not start on {self.url}.")
            time.sleep(0.005)
        return self

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=LEAVE_SECONDS + 5)

    def wait(self) -> None:
        """Until the server stops."""
        while self._thread.is_alive():
            self._thread.join(timeout=0.5)


@contextmanager
def serving(app: ASGIApp, port: int = 0) -> Iterator[Server]:
    """``with serving(isams_app()) as server: server.url``."""
    server = Server(app, port).start()
    try:
        yield server
    finally:
        server.stop()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m services.sandbox.servers.serve", description=__doc__)
    parser.add_argument("twin", choices=APPS)
    parser.add_argument("--port", type=int, default=0, help="0: any that is free")
    parser.add_argument(
        "--school", type=Path, action="append", default=[], metavar="FILE", help="isams: a school's file"
    )
    parser.add_argument("--make", action="append", default=[], metavar="SLUG:SIZE:SEED", help="isams: a made-up school")
    parser.add_argument("--client-id", default="rollcall", help="isams: of every school given here")
    parser.add_argument("--client-secret", default="made-up", help="isams: of every school given here")
    parser.add_argument(
        "--university", action="append", default=[], metavar="NAME:API_KEY", help="unitu: one that exists"
    )
    given = parser.parse_args(arguments)
    server = Server(APPS[given.twin](), given.port).start()
    schools = [load_school(path) for path in given.school]
    schools += [
        make_school(slug, int(size), int(seed)) for slug, size, seed in (text.split(":") for text in given.make)
    ]
    for school in schools:
        with IsamsTwin(server.url, school.slug) as isams:
            isams.load(school, client_id=given.client_id, client_secret=given.client_secret)
    for name, _, key in (text.partition(":") for text in given.university):
        with UnituTwin(server.url, name) as unitu:
            unitu.create(api_key=key)
    print(f"listening on {server.url}", flush=True)
    try:
        server.wait()
    except KeyboardInterrupt:
        server.stop()


if __name__ == "__main__":
    main()
