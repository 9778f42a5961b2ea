"""What a snapshot has in it, byte for byte, and under which e-mail each person is."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from services.publisher.email_assignment import EmailRule
from services.publisher.last_snapshot import Last
from services.publisher.roster_entry import Person, pack, person_of, unpack
from services.publisher.snapshot import PLAIN, Base, Fixed, Snapshot, roster_hash, take
from shared.contract.account_state import AccountState
from shared.contract.model import Department, Faculty, Module, ModuleYear, Programme, Structure
from shared.contract.tenant_state import Seat
from tests.unit.publisher.world import a_leaver, an_account, an_employee, assessed_without_modules

HOLDS, SENDS = EmailRule(), EmailRule(sends=True)
NOBODY = Last()


def person(state: AccountState) -> Person:
    return unpack(pack(person_of(state, state.student_id)))


def delivered(**emails: str | Sequence[str]) -> Last:
    """``delivered(abbey_1="a@x")``: Unitu has student 1 of abbey as a@x; of several, the newest comes first."""
    by_person = {
        ref.replace("_", "/"): ((given,) if isinstance(given, str) else tuple(given)) for ref, given in emails.items()
    }
    seats = {
        email: (Seat(book=ref.split("/")[0], person=ref.split("/")[1], position=0),)
        for ref, known in by_person.items()
        for email in known
    }
    return Last(seats, by_person)


def snapshot_of(
    *states: AccountState,
    last: Last = NOBODY,
    rule: EmailRule = HOLDS,
    structures: dict[str, Structure] | None = None,
    fixed: Sequence[Fixed] = (),
    base: Base = PLAIN,
    has_staff: bool = False,
) -> Snapshot:
    people = [person(state) for state in states]
    return take(people, structures or {}, fixed, last, rule, base, has_staff=has_staff)


def body_of(*states: AccountState, **more: Any) -> Any:
    return json.loads(snapshot_of(*states, **more).body)


def emails_of(*states: AccountState, **more: Any) -> list[str]:
    return [student["email"] for student in body_of(*states, **more)["students"]]


# --- the body --------------------------------------------------------------------------------------------------------


def test_a_body_has_all_lists_even_when_empty() -> None:
    lists = ["faculties", "departments", "programmes", "modules", "students"]
    assert list(body_of()) == lists
    assert list(body_of(has_staff=True)) == [*lists, "staff"]


def test_a_student_is_as_the_document_has_it() -> None:
    state = an_account(
        "7", year=None, personal_email="ada@home.example", phone="+44", metadata={"house": "North", "form": "10A"}
    )
    [student] = body_of(state)["students"]
    assert list(student.items()) == [
        ("id", "7"),
        ("firstName", "Ada"),
        ("lastName", "Fern"),
        ("year", None),
        ("email", "s7@abbey.example"),
        ("personalEmail", "ada@home.example"),
        ("phone", "+44"),
        ("programmeCodes", ["Y10"]),
        ("moduleCodes", ["Y10-HIS"]),
        ("metadata", {"form": "10A", "house": "North"}),
    ]


def test_what_has_no_value_is_left_out_but_year_and_programmes() -> None:
    [student] = body_of(an_account("7", id=None, programmes=(), modules=()))["students"]
    assert list(student) == ["firstName", "lastName", "year", "email", "programmeCodes", "moduleCodes"]


def test_modules_that_were_never_read_are_not_said_to_be_none() -> None:
    state = an_account("7", modules=(), assessment=assessed_without_modules("7"))
    assert "moduleCodes" not in body_of(state)["students"][0]
    kept = an_account("7", modules=("Y10-HIS",), assessment=assessed_without_modules("7"))
    assert body_of(kept)["students"][0]["moduleCodes"] == ["Y10-HIS"]


def test_staff_are_sent_only_where_managed() -> None:
    teacher = an_employee("9", email="t@abbey.example")
    assert "t@abbey.example" not in snapshot_of(teacher).roster
    [sent] = body_of(teacher, has_staff=True)["staff"]
    assert sent["email"] == "t@abbey.example"


def test_a_member_of_staff_has_the_fields_of_unitus_document_in_its_order() -> None:
    teacher = an_employee(
        "ST1",
        first_name="Jane",
        last_name="Smith",
        title="Professor",
        email="jane@abbey.example",
        personal_email="jane@home.example",
        phone="+44",
        faculties=("S",),
        departments=("ART", "HIS"),
        programmes=("Y10",),
        modules=("Y10-HIS",),
        metadata={"campus": "City"},
    )
    sent = {
        "id": "ST1",
        "firstName": "Jane",
        "lastName": "Smith",
        "universityTitle": "Professor",
        "email": "jane@abbey.example",
        "personalEmail": "jane@home.example",
        "phone": "+44",
        "facultyCodes": ["S"],
        "departmentCodes": ["ART", "HIS"],
        "programmeCodes": ["Y10"],
        "moduleCodes": ["Y10-HIS"],
        "metadata": {"campus": "City"},
    }
    assert list(body_of(teacher, has_staff=True)["staff"][0].items()) == list(sent.items())


def test_of_staff_only_what_unitu_must_have_is_sent_without_a_value() -> None:
    teacher = an_employee("9", id=None, title=None, assessment=assessed_without_modules("9"))
    assert list(body_of(teacher, has_staff=True)["staff"][0].items()) == [
        ("firstName", "Ada"),
        ("lastName", "Fern"),
        ("universityTitle", ""),
        ("email", "t9@abbey.example"),
        ("facultyCodes", []),
        ("departmentCodes", []),
        ("programmeCodes", []),
    ]


def test_employee_and_student_of_one_number_are_two_people() -> None:
    snapshot = snapshot_of(an_account("214"), an_employee("214"), has_staff=True)
    assert snapshot.carried == {"abbey/214": "s214@abbey.example", "abbey+staff/214": "t214@abbey.example"}
    seats = snapshot.roster.values()
    assert [(seat.school, seat.kind, seat.person) for seat in seats] == [
        ("abbey", "student", "214"),
        ("abbey", "staff", "214"),
    ]


@pytest.mark.parametrize("holder", ["abbey/1", "abbey+staff/1"])
def test_of_student_and_staff_with_one_email_the_delivered_account_keeps_it(holder: str) -> None:
    people = an_account("1", email="a@x"), an_employee("1", email="a@x")
    last = Last({"a@x": (Seat(book=holder.removesuffix("/1"), person="1", position=0),)}, {holder: ("a@x",)})
    snapshot = snapshot_of(*people, last=last, has_staff=True)
    assert snapshot.roster["a@x"].ref == holder
    [conflict] = snapshot.conflicts
    other = "student" if "+" in holder else "staff"
    assert (conflict.school, conflict.kind, conflict.person) == ("abbey", other, "1")
    assert (conflict.holder, conflict.is_left_out) == (holder, True)


def test_an_email_of_staff_does_not_move_by_itself() -> None:
    teacher, last = an_employee("1", email="new@x"), Last({}, {"abbey+staff/1": ("old@x",)})
    held = snapshot_of(teacher, last=last, has_staff=True)
    [wait] = held.waits
    assert (wait.ref, wait.kind, wait.delivered, wait.own) == ("abbey+staff/1", "staff", "old@x", "new@x")
    of_student = EmailRule(releases={"abbey/1": "new@x"})
    assert set(snapshot_of(teacher, last=last, rule=of_student, has_staff=True).roster) == {"old@x"}
    of_staff = EmailRule(releases={"abbey+staff/1": "new@x"})
    assert set(snapshot_of(teacher, last=last, rule=of_staff, has_staff=True).roster) == {"new@x"}


def test_only_enabled_accounts_are_in_it() -> None:
    assert emails_of(an_account("1"), a_leaver("2", 5), an_account("3", status="none")) == ["s1@abbey.example"]


def test_a_structure_is_sent_whole_and_sorted() -> None:
    structure = Structure(
        faculties=(Faculty(code="S", name="Seniors"), Faculty(code="J", name="Juniors")),
        departments=(Department(code="HIS", name="History", faculty_code="S"), Department(code="ART", name="Art")),
        programmes=(Programme(code="Y10", name="Year 10", department_code="HIS"),),
        modules=(Module(code="M", name="Rome", programme_code="Y10", years=(ModuleYear(year=4, is_optional=True),)),),
    )
    body = body_of(structures={"abbey": structure})
    assert body["faculties"] == [{"code": "J", "name": "Juniors"}, {"code": "S", "name": "Seniors"}]
    assert body["departments"] == [
        {"code": "ART", "name": "Art"},
        {"code": "HIS", "name": "History", "facultyCode": "S"},
    ]
    assert body["programmes"] == [{"code": "Y10", "name": "Year 10", "departmentCode": "HIS"}]
    years = [{"year": 4, "isOptional": True}]
    assert body["modules"] == [{"code": "M", "name": "Rome", "programmeCode": "Y10", "years": years}]


def test_two_schools_that_define_one_code_differently_are_told() -> None:
    a, b = (Structure(programmes=(Programme(code="Y10", name=name),)) for name in ("Year 10", "Ten"))
    snapshot = snapshot_of(structures={"abbey": a, "borough": b})
    assert json.loads(snapshot.body)["programmes"] == [{"code": "Y10", "name": "Year 10"}]
    assert snapshot.repeated_codes == {"programmes": ("Y10",)}
    assert snapshot_of(structures={"abbey": a, "borough": a}).repeated_codes == {}


def test_the_order_of_the_input_decides_nothing() -> None:
    states = [an_account(str(n)) for n in range(20)]
    assert snapshot_of(*states).body == snapshot_of(*reversed(states)).body


def test_the_roster_hash_is_of_the_set_of_emails_alone() -> None:
    before = snapshot_of(an_account("1"), an_account("2"))
    after = snapshot_of(an_account("2", first_name="Bea"), an_account("1", email="S1@Abbey.example "))
    assert before.roster_hash == after.roster_hash == roster_hash(["s2@abbey.example", "s1@abbey.example"])
    assert before.digest != after.digest


def test_a_protected_record_is_in_every_snapshot_as_it_stands() -> None:
    head = Fixed("student", "Head@Abbey.example", b'{"firstName":"H","lastName":"T","email":"Head@Abbey.example"}')
    snapshot = snapshot_of(an_account("1"), fixed=[head])
    assert json.loads(snapshot.body)["students"][0] == {
        "firstName": "H",
        "lastName": "T",
        "email": "Head@Abbey.example",
    }
    assert set(snapshot.roster) == {"head@abbey.example", "s1@abbey.example"}


def test_a_protected_email_is_not_sent_a_second_time() -> None:
    head = Fixed("student", "S1@abbey.example", b'{"email":"S1@abbey.example"}')
    snapshot = snapshot_of(an_account("1"), fixed=[head])
    assert len(json.loads(snapshot.body)["students"]) == 1
    [conflict] = snapshot.conflicts
    assert (conflict.person, conflict.holder, conflict.is_left_out) == ("1", "/s1@abbey.example", True)


# --- under which e-mail ----------------------------------------------------------------------------------------------

MOVED = an_account("1", email="new@x")


@pytest.mark.parametrize(
    ("last", "rule", "sent"),
    [
        pytest.param(NOBODY, HOLDS, "new@x", id="nobody has them yet: their own"),
        pytest.param(delivered(abbey_1="old@x"), HOLDS, "old@x", id="held: the last delivered"),
        pytest.param(delivered(abbey_1="old@x"), SENDS, "new@x", id="the tenant sends: their own"),
        pytest.param(
            delivered(abbey_1="old@x"), EmailRule(releases={"abbey/1": "new@x"}), "new@x", id="released: their own"
        ),
        pytest.param(
            delivered(abbey_1="old@x"),
            EmailRule(releases={"abbey/1": "third@x"}),
            "old@x",
            id="another new e-mail was released",
        ),
        pytest.param(
            delivered(abbey_1="old@x"),
            EmailRule(releases={"abbey/2": "new@x"}),
            "old@x",
            id="somebody else was released",
        ),
        pytest.param(delivered(abbey_1=["maybe@x", "old@x"]), HOLDS, "maybe@x", id="of unknown outcome: the newest"),
        pytest.param(
            delivered(abbey_1=["old@x", "new@x"]), HOLDS, "new@x", id="their own was delivered already: no change"
        ),
        pytest.param(delivered(abbey_1="NEW@X"), HOLDS, "NEW@X", id="the spelling that was sent stays"),
        pytest.param(Last(former={"abbey/1": "old@x"}), HOLDS, "old@x", id="who returns keeps their account"),
        pytest.param(Last(former={"abbey/1": "old@x"}), SENDS, "new@x", id="who returns, where the tenant sends"),
    ],
)
def test_an_email_does_not_move_by_itself(last: Last, rule: EmailRule, sent: str) -> None:
    assert emails_of(MOVED, last=last, rule=rule) == [sent]


def test_whoever_waits_is_listed() -> None:
    snapshot = snapshot_of(MOVED, an_account("2"), last=delivered(abbey_1="old@x", abbey_2="s2@abbey.example"))
    [wait] = snapshot.waits
    assert (wait.person, wait.delivered, wait.own) == ("1", "old@x", "new@x")
    assert snapshot_of(MOVED, last=delivered(abbey_1="old@x"), rule=SENDS).waits == ()


def test_a_person_without_email_keeps_the_one_delivered() -> None:
    blank = an_account("1", email=" ")
    assert emails_of(blank, last=delivered(abbey_1="old@x")) == ["old@x"]
    assert emails_of(blank, last=delivered(abbey_1="old@x"), rule=SENDS) == ["old@x"]


def test_a_person_without_any_email_is_left_out_and_told() -> None:
    snapshot = snapshot_of(an_account("1", email=""))
    assert snapshot.roster == {}
    assert [who.person for who in snapshot.without_email] == ["1"]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_two_schools_that_claim_one_email_the_delivered_account_keeps_it(order: tuple[int, int]) -> None:
    states = [an_account("1", email="a@x"), an_account("1", email="A@x", school="borough")]
    snapshot = snapshot_of(*(states[n] for n in order), last=delivered(borough_1="a@x"))
    assert snapshot.roster["a@x"].ref == "borough/1"
    [conflict] = snapshot.conflicts
    assert (conflict.school, conflict.holder, conflict.is_left_out) == ("abbey", "borough/1", True)


def test_of_two_that_were_delivered_with_one_email_the_newest_keeps_it() -> None:
    """2 got it in a snapshot of unknown outcome, after 1 had it in the accepted one."""
    seats = (Seat(book="abbey", person="2", position=9), Seat(book="abbey", person="1", position=5))
    last = Last({"a@x": seats}, {"abbey/1": ("a@x",), "abbey/2": ("a@x",)})
    states = [an_account("1", email="a@x"), an_account("2", email="a@x")]
    assert snapshot_of(*states, last=last).roster["a@x"].person == "2"


def test_of_two_new_claims_the_first_school_gets_it_whatever_comes_first() -> None:
    states = [an_account("1", email="a@x", school="borough"), an_account("1", email="a@x")]
    assert snapshot_of(*states).roster["a@x"].ref == "abbey/1"
    assert snapshot_of(*reversed(states)).roster["a@x"].ref == "abbey/1"


def test_whoever_loses_a_claim_falls_back_to_the_other_email() -> None:
    """1 was released to an e-mail that 2 still has: it stays where it was, and nobody vanishes."""
    states = [an_account("1", email="b@x"), an_account("2", email="b@x")]
    last, rule = delivered(abbey_1="a@x", abbey_2="b@x"), EmailRule(releases={"abbey/1": "b@x"})
    snapshot = snapshot_of(*states, last=last, rule=rule)
    assert {email: seat.person for email, seat in snapshot.roster.items()} == {"a@x": "1", "b@x": "2"}


def test_two_that_exchange_their_emails_do_so_in_one_snapshot_once_both_moves_are_released() -> None:
    states = [an_account("1", email="b@x"), an_account("2", email="a@x")]
    last = delivered(abbey_1="a@x", abbey_2="b@x")
    held = snapshot_of(*states, last=last, rule=SENDS)
    assert {email: seat.person for email, seat in held.roster.items()} == {"a@x": "1", "b@x": "2"}
    base = Base(releases=[move.hash for move in held.moves])
    gone = snapshot_of(*states, last=last, rule=SENDS, base=base)
    assert {email: seat.person for email, seat in gone.roster.items()} == {"b@x": "1", "a@x": "2"}
    assert gone.used == set(base.releases)


def test_a_leavers_email_is_given_to_nobody_without_a_yes() -> None:
    states = [a_leaver("1", 9, email="a@x"), an_account("2", email="a@x")]
    snapshot = snapshot_of(*states, last=delivered(abbey_1="a@x"))
    assert snapshot.roster == {}
    assert [(move.email, move.owner, move.ref) for move in snapshot.moves] == [("a@x", "abbey/1", "abbey/2")]
    [conflict] = snapshot.conflicts
    assert (conflict.person, conflict.holder, conflict.is_left_out) == ("2", "abbey/1", True)


def test_a_whole_domain_changes_and_nobody_moves() -> None:
    states = [an_account(str(n), email=f"s{n}@new.example") for n in range(50)]
    last = delivered(**{f"abbey_{n}": f"s{n}@old.example" for n in range(50)})
    snapshot = snapshot_of(*states, last=last)
    assert set(snapshot.roster) == set(last.seats)
    assert len(snapshot.waits) == 50
