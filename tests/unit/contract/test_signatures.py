"""Whose commands count: signed with the key, as they are, at about the time when Kafka took them."""

from collections.abc import Callable
from datetime import datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from shared import clock
from shared.config.settings import Operators
from shared.contract.codec import Message, Record, encode, headers
from shared.contract.commands import ReleaseHold
from shared.contract.signatures import HEADER, objection_to, sign
from shared.contract.topics import OPERATOR_COMMANDS
from tests.harness.builders import SCHOOL, at

KEY = "made-up-key-of-the-operators"
OPERATORS = Operators.model_construct(key=SecretStr(KEY), max_age_minutes=15.0, two_people_above=None)
ORDER = ReleaseHold(school=SCHOOL, plan="disable_absent", hash="0" * 16, operator="kim")


def bare(order: ReleaseHold = ORDER, id: str = "1", minutes: float = 0.0) -> Message:
    told = headers(type(order), id=id, school=order.school, subject=order.school, time=at(minutes))
    return Message(OPERATOR_COMMANDS, 3, order.school, encode(order), told)


def taken(message: Message, minutes: float | None = 0.0, **changes: object) -> Record:
    """``minutes``: when Kafka took it."""
    appended = None if minutes is None else clock.millis(at(minutes))
    record = Record(
        message.topic, message.lane, 7, message.key, message.value or b"", raw=dict(message.headers), appended=appended
    )
    return msgspec.structs.replace(record, **changes)


def objection(record: Record, operators: Operators = OPERATORS, now: Callable[[], datetime] | None = None) -> str:
    return objection_to(operators, now or (lambda: clock.parse(at())))(record) or ""


def test_a_signed_command_counts() -> None:
    assert objection(taken(sign(bare(), KEY))) == ""


def test_one_that_nobody_signed_does_not() -> None:
    assert "is not signed" in objection(taken(bare()))


def test_without_a_key_none_counts() -> None:
    assert "set key under [operators]" in objection(taken(sign(bare(), KEY)), Operators())


def test_another_key_is_another_hand() -> None:
    assert "of another key" in objection(taken(sign(bare(), KEY + "!")))


def test_the_key_is_in_no_objection() -> None:
    for record in (taken(bare()), taken(sign(bare(), "x" * 30)), taken(sign(bare(), KEY), 100)):
        assert KEY not in objection(record)


@pytest.mark.parametrize(
    "change",
    [
        {"value": encode(msgspec.structs.replace(ORDER, operator="headmaster"))},
        {"value": encode(msgspec.structs.replace(ORDER, hash="1" * 16))},
        {"key": "another-school"},
        *({"raw": name} for name in ("ce_id", "ce_type", "ce_subject", "ce_time")),
    ],
    ids=str,
)
def test_nothing_of_a_command_can_be_changed(change: dict[str, object]) -> None:
    """Fails when a part is not covered: a yes to one set, school or hour would pass as a yes to another."""
    signed = sign(bare(), KEY)
    if (name := change.get("raw")) is not None:
        change = {"raw": dict(signed.headers) | {str(name): at(1).encode() if name == "ce_time" else b"another"}}
    assert "of another command" in objection(taken(signed, **change))


@given(st.lists(st.text(), min_size=2, max_size=2, unique=True), st.integers(0, 5))
def test_no_byte_passes_from_one_part_to_the_next(texts: list[str], cut: int) -> None:
    """Fails when the parts are only joined: the same bytes, cut elsewhere, would have the same signature."""
    whole = "".join(texts)
    one = sign(Message(OPERATOR_COMMANDS, 3, whole[:cut], whole[cut:].encode(), []), KEY)
    other = sign(Message(OPERATOR_COMMANDS, 3, whole[: cut + 1], whole[cut + 1 :].encode(), []), KEY)
    is_same = (one.key, one.value) == (other.key, other.value)
    assert (dict(one.headers)[HEADER] == dict(other.headers)[HEADER]) is is_same


@pytest.mark.parametrize(("minutes", "counts"), [(0, True), (15, True), (15.1, False), (-15, True), (-15.1, False)])
def test_a_command_that_comes_again_later_does_not_count(minutes: float, counts: bool) -> None:
    said = objection(taken(sign(bare(), KEY), minutes))
    assert ("max_age_minutes = 15" not in said) is counts


def test_its_age_is_the_same_whenever_it_is_read() -> None:
    """A service that was away for a day takes what was ordered meanwhile."""
    assert objection(taken(sign(bare(), KEY), 1), now=lambda: clock.parse(at(1440))) == ""


def test_where_kafka_does_not_say_when_it_took_it_the_reader_s_clock_counts() -> None:
    signed = taken(sign(bare(), KEY), None)
    assert objection(signed, now=lambda: clock.parse(at(14))) == ""
    assert "16 minutes" in objection(signed, now=lambda: clock.parse(at(16)))


def test_a_time_that_is_none_is_named() -> None:
    told = [(name, b"at eight" if name == "ce_time" else value) for name, value in bare().headers]
    signed = sign(Message(OPERATOR_COMMANDS, 3, SCHOOL, encode(ORDER), told), KEY)
    assert "ce_time" in objection(taken(signed))
