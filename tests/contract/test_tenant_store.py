"""What is known of a tenant can neither be lost nor go back: on memory, and on a real Redis."""

import copy
from collections.abc import Callable, Iterator

import msgspec
import pytest
from pydantic import SecretStr

from services.publisher.report import Sent
from services.publisher.tenant_log import StateKey
from services.publisher.tenant_store import SENT_NUMBERS, TENANTS, TenantStore, sent_of
from shared.clock import utc_now
from shared.config.settings import Config
from shared.contract.codec import Message
from shared.contract.tenant_state import Seat, TenantState
from shared.contract.topics import DELIVERIES, TENANT_STATE
from shared.errors import Retryable
from shared.memory import MemoryFencedHashes, MemoryLog
from shared.ports import FencedHashes
from shared.redis.client import connect
from shared.redis.fenced_hashes import RedisFencedHashes
from tests.unit.publisher.world import History

Step = Callable[[TenantState], TenantState]


def number(value: int) -> Step:
    return lambda state: msgspec.structs.replace(state, number=value)


def plus_one(state: TenantState) -> TenantState:
    return msgspec.structs.replace(state, number=state.number + 1)


class TenantStoreContract:
    """``lanes``: fenced hashes of its own, empty. The log is memory's; a second store is another process."""

    @pytest.fixture(params=[None, "the-operators-key-of-all-tests"], ids=["unsigned", "signed"])
    def key(self, request: pytest.FixtureRequest) -> StateKey:
        return StateKey(None if request.param is None else SecretStr(request.param))

    @pytest.fixture
    def log(self) -> MemoryLog:
        return MemoryLog()

    @pytest.fixture
    def store(self, lanes: FencedHashes, log: MemoryLog, key: StateKey) -> TenantStore:
        return TenantStore(lanes, log, History(log), 1, utc_now, key)

    @pytest.fixture
    def other(self, lanes: FencedHashes, log: MemoryLog, key: StateKey) -> TenantStore:
        return TenantStore(lanes, log, History(log), 1, utc_now, key)

    @pytest.fixture
    def emptied(self, log: MemoryLog, key: StateKey) -> TenantStore:
        """A process whose Redis has nothing."""
        return TenantStore(MemoryFencedHashes(), log, History(log), 1, utc_now, key)

    def test_a_tenant_that_nobody_wrote_is_empty(self, store: TenantStore) -> None:
        assert store.read("abbey") == TenantState(tenant="abbey")

    def test_what_was_written_is_read_by_everybody(
        self, store: TenantStore, other: TenantStore, emptied: TenantStore
    ) -> None:
        roster = {"a@x": Seat(book="abbey", person="1", email="A@x")}
        written = store.update("abbey", lambda state: msgspec.structs.replace(state, number=4, roster=roster))
        assert written is not None
        assert (written.revision, written.number, written.roster) == (1, 4, roster)
        assert store.read("abbey") == other.read("abbey") == emptied.read("abbey") == written

    def test_tenants_of_one_lane_do_not_meet(self, store: TenantStore, other: TenantStore) -> None:
        store.update("abbey", number(1))
        other.update("borough", number(2))
        assert (store.read("abbey").number, store.read("borough").number) == (1, 2)

    def test_no_change_writes_nothing(self, store: TenantStore, log: MemoryLog) -> None:
        assert store.update("abbey", lambda _: None) is None
        assert log.messages == []

    def test_what_is_told_goes_with_it(self, store: TenantStore, log: MemoryLog) -> None:
        store.update("abbey", plus_one, [Message(DELIVERIES, 0, "abbey", b"{}")])
        assert [message.topic for message in log.messages] == [TENANT_STATE, DELIVERIES]

    def test_whoever_is_second_decides_again(self, store: TenantStore, other: TenantStore) -> None:
        seen: list[int] = []

        def slowly(state: TenantState) -> TenantState:
            if not seen:
                other.update("abbey", plus_one)
            seen.append(state.number)
            return plus_one(state)

        written = store.update("abbey", slowly)
        assert seen == [0, 1]
        assert written is not None
        assert written.number == 2
        assert store.read("abbey") == other.read("abbey") == written

    def test_a_writing_that_came_too_late_never_counts(
        self, store: TenantStore, emptied: TenantStore, log: MemoryLog
    ) -> None:
        """A paused writer's record lands behind newer ones; even when only the last of the key is left, it is gone."""
        store.update("abbey", number(1))
        late = log.of(TENANT_STATE)[0]
        store.update("abbey", number(2))
        log.publish([late])
        assert store.read("abbey").number == 2
        log.messages = log.of(TENANT_STATE)[-1:]  # compaction
        assert emptied.read("abbey").number == 2

    def test_the_loser_of_one_revision_never_counts(
        self, store: TenantStore, emptied: TenantStore, log: MemoryLog, key: StateKey
    ) -> None:
        """Two wrote revision 2, and the second died before it could read what became of it."""
        store.update("abbey", number(1))
        before = list(log.messages)
        loser = TenantStore(MemoryFencedHashes(), log, History(log), 1, utc_now, key)
        loser.update("abbey", number(77))
        lost = log.messages[-1]
        log.messages = before
        winner = store.update("abbey", number(2))
        assert winner is not None
        log.publish([lost])
        assert store.read("abbey").number == 2
        log.messages = log.of(TENANT_STATE)[-1:]
        assert emptied.read("abbey").writer == winner.writer

    def test_the_winner_knows_that_it_won_although_a_loser_came_after(
        self, store: TenantStore, log: MemoryLog, monkeypatch: pytest.MonkeyPatch, key: StateKey
    ) -> None:
        publish, rivals = log.publish, [TenantStore(MemoryFencedHashes(), log, History(log), 1, utc_now, key)]

        def and_a_rival(messages: list[Message]) -> None:
            if rivals:
                rivals.pop()
                [mine] = messages
                publish(messages)
                state = msgspec.json.decode(mine.value or b"")
                value = msgspec.json.encode(state | {"writer": "rival", "number": 99})
                publish([Message(mine.topic, mine.lane, mine.key, value, mine.headers)])
                return
            publish(messages)

        monkeypatch.setattr(log, "publish", and_a_rival)
        written = store.update("abbey", number(5))
        assert written is not None
        assert store.read("abbey").number == 5
        assert [message.topic for message in log.messages] == [TENANT_STATE] * 3  # the last one counts again

    def test_a_log_that_is_away_leaves_what_was(self, store: TenantStore, log: MemoryLog) -> None:
        store.update("abbey", number(1))
        log.fail_after = 0
        with pytest.raises(Retryable):
            store.update("abbey", number(2))
        assert store.read("abbey").number == 1

    def test_a_writing_that_nobody_acknowledged_counts_if_it_was_written(
        self, store: TenantStore, log: MemoryLog
    ) -> None:
        log.fail_after = 1
        with pytest.raises(Retryable):
            store.update("abbey", number(2), [Message(DELIVERIES, 0, "abbey", b"{}")])
        assert store.read("abbey").number == 2

    def test_a_topic_made_anew_is_told_again(self, store: TenantStore, emptied: TenantStore, log: MemoryLog) -> None:
        store.update("abbey", number(1))
        store.update("abbey", number(2))
        log.messages = []
        assert store.read("abbey").number == 2
        assert emptied.read("abbey").number == 2

    def test_what_was_sent_is_remembered_for_its_number_only(self, store: TenantStore, other: TenantStore) -> None:
        one, two = Sent(json=b"{}", id="1"), Sent(json=b"[]")
        store.remember_sent("abbey", 1, {"a@x": one, "b@x": two})
        assert other.sent("abbey", 1) == {"a@x": one, "b@x": two}
        other.remember_sent("abbey", 2, {"a@x": None})
        assert store.sent("abbey", 2) == {"b@x": two}
        assert store.sent("abbey", 1) == {}


class TestOnMemory(TenantStoreContract):
    @pytest.fixture
    def lanes(self) -> FencedHashes:
        return MemoryFencedHashes()

    def test_a_redis_put_back_to_an_older_copy_changes_nothing(self, log: MemoryLog, key: StateKey) -> None:
        lanes = MemoryFencedHashes()
        store = TenantStore(lanes, log, History(log), 1, utc_now, key)
        store.update("abbey", number(1))
        copied = copy.deepcopy((lanes.records, lanes.hashes, lanes.sizes))
        store.update("abbey", number(2))
        lanes.records, lanes.hashes, lanes.sizes = copied
        assert store.read("abbey").number == 2

    @pytest.mark.parametrize("name", [TENANTS, sent_of("abbey"), SENT_NUMBERS])
    def test_a_store_that_lost_something_is_filled_from_the_log(self, name: str, key: StateKey) -> None:
        """Fails when a lost hash is taken for one that never was: the tenant would be nobody's, at revision 0."""
        log, lanes, sent = MemoryLog(), MemoryFencedHashes(), {"a@x": Sent(json=b"{}")}
        store = TenantStore(lanes, log, History(log), 1, utc_now, key)
        store.update("abbey", number(7))
        store.remember_sent("abbey", 7, sent)
        del lanes.hashes[0][name]
        assert store.sent("abbey", 7) in ({}, sent)
        store.remember_sent("abbey", 7, sent)
        assert store.sent("abbey", 7) == sent
        assert store.read("abbey").number == 7
        store.update("abbey", number(8))
        assert store.read("abbey").revision == 2

    def test_the_log_is_read_once(self, key: StateKey) -> None:
        log = MemoryLog()
        history = History(log)
        store = TenantStore(MemoryFencedHashes(), log, history, 1, utc_now, key)
        store.update("abbey", number(1))
        reads = history.reads
        store.read("abbey")
        store.read("borough")
        assert history.reads == reads


@pytest.mark.redis
class TestOnRedis(TenantStoreContract):
    @pytest.fixture
    def lanes(self, config: Config) -> Iterator[FencedHashes]:
        client = connect(config)
        yield RedisFencedHashes(client, config.redis.key_prefix, "tenants")
        client.close()
