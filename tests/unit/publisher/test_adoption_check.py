"""The institution, its schools, and what may be two things: what a yes was to, and what needs another."""

from pathlib import Path

import msgspec
import pytest
from pydantic import SecretStr

from services.publisher.decisions import NeedsWord, NotWhole, Outdated
from services.publisher.fingerprint import fingerprint_of
from services.sandbox.unitu.body import Body
from services.sandbox.unitu.rules import Account, Entities, Rules, apply
from shared.config.load import load
from shared.contract.deliveries import SnapshotHeld
from shared.contract.model import Category, Module, Verdict
from shared.contract.tenant_state import TenantState
from tests.unit.publisher.test_undecided import on_the_roll
from tests.unit.publisher.world import (
    LIVE,
    MANAGED,
    QUICK,
    World,
    a_config,
    a_leaver,
    a_structure,
    an_account,
    an_employee,
)


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(a_config(tmp_path))
    world.tell_school(an_account("1", 1), an_account("2", 2))
    return world


def configured(world: World, folder: Path, *changes: tuple[str, str]) -> None:
    """The configuration's file with some text in place of other."""
    path = folder / "rollcall.toml"
    text = path.read_text()
    for old, new in changes:
        text = text.replace(old, new)
    path.write_text(text)
    world.config = load(path, {})
    world.restart()


def held(world: World) -> list[str]:
    return [one.code for one in world.deliveries(SnapshotHeld)[-1].reasons]


# --- whose institution -----------------------------------------------------------------------------------------------


def another_key(world: World, folder: Path) -> None:
    (folder / "secret").write_text("the-key-of-another-school")
    configured(world, folder)


def test_another_key_is_another_institution_and_needs_another_yes(world: World, tmp_path: Path) -> None:
    world.adopt()
    world.work()
    another_key(world, tmp_path)
    world.unitu.accounts = dict.fromkeys(["x1@birch.example", "x2@birch.example"], True)  # that key's people
    world.publish()
    world.work(until=90_000)
    assert world.unitu.enabled == {"x1@birch.example", "x2@birch.example"}
    assert held(world) == ["key_changed"]
    assert world.desk.fingerprint("abbey") in world.deliveries(SnapshotHeld)[-1].reasons[0].message


def test_a_key_that_is_put_back_needs_no_word(world: World, tmp_path: Path) -> None:
    world.adopt()
    world.work()
    another_key(world, tmp_path)
    world.publish()
    (tmp_path / "secret").write_text("made-up-key")
    configured(world, tmp_path)
    world.publish()
    assert (world.unitu.posts, world.state.held) == (2, None)


def test_a_key_is_confirmed_by_the_fingerprint_that_is_configured(world: World, tmp_path: Path) -> None:
    world.adopt()
    world.work()
    old = world.desk.fingerprint("abbey")
    another_key(world, tmp_path)
    for wrong in ("", old):
        with pytest.raises(Outdated, match="fingerprint"):
            world.desk.confirm_key("abbey", wrong)
    world.desk.confirm_key("abbey", world.desk.fingerprint("abbey"), "bea")
    world.work()
    assert world.unitu.posts == 2


def test_what_another_institution_has_is_not_known_from_what_the_first_one_took(world: World, tmp_path: Path) -> None:
    world.adopt()
    world.work()
    assert world.desk.show("abbey").concerns == ()
    another_key(world, tmp_path)
    assert world.desk.show("abbey").words == ("without-accounts",)


def test_an_adoption_that_knows_no_key_is_held_once(world: World) -> None:
    """Of a release before keys were known by their fingerprints: the key may have been exchanged since."""
    world.adopt()

    def forget(state: TenantState) -> TenantState:
        assert state.adoption is not None
        return msgspec.structs.replace(state, adoption=msgspec.structs.replace(state.adoption, fingerprint=""))

    world.tenants.update("abbey", forget)
    world.work(until=10)
    assert (world.unitu.posts, held(world)) == (0, ["key_changed"])
    world.desk.confirm_key("abbey", world.desk.fingerprint("abbey"))
    world.work(until=10)
    assert world.unitu.posts == 1


def test_a_fingerprint_is_of_one_key_and_one_tenant_and_shows_neither() -> None:
    prints = {
        fingerprint_of(tenant, SecretStr(key)) for tenant in ("abbey", "birch") for key in ("made-up-key", "another")
    }
    assert len(prints) == 4
    assert all(len(one) == 16 and "made" not in one for one in prints)
    assert fingerprint_of("abbey", SecretStr("made-up-key")) in prints


@pytest.mark.parametrize(
    ("url", "is_same"),
    [
        ("https://API.unitu.io:443/v1/./sync/", True),
        ("https://api.unitu.io/v2/sync", False),
        ("http://api.unitu.io/v1/sync", False),
    ],
)
def test_another_spelling_of_the_address_needs_no_yes_and_another_address_does(
    world: World, tmp_path: Path, url: str, is_same: bool
) -> None:
    world.adopt()
    world.work()
    shown = world.desk.show("abbey")
    configured(world, tmp_path, ("[tenants.abbey]\n", f'[tenants.abbey]\nplain_http = true\nurl = "{url}"\n'))
    world.publish()
    assert (world.unitu.posts == 2) == is_same
    if not is_same:
        assert held(world) == ["address_changed"]
        with pytest.raises(Outdated):
            world.desk.adopt(shown)


# --- one id, two people ----------------------------------------------------------------------------------------------


def two_of_one_id(folder: Path, who: str) -> tuple[World, list[str]]:
    if who == "two schools":
        world = World(a_config(folder, schools=("abbey", "borough")))
        world.tell_school(an_account("214", 1))
        other = an_account("214", 12, school="borough", email="b214@borough.example")
        world.tell_school(other, school="borough", at=15)
        return world, ["s214@abbey.example", "b214@borough.example"]
    world = World(a_config(folder, MANAGED + QUICK))
    world.tell_school(an_account("214", 1))
    world.tell_school(an_employee("214", 12), kind="staff", at=15)
    return world, ["s214@abbey.example", "t214@abbey.example"]


def enabled_where_ids_count(world: World, emails: list[str]) -> list[str]:
    """After the last body, at a Unitu that knows people by their ids and has these."""
    body = msgspec.json.decode(msgspec.json.encode(world.unitu.bodies[-1]), type=Body)
    there = {n: Account(number=n, email=email, first_name="A", last_name="B") for n, email in enumerate(emails, 1)}
    after = apply(there, body, Entities(), Rules(match_by="id")).accounts
    return [one.email for one in after.values() if one.enabled]


@pytest.mark.parametrize("who", ["student and teacher", "two schools"])
def test_one_id_that_is_two_people_is_told_and_needs_a_word(tmp_path: Path, who: str) -> None:
    """With a Unitu that matches by id, the second of an id is nobody's record, and their account is switched off."""
    world, emails = two_of_one_id(tmp_path, who)
    shown = world.desk.show("abbey", emails)
    assert [len(ids) for ids in shown.shared_ids.values()] == [1]
    with pytest.raises(NeedsWord, match="214"):
        world.desk.adopt(shown)
    world.desk.adopt(shown, words=["same-ids"])
    world.work(until=10)
    assert world.unitu.posts == 1  # a Unitu that matches by e-mail takes no harm
    assert world.desk.show("abbey", emails).concerns == ()  # and it is not asked again


@pytest.mark.parametrize("who", ["student and teacher", "two schools"])
def test_a_prefix_makes_two_ids_of_one(tmp_path: Path, who: str) -> None:
    world, emails = two_of_one_id(tmp_path, who)
    if who == "two schools":
        configured(world, tmp_path, ("[schools.borough]\n", '[schools.borough]\nid_prefix = "B-"\n'))
    else:
        configured(world, tmp_path, ("[schools.abbey]\n", '[schools.abbey]\nstaff_id_prefix = "S-"\n'))
    shown = world.desk.show("abbey", emails)
    assert (shown.concerns, shown.shared_ids) == ((), {})
    world.desk.adopt(shown)
    world.work(until=10)
    assert enabled_where_ids_count(world, emails) == emails


def test_an_id_that_becomes_two_people_later_is_held_once(tmp_path: Path) -> None:
    world = World(a_config(tmp_path, MANAGED + QUICK))
    world.tell_school(an_account("1", 1))
    world.tell_school(an_employee("214", 12), kind="staff", at=15)
    world.adopt()
    world.work(until=10)
    world.tell(an_account("214", 20))
    world.work(until=10)
    assert (world.unitu.posts, held(world)) == (1, ["id_twice"])
    world.desk.adopt(world.desk.show("abbey"), words=["same-ids"])
    world.work(until=10)
    world.tell(an_employee("1", 30))
    world.work(until=10)
    assert world.unitu.posts == 3


def test_whoever_was_let_go_before_is_among_those_who_are_shown(tmp_path: Path) -> None:
    """
    A teacher who has a leaver's address, by a yes, and a pupil's number: what is sent has the number twice, so what is
    shown must have it too. Fails when the preview is taken without what a person has let go: the tenant is held for
    ever, however often it is adopted again.
    """
    world = World(a_config(tmp_path, MANAGED + QUICK))
    world.tell_school(an_account("1", 1), an_account("2", 2, email="old@abbey.example"), an_account("214", 3))
    world.tell_school(an_employee("5", 12), kind="staff", at=15)
    world.adopt()
    world.work(until=10)
    world.tell(a_leaver("2", 20, email="old@abbey.example"), an_employee("214", 21, email="old@abbey.example"))
    world.work(until=10)
    world.desk.let_go("abbey", [one.hash for one in world.desk.holds("abbey")])
    world.work(until=10)
    assert held(world) == ["id_twice"]
    shown = world.desk.show("abbey")
    assert (list(shown.shared_ids.values()), shown.roster["old@abbey.example"].person) == ([("214",)], "214")
    world.desk.adopt(shown, words=shown.words)
    world.work(until=10)
    assert (world.state.held, [one["id"] for one in world.unitu.bodies[-1]["staff"]]) == (None, ["214", "5"])


def test_a_prefix_that_changes_needs_another_yes(world: World, tmp_path: Path) -> None:
    """Everybody would have another id: to a Unitu that matches by id they are all somebody else."""
    world.adopt()
    world.work(until=10)
    shown = world.desk.show("abbey")
    configured(world, tmp_path, ("[schools.abbey]\n", '[schools.abbey]\nid_prefix = "A-"\n'))
    world.publish()
    assert (world.unitu.posts, held(world)) == (1, ["prefix_changed"])
    with pytest.raises(Outdated):
        world.desk.adopt(shown, words=shown.words)
    world.adopt()
    world.work(until=10)
    assert [one["id"] for one in world.unitu.bodies[-1]["students"]] == ["A-1", "A-2"]


# --- one code, two things --------------------------------------------------------------------------------------------


def two_of_one_code(folder: Path) -> World:
    world = World(a_config(folder, schools=("abbey", "borough")))
    world.tell_school(an_account("1", 1))
    world.tell_school(an_account("2", 12, school="borough", email="b@x"), school="borough", at=15)
    other = a_structure("borough")
    programmes = tuple(msgspec.structs.replace(one, name="Form 10") for one in other.structure.programmes)
    structure = msgspec.structs.replace(other.structure, programmes=programmes)
    world.tell(a_structure("abbey"), msgspec.structs.replace(other, structure=structure))
    return world


def test_one_code_that_is_two_things_is_told_and_needs_a_word(tmp_path: Path) -> None:
    world = two_of_one_code(tmp_path)
    shown = world.desk.show("abbey")
    assert (shown.shared_codes, shown.words) == (("programmes/Y10",), ("without-accounts", "same-codes"))
    with pytest.raises(NeedsWord, match="Y10"):
        world.desk.adopt(shown, words=["without-accounts"])
    world.desk.adopt(shown, words=shown.words)
    world.work(until=10)
    assert world.unitu.posts == 1


def test_a_code_that_becomes_two_things_later_is_held(tmp_path: Path) -> None:
    world = two_of_one_code(tmp_path)
    world.tell(a_structure("borough", codes=(), at=20))
    world.adopt()
    world.work(until=10)
    world.tell(
        msgspec.structs.replace(
            a_structure("borough", at=30),
            structure=msgspec.structs.replace(
                a_structure().structure,
                programmes=(msgspec.structs.replace(a_structure().structure.programmes[0], name="X"),),
            ),
        )
    )
    world.work(until=10)
    assert (world.unitu.posts, held(world)) == (1, ["code_twice"])


def test_a_prefix_makes_two_codes_of_one_wherever_they_stand(tmp_path: Path) -> None:
    world = two_of_one_code(tmp_path)
    configured(world, tmp_path, ("[schools.borough]\n", '[schools.borough]\ncode_prefix = "B."\n'))
    history = (Module(code="Y10-HIS", name="History", programme_code="Y10"),)
    for school in ("abbey", "borough"):
        told = a_structure(school, at=20)
        world.tell(msgspec.structs.replace(told, structure=msgspec.structs.replace(told.structure, modules=history)))
    world.adopt()
    world.work(until=10)
    body = world.unitu.bodies[-1]
    modules = [(one["code"], one["programmeCode"]) for one in body["modules"]]
    assert modules == [("B.Y10-HIS", "B.Y10"), ("Y10-HIS", "Y10")]
    assert [(one["code"], one["departmentCode"]) for one in body["programmes"]] == [
        ("B.Y10", "B.TEACH"),
        ("Y10", "TEACH"),
    ]
    assert [(one["programmeCodes"], one["moduleCodes"]) for one in body["students"]] == [
        (["B.Y10"], ["B.Y10-HIS"]),
        (["Y10"], ["Y10-HIS"]),
    ]
    assert list(body["students"][0]) == list(body["students"][1])  # the fields stand in their order


# --- a roll and nobody ------------------------------------------------------------------------------------------------


def test_a_population_with_a_roll_and_nobody_in_the_snapshot_never_goes(tmp_path: Path) -> None:
    """The staff's status word is one that nobody knows: `staff: []` would disable them all."""
    world = World(a_config(tmp_path, MANAGED + QUICK))
    world.tell_school(an_account("1", 1))
    world.tell_school(kind="staff", at=15)
    world.adopt()
    world.work(until=10)
    assert world.unitu.posts == 1  # there is no staff at all
    world.tell_school(kind="staff", at=25, roll_count=12)
    world.publish()
    assert (world.unitu.posts, held(world)) == (1, ["nobody_of_a_roll"])
    with pytest.raises(NotWhole) as refusal:
        world.desk.show("abbey")
    assert [(one.code, one.count) for one in refusal.value.reasons] == [("nobody_of_a_roll", 12)]


@pytest.mark.parametrize(("verdict", "goes"), [(Verdict.INELIGIBLE, True), (Verdict.UNDECIDED, False)])
def test_a_roll_of_applicants_alone_needs_nobody_in_the_snapshot(tmp_path: Path, verdict: Verdict, goes: bool) -> None:
    world = World(a_config(tmp_path, LIVE + QUICK, schools=("abbey", "borough")))
    world.tell_school(an_account("1", 1))
    applicant = on_the_roll("9", 12, school="borough", account=verdict, category=Category.PROSPECTIVE)
    world.tell_school(applicant, school="borough", at=15, roll_count=1)
    if not goes:
        with pytest.raises(NotWhole):
            world.desk.show("abbey")
        return
    world.adopt()
    world.work(until=10)
    assert world.unitu.posts == 1
