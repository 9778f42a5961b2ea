"""Students drawn at random, of a small school, so that much of it meets: by Hypothesis, or by a seed."""

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any

from hypothesis import strategies as st

from shared.contract.model import Fault, Student
from tests.harness.builders import a_leaver, a_student
from tests.harness.reference_model import TO_COME

IDS = tuple(str(3050000001 + n) for n in range(10))
MODULES = ("Y10-ENG", "Y10-GEO", "Y10-HIS")
PROGRAMMES = ("Y10", "Y11")
SHARED = "shared@abbey.example"
UNREADABLE = Fault(pointer="/dob", message="is no date")

Choose = Callable[[Sequence[Any]], Any]  # one of these


def own_email(student_id: str) -> str:
    return f"s{student_id}@abbey.example"


def some_of(codes: tuple[str, ...]) -> list[tuple[str, ...]]:
    return [found for size in range(len(codes) + 1) for found in combinations(codes, size)]


def a_sound_student(student_id: str, choose: Choose) -> Student:
    """Current, with an e-mail of their own and nothing missing."""
    return a_student(student_id, **_sound(student_id, choose))


def any_student(student_id: str, choose: Choose) -> Student:
    """A student as a school might say it. Their e-mail may be a neighbour's, or one that several want."""
    neighbours = [own_email(one) for one in IDS if abs(int(one) - int(student_id)) == 1]
    own = own_email(student_id)
    fields = _sound(student_id, choose) | {
        "email": choose([own, own, own, f" {own.upper()}", *neighbours, SHARED, SHARED.upper()])
    }
    match choose(["sound"] * 6 + ["areas away", "slip", "left", "listed", "prospective", "both", "unknown"]):
        case "areas away":
            fields |= choose([{"modules": None}, {"modules": None, "programmes": None}])
        case "slip":
            fields |= choose([{"email": None}, {"email": "no"}, {"title": None}, {"last_name": None}])
        case "left":
            more = [{}, {"email": None}, {"leaving_date": "1900-01-01"}, {"leaving_date": TO_COME}]
            return a_leaver(student_id, **fields | choose(more))
        case "listed":  # by the leavers' list alone, which says less of them
            fields |= {"lists": ("leavers",), "email": None, "date_of_birth": None, "unique_pupil_number": None}
            by_list = [{"system_status": None}, {"system_status": -1}]
            return a_leaver(student_id, **fields | choose([*by_list, {"system_status": None, "leaving_date": TO_COME}]))
        case "prospective":
            fields |= {"system_status": 0, "admission_status": "Accepted", "enrolment_year": 2027, "email": None}
        case "both":
            odd = [{"system_status": None}, {"system_status": 0}, {"system_status": None, "faults": (UNREADABLE,)}]
            fields |= choose([{}, *odd]) | {"lists": ("students", "leavers")}
        case "unknown":
            fields["system_status"] = None
    return a_student(student_id, **fields)


def _sound(student_id: str, choose: Choose) -> dict[str, Any]:
    return {
        "first_name": choose(["Zoé", "Zoé", "Zoe\u0301", "ZOE", "Bea"]),
        "last_name": choose(["Fern", "Fern", "O'Hara", "O’Hara", "ohara"]),
        "unique_pupil_number": choose([None, None, f"H80120000{student_id[-4:]}"]),
        "year_group": 10 + int(student_id) % 2,
        "programmes": choose([("Y10",), ("Y10",), *some_of(PROGRAMMES)]),
        "modules": choose([MODULES[:2], MODULES[:2], *some_of(MODULES)]),
        "phone": choose(["07700 900001", "07700 900001", "07700 900002", None]),
        "preferred_name": choose([None, None, "Addie"]),
        "date_of_birth": choose([*[f"2010-03-{int(student_id) % 20 + 10}"] * 3, "2010-03-04", None]),
    }


@st.composite
def students(draw: st.DrawFn, student_id: str = IDS[0]) -> Student:
    def choose(options: Sequence[Any]) -> Any:
        return draw(st.sampled_from(options))

    return any_student(student_id, choose)
