"""Every clause of the three laws, on both sides: what goes, and what each one alone would have stopped."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from services.publisher.email_assignment import EmailRule
from services.publisher.facts import Facts, LaneFacts, caught_up, whole
from services.publisher.last_snapshot import Last, last_of
from services.publisher.safety import judge
from services.publisher.snapshot import Fixed, take
from services.publisher.verdict import Hold, Send, Verdict, Wait
from shared.contract.account_state import AccountState, SchoolState
from shared.contract.tenant_state import Adoption, Seat, TenantState
from tests.unit.publisher.test_snapshot import person
from tests.unit.publisher.world import a_leaver, a_school, an_account, an_employee, an_employee_who_left, assessed

URL = "https://unitu.example/v1/sync"
ADOPTED = Adoption(
    adopted_at="2026",
    bound="b",
    roster_hash="h",
    roster_count=2,
    disabled_count=0,
    schools=("abbey",),
    staff=False,
    url=URL,
    shared_ids=("abbey / abbey+staff",),
)
WHOLE = {"students": 60, "structure": 60, "sets": 60}
POSITION = 50  # where abbey's lane stood in the last snapshot


class Case:
    """A sound case: two students in the last snapshot, both in this one. Each test changes one thing."""

    def __init__(self) -> None:
        self.accounts: list[AccountState] = [an_account("1", 10), an_account("2", 11)]
        self.states = {"abbey": a_school(60, full_offset=60)}
        self.lanes = {"abbey": 0}
        self.lane_facts = {0: LaneFacts(position=61)}
        self.has_staff = False
        self.url = URL
        self.roster = {
            "s1@abbey.example": Seat(book="abbey", person="1"),
            "s2@abbey.example": Seat(book="abbey", person="2"),
        }
        self.state = TenantState(
            tenant="abbey", roster=self.roster, positions={"abbey": POSITION}, adoption=ADOPTED, number=3
        )
        self.rule = EmailRule()
        self.fixed: list[Fixed] = []
        self.releases: tuple[str, ...] = ()
        self.is_live = True
        self.is_counted = True

    def facts(self) -> Facts:
        people = {one.ref: one for one in (person(state) for state in self.accounts)}
        there = Counter(one.book for one in people.values() if one.status == "enabled")
        states = {
            book: msgspec.structs.replace(state, enabled=there[book]) if self.is_counted else state
            for book, state in self.states.items()
        }
        return Facts(
            schools=tuple(sorted(self.lanes)),
            states=states,
            lanes=self.lanes,
            lane_facts=self.lane_facts,
            people=people,
            has_staff=self.has_staff,
            url=self.url,
        )

    def judge(self) -> Verdict:
        facts, last = self.facts(), last_of(self.state)
        snapshot = take(facts.people.values(), {}, self.fixed, last, self.rule, has_staff=self.has_staff)
        positions = self.state.positions
        adoption = self.state.adoption
        return judge(facts, snapshot, last, positions, adoption, self.rule, self.releases, is_live=self.is_live)

    def with_staff(self) -> None:
        """Employee 2 beside student 2, and staff managed, certified and adopted."""
        self.has_staff = True
        self.accounts += [an_employee("2", 12), an_employee("3", 13)]
        self.states["abbey+staff"] = a_school(60, kind="staff")
        self.roster = self.roster | {
            f"t{number}@abbey.example": Seat(book="abbey+staff", person=number) for number in "23"
        }
        self.with_state(roster=self.roster, adoption=msgspec.structs.replace(ADOPTED, staff=True))

    def with_state(self, **changes: Any) -> None:
        self.state = msgspec.structs.replace(self.state, **changes)


@pytest.fixture
def case() -> Case:
    return Case()


def codes(verdict: Verdict) -> list[str]:
    assert isinstance(verdict, Hold | Wait)
    return [reason.code for reason in verdict.reasons]


def who(verdict: Verdict) -> list[tuple[str, str]]:
    assert isinstance(verdict, Hold | Wait)
    return [(one.person, one.reason) for one in verdict.who]


def test_a_sound_snapshot_goes(case: Case) -> None:
    assert case.judge() == Send()


def test_a_joiner_goes(case: Case) -> None:
    case.accounts.append(an_account("3", 55))
    assert case.judge() == Send()


# --- never partial: the view -----------------------------------------------------------------------------------------


def test_a_school_that_was_never_shown_waits(case: Case) -> None:
    case.states = {}
    assert isinstance(case.judge(), Wait)
    assert codes(case.judge()) == ["school_unknown"]


def test_one_unknown_school_of_two_holds_the_tenant_up(case: Case) -> None:
    case.lanes["borough"] = 1
    case.lane_facts[1] = LaneFacts(position=5)
    case.with_state(adoption=msgspec.structs.replace(ADOPTED, schools=("abbey", "borough")))
    assert codes(case.judge()) == ["school_unknown"]
    case.states["borough"] = a_school(4, school="borough")
    assert case.judge() == Send()


def test_a_school_without_a_certified_sweep_waits(case: Case) -> None:
    case.states["abbey"] = a_school(60, certified=None)
    assert isinstance(case.judge(), Wait)
    assert codes(case.judge()) == ["not_certified"]


def test_an_area_that_was_never_certified_waits(case: Case) -> None:
    case.states["abbey"] = a_school(60, areas={"structure": 60})
    assert codes(case.judge()) == ["students_not_certified"]


@pytest.mark.parametrize(
    ("staff", "is_sound"),
    [
        pytest.param(None, False, id="never shown"),
        pytest.param(a_school(60, kind="staff", certified=None), False, id="no certified sweep"),
        pytest.param(a_school(60, kind="staff", areas={"sets": 60}), False, id="certified without the area"),
        pytest.param(a_school(60, kind="staff"), True, id="certified"),
    ],
)
def test_managed_staff_need_their_own_certificate(case: Case, staff: SchoolState | None, is_sound: bool) -> None:
    case.with_staff()
    case.states["abbey"] = a_school(60, areas=WHOLE | {"staff": 60})  # the students' proves nothing of them
    del case.states["abbey+staff"]
    if staff is not None:
        case.states["abbey+staff"] = staff
    verdict = case.judge()
    assert (verdict == Send()) == is_sound
    if not is_sound:
        assert isinstance(verdict, Wait)
        assert [(one.code, one.school) for one in verdict.reasons] == [("staff_not_certified", "abbey")]


def test_staff_of_each_school_of_a_tenant_are_waited_for(case: Case) -> None:
    case.with_staff()
    case.lanes["borough"] = 1
    case.lane_facts[1] = LaneFacts(position=5)
    case.states["borough"] = a_school(4, school="borough")
    case.with_state(adoption=msgspec.structs.replace(ADOPTED, schools=("abbey", "borough"), staff=True))
    verdict = case.judge()
    assert isinstance(verdict, Wait)
    assert [(one.code, one.school) for one in verdict.reasons] == [("staff_not_certified", "borough")]


def test_certified_staff_do_not_stand_for_the_students(case: Case) -> None:
    case.with_staff()
    del case.states["abbey"]
    assert codes(case.judge()) == ["school_unknown"]


def test_a_view_that_is_being_read_anew_waits(case: Case) -> None:
    case.lane_facts[0] = LaneFacts(position=61, is_whole=False)
    assert codes(case.judge()) == ["view_incomplete"]


def test_a_lane_that_nobody_keeps_waits(case: Case) -> None:
    case.lane_facts = {}
    assert codes(case.judge()) == ["view_incomplete"]


def test_a_lane_whose_position_was_never_told_waits(case: Case) -> None:
    case.lane_facts[0] = LaneFacts(position=-1)
    assert codes(case.judge()) == ["school_unknown"]


@pytest.mark.parametrize(("position", "verdict"), [(POSITION - 1, Wait), (POSITION, Send), (POSITION + 1, Send)])
def test_a_view_behind_the_last_snapshot_waits(case: Case, position: int, verdict: type[Verdict]) -> None:
    case.lane_facts[0] = LaneFacts(position=position)
    assert isinstance(case.judge(), verdict)


# --- never partial: the e-mails --------------------------------------------------------------------------------------


def test_a_leaver_with_evidence_after_the_last_snapshot_goes(case: Case) -> None:
    case.accounts[1] = a_leaver("2", POSITION)
    assert case.judge() == Send()


def test_evidence_before_the_last_snapshot_that_had_them_holds(case: Case) -> None:
    """A stale owner's late record: the person was there after it was decided."""
    case.accounts[1] = a_leaver("2", POSITION - 1)
    verdict = case.judge()
    assert isinstance(verdict, Hold)
    assert who(verdict) == [("2", "evidence_before_last_snapshot")]


def test_what_counts_is_where_the_evidence_stands_not_the_record(case: Case) -> None:
    case.accounts[1] = a_leaver("2", POSITION + 9, evidence_at=POSITION - 1)
    assert who(case.judge()) == [("2", "evidence_before_last_snapshot")]


def test_a_disable_without_evidence_holds(case: Case) -> None:
    case.accounts[1] = an_account("2", 60, status="disabled")
    assert who(case.judge()) == [("2", "no_evidence")]


def test_a_person_who_is_no_longer_known_holds(case: Case) -> None:
    del case.accounts[1]
    assert who(case.judge()) == [("2", "account_unknown")]


def test_an_account_that_never_was_holds(case: Case) -> None:
    case.accounts[1] = an_account("2", 60, status="none")
    assert who(case.judge()) == [("2", "not_disabled")]


def test_an_enabled_account_that_found_no_place_holds(case: Case) -> None:
    case.with_state(roster=case.roster | {"t@x": Seat(book="abbey", person="3")})
    case.accounts.append(an_account("3", 60, email=""))
    facts = case.facts()
    snapshot = take(facts.people.values(), {}, [], Last(), EmailRule(), has_staff=False)
    verdict = judge(facts, snapshot, last_of(case.state), {}, ADOPTED, EmailRule(), is_live=True)
    assert who(verdict) == [("3", "not_disabled")]


def test_an_employee_who_left_with_evidence_goes_and_the_student_of_that_number_stays(case: Case) -> None:
    case.with_staff()
    assert case.judge() == Send()
    case.accounts[2] = an_employee_who_left("2", POSITION)
    assert case.judge() == Send()


def test_the_evidence_of_a_student_says_nothing_of_the_employee_of_that_number(case: Case) -> None:
    case.with_staff()
    case.accounts[1:3] = [a_leaver("2", POSITION)]
    verdict = case.judge()
    assert isinstance(verdict, Hold)
    assert [(one.kind, one.person, one.reason) for one in verdict.who] == [("staff", "2", "account_unknown")]


def test_student_and_staff_that_are_missing_are_counted_apart(case: Case) -> None:
    case.with_staff()
    del case.accounts[1:3]
    verdict = case.judge()
    assert isinstance(verdict, Hold)
    assert [(one.code, one.school, one.count) for one in verdict.reasons] == [("account_unknown", "abbey", 1)] * 2
    assert [one.message.split(" ")[1] for one in verdict.reasons] == ["were", "staff"]


def test_staff_that_are_no_longer_managed_are_not_dropped_silently(case: Case) -> None:
    """Not even those who left: nobody looks at their records any more."""
    case.with_staff()
    case.accounts[2] = an_employee_who_left("2", POSITION)
    case.has_staff = False
    verdict = case.judge()
    assert isinstance(verdict, Hold)
    assert {(one.kind, one.reason) for one in verdict.who} == {("staff", "staff_not_managed")}


def test_an_email_that_is_carried_for_another_is_not_missing(case: Case) -> None:
    del case.accounts[1]
    case.accounts += [
        an_account("9", 60, email="S2@abbey.example", assessment=assessed("9")),
        a_leaver("2", 60, assessment=assessed("2")),  # the same pupil, under another id
    ]
    assert case.judge() == Send()


def test_counts_do_not_matter(case: Case) -> None:
    """As many as before, but one of them another."""
    case.accounts[1] = an_account("3", 60)
    assert who(case.judge()) == [("2", "account_unknown")]


def test_everybody_who_is_missing_is_told(case: Case) -> None:
    case.accounts = [an_account("1", 60, status="disabled")]
    verdict = case.judge()
    assert who(verdict) == [("1", "no_evidence"), ("2", "account_unknown")]
    assert isinstance(verdict, Hold)
    assert sorted((reason.code, reason.school, reason.count) for reason in verdict.reasons) == [
        ("account_unknown", "abbey", 1),
        ("no_evidence", "abbey", 1),
    ]


def test_no_reason_names_a_person(case: Case) -> None:
    case.accounts = []
    verdict = case.judge()
    assert isinstance(verdict, Hold)
    assert not any("@" in reason.message for reason in verdict.reasons)


@pytest.mark.parametrize(
    ("rule", "verdict"),
    [
        (EmailRule(releases={"abbey/2": "new@x"}), Send),
        (EmailRule(sends=True), Send),
        (EmailRule(), Send),  # held: the old e-mail is sent, and nothing is missing
    ],
)
def test_an_email_that_changes_costs_nobody_an_account(case: Case, rule: EmailRule, verdict: type[Verdict]) -> None:
    case.accounts[1] = an_account("2", 60, email="new@x")
    case.rule = rule
    assert isinstance(case.judge(), verdict)


def test_an_email_that_moved_without_release_holds(case: Case) -> None:
    """A snapshot made under another rule than the one it is judged by."""
    case.accounts[1] = an_account("2", 60, email="new@x")
    facts, last = case.facts(), last_of(case.state)
    snapshot = take(facts.people.values(), {}, [], last, EmailRule(sends=True), has_staff=False)
    verdict = judge(facts, snapshot, last, {}, ADOPTED, EmailRule(), is_live=True)
    assert who(verdict) == [("2", "email_moved")]


def test_of_two_emails_that_unitu_may_have_one_may_go(case: Case) -> None:
    facts = case.facts()
    seats = {
        "s1@abbey.example": (Seat(book="abbey", person="1", position=POSITION),),
        "maybe@x": (Seat(book="abbey", person="1", position=POSITION),),
    }
    last = Last(seats, {"abbey/1": ("maybe@x", "s1@abbey.example")})
    snapshot = take(facts.people.values(), {}, [], last, EmailRule(), has_staff=False)
    assert "maybe@x" not in snapshot.roster
    assert judge(facts, snapshot, last, {}, ADOPTED, EmailRule(), is_live=True) == Send()


def test_a_protected_record_that_was_taken_out_holds(case: Case) -> None:
    case.with_state(roster=case.roster | {"head@x": Seat(book="", person="head@x")})
    assert who(case.judge()) == [("head@x", "protected_record_removed")]
    case.fixed = [Fixed("student", "Head@x", b'{"email":"Head@x"}')]
    assert case.judge() == Send()


def test_a_school_that_was_taken_out_of_the_tenant_holds(case: Case) -> None:
    case.with_state(roster=case.roster | {"s5@x": Seat(book="borough", person="5")})
    assert who(case.judge()) == [("5", "account_unknown")]


# --- the first snapshot is a decision --------------------------------------------------------------------------------


def test_a_live_tenant_that_nobody_adopted_holds(case: Case) -> None:
    case.with_state(adoption=None)
    verdict = case.judge()
    assert isinstance(verdict, Hold)
    assert codes(verdict) == ["not_adopted"]


def test_a_dry_run_needs_no_adoption(case: Case) -> None:
    case.with_state(adoption=None)
    case.is_live = False
    assert case.judge() == Send()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"schools": ()}, "school_added"),
        ({"schools": ("borough",)}, "school_added"),
        ({"url": "https://elsewhere.example/v1/sync"}, "address_changed"),
    ],
)
def test_what_was_not_shown_was_not_adopted(case: Case, changes: Mapping[str, Any], code: str) -> None:
    case.with_state(adoption=msgspec.structs.replace(ADOPTED, **changes))
    assert codes(case.judge()) == [code]


def test_staff_that_became_managed_need_another_yes(case: Case) -> None:
    case.with_staff()
    case.with_state(adoption=ADOPTED)
    assert codes(case.judge()) == ["staff_added"]


def test_a_yes_to_more_schools_than_there_are_still_counts(case: Case) -> None:
    case.with_state(adoption=msgspec.structs.replace(ADOPTED, schools=("abbey", "closed")))
    assert case.judge() == Send()


# --- after a rebuild, look before you speak --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rebuilt_offset", "full_offset", "verdict"),
    [(-1, -1, Send), (61, 60, Wait), (60, 60, Send), (60, -1, Wait), (50, 60, Send)],
)
def test_after_a_rebuild_a_snapshot_that_lacks_somebody_waits_for_a_full_sweep(
    case: Case, rebuilt_offset: int, full_offset: int, verdict: type[Verdict]
) -> None:
    case.accounts[1] = a_leaver("2", POSITION + 5)
    case.lane_facts[0] = LaneFacts(position=61, rebuilt_offset=rebuilt_offset, rebuild="r")
    case.states["abbey"] = a_school(60, full_offset=full_offset)
    assert isinstance(case.judge(), verdict)


def test_after_a_rebuild_the_others_go(case: Case) -> None:
    case.lane_facts[0] = LaneFacts(position=61, rebuilt_offset=61, rebuild="r")
    case.accounts.append(an_account("3", 60))
    assert case.judge() == Send()


def test_after_a_rebuild_even_the_unexplained_waits_first(case: Case) -> None:
    del case.accounts[1]
    case.lane_facts[0] = LaneFacts(position=61, rebuilt_offset=61, rebuild="r")
    verdict = case.judge()
    assert isinstance(verdict, Wait)
    assert who(verdict) == [("2", "after_rebuild")]


def test_any_rebuilt_school_of_the_tenant_counts(case: Case) -> None:
    case.lanes["borough"] = 1
    case.lane_facts[1] = LaneFacts(position=9, rebuilt_offset=9, rebuild="r")
    case.states["borough"] = a_school(4, school="borough", full_offset=4)
    case.with_state(adoption=msgspec.structs.replace(ADOPTED, schools=("abbey", "borough")))
    case.accounts[1] = a_leaver("2", POSITION + 5)
    assert codes(case.judge()) == ["after_rebuild"]
    case.states["borough"] = a_school(9, school="borough", full_offset=9)
    assert case.judge() == Send()


@pytest.mark.parametrize("behind", ["abbey", "abbey+staff"])
def test_after_a_rebuild_each_book_needs_a_full_sweep_of_its_own(case: Case, behind: str) -> None:
    case.with_staff()
    case.accounts[1] = a_leaver("2", POSITION + 5)
    case.lane_facts[0] = LaneFacts(position=61, rebuilt_offset=60, rebuild="r")
    assert case.judge() == Send()
    case.states[behind] = msgspec.structs.replace(case.states[behind], full_offset=59)
    verdict = case.judge()
    assert isinstance(verdict, Wait)
    [reason] = verdict.reasons
    assert (reason.code, reason.school) == ("after_rebuild", "abbey")
    assert ("staff" in reason.message) == (behind != "abbey")


@pytest.mark.parametrize(("rebuild", "verdict"), [("r", Send), ("another", Wait)])
def test_an_adoption_after_the_rebuild_lifts_it(case: Case, rebuild: str, verdict: type[Verdict]) -> None:
    case.accounts[1] = a_leaver("2", POSITION + 5)
    case.lane_facts[0] = LaneFacts(position=61, rebuilt_offset=61, rebuild="r")
    case.with_state(adoption=msgspec.structs.replace(ADOPTED, rebuilds={"0": rebuild}))
    assert isinstance(case.judge(), verdict)


def test_what_is_whole_and_caught_up_can_be_asked_alone(case: Case) -> None:
    assert whole(case.facts()) is None
    assert caught_up(case.facts(), {"abbey": 61}) is None
    assert caught_up(case.facts(), {"abbey": 62, "gone": 99}) is not None
    assert whole(replace(case.facts(), states={})) is not None
