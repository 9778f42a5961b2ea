"""On brokers that are not ours: take away what we put there, which all bears our prefix."""

import contextlib

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from shared.config import Config
from shared.kafka import client_settings
from shared.redis import connect

SECONDS = 5.0  # for each question


def leave_nothing(config: Config, prefix: str) -> None:
    """Topics, groups and keys whose names begin with the prefix. Raises: KafkaException, redis.RedisError."""
    admin = AdminClient(client_settings(config))
    topics = [name for name in admin.list_topics(timeout=SECONDS).topics if name.startswith(prefix)]
    groups = [
        group.group_id
        for group in admin.list_consumer_groups(request_timeout=SECONDS).result().valid
        if group.group_id.startswith(prefix)
    ]
    asked = admin.delete_topics(topics, request_timeout=SECONDS) if topics else {}
    asked |= admin.delete_consumer_groups(groups, request_timeout=SECONDS) if groups else {}
    for future in asked.values():
        with contextlib.suppress(KafkaException):  # a killed member keeps its group for a while; the rest goes
            future.result()
    client = connect(config)
    try:
        if keys := list(client.scan_iter(f"{prefix}*", count=1000)):
            client.unlink(*keys)
    finally:
        client.close()
