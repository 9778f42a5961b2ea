"""The decisions that a person makes: what they are shown, what their yes is bound to, what it lets go."""

import copy
from pathlib import Path

import pytest

from services.publisher.decisions import NeedsWord, NotWhole, Outdated
from shared.contract.deliveries import SnapshotAccepted, SnapshotHeld
from tests.unit.publisher.world import (
    LIVE,
    MANAGED,
    QUICK,
    World,
    a_config,
    a_lane,
    a_leaver,
    an_account,
    an_employee,
)


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(a_config(tmp_path))
    world.tell_school(an_account("1", 5), an_account("2", 6))
    return world


THEIRS = ["S1@abbey.example", " s2@abbey.example ", "head@abbey.example", "test@unitu.example", ""]


def test_there_is_nothing_to_adopt_before_the_roster_is_whole(tmp_path: Path) -> None:
    world = World(a_config(tmp_path))
    world.tell(an_account("1", 5))
    with pytest.raises(NotWhole) as refusal:
        world.desk.show("abbey")
    assert [one.code for one in refusal.value.reasons] == ["school_unknown"]


def test_whoever_would_be_disabled_is_shown(world: World) -> None:
    shown = world.desk.show("abbey", THEIRS)
    assert shown.disabled == ("head@abbey.example", "test@unitu.example")
    assert (shown.kept_count, shown.provisioned_count, shown.by_school) == (2, 0, {"abbey": 2})
    assert shown.has_accounts
    assert not world.desk.show("abbey").has_accounts


def test_the_first_post_waits_for_the_yes_and_goes_at_once_after_it(world: World) -> None:
    world.unitu.accounts = dict.fromkeys(["s1@abbey.example", "head@abbey.example"], True)
    world.work(until=600)
    assert world.unitu.enabled == {"s1@abbey.example", "head@abbey.example"}
    world.adopt(THEIRS)
    world.work()
    assert world.unitu.enabled == {"s1@abbey.example", "s2@abbey.example"}


def test_the_first_report_tells_whom_unitu_had(world: World) -> None:
    world.adopt([*THEIRS[:1], *THEIRS[2:]], "most-would-go")
    world.work()
    [event] = world.deliveries(SnapshotAccepted)
    assert event.report.provisioned == ("s2@abbey.example",)
    assert event.report.disabled == ("head@abbey.example", "test@unitu.example")
    assert world.state.accounts is None
    world.publish()
    assert world.deliveries(SnapshotAccepted)[-1].report.disabled == ()


def test_a_person_of_the_roster_shown_may_not_vanish_without_evidence(world: World) -> None:
    world.adopt()
    world.forget("2")
    world.read()
    world.work(until=60)
    assert world.unitu.posts == 0
    assert [one.code for one in world.deliveries(SnapshotHeld)[-1].reasons] == ["account_unknown"]


def test_a_leaver_of_the_roster_shown_goes_with_evidence(world: World) -> None:
    world.adopt()
    world.tell_school(a_leaver("2", 20), at=20)
    world.work()
    assert world.unitu.enabled == {"s1@abbey.example"}


def test_the_yes_is_bound_to_all_that_was_shown(world: World) -> None:
    shown = world.desk.show("abbey")
    assert shown.bound == world.desk.show("abbey").bound
    assert shown.bound != world.desk.show("abbey", []).bound
    assert shown.bound != world.desk.show("abbey", THEIRS).bound
    assert world.desk.show("abbey", ["s1@abbey.example"]).bound != world.desk.show("abbey", ["S1@abbey.example"]).bound
    world.tell(an_account("3", 20))
    assert shown.bound != world.desk.show("abbey").bound
    adoption = world.desk.adopt(shown, "ann", shown.words).adoption
    assert adoption is not None
    assert (adoption.bound, adoption.operator, adoption.roster_count) == (shown.bound, "ann", 2)


def test_a_yes_is_lost_when_something_was_sent_in_between(world: World) -> None:
    world.adopt()
    shown = world.desk.show("abbey")
    world.work()
    with pytest.raises(Outdated):
        world.desk.adopt(shown, words=shown.words)


def test_a_yes_is_lost_when_the_configuration_changed(world: World, tmp_path: Path) -> None:
    shown = world.desk.show("abbey")
    world.config = a_config(tmp_path, schools=("abbey", "borough"))
    world.restart()
    with pytest.raises(Outdated):
        world.desk.adopt(shown, words=shown.words)


def test_a_school_added_to_a_live_tenant_needs_another_yes(world: World, tmp_path: Path) -> None:
    world.adopt()
    world.work()
    world.config = a_config(tmp_path, schools=("abbey", "borough"))
    world.restart()
    world.tell_school(an_account("7", 7, school="borough", email="b@x"), school="borough", at=20)
    world.publish()
    assert world.unitu.posts == 1
    assert [one.code for one in world.deliveries(SnapshotHeld)[-1].reasons] == ["school_added"]
    world.adopt()
    world.work()
    assert "b@x" in world.unitu.enabled


def test_a_new_yes_lets_go_whom_nothing_explains(world: World) -> None:
    """A hold that nothing else resolves: the person sees who would be disabled, and says yes."""
    world.adopt()
    world.work()
    world.forget("2")
    world.read()
    world.publish()
    assert world.unitu.enabled == {"s1@abbey.example", "s2@abbey.example"}
    shown = world.desk.show("abbey")
    assert shown.disabled == ("s2@abbey.example",)
    world.desk.adopt(shown, words=shown.words)
    world.work()
    assert world.unitu.enabled == {"s1@abbey.example"}


def test_a_new_yes_lifts_the_wait_after_a_rebuild(world: World) -> None:
    world.adopt()
    world.work()
    world.empty_redis()
    world.read()
    world.tell_school(a_leaver("2", 20), at=25, full_offset=1)
    world.publish()
    assert world.unitu.posts == 1
    world.adopt()
    world.work()
    assert world.unitu.enabled == {"s1@abbey.example"}


def test_a_roster_older_than_the_last_snapshot_is_said_to_be_so(world: World) -> None:
    world.adopt()
    world.work()
    assert not world.desk.show("abbey").is_behind
    world.log[0] = world.log[0][:-1]  # the lane's own record
    world.empty_redis()
    world.append(a_leaver("9", 1), a_lane(3))
    world.read()
    assert world.desk.show("abbey").is_behind


def test_a_roster_older_than_the_last_snapshot_needs_a_word_of_its_own(world: World) -> None:
    world.adopt()
    world.work(until=10)
    old = copy.deepcopy(world.lanes)
    world.tell_school(an_account("3", 20), at=30)
    world.work(until=10)
    world.lanes = old  # the view is put back, and has not read on yet
    world.restart()
    assert world.desk.show("abbey").words == ("roster-behind",)
    with pytest.raises(NeedsWord):
        world.adopt()
    world.work(until=300)
    assert "s3@abbey.example" in world.unitu.enabled
    assert world.desk.show("abbey").disabled == ("s3@abbey.example",)
    world.adopt(None, "roster-behind")
    world.work(until=70)
    assert "s3@abbey.example" not in world.unitu.enabled  # somebody saw it, and said so


def test_an_empty_roster_needs_a_word_of_its_own(tmp_path: Path) -> None:
    world = World(a_config(tmp_path))
    world.tell_school()
    world.unitu.accounts = {"s1@abbey.example": True}
    with pytest.raises(NeedsWord, match="nobody of any school"):
        world.adopt()
    world.work()
    assert world.unitu.enabled == {"s1@abbey.example"}
    world.adopt(None, "empty-roster")
    world.work()
    assert world.unitu.enabled == set()


@pytest.mark.parametrize("theirs", [["s1@abbey.example"], None])
@pytest.mark.parametrize("step", ["times-out", "page", "in part"])
def test_a_second_yes_shows_whom_the_first_one_may_have_brought_to_unitu(
    world: World, theirs: list[str] | None, step: str
) -> None:
    """The POST of the first yes is not known to be accepted: whoever it provisioned may be at Unitu, and is shown."""
    world.adopt(["s1@abbey.example"])  # 2 is new to Unitu
    world.unitu.plan = [step]
    world.work_once()
    assert "s2@abbey.example" in world.unitu.enabled
    world.forget("2")  # nothing explains it
    world.read()
    world.publish()
    assert [one.code for one in world.deliveries(SnapshotHeld)[-1].reasons] == ["account_unknown"]
    shown = world.desk.show("abbey", theirs)
    world.desk.adopt(shown, words=shown.words)
    world.work(until=300)
    assert {"s1@abbey.example", "s2@abbey.example"} - world.unitu.enabled == set(shown.disabled) != set()


def test_a_second_yes_before_anything_was_sent_shows_whom_the_first_one_had(world: World) -> None:
    world.adopt()
    world.forget("2")
    world.read()
    assert world.desk.show("abbey").disabled == ("s2@abbey.example",)
    assert world.desk.show("abbey", ["s1@abbey.example"]).disabled == ("s2@abbey.example",)
    world.adopt()
    world.tell(an_account("3", 30))
    assert world.desk.show("abbey").disabled == ("s2@abbey.example",)  # of every roster, not only of the last


def test_one_yes_is_not_two(world: World) -> None:
    shown = world.desk.show("abbey")
    world.desk.adopt(shown, words=shown.words)
    with pytest.raises(Outdated):
        world.desk.adopt(shown, words=shown.words)


@pytest.mark.parametrize(
    ("accounts", "words"),
    [
        pytest.param([], ("list-meets-few",), id="no address"),
        pytest.param(["s1@abbey.example"], (), id="half of the roster"),
        pytest.param(["head@x"], ("list-meets-few", "most-would-go"), id="nobody of the roster"),
        pytest.param(["s1@abbey.example", "a@x"], (), id="half of the accounts would go"),
        pytest.param(["s1@abbey.example", "a@x", "b@x"], ("most-would-go",), id="more than half would go"),
    ],
)
def test_a_list_that_says_little_or_a_roster_that_lacks_most_needs_a_word(
    world: World, accounts: list[str], words: tuple[str, ...]
) -> None:
    shown = world.desk.show("abbey", accounts)
    assert shown.words == words
    if words:
        with pytest.raises(NeedsWord):
            world.desk.adopt(shown, words=words[1:])
    assert world.desk.adopt(shown, words=words).adoption is not None


def test_a_list_of_students_alone_needs_a_word_while_staff_are_managed(tmp_path: Path) -> None:
    world = World(a_config(tmp_path, MANAGED + QUICK))
    world.tell_school(*(an_account(str(n), n) for n in range(1, 9)))
    world.tell_school(an_employee("214", 12), an_employee("215", 13), kind="staff", at=15)
    students = [f"s{n}@abbey.example" for n in range(1, 9)]
    shown = world.desk.show("abbey", students)
    assert shown.words == ("list-meets-few",)
    assert "0 of 2 staff" in shown.concerns[0].message
    assert {kind: (one.kept, one.new) for kind, one in shown.by_kind.items()} == {"student": (8, 0), "staff": (0, 2)}
    assert world.desk.show("abbey", [*students, "t214@abbey.example"]).words == ()


def test_more_than_half_of_one_kind_of_the_last_snapshot_needs_a_word(tmp_path: Path) -> None:
    world = World(a_config(tmp_path, MANAGED + QUICK))
    world.tell_school(*(an_account(str(n), n) for n in range(1, 9)))
    world.tell_school(an_employee("214", 12), an_employee("215", 13), kind="staff", at=15)
    world.adopt()
    world.work(until=10)
    world.forget("214", "abbey+staff")
    world.read()
    assert world.desk.show("abbey").words == ()
    world.forget("215", "abbey+staff")
    world.read()
    shown = world.desk.show("abbey")
    assert shown.words == ("most-would-go",)
    assert shown.by_kind["staff"].disabled == 2


def test_a_list_is_asked_for_until_something_was_accepted(world: World) -> None:
    assert world.desk.show("abbey").words == ("without-accounts",)
    world.adopt()
    assert world.desk.show("abbey").words == ("without-accounts",)
    world.work()
    assert world.desk.show("abbey").words == ()


def test_a_list_is_asked_for_once(world: World) -> None:
    world.adopt(["s1@abbey.example", "s2@abbey.example"])
    assert world.desk.show("abbey").words == ()


def test_unitus_own_spelling_stays(world: World, tmp_path: Path) -> None:
    (tmp_path / "protected.json").write_text(
        '{"students": [{"firstName": "T", "lastName": "U", "email": "test@x", "year": null, "programmeCodes": []}]}'
    )
    world.config = a_config(tmp_path, LIVE + QUICK + 'protected = "protected.json"\n')
    world.restart()
    world.adopt(["S1@Abbey.example", "S2@Abbey.example", "S3@abbey.example", "Test@x"])
    world.work()
    there = ["S1@Abbey.example", "S2@Abbey.example", "Test@x"]
    assert [one["email"] for one in world.unitu.bodies[-1]["students"]] == there
    assert world.desk.waits("abbey") == ()  # a spelling is not a new e-mail
    world.tell(an_account("3", 20))  # of whom Unitu had an account, and the first roster did not
    world.publish()
    assert [one["email"] for one in world.unitu.bodies[-1]["students"]] == [*there[:2], "S3@abbey.example", "Test@x"]


# --- e-mails ---------------------------------------------------------------------------------------------------------


def test_a_changed_email_waits_until_it_is_released(world: World) -> None:
    world.adopt()
    world.work()
    world.tell(an_account("2", 20, email="New2@abbey.example"))
    world.publish()
    assert world.unitu.enabled == {"s1@abbey.example", "s2@abbey.example"}
    [wait] = world.desk.waits("abbey")
    assert (wait.delivered, wait.own) == ("s2@abbey.example", "New2@abbey.example")
    world.desk.release("abbey", [wait])
    world.work()
    assert world.unitu.enabled == {"s1@abbey.example", "new2@abbey.example"}
    assert world.desk.waits("abbey") == ()
    assert world.state.email_releases == {}


def test_a_release_is_of_one_new_email(world: World) -> None:
    world.adopt()
    world.work()
    world.tell(an_account("2", 20, email="b@x"))
    world.desk.release("abbey", world.desk.waits("abbey"))
    world.tell(an_account("2", 21, email="c@x"))
    world.work()
    assert world.unitu.enabled == {"s1@abbey.example", "s2@abbey.example"}


def test_a_release_whose_post_times_out_after_it_was_applied_is_not_undone(world: World) -> None:
    world.adopt()
    world.work()
    world.tell(an_account("2", 20, email="b@x"))
    world.publish()
    world.desk.release("abbey", world.desk.waits("abbey"))
    world.unitu.plan = ["times-out"]
    world.work()
    assert "b@x" in world.unitu.enabled
    world.work(until=600)
    assert world.unitu.enabled == {"s1@abbey.example", "b@x"}
    assert world.roster() == {"s1@abbey.example", "b@x"}


def test_those_who_wait_can_be_named_by_either_email(world: World) -> None:
    world.adopt()
    world.work()
    world.tell(an_account("1", 20, email="one@x"), an_account("2", 21, email="two@x"))
    assert [one.person for one in world.desk.waiting("abbey", ["S1@abbey.example"])] == ["1"]
    assert [one.person for one in world.desk.waiting("abbey", ["two@x"])] == ["2"]
    assert [one.person for one in world.desk.waiting("abbey", ["nobody@x"])] == []
    assert len(world.desk.waiting("abbey")) == 2


def test_a_tenant_that_sends_needs_no_release(tmp_path: Path) -> None:
    world = World(a_config(tmp_path, LIVE + QUICK + 'email_change = "send"'))
    world.tell_school(an_account("1", 5), an_account("2", 6))
    world.adopt()
    world.work()
    world.tell(an_account("1", 20, email="b@x"))
    world.work()
    assert world.unitu.enabled == {"b@x", "s2@abbey.example"}
