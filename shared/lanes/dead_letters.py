"""What is set aside: the record as it came, and beside it why. Nothing is lost, and the lane goes on."""

from importlib.metadata import version

from shared.contract.codec import Message, Record
from shared.contract.topics import BY_NAME
from shared.errors import Poison

RELEASE = version("rollcall")


def letter(record: Record, reason: Poison, attempts: int = 1) -> Message:
    """
    The dead letter of a record: its bytes, key and headers, and the headers ``dlq_topic``, ``dlq_partition``,
    ``dlq_offset``, ``dlq_error``, ``dlq_attempts`` and ``dlq_version``.
    """
    topic = plain_name(record.topic)
    headers = [(name, value.encode()) for name, value in record.headers.items() if not name.startswith("dlq_")]
    headers += [
        ("dlq_topic", topic.encode()),
        ("dlq_partition", str(record.lane).encode()),
        ("dlq_offset", str(record.offset).encode()),
        ("dlq_error", str(reason).encode()),
        ("dlq_attempts", str(attempts).encode()),
        ("dlq_version", RELEASE.encode()),
    ]
    return Message(f"{topic}-dlq", record.lane, record.key, record.value, headers)


def plain_name(topic: str) -> str:
    """A topic's name in the registry, from its name on the broker (which may have a prefix)."""
    return max((name for name in BY_NAME if topic.endswith(name)), key=len, default=topic)
