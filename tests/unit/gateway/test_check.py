"""A whole body: refused, or taken but for those at fault."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from services.gateway import check as check_module
from services.gateway.body import open_body
from services.gateway.check import Checked, Refused, check
from services.gateway.key_resolution import Key
from services.gateway.register import Register, of_roll
from services.gateway.structure import Lists
from services.gateway.warnings import Notes
from tests.harness.examples import curl_command
from tests.unit.gateway.world import a_body, a_pupil, a_teacher, email, pupils, staff_email, teachers


def checked(
    body: Any, key: Key = "email", last: Mapping[str, str | None] | None = None, *, has_staff: bool = False
) -> Checked:
    notes = Notes()
    supplied, faults = open_body(json.dumps(body).encode(), notes)
    return check(supplied, faults, Lists(), key, of_roll(last or {}, key), Register() if has_staff else None, notes)


def refusal(body: Any, key: Key = "email", *, has_staff: bool = False) -> tuple[str, list[str]]:
    with pytest.raises(Refused) as refused:
        checked(body, key, has_staff=has_staff)
    return refused.value.reason, [fault.pointer for fault in refused.value.faults.told]


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        pytest.param(a_body(faculties=[{"code": "FAC01"}]), ["/faculties/0/name"], id="a structure's field"),
        pytest.param(a_body(modules={}), ["/modules"], id="a list that is none"),
        pytest.param(a_body(Students=[]), ["/Students"], id="a list that is misspelt"),
        pytest.param(
            a_body(pupils(30, a_pupil(31, year="1")), faculties=[7], departments=[], programmes=[], modules=[]),
            ["/faculties/0"]
            + [f"/students/{n}/{codes}/0" for n in range(30) for codes in ("programmeCodes", "moduleCodes")]
            + ["/students/30/year", "/students/30/programmeCodes/0", "/students/30/moduleCodes/0"],
            id="every fault, also those of students",
        ),
    ],
)
def test_a_fault_outside_the_students_refuses_the_whole(body: Any, pointers: list[str]) -> None:
    assert refusal(body) == ("body-refused", pointers)


@pytest.mark.parametrize(
    ("sound", "faulty", "is_refused"),
    [
        pytest.param(19, 1, False, id="1 of 20 is 5 %"),
        pytest.param(18, 1, False, id="1 of 19 is more, and a slip"),
        pytest.param(1, 1, False, id="1 of 2 is a slip"),
        pytest.param(1, 2, True, id="2 of 3 are most of them"),
        pytest.param(0, 1, True, id="the only one"),
        pytest.param(3, 3, False, id="3 of 6 are half of them"),
        pytest.param(2, 3, True, id="3 of 5 are most of them"),
        pytest.param(39, 3, False, id="3 of 42 are more, and slips"),
        pytest.param(75, 4, True, id="4 of 79 are more, and no slips any more"),
        pytest.param(76, 4, False, id="4 of 80 are 5 %"),
    ],
)
def test_more_than_five_percent_at_fault_refuse_the_whole(sound: int, faulty: int, is_refused: bool) -> None:
    body = a_body(pupils(sound, *(a_pupil(100 + n, year="1", firstName="") for n in range(faulty))))
    expected = [f"/students/{sound + n}/{name}" for n in range(faulty) for name in ("firstName", "year")]
    if is_refused:
        assert refusal(body) == ("too-many-faults", expected)
    else:
        taken = checked(body)
        assert (taken.undecided["students"], [fault.pointer for fault in taken.faults.told]) == (faulty, expected)


def test_nobody_at_all_is_nobody_at_fault() -> None:
    taken = checked(a_body([]))
    assert taken.students is not None
    assert (taken.undecided["students"], list(taken.students.records())) == (0, [])


@pytest.mark.parametrize(
    ("key", "others", "pointers", "undecided"),
    [
        pytest.param(
            "email",
            [a_pupil(90, email=email(90)), a_pupil(90, email=email(90).upper())],
            ["/students/40/email", "/students/41/email"],
            {email(90)},
            id="an e-mail twice, of one person",
        ),
        pytest.param(
            "id",
            [a_pupil(90, email="same@northern.example"), a_pupil(91, email="Same@northern.example")],
            ["/students/40/email", "/students/41/email"],
            {"S000090", "S000091"},
            id="an e-mail twice, of two persons",
        ),
        pytest.param(
            "id",
            [a_pupil(90), a_pupil(90, year=2)],
            ["/students/40/id", "/students/40/email", "/students/41/id", "/students/41/email"],
            {"S000090"},
            id="a student twice, of two years",
        ),
    ],
)
def test_whoever_stands_twice_is_undecided(
    key: Key, others: list[Any], pointers: list[str], undecided: set[str]
) -> None:
    taken = checked(a_body(pupils(40, *others)), key)
    assert [fault.pointer for fault in taken.faults.told] == pointers
    assert taken.students is not None
    records = list(taken.students.records())
    assert {student.student_id for student in records if student.faults} == undecided
    assert len({student.student_id for student in records}) == len(records)
    assert taken.students.settled.without_key == []


def test_a_student_known_by_the_id_is_undecided_under_the_key_that_they_had() -> None:
    body = a_body(pupils(20, a_pupil(90, email="")))
    taken = checked(body, last={"old@northern.example": "S000090"})
    assert taken.students is not None
    found = {student.student_id: student for student in taken.students.records()}
    assert [fault.pointer for fault in found["old@northern.example"].faults] == ["/email"]
    assert taken.students.settled.without_key == []


def test_what_an_entry_does_not_say_of_who_it_is_stays_as_the_feed_last_said() -> None:
    taken = checked(a_body([a_pupil(1), a_pupil(2, id=...)]), last={email(2): "S000002", email(3): "S000003"})
    assert taken.students is not None
    here = {key: (known.id, known.email) for key, known in taken.students.here.items()}
    assert here == {email(1): ("S000001", email(1)), email(2): ("S000002", email(2))}


def test_a_body_without_students_says_nothing_of_them() -> None:
    assert checked(a_body(students=...)).students is None


def test_what_is_not_taken_is_told_once_for_each_field() -> None:
    body = a_body([a_pupil(n, middleName="Grace") for n in range(3)], staff=[a_teacher()])
    notes = {note.pointer: note.message for note in checked(body).notes}
    assert list(notes) == ["/staff", "/students/0/middleName"]
    assert 'staff = "managed"' in notes["/staff"]
    assert "entries that have it: 3" in notes["/students/0/middleName"]


def test_beyond_a_bound_faults_are_not_even_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_module, "MOST_FAULTS", 3)
    with pytest.raises(Refused) as refused:
        checked(a_body([a_pupil(n, year="1", firstName="") for n in range(3)]))
    assert (len(refused.value.faults.told), refused.value.faults.count) == (3, 4)


# --- staff that are managed ------------------------------------------------------------------------------------------


def test_staff_are_taken_only_where_they_are_managed() -> None:
    body = a_body(staff=teachers(2))
    assert checked(body).staff is None
    assert [note.pointer for note in checked(body).notes] == ["/staff"]
    taken = checked(body, has_staff=True)
    assert taken.staff is not None
    assert [one.student_id for one in taken.staff.records()] == [staff_email(0), staff_email(1)]
    assert taken.notes == ()


@pytest.mark.parametrize(
    ("sound", "faulty", "is_refused"),
    [
        pytest.param(19, 1, False, id="1 of 20 is 5 %"),
        pytest.param(18, 1, False, id="1 of 19 is a slip"),
        pytest.param(3, 4, True, id="4 of 7 are more"),
        pytest.param(0, 1, True, id="the only one"),
    ],
)
def test_staff_of_whom_too_many_are_at_fault_are_as_good_as_not_supplied(
    sound: int, faulty: int, is_refused: bool
) -> None:
    body = a_body(pupils(100), staff=teachers(sound, *(a_teacher(100 + n, lastName="") for n in range(faulty))))
    expected = [f"/staff/{sound + n}/lastName" for n in range(faulty)]
    taken = checked(body, has_staff=True)
    assert (taken.staff is None, taken.students is None) == (is_refused, False)
    assert taken.staff_refused == ("too_many_faults" if is_refused else None)
    assert taken.undecided == {"students": 0} | ({} if is_refused else {"staff": faulty})
    assert [fault.pointer for fault in taken.faults.told] == expected
    assert [note.pointer for note in taken.notes] == ["/staff"] * is_refused


def test_staff_that_are_no_list_are_as_good_as_not_supplied() -> None:
    taken = checked(a_body(staff={}), has_staff=True)
    assert (taken.staff, taken.staff_refused) == (None, "no_list")
    assert [fault.pointer for fault in taken.faults.told] == ["/staff"]
    assert taken.students is not None


@pytest.mark.parametrize(
    ("staff", "reason", "pointers"),
    [
        pytest.param([a_teacher(email="")], "too-many-faults", ["/staff/0/email"], id="faults"),
        pytest.param({}, "body-refused", ["/staff"], id="no list"),
    ],
)
def test_a_body_of_staff_alone_of_whom_none_are_taken_is_refused(staff: Any, reason: str, pointers: list[str]) -> None:
    assert refusal({"staff": staff}, has_staff=True) == (reason, pointers)


@pytest.mark.parametrize("staff", [[7], [a_teacher(email="")], [a_teacher(facultyCodes=["?"])], {}, "none", [{}] * 40])
def test_staff_that_are_not_taken_are_passed_over_whatever_is_wrong_with_them(staff: Any) -> None:
    for body in (a_body(staff=staff), {"staff": staff}):
        taken = checked(body)
        assert (taken.staff, taken.staff_refused, taken.faults.count) == (None, None, 0)
        assert [note.pointer for note in taken.notes] == ["/staff"]


def test_faults_of_the_students_refuse_the_staff_with_them() -> None:
    body = a_body(pupils(3, *[a_pupil(9, year="1")] * 5), staff=teachers(3))
    assert refusal(body, has_staff=True)[0] == "too-many-faults"


# --- entries that stand twice ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["email", "id"])
def test_the_same_entry_twice_is_one_person(key: Key) -> None:
    again = a_pupil(3, moduleCodes=["MOD01", "MOD01"], middleName="Grace")
    taken = checked(a_body([a_pupil(3), *pupils(3), again, a_pupil(9, year="1")]), key)
    assert taken.students is not None
    records = [one.student_id for one in taken.students.records()]
    assert records == [{"email": email(n), "id": f"S{n:06}"}[key] for n in (3, 0, 1, 2, 9)]
    assert [fault.pointer for fault in taken.faults.told] == ["/students/5/year"], "where it stands in the body"
    notes = {note.pointer: note.message for note in taken.notes}
    assert "says the same as /students/0" in notes["/students/4"]
    assert taken.students.count == 6


@pytest.mark.parametrize(
    "change",
    [{"year": 2}, {"id": ...}, {"id": "OTHER"}, {"lastName": "Rye"}, {"moduleCodes": []}, {"moduleCodes": ...}],
)
def test_entries_that_differ_in_anything_are_not_the_same(change: dict[str, Any]) -> None:
    taken = checked(a_body(pupils(40, a_pupil(3, **change))))
    assert {fault.pointer for fault in taken.faults.told} >= {"/students/3/email", "/students/40/email"}
    assert taken.notes == ()


def test_entries_with_a_fault_are_never_the_same() -> None:
    """Nobody knows what each of them was to say."""
    taken = checked(a_body(pupils(60, {}, {})))
    assert taken.students is not None
    assert taken.students.without_key == [60, 61]


def test_where_an_entry_stands_whom_nobody_can_name_is_told_by_the_body() -> None:
    taken = checked(a_body([a_pupil(0), *pupils(30), a_pupil(40, id=..., email="")]))
    assert taken.students is not None
    assert taken.students.without_key == [31]


def test_staff_that_stand_twice_in_the_same_words_are_taken_once() -> None:
    taken = checked(a_body(staff=[a_teacher(1), a_teacher(1)]), has_staff=True)
    assert taken.staff is not None
    assert (len(list(taken.staff.records())), taken.faults.count) == (1, 0)


# --- staff that are managed, and others ------------------------------------------------------------------------------


def test_a_student_and_a_member_of_staff_may_have_one_email() -> None:
    """Which of the two Unitu has under it is settled when it is told."""
    taken = checked(a_body(pupils(20), staff=[a_teacher(1, email=email(1))]), has_staff=True)
    assert (taken.undecided, taken.faults.count) == ({"students": 0, "staff": 0}, 0)


def test_staff_that_stand_twice_are_undecided_as_staff() -> None:
    taken = checked(a_body(staff=teachers(40, a_teacher(90), a_teacher(91, email=staff_email(90)))), has_staff=True)
    assert taken.staff is not None
    [twice] = [one for one in taken.staff.records() if one.faults]
    assert (twice.student_id, twice.lists) == (staff_email(90), ("staff",))


@pytest.mark.parametrize("key", ["email", "id"])
def test_the_documents_own_example_is_sound(key: Key) -> None:
    taken = checked(curl_command().body, key, has_staff=True)
    assert (taken.faults.count, taken.notes, taken.staff_refused) == (0, (), None)
    assert taken.students is not None
    assert taken.staff is not None
    assert (len(list(taken.students.records())), len(list(taken.staff.records()))) == (2, 1)


def test_more_kinds_of_notes_than_are_listed_are_counted() -> None:
    metadata = {f"key{n}": n for n in range(130)}
    *listed, rest = checked(a_body([a_pupil(n, metadata=metadata) for n in range(2)])).notes
    assert (len(listed), rest.pointer) == (100, "")
    assert "entries that have it: 2" in listed[0].message
    assert "60 times, not listed here" in rest.message
