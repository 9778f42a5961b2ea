"""The stories of the staff and their oracle, pure as those of the students are."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from shared.contract.model import Kind
from tests.soak.audit import EXPLAINED, UNSEEN, Book
from tests.soak.expected import Act, Json, Truth, rounds_of, school_of, truth_of
from tests.soak.faults import STAFF as STAFF_FAULTS
from tests.soak.faults import shut_lists, staff_faults
from tests.soak.reference_model import StaffOracle
from tests.soak.staff import KINDS, MOST, email_of, employ, has_staff, staff_of, staff_rounds_of
from tests.soak.test_oracle import ADA, ROUNDS, SEEDS, Told, as_unitu

HARMLESS = ("correct", "hide_many", "quit_set", "move_set", "teach")  # they free no e-mail and want none


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
    assert set(kinds) == set(KINDS)
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
    assert MOST["vanish"] + MOST["hide"] <= UNSEEN
    assert MOST["leave"] <= EXPLAINED[0]
    for seed, school, rounds in staff_stories():
        drawn = Counter(act.kind for acts in rounds for act in acts)
        assert all(drawn[kind] <= most for kind, most in MOST.items())
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
    book.released |= dict.fromkeys(ids, 2.5)  # too late
    assert book.beyond(gone) == set(ids)
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
