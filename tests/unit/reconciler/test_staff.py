"""A school's staff and its students are two books: each closed, held and told by itself, with a pause in common."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from services.eligibility.assess import assess
from services.eligibility.rules import Rulebook
from services.reconciler import keys
from services.reconciler.decision_context import DecisionContext
from services.reconciler.reconcile import reconcile
from shared.contract.account_state import AccountState, LaneState, SchoolState
from shared.contract.codec import Message, decoder, encode, headers
from shared.contract.commands import PauseSchool, RefuseHold, ReleaseHold, ResumeSchool
from shared.contract.events import (
    AccountDisabled,
    AccountProvisioned,
    AccountUpdated,
    RemovalHeld,
    RemovalsHeld,
    RollRead,
    StaffAssessed,
    StructureFetched,
    StudentAssessed,
    SweepCompleted,
    SweepFailed,
    SweepReconciled,
    SweepStarted,
    SyncRequested,
)
from shared.contract.model import Frozen, Kind, Structure, Student
from shared.contract.topics import ACCOUNT_CHANGES, ACCOUNT_STATE, STUDENTS_ASSESSED, SYNC_REQUESTS
from shared.structs import replace
from tests.harness.builders import SCHOOL, START, a_failed_sweep, a_member, a_reading, a_student, a_sweep, at
from tests.harness.pipeline import LANE, Road, a_config

STAFF = f"{SCHOOL}+staff"
PUPILS = [a_student(str(205 + n)) for n in range(20)]
MEMBERS = [a_member(str(210 + n)) for n in range(10)]
ONE = "214"  # a student and a member of staff
KINDS: tuple[Kind, ...] = ("student", "staff")
BOOKS: dict[Kind, str] = {"student": SCHOOL, "staff": STAFF}
PEOPLE: dict[Kind, list[Student]] = {"student": PUPILS, "staff": MEMBERS}


def without(kind: Kind, *ids: str) -> list[Student]:
    return [one for one in PEOPLE[kind] if one.student_id not in ids]


def left(person_id: str, **fields: Any) -> Student:
    """Their leaving date is past, and nobody has touched the status yet."""
    return a_member(person_id, leaving_date="2026-11-20", **fields)


@pytest.fixture
def road(tmp_path: Path) -> Road:
    """A school with a certified sweep of its twenty students, and one of its ten staff."""
    return started(tmp_path)


def started(folder: Path) -> Road:
    road = Road(a_config(folder))
    road.fetch(a_sweep("s1", PUPILS, full=True))
    road.fetch(a_sweep("t1", MEMBERS, full=True, kind="staff"))
    road.run()
    return road


def staff_sweep(road: Road, sweep: str, roll: list[Student], minutes: float, **more: Any) -> None:
    road.fetch(a_sweep(sweep, roll, minutes=minutes, kind="staff", **more), minutes=minutes)


def the_book(road: Road, book: str) -> dict[str, Any]:
    """All that Redis has of one book."""
    found: dict[str, Any] = {}
    for name, fields in road.store.hashes[LANE].items():
        if name.endswith(f":{book}") and fields:
            found[name] = dict(fields)
        elif book in fields:
            found[name] = fields[book]
    return found


def reports(road: Road, kind: Kind) -> list[SweepReconciled]:
    return [one for one in road.changes() if isinstance(one, SweepReconciled) and one.kind == kind]


def of_kind(road: Road, kind: Kind, model: type[Any]) -> list[Any]:
    return [one for one in road.changes() if isinstance(one, model) and one.kind == kind]


def ids(people: list[Student]) -> set[str]:
    return {one.student_id for one in people}


def the_account(road: Road, book: str, person: str = ONE) -> AccountState:
    state = road.account(person, book)
    assert state is not None
    return state


# --- joiners, corrections, leavers ----------------------------------------------------------------------------------


def test_a_first_sweep_of_the_staff_provisions_them_all(road: Road) -> None:
    assert road.enabled(STAFF) == ids(MEMBERS)
    told = of_kind(road, "staff", AccountProvisioned)
    assert [one.student_id for one in told] == sorted(ids(MEMBERS))
    assert (told[0].school, told[0].details.title, told[0].details.departments) == (SCHOOL, "Dr", ("ENG",))
    school = road.school(STAFF)
    assert (school.school, school.kind, school.students, school.enabled) == (SCHOOL, "staff", 10, 10)
    assert set(school.areas) == {"staff", "sets"}
    assert reports(road, "staff")[-1].roll_count == 10


def test_whatever_is_told_of_staff_has_the_books_name_and_the_schools_source(road: Road) -> None:
    keys = {f"{STAFF}/{one}" for one in ids(MEMBERS)}
    for topic in (ACCOUNT_CHANGES, ACCOUNT_STATE):
        of_staff = [one for one in road.out.of(topic) if one.value and b'"kind":"staff"' in one.value]
        assert {one.key for one in of_staff} == keys | {STAFF}
        for message in of_staff:
            told = {name: value.decode() for name, value in message.headers}
            assert (told["ce_subject"], told["ce_source"]) == (message.key, f"/rollcall/schools/{SCHOOL}")
            assert told["ce_id"].startswith(message.key)


def test_a_students_records_have_no_word_of_a_kind(road: Road) -> None:
    found = [one for topic in (ACCOUNT_CHANGES, ACCOUNT_STATE) for one in road.out.of(topic)]
    of_students = [one for one in found if one.key.partition("/")[0] == SCHOOL]
    assert len(of_students) > 40
    assert not [one for one in of_students if b'"kind":"st' in (one.value or b"")]
    provisioned = next(one for one in of_students if one.key == f"{SCHOOL}/{ONE}")
    assert dict(provisioned.headers)["ce_id"].startswith(f"{SCHOOL}/{ONE}/".encode())


def test_a_joiner_and_a_correction_of_staff_go_at_once(road: Road) -> None:
    joiner, moved = a_member("299"), a_member(ONE, title="Prof", departments=("HIS",))
    roll = [joiner, moved, *without("staff", ONE)]
    before = len(road.changes())
    road.fetch(a_sweep("t2", roll, sends=[joiner, moved], minutes=5, kind="staff")[:-1], minutes=5)
    road.run()
    told = road.changes()[before:]
    assert [type(one).__name__ for one in told] == [
        *("AccountProvisioned", "ProgrammeEnrolled", "ModuleEnrolled", "AccountUpdated")
    ]
    assert isinstance(told[-1], AccountUpdated)
    assert told[-1].fields == ("title", "departments")


def test_a_past_leaving_date_disables_at_the_close_with_its_record(road: Road) -> None:
    gone = left(ONE)
    sweep = a_sweep("t2", without("staff", ONE), sends=[gone], minutes=5, kind="staff")
    road.fetch(sweep[:-1], minutes=5)
    road.run()
    assert ONE in road.enabled(STAFF), "a removal waits for the certificate"
    road.fetch(sweep[-1:], minutes=5)
    road.run()
    (event,) = of_kind(road, "staff", AccountDisabled)
    assert (event.student_id, event.is_explained, event.evidence.kind) == (ONE, True, "record")
    assert the_account(road, STAFF).status == "disabled"


def test_whose_last_day_is_today_stays(road: Road) -> None:
    today = a_member(ONE, leaving_date=START.date().isoformat())
    staff_sweep(road, "t2", [today, *without("staff", ONE)], 5, sends=[today])
    road.run()
    assert ONE in road.enabled(STAFF)
    assert not of_kind(road, "staff", AccountUpdated)


def test_a_member_of_staff_without_an_email_stays(road: Road) -> None:
    slip = a_member(ONE, email=None)
    staff_sweep(road, "t2", [slip, *without("staff", ONE)], 5, sends=[slip])
    road.run()
    assert ONE in road.enabled(STAFF)


def test_an_absence_from_the_staff_needs_two_certified_sweeps_an_hour_apart(road: Road) -> None:
    for number, (minutes, is_there) in enumerate([(5, True), (30, True), (66, False)]):
        staff_sweep(road, f"t{number + 2}", without("staff", ONE), minutes, sends=[])
        road.run()
        assert (ONE in road.enabled(STAFF)) is is_there
    (event,) = of_kind(road, "staff", AccountDisabled)
    assert (event.is_explained, event.evidence.ref) == (False, "t4")


def test_who_comes_back_is_enabled_with_every_enrolment(road: Road) -> None:
    staff_sweep(road, "t2", without("staff", ONE), 5, sends=[left(ONE)])
    back = a_member(ONE)
    staff_sweep(road, "t3", MEMBERS, 10, sends=[back])
    road.run()
    told = [type(one).__name__ for one in road.changes() if getattr(one, "student_id", "") == ONE][-3:]
    assert told == ["AccountEnabled", "ProgrammeEnrolled", "ModuleEnrolled"]


# --- what is not supplied, and what is suddenly empty ---------------------------------------------------------------


def test_codes_that_were_not_supplied_clear_nothing(road: Road) -> None:
    names = {one.student_id: f"Moss {one.student_id}" for one in MEMBERS}
    bare = [a_member(id, faculties=None, departments=None, last_name=name) for id, name in names.items()]
    staff_sweep(road, "t2", bare, 5)
    road.run()
    details = the_account(road, STAFF).details
    assert details is not None
    assert (details.last_name, details.faculties, details.departments) == (f"Moss {ONE}", ("SEC",), ("ENG",))
    assert {one.fields for one in of_kind(road, "staff", AccountUpdated)} == {("last_name",)}


def test_codes_that_were_not_supplied_are_still_there_for_who_comes_back(road: Road) -> None:
    staff_sweep(road, "t2", without("staff", ONE), 5, sends=[left(ONE)])
    staff_sweep(road, "t3", MEMBERS, 10, sends=[a_member(ONE, faculties=None)])
    road.run()
    details = the_account(road, STAFF).details
    assert details is not None
    assert (details.faculties, details.departments) == (("SEC",), ("ENG",))


@pytest.mark.parametrize(
    ("column", "empty"), [("departments", ()), ("faculties", ()), ("title", None), ("phone", None)]
)
def test_a_column_of_staff_that_empties_waits_for_a_person(tmp_path: Path, column: str, empty: Any) -> None:
    road = Road(a_config(tmp_path))
    full = [a_member(one.student_id, phone="1") for one in MEMBERS]
    staff_sweep(road, "t1", full, 0, full=True)
    nulled = [msgspec.structs.replace(one, **{column: empty}) for one in full]
    staff_sweep(road, "t2", nulled, 5)
    road.run()
    (held,) = of_kind(road, "staff", RemovalsHeld)
    assert (held.plan, held.count, [one.column for one in held.columns]) == ("nulled_column", 10, [column])
    details = the_account(road, STAFF).details
    assert details is not None
    assert getattr(details, column) not in (None, ())
    assert not of_kind(road, "staff", AccountUpdated)


def test_a_column_that_empties_after_it_was_not_supplied_waits_too(road: Road) -> None:
    staff_sweep(road, "t2", [a_member(one.student_id, departments=None) for one in MEMBERS], 5)
    staff_sweep(road, "t3", [a_member(one.student_id, departments=()) for one in MEMBERS], 10)
    road.run()
    details = the_account(road, STAFF).details
    assert details is not None
    assert details.departments == ("ENG",)
    assert not of_kind(road, "staff", AccountUpdated)


def test_one_member_who_has_no_department_any_more_is_no_column(road: Road) -> None:
    moved = a_member(ONE, departments=())
    staff_sweep(road, "t2", [moved, *without("staff", ONE)], 5, sends=[moved])
    road.run()
    details = the_account(road, STAFF).details
    assert details is not None
    assert details.departments == ()


def test_a_state_that_never_had_these_columns_is_judged_by_those_who_wait(road: Road) -> None:
    """An older release kept no rate of them."""
    book = road.school(STAFF)
    old = {name: rate for name, rate in book.fill.items() if name not in ("departments", "faculties")}
    road.store.hashes[LANE][keys.SCHOOLS][STAFF] = encode(replace(book, fill=old))
    staff_sweep(road, "t2", [a_member(one.student_id, departments=()) for one in MEMBERS], 5)
    road.run()
    (held,) = of_kind(road, "staff", RemovalsHeld)
    assert [(one.column, one.before, one.now) for one in held.columns] == [("departments", "10/10", "0/10")]


def test_a_student_never_gets_what_staff_alone_have() -> None:
    student = a_student(ONE, title="Miss", faculties=("SEC",), departments=("ENG",))
    last, _ = reconcile(None, _judged(student, "student"), DecisionContext(1, at(), "00"))
    after, told = reconcile(last, _judged(a_student(ONE), "student"), DecisionContext(2, at(1), "01"))
    assert told == []
    assert after.details is not None
    assert (after.details.title, after.details.faculties) == (None, ())


def _judged(person: Student, kind: Kind) -> StudentAssessed:
    return assess(SCHOOL, person, "00", START.date(), Rulebook(), {10: 4}, kind)


def test_modules_of_staff_go_when_the_sets_were_read(road: Road) -> None:
    less = a_member(ONE, modules=())
    *before, completed = a_sweep("t2", [less, *without("staff", ONE)], sends=[less], minutes=5, kind="staff")
    assert isinstance(completed, SweepCompleted)
    bare = msgspec.structs.replace(completed.certificate, areas=("staff",))
    road.fetch([*before, msgspec.structs.replace(completed, certificate=bare)], minutes=5)
    road.run()
    assert the_account(road, STAFF).modules == ("Y10-ENG",)
    staff_sweep(road, "t3", [less, *without("staff", ONE)], 10, sends=[])
    road.run()
    assert the_account(road, STAFF).modules == ()


# --- nothing of one book depends on the other -----------------------------------------------------------------------


def test_student_and_employee_of_one_id_are_never_mixed(road: Road) -> None:
    assert (the_account(road, SCHOOL).kind, the_account(road, STAFF).kind) == ("student", "staff")
    staff_sweep(road, "t2", without("staff", ONE), 5, sends=[left(ONE)])
    road.run()
    assert (the_account(road, SCHOOL).status, the_account(road, STAFF).status) == ("enabled", "disabled")
    road.fetch(a_sweep("s2", without("student", ONE), sends=[], minutes=10))
    staff_sweep(road, "t3", MEMBERS, 15, sends=[a_member(ONE)])
    road.fetch(a_sweep("s3", without("student", ONE), sends=[], minutes=75))
    road.run()
    assert (the_account(road, SCHOOL).status, the_account(road, STAFF).status) == ("disabled", "enabled")
    told = [dict(one.headers)["ce_id"] for one in road.out.of(ACCOUNT_CHANGES)]
    assert len(told) == len(set(told))


@pytest.mark.parametrize("is_failed", [True, False], ids=["failed", "short"])
def test_a_short_or_failed_sweep_of_staff_disables_nobody_and_touches_no_student(road: Road, is_failed: bool) -> None:
    assert_alone(road, "staff", "student", is_failed)


@pytest.mark.parametrize("is_failed", [True, False], ids=["failed", "short"])
def test_a_short_or_failed_sweep_of_students_disables_nobody_and_touches_no_staff(road: Road, is_failed: bool) -> None:
    assert_alone(road, "student", "staff", is_failed)


def assert_alone(road: Road, kind: Kind, other: Kind, is_failed: bool) -> None:
    """Two sweeps of one book, an hour apart, that prove nothing: nobody goes, and the other book is as it was."""
    before = the_book(road, BOOKS[other])
    for number, minutes in enumerate((5.0, 70.0)):
        if is_failed:
            road.fetch(a_failed_sweep(f"x{number}", [], minutes=minutes, kind=kind), minutes=minutes)
        else:  # two pages did not arrive, and the certificate has the whole roll
            *events, completed = a_sweep(f"x{number}", PEOPLE[kind], sends=[], minutes=minutes, kind=kind)
            few = tuple(sorted(ids(PEOPLE[kind])))[:3]
            short = [replace(one, ids=few) if isinstance(one, RollRead) else one for one in events]
            assert isinstance(completed, SweepCompleted)
            wrong = msgspec.structs.replace(completed.certificate, content_sum="0" * 32)
            road.fetch([*short, msgspec.structs.replace(completed, certificate=wrong)], minutes=minutes)
        road.run()
    assert road.enabled(BOOKS[kind]) == ids(PEOPLE[kind])
    assert [one.outcome for one in reports(road, kind)[1:]] == ["failed" if is_failed else "uncertified"] * 2
    assert the_book(road, BOOKS[other]) == before
    assert len(reports(road, other)) == 1
    asked = [decoder(SyncRequested).decode(one.value or b"") for one in road.out.of(SYNC_REQUESTS)]
    assert [(one.school, one.kind, one.full) for one in asked] == ([] if is_failed else [(SCHOOL, kind, True)] * 2)
    assert {one.key for one in road.out.of(SYNC_REQUESTS)} <= {SCHOOL}


@pytest.mark.parametrize("batch", [1, 7, 10_000])
def test_two_open_sweeps_of_one_name_close_each_their_own_book(road: Road, batch: int) -> None:
    pupils = a_sweep("x2", without("student", "205"), sends=[a_student("205", system_status=-1)], minutes=5)
    staff = a_sweep("x2", without("staff", ONE), sends=[left(ONE)], minutes=5, kind="staff")
    for part in (pupils[:2], staff[:2], pupils[2:-1], staff[2:-1], pupils[-1:], staff[-1:]):
        road.fetch(part, minutes=5, sweep="x2")
    road.run(batch)
    assert road.enabled() == ids(PUPILS) - {"205"}
    assert road.enabled(STAFF) == ids(MEMBERS) - {ONE}
    assert [reports(road, kind)[-1].outcome for kind in KINDS] == ["certified", "certified"]
    assert (road.school().open, road.school(STAFF).open) == (None, None)


def test_a_full_sweep_of_the_staff_tells_the_staff_anew_and_no_student(road: Road) -> None:
    before = len(road.out.of(ACCOUNT_STATE))
    staff_sweep(road, "t2", MEMBERS, 5, full=True)
    road.run()
    told = {one.key for one in road.out.of(ACCOUNT_STATE)[before:]}
    assert told == {f"{STAFF}/{one}" for one in ids(MEMBERS)} | {STAFF, f"lane-{LANE}"}
    assert road.school(STAFF).full_offset > road.school().full_offset


def test_budgets_are_spent_by_book(road: Road) -> None:
    """Two absent pupils are two percent and two heads; the two of the staff are counted by themselves."""
    gone = {"student": ("205", "206"), "staff": ("210", "211")}
    for minutes in (5, 70):
        for kind in KINDS:
            sweep = a_sweep(f"x{minutes}", without(kind, *gone[kind]), sends=[], minutes=minutes, kind=kind)
            road.fetch(sweep, minutes=minutes)
    road.run()
    assert road.enabled() == ids(PUPILS) - set(gone["student"])
    assert road.enabled(STAFF) == ids(MEMBERS) - set(gone["staff"])
    assert not [one for one in road.changes() if isinstance(one, RemovalsHeld)]


def test_what_the_staff_have_spent_is_the_staffs(road: Road) -> None:
    """Two heads of the staff went lately: two more wait, and two pupils still may go."""
    staff_gone, gone = ["210", "211"], ["205", "206"]
    for minutes in (5, 70):
        staff_sweep(road, f"t{minutes}", without("staff", *staff_gone), minutes, sends=[])
    road.run()
    staff_gone += ["212", "213"]
    for minutes in (80, 150):
        staff_sweep(road, f"t{minutes}", without("staff", *staff_gone), minutes, sends=[])
        road.fetch(a_sweep(f"s{minutes}", without("student", *gone), sends=[], minutes=minutes))
    road.run()
    assert road.enabled(STAFF) == ids(MEMBERS) - {"210", "211"}
    assert road.enabled() == ids(PUPILS) - set(gone)
    assert {one.kind for one in road.changes() if isinstance(one, RemovalsHeld)} == {"staff"}


def test_one_email_in_both_books_is_no_matter_of_either(road: Road) -> None:
    """The publisher settles it, as for two schools of one tenant."""
    tutor = a_member("299", email=PUPILS[0].email)
    staff_sweep(road, "t2", [*MEMBERS, tutor], 5, sends=[tutor])
    road.run()
    state = the_account(road, STAFF, "299")
    assert (state.status, state.waits_for_email) == ("enabled", None)
    assert the_account(road, SCHOOL, PUPILS[0].student_id).status == "enabled"


def test_two_members_who_want_one_email_are_settled_in_their_book(road: Road) -> None:
    rival = a_member("299", email=MEMBERS[0].email)
    staff_sweep(road, "t2", [*MEMBERS, rival], 5, sends=[rival])
    road.run()
    assert "299" not in road.enabled(STAFF)
    first = MEMBERS[0].student_id
    staff_sweep(road, "t3", [*without("staff", first), rival], 10, sends=[left(first)])
    road.run()
    assert road.enabled(STAFF) == ids(MEMBERS) - {first} | {"299"}


# --- holds ----------------------------------------------------------------------------------------------------------


def held_staff(road: Road) -> str:
    """Six of ten staff have a past leaving date: more than five, and than three in ten. Returns the hold's hash."""
    gone = [str(210 + n) for n in range(6)]
    staff_sweep(road, "t2", without("staff", *gone), 5, sends=[left(one) for one in gone])
    road.run()
    assert road.enabled(STAFF) == ids(MEMBERS)
    return road.school(STAFF).holds["disable_explained"].hash


def test_a_hold_of_staff_is_told_under_their_book(road: Road) -> None:
    held_staff(road)
    (held,) = of_kind(road, "staff", RemovalsHeld)
    assert (held.school, held.plan, held.count) == (SCHOOL, "disable_explained", 6)
    assert len(of_kind(road, "staff", RemovalHeld)) == 6
    keys = {one.key for one in road.out.of(ACCOUNT_CHANGES) if b"removal" in dict(one.headers)["ce_type"]}
    assert keys == {STAFF, *(f"{STAFF}/{210 + n}" for n in range(6))}
    assert road.school().holds == {}
    assert reports(road, "staff")[-1].is_held


def test_a_release_of_staff_lets_them_go_at_the_next_certified_sweep_of_staff(road: Road) -> None:
    order = ReleaseHold(school=SCHOOL, kind="staff", plan="disable_explained", hash=held_staff(road), operator="kim")
    road.order(order)
    road.fetch(a_sweep("s2", PUPILS, sends=[], with_roll=False, minutes=8))
    road.run()
    assert road.enabled(STAFF) == ids(MEMBERS), "a sweep of students closes nothing here"
    staff_sweep(road, "t3", MEMBERS[6:], 10, sends=[])
    road.run()
    assert road.enabled(STAFF) == ids(MEMBERS[6:])
    (told,) = [one for one in road.changes() if type(one).__name__ == "HoldReleased"]
    assert (getattr(told, "kind", ""), getattr(told, "school", "")) == ("staff", SCHOOL)


@pytest.mark.parametrize("model", [ReleaseHold, RefuseHold])
def test_a_command_about_students_says_nothing_of_staff(road: Road, model: Any) -> None:
    road.order(model(school=SCHOOL, plan="disable_explained", hash=held_staff(road), operator="kim"))
    staff_sweep(road, "t3", MEMBERS[6:], 10, sends=[])
    road.run()
    assert road.enabled(STAFF) == ids(MEMBERS)
    assert road.school(STAFF).holds["disable_explained"].state == "held"


# --- a pause --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch", [1, 3, 10_000])
def test_a_pause_is_the_schools(road: Road, batch: int) -> None:
    """Given in a batch of its own, or in that of the close; fails when the staff's state is asked for it."""
    road.order(PauseSchool(school=SCHOOL, operator="kim"))
    staff_sweep(road, "t2", without("staff", ONE), 5, sends=[left(ONE)])
    road.fetch(a_failed_sweep("t3", [], minutes=7, kind="staff"))
    road.run(batch)
    assert ONE in road.enabled(STAFF)
    assert [one.is_paused for one in reports(road, "staff")] == [False, True, True]
    assert (road.school().is_paused, road.school(STAFF).is_paused) == (True, False)
    road.order(ResumeSchool(school=SCHOOL, operator="kim"))
    staff_sweep(road, "t4", without("staff", ONE), 10, sends=[])
    road.run(batch)
    assert ONE not in road.enabled(STAFF)
    assert not reports(road, "staff")[-1].is_paused


def test_a_pause_after_the_close_comes_too_late_for_it(road: Road) -> None:
    staff_sweep(road, "t2", without("staff", ONE), 5, sends=[left(ONE)])
    road.order(PauseSchool(school=SCHOOL, operator="kim"))
    road.run()
    assert ONE not in road.enabled(STAFF)


def test_a_school_of_which_no_student_was_ever_read_is_not_paused(tmp_path: Path) -> None:
    road = Road(a_config(tmp_path))
    staff_sweep(road, "t1", MEMBERS, 0, full=True)
    staff_sweep(road, "t2", without("staff", ONE), 5, sends=[left(ONE)])
    road.run()
    assert road.enabled(STAFF) == ids(MEMBERS) - {ONE}
    assert set(road.store.hashes[LANE][keys.SCHOOLS]) == {STAFF}


# --- keys and values ------------------------------------------------------------------------------------------------


def told_of(kind: Kind) -> list[Frozen]:
    who: dict[str, Any] = {"school": SCHOOL, "kind": kind, "sweep": "x"}
    hold: dict[str, Any] = {"school": SCHOOL, "kind": kind, "plan": "move", "hash": "0" * 16, "operator": "kim"}
    close = a_sweep("x", PEOPLE[kind], kind=kind)[-1]
    return [
        SweepStarted(**who, started_at=at()),
        RollRead(**who, chunk=0, chunks=1, ids=(ONE,)),
        SweepFailed(**who, started_at=at(), failed_at=at(1), reason="page_missing"),
        close,
        ReleaseHold(**hold),
        RefuseHold(**hold),
    ]


WRONG = [
    *((event, STAFF) for event in told_of("student")),
    *((event, SCHOOL) for event in told_of("staff")),
    (PauseSchool(school=SCHOOL, operator="kim"), STAFF),
    (ResumeSchool(school=SCHOOL, operator="kim"), STAFF),
    (StructureFetched(school=SCHOOL, structure=Structure()), STAFF),
    (SweepStarted(school=STAFF, sweep="x", started_at=at()), STAFF),
    (SweepStarted(school=STAFF, kind="staff", sweep="x", started_at=at()), STAFF),
    (_judged(a_student(ONE), "student"), f"{STAFF}/{ONE}"),
    (_judged(a_member(ONE), "staff"), f"{SCHOOL}/{ONE}"),
    (msgspec.structs.replace(_judged(a_member(ONE), "staff"), kind="student"), f"{STAFF}/{ONE}"),
    (msgspec.structs.replace(_judged(a_student(ONE), "student"), kind="staff"), f"{SCHOOL}/{ONE}"),
    (msgspec.structs.replace(_judged(a_member(ONE), "staff"), school=STAFF), f"{STAFF}/{ONE}"),
    (msgspec.structs.replace(_judged(a_member(ONE), "staff"), student_id="215"), f"{STAFF}/{ONE}"),
]


def put(road: Road, event: Frozen, key: str) -> None:
    """Straight into the lane, as a sender that is wrong would."""
    told = headers(type(event), id="x", school=SCHOOL, subject=key, time=at(5), read_at=at(5))
    road.append(Message(STUDENTS_ASSESSED, LANE, key, encode(event), told))


@pytest.mark.parametrize(("event", "key"), WRONG, ids=lambda one: one if isinstance(one, str) else type(one).__name__)
def test_a_key_and_a_value_that_disagree_are_poison_to_both_books(road: Road, event: Frozen, key: str) -> None:
    before = [the_book(road, book) for book in (SCHOOL, STAFF)]
    put(road, event, key)
    road.run()
    (letter,) = road.out.of(f"{STUDENTS_ASSESSED}-dlq")
    assert (letter.key, letter.value) == (key, encode(event))
    assert [the_book(road, book) for book in (SCHOOL, STAFF)] == before


def test_what_agrees_is_taken(road: Road) -> None:
    for kind in KINDS:
        for event in told_of(kind):
            if not isinstance(event, SweepCompleted):  # it has no settings yet
                put(road, event, BOOKS[kind])
        put(road, _judged(PEOPLE[kind][0], kind), f"{BOOKS[kind]}/{PEOPLE[kind][0].student_id}")
    road.run()
    assert not road.out.of(f"{STUDENTS_ASSESSED}-dlq")


def test_an_unchanged_member_of_staff_is_passed_over_without_a_write(road: Road) -> None:
    before = the_book(road, STAFF)
    for one in MEMBERS:
        road.read_one(a_reading(one, kind="staff"), minutes=5)
    road.run()
    assert the_book(road, STAFF) == before
    assert isinstance(_judged(a_member(ONE), "staff"), StaffAssessed)


# --- crashes, losses ------------------------------------------------------------------------------------------------


def a_day(road: Road) -> None:
    """Something of everything, in both books."""
    rival, namesake = a_member("299", email=MEMBERS[8].email), a_student("299", email=PUPILS[8].email)
    road.fetch(a_sweep("s2", [*without("student", "205"), namesake], sends=[namesake], minutes=5), minutes=5)
    staff_sweep(road, "t2", [*without("staff", "210"), rival], 6, sends=[rival])
    gone = [left(str(211 + n)) for n in range(6)]
    staff_sweep(road, "t3", [*without("staff", "210", *ids(gone)), rival], 10, sends=gone)
    road.read_one(a_reading(a_member("218", title="Prof"), kind="staff"), minutes=11)


def test_a_lane_with_both_books_is_rebuilt_to_the_byte(road: Road) -> None:
    a_day(road)
    road.run()
    before = {name: dict(fields) for name, fields in road.store.hashes[LANE].items() if fields}
    assert {name.partition(":")[2] for name in before} >= {SCHOOL, STAFF}
    road.store.hashes, road.store.records = {}, {}
    road.start()
    assert {name: fields for name, fields in road.store.hashes[LANE].items() if fields} == before
    asked = [decoder(SyncRequested).decode(one.value or b"") for one in road.out.of(SYNC_REQUESTS)]
    assert [(one.school, one.kind, one.full) for one in asked] == [(SCHOOL, None, True)], "both books at once"


def test_a_deleted_book_is_noticed_and_made_anew(road: Road) -> None:
    before = the_book(road, STAFF)
    del road.store.hashes[LANE][keys.students(STAFF)]
    road.read_one(a_reading(a_member(ONE), kind="staff"), minutes=5)
    road.run()
    assert the_book(road, STAFF) == before
    assert decoder(LaneState).decode(road.store.records[LANE]).rebuilt_offset > 0


def test_staff_whose_school_was_never_told_get_a_book_of_their_kind(tmp_path: Path) -> None:
    """The batch that met them was published as far as the people."""
    road = started(tmp_path)
    keep = [one for one in road.out.messages if one.key != STAFF]
    road.out.messages[:] = keep
    road.store.hashes, road.store.records = {}, {}
    road.start()
    school: SchoolState = road.school(STAFF)
    assert (school.school, school.kind, school.students, school.enabled, school.offset) == (SCHOOL, "staff", 10, 10, -1)


@pytest.mark.parametrize("point", ["published-0", "published-1", "written"])
@pytest.mark.parametrize("batch", [1, 5, 10_000])
def test_a_crash_anywhere_gives_the_same_ids_and_the_same_end(tmp_path: Path, point: str, batch: int) -> None:
    ends = []
    for crashes in (False, True):
        folder = tmp_path / str(crashes)
        folder.mkdir()
        road = started(folder)
        a_day(road)
        if crashes:
            road.crash_at(point, batch)
        road.run(batch)
        ends.append((road.changes(), road.store.hashes[LANE]))
    assert ends[0] == ends[1]
