"""
Whose word an operator's command is: it is signed with a key that operators' tools have, and whoever takes commands. So
is a tenant's state, which has a person's decisions in it.

Whoever can write to Kafka could otherwise release a hold in anybody's name. The signature (HMAC-SHA256) covers
everything that says what is ordered, by whom and when; a command that was signed long before Kafka took it was repeated
and does not count.
"""

import hmac
from collections.abc import Callable, Iterable, Mapping

from shared import clock
from shared.clock import Clock
from shared.config.settings import Operators
from shared.contract.codec import Message, Record

HEADER = "signature"
_COVERED = ("ce_id", "ce_type", "ce_subject", "ce_time")


def sign(message: Message, key: str) -> Message:
    """The same command with its signature among the headers."""
    told = dict(message.headers)
    parts = _parts(message.key, message.value or b"", told)
    return Message(
        message.topic, message.lane, message.key, message.value, [*message.headers, (HEADER, _signature(key, parts))]
    )


def is_signed(record: Record, key: str) -> bool:
    """With this key, as it stands. How old it is does not matter here."""
    given = record.raw_header(HEADER)
    parts = _parts(record.key, record.value, {name: record.raw_header(name) for name in _COVERED})
    return given is not None and hmac.compare_digest(given, _signature(key, parts))


def name_of(key: str) -> str:
    """Says which key it is, and nothing about it."""
    return hmac.digest(key.encode(), b"the name of this key", "sha256").hex()[:16]


def objection_to(operators: Operators, now: Clock = clock.utc_now) -> Callable[[Record], str | None]:
    """
    Why a command does not count, in words that name the fix; None: it does.

    Its age is counted from when it was signed to when Kafka took it, so that it is the same whenever it is read;
    ``now`` is for a topic that does not say when.
    """

    def objection(record: Record) -> str | None:
        if operators.key is None:
            return "no command counts without a key: set key under [operators]"
        if record.raw_header(HEADER) is None:
            return "the command is not signed; give it with `rollcall`, which has key under [operators]"
        if not is_signed(record, operators.key.get_secret_value()):
            return "the command's signature is of another key, or of another command; see key under [operators]"
        taken = record.appended if record.appended is not None else clock.millis(clock.write(now()))
        return _age_objection(record.header("ce_time") or "", taken, operators.max_age_minutes)

    return objection


def _age_objection(signed_at: str, taken: int, most: float) -> str | None:
    try:
        minutes = (taken - clock.millis(signed_at)) / 60_000
    except ValueError as error:
        return f"the header ce_time: {error}"
    if abs(minutes) <= most:
        return None
    return (
        f"the command was signed {abs(minutes):.0f} minutes {'before' if minutes > 0 else 'after'} Kafka took it, more "
        f"than max_age_minutes = {most:g} under [operators]: it was repeated, or a clock is off. Give it anew"
    )


def _parts(key: str, value: bytes, told: Mapping[str, bytes | None]) -> list[bytes]:
    return [key.encode(), value, *(told.get(name) or b"" for name in _COVERED)]


def _signature(key: str, parts: Iterable[bytes]) -> bytes:
    """Each part with its length before it, so that no byte can pass from one to the next."""
    text = b"".join(b"%d:%b" % (len(part), part) for part in parts)
    return b"v1=" + hmac.digest(key.encode(), text, "sha256").hex().encode()
