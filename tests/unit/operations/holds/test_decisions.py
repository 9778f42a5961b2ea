"""A person's yes or no to a held plan, on the reconciler's own state in memory."""

import threading
from pathlib import Path

import pytest

from services.eligibility.handler import Eligibility
from services.operations import commands
from services.operations.commands import OrderReceipt
from services.operations.errors import Code, OperationError
from services.operations.holds import history
from services.operations.holds.decisions import Decided, HoldDecision, Order, decide, follow
from services.operations.holds.holdings import Holdings
from services.operations.holds.questions import held_now, reviewed, shown
from shared.config.load import load
from shared.config.settings import Config
from shared.contract.commands import RefuseHold, ReleaseHold
from tests.harness.builders import SCHOOL, a_student, a_sweep, at
from tests.harness.pipeline import Road, a_config
from tests.unit.operations.receipts import a_receipt

ALL = [a_student(str(3050000000 + n), last_name=f"Fern{n}") for n in range(20)]
PLAN = "disable_unexplained"


class Desk:
    """Somebody who decides, before a school of whom three are missing; what they say is taken when it ``runs``."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.config = a_config(folder)
        self.folder = folder
        self.road = Road(self.config)
        self.holdings = Holdings(self.road.store, 1)
        self.given: list[ReleaseHold | RefuseHold] = []
        self.runs = True
        monkeypatch.setattr(commands, "give", self._give)
        monkeypatch.setattr(history, "end_of_changes", lambda config, school: len(self.road.changes()))
        monkeypatch.setattr(history, "students_of_hash", lambda config, book, key: (None, set()))
        monkeypatch.setattr(history, "is_decided", lambda config, book, key, since: False)
        self.road.fetch(a_sweep("s1", ALL, full=True))
        self.vanish(3)

    def vanish(self, count: int, minutes: float = 5) -> None:
        for number, moment in enumerate((minutes, minutes + 61)):
            self.road.fetch(a_sweep(f"s{minutes}-{number}", ALL[count:], sends=[], minutes=moment))
        self.road.run()

    @property
    def hash(self) -> str:
        return self.road.school().holds[PLAN].hash

    def says(self, order: Order, operator: str = "kim", hash: str = "") -> HoldDecision:
        return HoldDecision(order, SCHOOL, PLAN, hash or self.hash, operator, "moved away")

    def _give(self, config: Config, command: ReleaseHold | RefuseHold) -> OrderReceipt:
        self.given.append(command)
        if self.runs:
            self.road.order(command)
            self.road.run()
        return a_receipt(command)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("order", "model", "state"), [("release", ReleaseHold, "released"), ("refuse", RefuseHold, "refused")]
)
def test_an_order_names_the_set_the_operator_and_why(
    desk: Desk, order: Order, model: type[ReleaseHold] | type[RefuseHold], state: str
) -> None:
    decision = desk.says(order)
    decided = decide(desk.config, desk.holdings, decision)
    assert desk.given == [model(school=SCHOOL, plan=PLAN, hash=decision.hash, operator="kim", note="moved away")]
    assert decided.receipt is not None
    assert (decided.receipt.order, decided.receipt.operator) == (model.__name__, "kim")
    assert [*follow(desk.config, desk.holdings, decided, 5)] == ["whole"]
    assert desk.road.school().holds[PLAN].state == state


def test_what_was_decided_is_not_ordered_twice(desk: Desk) -> None:
    decide(desk.config, desk.holdings, desk.says("release"))
    again = decide(desk.config, desk.holdings, desk.says("release", "ada"))
    assert (again.receipt, len(desk.given)) == (None, 1)
    assert [*follow(desk.config, desk.holdings, again, 5)] == ["whole"]


def test_a_set_that_is_another_by_now_is_not_ordered_about(desk: Desk) -> None:
    """Fails when who has reviewed three decides about five: the page was open when the plan changed."""
    before = desk.says("release")
    desk.vanish(5, minutes=200)
    with pytest.raises(OperationError, match=f"It holds {PLAN}") as told:
        decide(desk.config, desk.holdings, before)
    assert (told.value.code, desk.given) == (Code.NOT_HELD, [])


def test_a_plan_that_changed_on_the_way_did_nothing(desk: Desk) -> None:
    desk.runs = False
    decided = decide(desk.config, desk.holdings, desk.says("release"))
    desk.vanish(5, minutes=200)
    with pytest.raises(OperationError, match="changed before the order came") as told:
        list(follow(desk.config, desk.holdings, decided, 5))
    assert told.value.code is Code.NOT_HELD


def test_a_large_release_waits_for_somebody_else(desk: Desk) -> None:
    path = desk.folder / "rollcall.toml"
    path.write_text(path.read_text().replace("[operators]", "[operators]\ntwo_people_above = 2"))
    desk.road.eligibility = Eligibility(load(path, {}), lambda topic: topic)
    for operator, taken in (("kim", "first"), ("kim", "first"), ("ada", "whole")):
        decided = decide(desk.config, desk.holdings, desk.says("release", operator))
        assert [*follow(desk.config, desk.holdings, decided, 5)] == [taken]


def test_whoever_waits_may_give_up(desk: Desk) -> None:
    desk.runs = False
    decided = decide(desk.config, desk.holdings, desk.says("release"))
    stop = threading.Event()
    stop.set()
    assert [*follow(desk.config, desk.holdings, decided, 1e9, stop)] == ["not yet"]
    assert [*follow(desk.config, desk.holdings, decided, 0)] == ["not yet"], "nor longer than was said"
    looks = follow(desk.config, desk.holdings, decided, 1e9)
    assert next(looks) == "not yet"
    looks.close()  # type: ignore[attr-defined]


def test_a_decision_of_nothing_held_waits_for_nobody(desk: Desk) -> None:
    decision = desk.says("release")
    assert [*follow(desk.config, desk.holdings, Decided(decision, None, "released"), 1e9)] == ["whole"]


# --- questions -----------------------------------------------------------------------------------------------------


def test_what_is_held_is_told_of_every_school_that_can_be_told(desk: Desk) -> None:
    now = held_now(desk.config, desk.holdings)
    assert [(one.plan, one.hold.count) for one in now.held] == [(PLAN, 3)]
    assert now.unknown == ()
    desk.road.store.records.clear()
    now = held_now(desk.config, desk.holdings)
    assert (now.held, [one.code for one in now.unknown]) == ((), [Code.NOTHING_KNOWN])


def test_a_plan_is_found_by_its_name_and_by_its_hash(desk: Desk) -> None:
    for which in (PLAN, desk.hash):
        assert reviewed(desk.config, desk.holdings, SCHOOL, which).hold.hash == desk.hash
        found = shown(desk.config, desk.holdings, SCHOOL, at(70), which=which)
        assert [one.plan for one in found.holdings] == [PLAN]
        assert {one.kind: one.headroom for one in found.budgets[SCHOOL]}["disable_unexplained"] == 2
    with pytest.raises(OperationError) as told:
        reviewed(desk.config, desk.holdings, SCHOOL, "0" * 16)
    assert told.value.code is Code.NOT_HELD
