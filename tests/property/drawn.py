"""What the random tenants of the agreement are drawn from: their people, structures, settings and a Unitu."""

from typing import Any

import msgspec
from hypothesis import strategies as st

from services.sandbox.unitu.rules import Entities, Rules
from shared.contract.model import Department, Faculty, Module, Programme, Structure
from tests.property.agreement import KINDS

PEOPLE = ("abbey/a1", "abbey/a2", "abbey/a3", "brook/b1", "brook/b2", "abbey+staff/t1", "brook+staff/u1")
PROTECTED, STRANGER = "head@x", "old@x"
OWN = "abbey/a1"  # who may be protected under their own address
PEOPLE_AT = st.integers(0, len(PEOPLE) - 1)
SEVERAL = st.lists(PEOPLE_AT, min_size=1, max_size=3, unique=True)
VARIANTS = st.sampled_from(["", "", "", "-new", "S"])  # S: in capitals
MOSTLY = st.sampled_from([True, True, True, False])
FACULTY = Faculty(code="F", name="Seniors")
DEPARTMENT = Department(code="D", name="History", faculty_code="F")
CODES = ("Y10", "Y11", "Y10-HIS", "Y10-ART")
STRUCTURE = Structure(
    faculties=(FACULTY,),
    departments=(DEPARTMENT,),
    programmes=tuple(Programme(code=code, name=code, department_code="D") for code in CODES[:2]),
    modules=tuple(Module(code=code, name=code, programme_code="Y10") for code in CODES[2:]),
)
LESS = msgspec.structs.replace(STRUCTURE, programmes=STRUCTURE.programmes[:1], modules=STRUCTURE.modules[:1])
EXIST = Entities(**{kind: {one.code: one.name for one in getattr(STRUCTURE, kind)} for kind in KINDS})
NONE_EXIST = Entities()
SOME_EXIST = Entities(programmes={"Y10": "Y10"}, modules={"Y10-HIS": "HIS"})
DETAILS = st.fixed_dictionaries(
    {
        "first_name": st.sampled_from(["Ada", "Bea"]),
        "year": st.sampled_from([None, 3]),
        "phone": st.sampled_from([None, None, "1", "2"]),
        "personal_email": st.sampled_from([None, None, "p@home", "q@home"]),
        "programmes": st.sampled_from([("Y10",), ("Y11",), ()]),
        "modules": st.sampled_from([("Y10-HIS",), ("Y10-ART", "Y10-HIS"), ()]),
    }
)
OF_STAFF = ("first_name", "phone", "personal_email", "programmes", "modules")
TENANTS = st.fixed_dictionaries(
    {
        "schools": st.sampled_from([("abbey",), ("abbey", "brook")]),
        "pushed": st.sampled_from([(), (), ("brook",)]),
        "is_managed": st.booleans(),
        "protects": st.sampled_from(["nobody", "a stranger", "one of ours"]),
        "email_change": st.sampled_from(["hold", "hold", "send"]),
        "entities": st.sampled_from([EXIST, EXIST, SOME_EXIST, NONE_EXIST]),
        "knows_entities": MOSTLY,
        "rules": st.sampled_from([Rules(), Rules(), Rules(match_by="id"), Rules(letter_exact=True)]),
        "had": st.sets(st.sampled_from([*PEOPLE, STRANGER, PROTECTED])),
        "is_in_capitals": st.booleans(),
        "is_disabled": st.sets(st.sampled_from(PEOPLE), max_size=3),
        "knows_ids": st.booleans(),
        "undecided": st.sets(st.sampled_from(PEOPLE), max_size=2),
        "list": st.sampled_from(["all", "all", "ours", "none"]),
        "loses": st.none() | PEOPLE_AT,  # by account-state, before the first yes was delivered
        "details": st.tuples(DETAILS, DETAILS),
    }
)


def email_of(ref: str) -> str:
    return f"s{ref.partition('/')[2]}@x"


def protected_file(whom: str) -> dict[str, Any]:
    """``one of ours`` has the name of a pupil, and their address."""
    names, email = (("H", "M"), PROTECTED) if whom == "a stranger" else (("Ada", OWN.partition("/")[2]), email_of(OWN))
    record = {"firstName": names[0], "lastName": names[1], "email": email, "year": None, "programmeCodes": ["Y10"]}
    return {"students": [record]}
