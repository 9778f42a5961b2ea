"""The decisions that a person makes: what they are shown, what their yes is bound to, what it lets go."""

from pathlib import Path

import pytest

from services.publisher.adopt import NoEmails, NotWhole, Outdated, emails_of
from shared.tenant import SnapshotAccepted, SnapshotHeld
from tests.unit.publisher.world import LIVE, QUICK, World, a_config, a_lane, a_leaver, an_account


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
    world.adopt([*THEIRS[:1], *THEIRS[2:]])
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
    assert shown.bound == world.desk.show("abbey", []).bound
    assert shown.bound != world.desk.show("abbey", THEIRS).bound
    world.tell(an_account("3", 20))
    assert shown.bound != world.desk.show("abbey").bound
    adoption = world.desk.adopt(shown, "ann").adoption
    assert adoption is not None
    assert (adoption.bound, adoption.operator, adoption.roster_count) == (shown.bound, "ann", 2)


def test_a_yes_is_lost_when_something_was_sent_in_between(world: World) -> None:
    world.adopt()
    shown = world.desk.show("abbey")
    world.work()
    with pytest.raises(Outdated):
        world.desk.adopt(shown)


def test_a_yes_is_lost_when_the_configuration_changed(world: World, tmp_path: Path) -> None:
    shown = world.desk.show("abbey")
    world.config = a_config(tmp_path, schools=("abbey", "borough"))
    world.restart()
    with pytest.raises(Outdated):
        world.desk.adopt(shown)


def test_a_school_added_to_a_live_tenant_needs_another_yes(world: World, tmp_path: Path) -> None:
    world.adopt()
    world.work()
    world.config = a_config(tmp_path, schools=("abbey", "borough"))
    world.restart()
    world.tell_school(an_account("1", 7, school="borough", email="b@x"), school="borough", at=20)
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
    world.desk.adopt(shown)
    world.work()
    assert world.unitu.enabled == {"s1@abbey.example"}


def test_a_new_yes_lifts_the_wait_after_a_rebuild(world: World) -> None:
    world.adopt()
    world.work()
    world.empty_redis()
    world.read()
    world.tell_school(a_leaver("2", 20), at=25, full_at=1)
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


# --- a list of Unitu's accounts --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "emails"),
    [
        ("email\na@x\nb@x\n", ["a@x", "b@x"]),
        ("\ufeffName,E-mail\nAda,a@x\n\nBea, b@x \n", ["a@x", "b@x"]),
        ('Name,Email Address,Role\n"Fern, Ada",a@x,student\nBea,,staff\n', ["a@x"]),
        ("a@x\nb@x\n", ["a@x", "b@x"]),
        ("Ada,a@x\nBea,b@x", ["a@x", "b@x"]),
        ("", []),
    ],
)
def test_emails_are_found_in_whatever_list(text: str, emails: list[str]) -> None:
    assert emails_of(text) == emails


def test_a_list_without_emails_is_refused() -> None:
    with pytest.raises(NoEmails):
        emails_of("name\nAda\n")
