"""How each school stands: fresh, late, paused or held, in words and in exit codes."""

import json
from pathlib import Path
from typing import Literal

import pytest

from services.operations.holds.holdings import Holdings
from services.operations.standing import Delivering, late_after
from services.operations.tenants.complaints import FIX, complaints_in
from shared import clock
from shared.config.settings import IsamsSchool, PushSchool
from shared.contract.commands import PauseSchool, RefuseHold
from shared.contract.tenant_state import Held, Reason, TenantState
from shared.sweeps.failing import Failing
from tests.harness.builders import SCHOOL, a_student, a_sweep, at
from tests.harness.pipeline import Road, a_config
from tests.unit.cli.looks import MemoryLooks
from tests.unit.cli.words import Said, rollcall

ALL = [a_student(str(3050000000 + n)) for n in range(20)]


class Desk:
    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.road = Road(a_config(folder, schools=(SCHOOL, "priory")))
        self.path = folder / "rollcall.toml"
        self.looks = MemoryLooks()
        monkeypatch.setattr(
            "services.operations.holds.holdings.holdings_of", lambda config: Holdings(self.road.store, 1)
        )
        monkeypatch.setattr("services.operations.attempts.looks_of", lambda config: self.looks)
        self.patch = monkeypatch
        self.is_at(5)

    def is_at(self, minutes: float) -> None:
        self.patch.setattr(clock, "now", lambda: at(minutes))

    def reads(self, people: list[object], number: int, minutes: float, school: str = SCHOOL) -> None:
        self.road.fetch(a_sweep(f"s{number}", people, sends=people, minutes=minutes, school=school), minutes=minutes)  # type: ignore[arg-type]
        self.road.run()

    def say(self, *words: str) -> Said:
        return rollcall(self.path, "status", *words)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    desk = Desk(tmp_path, monkeypatch)
    desk.reads([*ALL], 1, 0)
    desk.reads([*ALL[:7]], 1, 0, school="priory")
    return desk


def hold(desk: Desk) -> None:
    """Three of twenty are missing from two certified sweeps."""
    desk.reads([*ALL[3:]], 2, 1)
    desk.reads([*ALL[3:]], 3, 62)
    desk.is_at(65)


def test_fresh_schools_are_a_success(desk: Desk) -> None:
    said = desk.say("--json")
    one, other = json.loads(said.out)
    assert said.code == 0
    assert (one["school"], one["tenant"], one["state"], one["age_minutes"]) == (SCHOOL, "abbey", "fresh", 4.0)
    assert (one["certified_at"], one["roll"], one["students"], one["enabled"]) == (at(1), 20, 20, 20)
    assert (one["is_being_read"], one["holds"], other["enabled"]) == (False, [], 7)
    assert {budget["kind"]: budget["headroom"] for budget in one["budgets"]} == {
        "disable_explained": 6,
        "disable_unexplained": 2,
        "disable_absent": 5,
        "unenrol": 5,
        "move": 4,
        "create": 20,
        "enable": 5,
        "email_change": 5,
        "update": 10,
    }


def test_a_hold_is_never_a_success(desk: Desk) -> None:
    hold(desk)
    desk.reads([*ALL[:7]], 4, 62, school="priory")
    said = desk.say()
    assert said.code == 3
    assert "disable_unexplained 3" in said.out
    assert f"rollcall holds show {SCHOOL}" in said.out
    assert desk.say("priory").code == 0, "each school for itself"
    one, _ = json.loads(desk.say("--json").out)
    assert one["state"] == "held"
    assert [(it["kind"], it["count"], it["state"]) for it in one["holds"]] == [("disable_unexplained", 3, "held")]


def test_what_a_person_refused_waits_for_nobody(desk: Desk) -> None:
    hold(desk)
    key = desk.road.school().holds["disable_unexplained"].hash
    desk.road.order(RefuseHold(school=SCHOOL, plan="disable_unexplained", hash=key, operator="kim"))
    desk.road.run()
    said = desk.say(SCHOOL, "--json")
    assert (said.code, json.loads(said.out)[0]["holds"][0]["state"]) == (0, "refused")


@pytest.mark.parametrize(("minutes", "code"), [(16, 0), (16.1, 1)], ids=["a quarter of an hour", "and a moment"])
def test_a_school_that_was_not_certified_for_long_is_late(desk: Desk, minutes: float, code: int) -> None:
    desk.is_at(minutes)
    said = desk.say(SCHOOL, "--json")
    assert (said.code, json.loads(said.out)[0]["state"]) == (code, "late" if code else "fresh")


def test_a_paused_school_is_told(desk: Desk) -> None:
    desk.road.order(PauseSchool(school=SCHOOL, operator="kim"))
    desk.road.run()
    assert (desk.say(SCHOOL).code, json.loads(desk.say("--json").out)[0]["state"]) == (1, "paused")


def test_a_school_of_which_nothing_is_known_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(tmp_path, monkeypatch)
    assert [one["state"] for one in json.loads(desk.say("--json").out)] == ["unread", "unread"]
    desk.road.store.records.clear()
    said = desk.say("--json")
    assert (said.code, [one["state"] for one in json.loads(said.out)]) == (1, ["unknown", "unknown"])
    assert "never" in desk.say().out


def test_a_failing_school_is_told_with_what_to_do_beside_what_is_held(desk: Desk) -> None:
    detail = "iSAMS refuses /api/students (403); give this client the permission"
    refusal = Failing(since=at(2), failed_at=at(4), reason="refused", detail=detail, said="\x1b[31mnot authorised")
    desk.looks.memory.fail(SCHOOL, refusal)
    desk.looks.due.ensure({SCHOOL: clock.parse(at(7)).timestamp()})
    said = desk.say()
    assert said.code == 1
    assert f"{SCHOOL}: failing since {at(2)}: refused: iSAMS refuses /api/students (403)" in said.out
    assert f"give this client the permission; tried again at {at(7)}" in said.out
    assert "\x1b" not in said.out
    assert desk.say("priory").code == 0
    one, other = json.loads(desk.say("--json").out)
    assert (one["state"], one["troubles"][0]["state"], one["next_try"]) == ("failing", "failing", at(7))
    assert (other["state"], other["troubles"]) == ("fresh", [])
    hold(desk)
    said = desk.say(SCHOOL)
    assert said.code == 3, "a person's decision goes before"
    assert "failing since" in said.out


def test_a_tenant_that_sends_nothing_makes_no_school_fresh(desk: Desk) -> None:
    desk.path.write_text(desk.path.read_text().replace("[tenants.abbey]\n", '[tenants.abbey]\nmode = "paused"\n'))
    said = desk.say("--json")
    assert (said.code, [one["state"] for one in json.loads(said.out)]) == (1, ["undelivered", "undelivered"])


@pytest.mark.parametrize("mode", ["live", "dry-run"])
def test_whose_record_unitu_refuses_is_told_by_name(desk: Desk, mode: str) -> None:
    desk.path.write_text(
        desk.path.read_text().replace(
            "[tenants.abbey]\n", f'[tenants.abbey]\nmode = "{mode}"\nstaff = "not-in-unitu"\n'
        )
    )
    state = TenantState(
        tenant="abbey", complaints={f"{SCHOOL}/1001": "email: is no address", "other/7": "no", "/head@x": ""}
    )
    desk.looks.tenants["abbey"] = Delivering(complaints=complaints_in(state))
    said = desk.say()
    lines = [line.partition(": ")[2] for line in said.out.splitlines() if "Unitu refuses" in line]
    assert lines == (
        [
            f"undelivered: Unitu refuses the record of 1001 (email: is no address); {FIX}",
            f"undelivered: Unitu refuses the record of head@x; {FIX}",
            f"undelivered: Unitu refuses the record of head@x; {FIX}",
        ]
        if mode == "live"
        else []
    )
    assert said.code == (1 if mode == "live" else 0)


@pytest.mark.parametrize(("kind", "code"), [("hold", 3), ("rejected", 1)])
def test_a_tenant_that_waits_for_a_person_is_exit_code_3(
    desk: Desk, kind: Literal["hold", "rejected"], code: int
) -> None:
    desk.path.write_text(
        desk.path.read_text().replace("[tenants.abbey]\n", '[tenants.abbey]\nmode = "live"\nstaff = "not-in-unitu"\n')
    )
    held = Held(kind=kind, reasons=(Reason(code="x", message="a roster that nobody adopted"),), since=at(3))
    desk.looks.tenants["abbey"] = Delivering(held)
    said = desk.say()
    assert (said.code, "a roster that nobody adopted; rollcall tenant show abbey" in said.out) == (code, True)


def test_a_school_that_the_configuration_does_not_have_is_refused(desk: Desk) -> None:
    assert desk.say("nowhere").code == 2


@pytest.mark.parametrize(
    ("school", "late"),
    [
        pytest.param(IsamsSchool.model_construct(poll_seconds=1), 15.0, id="a quarter of an hour at least"),
        pytest.param(IsamsSchool.model_construct(poll_seconds=3600), 180.0, id="three polls"),
        pytest.param(PushSchool.model_construct(fresh_hours=26.0), 26 * 60.0, id="as long as a body may be sent on"),
    ],
)
def test_when_a_school_is_late(school: IsamsSchool | PushSchool, late: float) -> None:
    assert late_after(school) == late


@pytest.mark.parametrize(("off", "words"), [(61, "61 minutes ahead of"), (-61, "61 minutes behind")])
def test_a_clock_that_is_not_believed_is_named(desk: Desk, off: int, words: str) -> None:
    desk.road.fetch(a_sweep("s2", ALL, sends=[], minutes=5 + off), minutes=5 + off, appended=5)
    desk.road.run()
    assert f"{SCHOOL}: the clock of whoever reads it was {words} Kafka's" in desk.say().out
    assert [one["clock_minutes"] for one in json.loads(desk.say("--json").out)] == [off, 0]
    desk.reads([*ALL], 3, 10)
    assert "the clock of" not in desk.say().out


def test_what_was_made_anew_is_told_until_a_full_sweep_was_decided(desk: Desk) -> None:
    """Fails when a lane that has lost its state or its log counts as fresh by what was certified before."""
    desk.road.store.hashes, desk.road.store.records = {}, {}
    desk.road.start()
    said = desk.say(SCHOOL)
    assert (said.code, "degraded: what is known was made anew: the store has no record of it" in said.out) == (1, True)
    desk.reads([*ALL], 2, 2)
    assert desk.say(SCHOOL).code == 1, "an ordinary sweep does not look at everybody"
    desk.road.fetch(a_sweep("s3", ALL, minutes=3, full=True), minutes=3)
    desk.road.run()
    assert desk.say(SCHOOL).code == 0
