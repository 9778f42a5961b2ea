"""An operator's command on its way: signed, published, acknowledged, and then in the log for good."""

from uuid import uuid4

from shared import clock
from shared.config.settings import Config
from shared.contract.codec import Message, encode, headers
from shared.contract.commands import AcceptRoll, Command, RefuseHold, ReleaseHold
from shared.contract.model import Frozen
from shared.contract.populations import book_of
from shared.contract.signatures import sign
from shared.contract.topics import OPERATOR_COMMANDS
from shared.errors import ConfigError
from shared.kafka.client import KafkaLog
from shared.lanes.partition import lane_of
from shared.ports import Log


class OrderReceipt(Frozen, omit_defaults=False, kw_only=True):
    """What was published for somebody: Kafka has it. ``id`` is its ``ce_id``, ``key`` the school or population."""

    topic: str
    key: str
    id: str
    at: str
    order: str
    operator: str
    note: str = ""


def message_of(command: Command, partitions: int, *, id: str, time: str) -> Message:
    """
    In the lane of the command's school, so that it is taken in one order with everything else of it; under the book
    that it is about, where it is about one.
    """
    school = command.school
    kind = command.kind if isinstance(command, ReleaseHold | RefuseHold | AcceptRoll) else "student"
    book = book_of(school, kind)
    told = headers(type(command), id=id, school=school, subject=book, time=time)
    return Message(OPERATOR_COMMANDS, lane_of(school, partitions), book, encode(command), told)


def give(config: Config, command: Command, out: Log | None = None) -> OrderReceipt:
    """Publish one command, and wait until Kafka has it. Raises: Retryable; ConfigError without a key."""
    if config.operators.key is None:
        raise ConfigError(
            'operators.key: is missing, and no command counts without it; set key = { env = "NAME" } under [operators] '
            "for eligibility, the fetchers and whoever gives commands"
        )
    id, time = str(uuid4()), clock.now()
    bare = message_of(command, config.kafka.partitions, id=id, time=time)
    publish(config, sign(bare, config.operators.key.get_secret_value()), out)
    return OrderReceipt(
        topic=OPERATOR_COMMANDS,
        key=bare.key,
        id=id,
        at=time,
        order=type(command).__name__,
        operator=command.operator,
        note=command.note,
    )


def publish(config: Config, message: Message, out: Log | None = None) -> None:
    """By ``out``, else by a producer of its own. Raises: Retryable."""
    if out is not None:
        out.publish([message])
        return
    log = KafkaLog(config)
    try:
        log.publish([message])
    finally:
        log.close()
