"""What Unitu refuses: whose record it points at, in which words, and when another snapshot is tried."""

import json
from pathlib import Path
from typing import Any

import pytest

from services.publisher import refusals as module
from services.publisher.refusals import NOBODY, Place, refusal_in
from services.publisher.unitu import Outcome
from shared.config.load import load
from shared.contract.account_state import AccountState
from shared.contract.deliveries import SnapshotAccepted, SnapshotRejected
from tests.unit.publisher.world import LIVE, World, a_config, an_account, an_employee

S3 = Place("students", 3)


# --- what an answer points at ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param({"errors": [{"pointer": "/students/3/email"}]}, {S3: "email"}, id="a JSON pointer"),
        pytest.param(
            {"details": [{"pointer": "/students/3/email", "message": "is no address"}]},
            {S3: "email: is no address"},
            id="a pointer and what is wrong",
        ),
        pytest.param({"details": ["students[3].year: no"]}, {S3: "students[3].year: no"}, id="a path in words"),
        pytest.param({"errors": {"Students[3].Email": ["Not valid."]}}, {S3: "Email: Not valid."}, id="ASP.NET"),
        pytest.param({"errors": {"$.students[3].year": ["Not 0-7."]}}, {S3: "year: Not 0-7."}, id="System.Text.Json"),
        pytest.param({"errors": {"students.3.email": "taken"}}, {S3: "email: taken"}, id="dots"),
        pytest.param(
            {"detail": [{"loc": ["body", "students", 3, "email"], "msg": "is no address"}]},
            {S3: "email: is no address"},
            id="steps",
        ),
        pytest.param({"errors": [{"list": "staff", "index": 0}]}, {Place("staff", 0): ""}, id="a list and an index"),
        pytest.param(
            {"errors": [{"list": "student", "index": 3, "field": "year", "message": "no"}]},
            {S3: "year: no"},
            id="a list, an index and a field",
        ),
        pytest.param({"errors": ["/faculties/0/name"]}, {}, id="not about a person"),
        pytest.param({"errors": ["/students/3/email", "/modules/0/code"]}, {}, id="not only about a person"),
        pytest.param({"errors": [f"/students/{n}" for n in range(51)]}, {}, id="more than somebody's own fault"),
        pytest.param({"detail": [["students", True]]}, {}, id="no place"),
        pytest.param(
            {"message": "no\u001b[2J\nreally, /students/3"}, {S3: "no [2J really, /students/3"}, id="one line"
        ),
    ],
)
def test_a_refusal_names_people_in_one_of_the_usual_ways(answer: Any, expected: dict[Place, str]) -> None:
    assert refusal_in(json.dumps(answer)).places == expected


def test_as_many_as_fifty_may_be_at_fault() -> None:
    assert len(refusal_in(json.dumps([f"/students/{n}" for n in range(50)])).places) == 50


@pytest.mark.parametrize("text", ["<html>", "", "students[3]", "\ud800"])
def test_what_is_no_json_points_at_nobody(text: str) -> None:
    assert refusal_in(text) == NOBODY


def test_long_words_are_cut() -> None:
    text = json.dumps({"pointer": "/students/3/phone", "message": "x" * 1000})
    assert len(refusal_in(text).places[S3]) == 200


def test_a_person_may_be_named_by_their_email() -> None:
    text = json.dumps({"message": "The record of s1@abbey.example, is wrong. Ask help@unitu.example."})
    assert set(refusal_in(text).emails) == {"s1@abbey.example", "help@unitu.example"}


@pytest.mark.parametrize(
    ("text", "emails"),
    [
        ("a@b.cc", {"a@b.cc"}),
        ("<a@b.cc>; 'c@d.ee'.", {"a@b.cc", "c@d.ee"}),
        ("ann@x.example...", {"ann@x.example"}),
        ("a@b@c.dd", {"a@b@c.dd"}),
        ("a@b.cc@", {"a@b.cc"}),
        ("@b.cc a@ a@b @ a b", set()),
    ],
)
def test_what_has_the_form_of_an_email_is_one(text: str, emails: set[str]) -> None:
    assert set(refusal_in(json.dumps({"message": text})).emails) == emails


LARGE = 65_000  # characters: as much of an answer as is read


@pytest.mark.parametrize(
    ("answer", "is_anybody"),
    [
        pytest.param({"message": "a" * LARGE}, False, id="no address, 9 s"),
        pytest.param({"message": "a@b.cc " * (LARGE // 7)}, True, id="one address again and again, 40 s"),
        pytest.param({"message": " ".join(f"{n}@b.cc" for n in range(6_000))}, False, id="many addresses"),
        pytest.param({"message": "/students/3 " * (LARGE // 12)}, True, id="one place again and again"),
        pytest.param({"message": " ".join(f"/students/{n}" for n in range(4_000))}, False, id="many places"),
        pytest.param(["staff", 1] * (LARGE // 12), True, id="steps"),
    ],
)
def test_however_often_an_answer_points_its_size_is_what_it_costs(answer: Any, is_anybody: bool) -> None:
    """Each text was looked at anew for each thing that it names, and each word from each of its letters."""
    assert (refusal_in(json.dumps(answer)) != NOBODY) is is_anybody


def test_what_is_nested_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was, from each of its levels, down to the end."""
    looked_at = 0
    values = module._values

    def counted(answer: Any) -> Any:
        nonlocal looked_at
        for one in values(answer):
            looked_at += 1
            yield one

    monkeypatch.setattr(module, "_values", counted)
    numbers, levels = 20_000, 300
    text = '{"a":' * levels + f"[{'1,' * numbers}1]" + "}" * levels
    assert refusal_in(text) == NOBODY
    assert looked_at <= numbers + levels + 10
    text = '{"students.1":' * levels + f"[{'1,' * numbers}1]" + "}" * levels
    assert set(refusal_in(text).places) == {Place("students", 1)}
    assert looked_at <= 2 * (numbers + levels + 10) + levels * module.NODES


# --- what becomes of it ----------------------------------------------------------------------------------------------


class Picky:
    """A Unitu that refuses the whole while somebody's first name is N4me, with the answer of ``says``."""

    def __init__(self, world: World, says: Any) -> None:
        self.says, self.posts, self._post = says, 0, world.unitu.post
        world.unitu.post = self.post  # type: ignore[method-assign]

    async def post(self, url: str, key: Any, body: bytes, seconds: float) -> Outcome:
        self.posts += 1
        people = json.loads(body)
        found = [
            (name, at, one["email"])
            for name in ("students", "staff")
            for at, one in enumerate(people.get(name, []))
            if one["firstName"] == "N4me"
        ]
        if not found:
            return await self._post(url, key, body, seconds)
        text = json.dumps([self.says(*one) for one in found])
        return Outcome("rejected", "refused", 422, text, refusal=refusal_in(text))


def by_pointer(name: str, at: int, email: str) -> Any:
    return {"pointer": f"/{name}/{at}/firstName", "message": "has a digit"}


def by_email(name: str, at: int, email: str) -> Any:
    return {"message": f"{email.upper()} has a digit"}


def by_nothing(name: str, at: int, email: str) -> Any:
    return {"message": "a name has a digit"}


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(a_config(tmp_path, LIVE + "quiet_seconds = 0\nmax_delay_seconds = 0\nmin_interval_seconds = 60\n"))
    world.tell_school(an_account("1"), an_account("2"))
    world.adopt()
    world.work()
    return world


def wrong(student: str, at: int = 20) -> AccountState:
    return an_account(student, at, first_name="N4me")


@pytest.mark.parametrize(
    ("says", "words"),
    [(by_pointer, "firstName: has a digit"), (by_email, "S1@ABBEY.EXAMPLE has a digit")],
)
def test_whose_record_is_refused_is_kept_with_unitus_words_until_it_is_taken(
    world: World, says: Any, words: str
) -> None:
    Picky(world, says)
    world.tell(wrong("1"), an_account("3", 21))
    world.work(until=100)
    assert world.unitu.enabled == {f"s{n}@abbey.example" for n in (1, 2, 3)}
    assert world.state.complaints == {"abbey/1": words}
    world.tell(an_account("1", 30, last_name="Ash"))
    world.work(until=100)
    assert (world.state.complaints, world.state.refused) == ({}, {})


def test_who_is_put_right_as_they_were_sent_is_no_longer_told(world: World) -> None:
    Picky(world, by_pointer)
    world.tell(wrong("1"))
    world.work(until=100)
    world.tell(an_account("1", 30))
    world.work(until=100)
    assert (world.state.complaints, world.state.refused, world.state.held) == ({}, {}, None)


def test_whoever_was_refused_as_last_sent_is_told_although_nothing_goes(world: World) -> None:
    """They cannot be left as last sent: that is what Unitu refuses now."""
    world.tell(wrong("1"))
    world.work(until=100)
    Picky(world, by_pointer)
    world.tell(an_account("3", 21))
    world.work(until=100)
    assert world.state.held is not None
    assert world.state.held.kind == "rejected"
    assert "points at the records of 1" in world.state.held.reasons[0].message
    assert world.state.complaints == {"abbey/1": "firstName: has a digit"}
    world.tell(an_account("1", 30))
    world.work(until=100)
    assert world.state.held is None
    assert world.unitu.enabled == {f"s{n}@abbey.example" for n in (1, 2, 3)}
    assert world.state.complaints == {}


def test_an_email_of_nobody_here_points_at_nobody(world: World) -> None:
    Picky(world, lambda *_: {"message": "ask help@unitu.example"})
    world.tell(wrong("1"))
    world.work(until=100)
    assert world.state.complaints == {}
    assert world.state.held is not None


def test_a_member_of_staff_is_pointed_at_as_well(tmp_path: Path) -> None:
    world = World(a_config(tmp_path, LIVE.replace("not-in-unitu", "managed") + "min_interval_seconds = 0\n"))
    world.tell_school(an_account("1"))
    world.tell_school(an_employee("7"), kind="staff", at=11)
    world.adopt()
    world.work()
    Picky(world, by_pointer)
    world.tell(an_employee("7", 20, first_name="N4me"))
    world.work(until=100)
    assert world.state.complaints == {"abbey+staff/7": "firstName: has a digit"}


# --- when another is tried -------------------------------------------------------------------------------------------


def refusals(world: World) -> int:
    return len(world.deliveries(SnapshotRejected))


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_snapshot_that_differs_from_the_refused_one_is_tried_by_itself(world: World, status: int) -> None:
    world.unitu.plan = [status]
    world.tell(wrong("1"))
    world.work(until=100)
    assert (refusals(world), world.unitu.posts) == (1, 2)
    world.work(until=7200)
    assert world.unitu.posts == 2  # the same is not
    world.tell(an_account("1", 30, last_name="Ash"))
    world.work(until=100)
    assert world.unitu.posts == 3
    assert world.state.held is None
    assert world.state.refusal is None


def test_each_that_differs_is_tried_once_and_not_before_the_least_interval(world: World) -> None:
    world.unitu.plan = [422] * 100
    world.clock.advance(100)
    for n in range(4):
        world.tell(an_account("1", 20 + n, last_name=f"Name{n}"))
        world.work(until=10)
    assert refusals(world) == 1
    world.work(until=3600)
    assert refusals(world) == 2
    world.work(until=3600)
    assert refusals(world) == 2
    world.work(until=86_400)
    assert refusals(world) == 3  # the same again, a day later


@pytest.mark.parametrize("status", [401, 403, 404])
def test_no_snapshot_mends_a_wrong_key_or_address(world: World, status: int) -> None:
    world.unitu.plan = [status]
    world.tell(an_account("1", 20, last_name="Ash"))
    world.work(until=100)
    world.tell(an_account("1", 30, last_name="Oak"))
    world.work(until=7200)
    assert refusals(world) == 1
    assert world.unitu.posts == 2


def test_a_person_has_the_same_one_tried_again(world: World) -> None:
    world.unitu.plan = [422]
    world.tell(an_account("1", 20, last_name="Ash"))
    world.work(until=100)
    world.publish()
    assert len(world.deliveries(SnapshotAccepted)) == 2


def test_the_same_one_is_not_tried_again_because_something_else_held_it_meanwhile(world: World) -> None:
    world.unitu.plan = [422]
    world.tell(an_account("1", 20, last_name="Ash"))
    world.work(until=100)
    world.is_swept = False  # nothing goes that is so old
    world.tell(an_account("1", 30, last_name="Oak"))
    world.work(until=100)
    assert world.state.held is not None
    assert world.state.held.kind == "wait"
    world.is_swept = True
    world.tell(an_account("1", 40, last_name="Ash"))
    world.work(until=7200)
    assert refusals(world) == 1
    assert world.state.held.kind == "rejected"


def test_another_adoption_has_the_same_one_tried(world: World, tmp_path: Path) -> None:
    world.unitu.plan = [422]
    world.tell(an_account("1", 20, last_name="Ash"))
    world.work(until=100)
    world.config = load(tmp_path / "rollcall.toml", {})
    world.adopt()
    world.work(until=100)
    assert world.state.held is None
    assert len(world.deliveries(SnapshotAccepted)) == 2
