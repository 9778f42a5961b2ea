"""The stories, the faults and the oracle themselves: pure, so that a schedule that fails is the product's fault."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.clock import write
from shared.contract.codec import Record, encode, type_name
from shared.contract.events import SweepCompleted, SweepReconciled, SweepStarted
from shared.contract.model import Frozen
from shared.contract.topics import ACCOUNT_CHANGES, STUDENTS_FETCHED
from tests.harness.builders import a_certificate
from tests.soak.audit import is_evident, opened_twice, passed_over, taken_of
from tests.soak.expected import BLANKED, KINDS, MOST, Act, Truth, Where, rounds_of, school_of, truth_of
from tests.soak.faults import common_fault, own_faults
from tests.soak.reference_model import Oracle

SEEDS = range(1, 201)
ROUNDS = 3  # as `make soak` plays them


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
        pytest.param("vanish", [(0, 1.123, ()), (4, 5, ())], True, id="one ended in the same millisecond"),
        pytest.param("vanish", [(0, 1.122, ()), (4, 5, ())], False, id="one ended before"),
        pytest.param("vanish", [(2, 3, ()), (4, 11, ())], False, id="one ended too late"),
    ],
)
def test_what_evidence_is(kind: str, sweeps: list[tuple[float, float, tuple[str, ...]]], is_proof: bool) -> None:
    told = [(start, end, frozenset(roll)) for start, end, roll in sweeps]
    assert is_evident(ADA, 1.1234, kind, 10.0, told) is is_proof


def records(topic: str, *events: Frozen, book: str = "abbey") -> list[Record]:
    return [
        Record(topic, 0, offset, book, encode(event), {"ce_type": type_name(type(event))})
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


def test_a_sweep_that_was_opened_in_both_books_is_seen() -> None:
    students = records(STUDENTS_FETCHED, opened(1), ended(1), opened(2))
    both = ["abbey", "abbey+staff"]
    assert opened_twice(both, students + records(STUDENTS_FETCHED, opened(3), ended(3), book="abbey+staff")) == set()
    assert opened_twice(both, students + records(STUDENTS_FETCHED, opened(2), book="abbey+staff")) == {"2"}
    assert opened_twice(both, students + records(STUDENTS_FETCHED, opened(2), book="northern")) == set()


def test_an_act_can_be_told() -> None:
    act = Act("correct", ADA, {"surname": "Beck"})
    assert str(act) == "correct 1 surname='Beck'"
    assert str(replace(act, kind="quit_set", fields={}, sets={"11": (BEA,)})) == "quit_set 1 set 11: 1"
