"""Which records of tenant-state count, and what becomes of those that do not."""

import logging
from collections.abc import Callable

import msgspec
import pytest
from pydantic import SecretStr

from services.publisher.tenant_log import LaneMark, NeedsKey, StateKey
from services.publisher.tenant_store import TenantStore, tenant_headers
from shared.clock import utc_now
from shared.contract.codec import Message, encode
from shared.contract.commands import ReleaseHold
from shared.contract.signatures import HEADER, sign
from shared.contract.tenant_state import Seat, TenantState
from shared.contract.topics import TENANT_STATE
from shared.lanes.partition import lane_of
from shared.memory import MemoryFencedHashes, MemoryLog
from tests.unit.publisher.world import History

KEY, OTHER = "the-operators-key-of-all-tests", "another-key-of-the-operators"


class Process:
    """One process with a tenant store; ``beside`` it, another with the same Redis and the same log."""

    def __init__(
        self,
        key: str | None = KEY,
        *,
        log: MemoryLog | None = None,
        lanes: MemoryFencedHashes | None = None,
        begins: bool = True,
        partitions: int = 1,
    ) -> None:
        self.log = MemoryLog() if log is None else log
        self.lanes = MemoryFencedHashes() if lanes is None else lanes
        self.partitions = partitions
        state_key = StateKey(None if key is None else SecretStr(key), begins=begins)
        self.store = TenantStore(self.lanes, self.log, History(self.log), partitions, utc_now, state_key)

    def beside(self, key: str | None = KEY, *, begins: bool = True, empty: bool = False) -> "Process":
        lanes = MemoryFencedHashes() if empty else self.lanes
        return Process(key, log=self.log, lanes=lanes, begins=begins, partitions=self.partitions)

    def set(self, number: int, tenant: str = "abbey") -> TenantState:
        roster = {f"{number}@x": Seat(book=tenant, person="1")}
        after = self.store.update(tenant, lambda one: msgspec.structs.replace(one, number=number, roster=roster))
        assert after is not None
        return after

    def number(self, tenant: str = "abbey") -> int:
        return self.store.read(tenant).number

    def written(self) -> list[Message]:
        return self.log.of(TENANT_STATE)

    def compact(self) -> None:
        """Only the last record of each key is left."""
        self.log.messages = list({one.key: one for one in self.log.messages}.values())


def signatures(process: Process) -> list[bool]:
    return [HEADER in dict(one.headers) for one in process.written()]


def of_a_stranger(number: int = 666, revision: int = 99, tenant: str = "abbey", lane: int = 0) -> Message:
    state = TenantState(tenant=tenant, revision=revision, writer="stranger", number=number)
    told = tenant_headers(TenantState, "id", tenant, "2026-11-23T08:00:00.000Z")
    return Message(TENANT_STATE, lane, tenant, encode(state), told)


def with_value(message: Message, **changes: object) -> Message:
    """The same record, signature and all, with something else in it."""
    state = msgspec.json.decode(message.value or b"") | changes
    return Message(message.topic, message.lane, message.key, msgspec.json.encode(state), message.headers)


ROGUES: dict[str, Callable[[Message], Message]] = {
    "not signed": lambda _: of_a_stranger(),
    "of another key": lambda _: sign(of_a_stranger(), OTHER),
    "signed, and changed": lambda mine: with_value(mine, number=666, revision=99),
    "under another key": lambda mine: Message(mine.topic, mine.lane, "borough", mine.value, mine.headers),
    "another's state": lambda _: Message(TENANT_STATE, 0, "abbey", of_a_stranger(tenant="borough").value, []),
    "an empty signature": lambda _: Message(
        TENANT_STATE, 0, "abbey", of_a_stranger().value, [*of_a_stranger().headers, (HEADER, b"")]
    ),
    "gone": lambda mine: Message(mine.topic, mine.lane, mine.key, None, []),
    "no JSON": lambda mine: Message(mine.topic, mine.lane, mine.key, b"{", mine.headers),
    "an unknown type": lambda mine: Message(mine.topic, mine.lane, mine.key, b"{}", [("ce_type", b"rollcall.x.v9")]),
    "no type": lambda mine: Message(mine.topic, mine.lane, mine.key, mine.value, []),
    "a command": lambda mine: sign(
        Message(
            mine.topic,
            mine.lane,
            mine.key,
            encode(ReleaseHold(school="abbey", plan="disable_absent", hash="0" * 16, operator="kim")),
            [("ce_type", b"rollcall.release_hold.v1")],
        ),
        KEY,
    ),
}


@pytest.mark.parametrize("rogue", ROGUES.values(), ids=ROGUES)
def test_no_record_of_a_stranger_counts_nor_outlives_the_one_that_does(rogue: Callable[[Message], Message]) -> None:
    process = Process()
    mine = process.set(7)
    process.log.publish([rogue(process.written()[0])])
    assert (process.number(), process.number("borough")) == (7, 0)
    process.compact()
    assert process.number() == process.beside(empty=True).number() == 7
    assert process.store.read("abbey").writer == mine.writer
    assert process.set(8).number == 8


@pytest.mark.parametrize("empty", [False, True], ids=["Redis", "an emptied Redis"])
def test_what_was_signed_once_does_not_count_again(*, empty: bool) -> None:
    process = Process()
    process.set(1)
    process.set(2)
    process.log.publish([process.written()[0]])
    assert process.beside(empty=empty).number() == 2
    process.compact()
    assert process.beside(empty=True).number() == 2


def test_a_state_in_another_lane_than_its_tenants_is_never_taken_there() -> None:
    """Fails when two of a stranger's writings of one revision make a service repair, and sign, what they say."""
    process = Process(partitions=2)
    own = lane_of("abbey", 2)
    neighbour = next(name for name in ("borough", "city", "dale", "east") if lane_of(name, 2) != own)
    process.set(7)
    process.set(1, neighbour)
    other = of_a_stranger(lane=1 - own)
    process.log.publish([other, with_value(other, writer="second")])
    assert (process.number(neighbour), process.number()) == (1, 7)
    assert len(process.written()) == 4, "nothing was repaired"


def test_a_thousand_strangers_are_one_line(caplog: pytest.LogCaptureFixture) -> None:
    process = Process()
    process.set(7)
    process.log.publish([of_a_stranger(revision=9 + n) for n in range(1000)])
    with caplog.at_level(logging.ERROR):
        assert process.number() == 7
    (line,) = [one.getMessage() for one in caplog.records]
    assert "1000 records skipped" in line
    assert "[operators]" in line


# --- the first key -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("empty", [False, True], ids=["Redis", "an emptied Redis"])
def test_what_stood_there_before_the_first_key_counts_and_is_signed(*, empty: bool) -> None:
    old = Process(None)
    old.set(7)
    old.set(3, "borough")
    new = old.beside(empty=empty)
    assert (new.number(), new.number("borough")) == (7, 3)
    assert signatures(new) == [False, False, True, True]
    new.log.publish([of_a_stranger(), of_a_stranger(tenant="city")])
    assert (new.number(), new.number("borough"), new.number("city")) == (7, 3, 0)
    assert len(new.written()) == 7, "the one that counts is written behind the stranger's"
    new.compact()
    assert (new.beside(empty=True).number(), new.beside(empty=True).number("city")) == (7, 0)


def test_an_unread_writing_of_the_earlier_release_counts() -> None:
    old = Process(None)
    old.set(7)
    new = Process(log=old.log, lanes=MemoryFencedHashes())
    new.lanes.records, new.lanes.hashes, new.lanes.sizes = old.lanes.records, old.lanes.hashes, old.lanes.sizes
    old.log.publish([of_a_stranger(8, revision=2)])  # as it would have written it
    assert new.number() == 8


def test_who_dies_while_the_states_are_signed_has_them_signed_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    old = Process(None)
    old.set(7)
    dying = old.beside()

    def dies(*_: object) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as context:
        context.setattr(dying.lanes, "write_lanes", dies)
        with pytest.raises(KeyboardInterrupt):
            dying.number()
    assert signatures(old) == [False, True]
    assert old.beside().number() == 7
    assert signatures(old) == [False, True], "once is enough"
    old.log.publish([of_a_stranger()])
    assert old.beside().number() == 7


def test_two_that_begin_at_once_sign_the_same() -> None:
    old = Process(None)
    old.set(7)
    one, other = old.beside(), old.beside()
    publish, raced = old.log.publish, [other]

    def slowly(messages: list[Message]) -> None:
        if raced:
            raced.pop().number()
        publish(messages)

    old.log.publish = slowly  # type: ignore[method-assign, assignment]
    assert one.number() == other.number() == 7
    assert one.set(8).number == other.number() == 8


def test_the_command_line_signs_nothing_of_its_own_accord() -> None:
    """Publishers that have no key go on: an operator who only looked would have stopped them."""
    old = Process(None)
    old.set(7)
    desk = old.beside(begins=False)
    assert desk.number() == 7
    desk.set(8)
    assert signatures(old) == [False, False]
    assert old.number() == 8


@pytest.mark.parametrize("empty", [False, True], ids=["Redis", "an emptied Redis"])
def test_the_command_line_signs_where_a_publisher_has_begun(*, empty: bool) -> None:
    process = Process()
    process.set(7)
    desk = process.beside(begins=False, empty=empty)
    assert desk.set(8).number == 8
    assert signatures(process) == [True, True]
    assert process.number() == 8


def test_a_publisher_that_begins_under_a_command_lets_it_decide_again() -> None:
    old = Process(None)
    old.set(7)
    desk, seen = old.beside(begins=False), []

    def slowly(state: TenantState) -> TenantState:
        if not seen:
            old.beside().number()
        seen.append(state.number)
        return msgspec.structs.replace(state, number=8)

    after = desk.store.update("abbey", slowly)
    assert after is not None
    assert (len(seen), old.beside().number()) == (2, 8)


# --- without it, and with another ------------------------------------------------------------------------------------


@pytest.mark.parametrize("empty", [False, True], ids=["Redis", "an emptied Redis"])
def test_who_has_no_key_where_others_have_says_so_and_decides_nothing(*, empty: bool) -> None:
    process = Process()
    process.set(7)
    without = process.beside(None, empty=empty)
    for question in (without.number, lambda: without.set(8)):
        with pytest.raises(NeedsKey, match=r"set key under \[operators\]"):
            question()
    assert process.number() == 7


def test_the_key_may_be_changed() -> None:
    process = Process()
    process.set(7)
    new = process.beside(OTHER)
    assert new.number() == 7
    assert new.set(8).number == 8
    new.log.publish([sign(of_a_stranger(), KEY)])
    assert new.number() == 8
    new.compact()
    assert new.beside(OTHER, empty=True).number() == 8


def test_a_changed_key_and_an_emptied_redis_are_a_new_beginning() -> None:
    """Nobody can tell whose they are: the tenant waits for a person, who is shown whom the snapshot would disable."""
    process = Process()
    process.set(7)
    assert process.beside(OTHER, empty=True).number() == 0


def test_no_key_stands_in_redis_or_the_log() -> None:
    process = Process()
    process.set(7)
    kept = repr((process.lanes.records, process.lanes.hashes, [one.headers for one in process.written()]))
    assert KEY not in kept


@pytest.mark.parametrize("mark", [LaneMark(0), LaneMark(17), LaneMark(3, "name")])
def test_a_mark_is_read_as_it_was_written(mark: LaneMark) -> None:
    assert LaneMark.decode(mark.encode()) == mark
    assert LaneMark.decode(b'{"offset": 5}') == LaneMark(5), "as an earlier release has it"
