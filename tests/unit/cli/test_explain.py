"""``rollcall explain``: its words, its exit codes, and what it prints for people."""

import json
from pathlib import Path

import pytest

from services.operations.explain.evidence import ReadNow
from tests.harness.builders import SCHOOL, a_student, at
from tests.unit.cli.words import Said, rollcall
from tests.unit.operations.explain.desk import ACCEPTED, ALL, ONE, SEAT, Desk


class Operator(Desk):
    """Who asks by the command line."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(folder)
        monkeypatch.setattr("services.operations.explain.lookup.Stores", lambda config: self)
        monkeypatch.setattr("services.operations.explain.ask.read_now", self._read_now)
        monkeypatch.setattr("shared.clock.utc_now", lambda: self.now)

    def say(self, *words: str) -> Said:
        return rollcall(self.path, "explain", *words)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Operator:
    return Operator(tmp_path, monkeypatch)


def test_for_programs_it_prints_the_answer(desk: Operator) -> None:
    said = desk.say(SCHOOL, ONE, "--json")
    assert (said.code, json.loads(said.out)) == (0, desk.ask())


def test_what_unitu_said_of_a_refused_record_is_printed(desk: Operator) -> None:
    desk.tenant(accepted=ACCEPTED, refused={f"{SCHOOL}/{ONE}": "d"}, complaints={f"{SCHOOL}/{ONE}": "phone: no number"})
    said = desk.say(SCHOOL, ONE)
    assert "Unitu refuses" in said.out
    assert "phone: no number" in said.out


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        pytest.param((SCHOOL, "999"), 1, "no student '999' was ever read (its last certified sweep is of", id="nobody"),
        pytest.param(("oakham", ONE), 2, "no school 'oakham' in the configuration", id="no such school"),
    ],
)
def test_who_or_what_is_not_there_is_said(desk: Operator, words: tuple[str, str], code: int, told: str) -> None:
    said = desk.say(*words)
    assert (said.code, said.out) == (code, "")
    assert told in said.err


def test_a_lane_of_which_nothing_is_known(desk: Operator) -> None:
    desk.road.store.records.clear()
    said = desk.say(SCHOOL, ONE, "--json")
    assert said.code == 1
    assert json.loads(said.err)["type"] == "urn:rollcall:problem:nothing-known"


def test_live_without_an_answer_tells_the_rest_and_fails(desk: Operator) -> None:
    desk.reread = ReadNow(at(9), trouble="iSAMS refuses /api/students/{id} (403)")
    said = desk.say(SCHOOL, ONE, "--live")
    assert (said.code, "1 seen" in said.out) == (1, True)
    assert said.err == "--live: iSAMS refuses /api/students/{id} (403)\n"
    said = desk.say(SCHOOL, ONE, "--live", "--json")
    assert (said.code, said.err) == (1, "")
    assert json.loads(said.out)["live"]["is_there"] is None


def test_a_school_that_pushes_cannot_be_read(tmp_path: Path, desk: Operator) -> None:
    text = desk.path.read_text()
    pushed = '[schools.north]\ntenant = "abbey"\nsource = "push"\napi_key = { file = "secret" }\n'
    desk.path.write_text(text + pushed)
    said = desk.say("north", "a@north.example", "--live")
    assert said.code == 2
    assert "north pushes its roll" in said.err


def test_a_person_reads_every_step(desk: Operator) -> None:
    slip = a_student(ONE, last_name="Fern0", email="ada@abbey")
    desk.sweep([slip, *ALL[1:]], 5, sends=[slip])
    desk.tenant(accepted=ACCEPTED, roster={f"s{ONE}@abbey.example": SEAT})
    desk.reread = ReadNow(at(9), ALL[0])
    said = desk.say(SCHOOL, ONE, "--live")
    assert said.code == 0, said.err
    for step in ("1 seen", "2 arrived", "3 rules", "4 verdicts", "5 account", "6 pending", "7 changes", "8 Unitu"):
        assert f"\n{step}\n" in said.out
    for words in (
        f"{SCHOOL}/{ONE} Ada Fern0: current",
        "it has a domain without a dot: write the whole of it, as in name@school.example",
        "number 7",
        "account_provisioned",
        "an address like name@school.example",
        f"here ada@abbey, there s{ONE}@abbey.example",
    ):
        assert words in said.out, words


def test_a_record_cannot_command_the_terminal(desk: Operator) -> None:
    """Fails when what a school typed in reaches the terminal as an escape."""
    rude = a_student(ONE, last_name="Fern\x1b[2J\x07", form="\x1b]0;mine\x07")
    desk.sweep([rude, *ALL[1:]], 5, sends=[rude])
    said = desk.say(SCHOOL, ONE)
    assert "Fern" in said.out
    assert "\x1b" not in said.out
    assert "\x07" not in said.out


def test_a_name_makes_no_line_of_its_own(desk: Operator) -> None:
    """Fails when a pupil's name can say in the explanation that something was released, or that all is well."""
    forged = "Fern: current\n5 account\n  status  disabled\u2028x\x85y\u202e"
    rude = a_student(ONE, last_name=forged, preferred_name=forged, form=forged, house=forged)
    desk.sweep([rude, *ALL[1:]], 5, sends=[rude])
    said = desk.say(SCHOOL, ONE)
    assert said.out.split("\n").count("5 account") == 1
    assert [line.split()[1] for line in said.out.splitlines() if line.startswith("  status ")] == ["enabled"]
    assert not {one for one in said.out if not one.isprintable()} - {"\n"}
