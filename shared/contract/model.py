"""
What a school is made of, in Rollcall's own words. No vendor's spelling passes this file.

Everything is frozen, and its JSON is byte-stable: fields stand in the order of their definition, a field that has its
default is left out, and whoever builds a value sorts its sets. So the same student read twice is the same bytes.
"""

from enum import StrEnum
from typing import Literal, dataclass_transform

import msgspec


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(msgspec.field,))
class Frozen(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """
    A value with named fields; equal when its fields are. Its JSON leaves out what has its default.

    Each model says ``kw_only=True`` once more: it is the only option that is not handed down. A metaclass could say it
    for them, but Python 3.11 makes the values of a class that has one of Python's by a slower road.
    """


class Fault(Frozen, kw_only=True):
    """One field of a pushed student that cannot be taken, by JSON pointer."""

    pointer: str
    message: str


class Address(Frozen, kw_only=True):
    """Where somebody lives; ``lines`` are those of the street, without the empty ones."""

    lines: tuple[str, ...] = ()
    town: str | None = None
    county: str | None = None
    postcode: str | None = None
    country: str | None = None


class Student(Frozen, kw_only=True):
    """
    One person as the school's records say, before anybody judged them: a student, or a member of staff.

    ``lists`` are the source's lists that have them: ``students``, ``applicants``, ``leavers``, in this order; of a
    member of staff ``staff``. ``absent`` alone is said of somebody whom the last accepted body of a pushed feed had and
    this one has not. ``programmes``, ``modules`` and, of staff alone, ``faculties`` and ``departments`` are
    sorted codes, or None where the area was never read (*not supplied*, which clears nothing). Dates are ISO 8601
    (``YYYY-MM-DD``). ``system_status`` is the number of the iSAMS life stage (1 current, 0 applicant, -1 left) or None
    where its word maps to nothing. ``unique_pupil_number`` and ``person_guid`` name one person for life, whatever the
    school's own id and the spelling of a name.
    """

    student_id: str
    feed_id: str | None = None  # the pushed feed's own ``id``, where that is not the key
    lists: tuple[str, ...] = ("students",)
    system_status: int | None = None
    system_status_word: str | None = None
    admission_status: str | None = None
    enrolment_year: int | None = None
    leaving_date: str | None = None
    leaving_year: int | None = None
    title: str | None = None
    first_name: str | None = None
    preferred_name: str | None = None
    middle_names: str | None = None
    last_name: str | None = None
    date_of_birth: str | None = None
    unique_pupil_number: str | None = None
    person_guid: str | None = None
    email: str | None = None
    personal_email: str | None = None
    phone: str | None = None
    year_group: int | None = None
    year: int | None = None
    form: str | None = None
    house: str | None = None
    photo_id: int | None = None
    address: Address | None = None
    programmes: tuple[str, ...] | None = None
    modules: tuple[str, ...] | None = None
    faculties: tuple[str, ...] | None = None
    departments: tuple[str, ...] | None = None
    metadata: dict[str, str] = {}
    faults: tuple[Fault, ...] = ()


class Category(StrEnum):
    """What the record says the student is."""

    CURRENT = "current"
    PROSPECTIVE = "prospective"
    LEFT = "left"
    UNKNOWN = "unknown"


class Verdict(StrEnum):
    """A decision about one student, and the third value that never removes."""

    ELIGIBLE = "eligible"
    INELIGIBLE = "ineligible"
    UNDECIDED = "undecided"


Outcome = Literal["pass", "fail", "not_applicable"]
Kind = Literal["student", "staff"]


class Details(Frozen, kw_only=True):
    """What Unitu is told about a person, apart from their enrolments; ``title`` and the codes of staff alone."""

    id: str | None = None
    title: str | None = None
    first_name: str
    last_name: str
    year: int | None = None
    email: str
    personal_email: str | None = None
    phone: str | None = None
    faculties: tuple[str, ...] = ()
    departments: tuple[str, ...] = ()
    metadata: dict[str, str] = {}


class Faculty(Frozen, kw_only=True):
    code: str
    name: str


class Department(Frozen, kw_only=True):
    code: str
    name: str
    faculty_code: str | None = None


class Programme(Frozen, kw_only=True):
    code: str
    name: str
    department_code: str | None = None


class ModuleYear(Frozen, kw_only=True):
    """In which year (0-7) a module is offered, and whether only some take it."""

    year: int
    is_optional: bool


class Module(Frozen, kw_only=True):
    code: str
    name: str
    programme_code: str
    years: tuple[ModuleYear, ...] = ()


class House(Frozen, kw_only=True):
    code: str
    name: str


class Term(Frozen, kw_only=True):
    """``starts`` and ``ends`` are days, both of them school days as far as the school says."""

    code: str
    name: str
    starts: str
    ends: str


class Structure(Frozen, kw_only=True):
    """A school's faculties, departments, programmes, modules, houses and terms, each sorted by code."""

    faculties: tuple[Faculty, ...] = ()
    departments: tuple[Department, ...] = ()
    programmes: tuple[Programme, ...] = ()
    modules: tuple[Module, ...] = ()
    houses: tuple[House, ...] = ()
    terms: tuple[Term, ...] = ()


class Budget(Frozen, kw_only=True):
    """
    How many of a plan may take effect unseen: a total of at most ``floor``, or a share of at most ``share`` and a total
    of at most ``count``. ``share`` is an exact fraction written "numerator/denominator".
    """

    floor: int = 0
    share: str = "0/1"
    count: int | None = None


class Settings(Frozen, kw_only=True):
    """
    Everything of a school's configuration that later decisions depend on, stamped on its SweepCompleted, so that the
    reconciler needs no configuration. Waiting times are in minutes; ``version`` changes when any of it does.
    """

    version: str
    absence_confirm_minutes: float
    budgets: dict[str, Budget]
    rollover: bool = False
