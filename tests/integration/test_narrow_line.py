"""A school is as large as it is and a line as narrow: what takes long because it is much is no fault."""

import os
import time
from collections.abc import Iterator

import pytest

from services.sandbox.servers.brokers import Addresses
from shared.config.settings import Config
from shared.config.settings import Kafka as Settings
from shared.config.settings import Redis as RedisSettings
from shared.contract.codec import Message
from shared.contract.topics import ACCOUNT_STATE
from shared.errors import Retryable
from shared.kafka import client
from shared.kafka.admin import Topics
from shared.kafka.client import KafkaLog, Reader
from shared.redis import client as redis_client
from shared.redis.client import connect
from shared.redis.fenced_hashes import RedisFencedHashes
from tests.faults.proxy import Proxy
from tests.harness.guarded_kafka import GuardedKafka

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.xdist_group("guarded")]
BYTES_PER_SECOND = 150_000
PATIENCE_SECONDS = 2.0  # in place of the 30 that a service has, for a school that is as much smaller
STUDENTS = int(os.environ.get("NARROW_STUDENTS", "600"))  # 20,000 take seven minutes
RECORD_BYTES = 1_300
REDIS_PATIENCE_SECONDS = 2.0  # in place of 10
REDIS_BYTES_PER_SECOND = 300_000
REDIS_BYTES = 2 * REDIS_PATIENCE_SECONDS * REDIS_BYTES_PER_SECOND


def test_a_large_school_goes_over_a_narrow_line(
    guarded: GuardedKafka, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Fails when all of one ``publish`` must be acknowledged in one time: on a narrow line it never was, was sent again
    whole, and never ended. Read back over the same line, of which no answer may be larger than fits into its time.
    """
    if STUDENTS < 20_000:
        monkeypatch.setattr(client, "SILENCE_SECONDS", PATIENCE_SECONDS, raising=False)
        monkeypatch.setattr(client, "DELIVERY_SECONDS", PATIENCE_SECONDS, raising=False)
    address = {"bootstrap_servers": f"127.0.0.1:{guarded.line.port}", "partitions": 2, "topic_prefix": prefix}
    config = Config(kafka=Settings.model_validate(address))
    with Topics(config, open_seconds=60) as topics:
        topics.create()
    value = b"x" * RECORD_BYTES
    messages = [Message(ACCOUNT_STATE, 0, f"abbey/{n}", value, []) for n in range(STUDENTS)]
    out = KafkaLog(config)
    out.publish(messages[:1])  # it is open
    guarded.line.narrow(BYTES_PER_SECOND)
    try:
        began = time.monotonic()
        out.publish(messages)
        print(f"{STUDENTS} records published in {time.monotonic() - began:.0f} s")
        began = time.monotonic()
        with Reader(config) as reader:
            keys = [record.key for record in reader.read(ACCOUNT_STATE, 0)]
        print(f"and read in {time.monotonic() - began:.0f} s")
    finally:
        guarded.line.mend()
        out.close()
    assert keys[1:] == [one.key for one in messages]


@pytest.fixture
def line(brokers: Addresses) -> Iterator[Proxy]:
    with Proxy(int(brokers.redis.rpartition(":")[2].partition("/")[0])) as proxy:
        yield proxy


def test_a_large_lane_is_written_and_read_over_a_narrow_line(
    line: Proxy, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails when the time-out is of all that is sent at once: a lane's batch, or its rebuild, never gets through."""
    monkeypatch.setattr(redis_client, "TIMEOUT_SECONDS", REDIS_PATIENCE_SECONDS)
    address = {"url": f"redis://127.0.0.1:{line.port}/0", "key_prefix": prefix}
    store = RedisFencedHashes(connect(Config(redis=RedisSettings.model_validate(address))), prefix, "test")
    people = {f"abbey/{n}": bytes(RECORD_BYTES) for n in range(int(REDIS_BYTES / RECORD_BYTES))}
    line.narrow(REDIS_BYTES_PER_SECOND)
    try:
        assert store.write(0, None, b"one", {"people": dict(people)})
        assert store.read(0, whole=["people"]).whole["people"] == people
        assert store.replace(0, b"one", b"two", {"people": people})
    finally:
        line.mend()
    assert store.read(0).lane == b"two"


def test_a_redis_that_falls_silent_in_the_middle_is_given_up(
    line: Proxy, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_client, "TIMEOUT_SECONDS", 1.0)
    address = {"url": f"redis://127.0.0.1:{line.port}/0", "key_prefix": prefix}
    store = RedisFencedHashes(connect(Config(redis=RedisSettings.model_validate(address))), prefix, "test")
    assert store.write(0, None, b"one", {})
    line.hang()
    with pytest.raises(Retryable, match="Timeout"):
        store.write(0, b"one", b"two", {"people": {"abbey/1": bytes(int(REDIS_BYTES))}})
    line.mend()
