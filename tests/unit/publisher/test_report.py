"""What Unitu will do with a snapshot, by its document."""

from collections.abc import Collection
from typing import Any

import msgspec
import pytest

from services.publisher.email_assignment import EmailRule
from services.publisher.last_snapshot import Last, orphan
from services.publisher.report import Sent, pack, report, sent_after, unpack
from services.publisher.snapshot import Snapshot, take
from services.publisher.structure_ledger import LISTS, Ledger
from shared.contract.account_state import AccountState
from shared.contract.deliveries import CodesChanged, EmailWait, FieldsUpdated, NotTaken, Report
from shared.contract.entities import KnownEntity
from shared.contract.model import Department, Faculty, Module, Programme, Structure
from shared.contract.tenant_state import Seat
from tests.unit.publisher.test_snapshot import delivered, person
from tests.unit.publisher.world import a_leaver, an_account, an_employee, assessed_without_modules

STRUCTURE = Structure(
    faculties=(Faculty(code="F", name="Seniors"),),
    departments=(Department(code="D", name="History", faculty_code="F"),),
    programmes=(
        Programme(code="Y10", name="Year 10", department_code="D"),
        Programme(code="Y11", name="Year 11", department_code="D"),
    ),
    modules=(Module(code="Y10-HIS", name="Rome", programme_code="Y10"),),
)


def confirmed(**codes: tuple[str, ...]) -> Ledger:
    """A ledger in which these exist at Unitu, and nothing else was ever told."""
    one = KnownEntity(state="confirmed", since="2026", by="ann")
    return {name: dict.fromkeys(codes.get(name, ()), one) for name in LISTS}


NOTHING = confirmed()
KNOWN = confirmed(faculties=("F",), departments=("D",), programmes=("Y10", "Y11"), modules=("Y10-HIS",))
WITHOUT_Y10 = confirmed(faculties=("F",), departments=("D",), programmes=("Y11",), modules=("Y10-HIS",))
EMAIL = "s1@abbey.example"


def shot(*states: AccountState, last: Last | None = None, rule: EmailRule | None = None) -> Snapshot:
    people = [person(state) for state in states]
    return take(people, {"abbey": STRUCTURE}, [], last or Last(), rule or EmailRule(), has_staff=True)


def told(*now: AccountState, before: tuple[AccountState, ...] = (), **more: Any) -> Report:
    """The report of a snapshot after another that was accepted."""
    last = delivered(**{f"abbey_{one.student_id}": one.details.email for one in before if one.details})
    known: Ledger = more.get("known", KNOWN)
    sent = remembered(shot(*before), {}, more.get("known_before", known))
    return report(shot(*now, last=last), set(last.seats), last, sent, known)


def remembered(
    snapshot: Snapshot, before: dict[str, Sent], ledger: Ledger = KNOWN, left: Collection[str] = ()
) -> dict[str, Sent]:
    """The memory of what was sent after another snapshot was accepted, by way of its bytes."""
    after: dict[str, Sent | None] = {**before, **sent_after(snapshot, before, ledger, left)}
    return {email: unpack(pack(one)) for email, one in after.items() if one is not None}


def test_a_first_snapshot_provisions_everybody() -> None:
    found = told(an_account("1"))
    assert found.provisioned == (EMAIL,)
    assert found.enrolled == (CodesChanged(email=EMAIL, programmes=("Y10",), modules=("Y10-HIS",)),)
    assert found.counts["provisioned"] == found.counts["students"] == 1
    assert found.is_compared


def test_nothing_new_is_nothing_to_do() -> None:
    found = told(an_account("1"), before=(an_account("1"),))
    assert {name: count for name, count in found.counts.items() if count} == {"students": 1}


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"first_name": "Bea"}, ("firstName",)),
        ({"last_name": "Ash", "phone": "+44"}, ("lastName", "phone")),
        ({"year": 5}, ("year",)),
        ({"metadata": {"house": "N"}}, ()),
        ({"personal_email": "p@x"}, ("personalEmail",)),
    ],
)
def test_the_fields_that_unitu_updates(changes: dict[str, Any], fields: tuple[str, ...]) -> None:
    found = told(an_account("1", **changes), before=(an_account("1"),))
    assert found.updated == ((FieldsUpdated(email=EMAIL, fields=fields),) if fields else ())


def test_whoever_is_missing_is_disabled() -> None:
    assert told(a_leaver("1", 5), before=(an_account("1"),)).disabled == (EMAIL,)


def test_whoever_returns_is_enabled_again() -> None:
    last = Last(former={"abbey/1": EMAIL})
    found = report(shot(an_account("1"), last=last), (), last, {}, KNOWN)
    assert found.enabled == (EMAIL,)
    assert found.provisioned == ()


def test_who_returns_has_what_they_had() -> None:
    """Unitu takes a disabled account out of nothing: only what has changed since is done."""
    before = remembered(shot(an_account("1")), {})
    gone = remembered(shot(), before, left={EMAIL})
    assert gone[EMAIL].is_gone
    last = Last(former={"abbey/1": EMAIL})
    now = an_account("1", first_name="Bea", modules=())
    found = report(shot(now, last=last), (), last, gone, KNOWN)
    assert (found.enabled, found.enrolled, found.is_compared) == ((EMAIL,), (), True)
    assert found.updated == (FieldsUpdated(email=EMAIL, fields=("firstName",)),)
    assert found.unenrolled == (CodesChanged(email=EMAIL, modules=("Y10-HIS",)),)
    assert not remembered(shot(an_account("1"), last=last), gone)[EMAIL].is_gone


def test_who_returns_after_the_memory_was_lost_is_compared_with_nothing() -> None:
    last = Last(former={"abbey/1": EMAIL})
    found = report(shot(an_account("1"), last=last), (), last, {}, KNOWN)
    assert (found.enabled, found.enrolled, found.is_compared) == ((EMAIL,), (), False)


def test_an_account_that_was_left_behind_is_enabled_again() -> None:
    last = Last(orphans={orphan(EMAIL): "abbey/1"})
    found = report(shot(an_account("1"), last=last), (), last, {}, KNOWN)
    assert (found.enabled, found.provisioned) == ((EMAIL,), ())


def test_a_field_that_is_left_out_is_kept() -> None:
    sent: dict[str, Sent] = {}
    fields = []
    for phone in ("1", None, "1", "2"):
        last = delivered(abbey_1=EMAIL) if sent else Last()
        snapshot = shot(an_account("1", phone=phone), last=last)
        found = report(snapshot, set(last.seats), last, sent, KNOWN)
        fields.append([one.fields for one in found.updated])
        sent = remembered(snapshot, sent)
    assert fields == [[], [], [], [("phone",)]]


def test_enrolments_are_compared() -> None:
    found = told(an_account("1", programmes=("Y11",), modules=()), before=(an_account("1"),))
    assert found.enrolled == (CodesChanged(email=EMAIL, programmes=("Y11",)),)
    assert found.unenrolled == (CodesChanged(email=EMAIL, programmes=("Y10",), modules=("Y10-HIS",)),)


def test_a_student_of_a_new_programme_is_blocked_not_enrolled() -> None:
    found = told(an_account("1"), known=WITHOUT_Y10)
    assert found.blocked == (CodesChanged(email=EMAIL, programmes=("Y10",)),)
    assert found.enrolled == (CodesChanged(email=EMAIL, modules=("Y10-HIS",)),)


def test_a_code_that_no_list_has_is_told_and_not_sent() -> None:
    found = told(an_account("1", programmes=("Y10", "Y99"), modules=()))
    assert found.undefined_codes == {"programmes": ("Y99",)}
    assert found.enrolled == (CodesChanged(email=EMAIL, programmes=("Y10",)),)


def test_new_entities_come_with_the_students_they_would_unblock() -> None:
    found = told(an_account("1"), an_account("2"), an_account("3", programmes=("Y11",), modules=()), known=NOTHING)
    assert [(one.list, one.code, one.students) for one in found.entities] == [
        ("faculties", "F", 3),
        ("departments", "D", 3),
        ("programmes", "Y10", 2),
        ("modules", "Y10-HIS", 2),
        ("programmes", "Y11", 1),
    ]
    assert found.counts["entities"] == found.counts["new_entities"] == 5
    assert told(an_account("1")).entities == ()


def test_emails_that_wait_are_listed() -> None:
    found = told(an_account("1", email="new@x"), before=(an_account("1"),))
    assert found.waits == (EmailWait(school="abbey", person="1", delivered=EMAIL, own="new@x"),)
    assert found.provisioned == ()
    assert found.disabled == ()


def test_what_unitu_takes_only_once_is_said_to_be_not_taken() -> None:
    first = an_account("1", personal_email="a@home")
    changed = an_account("1", personal_email="b@home", id="other")
    found = told(changed, before=(first,))
    assert found.not_taken == (NotTaken(email=EMAIL, field="id"), NotTaken(email=EMAIL, field="personalEmail"))


def test_the_first_value_is_remembered_through_later_snapshots() -> None:
    last = delivered(abbey_1=EMAIL)
    sent: dict[str, Sent] = {}
    for personal in (None, "a@home", "b@home", "b@home"):
        snapshot = shot(an_account("1", personal_email=personal), last=last)
        found = report(snapshot, set(last.seats), last, sent, KNOWN) if sent else None
        sent = remembered(snapshot, sent)
    assert found is not None
    assert [one.field for one in found.not_taken] == ["personalEmail"]
    assert sent[EMAIL].personal_email == "a@home"


def test_only_what_differs_is_remembered_anew() -> None:
    before = remembered(shot(an_account("1"), an_account("2")), {})
    after = sent_after(shot(an_account("1")), before, KNOWN)
    assert after == {"s2@abbey.example": None}


def test_a_report_after_its_memory_was_lost_says_so() -> None:
    last = delivered(abbey_1=EMAIL)
    found = report(shot(an_account("1", first_name="Bea"), last=last), set(last.seats), last, {}, KNOWN)
    assert not found.is_compared
    assert found.updated == ()
    assert found.provisioned == ()


def test_staff_are_counted_apart_and_told_with_everybody() -> None:
    found = told(an_account("1"), an_employee("9", email="t@x", programmes=("Y10",)))
    assert (found.counts["students"], found.counts["staff"]) == (1, 1)
    assert found.provisioned == (EMAIL, "t@x")
    assert [one.email for one in found.enrolled] == [EMAIL, "t@x"]
    assert told(before=(an_employee("9", email="t@x"),)).disabled == ("t@x",)


def test_a_member_of_staff_takes_no_year_from_the_account_that_they_are_given() -> None:
    before = remembered(shot(an_account("1", year=3)), {})
    last = Last(seats={EMAIL: (Seat(book="abbey+staff", person="9"),)}, emails={"abbey+staff/9": (EMAIL,)})
    now = shot(an_employee("9", email=EMAIL, first_name="Bea"), last=last)
    assert report(now, {EMAIL}, last, before, KNOWN).updated == (FieldsUpdated(email=EMAIL, fields=("firstName",)),)


def test_what_blocks_staff_is_told_and_a_new_entity_counts_students_alone() -> None:
    people = an_account("1"), an_employee("9", email="t@x", programmes=("Y10",))
    found = told(*people, known=WITHOUT_Y10)
    assert CodesChanged(email="t@x", programmes=("Y10",)) in found.blocked
    assert [(one.code, one.students) for one in found.entities] == [("Y10", 1)]


def test_a_seat_knows_its_person() -> None:
    assert Seat(book="abbey", person="1").ref == "abbey/1"


# --- what blocks, and for how long ---------------------------------------------------------------------------------


def test_what_was_sent_and_not_confirmed_goes_on_blocking() -> None:
    found = told(an_account("1", last_name="Ash"), before=(an_account("1"),), known=NOTHING)
    assert found.blocked == (CodesChanged(email=EMAIL, programmes=("Y10",), modules=("Y10-HIS",)),)
    assert (found.enrolled, found.unenrolled) == ((), ())
    assert [one.fields for one in found.updated] == [("lastName",)]


def test_who_was_blocked_is_enrolled_by_the_first_snapshot_after_a_confirmation() -> None:
    now = an_account("1")
    found = told(now, before=(now,), known=KNOWN, known_before=WITHOUT_Y10)
    assert found.enrolled == (CodesChanged(email=EMAIL, programmes=("Y10",)),)
    assert found.blocked == ()
    sent = remembered(shot(now), remembered(shot(now), {}, WITHOUT_Y10), KNOWN)
    last = delivered(abbey_1=EMAIL)
    assert report(shot(now, last=last), set(last.seats), last, sent, KNOWN).enrolled == ()


def test_nobody_is_taken_out_of_what_they_were_blocked_from() -> None:
    now = an_account("1", programmes=("Y11",), modules=())
    found = told(now, before=(an_account("1"),), known=WITHOUT_Y10)
    assert found.enrolled == (CodesChanged(email=EMAIL, programmes=("Y11",)),)
    assert found.unenrolled == (CodesChanged(email=EMAIL, modules=("Y10-HIS",)),)


def test_who_is_in_something_stays_in_it_when_its_confirmation_is_taken_back() -> None:
    found = told(an_account("1", last_name="Ash"), before=(an_account("1"),), known=WITHOUT_Y10, known_before=KNOWN)
    assert (found.blocked, found.unenrolled) == ((), ())
    assert [(one.code, one.students) for one in found.entities] == [("Y10", 0)]


def test_who_returns_is_enrolled_into_what_was_confirmed_while_they_were_away() -> None:
    last, now = Last(former={"abbey/1": EMAIL}), an_account("1")
    gone = remembered(shot(), remembered(shot(now), {}, WITHOUT_Y10), WITHOUT_Y10, left={EMAIL})
    found = report(shot(now, last=last), (), last, gone, KNOWN)
    assert found.enrolled == (CodesChanged(email=EMAIL, programmes=("Y10",)),)


def test_who_has_an_account_of_before_is_blocked_by_what_nobody_has_confirmed() -> None:
    last = delivered(abbey_1=EMAIL)
    found = report(shot(an_account("1"), last=last), set(last.seats), last, {}, WITHOUT_Y10)
    assert found.blocked == (CodesChanged(email=EMAIL, programmes=("Y10",)),)
    assert not found.is_compared


@pytest.mark.parametrize(
    ("ledger", "blocked"),
    [(KNOWN, ()), (NOTHING, (CodesChanged(email=EMAIL, programmes=("Y10",), modules=("Y10-HIS",)),))],
)
def test_a_memory_of_before_the_ledger_is_of_what_is_confirmed(
    ledger: Ledger, blocked: tuple[CodesChanged, ...]
) -> None:
    snapshot = shot(an_account("1"), last=delivered(abbey_1=EMAIL))
    old = unpack(msgspec.msgpack.encode([snapshot.records[EMAIL], "1", None, None, False]))
    assert (old.is_whole, old.programmes) == (False, None)
    last = delivered(abbey_1=EMAIL)
    found = report(snapshot, set(last.seats), last, {EMAIL: old}, ledger)
    assert (found.enrolled, found.unenrolled, found.blocked) == ((), (), blocked)


def test_modules_that_a_record_leaves_out_are_kept() -> None:
    bare = an_account("1", modules=(), assessment=assessed_without_modules("1"))
    assert b"moduleCodes" not in shot(bare).records[EMAIL]
    found = told(bare, before=(an_account("1"),))
    assert found.unenrolled == ()
    sent = remembered(shot(bare), remembered(shot(an_account("1")), {}))
    last = delivered(abbey_1=EMAIL)
    back = report(shot(an_account("1"), last=last), set(last.seats), last, sent, KNOWN)
    assert (back.enrolled, back.unenrolled) == ((), ())
    none = report(shot(an_account("1", modules=()), last=last), set(last.seats), last, sent, KNOWN)
    assert none.unenrolled == (CodesChanged(email=EMAIL, modules=("Y10-HIS",)),)


def test_a_department_unblocks_those_whose_programmes_are_missing() -> None:
    found = told(an_account("1"), known=confirmed(programmes=("Y10", "Y11"), faculties=("F",), modules=("Y10-HIS",)))
    assert [(one.list, one.code, one.students) for one in found.entities] == [("departments", "D", 0)]


def test_what_was_told_before_is_not_told_as_new() -> None:
    ledger = KNOWN | {"programmes": {"Y10": KnownEntity(state="told", since="2026-11-01T08:00:00.000Z")}}
    found = told(an_account("1"), known=ledger)
    assert [(one.code, one.state, one.since) for one in found.entities] == [
        ("Y10", "told", "2026-11-01T08:00:00.000Z"),
        ("Y11", "new", ""),
    ]
    assert (found.counts["entities"], found.counts["new_entities"]) == (2, 1)
