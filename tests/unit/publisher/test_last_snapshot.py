"""Whom Unitu has from us while outcomes are unknown, and each step of a tenant's state."""

import msgspec
import pytest

from services.publisher import transitions
from services.publisher.email_assignment import EmailRule
from services.publisher.last_snapshot import accounts_of, apply, difference, last_of, may_be_at_unitu, outstanding
from services.publisher.snapshot import Snapshot, take
from shared.contract.account_state import AccountState
from shared.contract.tenant_state import Adoption, RefusedSnapshot, Seat, TenantState, Unknown
from tests.unit.publisher.test_snapshot import person
from tests.unit.publisher.world import a_leaver, an_account, assessed

SENDS = EmailRule(sends=True)
REFUSAL = RefusedSnapshot(digest="d", refused_at="2026", status=422, message="m")


def seat(who: str, email: str = "", position: int = -1) -> Seat:
    return Seat(book="abbey", person=who, email=email, position=position)


def snapshot(state: TenantState, *accounts: AccountState, rule: EmailRule = SENDS) -> Snapshot:
    return take([person(one) for one in accounts], {}, [], last_of(state), rule, has_staff=False)


def people(*names: str) -> list[AccountState]:
    return [an_account(name, email=f"{name}@x") for name in names]


def announce(state: TenantState, position: int, *accounts: AccountState) -> TenantState:
    positions = {"abbey": position}
    return transitions.announced(state, snapshot(state, *accounts), positions, "2026-01-01", "2026-01-02")


def accept(state: TenantState, *accounts: AccountState) -> TenantState:
    known = [f"abbey/{one.student_id}" for one in accounts]
    after = transitions.taken(state, state.number, snapshot(state, *accounts), known, "2026-01-01", "2026-01-02")
    assert after is not None
    return after


def unsure(state: TenantState) -> TenantState:
    after = transitions.unsure(state, state.number, "2026-01-03")
    assert after is not None
    return after


def positions(state: TenantState) -> dict[str, list[tuple[str, int]]]:
    return {email: [(one.person, one.position) for one in seats] for email, seats in last_of(state).seats.items()}


EMPTY = TenantState(tenant="abbey")


@pytest.fixture
def state() -> TenantState:
    """a and b were accepted where the lane stood at 10."""
    return accept(announce(EMPTY, 10, *people("a", "b")), *people("a", "b"))


def test_an_accepted_snapshot_is_the_last_one(state: TenantState) -> None:
    assert positions(state) == {"a@x": [("a", 10)], "b@x": [("b", 10)]}
    assert state.intent is None
    assert state.unknown is None


def test_an_open_intent_is_in_the_last_snapshot(state: TenantState) -> None:
    after = announce(state, 20, *people("a", "c"))
    assert positions(after) == {"c@x": [("c", 20)], "a@x": [("a", 20)], "b@x": [("b", 10)]}


def test_unknown_outcomes_add_up(state: TenantState) -> None:
    """Each person stands at the last snapshot that had them, accepted or not."""
    state = unsure(announce(state, 20, *people("a", "b", "c")))
    state = unsure(announce(state, 30, *people("a", "d")))
    assert positions(state) == {
        "d@x": [("d", 30)],
        "c@x": [("c", 20)],
        "a@x": [("a", 30)],
        "b@x": [("b", 20)],
    }
    assert outstanding(state).positions == {"abbey": 30}
    state = accept(announce(state, 40, *people("a")), *people("a"))
    assert positions(state) == {"a@x": [("a", 40)]}


def test_an_intent_left_by_a_crash_is_unknown_when_the_next_is_written(state: TenantState) -> None:
    crashed = announce(state, 20, *people("a", "b", "c"))
    after = announce(crashed, 30, *people("a", "b"))
    assert after.number == crashed.number + 1
    assert set(last_of(after).seats) == {"a@x", "b@x", "c@x"}


def test_a_rejected_snapshot_may_be_there_in_part(state: TenantState) -> None:
    after = transitions.refused(announce(state, 20, *people("a", "c")), state.number + 1, REFUSAL)
    assert after is not None
    assert positions(after) == {"a@x": [("a", 20)], "b@x": [("b", 10)], "c@x": [("c", 20)]}


def test_a_withdrawn_intent_leaves_nothing(state: TenantState) -> None:
    after = transitions.withdrawn(announce(state, 20, *people("a", "b", "c")), state.number + 1, "2026")
    assert after is not None
    assert positions(after) == positions(state)
    assert after.number == state.number + 1


@pytest.mark.parametrize("number", [0, 1, 3])
def test_an_outcome_of_another_number_changes_nothing(state: TenantState, number: int) -> None:
    state = announce(state, 20, *people("a"))
    assert state.number == 2
    assert transitions.withdrawn(state, number, "2026") is None
    assert transitions.unsure(state, number, "2026") is None
    assert transitions.refused(state, number, REFUSAL) is None
    assert transitions.taken(state, number, snapshot(state), [], "2026", "2026") is None


def test_an_email_that_moved_between_people_has_both_while_it_is_unknown(state: TenantState) -> None:
    one = {"assessment": assessed()}  # b has come back under another id
    moved = unsure(announce(state, 20, *people("a"), an_account("z", email="b@x", **one), a_leaver("b", 15, **one)))
    assert positions(moved)["b@x"] == [("z", 20), ("b", 10)]
    assert last_of(moved).holder("b@x") == "abbey/z"
    back = unsure(announce(moved, 30, *people("a", "b")))
    assert positions(back)["b@x"][0] == ("b", 30)
    assert last_of(back).holder("b@x") == "abbey/b"


def test_the_emails_of_a_person_come_newest_first(state: TenantState) -> None:
    state = unsure(announce(state, 20, an_account("a", email="A2@x"), *people("b")))
    assert last_of(state).emails == {"abbey/a": ("A2@x", "a@x"), "abbey/b": ("b@x",)}


def test_who_is_out_of_the_roster_is_remembered_while_they_are_known(state: TenantState) -> None:
    after = announce(state, 20, *people("a"))
    kept = transitions.taken(after, 2, snapshot(after, *people("a")), ["abbey/a", "abbey/b"], "2026", "2026")
    forgotten = transitions.taken(after, 2, snapshot(after, *people("a")), ["abbey/a"], "2026", "2026")
    assert kept is not None
    assert kept.former == {"abbey/b": "b@x"}
    assert forgotten is not None
    assert forgotten.former == {}
    returned = accept(announce(kept, 30, *people("a", "b")), *people("a", "b"))
    assert returned.former == {}


def test_a_release_is_used_up_by_the_snapshot_that_carries_it(state: TenantState) -> None:
    state = transitions.released(state, {"abbey/a": "a2@x", "abbey/b": "b2@x"})
    accounts = [an_account("a", email="A2@x"), an_account("b", email="b3@x")]
    rule = EmailRule(releases=state.email_releases)
    after = transitions.announced(state, snapshot(state, *accounts, rule=rule), {"abbey": 20}, "2026", "2026")
    shot = snapshot(after, *accounts, rule=rule)
    done = transitions.taken(after, 2, shot, ["abbey/a", "abbey/b"], "2026", "2026")
    assert done is not None
    assert set(done.roster) == {"a2@x", "b@x"}
    assert done.email_releases == {"abbey/b": "b2@x"}


def test_difference_and_apply_are_inverse(state: TenantState) -> None:
    new = {"a@x": seat("a", "A@x"), "c@x": seat("c")}
    gained, lost = difference(state, new)
    assert apply(state.roster, gained, lost) == new


ADOPTION = Adoption(
    adopted_at="2026-01-01T12",
    bound="",
    roster_hash="",
    roster_count=0,
    disabled_count=0,
    schools=(),
    staff=False,
    url="",
)


def test_an_adopted_roster_is_the_last_snapshot(state: TenantState) -> None:
    unknown = unsure(announce(state, 20, *people("a", "b", "c")))
    after = transitions.adopted(unknown, ADOPTION, {"d@x": seat("d")}, {"abbey": 5})
    assert positions(after) == {"d@x": [("d", 5)]}


def test_a_post_that_may_still_be_accepted_outlives_an_adoption(state: TenantState) -> None:
    posting = announce(state, 20, *people("a", "c"))  # over at 2026-01-02
    after = transitions.adopted(posting, ADOPTION, {"a@x": seat("a"), "d@x": seat("d")}, {"abbey": 5})
    assert set(last_of(after).seats) == {"a@x", "c@x", "d@x"}
    accepted = accept(after, *people("a", "c"))
    assert set(accepted.roster) == {"a@x", "c@x"}
    late = Adoption(
        **{name: getattr(ADOPTION, name) for name in ADOPTION.__struct_fields__} | {"adopted_at": "2026-01-03"}
    )
    assert transitions.adopted(posting, late, {"d@x": seat("d")}, {}).intent is None


def late(state: TenantState, number: int, *names: str) -> TenantState | None:
    """A POST of this number ends, whose snapshot had these people when the lane stood at 15."""
    roster = snapshot(EMPTY, *people(*names)).roster
    return transitions.overtaken(state, number, roster, {"abbey": 15}, "2026-01-05")


def test_an_overtaken_snapshot_may_be_applied_last_and_the_newest_goes_again(state: TenantState) -> None:
    newer = accept(announce(state, 20, *people("a", "b")), *people("a", "b"))
    after = late(newer, 1, "a", "c")
    assert after is not None
    assert positions(after) == {"a@x": [("a", 20)], "b@x": [("b", 20)], "c@x": [("c", 15)]}
    assert (after.resend_at, after.overtaken) == ("2026-01-05", 2)
    again = accept(announce(after, 30, *people("a", "b")), *people("a", "b"))
    assert positions(again) == {"a@x": [("a", 30)], "b@x": [("b", 30)]}


def test_a_post_that_was_under_way_when_an_older_one_ended_settles_nothing(state: TenantState) -> None:
    """The older one may be applied after both: who is in it, and who is in neither, may be there."""
    posting = announce(state, 20, *people("a"))
    after = late(posting, 1, "a", "b", "c")
    assert after is not None
    accepted = accept(after, *people("a"))
    assert set(last_of(accepted).seats) == {"a@x", "b@x", "c@x"}
    assert accepted.resend_at == "2026-01-01"  # at once
    assert late(posting, posting.number, "a") is None


def test_an_adopted_roster_counts_as_there_once_anything_was_sent() -> None:
    adopted = transitions.adopted(EMPTY, ADOPTION, {"a@x": seat("a"), "b@x": seat("b")}, {}, ("a@x", "head@x"))
    assert accounts_of(adopted) == {"a@x", "head@x"}
    assert may_be_at_unitu(adopted) == {"a@x", "b@x", "head@x"}
    assert accounts_of(unsure(announce(adopted, 5, *people("a", "b")))) == {"a@x", "b@x", "head@x"}


def test_every_roster_that_was_adopted_may_be_there_until_one_is_accepted() -> None:
    state = EMPTY
    for name in "abc":
        state = transitions.adopted(state, ADOPTION, {f"{name}@x": seat(name)}, {}, ())
    assert may_be_at_unitu(state) == {"a@x", "b@x", "c@x"}
    assert state.earlier == ("a@x", "b@x")
    assert may_be_at_unitu(accept(announce(state, 5, *people("c")), *people("c"))) == {"c@x"}


def test_a_newer_list_goes_before_an_older_ones_spelling() -> None:
    state = transitions.adopted(EMPTY, ADOPTION, {}, {}, (), spellings=["A@x", "B@x"])
    state = transitions.adopted(state, ADOPTION, {}, {}, (), spellings=["a@X"])
    assert state.spellings == ("a@X", "B@x")
    assert [last_of(state).spelled(email) for email in ("a@x", "b@x", "C@x")] == ["a@X", "B@x", "C@x"]


def test_a_confirmed_key_needs_an_adoption() -> None:
    assert transitions.key_confirmed(EMPTY, "k") is None
    after = transitions.key_confirmed(transitions.adopted(EMPTY, ADOPTION, {}, {}), "k")
    assert after is not None
    assert after.adoption is not None
    assert after.adoption.fingerprint == "k"


def test_staff_stand_where_the_lane_of_their_school_stood() -> None:
    roster = {"t@x": Seat(book="abbey+staff", person="9")}
    state = TenantState(tenant="abbey", roster=roster, positions={"abbey": 5})
    assert last_of(state).seats["t@x"][0].position == 5
    later = msgspec.structs.replace(state, unknown=Unknown(positions={"abbey": 8}))
    assert last_of(later).seats["t@x"][0].position == 8
