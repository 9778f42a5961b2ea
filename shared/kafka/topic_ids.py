"""The id that Kafka draws for a topic when it is made: another id is another log, whatever its name and offsets."""

import threading
from typing import Any

from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from shared.config.settings import Config
from shared.errors import Retryable
from shared.kafka.client import client_settings

ASK_SECONDS = 10.0


class TopicIds:
    """Asks the cluster at each call, in a few milliseconds. Opened on first use; any thread may call."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._admin: Any = None
        self._lock = threading.Lock()

    def __call__(self, name: str) -> str:
        """``name`` is that on the broker. Raises: Retryable, also for a topic that is not there."""
        with self._lock:
            if self._admin is None:
                self._admin = AdminClient(client_settings(self._config))
        try:
            described = self._admin.describe_topics(TopicCollection([name]))[name].result(timeout=ASK_SECONDS)
        except (KafkaException, TimeoutError) as error:
            raise Retryable(f"Kafka: {name}: {error or 'no answer in time'}") from error
        return str(described.topic_id)
