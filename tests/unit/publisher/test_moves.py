"""An address is not a person: nobody is given another's account without a yes that names both."""

from pathlib import Path
from typing import Any

import pytest

from services.publisher.identity import Identity, full_name, is_one_person
from services.publisher.moves import Move
from tests.unit.publisher.test_undecided import on_the_roll
from tests.unit.publisher.world import (
    LIVE,
    MANAGED,
    QUICK,
    World,
    a_config,
    a_leaver,
    an_account,
    an_employee,
    assessed,
)

SHARED = "s2@abbey.example"


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(a_config(tmp_path))
    world.tell_school(*(an_account(str(number), number) for number in range(1, 5)))
    world.adopt()
    world.work(until=10)
    return world


def id_of(world: World, email: str) -> str | None:
    """Whose record Unitu has under an e-mail; None: the account is off."""
    people = [*world.unitu.bodies[-1]["students"], *world.unitu.bodies[-1].get("staff", [])]
    return next((one["id"] for one in people if one["email"] == email), None)


def moves(world: World) -> list[tuple[str, str, str]]:
    return [given for hold in world.desk.holds("abbey") for given in hold.gives]


def release(world: World) -> None:
    world.desk.let_go("abbey", [hold.hash for hold in world.desk.holds("abbey")])
    world.work(until=10)


def test_a_leavers_address_waits_for_a_yes_that_names_both(world: World) -> None:
    world.tell_school(a_leaver("2", 20), an_account("9", 21, email=SHARED), at=25)
    world.work(until=10)
    assert id_of(world, SHARED) is None
    assert moves(world) == [(SHARED, "abbey/2", "abbey/9")]
    assert world.state.held is not None
    assert [one.code for one in world.state.held.reasons] == ["address_moves"]
    release(world)
    assert id_of(world, SHARED) == "9"
    assert world.state.held is None
    assert world.state.releases == {}


def test_an_account_that_was_handed_over_is_not_the_first_owners_any_more(world: World) -> None:
    world.tell_school(a_leaver("2", 20), an_account("9", 21, email=SHARED), at=25)
    world.work(until=10)
    release(world)
    world.tell_school(a_leaver("9", 40, email=SHARED), an_account("2", 41), at=45)
    world.work(until=10)
    assert id_of(world, SHARED) is None
    assert moves(world) == [(SHARED, "abbey/9", "abbey/2")]


def test_an_address_that_somebody_has_left_behind_is_still_theirs(world: World) -> None:
    """2 was moved to a new address by a person's word; the account under the old one is not for the next."""
    world.tell(an_account("2", 20, email="new@abbey.example"))
    world.desk.release("abbey", world.desk.waits("abbey"))
    world.work(until=10)
    world.tell(an_account("9", 30, email=SHARED))
    world.work(until=10)
    assert id_of(world, SHARED) is None
    assert moves(world) == [(SHARED, "abbey/2", "abbey/9")]


def test_an_address_stays_theirs_when_they_leave_and_return_under_another(tmp_path: Path) -> None:
    world = World(a_config(tmp_path, LIVE + QUICK + 'email_change = "send"\n'))
    world.tell_school(*(an_account(number, 1) for number in "1234"))
    world.adopt()
    world.work()
    world.tell_school(a_leaver("2", 20), at=20)
    world.work(until=10)
    world.tell(an_account("2", 30, email="new@abbey.example"))
    world.work(until=10)
    world.tell(an_account("9", 40, email=SHARED))
    world.work(until=10)
    assert world.unitu.enabled >= {"new@abbey.example"}
    assert id_of(world, SHARED) is None
    assert moves(world) == [(SHARED, "abbey/2", "abbey/9")]


@pytest.mark.parametrize("outcome", ["lost", "times-out", 202])
def test_an_address_stays_theirs_while_nobody_knows_that_they_are_back_under_another(
    tmp_path: Path, outcome: str | int
) -> None:
    world = World(a_config(tmp_path, LIVE + QUICK + 'email_change = "send"\n'))
    world.tell_school(*(an_account(str(number), number) for number in range(1, 5)))
    world.adopt()
    world.work(until=10)
    world.tell_school(a_leaver("2", 20), at=20)
    world.work(until=10)
    world.unitu.plan = [outcome]
    world.tell(an_account("2", 30, email="new@abbey.example"), an_account("9", 31, email=SHARED))
    world.work(until=10)
    world.tell(an_account("1", 40, phone="7"))
    world.work(until=120)
    assert id_of(world, "new@abbey.example") == "2"
    assert id_of(world, SHARED) is None
    assert moves(world) == [(SHARED, "abbey/2", "abbey/9")]


def test_the_account_of_somebody_who_was_forgotten_is_nobodys(world: World) -> None:
    world.tell_school(a_leaver("2", 20), at=20)
    world.work(until=10)
    world.forget("2")
    world.tell(an_account("5", 30))
    world.work(until=10)
    assert "abbey/2" not in world.state.former
    world.tell(an_account("9", 40, email=SHARED))
    world.work(until=10)
    assert id_of(world, SHARED) is None
    assert [owner for _, owner, _ in moves(world)] == ["somebody who was forgotten"]


def test_a_new_yes_forgets_no_owner(world: World) -> None:
    world.tell_school(a_leaver("2", 20), at=20)
    world.adopt()
    world.tell(an_account("9", 30, email=SHARED))
    world.work(until=10)
    assert moves(world) == [(SHARED, "abbey/2", "abbey/9")]


def test_an_address_that_its_owner_keeps_is_a_conflict_and_waits_for_no_yes(world: World) -> None:
    world.tell(an_account("9", 30, email=SHARED))
    world.work(until=10)
    assert id_of(world, SHARED) == "2"
    assert moves(world) == []


def test_a_released_change_to_anothers_address_waits_as_well(world: World) -> None:
    """The change is released while 2 has the address; 2 leaves, and 1 would become 2."""
    world.tell(an_account("1", 20, email=SHARED))
    world.desk.release("abbey", world.desk.waits("abbey"))
    world.tell_school(a_leaver("2", 30), at=30)
    world.work(until=10)
    assert id_of(world, "s1@abbey.example") == "1"
    assert id_of(world, SHARED) is None
    assert moves(world) == [(SHARED, "abbey/2", "abbey/1")]


def test_an_address_goes_to_another_school_by_a_yes_only(tmp_path: Path) -> None:
    world = World(a_config(tmp_path, schools=("abbey", "borough")))
    world.tell_school(*(an_account(str(number), number) for number in range(1, 5)))
    world.tell_school(an_account("7", 12, school="borough", email="b7@borough.example"), school="borough", at=15)
    world.adopt()
    world.work(until=10)
    world.tell_school(a_leaver("2", 20), at=20)
    world.tell_school(an_account("8", 30, school="borough", email=SHARED), school="borough", at=35)
    world.work(until=10)
    assert id_of(world, SHARED) is None
    assert moves(world) == [(SHARED, "abbey/2", "borough/8")]


def test_an_address_of_a_student_goes_to_staff_by_a_yes_only(tmp_path: Path) -> None:
    world = World(a_config(tmp_path, MANAGED + QUICK))
    world.tell_school(*(an_account(str(number), number) for number in range(1, 5)))
    world.tell_school(an_employee("214", 6), kind="staff", at=12)
    world.adopt()
    world.work(until=10)
    world.tell_school(a_leaver("2", 20), at=20)
    world.tell_school(an_employee("215", 30, email=SHARED), kind="staff", at=35)
    world.work(until=10)
    assert id_of(world, SHARED) is None
    assert moves(world) == [(SHARED, "abbey/2", "abbey+staff/215")]


@pytest.mark.parametrize(
    ("before", "after", "goes"),
    [
        pytest.param({}, {}, True, id="name and birth date"),
        pytest.param({}, {"first_name": "ADA", "last_name": "Férn"}, True, id="spelt otherwise"),
        pytest.param({}, {"date_of_birth": "2011-04-10"}, False, id="another birth date"),
        pytest.param({"date_of_birth": None}, {"date_of_birth": None}, False, id="a name alone is nobody's"),
        pytest.param(
            {"unique_pupil_number": "A1"},
            {"unique_pupil_number": "A1", "last_name": "Ash", "date_of_birth": None},
            True,
            id="an id for life outweighs the name",
        ),
        pytest.param({"person_guid": "g"}, {"person_guid": "h"}, False, id="and so does one that differs"),
    ],
)
def test_one_person_under_another_number_keeps_the_account(
    world: World, before: dict[str, Any], after: dict[str, Any], goes: bool
) -> None:
    world.tell_school(
        a_leaver("2", 20, assessment=assessed("2", **before)),
        an_account("9", 21, email=SHARED, assessment=assessed("9", **after)),
        at=25,
    )
    world.work(until=10)
    assert (id_of(world, SHARED) == "9") == goes


def protect(world: World, folder: Path, name: str, email: str) -> None:
    first, last = name.split()
    (folder / "protected.json").write_text(
        f'{{"students": [{{"firstName": "{first}", "lastName": "{last}", "email": "{email}", "year": null,'
        ' "id": "p", "programmeCodes": []}]}'
    )
    world.config = a_config(folder, LIVE + QUICK + 'protected = "protected.json"\n')
    world.restart()


def test_a_protected_pupil_whose_email_changes_does_not_get_a_second_account(world: World, tmp_path: Path) -> None:
    protect(world, tmp_path, "Ada Fern", SHARED)
    world.publish()
    assert id_of(world, SHARED) == "p"
    world.tell(an_account("2", 40, email="new@abbey.example"))
    world.publish()
    assert world.unitu.enabled == {f"s{number}@abbey.example" for number in range(1, 5)}


def test_who_was_protected_from_the_first_gets_no_second_account_either(tmp_path: Path) -> None:
    """They were never sent under their own record: what remains is that it once had the protected address."""
    world = World(a_config(tmp_path))
    protect(world, tmp_path, "Ada Fern", SHARED)
    world.tell_school(an_account("1", 1), an_account("2", 2))
    world.adopt()
    world.work(until=10)
    assert id_of(world, SHARED) == "p"
    for at, email in ((40, "new@abbey.example"), (50, "newer@abbey.example")):
        world.tell(an_account("2", at, email=email))
        world.work(until=10)
        assert world.unitu.enabled == {"s1@abbey.example", SHARED}


FIRST = "a@abbey.example"  # the record that a refusal points at


def protected_from_the_first(folder: Path) -> World:
    world = World(a_config(folder))
    protect(world, folder, "Ada Fern", FIRST)
    world.tell_school(an_account("1", 1, first_name="Bea"), an_account("2", 2, email=FIRST))
    world.adopt()
    world.work(until=10)
    assert id_of(world, FIRST) == "p"
    return world


def test_whose_protected_record_unitu_refuses_gets_no_second_account(tmp_path: Path) -> None:
    """The record stays as last sent, and is theirs all the same."""
    world = protected_from_the_first(tmp_path)
    world.unitu.plan = ["points"]
    world.tell(an_account("1", 30, first_name="Bea", phone="7"))
    world.work(until=10)
    assert list(world.state.refused) == [f"/{FIRST}"]
    for at, email in ((40, "new@abbey.example"), (50, "newer@abbey.example")):
        world.tell(an_account("2", at, email=email))
        world.work(until=10)
        assert world.unitu.enabled == {"s1@abbey.example", FIRST}


def test_who_is_protected_and_was_undecided_at_first_gets_no_second_account(tmp_path: Path) -> None:
    world = World(a_config(tmp_path))
    protect(world, tmp_path, "Cyd Gale", FIRST)
    world.tell_school(an_account("1", 1), on_the_roll("2", 2, email=FIRST))
    world.adopt(None, "undecided-may-go")
    world.work(until=10)
    world.tell(an_account("2", 40, email="new@abbey.example", first_name="Cyd", last_name="Gale"))
    world.work(until=10)
    assert world.unitu.enabled == {"s1@abbey.example", FIRST}


def test_who_is_protected_and_lost_gets_no_second_account_on_their_return(tmp_path: Path) -> None:
    """``account-state`` lost them, and snapshots went meanwhile; the file still names their address."""
    world = protected_from_the_first(tmp_path)
    world.forget("2")
    world.tell(an_account("1", 30, first_name="Bea", phone="7"))
    world.work(until=10)
    world.tell(an_account("2", 40, email="new@abbey.example"))
    world.work(until=10)
    assert world.unitu.enabled == {"s1@abbey.example", FIRST}


def test_who_was_protected_once_and_is_forgotten_is_no_longer_remembered(tmp_path: Path) -> None:
    world = protected_from_the_first(tmp_path)
    assert world.state.former == {"abbey/2": FIRST}
    world.forget("2")
    protect(world, tmp_path, "Ada Fern", "b@abbey.example")
    world.tell_school(at=30)
    world.adopt(None, "more-than-half")
    world.work(until=10)
    assert FIRST not in world.unitu.enabled
    assert "abbey/2" not in world.state.former


def test_a_protected_record_takes_nobodys_account_without_a_yes(world: World, tmp_path: Path) -> None:
    protect(world, tmp_path, "Head Master", SHARED)
    world.publish()
    assert id_of(world, SHARED) == "2"
    assert moves(world) == [(SHARED, "abbey/2", f"/{SHARED}")]
    release(world)
    assert id_of(world, SHARED) == "p"


def test_a_protected_account_goes_to_a_pupil_by_a_yes_only(world: World, tmp_path: Path) -> None:
    protect(world, tmp_path, "Head Master", "head@abbey.example")
    world.publish()
    world.config = a_config(tmp_path)
    world.restart()
    world.tell(an_account("9", 40, email="head@abbey.example"))
    world.publish()
    assert id_of(world, "head@abbey.example") == "p"


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("Zoë", "O'Brien"), "zoeobrien"),
        (("ZOE", "O’Brien"), "zoeobrien"),
        (("Anne-Marie", " van  Dyk "), "annemarievandyk"),
        (("Weiß", None), "weiss"),
        ((None, ""), ""),
    ],
)
def test_names_are_compared_in_one_form(names: tuple[str | None, ...], expected: str) -> None:
    assert full_name(*names) == expected


def test_nobody_is_one_person_with_nobody() -> None:
    assert not is_one_person(Identity(), Identity())


def test_each_move_has_a_hash_of_its_own() -> None:
    parts = [("a@x", "abbey/1", "abbey/2"), ("b@x", "abbey/1", "abbey/2"), ("a@x", "abbey/2", "abbey/1")]
    assert len({Move(*one).hash for one in parts}) == 3
