"""A second lock, and a hold that costs only its own people: they stay as last sent, and all else goes."""

import json
from pathlib import Path
from typing import Any

import pytest

from services.publisher.refusals import refusal_in
from services.publisher.unitu import Outcome
from shared.contract.deliveries import SnapshotHeld
from tests.unit.publisher.world import (
    MANAGED,
    QUICK,
    World,
    a_config,
    a_lane,
    a_leaver,
    a_school,
    a_structure,
    an_account,
    an_employee,
    an_employee_who_left,
)


def emails(*numbers: int) -> set[str]:
    return {f"s{number}@abbey.example" for number in numbers}


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Four students whom Unitu has."""
    world = World(a_config(tmp_path))
    world.tell_school(*(an_account(str(number), number) for number in range(1, 5)))
    world.adopt()
    world.work(until=10)
    assert world.unitu.enabled == emails(1, 2, 3, 4)
    return world


def held(world: World) -> list[str]:
    return [one.code for one in world.state.held.reasons] if world.state.held else []


def record(world: World, email: str) -> dict[str, Any]:
    [found] = [one for one in world.unitu.bodies[-1]["students"] if one["email"] == email]
    return dict(found)


# --- a hold costs only its own ---------------------------------------------------------------------------------------


def test_a_hold_of_one_keeps_nobody_else_switched_off(world: World) -> None:
    """2 was marked as left by a slip, and it is put right; meanwhile nothing explains where 1 has gone."""
    world.tell_school(a_leaver("2", 20), at=20)
    world.work(until=10)
    assert world.unitu.enabled == emails(1, 3, 4)
    world.forget("1")
    world.tell_school(an_account("2", 30), an_account("5", 31), at=35)
    world.work(until=10)
    assert world.unitu.enabled == emails(1, 2, 3, 4, 5)
    assert held(world) == ["account_unknown"]
    assert world.state.held is not None
    assert world.state.held.is_partial
    assert "sync" in world.state.held.reasons[0].message


def test_whoever_is_held_is_sent_as_before(world: World) -> None:
    before = record(world, "s1@abbey.example")
    world.forget("1")
    world.tell(an_account("2", 30, first_name="Bea"))
    world.work(until=10)
    assert record(world, "s1@abbey.example") == before
    assert record(world, "s2@abbey.example")["firstName"] == "Bea"


def test_a_hold_is_told_once_and_lifted_once(world: World) -> None:
    world.forget("1")
    world.read()
    world.publish()
    world.work(until=300)
    assert len(world.deliveries(SnapshotHeld)) == 1
    world.tell(an_account("1", 40))
    world.work(until=100)
    assert world.state.held is None


def test_evidence_from_after_the_last_snapshot_that_had_them_counts_after_a_hold(world: World) -> None:
    """Whoever was kept for a while goes by the evidence that came meanwhile, though newer snapshots had them."""
    world.forget("1")
    world.tell(an_account("5", 30))
    world.work(until=10)
    world.tell_school(a_leaver("1", 20), an_account("6", 31), at=35)
    world.work(until=10)
    assert world.unitu.enabled == emails(2, 3, 4, 5, 6)


def test_without_knowing_how_they_were_sent_nothing_goes(world: World) -> None:
    world.tenant_hashes = type(world.tenant_hashes)()  # what was sent is lost
    world.restart()
    world.forget("1")
    world.tell(an_account("5", 30))
    world.work(until=10)
    assert world.unitu.enabled == emails(1, 2, 3, 4)
    assert world.state.held is not None
    assert not world.state.held.is_partial


@pytest.mark.parametrize("outcome", ["times-out", 202])
def test_whoever_is_held_loses_nothing_that_a_snapshot_of_unknown_outcome_gave_them(
    world: World, outcome: str | int
) -> None:
    world.unitu.plan = [outcome]
    world.tell(an_account("1", 20, modules=("Y10-ART", "Y10-HIS"), phone="7"))
    world.work_once()
    assert record(world, "s1@abbey.example")["moduleCodes"] == ["Y10-ART", "Y10-HIS"]
    world.tell(an_account("1", 30, modules=("Y10-ART", "Y10-HIS"), phone="8", status="disabled"))  # and no evidence
    world.work(until=700)
    assert world.unitu.posts == 3 if outcome == "times-out" else 2
    assert record(world, "s1@abbey.example")["moduleCodes"] == ["Y10-ART", "Y10-HIS"]
    assert record(world, "s1@abbey.example").get("phone") == (None if outcome == "times-out" else "7")


# --- a second lock ---------------------------------------------------------------------------------------------------


def test_a_snapshot_of_nobody_waits_for_a_person(world: World) -> None:
    world.tell_school(*(a_leaver(str(number), 20) for number in range(1, 5)), at=20)
    world.work(until=86_400)
    assert world.unitu.enabled == emails(1, 2, 3, 4)
    assert held(world) == ["too_many_at_once"]


@pytest.mark.parametrize(("leavers", "goes"), [("12", True), ("123", False)])
def test_half_of_a_kind_may_go_and_not_one_more(world: World, leavers: str, goes: bool) -> None:
    world.tell_school(*(a_leaver(number, 20) for number in leavers), an_account("5", 21), at=25)
    world.work(until=100)
    assert (world.unitu.enabled == emails(3, 4, 5)) == goes
    assert goes or world.unitu.enabled == emails(1, 2, 3, 4, 5)  # who joined goes all the same


def test_the_staff_are_a_kind_of_their_own(tmp_path: Path) -> None:
    world = World(a_config(tmp_path, MANAGED + QUICK))
    world.tell_school(*(an_account(str(number), number) for number in range(1, 5)))
    world.tell_school(an_employee("214", 6), kind="staff", at=12)
    world.adopt()
    world.work(until=10)
    world.tell_school(an_employee_who_left("214", 20), kind="staff", at=20)
    world.work(until=100)
    assert "t214@abbey.example" in world.unitu.enabled
    assert held(world) == ["too_many_at_once"]


def test_a_release_by_hash_opens_the_second_lock_once(world: World) -> None:
    gone = [a_leaver(number, 20) for number in "123"]
    world.tell_school(*gone, at=20)
    world.work(until=10)
    [hold] = world.desk.holds("abbey")
    assert hold.disabled == ("s1@abbey.example", "s2@abbey.example", "s3@abbey.example")
    world.desk.let_go("abbey", [hold.hash])
    world.work(until=10)
    assert world.unitu.enabled == emails(4)
    assert world.state.releases == {}


def test_a_release_of_others_than_were_shown_lets_nobody_go(world: World) -> None:
    from services.publisher.decisions import Outdated

    world.tell_school(*(a_leaver(number, 20) for number in "123"), at=20)
    world.work(until=10)
    [shown] = world.desk.holds("abbey")
    world.tell_school(a_leaver("4", 30), at=30)
    world.work(until=10)
    with pytest.raises(Outdated):
        world.desk.let_go("abbey", [shown.hash])
    world.work(until=100)
    assert world.unitu.enabled == emails(1, 2, 3, 4)


def test_a_domain_that_changes_at_once_is_a_roster_that_goes(tmp_path: Path) -> None:
    """``email_change = "send"`` sends a changed e-mail; all of them at once are every account that Unitu has."""
    world = World(a_config(tmp_path, 'mode = "live"\nstaff = "not-in-unitu"\nemail_change = "send"\n' + QUICK))
    world.tell_school(an_account("1", 1), an_account("2", 2), an_account("3", 3))
    world.adopt()
    world.work(until=10)
    world.tell(*(an_account(number, 20, email=f"s{number}@new.example") for number in "123"))
    world.work(until=10)
    assert world.unitu.enabled == emails(1, 2, 3)
    assert held(world) == ["too_many_at_once"]


# --- a view that is behind -------------------------------------------------------------------------------------------


def test_a_view_that_is_behind_removes_nobody_and_adds_who_joined(world: World) -> None:
    """2 left and came back before a snapshot was due; the lane woke the tenant for the return, and is stuck since."""
    world.tell_school(a_leaver("2", 20), an_account("5", 21), at=25)
    world.append(an_account("2", 30), a_school(30), a_lane(31))
    world.wakes.wake(0, len(world.log[0]), ["abbey"])  # and then its process dies
    world.work(until=50)
    assert world.unitu.enabled == emails(1, 2, 3, 4)
    world.work(until=120)
    assert world.unitu.enabled == emails(1, 2, 3, 4, 5)
    assert held(world) == ["view_reads_on"]


def test_a_lane_that_nobody_reads_removes_nobody(world: World) -> None:
    """Nothing woke the tenant for what is still to be read."""
    world.tell_school(a_leaver("2", 20), at=20)
    world.append(an_account("2", 30), a_school(30), a_lane(31))
    world.publish()
    world.work(until=300)
    assert world.unitu.enabled == emails(1, 2, 3, 4)
    world.read()
    world.work(until=30)
    assert world.unitu.enabled == emails(1, 2, 3, 4)


# --- the reconciler's count ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("counted", "goes"), [(3, True), (4, False), (2, False)])
def test_nobody_goes_while_the_view_has_another_number_than_the_reconciler(
    world: World, counted: int, goes: bool
) -> None:
    world.is_counted = False
    world.tell_school(a_leaver("2", 20), at=20, enabled=counted)
    world.is_swept = True
    world.work(until=100)
    assert ("s2@abbey.example" not in world.unitu.enabled) == goes
    assert held(world) == ([] if goes else ["view_miscounts"])


def test_a_count_that_stays_wrong_asks_for_a_full_sweep_once_an_hour(world: World) -> None:
    world.is_counted = False
    world.tell_school(a_leaver("2", 20), at=20, enabled=4)
    world.is_swept = True

    def asked() -> int:
        return sum("lacks some" in one.reason and one.full for one in world.requests())

    world.work(until=50)
    assert asked() == 0  # it may be the middle of a batch
    world.work(until=100)
    assert asked() == 1
    world.work(until=3500)
    assert asked() == 1
    world.work(until=200)
    assert asked() == 2


# --- Unitu refuses one record ----------------------------------------------------------------------------------------


def refuses(world: World, email: str, times: int = 100) -> None:
    """422 whenever this e-mail's record is there with this first name."""
    post, left = world.unitu.post, [times]

    async def picky(url: str, key: Any, body: bytes, seconds: float) -> Outcome:
        students = json.loads(body)["students"]
        places = [at for at, one in enumerate(students) if one["email"] == email and one["firstName"] == "N4me"]
        if places and left[0]:
            left[0] -= 1
            text = json.dumps({"errors": [{"pointer": f"/students/{at}/firstName"} for at in places]})
            return Outcome("rejected", "refused", 422, refusal=refusal_in(text))
        return await post(url, key, body, seconds)

    world.unitu.post = picky  # type: ignore[method-assign]


def test_a_refused_record_is_left_as_last_sent_and_the_rest_goes(world: World) -> None:
    refuses(world, "s1@abbey.example")
    world.tell_school(an_account("1", 20, first_name="N4me"), an_account("5", 21), at=25)
    world.work(until=30)
    assert world.unitu.enabled == emails(1, 2, 3, 4, 5)
    assert record(world, "s1@abbey.example")["firstName"] == "Ada"
    assert held(world) == ["refused_by_unitu"]


def test_a_refused_record_of_somebody_new_is_left_out_until_it_changes(world: World) -> None:
    refuses(world, "s5@abbey.example")
    world.tell_school(an_account("5", 20, first_name="N4me"), an_account("6", 21), at=25)
    world.work(until=30)
    assert world.unitu.enabled == emails(1, 2, 3, 4, 6)
    assert held(world) == ["refused_by_unitu"]
    world.tell(an_account("5", 30, first_name="Name"))
    world.work(until=100)
    assert world.unitu.enabled == emails(1, 2, 3, 4, 5, 6)
    assert world.state.held is None
    assert world.state.refused == {}


def test_a_record_that_is_refused_as_it_was_once_sent_holds_the_tenant(world: World) -> None:
    """It cannot be left as last sent: that is what Unitu refuses."""
    world.tell(an_account("1", 20, first_name="N4me"))
    world.work(until=10)
    refuses(world, "s1@abbey.example")
    world.tell(an_account("5", 30))
    world.work(until=100)
    assert world.state.held is not None
    assert world.state.held.kind == "rejected"


# --- areas and codes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("area", ["structure", "sets"])
def test_an_area_that_was_never_read_waits_or_is_gone_without_by_a_yes(tmp_path: Path, area: str) -> None:
    """departments 403: every programme would be undone."""
    from services.publisher.decisions import NotWhole

    world = World(a_config(tmp_path))
    areas = {name: 10 for name in ("students", "structure", "sets") if name != area}
    world.tell_school(an_account("1", 1, modules=()), areas=areas)
    with pytest.raises(NotWhole) as refused:
        world.desk.show("abbey")
    assert [one.code for one in refused.value.reasons] == [f"{area}_never_read"]
    shown = world.desk.show("abbey", without=[f"abbey/{area}"])
    world.desk.adopt(shown, words=shown.words)
    world.work(until=10)
    assert world.unitu.enabled == emails(1)


def test_a_snapshot_names_no_code_that_it_does_not_define(world: World) -> None:
    world.tell(a_structure(codes=("Y10", "Y11")), an_account("1", 20, programmes=("Y10", "Y99"), modules=()))
    world.work(until=10)
    assert record(world, "s1@abbey.example")["programmeCodes"] == ["Y10"]
    assert [one["code"] for one in world.unitu.bodies[-1]["departments"]] == ["TEACH"]


def test_what_a_school_no_longer_lists_stays_defined_while_somebody_is_in_it(world: World) -> None:
    world.tell(a_structure(codes=("Y10", "Y11")))
    world.work(until=10)
    world.tell(a_structure(codes=("Y11",), at=30))
    world.work(until=10)
    body = world.unitu.bodies[-1]
    assert [one["code"] for one in body["programmes"]] == ["Y10", "Y11"]
    assert record(world, "s1@abbey.example")["programmeCodes"] == ["Y10"]
    world.tell_school(*(an_account(str(n), 40, programmes=("Y11",), modules=()) for n in range(1, 5)), at=40)
    world.work(until=10)
    assert [one["code"] for one in world.unitu.bodies[-1]["programmes"]] == ["Y11"]
