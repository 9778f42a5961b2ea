"""What is wrong inside one student, and where; what is taken of a sound one."""

import json
from typing import Any

import msgspec
import pytest

from services.gateway.fields import MAX_ENTRY_BYTES
from services.gateway.key_resolution import Identity, Key, can_be_key
from services.gateway.people import Defined, Entry, read_staff, read_student
from services.gateway.people import person_of as person_by
from shared.contract.model import Fault, Student
from tests.unit.gateway.world import a_pupil, a_teacher

DEFINED = Defined(frozenset({"FAC01"}), frozenset({"DEP01"}), frozenset({"PROG01"}), frozenset({"MOD01", "MOD02"}))
NOTHING_SAID = Defined(None, None, None, None)


def person_of(entry: Entry, person_id: str, *more: Fault, key: Key = "email") -> Student:
    return person_by(entry, person_id, key, more)


def read(entry: Any, defined: Defined = DEFINED, key: Key = "email") -> Entry:
    raw = entry if isinstance(entry, bytes) else json.dumps(entry).encode()
    return read_student(msgspec.Raw(raw), defined, key)


@pytest.mark.parametrize(
    ("fields", "pointers"),
    [
        pytest.param({}, [], id="sound"),
        pytest.param({"firstName": ...}, ["/firstName"], id="first name missing"),
        pytest.param({"firstName": "  "}, ["/firstName"], id="first name blank"),
        pytest.param({"firstName": None}, ["/firstName"], id="first name null"),
        pytest.param({"lastName": 7}, ["/lastName"], id="last name a number"),
        pytest.param({"year": ...}, ["/year"], id="year missing"),
        pytest.param({"year": None}, [], id="year null"),
        pytest.param({"year": 0}, [], id="year 0"),
        pytest.param({"year": 7.0}, [], id="year 7.0 is 7"),
        pytest.param({"year": 8}, ["/year"], id="year 8"),
        pytest.param({"year": -1}, ["/year"], id="year below 0"),
        pytest.param({"year": 1.5}, ["/year"], id="half a year"),
        pytest.param({"year": "1"}, ["/year"], id="year in quotes"),
        pytest.param({"year": True}, ["/year"], id="year true"),
        pytest.param({"email": ...}, ["/email"], id="e-mail missing"),
        pytest.param({"email": "ada"}, ["/email"], id="e-mail without an at"),
        pytest.param({"email": "ada@northern"}, ["/email"], id="e-mail without a dot"),
        pytest.param({"email": "a b@northern.example"}, ["/email"], id="e-mail with a space"),
        pytest.param({"email": "/a@northern.example"}, ["/email"], id="e-mail that is no key"),
        pytest.param({"email": " Ada@Northern.Example "}, [], id="e-mail with spaces around"),
        pytest.param({"id": ...}, [], id="no id"),
        pytest.param({"id": None}, [], id="id null"),
        pytest.param({"id": True}, ["/id"], id="id a truth"),
        pytest.param({"id": 12.5}, ["/id"], id="id no whole number"),
        pytest.param({"id": 10**20}, ["/id"], id="id beyond all digits"),
        pytest.param({"id": 2.0**53}, ["/id"], id="id whose last digits are lost"),
        pytest.param({"personalEmail": "nobody"}, ["/personalEmail"], id="personal e-mail malformed"),
        pytest.param({"personalEmail": None, "phone": None}, [], id="optional fields null"),
        pytest.param({"phone": [441234]}, ["/phone"], id="phone a list"),
        pytest.param({"programmeCodes": ...}, ["/programmeCodes"], id="programmes not supplied"),
        pytest.param({"programmeCodes": "PROG01"}, ["/programmeCodes"], id="programmes no list"),
        pytest.param({"programmeCodes": ["PROG01", "PROG02"]}, ["/programmeCodes/1"], id="programme undefined"),
        pytest.param({"programmeCodes": [7.5, ""]}, ["/programmeCodes/0", "/programmeCodes/1"], id="no codes"),
        pytest.param({"moduleCodes": ["MOD01", "MOD01"]}, [], id="one module twice"),
        pytest.param({"moduleCodes": ["MOD03"]}, ["/moduleCodes/0"], id="module undefined"),
        pytest.param({"metadata": {"campus": "Main"}}, [], id="metadata"),
        pytest.param({"metadata": ["Main"]}, ["/metadata"], id="metadata no object"),
        pytest.param({"metadata": {"campus": {"name": "Main"}}}, ["/metadata/campus"], id="metadata an object"),
        pytest.param({"metadata": {"campus": ["Main"]}}, ["/metadata/campus"], id="metadata a list"),
        pytest.param({"metadata": {"Main/Campus~": "x"}}, ["/metadata/Main~1Campus~0"], id="metadata's name"),
        pytest.param(
            {"firstName": 1, "lastName": 1, "year": "x", "email": "x"},
            ["/firstName", "/lastName", "/year", "/email"],
            id="every fault is told, not the first alone",
        ),
    ],
)
def test_each_fault_has_its_pointer(fields: dict[str, Any], pointers: list[str]) -> None:
    assert [fault.pointer for fault in read(a_pupil(**fields)).faults] == pointers


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(b"7", id="a number"),
        pytest.param(b"null", id="null"),
        pytest.param(b'["Ada"]', id="a list"),
        pytest.param(b'{"firstName": "\xff"}', id="not UTF-8"),
        pytest.param(b'{"year": 1e999}', id="a number beyond all limits"),
        pytest.param(b'{"year": ' + b"[" * 5000 + b"]" * 5000 + b"}", id="a nesting beyond all limits"),
        pytest.param(json.dumps(a_pupil(firstName="A" * MAX_ENTRY_BYTES)).encode(), id="larger than any student"),
    ],
)
def test_what_is_no_student_has_one_fault_and_no_key(entry: bytes) -> None:
    found = read(entry)
    assert ([fault.pointer for fault in found.faults], found.identity) == ([""], Identity())


def test_no_fault_repeats_what_stood_there() -> None:
    metadata = {"a": ["secret"], "b": 12345}
    found = read(a_pupil(firstName=12345, email="secret", year="secret", metadata=metadata, moduleCodes=["secret"]))
    assert not [note for note in found.notes if "12345" in note.message]
    assert len(found.faults) == 5
    assert not [fault for fault in found.faults if "secret" in fault.message or "12345" in fault.message]


def test_codes_are_not_judged_where_nobody_ever_said_which_there_are() -> None:
    assert read(a_pupil(programmeCodes=["ANY"]), NOTHING_SAID).fields["programmes"] == ("ANY",)


@pytest.mark.parametrize("key", ["email", "id"])
def test_an_entry_says_who_it_is_by_id_and_by_address_whichever_is_the_key(key: Key) -> None:
    found = read(a_pupil(id=" S1", email=" Ada@Northern.Example "), key=key)
    said = (found.identity.id, found.identity.email, found.fields["email"])
    assert said == ("S1", "ada@northern.example", "Ada@Northern.Example")


def test_an_id_must_be_there_where_it_is_the_key() -> None:
    found = read(a_pupil(id=...), key="id")
    assert ([fault.pointer for fault in found.faults], found.identity.id) == (["/id"], None)


@pytest.mark.parametrize(("key", "feed_id"), [("email", "S000001"), ("id", None)])
def test_an_id_that_is_the_key_is_not_said_twice(key: Key, feed_id: str | None) -> None:
    assert person_of(read(a_pupil(1), key=key), "S000001", key=key).feed_id == feed_id
    assert person_of(read(a_pupil(1), key=key), "ada@northern.example", key=key).feed_id == "S000001"


@pytest.mark.parametrize(
    ("text", "can"),
    [
        ("S1", True),
        ("S 1", True),
        ("a/b", True),
        ("/structure", False),
        ("a\nb", False),
        ("a\0b", False),
        ("", False),
        ("x" * 320, True),
        ("x" * 321, False),
    ],
)
def test_a_key_can_stand_in_a_topic(text: str, can: bool) -> None:
    assert can_be_key(text) is can


def test_a_sound_student_is_taken_whole() -> None:
    pushed = a_pupil(1, firstName=" Ada ", phone="+44", personalEmail="a@b.example", metadata={"z": "1", "campus": "M"})
    assert person_of(read(pushed), "ada.fern1@northern.example") == Student(
        student_id="ada.fern1@northern.example",
        feed_id="S000001",
        first_name="Ada",
        last_name="Fern",
        email="ada.fern1@northern.example",
        personal_email="a@b.example",
        phone="+44",
        year=1,
        programmes=("PROG01",),
        modules=("MOD01",),
        metadata={"campus": "M", "z": "1"},
    )


def test_a_list_that_is_not_there_is_not_supplied_and_an_empty_one_is_empty() -> None:
    absent = person_of(read(a_pupil(programmeCodes=..., moduleCodes=...)), "x")
    empty = person_of(read(a_pupil(programmeCodes=[], moduleCodes=[])), "x")
    assert (absent.programmes, absent.modules, empty.programmes, empty.modules) == (None, None, (), ())


def test_a_record_tells_its_faults_wherever_in_the_body_it_stood() -> None:
    more = Fault(pointer="/email", message="stands twice")
    student = person_of(read(a_pupil(year="1")), "x", more)
    assert [fault.pointer for fault in student.faults] == ["/year", "/email"]
    assert student.year is None


def test_the_same_student_is_the_same_bytes_whatever_the_order_of_the_feed() -> None:
    one = read(a_pupil(moduleCodes=["MOD02", "MOD01"], metadata={"b": "1", "a": "2"}))
    two = read(dict(reversed(a_pupil(moduleCodes=["MOD01", "MOD02"], metadata={"a": "2", "b": "1"}).items())))
    assert msgspec.json.encode(person_of(one, "x")) == msgspec.json.encode(person_of(two, "x"))


def test_a_field_that_nobody_knows_is_no_fault() -> None:
    found = read(a_pupil(middleName="Grace"))
    assert (found.faults, found.strange) == ((), ("middleName",))


@pytest.mark.parametrize(
    ("change", "pointers"),
    [
        pytest.param({}, [], id="sound"),
        pytest.param({"universityTitle": ""}, [], id="no title to tell"),
        pytest.param({"universityTitle": ...}, ["/universityTitle"], id="title missing"),
        pytest.param({"facultyCodes": ...}, ["/facultyCodes"], id="faculties missing"),
        pytest.param({"departmentCodes": ["DEP09"]}, ["/departmentCodes/0"], id="department undefined"),
        pytest.param({"email": "x"}, ["/email"], id="e-mail malformed"),
    ],
)
def test_staff_are_checked_by_the_document(change: dict[str, Any], pointers: list[str]) -> None:
    found = read_employee(a_teacher(**change))
    assert ([fault.pointer for fault in found.faults], found.strange) == (pointers, ())


def read_employee(entry: Any, key: Key = "email", defined: Defined = DEFINED) -> Entry:
    return read_staff(msgspec.Raw(json.dumps(entry).encode()), defined, key)


@pytest.mark.parametrize("given", [..., None])
@pytest.mark.parametrize("codes", [None, frozenset[str]()])
def test_staff_of_a_university_without_faculties_need_no_codes_of_them(
    codes: frozenset[str] | None, given: Any
) -> None:
    """Not supplied, and not empty: what a member of staff has stays."""
    defined = Defined(codes, codes, DEFINED.programmes, DEFINED.modules)
    found = read_employee(a_teacher(facultyCodes=given, departmentCodes=given), defined=defined)
    assert (found.faults, found.fields["faculties"], found.fields["departments"]) == ((), None, None)
    assert [note.pointer for note in found.notes] == ["/facultyCodes", "/departmentCodes"]
    [fault] = read_employee(
        a_teacher(facultyCodes=[], departmentCodes=[], programmeCodes=given), defined=defined
    ).faults
    assert fault.pointer == "/programmeCodes", "every university has programmes"


# --- what is taken for something else than it is ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "taken"),
    [(123456, "123456"), (123456.0, "123456"), (0, "0"), (10**20 - 1, "9" * 20), (2.0**53 - 1, str(2**53 - 1))],
)
def test_an_id_that_is_a_number_is_its_digits(given: float, taken: str) -> None:
    found = read(a_pupil(id=given))
    assert (found.faults, found.identity.id, found.fields["feed_id"]) == ((), taken, taken)
    assert [note.pointer for note in found.notes] == ["/id"]


def test_codes_and_telephones_that_are_numbers_are_their_digits() -> None:
    defined = Defined(frozenset({"1"}), frozenset({"2"}), frozenset({"3"}), frozenset({"4"}))
    found = read(a_pupil(programmeCodes=[3], moduleCodes=["4", 4], phone=447700900123), defined)
    assert (found.faults, found.fields["programmes"], found.fields["modules"]) == ((), ("3",), ("4",))
    assert found.fields["phone"] == "447700900123"
    assert [note.pointer for note in found.notes] == ["/phone", "/programmeCodes/0", "/moduleCodes/1"]


def test_a_code_that_has_lost_its_zeros_is_no_other_code() -> None:
    found = read(a_pupil(programmeCodes=[3]), Defined(None, None, frozenset({"03"}), None))
    assert ([fault.pointer for fault in found.faults], found.fields["programmes"]) == (["/programmeCodes/0"], None)


@pytest.mark.parametrize(
    ("given", "taken"),
    [(1, "1"), (1.5, "1.5"), (3.0, "3.0"), (True, "true"), (False, "false"), ("x", "x"), (" x ", " x "), (None, None)],
)
def test_metadata_that_are_scalars_are_the_text_that_they_are_written_with(given: Any, taken: str | None) -> None:
    found = read(a_pupil(metadata={"campus": given, "a": "b"}))
    assert (found.faults, found.fields["metadata"].get("campus")) == ((), taken)
    assert [note.pointer for note in found.notes] == ["/metadata/campus"] * (not isinstance(given, str))


def test_a_sound_member_of_staff_is_taken_whole() -> None:
    pushed = a_teacher(1, phone="+44", personalEmail="a@b.example", metadata={"campus": "M"})
    assert person_of(read_employee(pushed), "jane.smith1@northern.example") == Student(
        student_id="jane.smith1@northern.example",
        feed_id="T000001",
        lists=("staff",),
        title="Professor",
        first_name="Jane",
        last_name="Smith",
        email="jane.smith1@northern.example",
        personal_email="a@b.example",
        phone="+44",
        programmes=("PROG01",),
        modules=("MOD01",),
        faculties=("FAC01",),
        departments=("DEP01",),
        metadata={"campus": "M"},
    )


def test_staff_without_a_title_have_none_and_modules_that_are_not_there_are_not_supplied() -> None:
    person = person_of(read_employee(a_teacher(universityTitle="", moduleCodes=..., facultyCodes=[])), "x")
    assert (person.title, person.modules, person.faculties) == (None, None, ())


@pytest.mark.parametrize("key", ["email", "id"])
def test_staff_are_known_by_what_the_feeds_students_are_known_by(key: Key) -> None:
    found = read_employee(a_teacher(1), key).identity
    assert (found.id, found.email) == ("T000001", "jane.smith1@northern.example")


def test_an_id_of_staff_must_be_there_where_it_is_the_key() -> None:
    found = read_employee(a_teacher(id=...), "id")
    assert ([fault.pointer for fault in found.faults], found.identity.id) == (["/id"], None)
