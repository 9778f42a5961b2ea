"""Nobody on a roll is missing from the first snapshot in silence."""

from pathlib import Path
from typing import Any

import pytest

from services.publisher.decisions import NeedsWord
from services.publisher.preview import Undecided
from shared.contract.account_state import AccountState
from shared.contract.deliveries import SnapshotHeld
from shared.contract.events import StaffAssessed, StudentAssessed
from shared.contract.model import Category, Kind, Student, Verdict
from tests.unit.publisher.world import MANAGED, QUICK, World, a_config, a_leaver, an_account, an_employee


def on_the_roll(
    student: str = "3",
    at: int = 3,
    *,
    school: str = "abbey",
    kind: Kind = "student",
    is_readable: bool = True,
    **more: Any,
) -> AccountState:
    """Somebody of the roll who has no account: undecided, since the title is missing."""
    record: dict[str, Any] = {"first_name": "Cyd", "preferred_name": "Cy", "last_name": "Gale", "year_group": 10}
    record |= {"email": f"s{student}@abbey.example", "phone": "7", "programmes": ("Y10",), "modules": ("Y10-HIS",)}
    assessed: dict[str, Any] = {"category": Category.CURRENT, "account": Verdict.UNDECIDED, "kind": kind}
    account: dict[str, Any] = {"in_roll": True}
    for name, value in more.items():
        models = ((record, Student), (assessed, StudentAssessed), (account, AccountState))
        next(fields for fields, model in models if name in model.__struct_fields__)[name] = value
    account["assessment"] = (StaffAssessed if kind == "staff" else StudentAssessed)(
        school=school,
        student_id=student,
        digest="",
        portal=Verdict.INELIGIBLE,
        rules=(("title_present", "fail"), ("email_present", "pass")),
        programmes=record["programmes"],
        modules=record["modules"],
        student=Student(student_id=student, **record) if is_readable else None,
        **assessed,
    )
    return AccountState(school=school, student_id=student, kind=kind, offset=at, **account)


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(a_config(tmp_path))
    world.tell_school(an_account("1", 1), an_account("2", 2), on_the_roll())
    return world


OURS = ["s1@abbey.example", "s2@abbey.example"]
THEIRS = [*OURS, "S3@Abbey.example"]


def fates(world: World, accounts: list[str] | None) -> list[tuple[str, tuple[str, ...], str]]:
    return [(one.person, one.reasons, one.fate) for one in world.desk.show("abbey", accounts).undecided]


def test_who_is_undecided_and_has_an_account_at_unitu_is_shown_with_the_reasons_and_kept(world: World) -> None:
    shown = world.desk.show("abbey", THEIRS)
    assert shown.undecided == (Undecided("abbey", "student", "3", "s3@abbey.example", ("title_present",), "kept"),)
    assert (shown.disabled, shown.concerns, shown.kept_count) == ((), (), 3)
    world.unitu.accounts = {email.casefold(): True for email in THEIRS}
    world.desk.adopt(shown)
    world.work(until=10)
    assert world.unitu.enabled == {email.casefold() for email in THEIRS}
    assert world.unitu.bodies[-1]["students"][2] == {
        "id": "3",
        "firstName": "Cy",
        "lastName": "Gale",
        "year": 4,
        "email": "S3@Abbey.example",
        "phone": "7",
        "programmeCodes": ["Y10"],
        "moduleCodes": ["Y10-HIS"],
    }


def test_whom_unitu_has_not_is_shown_and_not_made(world: World) -> None:
    assert fates(world, [*OURS, "head@x"]) == [("3", ("title_present",), "not_at_unitu")]
    world.adopt([*OURS, "head@x"])
    world.work(until=10)
    assert world.unitu.enabled == set(OURS)


def test_without_a_list_nobody_knows_and_a_word_is_needed(world: World) -> None:
    shown = world.desk.show("abbey")
    assert ([one.fate for one in shown.undecided], shown.words) == (
        ["may_go"],
        ("without-accounts", "undecided-may-go"),
    )
    with pytest.raises(NeedsWord):
        world.adopt()
    world.adopt(None, "undecided-may-go")
    world.work(until=10)
    assert world.unitu.posts == 1
    assert world.desk.show("abbey").concerns == ()  # whom Unitu has is known by now


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"email": None}, id="no e-mail"),
        pytest.param({"email": "not one"}, id="no e-mail that is one"),
    ],
)
def test_an_account_that_would_go_may_be_of_one_whose_email_nobody_knows(world: World, changes: dict[str, Any]) -> None:
    world.tell(on_the_roll(at=20, **changes))
    assert fates(world, OURS) == [("3", ("title_present",), "not_at_unitu")]  # all accounts are somebody's
    assert fates(world, [*OURS, "cyd@x"]) == [("3", ("title_present",), "may_go")]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"last_name": None}, id="no name"),
        pytest.param({"programmes": None}, id="programmes that were never read"),
        pytest.param({"is_readable": False}, id="a record that breaks its schema"),
    ],
)
def test_a_record_that_cannot_be_sent_is_not_made_up(world: World, changes: dict[str, Any]) -> None:
    world.tell(on_the_roll(at=20, **changes))
    shown = world.desk.show("abbey", THEIRS)
    assert ([one.fate for one in shown.undecided], shown.words) == (["may_go"], ("undecided-may-go",))
    assert shown.disabled == ("s3@abbey.example",)


def test_who_waits_for_an_email_that_somebody_else_has_is_shown(world: World) -> None:
    world.tell(
        on_the_roll(at=20, account=Verdict.ELIGIBLE, waits_for_email="s1@abbey.example", email="s1@abbey.example")
    )
    assert fates(world, OURS) == [("3", ("email_is_anothers",), "another_has_it")]


@pytest.mark.parametrize(
    "state",
    [
        pytest.param(on_the_roll(at=20, in_roll=False), id="not on the roll"),
        pytest.param(on_the_roll(at=20, account=Verdict.INELIGIBLE), id="prospective, or left"),
        pytest.param(a_leaver("3", 20), id="disabled by us"),
        pytest.param(an_account("3", 20), id="enabled"),
    ],
)
def test_who_has_or_had_or_shall_have_no_account_is_not_undecided(world: World, state: AccountState) -> None:
    world.tell(state)
    assert fates(world, THEIRS) == []


def test_who_is_kept_stays_while_undecided_and_becomes_an_account_like_any_other(world: World) -> None:
    world.adopt(THEIRS)
    world.work(until=10)
    world.tell(on_the_roll(at=20, last_name="Hale"))
    world.publish()
    assert world.unitu.bodies[-1]["students"][2]["lastName"] == "Hale"
    assert world.desk.show("abbey").kept == {"abbey/3": "S3@Abbey.example"}
    world.tell(an_account("3", 30, email="new3@abbey.example"))
    world.publish()
    assert world.unitu.bodies[-1]["students"][2]["email"] == "S3@Abbey.example"  # an e-mail does not move by itself
    assert [one.own for one in world.desk.waits("abbey")] == ["new3@abbey.example"]
    world.tell_school(a_leaver("3", 40), at=40)
    world.publish()
    assert world.unitu.enabled == set(OURS)
    assert world.roster() == set(OURS)


def test_who_was_kept_and_is_said_to_have_left_goes_by_a_persons_yes(world: World) -> None:
    """The reconciler never gave them an account, so it has no evidence to give either."""
    world.adopt(THEIRS)
    world.work(until=10)
    world.tell(on_the_roll(at=20, account=Verdict.INELIGIBLE))
    world.publish()
    assert "s3@abbey.example" in world.unitu.enabled
    assert [one.code for one in world.deliveries(SnapshotHeld)[-1].reasons] == ["not_disabled"]
    world.adopt(THEIRS)
    world.work(until=10)
    assert world.unitu.enabled == set(OURS)


def test_staff_whom_no_rule_lets_have_an_account_are_kept_too(tmp_path: Path) -> None:
    world = World(a_config(tmp_path, MANAGED + QUICK))
    world.tell_school(an_account("1", 1))
    undecided = on_the_roll("7", 13, kind="staff", email="t7@x", faculties=("SEN",), departments=(), title="Dr")
    world.tell_school(an_employee("6", 12), undecided, kind="staff", at=15, roll_count=2)
    world.adopt(["s1@abbey.example", "t6@abbey.example", "T7@x"])
    world.work(until=10)
    [_, kept] = world.unitu.bodies[-1]["staff"]
    assert (kept["email"], kept["universityTitle"], kept["facultyCodes"]) == ("T7@x", "Dr", ["SEN"])


def test_of_two_undecided_who_claim_one_account_one_is_kept_and_the_other_told(world: World) -> None:
    world.tell(on_the_roll("4", 20, email="s3@abbey.example"))
    assert [fate for _, _, fate in fates(world, THEIRS)] == ["kept", "another_has_it"]


def test_who_is_kept_stays_by_another_yes_although_somebody_claims_their_address(world: World) -> None:
    """Whoever claims it waits for a yes of their own, so nobody is sent under it."""
    world.adopt(THEIRS)
    world.work(until=10)
    world.tell(an_account("2", 20, email="s3@abbey.example"))
    world.publish()
    assert fates(world, None) == [("3", ("title_present",), "kept")]
    world.adopt()
    world.work(until=10)
    assert world.unitu.enabled == {email.casefold() for email in THEIRS}
    assert world.desk.show("abbey").disabled == ()


def test_whoever_is_sent_under_an_address_goes_before_one_who_is_undecided(world: World) -> None:
    world.tell(an_account("2", 20, email="s3@abbey.example"))
    assert fates(world, THEIRS) == [("3", ("title_present",), "another_has_it")]
