"""Listing, showing, releasing and refusing holds, on the reconciler's own state in memory."""

import json
import os
import pwd
from pathlib import Path

import pytest

from services.cli import holds
from services.eligibility.handler import Eligibility
from services.operations import commands
from services.operations.commands import OrderReceipt
from services.operations.holds import history
from services.operations.holds.holdings import Holdings
from shared.config.load import load
from shared.config.settings import Config
from shared.contract.commands import RefuseHold, ReleaseHold
from shared.contract.events import RemovalHeld
from tests.harness.builders import SCHOOL, a_leaver, a_student, a_sweep
from tests.harness.pipeline import Road, a_config
from tests.unit.cli.words import Said, rollcall
from tests.unit.operations.receipts import a_receipt

ALL = [a_student(str(3050000000 + n), last_name=f"Fern{n}") for n in range(20)]
PLAN = "disable_unexplained"


class Desk:
    """An operator before a school that holds what it was made to hold; orders reach the reconciler when it runs."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.road = Road(a_config(folder))
        self.path = folder / "rollcall.toml"
        self.given: list[object] = []
        self.runs = True
        monkeypatch.setattr(
            "services.operations.holds.holdings.holdings_of", lambda config: Holdings(self.road.store, 1)
        )
        monkeypatch.setattr(commands, "give", self._give)
        monkeypatch.setattr(history, "end_of_changes", lambda config, school: len(self.road.changes()))
        monkeypatch.setattr(history, "students_of_hash", self._students_of_hash)
        monkeypatch.setattr(history, "is_decided", lambda config, school, key, since: False)
        self.road.fetch(a_sweep("s1", ALL, full=True))
        self.road.run()

    def vanish(self, count: int, minutes: float = 5) -> None:
        """Two certified sweeps, an hour apart, without the first ``count`` pupils."""
        for number, moment in enumerate((minutes, minutes + 61)):
            self.road.fetch(a_sweep(f"s{minutes}-{number}", ALL[count:], sends=[], minutes=moment))
        self.road.run()

    @property
    def hash(self) -> str:
        return self.road.school().holds[PLAN].hash

    def say(self, *words: str) -> Said:
        return rollcall(self.path, "holds", *words)

    def _give(self, config: Config, command: ReleaseHold | RefuseHold) -> OrderReceipt:
        self.given.append(command)
        if self.runs:
            self.road.order(command)
            self.road.run()
        return a_receipt(command)

    def _students_of_hash(self, config: Config, school: str, key: str) -> tuple[str | None, set[str]]:
        told = [one for one in self.road.changes() if isinstance(one, RemovalHeld) and one.hash == key]
        return (told[0].plan if told else None), {one.student_id for one in told}


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(tmp_path, monkeypatch)


def test_nothing_held_is_an_empty_list_and_exit_code_0(desk: Desk) -> None:
    assert desk.say("list") == Said(0, "Nothing is held.\n", "")
    assert json.loads(desk.say("list", "--json").out) == []


def test_a_hold_is_listed_with_what_programs_are_promised(desk: Desk) -> None:
    desk.vanish(3)
    said = desk.say("list", "--json")
    (one,) = json.loads(said.out)
    assert said.code == 3
    assert list(one) == ["school", "people", "kind", "hash", "count", "budget", "headroom", "since", "students"]
    assert (one["school"], one["kind"], one["count"], one["headroom"]) == (SCHOOL, PLAN, 3, -1)
    assert one["students"] == [student.student_id for student in ALL[:3]]


def test_a_person_sees_who_and_why(desk: Desk) -> None:
    desk.vanish(3)
    said = desk.say("show", SCHOOL)
    assert said.code == 0
    for word in (PLAN, desk.hash, "Fern0", "not in the roll since 2026-11-23", "over by: 1"):
        assert word in said.out


def test_leavers_are_told_with_the_day_that_their_record_names(desk: Desk) -> None:
    leavers = [a_leaver(student.student_id) for student in ALL[:7]]
    desk.road.fetch(a_sweep("s2", ALL[7:], sends=leavers, minutes=5), minutes=5)
    desk.road.run()
    (one,) = json.loads(desk.say("show", SCHOOL, "--json").out)
    assert (one["kind"], one["state"], len(one["students"])) == ("disable_explained", "held", 7)
    assert one["students"][0]["reason"] == "the record says left on 2026-11-20"


def test_lost_modules_are_named(desk: Desk) -> None:
    fewer = [a_student(one.student_id, last_name=one.last_name, modules=("Y10-ENG",)) for one in ALL[:7]]
    desk.road.fetch(a_sweep("s2", [*fewer, *ALL[7:]], sends=fewer, minutes=5), minutes=5)
    desk.road.run()
    (one,) = json.loads(desk.say("show", SCHOOL, "--json").out)
    assert one["kind"] == "unenrol"
    assert one["students"][0]["modules"] == ["Y10-HIS"]
    assert one["students"][0]["reason"] == "would leave Y10-HIS"


def test_a_show_tells_what_each_budget_has_left(desk: Desk) -> None:
    said = desk.say("show", SCHOOL)
    assert "Nothing is held." in said.out
    assert "What each budget would let through now:" in said.out
    for plan in ("disable_explained", "disable_unexplained", "unenrol", "move", "create", "email_change"):
        assert plan in said.out


def test_a_nulled_column_is_named_with_the_permission_to_look_at(desk: Desk) -> None:
    phones = [a_student(one.student_id, last_name=one.last_name, phone="07700 900001") for one in ALL]
    desk.road.fetch(a_sweep("s2", phones, minutes=5), minutes=5)
    desk.road.fetch(a_sweep("s3", ALL, minutes=10), minutes=10)
    desk.road.run()
    said = desk.say("show", SCHOOL)
    assert "cause: phone: filled for 20/20 accounts, now for 0/20" in said.out
    assert "give this client the permission Student Manager (Read)" in said.out
    (one,) = json.loads(desk.say("show", SCHOOL, "--json").out)
    assert (one["kind"], len(one["causes"])) == ("nulled_column", 1)
    assert one["students"][0]["reason"] == "the record has no phone any more"


def test_a_nulled_list_of_sets_points_at_the_sets(desk: Desk) -> None:
    bare = [a_student(one.student_id, last_name=one.last_name, modules=()) for one in ALL]
    desk.road.fetch(a_sweep("s2", bare, minutes=5), minutes=5)
    desk.road.run()
    (one,) = json.loads(desk.say("show", SCHOOL, "--json").out)
    assert "the permission Teaching (Read)" in one["causes"][0]
    assert one["students"][0]["reason"] == "would leave Y10-ENG, Y10-HIS"
    assert one["students"][0]["modules"] == ["Y10-ENG", "Y10-HIS"]


def test_a_suspected_rekey_names_who_came(desk: Desk) -> None:
    born = [a_student(one.student_id, last_name=one.last_name, date_of_birth="2010-03-04") for one in ALL]
    desk.road.fetch(a_sweep("s2", born, minutes=5), minutes=5)
    new = a_student("3059999999", last_name="Fern0", date_of_birth="2010-03-04")
    gone = a_leaver(ALL[0].student_id, last_name="Fern0", date_of_birth="2010-03-04")
    desk.road.fetch(a_sweep("s3", [*born[1:], new], sends=[gone, new], minutes=10), minutes=10)
    desk.road.run()
    (one,) = json.loads(desk.say("show", SCHOOL, "--json").out)
    assert one["kind"] == "rekey"
    assert one["students"][0]["reason"] == ("the record says left on 2026-11-20; seems to have come back as 3059999999")


def test_new_accounts_and_emails_that_wait_are_told_by_name(desk: Desk) -> None:
    joiners = [a_student(str(3050000100 + n), last_name=f"Moss{n}") for n in range(21)]
    moved = [a_student(one.student_id, last_name=one.last_name, email=f"n{n}@new.example") for n, one in enumerate(ALL)]
    desk.road.fetch(a_sweep("s2", [*moved, *joiners], minutes=5), minutes=5)
    desk.road.run()
    create, emails = json.loads(desk.say("show", SCHOOL, "--json").out)
    assert (create["kind"], create["students"][0]["name"]) == ("create", "Ada Moss20")
    assert create["students"][0]["reason"] == "would have a new account"
    assert (emails["kind"], emails["students"][0]["reason"]) == ("email_change", "would have the e-mail n5@new.example")


@pytest.mark.parametrize(
    ("order", "model", "state"), [("release", ReleaseHold, "released"), ("refuse", RefuseHold, "refused")]
)
def test_an_order_names_the_hash_the_operator_and_why(
    desk: Desk, order: str, model: type[ReleaseHold] | type[RefuseHold], state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holds, "login_name", lambda: "kim")
    desk.vanish(3)
    said = desk.say(order, SCHOOL, desk.hash, "--yes", "--note", "moved away", "--json")
    assert said.code == 0, said.err
    assert desk.given == [model(school=SCHOOL, plan=PLAN, hash=desk.hash, operator="kim", note="moved away")]
    assert json.loads(said.out)["is_taken"] is True
    assert desk.road.school().holds[PLAN].state == state
    assert desk.say("list").code == 0, "what a person decided waits for nobody"


def test_the_operator_is_who_the_system_knows_whatever_variables_and_flags_say(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "headmaster")
    desk.vanish(3)
    assert desk.say("release", SCHOOL, desk.hash, "--yes", "--operator", "headmaster").code == 2
    assert desk.say("release", SCHOOL, desk.hash, "--yes").code == 0
    assert [getattr(one, "operator", None) for one in desk.given] == [pwd.getpwuid(os.getuid()).pw_name]


def test_a_large_release_says_that_it_waits_for_another_operator(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    text = desk.path.read_text().replace("[operators]", "[operators]\ntwo_people_above = 2")
    desk.path.write_text(text)
    desk.road.eligibility = Eligibility(load(desk.path, {}), lambda topic: topic)
    desk.vanish(3)
    said = desk.say("release", SCHOOL, desk.hash, "--yes")
    assert (said.code, desk.road.school().holds[PLAN].state) == (3, "held")
    assert f"another operator's `rollcall holds release {SCHOOL} {desk.hash}`" in said.out
    assert "waits for another operator" in desk.say("show", SCHOOL).out
    told = json.loads(desk.say("release", SCHOOL, desk.hash, "--yes", "--json").out)
    assert (told["is_taken"], told["needs_another_operator"]) == (False, True)
    monkeypatch.setattr(holds, "login_name", lambda: "ada")
    assert desk.say("release", SCHOOL, desk.hash, "--yes").code == 0
    assert desk.road.school().holds[PLAN].state == "released"


def test_a_yes_without_the_hash_of_what_was_reviewed_is_refused(desk: Desk) -> None:
    desk.vanish(3)
    said = desk.say("release", SCHOOL, PLAN, "--yes")
    assert said.code == 2
    assert f"rollcall holds release {SCHOOL} {desk.hash} --yes" in said.err
    assert desk.given == []


def test_without_a_terminal_and_a_yes_nothing_is_done(desk: Desk) -> None:
    desk.vanish(3)
    said = desk.say("release", SCHOOL, PLAN)
    assert (said.code, desk.given) == (1, [])
    assert "Fern2" in said.out, "what would go is shown all the same"
    assert "say --yes" in said.err


def test_a_hash_that_is_not_held_now_is_refused_with_what_differs(desk: Desk) -> None:
    desk.vanish(3)
    reviewed = desk.hash
    desk.vanish(5, minutes=200)
    said = desk.say("release", SCHOOL, reviewed, "--yes")
    assert (said.code, desk.given) == (3, [])
    assert f"does not hold {reviewed} now. It holds {PLAN} {desk.hash} (5 students)." in said.err
    assert "2 were not in the set that you name; 0 of that set are gone." in said.err


def test_a_hash_that_never_was_is_refused_as_a_problem(desk: Desk) -> None:
    said = desk.say("release", SCHOOL, "0" * 16, "--yes", "--json")
    problem = json.loads(said.err)
    assert said.code == 3
    assert problem["type"] == "urn:rollcall:problem:not-held"
    assert problem["detail"] == f"{SCHOOL} does not hold {'0' * 16} now. It holds nothing."


def test_an_order_that_nobody_took_yet_says_so(desk: Desk) -> None:
    desk.vanish(3)
    desk.runs = False
    said = desk.say("release", SCHOOL, desk.hash, "--yes", "--wait", "0.1")
    assert said.code == 0
    assert "takes effect when eligibility and the reconciler run" in said.out


def test_a_plan_that_changed_on_the_way_is_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.vanish(3)

    def give(config: Config, command: ReleaseHold) -> OrderReceipt:
        desk.vanish(5, minutes=200)
        return a_receipt(command)

    monkeypatch.setattr(commands, "give", give)
    said = desk.say("release", SCHOOL, desk.hash, "--yes")
    assert said.code == 3
    assert "changed before the order came" in said.err


def test_what_was_decided_is_not_decided_twice(desk: Desk) -> None:
    desk.vanish(3)
    for _ in range(2):
        assert desk.say("release", SCHOOL, desk.hash, "--yes").code == 0
    assert len(desk.given) == 1


def test_a_lane_of_which_nothing_is_known_is_told(desk: Desk) -> None:
    desk.road.store.records.clear()
    said = desk.say("list")
    assert (said.code, said.out) == (1, "")
    assert "nothing is known of its lane 0" in said.err
    assert desk.say("show", SCHOOL).code == 1


@pytest.mark.parametrize("words", [("list", "oakham"), ("show", "oakham"), ("release", "oakham", PLAN)])
def test_an_unknown_school_is_a_wrong_word(desk: Desk, words: tuple[str, ...]) -> None:
    said = desk.say(*words)
    assert said.code == 2
    assert said.err == f"no school 'oakham' in the configuration; there: {SCHOOL}\n"
