"""The stories, the faults and the oracle themselves: pure, so that a schedule that fails is the product's fault."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.clock import write
from shared.events import SweepCompleted, SweepReconciled, SweepStarted
from shared.model import Frozen, Kind
from shared.topics import ACCOUNT_CHANGES, STUDENTS_FETCHED
from shared.wire import Record, encode, type_name
from tests.builders import a_certificate
from tests.soak.audit import Book, is_evident, passed_over, taken_of
from tests.soak.faults import STAFF as STAFF_FAULTS
from tests.soak.faults import common_fault, own_faults, shut_lists, staff_faults
from tests.soak.oracle import Oracle, StaffOracle
from tests.soak.staff import KINDS as STAFF_KINDS
from tests.soak.staff import MOST as STAFF_MOST
from tests.soak.staff import email_of, employ, has_staff, staff_of, staff_rounds_of
from tests.soak.truth import BLANKED, KINDS, MOST, Act, Json, Truth, Where, rounds_of, school_of, truth_of

SEEDS = range(1, 201)
ROUNDS = 3  # as `make soak` plays them
HARMLESS = ("correct", "hide_many", "quit_set", "move_set", "teach")  # they free no e-mail and want none


# --- stories ---------------------------------------------------------------------------------------------------------


def stories() -> dict[int, list[list[Act]]]:
    return {seed: rounds_of(seed, truth_of(school_of(seed)), ROUNDS) for seed in SEEDS}


def test_a_seed_is_the_same_story_each_time() -> None:
    assert rounds_of(7, truth_of(school_of(7))) == rounds_of(7, truth_of(school_of(7)))
    assert rounds_of(7, truth_of(school_of(7)), 3)[:2] == rounds_of(7, truth_of(school_of(7)), 2)
    assert own_faults(7, 3)[:2] == own_faults(7, 2)
    assert common_fault(7) == common_fault(7)


def test_two_hundred_seeds_have_every_kind_of_act_and_of_fault() -> None:
    kinds = Counter(act.kind for rounds in stories().values() for acts in rounds for act in acts)
    assert set(kinds) == set(KINDS)
    assert min(kinds.values()) >= 5
    common = Counter(common_fault(seed).kind for seed in SEEDS)
    assert len(common) == 13
    assert min(common.values()) >= 3


def test_nobody_changes_twice_in_a_round_and_nothing_is_beyond_a_budget() -> None:
    for rounds in stories().values():
        drawn = Counter(act.kind for acts in rounds for act in acts)
        assert all(drawn[kind] <= most for kind, most in MOST.items())
        for acts in rounds:
            touched = [id for act in acts for id in act.touches]
            assert len(touched) == len(set(touched))


# --- the oracle ------------------------------------------------------------------------------------------------------

ADA, BEA = "1", "2"


def a_record(id: str, **fields: Any) -> dict[str, Any]:
    sound = {
        "title": "Miss",
        "forename": "Ada",
        "preferredName": None,
        "surname": f"Fern{id}",
        "schoolEmailAddress": f"s{id}@abbey.example",
        "yearGroup": 7,
        "mobileNumber": None,
    }
    return sound | fields


def a_truth(**where: Where) -> Truth:
    people = {id: a_record(id) for id in (ADA, BEA)}
    there: dict[str, Where] = dict.fromkeys(people, "here")
    return Truth(people, there | where, {"11": (ADA, BEA)}, {"11": 7}, {"11": 1})


class Told:
    """What the oracle says after each of these acts, each a round."""

    def __init__(self, *acts: Act, truth: Truth | None = None) -> None:
        self.truth = truth or a_truth()
        self.oracle = Oracle({1: "ENG"})
        self.oracle.see(self.truth)
        for act in acts:
            self.truth.apply(act)
            self.oracle.see(self.truth)

    def __call__(self, id: str = ADA) -> Any:
        return self.oracle.accounts.get(id)


@pytest.mark.parametrize(
    ("kind", "enabled"), [("leave", False), ("vanish", False), ("leave_many", False), ("correct", True)]
)
def test_who_left_or_vanished_is_disabled(kind: str, enabled: bool) -> None:
    assert Told(Act(kind, ADA))().enabled is enabled


def test_who_returns_is_enabled() -> None:
    assert Told(Act("leave", ADA), Act("come_back", ADA, {"surname": "Beck"}))().enabled
    assert Told(Act("vanish", ADA), Act("come_back", ADA, {"surname": "Beck"}))().last_name == "Beck"


def test_who_is_hidden_for_a_while_stays() -> None:
    assert Told(Act("hide_many", "", who=(ADA, BEA)))().enabled


@pytest.mark.parametrize("field", BLANKED)
def test_a_blanked_field_changes_nothing_until_it_is_there_again(field: str) -> None:
    told = Told(Act("blank", ADA, {field: None}), Act("correct", ADA, {"preferredName": "Bea"}))
    assert (told().enabled, told().first_name) == (True, "Ada")
    told = Told(Act("blank", ADA, {field: None}), Act("correct", ADA, {field: "x@y.example", "preferredName": "Bea"}))
    assert told().first_name == "Bea"


def test_a_joiner_without_an_email_has_no_account_yet() -> None:
    joiner = Act("join", "3", record=a_record("3", schoolEmailAddress=None))
    assert Told(joiner)("3") is None
    assert Told(joiner, Act("restore", "3", {"schoolEmailAddress": "three@abbey.example"}))("3").enabled


def test_a_changed_email_is_not_delivered() -> None:
    account = Told(Act("email", ADA, {"schoolEmailAddress": "New@abbey.example"}))()
    assert (account.own, account.delivered) == ("new@abbey.example", "s1@abbey.example")


def test_anothers_email_is_waited_for() -> None:
    clash = Act("clash", ADA, {"schoolEmailAddress": "S2@ABBEY.EXAMPLE", "surname": "Beck"})
    assert Told(clash)().last_name == "Fern1"
    left = Told(clash, Act("leave", BEA))
    assert (left().last_name, left().own, left().delivered) == ("Beck", "s2@abbey.example", "s1@abbey.example")
    assert not Told(clash, Act("leave", BEA), Act("come_back", BEA))(BEA).enabled


def test_two_who_want_each_others_email_exchange_them() -> None:
    truth = a_truth()
    told = Told(truth=truth)
    truth.records[ADA]["schoolEmailAddress"], truth.records[BEA]["schoolEmailAddress"] = (
        "s2@abbey.example",
        "s1@abbey.example",
    )
    told.oracle.see(truth)
    assert (told(ADA).own, told(BEA).own) == ("s2@abbey.example", "s1@abbey.example")


def test_sets_are_modules() -> None:
    assert Told()().modules == {"Y7-ENG"}
    assert Told(Act("quit_set", ADA, sets={"11": (BEA,)}))().modules == frozenset()
    assert Told(Act("blank", ADA, {"title": None}), Act("quit_set", ADA, sets={"11": (BEA,)}))().modules == {"Y7-ENG"}


def as_unitu(oracle: Oracle) -> list[dict[str, Any]]:
    names = oracle.fields
    return [
        {name: getattr(one, name) for name in names}
        | {name: sorted(getattr(one, name)) for name in oracle.codes}
        | {"email": one.delivered.upper()}
        for one in oracle.accounts.values()
    ]


def test_every_difference_is_seen() -> None:
    oracle = Told().oracle
    assert oracle.differences(as_unitu(oracle)) == []
    for name, other in {
        "enabled": False,
        "kind": "staff",
        "last_name": "Elm",
        "year": 3,
        "phone": "1",
        "programmes": [],
        "modules": [],
    }.items():
        found = as_unitu(oracle)
        found[0][name] = other
        assert [(id, field) for id, field, _, _ in oracle.differences(found)] == [(ADA, name)]
    stranger = {"email": "x@y.example"}
    assert oracle.differences([*as_unitu(oracle), stranger]) == [("x@y.example", "account", None, "there")]
    assert [one[:2] for one in oracle.differences(as_unitu(oracle)[1:])] == [(ADA, "account")]


@pytest.mark.parametrize(
    ("kind", "sweeps", "is_proof"),
    [
        pytest.param("leave", [], True, id="said to have left"),
        pytest.param("vanish", [(2, 3, ()), (4, 5, ())], True, id="two certified rolls lack them"),
        pytest.param("vanish", [(2, 3, ())], False, id="one does"),
        pytest.param("vanish", [(2, 3, ()), (4, 5, (ADA,))], False, id="one does and one does not"),
        pytest.param("vanish", [(0, 3, ()), (4, 5, ())], True, id="one was under way when they went"),
        pytest.param("vanish", [(0, 0.5, ()), (4, 5, ())], False, id="one ended before"),
        pytest.param("vanish", [(2, 3, ()), (4, 11, ())], False, id="one ended too late"),
    ],
)
def test_what_evidence_is(kind: str, sweeps: list[tuple[float, float, tuple[str, ...]]], is_proof: bool) -> None:
    told = [(start, end, frozenset(roll)) for start, end, roll in sweeps]
    assert is_evident(ADA, 1.0, kind, 10.0, told) is is_proof


# --- the staff -------------------------------------------------------------------------------------------------------


def staff_stories() -> Iterator[tuple[int, Json, list[list[Act]]]]:
    """Of each seed with staff: the school before it, and what its staff add."""
    for seed in filter(has_staff, SEEDS):
        school = school_of(seed)
        employ(school, seed)
        yield seed, school, staff_rounds_of(seed, school, ROUNDS)


def test_half_of_the_seeds_have_staff_and_they_every_kind_of_act_and_of_fault() -> None:
    stories = list(staff_stories())
    assert 80 <= len(stories) <= 120
    assert 3 <= sum(map(has_staff, range(1, 11))) <= 7  # those that `make test` plays
    kinds = Counter(act.kind for _, _, rounds in stories for acts in rounds for act in acts)
    assert set(kinds) == set(STAFF_KINDS)
    assert min(kinds.values()) >= 5
    struck = [fault.words for seed in SEEDS for faults in staff_faults(seed, ROUNDS) for fault in faults]
    assert all(struck.count(fault) >= 3 for fault in STAFF_FAULTS)
    assert Counter(kind for seed in SEEDS for kind in shut_lists(seed, ROUNDS)).keys() == {None, "student", "staff"}
    assert staff_faults(7, 3)[:2] == staff_faults(7, 2)
    assert shut_lists(7, 3)[:3] == shut_lists(7, 2)


def test_a_shorter_story_of_staff_is_the_beginning_of_the_longer() -> None:
    for seed, school, rounds in staff_stories():
        assert staff_rounds_of(seed, school, 2) == rounds[:2]


def test_no_member_of_staff_changes_twice_in_a_round_nor_whoever_wants_the_same_email() -> None:
    for seed, school, rounds in staff_stories():
        drawn = Counter(act.kind for acts in rounds for act in acts)
        assert all(drawn[kind] <= most for kind, most in STAFF_MOST.items())
        story = rounds_of(seed, truth_of(school), ROUNDS)
        books: dict[Kind, Truth] = {"student": truth_of(school), "staff": staff_of(school)}
        ever: dict[tuple[Kind, str], set[str]] = {}  # all e-mails that were somebody's
        for before, acts in zip(story, rounds, strict=True):
            touched = [(act.of, id) for act in (*before, *acts) for id in act.touches]
            assert len(touched) == len(set(touched))
            for act in (None, *before, *acts):
                if act is not None:
                    books[act.of].apply(act)
                for kind, truth in books.items():
                    for id, record in truth.records.items():
                        ever.setdefault((kind, id), set()).update({email_of(record)} - {""})
            moved = [(act.of, id) for act in (*before, *acts) for id in act.touches if act.kind not in HARMLESS]
            of_students, of_staff = (
                {email for of, id in moved if of == kind for email in ever[of, id]} for kind in ("student", "staff")
            )
            assert not of_students & of_staff, seed


SAM = "9"  # on the staff


def a_member(id: str = SAM, **fields: Any) -> dict[str, Any]:
    sound = {
        "id": int(id),
        "title": None,
        "forename": "Sam",
        "preferredName": None,
        "surname": "Oak",
        "schoolEmailAddress": f"staff{id}@abbey.example",
        "schoolMobileNumber": None,
        "divisions": ["LS"],
    }
    return sound | fields


class Both(Told):
    """The same with Sam on the staff, who teaches the set. Acts of both books, each a round."""

    def __init__(self, *acts: Act, titles: dict[str, str] | None = None) -> None:
        self.staff = Truth({SAM: a_member()}, {SAM: "here"}, {"11": (SAM,)}, {"11": 7}, {"11": 1})
        self.members = StaffOracle({1: "ENG"}, {7: "LS"}, titles or {})
        super().__init__()
        for act in acts:
            (self.staff if act.of == "staff" else self.truth).apply(act)
            self.look()

    def look(self) -> None:
        self.oracle.see(self.truth, self.members)
        self.members.see(self.staff, self.oracle)

    def of(self, id: str = SAM) -> Any:
        return self.members.accounts.get(id)


def of_staff(kind: str, id: str = SAM, **fields: Any) -> Act:
    record = fields.pop("record", {})
    return Act(kind, id, fields, record=record, of="staff")


NEW = of_staff("join_wanting", "8", record=a_member("8", schoolEmailAddress="S1@abbey.example", title="Dr"))


def test_staff_need_no_title_and_are_in_what_they_teach() -> None:
    told = Both(of_staff("correct"))
    assert (told.of().enabled, told.of().kind, told.of().university_title) == (True, "staff", "")
    assert (told.of().programmes, told.of().modules) == ({"Y7"}, {"Y7-ENG"})
    assert (told.of().faculties, told.of().departments) == ({"LS"}, {"LS-YEARS"})
    assert Both(Act("teach", "", who=(SAM,), sets={"11": ()}, of="staff")).of().departments == frozenset()
    assert Both(of_staff("correct"), titles={"Staff9@abbey.example": "Dean"}).of().university_title == "Dean"


@pytest.mark.parametrize(("kind", "enabled"), [("leave", False), ("vanish", False), ("hide", True), ("email", True)])
def test_who_of_the_staff_left_or_vanished_is_disabled(kind: str, enabled: bool) -> None:
    assert Both(of_staff("correct"), of_staff(kind)).of().enabled is enabled


def test_a_students_email_leaves_a_member_of_staff_where_they_were_delivered() -> None:
    told = Both(of_staff("correct"), of_staff("want", schoolEmailAddress="S1@ABBEY.EXAMPLE", surname="Elm"))
    assert (told.of().delivered, told.of().last_name, told.of().is_there) == ("staff9@abbey.example", "Elm", True)
    assert (told().delivered, told().is_there) == ("s1@abbey.example", True)


def test_who_is_new_with_a_students_email_waits_and_then_has_that_account() -> None:
    told = Both(NEW)
    assert (told.of("8").is_there, told().is_there) == (False, True)
    left = Both(NEW, Act("leave", ADA))
    assert (left.of("8").is_there, left().is_there) == (True, False)
    assert (left.of("8").kind, left.of("8").university_title) == ("student", None)  # as Unitu took it first
    back = Both(NEW, Act("leave", ADA), Act("come_back", ADA))
    assert (back.of("8").is_there, back().enabled, back().is_there) == (True, True, False)
    again = Both(NEW, Act("leave", ADA), Act("come_back", ADA), of_staff("leave", "8"))
    assert (again.of("8").is_there, again().is_there) == (False, True)
    assert again.oracle.had["s1@abbey.example"] == {ADA}
    assert again.members.had["s1@abbey.example"] == {"8"}
    own = Both(NEW, of_staff("settle", "8", schoolEmailAddress="own@abbey.example"))
    assert (own.of("8").delivered, own.of("8").kind, own().is_there) == ("own@abbey.example", "staff", True)


def test_every_difference_of_the_staff_is_seen() -> None:
    oracle = Both(of_staff("correct")).members
    for name, other in {"university_title": "Dean", "kind": "student", "departments": [], "faculties": []}.items():
        found = as_unitu(oracle)
        found[0][name] = other
        assert [(id, field) for id, field, _, _ in oracle.differences(found)] == [(SAM, name)]


def a_book(kind: Kind = "staff") -> Book:
    people = {id: a_member(id) for id in "123456"}
    return Book(kind, "abbey+staff", Truth(people, dict.fromkeys(people, "here"), {}, {}, {}), StaffOracle({}, {}, {}))


def test_no_more_may_go_than_the_budget_has_room_for_until_a_person_lets_them() -> None:
    book, ids = a_book(), tuple("123456")
    book.act(Act("leave_many", "", who=ids, of="staff"), 1.0)
    gone = [(id, 2.0) for id in ids]
    assert book.beyond(gone[:5]) == set()
    assert book.beyond(gone) == set(ids)
    book.released |= dict.fromkeys(ids, 1.5)
    assert book.beyond(gone) == set()
    book.released |= {"6": 2.5}
    assert book.beyond([*gone[:5], ("6", 2.0)]) == set()
    book = a_book()
    for id in "123":
        book.act(Act("vanish", id), 1.0)
    assert book.beyond([("1", 2.0), ("2", 2.0), ("2", 3.0)]) == set()
    assert book.beyond([(id, 2.0) for id in "123"]) == set("123")


def test_what_was_hidden_for_a_while_in_numbers_is_no_evidence() -> None:
    book = a_book()
    sweeps = [(2.0, 3.0, frozenset[str]()), (4.0, 5.0, frozenset[str]())]
    book.act(Act("hide", "", who=("1",), of="staff"), 1.0)
    book.act(Act("hide_many", "", who=("2", "3"), of="staff"), 1.0)
    assert [book.is_evident(id, 10.0, sweeps) for id in "123"] == [True, False, False]
    assert not book.is_evident("1", 10.0, sweeps[:1])


def records(topic: str, *events: Frozen) -> list[Record]:
    return [
        Record(topic, 0, offset, "abbey", encode(event), {"ce_type": type_name(type(event))})
        for offset, event in enumerate(events)
    ]


def opened(sweep: int) -> SweepStarted:
    return SweepStarted(school="abbey", sweep=str(sweep), started_at=write(datetime.fromtimestamp(sweep, UTC)))


def ended(sweep: int) -> SweepCompleted:
    at = write(datetime.fromtimestamp(sweep, UTC))
    return SweepCompleted(
        school="abbey", sweep=str(sweep), started_at=at, completed_at=at, full=False, certificate=a_certificate([])
    )


def test_a_sweep_of_which_nothing_came_is_seen() -> None:
    read = records(STUDENTS_FETCHED, *(event for sweep in (1, 2, 3, 4) for event in (opened(sweep), ended(sweep))))
    taken = [SweepReconciled(school="abbey", sweep=str(one), version=1, outcome="certified") for one in (1, 2, 3, 4)]
    told = records(ACCOUNT_CHANGES, *taken)
    assert taken_of("abbey", told) == ["1", "2", "3", "4"]
    assert passed_over("abbey", read, told, 1.0) == []
    assert passed_over("abbey", read, told[:3], 1.0) == []  # the last may be on its way
    assert passed_over("abbey", read, [told[0], told[2]], 1.0) == ["2"]
    assert passed_over("abbey", read, [told[0], told[2]], 3.0) == []  # something may have struck then
    cut_off = records(STUDENTS_FETCHED, opened(1), opened(2), ended(1), ended(2), opened(3), ended(3))
    assert passed_over("abbey", cut_off, told[1:], 1.0) == []


def test_an_act_can_be_told() -> None:
    act = Act("correct", ADA, {"surname": "Beck"})
    assert str(act) == "correct 1 surname='Beck'"
    assert str(replace(act, kind="quit_set", fields={}, sets={"11": (BEA,)})) == "quit_set 1 set 11: 1"
