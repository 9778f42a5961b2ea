"""What Unitu has of a tenant's structure, from the command line, on a publisher in memory."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from services.cli import structure as verbs
from services.publisher import app
from services.publisher.decisions import Desk
from services.publisher.structure_ledger import ledger_of
from shared.config.settings import Config
from shared.contract.deliveries import SnapshotAccepted
from tests.unit.cli.words import Said, rollcall
from tests.unit.publisher.world import World, a_config, a_structure, an_account


class Office:
    """An operator before a live tenant of two students whose first snapshot has gone."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.world = World(a_config(folder))

        @contextmanager
        def desk_parts(config: Config) -> Iterator[Desk]:
            yield self.world.desk

        monkeypatch.setattr(app, "DeskParts", desk_parts)
        monkeypatch.setattr(verbs, "login_name", lambda: "ann")

    def opens(self) -> None:
        self.world.tell(a_structure(codes=("Y10", "Y11")))
        self.world.tell_school(an_account("1", 5, modules=()), an_account("2", 6, modules=()))
        self.world.adopt()
        self.world.work()

    def say(self, *words: str) -> Said:
        return rollcall(self.folder / "rollcall.toml", "structure", "abbey", *words)

    def has(self, name: str, text: str) -> str:
        (self.folder / name).write_text(text)
        return str(self.folder / name)

    def confirmed(self) -> set[str]:
        ledger = ledger_of(self.world.state)
        return {code for of in ledger.values() for code, one in of.items() if one.state == "confirmed"}


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    return Office(tmp_path, monkeypatch)


def test_without_a_whole_roster_nothing_is_known(office: Office) -> None:
    for words in (["list"], ["confirm", "--all"], ["import", office.has("a.csv", "list,code\nmodules,M\n")]):
        assert office.say(*words).code == 3
    assert office.say("list", "--json").err.startswith('{"type":"urn:rollcall:problem:not-whole"')


def test_what_is_not_confirmed_is_listed_with_whom_it_keeps_out(office: Office) -> None:
    office.opens()
    said = office.say("list")
    assert said.code == 0
    lines = [line.split() for line in said.out.splitlines()]
    assert [(line[0], line[1], line[-1]) for line in lines[1:4]] == [
        ("departments", "TEACH", "2"),
        ("programmes", "Y10", "2"),
        ("programmes", "Y11", "0"),
    ]
    assert said.out.endswith("0 new, 3 told, 0 confirmed\n")
    told = json.loads(office.say("list", "--list", "programmes", "--json").out)
    assert told[0] == {
        "list": "programmes",
        "code": "Y10",
        "name": "Year 10",
        "belongs_to": "TEACH",
        "state": "told",
        "since": told[0]["since"],
        "by": "",
        "students": 2,
        "is_sent": True,
    }


def test_a_confirmation_goes_to_unitu_at_once(office: Office) -> None:
    office.opens()
    said = office.say("confirm", "Y10")
    assert (said.code, said.out) == (0, "Confirmed: 1 programmes; 0 were so already.\n")
    assert ledger_of(office.world.state)["programmes"]["Y10"].by == "ann"
    office.world.work()
    assert office.world.deliveries(SnapshotAccepted)[-1].report.blocked == ()
    assert "Y10" not in office.say("list").out
    assert "Y10" in office.say("list", "--all").out
    assert office.say("confirm", "Y10").out == "Confirmed: nothing; 1 were so already.\n"


def test_all_that_is_listed_may_be_confirmed_and_taken_back(office: Office) -> None:
    office.opens()
    assert json.loads(office.say("confirm", "--all", "--list", "programmes", "--json").out)["changed"] == [
        {"list": "programmes", "code": "Y10"},
        {"list": "programmes", "code": "Y11"},
    ]
    assert office.confirmed() == {"Y10", "Y11"}
    assert office.say("confirm", "Y11", "--undo").out == "Taken back: 1 programmes; 0 were so already.\n"
    assert office.confirmed() == {"Y10"}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["confirm"], "name the codes, or say --all"),
        (["confirm", "Y10", "--all"], "name the codes, or say --all"),
        (["confirm", "Y99"], "Y99: the newest snapshot has no such code"),
        (["confirm", "Y10", "--list", "modules"], "Y10: the newest snapshot has no such code"),
        (["list", "--list", "houses"], "--list houses: there is no such list; there are: faculties, departments"),
    ],
)
def test_what_cannot_be_meant_is_refused(office: Office, words: list[str], told: str) -> None:
    office.opens()
    said = office.say(*words)
    assert said.code == 2
    assert told in said.err
    assert office.confirmed() == set()


def test_a_code_of_two_lists_needs_its_list(office: Office) -> None:
    office.opens()
    office.world.desk.confirm_structure("abbey", {"modules": ["Y10"]})
    said = office.say("confirm", "Y10")
    assert (said.code, said.err) == (2, "Y10: in programmes and in modules; say which with --list\n")
    assert office.say("confirm", "Y10", "--list", "programmes").code == 0


def test_a_list_of_unitus_confirms_what_it_has(office: Office) -> None:
    office.opens()
    said = office.say("import", office.has("unitu.csv", "type,code\ndepartment,TEACH\nprogramme,Y10\nprogramme,Y13\n"))
    assert said.code == 0
    assert said.out == (
        "Read: 1 departments, 2 programmes.\nConfirmed: 3 more; no longer confirmed: 0; of the snapshot not in it: 1.\n"
    )
    assert office.confirmed() == {"TEACH", "Y10", "Y13"}


def test_only_a_whole_list_takes_a_confirmation_back(office: Office) -> None:
    office.opens()
    office.say("confirm", "--all")
    one = office.has("unitu.csv", "type,code\nprogramme,Y10\n")
    assert office.say("import", one).code == 0
    assert office.confirmed() == {"TEACH", "Y10", "Y11"}
    told = json.loads(office.say("import", one, "--whole", "--json").out)
    assert told["doubted"] == [["programmes", "Y11"]]
    assert office.confirmed() == {"TEACH", "Y10"}  # of departments the list says nothing


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("type,code\nprogramme,PROG01\n", "unitu.csv has 1 programmes, and none of it is abbey's"),
        ("email\na@x\n", 'no column is called "code"'),
    ],
)
def test_a_wrong_list_confirms_nothing(office: Office, text: str, told: str) -> None:
    office.opens()
    said = office.say("import", office.has("unitu.csv", text))
    assert said.code == 1
    assert told in said.err
    assert office.confirmed() == set()


def test_an_unknown_tenant_is_a_wrong_word(office: Office) -> None:
    said = rollcall(office.folder / "rollcall.toml", "structure", "brook", "list")
    assert said.code == 2
    assert "no tenant 'brook'" in said.err
