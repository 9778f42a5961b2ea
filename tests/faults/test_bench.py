"""The bench itself: what it says to have done to a service, it has done."""

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from services.sandbox.servers.brokers import Addresses
from tests.conftest import ConfigFile
from tests.e2e.harness import Town, a_town
from tests.faults.bench import a_bench
from tests.faults.copies import Copies
from tests.faults.program import POINTS
from tests.faults.proxy import HOST, Proxy
from tests.unit.test_docs import points


@pytest.fixture
def echo() -> Iterator[int]:
    """The port of a server that says again what it is told."""
    with socket.create_server((HOST, 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=say_again, args=(connection,), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def say_again(connection: socket.socket) -> None:
    with connection, contextlib.suppress(ConnectionError):
        while data := connection.recv(100):
            connection.sendall(data)


def ask(connection: socket.socket) -> bytes:
    connection.sendall(b"?")
    return connection.recv(100)


def test_a_line_can_be_cut_silenced_and_slowed(echo: int) -> None:
    with Proxy(echo) as line, socket.create_connection((HOST, line.port), 30) as connection:
        assert ask(connection) == b"?"
        line.hang()
        connection.sendall(b"!")
        connection.settimeout(0.2)
        with pytest.raises(TimeoutError):
            connection.recv(100)
        connection.settimeout(30)
        line.mend()
        assert connection.recv(100) == b"!"
        line.delay(0.1)
        begun = time.monotonic()
        assert ask(connection) == b"?"
        assert time.monotonic() - begun >= 0.2
        line.cut()
        with pytest.raises(ConnectionError):
            ask(connection)
        # The reset may come before the client knows that it is connected.
        with pytest.raises(ConnectionError), socket.create_connection((HOST, line.port), 30) as another:
            ask(another)
        line.mend()
        with socket.create_connection((HOST, line.port), 30) as another:
            assert ask(another) == b"?"


def test_every_point_of_the_code_can_be_ordered() -> None:
    assert sorted(POINTS) == sorted(points())


@pytest.mark.redis
def test_a_copy_put_back_is_what_was_there(brokers: Addresses, prefix: str) -> None:
    with redis.Redis.from_url(brokers.redis) as client:
        client.hset(f"{prefix}a", mapping={"one": "1"})
        client.set(f"{prefix}b", "2", ex=1000)
        copies = Copies(brokers.redis, prefix)
        copy = copies.take()
        client.hset(f"{prefix}a", "one", "3")
        client.set(f"{prefix}c", "4")
        copies.put_back(copy)
        assert copies.keys() == ["a", "b"]
        assert client.hgetall(f"{prefix}a") == {b"one": b"1"}
        assert 0 < client.ttl(f"{prefix}b") <= 1000
        copies.delete("a")
        assert copies.keys() == ["b"]
        copies.empty()
        assert copies.keys() == []
        copies.close()


@pytest.fixture
def town(config_file: ConfigFile, tmp_path: Path) -> Iterator[Town]:
    with a_town(config_file, tmp_path) as town:
        yield town


@pytest.mark.kafka
@pytest.mark.redis
@pytest.mark.e2e
def test_a_process_stops_at_a_point_and_goes_on_from_there(town: Town) -> None:
    town.programs.at("reconciler", "decided", "stop", passes=1)
    town.start("reconciler")
    town.start("eligibility", "fetcher", process="front")
    town.programs.until_at("reconciler", "decided")
    before = len(town.records("account-changes"))
    town.until_sweeps_read(3)
    assert len(town.records("account-changes")) == before
    town.programs.leave("reconciler", "decided")
    town.until(lambda: len(town.records("account-changes")) > before, "the reconciler's next events")
    assert town.programs.end("reconciler")[0] == 0


@pytest.mark.kafka
@pytest.mark.redis
@pytest.mark.e2e
def test_brokers_of_ones_own_can_be_cut_off_restarted_and_emptied(tmp_path: Path) -> None:
    with a_bench(tmp_path, size=12) as bench:
        town = bench.town
        town.open()
        first = town.isams.dump()["students"][0]["schoolId"]
        assert all(line.taken for line in bench.lines.values())
        for line in bench.lines.values():
            line.drop()
        bench.brokers.redis.restart()
        bench.brokers.kafka.restart()
        town.isams.change(first, surname="Restarted")
        town.until_unitu_agrees()
        os.kill(bench.brokers.redis.pid, signal.SIGSTOP)
        town.isams.change(first, surname="Emptied")
        os.kill(bench.brokers.redis.pid, signal.SIGCONT)
        bench.copies.empty()
        town.until_unitu_agrees()
        assert town.ever_disabled() == set()
