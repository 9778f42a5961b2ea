"""A whole body: refused, or taken but for those at fault."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from services.gateway import check as check_module
from services.gateway.body import open_body
from services.gateway.check import Checked, Refused, check
from services.gateway.identity import Key
from services.gateway.register import Register, of_roll
from services.gateway.structure import Lists
from tests.unit.gateway.world import a_body, a_pupil, a_teacher, email, pupils, staff_email, teachers


def checked(
    body: Any, key: Key = "email", last: Mapping[str, str | None] | None = None, *, has_staff: bool = False
) -> Checked:
    supplied, faults = open_body(json.dumps(body).encode())
    return check(supplied, faults, Lists(), key, of_roll(last or {}, key), Register() if has_staff else None)


def refusal(body: Any, key: Key = "email", *, has_staff: bool = False) -> tuple[str, list[str]]:
    with pytest.raises(Refused) as refused:
        checked(body, key, has_staff=has_staff)
    return refused.value.reason, [fault.pointer for fault in refused.value.faults.told]


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        pytest.param(a_body(faculties=[{"code": "FAC01"}]), ["/faculties/0/name"], id="a structure's field"),
        pytest.param(a_body(modules={}), ["/modules"], id="a list that is none"),
        pytest.param(a_body(pupils=[]), ["/pupils"], id="an unknown list"),
        pytest.param(a_body(staff=[a_teacher(email=1)]), ["/staff/0/email"], id="staff"),
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
        pytest.param(18, 1, True, id="1 of 19 is more"),
        pytest.param(38, 2, False, id="2 of 40 are 5 %"),
        pytest.param(39, 3, True, id="3 of 42 are more"),
        pytest.param(0, 1, True, id="the only one"),
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
            [a_pupil(90), a_pupil(90)],
            ["/students/40/id", "/students/40/email", "/students/41/id", "/students/41/email"],
            {"S000090"},
            id="a whole student twice",
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
    assert "entries that have it: 3" in notes["/students/0/middleName"]


def test_beyond_a_bound_faults_are_only_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_module, "MOST_FAULTS", 3)
    with pytest.raises(Refused) as refused:
        checked(a_body([a_pupil(n, year="1", firstName="") for n in range(3)]))
    assert (len(refused.value.faults.told), refused.value.faults.count) == (3, 6)


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
        pytest.param(18, 1, True, id="1 of 19 is more"),
    ],
)
def test_more_than_five_percent_of_the_staff_at_fault_refuse_the_whole(
    sound: int, faulty: int, is_refused: bool
) -> None:
    body = a_body(pupils(100), staff=teachers(sound, *(a_teacher(100 + n, lastName="") for n in range(faulty))))
    expected = [f"/staff/{sound + n}/lastName" for n in range(faulty)]
    if is_refused:
        assert refusal(body, has_staff=True) == ("too-many-faults", expected)
    else:
        taken = checked(body, has_staff=True)
        assert taken.undecided == {"students": 0, "staff": faulty}
        assert [fault.pointer for fault in taken.faults.told] == expected


def test_many_sound_students_do_not_hide_that_the_staff_are_at_fault() -> None:
    body = a_body(pupils(1000), staff=[a_teacher(1, email="")])
    assert refusal(body, has_staff=True) == ("too-many-faults", ["/staff/0/email"])


def test_a_student_and_a_member_of_staff_may_have_one_email() -> None:
    """Which of the two Unitu has under it is settled when it is told."""
    taken = checked(a_body(pupils(20), staff=[a_teacher(1, email=email(1))]), has_staff=True)
    assert (taken.undecided, taken.faults.count) == ({"students": 0, "staff": 0}, 0)


def test_staff_that_stand_twice_are_undecided_as_staff() -> None:
    taken = checked(a_body(staff=teachers(40, a_teacher(90), a_teacher(91, email=staff_email(90)))), has_staff=True)
    assert taken.staff is not None
    [twice] = [one for one in taken.staff.records() if one.faults]
    assert (twice.student_id, twice.lists) == (staff_email(90), ("staff",))
