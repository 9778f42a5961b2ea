"""A person's decisions about a tenant, from the command line, on a publisher in memory."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from services.cli import tenant as verbs
from services.publisher import app
from services.publisher.adopt import Desk
from shared.config import Config
from tests.unit.cli.words import Said, rollcall
from tests.unit.publisher.world import World, a_config, a_leaver, an_account


class Office:
    """An operator before a live tenant; ``person`` is at a terminal, a program is not."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world = World(a_config(folder))
        self.path = folder / "rollcall.toml"
        self._monkeypatch = monkeypatch

        @contextmanager
        def desk_parts(config: Config) -> Iterator[Desk]:
            yield self.world.desk

        monkeypatch.setattr(app, "DeskParts", desk_parts)
        monkeypatch.setattr(verbs, "login_name", lambda: "ann")

    def opens(self) -> None:
        self.world.tell_school(an_account("1", 5), an_account("2", 6))

    def say(self, *words: str) -> Said:
        return rollcall(self.path, *words)

    def answer(self, text: str, *words: str) -> Said:
        self._monkeypatch.setattr(verbs, "_is_at_terminal", lambda: True)
        return rollcall(self.path, *words, answer=f"{text}\n")


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    return Office(tmp_path, monkeypatch)


def test_without_a_whole_roster_there_is_nothing_to_adopt(office: Office) -> None:
    said = office.say("tenant", "adopt", "abbey", "--yes")
    assert said.code == 3
    assert "abbey: the view is being read anew" in said.err
    told = office.say("tenant", "adopt", "abbey", "--json")
    assert told.code == 3
    assert json.loads(told.err)["type"] == "urn:rollcall:problem:not-whole"


def test_a_roster_is_shown_before_it_is_adopted(office: Office, tmp_path: Path) -> None:
    office.opens()
    accounts = tmp_path / "accounts.csv"
    accounts.write_text("email\ns1@abbey.example\nhead@abbey.example\n")
    said = office.say("tenant", "adopt", "abbey", "--accounts", str(accounts))
    assert said.code == 1
    assert "head@abbey.example" in said.out
    assert "Not adopted" in said.err
    assert office.world.state.adoption is None
    yes = office.say("tenant", "adopt", "abbey", "--accounts", str(accounts), "--yes")
    assert yes.code == 0
    adoption = office.world.state.adoption
    assert adoption is not None
    assert (adoption.operator, adoption.disabled_count) == ("ann", 1)


@pytest.mark.parametrize(("text", "code"), [("y", 0), ("n", 1)])
def test_a_person_is_asked(office: Office, text: str, code: int) -> None:
    office.opens()
    said = office.answer(text, "tenant", "adopt", "abbey")
    assert said.code == code
    assert "Adopt this roster of 2" in said.out
    assert "No list of Unitu's accounts was given" in said.err
    assert (office.world.state.adoption is not None) == (code == 0)


def test_a_program_reads_json(office: Office) -> None:
    office.opens()
    said = office.say("tenant", "adopt", "abbey", "--yes", "--json", "--operator", "bea")
    told = json.loads(said.out)
    assert (told["is_adopted"], told["roster"]["count"], told["disabled"]) == (True, 2, [])
    assert office.world.state.adoption is not None
    assert office.world.state.adoption.operator == "bea"


def test_a_list_without_emails_is_refused(office: Office, tmp_path: Path) -> None:
    office.opens()
    (tmp_path / "names.csv").write_text("name\nAda\n")
    said = office.say("tenant", "adopt", "abbey", "--yes", "--accounts", str(tmp_path / "names.csv"))
    assert said.code == 1
    assert "no column" in said.err
    assert office.world.state.adoption is None


def test_a_tenant_that_is_not_configured_is_refused(office: Office) -> None:
    for words in (("tenant", "adopt"), ("tenant", "show"), ("tenant", "release-emails"), ("publish",)):
        said = office.say(*words, "abby")
        assert said.code == 2
        assert "abbey" in said.err


def test_what_holds_a_tenant_is_shown(office: Office) -> None:
    office.opens()
    office.world.work()
    told = json.loads(office.say("tenant", "show", "abbey", "--json").out)
    assert (told["mode"], told["adopted"], told["held"]["kind"]) == ("live", None, "hold")
    assert told["waits"] == []
    said = office.say("tenant", "show", "abbey")
    assert said.code == 0
    assert "nobody has adopted" in said.out


def test_a_tenant_that_is_not_whole_can_be_shown(office: Office) -> None:
    told = json.loads(office.say("tenant", "show", "abbey", "--json").out)
    assert told["waits"] is None


def test_changed_emails_are_released_by_a_person(office: Office) -> None:
    office.opens()
    office.world.adopt()
    office.world.work()
    office.world.tell(an_account("1", 20, email="one@x"), an_account("2", 21, email="two@x"))
    assert "two@x" in office.say("tenant", "show", "abbey").out
    refused = office.say("tenant", "release-emails", "abbey")
    assert refused.code == 1
    assert office.world.state.email_releases == {}
    one = office.say("tenant", "release-emails", "abbey", "--email", "one@x", "--yes")
    assert (one.code, office.world.state.email_releases) == (0, {"abbey/1": "one@x"})
    rest = office.answer("y", "tenant", "release-emails", "abbey")
    assert rest.code == 0
    assert office.world.state.email_releases == {"abbey/1": "one@x", "abbey/2": "two@x"}
    nobody = office.say("tenant", "release-emails", "abbey", "--json")
    assert json.loads(nobody.out) == {"tenant": "abbey", "released": []}


def test_the_newest_snapshot_goes_when_a_person_asks(office: Office) -> None:
    office.opens()
    office.world.adopt()
    office.world.work()
    assert office.say("publish", "abbey").code == 0
    office.world.work()
    assert office.world.unitu.posts == 2
    assert json.loads(office.say("publish", "abbey", "--json").out)["is_asked_for"] is True


# --- what is let go by its hash --------------------------------------------------------------------------------------


def with_a_hold(office: Office) -> str:
    """Three of four have left; what the hold is released by."""
    office.world.tell_school(*(an_account(str(number), number) for number in range(1, 5)))
    office.world.adopt()
    office.world.work(until=10)
    office.world.tell_school(*(a_leaver(number, 20) for number in "123"), at=20)
    office.world.work(until=10)
    [hold] = office.world.desk.holds("abbey")
    return hold.hash


def test_a_hold_is_shown_with_its_hash_and_everybody_in_it(office: Office) -> None:
    hash = with_a_hold(office)
    shown = office.say("tenant", "show", "abbey")
    assert f"{hash}: 3 of 4 students would be disabled at once" in shown.out
    assert "s1@abbey.example" in shown.out
    told = json.loads(office.say("tenant", "show", "abbey", "--json").out)
    assert [one["hash"] for one in told["releasable"]] == [hash]


def test_a_hold_is_let_go_by_its_hash(office: Office) -> None:
    hash = with_a_hold(office)
    said = office.say("publish", "abbey", "--release", hash)
    assert said.code == 0
    assert "is disabled" in said.out
    office.world.work(until=10)
    assert office.world.unitu.enabled == {"s4@abbey.example"}


def test_a_hash_of_nothing_lets_nobody_go(office: Office) -> None:
    with_a_hold(office)
    said = office.say("publish", "abbey", "--release", "0123456789ab")
    assert said.code == 2
    assert "nothing is held under 0123456789ab" in said.err
    office.world.work(until=10)
    assert len(office.world.unitu.enabled) == 4


def test_an_area_that_was_never_read_is_gone_without_by_name(office: Office) -> None:
    office.world.tell_school(an_account("1", 5, modules=()), areas={"students": 10, "structure": 10})
    said = office.say("tenant", "adopt", "abbey", "--yes")
    assert said.code == 3
    assert "--without-area abbey/sets" in said.err
    assert office.say("tenant", "adopt", "abbey", "--yes", "--without-area", "abbey/sets").code == 0
    assert office.world.state.adoption is not None
    assert office.world.state.adoption.accepts_missing == ("abbey/sets",)
