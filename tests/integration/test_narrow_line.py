"""A school is as large as it is and a line as narrow: what takes long because it is much is no fault."""

import os
import time

import pytest

from shared.config.settings import Config
from shared.config.settings import Kafka as Settings
from shared.contract.codec import Message
from shared.contract.topics import ACCOUNT_STATE
from shared.kafka import client
from shared.kafka.admin import Topics
from shared.kafka.client import KafkaLog, Reader
from tests.harness.guarded_kafka import GuardedKafka

pytestmark = [pytest.mark.kafka, pytest.mark.xdist_group("guarded")]
BYTES_PER_SECOND = 150_000
PATIENCE_SECONDS = 2.0  # in place of the 30 that a service has, for a school that is as much smaller
STUDENTS = int(os.environ.get("NARROW_STUDENTS", "600"))  # 20,000 take seven minutes
RECORD_BYTES = 1_300


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
