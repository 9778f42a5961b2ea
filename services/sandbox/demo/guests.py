"""On brokers that are not ours: take away what we put there, which all bears our prefix."""

import contextlib

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from services.sandbox.servers.loopback import Say
from shared.config.settings import Config
from shared.errors import Retryable
from shared.kafka.client import client_settings
from shared.redis.client import away_is_retryable, connect

SECONDS = 30.0  # for each question


def leave_nothing(config: Config, prefix: str, say: Say) -> None:
    """Topics, groups and keys whose names begin with the prefix. Says so where that cannot be done."""
    try:
        _delete_from_kafka(config, prefix)
        _delete_from_redis(config, prefix)
    except (KafkaException, Retryable) as error:
        say(f"what begins with {prefix} is still at {config.kafka.bootstrap_servers} and {config.redis.url}: {error}")


def _delete_from_kafka(config: Config, prefix: str) -> None:
    admin = AdminClient(client_settings(config))
    topics = [name for name in admin.list_topics(timeout=SECONDS).topics if name.startswith(prefix)]
    known = admin.list_consumer_groups(request_timeout=SECONDS).result().valid
    groups = [group.group_id for group in known if group.group_id.startswith(prefix)]
    asked = admin.delete_topics(topics, request_timeout=SECONDS) if topics else {}
    asked |= admin.delete_consumer_groups(groups, request_timeout=SECONDS) if groups else {}
    for future in asked.values():
        with contextlib.suppress(KafkaException):  # a killed member keeps its group for a while; the rest goes
            future.result()


def _delete_from_redis(config: Config, prefix: str) -> None:
    with away_is_retryable(), connect(config) as client:
        if keys := list(client.scan_iter(f"{prefix}*", count=1000)):
            client.unlink(*keys)
