"""When what was asked for is at Unitu, and when it is clear that it is not."""

from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest

from services.operations.errors import Code, OperationError
from services.operations.requests import follow as module
from services.operations.requests.follow import RequestFollower
from services.operations.requests.model import RequestDelivery
from services.operations.requests.progress import Step
from services.publisher.decisions import NotWhole
from shared.contract.account_state import LaneState
from shared.contract.codec import encode
from shared.contract.events import SyncAnswered
from shared.contract.tenant_state import Accepted, Adoption, Held, Reason, Simulated, TenantState
from shared.memory import MemoryFencedHashes
from tests.harness.builders import at
from tests.harness.pipeline import a_config
from tests.unit.operations.requests.test_progress import World, updated
from tests.unit.operations.requests.test_sync import Nowhere

ADA, AFTER = "3050000001", 70  # the offset of the close that decided it
MISSING = Reason(code="not_certified", message="no certified sweep of this school yet", school="oak")


class Desk:
    """What the publisher knows: the tenant's state, how far its view is, and the newest snapshot."""

    def __init__(
        self, state: TenantState, seen: int = AFTER + 1, digest: str = "new", waits: tuple[Any, ...] = ()
    ) -> None:
        self._state = state
        self.seen = seen
        self.snapshot = SimpleNamespace(digest=digest, waits=waits)
        self.is_whole = True

    def state(self, tenant: str) -> TenantState:
        return self._state

    def newest(self, tenant: str) -> Any:
        if not self.is_whole:
            raise NotWhole([MISSING])
        return SimpleNamespace(facts=SimpleNamespace(positions=lambda: {"abbey": self.seen})), self.snapshot


def accepted(digest: str = "old", position: int = 0, **more: Any) -> TenantState:
    last = Accepted(number=7, accepted_at=at(20), roster_hash="r", digest=digest)
    return TenantState(tenant="abbey", accepted=last, positions={"abbey": position}, **more)


def follow(folder: Path, desk: Desk, *, mode: str = "live", is_news: bool = True) -> RequestFollower:
    folder.mkdir()
    config = a_config(folder)
    tenant = config.tenants["abbey"].model_copy(update={"mode": mode, "min_interval_seconds": 0.0})
    world = World()
    world.starts("s1", 11)
    if is_news:
        world.tell("account-changes", updated(60), key=f"abbey/{ADA}", sweep="s1")
    world.closes("s1", "certified", AFTER)
    parts: Any = (MemoryFencedHashes(), desk, world.progress, {})
    return RequestFollower(config.model_copy(update={"tenants": {"abbey": tenant}}), *parts)


ADOPTED = Adoption(
    adopted_at=at(30),
    bound="b",
    roster_hash="r",
    roster_count=1,
    disabled_count=0,
    schools=("abbey",),
    staff=False,
    url="u",
)
HOLD = Held(kind="hold", reasons=(Reason(code="below_last", message="3 are missing"),), since=at(20))


@pytest.mark.parametrize(
    ("desk", "mode", "state"),
    [
        pytest.param(Desk(accepted(position=AFTER + 1)), "live", "accepted", id="the last snapshot stands after it"),
        pytest.param(Desk(accepted("new")), "live", "accepted", id="Unitu has what would be sent"),
        pytest.param(Desk(accepted("new"), waits=("x",)), "live", "undelivered", id="all but a changed e-mail"),
        pytest.param(Desk(accepted(position=AFTER)), "live", None, id="the last snapshot stands before it"),
        pytest.param(Desk(accepted("new"), seen=AFTER), "live", None, id="the view has not seen it"),
        pytest.param(
            Desk(accepted(position=AFTER + 1, adoption=ADOPTED)), "live", None, id="adopted, and nothing sent"
        ),
        pytest.param(Desk(accepted(held=HOLD)), "live", "held", id="a person must look"),
        pytest.param(
            Desk(TenantState(tenant="abbey", simulated=Simulated(simulated_at=at(), digest="new"))),
            "dry-run",
            "simulated",
            id="dry run",
        ),
        pytest.param(Desk(TenantState(tenant="abbey")), "dry-run", None, id="a dry run that is not over"),
        pytest.param(Desk(TenantState(tenant="abbey")), "paused", "paused", id="paused"),
    ],
)
def test_where_a_decision_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, desk: Desk, mode: str, state: str | None
) -> None:
    """Fails when a decision is called delivered that no accepted snapshot carries."""
    monkeypatch.setattr(module, "STAYS_SECONDS", -1e9)
    found = follow(tmp_path / "c", desk, mode=mode)._delivery()
    assert (found.state if isinstance(found, RequestDelivery) else None) == state
    if state == "accepted":
        assert isinstance(found, RequestDelivery)
        assert found.number == 7


@pytest.mark.parametrize(("position", "is_found"), [(None, False), (AFTER, False), (AFTER + 1, True)])
def test_a_decision_that_the_store_has_not_yet_is_waited_for(
    tmp_path: Path, position: int | None, is_found: bool
) -> None:
    """Fails when it is believed as soon as it is told: what is held is asked of the store, and would be missing."""
    following = follow(tmp_path / "c", Desk(TenantState(tenant="abbey")), is_news=False)
    if position is not None:
        record = encode(LaneState(lane=following.lane, position=position))
        following.store.write(following.lane, None, record, {})
    assert isinstance(following._found(), RequestDelivery) is is_found


def test_a_hold_that_this_very_change_may_lift_is_waited_out(tmp_path: Path) -> None:
    """Fails when yesterday's hold is told as today's answer."""
    assert isinstance(follow(tmp_path / "c", Desk(accepted(held=HOLD)))._delivery(), str)


def test_where_nothing_changed_there_is_nothing_to_wait_for(tmp_path: Path) -> None:
    found = follow(tmp_path / "c", Desk(accepted(held=HOLD)), is_news=False)._delivery()
    assert isinstance(found, RequestDelivery)
    assert found.state == "nothing_to_send"


def test_a_tenant_that_is_not_whole_is_told_in_its_own_words(tmp_path: Path) -> None:
    desk = Desk(TenantState(tenant="abbey"))
    desk.is_whole = False
    found = follow(tmp_path / "c", desk)._delivery()
    assert "oak: no certified sweep of this school yet" in str(found)


@pytest.mark.parametrize(
    ("outcome", "code", "words"),
    [
        ("unknown_student", Code.UNKNOWN_STUDENT, f"knows no student {ADA}"),
        ("refused", Code.NOT_READ, "abbey: no permission"),
        ("unreachable", Code.NOT_READ, "the whole school is read as soon as it answers"),
    ],
)
def test_a_student_who_was_not_read_ends_the_waiting(tmp_path: Path, outcome: Any, code: Code, words: str) -> None:
    following = follow(tmp_path / "c", Desk(TenantState(tenant="abbey")))
    following.progress = World(ADA).progress
    following.progress.answer = SyncAnswered(school="abbey", request="r1", outcome=outcome, detail="no permission")
    with pytest.raises(OperationError, match=words) as caught:
        following._waits_for()
    assert caught.value.code is code


# --- looks ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def paused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RequestFollower:
    """A request that is decided, of a tenant that sends nothing."""
    monkeypatch.setattr(module, "Reader", Nowhere)
    monkeypatch.setattr(module, "TOPICS", ())
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.0)
    return follow(tmp_path / "c", Desk(TenantState(tenant="abbey")), mode="paused")


def decided(follower: RequestFollower) -> None:
    follower.store.records[0] = encode(LaneState(lane=0, position=AFTER + 1))  # type: ignore[attr-defined]


def test_each_look_says_how_far_it_is_and_the_last_what_came_of_it(paused: RequestFollower) -> None:
    looks = paused.looks(60, Event())
    assert next(looks).step is Step.DECIDED
    decided(paused)
    [last] = looks
    assert (last.step, last.waits_for) == (Step.DELIVERED, "")
    assert last.outcome is not None
    assert (last.outcome.delivery.state, last.outcome.counts) == ("paused", {"account_updated": 1})


def test_who_follows_may_stop_at_any_look(paused: RequestFollower) -> None:
    stop = Event()
    looks = paused.looks(1e9, stop)
    assert next(looks).outcome is None
    stop.set()
    assert [*looks] == []


def test_a_wait_ends_in_time_and_says_what_for(paused: RequestFollower) -> None:
    with pytest.raises(OperationError, match="after -1 s it still waits") as told:
        list(paused.looks(-1, Event()))
    assert told.value.code is Code.TOO_LONG
