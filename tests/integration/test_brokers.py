"""The Kafka and the Redis of a laptop, for real: they keep what they took, and leave nothing when we go."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic
from redis import Redis

from services.sandbox.servers import loopback
from services.sandbox.servers.brokers import Addresses, Embedded
from services.sandbox.servers.loopback import CannotStart

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

COMMAND = [sys.executable, "-m", "services.sandbox.servers.brokers"]


@pytest.fixture(scope="module")
def brokers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    with Embedded(tmp_path_factory.mktemp("brokers")) as both:
        yield both


def write(addresses: Addresses, what: str) -> None:
    admin = AdminClient({"bootstrap.servers": addresses.kafka})
    admin.create_topics([NewTopic(what, 1, 1)])[what].result()
    producer = Producer({"bootstrap.servers": addresses.kafka, "message.max.bytes": 16 * 1024 * 1024, "linger.ms": 0})
    producer.produce(what, what.encode() * 1_000_000)  # larger than what Kafka takes unless told to
    assert producer.flush(30) == 0
    assert Redis.from_url(addresses.redis).set(what, what)


def read(addresses: Addresses, what: str) -> tuple[bytes | None, bytes | None]:
    settings = {"bootstrap.servers": addresses.kafka, "group.id": what, "auto.offset.reset": "earliest"}
    consumer = Consumer({**settings, "fetch.message.max.bytes": 16 * 1024 * 1024})
    consumer.subscribe([what])
    deadline = time.monotonic() + 120
    # the client may tell first that a Kafka which has just begun does not know the topic or the group yet
    while (message := consumer.poll(1)) is None or message.error():
        assert time.monotonic() < deadline, message
    consumer.close()
    value = message.value()
    return (value[: len(what)] if value else None, Redis.from_url(addresses.redis).get(what))  # type: ignore[return-value]


def test_both_keep_what_they_took_through_a_kill(brokers: Embedded) -> None:
    write(brokers.addresses, "kept")
    before = brokers.addresses, brokers.kafka.pid, brokers.redis.pid
    for server in (brokers.kafka, brokers.redis):
        server.kill()
        assert not server.running()
    for server in (brokers.kafka, brokers.redis):
        server.start()
    assert (brokers.addresses == before[0], brokers.kafka.pid != before[1], brokers.redis.pid != before[2]) == (
        True,
    ) * 3
    assert read(brokers.addresses, "kept") == (b"kept", b"kept")


def test_redis_keeps_state_as_state_must_be_kept(brokers: Embedded) -> None:
    redis = Redis.from_url(brokers.addresses.redis, decode_responses=True)
    wanted = {"appendonly": "yes", "maxmemory-policy": "noeviction", "save": "", "bind": "127.0.0.1"}
    assert {name: redis.config_get(name)[name] for name in wanted} == wanted
    packed = redis.config_get("hash-max-*-entries")
    assert set(packed.values()) == {"64"}


def test_a_topic_is_made_by_intent_alone(brokers: Embedded) -> None:
    producer = Producer({"bootstrap.servers": brokers.addresses.kafka, "message.timeout.ms": 1500})
    failed: list[object] = []
    producer.produce("misspelt", b"x", on_delivery=lambda error, _: failed.append(error))
    producer.flush(20)
    assert failed[0] is not None
    assert "misspelt" not in AdminClient({"bootstrap.servers": brokers.addresses.kafka}).list_topics(timeout=10).topics


def test_who_ends_by_itself_is_reported_with_its_last_words(brokers: Embedded) -> None:
    os.kill(brokers.redis.pid, signal.SIGTERM)
    with pytest.raises(CannotStart, match=r"(?s)Redis ended with exit code 0; from .*SIGTERM"):
        brokers.watch()
    brokers.redis.start()


def test_a_port_that_is_taken_meanwhile_is_left_to_its_owner(
    brokers: Embedded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken, free_ports = [brokers.kafka.port, brokers.redis.port], loopback.free_ports
    looks = iter([taken[1:], taken])  # Redis looks first
    monkeypatch.setattr(loopback, "free_ports", lambda count: next(looks, None) or free_ports(count))
    with Embedded(tmp_path) as others:
        assert next(looks, None) is None
        assert not {others.kafka.port, others.redis.port} & set(taken)


def test_a_folder_is_for_one_at_a_time(brokers: Embedded) -> None:
    with pytest.raises(CannotStart, match="in use"), Embedded(brokers.folder):
        pass
    assert brokers.kafka.answers()
    assert brokers.redis.answers()


def test_a_folder_keeps_what_they_took_for_the_next(tmp_path: Path) -> None:
    with Embedded(tmp_path) as first:
        write(first.addresses, "kept")
    with Embedded(tmp_path) as second:
        assert read(second.addresses, "kept") == (b"kept", b"kept")


@contextmanager
def command(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """The brokers as a command, with this folder for temporary files."""
    with subprocess.Popen(COMMAND, stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(folder)}) as us:
        try:
            yield us
        finally:
            us.kill()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_command_leaves_nothing_behind(tmp_path: Path, how: signal.Signals) -> None:
    with command(tmp_path) as us:
        assert us.stdout
        said = dict(us.stdout.readline().strip().split("=", 1) for _ in range(2))
        redis = Redis.from_url(said["ROLLCALL__REDIS__URL"])
        redis_pid = redis.info("server")["process_id"]
        assert len(processes_with(str(tmp_path))) == 3  # Kafka and two guards; Redis gives itself another title
        us.send_signal(how)
        us.wait(120)
    assert us.returncode == (0 if how != signal.SIGKILL else -signal.SIGKILL)
    assert eventually(
        lambda: not processes_with(str(tmp_path)) and not runs(redis_pid) and not list(tmp_path.iterdir())
    )


@pytest.mark.parametrize("after", [0.0, 0.1, 0.4, 0.9])
def test_ctrl_c_while_they_start_leaves_nothing_behind(tmp_path: Path, after: float) -> None:
    with command(tmp_path) as us:
        assert eventually(lambda: any(tmp_path.iterdir()) and processes_with(str(tmp_path)))  # it is past its imports
        time.sleep(after)  # a moment of the start, whichever it is on this machine
        us.send_signal(signal.SIGINT)
        us.wait(120)
    assert us.returncode == 0
    assert list(tmp_path.iterdir()) == []
    assert processes_with(str(tmp_path)) == []


def eventually(condition: Callable[[], bool], seconds: float = 60) -> bool:
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.02)
    return condition()


def processes_with(words: str) -> list[int]:
    said = subprocess.run(["ps", "-ww", "-eo", "pid=,stat=,args="], capture_output=True, text=True, check=True).stdout
    lines = [line.split(None, 2) for line in said.splitlines() if words in line]
    return [int(pid) for pid, state, _ in lines if not state.startswith("Z")]


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
