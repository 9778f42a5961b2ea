"""
The Kafka and the Redis of one test run: started once, by the process that leads the run, when the first test asks.

With several workers the leader serves them all: a worker leaves a note in a shared folder, the leader starts the
servers and writes their addresses there.
"""

import json
import threading
import time
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

from services.sandbox.servers.brokers import Addresses, Embedded, from_environment

KINDS = ("embedded", "containers", "external")
WAIT_SECONDS = 300  # the first time, the jars are downloaded
KAFKA_IMAGE = "confluentinc/cp-kafka:7.6.0"
REDIS_IMAGE = "redis:7.2-alpine"


class Leader:
    """Starts the servers at the first wish, and ends them with the run."""

    def __init__(self, folder: Path, kind: str) -> None:
        self._folder = folder
        self._kind = kind
        self._stack = ExitStack()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while not self._done.wait(0.05):
            if (self._folder / "wanted").exists():
                self._answer()
                return

    def _answer(self) -> None:
        try:
            addresses = self._start()
            answer = {"kafka": addresses.kafka, "redis": addresses.redis}
        except Exception as error:  # told to whoever waits, who raises it
            answer = {"error": f"{type(error).__name__}: {error}"}
        (self._folder / "answer.new").write_text(json.dumps(answer))
        (self._folder / "answer.new").rename(self._folder / "answer")

    def _start(self) -> Addresses:
        if self._kind == "external":
            addresses = from_environment()
            if addresses is None:
                raise RuntimeError("set ROLLCALL__KAFKA__BOOTSTRAP_SERVERS and ROLLCALL__REDIS__URL")
            return addresses
        if self._kind == "containers":
            return self._containers()
        return self._stack.enter_context(Embedded(say=lambda line: None)).addresses

    def _containers(self) -> Addresses:
        from testcontainers.community.kafka import KafkaContainer
        from testcontainers.community.redis import RedisContainer

        kafka: Any = KafkaContainer(image=KAFKA_IMAGE).with_kraft()
        redis: Any = RedisContainer(image=REDIS_IMAGE)
        for container in (kafka, redis):
            entered: AbstractContextManager[Any] = container
            self._stack.enter_context(entered)
        return Addresses(
            kafka.get_bootstrap_server(),
            f"redis://{redis.get_container_host_ip()}:{redis.get_exposed_port(redis.port)}/0",
        )

    def end(self) -> None:
        self._done.set()
        self._thread.join()
        self._stack.close()


def ask(folder: Path) -> Addresses:
    """The addresses of this run's servers, from whichever process. Raises: RuntimeError with the leader's reason."""
    (folder / "wanted").touch()
    deadline = time.monotonic() + WAIT_SECONDS
    while not (folder / "answer").exists():
        if time.monotonic() > deadline:
            raise RuntimeError(f"no servers within {WAIT_SECONDS} s")
        time.sleep(0.05)
    answer = json.loads((folder / "answer").read_text())
    if "error" in answer:
        raise RuntimeError(answer["error"])
    return Addresses(answer["kafka"], answer["redis"])
