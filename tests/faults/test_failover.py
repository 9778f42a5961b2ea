"""A Redis that is, or has become, another than it was: story of a failover on a real primary and a real replica."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from services.sandbox.servers.brokers import Redis
from tests.faults.bench import Bench, a_bench
from tests.faults.proxy import HOST

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.e2e]


@contextmanager
def a_replica(folder: Path, primary: int) -> Iterator[Redis]:
    """A second Redis that has all of the first."""
    server = Redis(folder, say=lambda line: None)
    server.start()
    try:
        with client_of(server.port) as client:
            client.replicaof(HOST, primary)
            while client.info("replication")["master_link_status"] != "up":
                pass
        yield server
    finally:
        server.kill()


def client_of(port: int) -> "redis.Redis":
    return redis.Redis(host=HOST, port=port)


def promote(replica: Redis, bench: Bench) -> None:
    """The replica becomes the primary, and the other its replica; nobody's connection is closed."""
    with client_of(bench.brokers.redis.port) as old, client_of(replica.port) as new:
        while new.info("replication")["slave_repl_offset"] < old.info("replication")["master_repl_offset"]:
            pass
        new.replicaof("NO", "ONE")
        old.replicaof(HOST, replica.port)


def test_a_failover_is_waited_out_and_nobody_goes(tmp_path: Path) -> None:
    """
    The primary becomes a replica while everything runs and its connections stay open; later the address leads to the
    new primary. No service ends: each waits, and goes on by itself.

    Fails when ``shared.redis.client`` takes READONLY for a bug (every service ends), or keeps the connection on which
    it was told so (nobody ever reaches the new primary).
    """
    with a_bench(tmp_path, size=20) as bench, a_replica(tmp_path / "replica", bench.brokers.redis.port) as replica:
        town = bench.town
        town.open()
        first, *_ = town.isams.dump()["students"]
        promote(replica, bench)
        town.isams.change(first["schoolId"], surname="Meanwhile")
        town.until(lambda: "takes no writes" in town.programs.said("others"), "words about what is waited for")
        town.programs.check()
        bench.redis.target = replica.port
        town.until_unitu_agrees()
        town.programs.check()
        assert town.ever_disabled() == set()
