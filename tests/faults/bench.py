"""
A town on brokers of its own, every line of which can be cut: the bench for faults.

Most stories need no more than a town on the run's brokers (``a_town(config_file, tmp_path)``). What a town gives::

    town.start("reconciler"); town.start("eligibility", "fetcher", process="front")     # one process each
    town.programs.kill("front"); town.programs.restart("reconciler")                    # kill -9
    town.programs.stop("reconciler"); town.programs.go_on("reconciler")                 # SIGSTOP, SIGCONT: now
    code, seconds = town.programs.end("reconciler")                                     # SIGTERM
    town.programs.at("reconciler", "published-0", "kill")           # at a point, in a process that runs or will run
    town.programs.at("reconciler", "decided", "stop", passes=2)     # the points are listed in docs/faults.md
    town.programs.until_at("reconciler", "decided"); town.programs.leave("reconciler", "decided")
    town.programs.start("second", "reconciler")                     # shares the first one's lanes, takes over from it
    town.programs.start("stale", "reconciler", group="other")       # owns all lanes as the first does: a stale owner
    town.programs.start("fetcher-2", "fetcher")                     # two fetchers share the school by its lease

and what is in Redis of it, at one instant for everybody::

    copies = Copies(town.config.redis.url, town.config.redis.key_prefix)
    copy = copies.take(); copies.put_back(copy); copies.empty(); copies.delete(copies.keys("students:abbey")[0])

A story that restarts brokers, or that loses a connection, has brokers of its own, since others share the run's::

    with a_bench(tmp_path) as bench:                                # takes what a_town takes: size, tenant, school
        bench.town.open()
        bench.brokers.kafka.restart(); bench.brokers.redis.kill(); bench.brokers.redis.start()
        bench.kafka.cut(); bench.redis.hang(); bench.isams.delay(0.2); bench.unitu.drop()       # and each one's mend()
        bench.copies.empty()

The services reach all four through their proxies; the town itself looks at Kafka and at Redis through them too, so it
must not look at what is cut. It speaks with the twins directly.
"""

import os
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from services.sandbox.servers.brokers import Addresses, Embedded
from tests.conftest import writer
from tests.e2e.harness import Town, a_town
from tests.faults.copies import Copies
from tests.faults.proxy import HOST, Proxy


@dataclass(frozen=True)
class Bench:
    """``kafka``, ``redis``, ``isams`` and ``unitu`` are the lines to them; ``brokers`` has the servers."""

    town: Town
    brokers: Embedded
    kafka: Proxy
    redis: Proxy
    isams: Proxy
    unitu: Proxy
    copies: Copies

    @property
    def lines(self) -> dict[str, Proxy]:
        return {name: getattr(self, name) for name in ("kafka", "redis", "isams", "unitu")}


@contextmanager
def a_bench(folder: Path, **town: Any) -> Iterator[Bench]:
    """``town``: as for ``a_town``. Takes some five seconds: a Kafka must start."""
    with ExitStack() as stack:
        kafka, redis, isams, unitu = (stack.enter_context(Proxy()) for _ in range(4))
        brokers = stack.enter_context(Embedded(advertised=kafka.port, say=lambda line: None))
        kafka.target, redis.target = brokers.kafka.port, brokers.redis.port
        twins = iter((isams, unitu))

        def through(url: str) -> str:
            proxy = next(twins)
            proxy.target = int(url.rpartition(":")[2])
            return f"http://{HOST}:{proxy.port}"

        addresses = Addresses(f"{HOST}:{kafka.port}", f"redis://{HOST}:{redis.port}/0")
        stack.enter_context(patch.dict(os.environ, addresses.environment()))  # it would name the run's own brokers
        write = writer(addresses, f"t{uuid.uuid4().hex[:10]}-", folder)
        made = stack.enter_context(a_town(write, folder, through=through, **town))
        copies = Copies(brokers.addresses.redis, made.config.redis.key_prefix)
        stack.callback(copies.close)
        yield Bench(made, brokers, kafka, redis, isams, unitu, copies)
