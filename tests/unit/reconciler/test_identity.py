"""Who seems to have come back under another id: held for a person, and remembered until the heir is gone."""

from pathlib import Path
from typing import Any

import pytest

from services.reconciler.changed_ids import DAYS, Directory, is_unpaired, mark
from services.reconciler.hold_hash import plan_hash
from shared.contract.account_state import Absence, AccountState, StagedDisable
from shared.contract.codec import decoder, encode
from shared.contract.commands import RefuseHold, ReleaseHold
from shared.contract.events import AccountDisabled, AccountProvisioned, RemovalHeld
from shared.contract.model import Student
from shared.contract.person import Identity
from shared.structs import replace
from tests.harness.builders import SCHOOL, a_leaver, a_student, a_sweep, at
from tests.harness.pipeline import Road, a_config
from tests.unit.reconciler.accounts import ONE, disabled, eligible, enabled, never_had_one

OTHER, THIRD = "3050000002", "3050000003"
BORN = "2010-03-04"
UPN, OTHER_UPN = "H801200001001", "H801200001002"
STAGED = StagedDisable(digest="d" * 32, offset=1)
NOW_ABSENT = Absence(sweep="s9", started_at=at(120))
BEFORE_ABSENT = Absence(sweep="s8", started_at=at(60))
WEEK = DAYS * 24 * 60
NAMES = ("first_name", "last_name", "preferred_name", "unique_pupil_number", "person_guid", "feed_id")


def known(student_id: str, state: Any = enabled, born: str | None = BORN, **fields: Any) -> AccountState:
    names = {name: fields.pop(name) for name in NAMES if name in fields}
    found: AccountState = state(student_id, assessment=eligible(student_id, date_of_birth=born, **names), **fields)
    return found


def joiner(student_id: str = OTHER, **fields: Any) -> tuple[AccountState, AccountState]:
    """Before and after the close that first has them in its roll."""
    after = known(student_id, **fields)
    return replace(after, in_roll=False), after


def marked(
    before: dict[str, AccountState], after: dict[str, AccountState], completed_at: str = at(121)
) -> dict[str, AccountState]:
    roll = {student for student, state in after.items() if state.in_roll}
    return mark(before, after, roll, completed_at)


GONE = known(ONE, staged=STAGED, in_roll=False)


@pytest.mark.parametrize(
    ("gone", "there", "other"),
    [
        pytest.param(GONE, {}, OTHER, id="left by a record"),
        pytest.param(known(ONE, absence=NOW_ABSENT, in_roll=False), {}, OTHER, id="missing for the first time"),
        pytest.param(known(ONE, absence=BEFORE_ABSENT, in_roll=False), {}, OTHER, id="missing since an earlier sweep"),
        pytest.param(known(ONE), {}, None, id="still there"),
        pytest.param(known(ONE, disabled, absence=NOW_ABSENT), {}, None, id="disabled long ago"),
        pytest.param(GONE, {"born": "2010-03-05"}, None, id="another birth date"),
        pytest.param(GONE, {"first_name": "Bea"}, OTHER, id="another first name"),
        pytest.param(GONE, {"last_name": "Moss"}, OTHER, id="another surname"),
        pytest.param(GONE, {"first_name": "Bea", "last_name": "Moss"}, None, id="somebody else of the same day"),
        pytest.param(GONE, {"first_name": "ÁDA ", "last_name": "fern"}, OTHER, id="another spelling"),
        pytest.param(known(ONE, staged=STAGED, born=None), {"born": None}, None, id="nothing known of either"),
        pytest.param(
            known(ONE, staged=STAGED, born=None, feed_id="n-17"), {"born": None, "feed_id": "n-17"}, OTHER, id="feed id"
        ),
        pytest.param(
            known(ONE, staged=STAGED, unique_pupil_number=UPN),
            {"unique_pupil_number": UPN, "first_name": "Bea", "last_name": "Moss", "born": None},
            OTHER,
            id="one pupil number",
        ),
        pytest.param(
            known(ONE, staged=STAGED, unique_pupil_number=UPN),
            {"unique_pupil_number": OTHER_UPN},
            None,
            id="two pupil numbers",
        ),
        pytest.param(GONE, {"state": never_had_one}, None, id="without a name yet"),
    ],
)
def test_a_leaver_has_the_joiner_who_seems_to_be_the_same_as_their_other_id(
    gone: AccountState, there: dict[str, Any], other: str | None
) -> None:
    before, after = joiner(**{key: value for key, value in there.items() if key != "state"})
    if "state" in there:
        before = after = never_had_one(OTHER)
    found = marked({ONE: gone, OTHER: before}, {ONE: gone, OTHER: after})
    assert found[ONE].other_id == other
    assert found[OTHER].other_id is None


def test_what_a_leavers_record_no_longer_says_is_looked_up_in_the_account() -> None:
    who = Identity(first_names=("Ada",), last_name="Fern", date_of_birth=BORN)
    gone = known(ONE, staged=STAGED, born=None, in_roll=False, identity=who)
    before, after = joiner()
    assert marked({ONE: gone, OTHER: before}, {ONE: gone, OTHER: after})[ONE].other_id == OTHER


@pytest.mark.parametrize(
    ("there", "is_heir"),
    [
        pytest.param(known(OTHER), False, id="has been here for long"),
        pytest.param(known(OTHER, spent={"create": at(121 - WEEK + 1)}), True, id="made within the week"),
        pytest.param(known(OTHER, spent={"create": at(121 - WEEK)}), False, id="made a week ago"),
        pytest.param(known(OTHER, spent={"move": at(100)}), False, id="something else of the week"),
        pytest.param(known(OTHER, never_had_one, create=3), True, id="staged as a new account"),
        pytest.param(known(OTHER, waits_for_email=f"s{ONE}@abbey.example"), True, id="waits for the leaver's e-mail"),
        pytest.param(known(OTHER, waits_for_email="free@abbey.example"), False, id="waits for another"),
        pytest.param(known(OTHER, disabled, in_roll=True, spent={"create": at(100)}), False, id="is off by now"),
        pytest.param(known(OTHER, in_roll=False, spent={"create": at(100)}), False, id="is not on the roll"),
        pytest.param(known(OTHER, staged=STAGED, spent={"create": at(100)}), False, id="leaves too"),
    ],
)
def test_who_came_before_the_leaver_went_may_be_the_heir(there: AccountState, is_heir: bool) -> None:
    found = marked({ONE: GONE, OTHER: there}, {ONE: GONE, OTHER: there})
    assert found[ONE].other_id == (OTHER if is_heir else None)


def test_nobody_is_their_own_other_id() -> None:
    back = known(ONE, staged=STAGED)
    assert marked({ONE: replace(back, in_roll=False)}, {ONE: back})[ONE].other_id is None


@pytest.mark.parametrize("order", [(OTHER, THIRD), (THIRD, OTHER)])
def test_of_two_joiners_the_first_by_id_is_named(order: tuple[str, str]) -> None:
    before = {ONE: GONE} | {id: joiner(id)[0] for id in order}
    after = {ONE: GONE} | {id: joiner(id)[1] for id in order}
    assert marked(before, after)[ONE].other_id == OTHER


@pytest.mark.parametrize(
    ("surer", "less"),
    [
        pytest.param({}, {"last_name": "Moss"}, id="both names than the first"),
        pytest.param({"last_name": "Moss"}, {"first_name": "Bea"}, id="the first name than the last"),
        pytest.param(
            {"unique_pupil_number": UPN, "first_name": "Bea", "last_name": "Moss"}, {}, id="a number than names"
        ),
    ],
)
def test_the_likeliest_is_named(surer: dict[str, Any], less: dict[str, Any]) -> None:
    """A whole year group may have one surname, and one birth date be several children's."""
    gone = known(ONE, staged=STAGED, in_roll=False, unique_pupil_number=UPN)
    people = [joiner(OTHER, **less), joiner(THIRD, **surer)]
    before, after = ({ONE: gone} | {pair[n].student_id: pair[n] for pair in people} for n in (0, 1))
    assert marked(before, after)[ONE].other_id == THIRD


@pytest.mark.parametrize(
    "old",
    [
        pytest.param(known(ONE, other_id=OTHER, absence=BEFORE_ABSENT, in_roll=False), id="still missing"),
        pytest.param(known(ONE, other_id=OTHER, staged=STAGED), id="still a leaver"),
        pytest.param(known(ONE, other_id=OTHER), id="there again"),
    ],
)
def test_a_pair_is_remembered_until_the_heir_is_gone(old: AccountState) -> None:
    there, gone = known(OTHER), known(OTHER, in_roll=False)
    assert mark({ONE: old}, {ONE: old}, {OTHER}, at(121))[ONE].other_id == OTHER, "who is no news is not looked at"
    assert marked({ONE: old, OTHER: there}, {ONE: old, OTHER: there})[ONE].other_id == OTHER
    assert marked({ONE: old, OTHER: there}, {ONE: old, OTHER: gone})[ONE].other_id is None


def test_an_heir_who_is_gone_makes_room_for_the_next() -> None:
    old = known(ONE, other_id=THIRD, staged=STAGED, in_roll=False)
    before, after = joiner()
    assert marked({ONE: old, OTHER: before}, {ONE: old, OTHER: after})[ONE].other_id == OTHER


def test_a_twin_that_is_known_is_not_another_one() -> None:
    gone = known(ONE, other_id=THIRD, staged=STAGED, in_roll=False)
    (before, after), there = joiner(), known(THIRD)
    people = {ONE: gone, THIRD: there}
    assert marked(people | {OTHER: before}, people | {OTHER: after})[ONE].other_id == THIRD


@pytest.mark.parametrize("state", [disabled(other_id=OTHER), never_had_one(other_id=OTHER, create=3)])
def test_of_whom_has_no_account_a_close_forgets_nothing(state: AccountState) -> None:
    assert marked({ONE: state}, {ONE: state})[ONE].other_id == OTHER


@pytest.mark.parametrize(
    ("state", "is_one"),
    [
        pytest.param(known(ONE, staged=STAGED), True, id="leaves"),
        pytest.param(known(ONE, absence=NOW_ABSENT), True, id="missing"),
        pytest.param(known(ONE), False, id="stays"),
        pytest.param(known(ONE, staged=STAGED, other_id=OTHER), False, id="paired"),
        pytest.param(known(ONE, disabled, staged=STAGED), False, id="off"),
    ],
)
def test_who_needs_a_pair(state: AccountState, is_one: bool) -> None:
    assert is_unpaired(state) is is_one


def test_a_feed_that_changed_its_key_names_the_same_people() -> None:
    """Its own id was beside the e-mail and is the key now. Fails when every pupil is a leaver and a joiner."""
    old = known("ada@abbey.example", born=None, feed_id="n-17")
    assert Directory([known("n-17", born=None)]).find(old) == "n-17"
    assert Directory([old]).find(known("n-17", born=None)) == "ada@abbey.example"
    assert Directory([old]).find(known("n-18", born=None)) is None


def test_the_reviewed_set_names_the_twin() -> None:
    one, other = known(ONE, other_id=OTHER, staged=STAGED), known(ONE, other_id=THIRD, staged=STAGED)
    assert plan_hash("rekey", [(ONE, one)]) != plan_hash("rekey", [(ONE, other)])


# --- on the road ----------------------------------------------------------------------------------------------------

PEOPLE = [a_student(str(3050000000 + n), first_name=f"P{n}", date_of_birth=f"2010-03-{n + 1:02}") for n in range(20)]
OLD = PEOPLE[0].student_id
REST = PEOPLE[1:]
NEW = "3059999999"


def renumbered(**fields: Any) -> Student:
    """The first pupil under a new id."""
    return a_student(NEW, **({"first_name": "P0", "date_of_birth": "2010-03-01", "email": PEOPLE[0].email} | fields))


@pytest.fixture
def road(tmp_path: Path) -> Road:
    road = Road(a_config(tmp_path))
    road.fetch(a_sweep("s1", PEOPLE, full=True))
    road.run()
    return road


def reads(road: Road, sweep: str, people: list[Student], sends: list[Student], minutes: float) -> None:
    road.fetch(a_sweep(sweep, people, sends=sends, minutes=minutes), minutes=minutes)
    road.run()


def leaver(**fields: Any) -> Student:
    return a_leaver(OLD, first_name="P0", date_of_birth="2010-03-01", **fields)


def test_a_pupil_with_a_new_id_is_held_as_a_suspected_rekey(road: Road) -> None:
    """One leaver of twenty would be within every budget. Fails when only counts are looked at."""
    reads(road, "s2", [*REST, renumbered()], [leaver(), renumbered()], 10)
    assert OLD in road.enabled()
    assert NEW not in road.enabled(), "who wants the e-mail of somebody who is here waits"
    hold = road.school().holds["rekey"]
    assert (hold.count, hold.state, hold.budget) == (1, "held", "nobody without a person")
    assert [event.plan for event in road.changes() if isinstance(event, RemovalHeld)] == ["rekey"]


def test_a_release_hands_the_email_over(road: Road) -> None:
    reads(road, "s2", [*REST, renumbered()], [leaver(), renumbered()], 10)
    road.order(ReleaseHold(school=SCHOOL, plan="rekey", hash=road.school().holds["rekey"].hash, operator="kim"))
    reads(road, "s3", [*REST, renumbered()], [], 20)
    assert (OLD in road.enabled(), NEW in road.enabled(), road.school().holds) == (False, True, {})
    (event,) = [event for event in road.changes() if isinstance(event, AccountDisabled)]
    assert (event.is_explained, event.evidence.kind) == (True, "record")


def test_a_whole_school_with_new_ids_is_one_decision(tmp_path: Path) -> None:
    """After a migration. Fails when the heirs' accounts are new ones to the guard: twenty of sixty would be made."""
    old = [a_student(str(3050000000 + n), first_name=f"P{n}", date_of_birth="2010-03-04") for n in range(60)]
    new = [
        a_student(f"9{one.student_id}", first_name=one.first_name, date_of_birth="2010-03-04", email=one.email)
        for one in old
    ]
    road = Road(a_config(tmp_path))
    road.fetch(a_sweep("s1", old, full=True))
    reads(road, "s2", new, new, 10)
    reads(road, "s3", new, [], 80)
    assert (road.school().holds["rekey"].count, len(road.enabled())) == (60, 60)
    road.order(ReleaseHold(school=SCHOOL, plan="rekey", hash=road.school().holds["rekey"].hash, operator="kim"))
    reads(road, "s4", new, [], 90)
    assert road.enabled() == {one.student_id for one in new}
    assert road.school().holds == {}


def test_the_heir_has_the_email_before_another_who_waits(road: Road) -> None:
    rival = a_student("3050000100", first_name="Bea", email=PEOPLE[0].email)
    there = [*REST, rival, renumbered()]
    reads(road, "s2", there, [leaver(), rival, renumbered()], 10)
    road.order(ReleaseHold(school=SCHOOL, plan="rekey", hash=road.school().holds["rekey"].hash, operator="kim"))
    reads(road, "s3", there, [], 20)
    assert (NEW in road.enabled(), rival.student_id in road.enabled()) == (True, False)


def test_a_pupil_who_only_vanished_is_held_when_the_absence_is_sure(road: Road) -> None:
    """The joiner is no news by then: the leaver remembers who came when they went."""
    there = [*REST, renumbered(email="p0@new.example")]
    reads(road, "s2", there, there[-1:], 10)
    reads(road, "s3", there, [], 80)
    assert (OLD in road.enabled(), NEW in road.enabled()) == (True, True)
    assert set(road.school().holds) == {"rekey"}
    road.order(ReleaseHold(school=SCHOOL, plan="rekey", hash=road.school().holds["rekey"].hash, operator="kim"))
    reads(road, "s4", there, [], 90)
    (event,) = [event for event in road.changes() if isinstance(event, AccountDisabled)]
    assert (event.is_explained, event.evidence.kind, event.evidence.ref) == (False, "certificate", "s4")


def test_a_refused_one_keeps_both(road: Road) -> None:
    reads(road, "s2", [*REST, renumbered()], [leaver(), renumbered()], 10)
    road.order(RefuseHold(school=SCHOOL, plan="rekey", hash=road.school().holds["rekey"].hash, operator="kim"))
    for number in range(3):
        reads(road, f"s{number + 3}", [*REST, renumbered()], [], 80.0 * (number + 1))
    assert OLD in road.enabled()
    assert road.school().holds["rekey"].state == "refused"


def test_a_refused_rekey_whose_old_record_flickers_is_the_same_pair(road: Road) -> None:
    """The office puts it back, and away again. Fails when the second going is an ordinary leaver's."""
    reads(road, "s2", [*REST, renumbered()], [leaver(), renumbered()], 10)
    road.order(RefuseHold(school=SCHOOL, plan="rekey", hash=road.school().holds["rekey"].hash, operator="kim"))
    reads(road, "s3", [*PEOPLE, renumbered()], [PEOPLE[0]], 20)
    reads(road, "s4", [*REST, renumbered()], [leaver()], 30)
    assert OLD in road.enabled()
    assert (set(road.school().holds), road.school().holds["rekey"].count) == ({"rekey"}, 1)


def test_an_old_record_goes_as_any_other_once_its_heir_is_gone(road: Road) -> None:
    new = renumbered(email="p0@new.example")
    reads(road, "s2", [*REST, new], [leaver(), new], 10)
    reads(road, "s3", PEOPLE, [PEOPLE[0], a_leaver(NEW, first_name="P0", date_of_birth="2010-03-01")], 20)
    assert road.school().holds["rekey"].count == 1, "the new id goes and the old one is there again: that is one too"
    road.order(ReleaseHold(school=SCHOOL, plan="rekey", hash=road.school().holds["rekey"].hash, operator="kim"))
    reads(road, "s4", PEOPLE, [], 30)
    state = road.account(OLD)
    assert state is not None
    assert (state.other_id, road.school().holds, NEW in road.enabled()) == (None, {}, False)
    reads(road, "s5", REST, [leaver()], 40)
    assert (OLD in road.enabled(), road.school().holds) == (False, {})


def test_a_leaver_and_somebody_else_who_joins_are_two(road: Road) -> None:
    other = renumbered(first_name="Bea", last_name="Moss", email="bea@abbey.example")
    reads(road, "s2", [*REST, other], [leaver(), other], 10)
    assert (OLD in road.enabled(), NEW in road.enabled()) == (False, True)


def test_who_is_there_again_under_the_old_id_is_no_suspect(road: Road) -> None:
    reads(road, "s2", [*REST, renumbered()], [renumbered()], 10)
    reads(road, "s3", [*PEOPLE, renumbered()], [PEOPLE[0]], 80)
    assert road.school().holds == {}
    reads(road, "s4", [*REST, renumbered()], [leaver()], 90)
    assert road.school().holds["rekey"].count == 1, "but is the same pair when the old record goes again"
    assert OLD in road.enabled()


def pupils_by_list(leaves: Student) -> Student:
    """What the leavers' list alone says of somebody: no birth date, no e-mail."""
    return a_leaver(
        leaves.student_id,
        lists=("leavers",),
        system_status=None,
        first_name=leaves.first_name,
        email=None,
        programmes=None,
        modules=None,
    )


def test_a_rekey_by_the_leavers_list_is_seen(road: Road) -> None:
    """Its records have no birth date. Fails when a record erases what it does not say."""
    heirs = [a_student(f"307000000{n}", first_name=f"P{n}", date_of_birth=f"2010-03-{n + 1:02}") for n in range(5)]
    reads(road, "s2", [*PEOPLE[5:], *heirs], [*map(pupils_by_list, PEOPLE[:5]), *heirs], 10)
    assert road.school().holds["rekey"].count == 5
    assert len(road.enabled()) == 25
    reads(road, "s3", [*PEOPLE[5:], *heirs], [], 80)
    assert len(road.enabled()) == 25


@pytest.mark.parametrize("lists", [("students",), ("leavers",)])
def test_a_leavers_id_given_to_a_stranger_switches_nobody_on(road: Road, lists: tuple[str, ...]) -> None:
    gone = leaver() if lists == ("students",) else pupils_by_list(PEOPLE[0])
    reads(road, "s2", REST, [gone], 10)
    assert OLD not in road.enabled()
    stranger = a_student(OLD, first_name="Omar", last_name="Vale", date_of_birth="2015-01-01", email="o@abbey.example")
    reads(road, "s3", [stranger, *REST], [stranger], 20)
    assert OLD not in road.enabled()


def test_an_heir_who_came_in_an_earlier_sweep_is_found(road: Road) -> None:
    new = renumbered(email="p0@new.example")
    reads(road, "s2", [*PEOPLE, new], [new], 10)
    reads(road, "s3", [*REST, new], [leaver()], 2 * 24 * 60)
    assert (road.school().holds["rekey"].count, OLD in road.enabled()) == (1, True)


def test_an_heir_who_waits_for_the_email_since_an_earlier_sweep_is_found(road: Road) -> None:
    reads(road, "s2", [*PEOPLE, renumbered()], [renumbered()], 10)
    reads(road, "s3", [*REST, renumbered()], [leaver()], 30 * 24 * 60)
    assert (road.school().holds["rekey"].count, OLD in road.enabled()) == (1, True)


def test_an_heir_who_comes_in_a_later_sweep_is_found_while_the_old_record_waits(road: Road) -> None:
    new = renumbered(email="p0@new.example")
    reads(road, "s2", REST, [], 10)
    reads(road, "s3", [*REST, new], [new], 20)
    reads(road, "s4", [*REST, new], [], 80)
    assert (road.school().holds["rekey"].count, OLD in road.enabled()) == (1, True)


@pytest.mark.parametrize("email", [PEOPLE[0].email, "p0@new.example"], ids=["with the e-mail", "with another"])
@pytest.mark.parametrize("batch", [1, 10_000])
def test_who_comes_after_somebody_like_them_was_disabled_waits_for_a_person(road: Road, email: str, batch: int) -> None:
    """Fails when one person has a disabled account and a new one, and nobody was asked."""
    reads(road, "s2", REST, [leaver()], 10)
    assert OLD not in road.enabled()
    new = renumbered(email=email)
    road.fetch(a_sweep("s3", [*REST, new], sends=[new], minutes=20), minutes=20)
    road.run(batch)
    assert NEW not in road.enabled()
    hold = road.school().holds["rekey"]
    state = road.account(NEW)
    assert state is not None
    assert (hold.count, state.other_id) == (1, OLD)
    reads(road, "s4", [*REST, new], [new], 9 * 24 * 60)
    assert (NEW in road.enabled(), set(road.school().holds)) == (False, {"rekey"}), "however long ago that is by now"
    road.order(ReleaseHold(school=SCHOOL, plan="rekey", hash=road.school().holds["rekey"].hash, operator="kim"))
    reads(road, "s5", [*REST, new], [], 9 * 24 * 60 + 10)
    assert (NEW in road.enabled(), road.school().holds) == (True, {})
    (made,) = [one for one in road.changes() if isinstance(one, AccountProvisioned) and one.student_id == NEW]
    assert made.details.email == email


@pytest.mark.parametrize(
    ("later", "waits"),
    [pytest.param(WEEK - 1, True, id="within a week"), pytest.param(WEEK, False, id="a week later")],
)
def test_who_comes_long_after_is_a_joiner(road: Road, later: float, waits: bool) -> None:
    reads(road, "s2", REST, [leaver()], 10)  # decided as of minute 11
    new = renumbered(email="p0@new.example")
    reads(road, "s3", [*REST, new], [new], 11 + later)
    assert (NEW in road.enabled()) is not waits


def test_a_refused_heir_stays_without_an_account(road: Road) -> None:
    reads(road, "s2", REST, [leaver()], 10)
    new = renumbered()
    reads(road, "s3", [*REST, new], [new], 20)
    road.order(RefuseHold(school=SCHOOL, plan="rekey", hash=road.school().holds["rekey"].hash, operator="kim"))
    reads(road, "s4", [*REST, new], [], 30)
    assert (NEW in road.enabled(), road.school().holds["rekey"].state) == (False, "refused")


def test_a_joiner_who_turns_out_to_be_somebody_else_waits_no_more(road: Road) -> None:
    reads(road, "s2", REST, [leaver()], 10)
    new = renumbered(email="p0@new.example")
    reads(road, "s3", [*REST, new], [new], 20)
    other = renumbered(email="p0@new.example", date_of_birth="2011-07-07")
    reads(road, "s4", [*REST, other], [other], 30)
    assert (NEW in road.enabled(), road.school().holds) == (True, {})


def test_whose_release_has_named_an_heir_is_not_asked_about_them_again(road: Road) -> None:
    """The heir lacks an e-mail when the old account is released. Fails when a yes must be given twice."""
    slip = renumbered(email=None)
    reads(road, "s2", [*REST, slip], [leaver(), slip], 10)
    road.order(ReleaseHold(school=SCHOOL, plan="rekey", hash=road.school().holds["rekey"].hash, operator="kim"))
    reads(road, "s3", [*REST, slip], [], 20)
    assert OLD not in road.enabled()
    reads(road, "s4", [*REST, renumbered()], [renumbered()], 30)
    assert (NEW in road.enabled(), road.school().holds) == (True, {})


def test_siblings_who_were_both_here_are_no_pair(road: Road) -> None:
    sister = a_student("3050000100", first_name="Bea", date_of_birth="2010-03-01", email="bea@abbey.example")
    reads(road, "s2", [*PEOPLE, sister], [sister], 10)
    reads(road, "s3", [*REST, sister], [leaver()], 9 * 24 * 60)
    assert (OLD in road.enabled(), road.school().holds) == (False, {})


def test_a_pair_and_what_waits_for_it_outlive_a_lost_store(road: Road) -> None:
    reads(road, "s2", REST, [leaver()], 10)
    new = renumbered()
    reads(road, "s3", [*REST, new], [new], 20)
    road.store.hashes, road.store.records = {}, {}
    road.start()
    road.fetch(a_sweep("s4", [*REST, new], minutes=30, full=True), minutes=30)
    road.run()
    assert (NEW in road.enabled(), road.school().holds["rekey"].count) == (False, 1)


# --- an enabled account becomes nobody else -------------------------------------------------------------------------


def test_another_school_whose_ids_count_alike_renames_nobody(road: Road) -> None:
    """Every id is there, and nobody whom it belongs to."""
    theirs = [
        a_student(
            one.student_id, first_name=f"Else{n}", last_name="Vale", date_of_birth="2015-01-01", email=f"e{n}@b.example"
        )
        for n, one in enumerate(PEOPLE)
    ]
    reads(road, "s2", theirs, theirs, 10)
    accounts = [road.account(one.student_id) for one in PEOPLE]
    assert {one.details.last_name for one in accounts if one and one.details} == {"Fern"}
    assert [one.status for one in accounts if one] == ["enabled"] * 20
    reads(road, "s3", PEOPLE, PEOPLE, 20)
    assert all(one.identity is None for id in road.enabled() if (one := road.account(id)))


def test_who_is_in_both_lists_and_then_hidden_is_an_unexplained_absence(road: Road) -> None:
    """An entry of last year explains nothing. Fails when the first close switches them off."""
    both = a_student(OLD, first_name="P0", date_of_birth="2010-03-01", lists=("students", "leavers"))
    reads(road, "s2", [both, *REST], [both], 10)
    listed = pupils_by_list(PEOPLE[0])
    reads(road, "s3", REST, [listed], 20)
    assert OLD in road.enabled()
    reads(road, "s4", REST, [], 90)
    (event,) = [event for event in road.changes() if isinstance(event, AccountDisabled)]
    assert (event.is_explained, event.evidence.kind) == (False, "certificate")


def test_the_other_id_is_stored_as_it_always_was() -> None:
    """A store and a topic of an earlier release have it under its old name."""
    state = known(ONE, other_id=OTHER)
    assert f'"twin":"{OTHER}"'.encode() in encode(state)
    assert decoder(AccountState).decode(encode(state)) == state
