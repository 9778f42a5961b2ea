"""
What a school is made of, in Rollcall's own words. No vendor's spelling passes this file.

Everything is frozen, and its JSON is byte-stable: fields stand in the order of their definition, a field that has its
default is left out, and whoever builds a value sorts its sets. So the same student read twice is the same bytes.
"""

from enum import StrEnum
from typing import Annotated, Literal, dataclass_transform

import msgspec


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(msgspec.field,))
class Frozen(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """
    A value with named fields; equal when its fields are. Its JSON leaves out what has its default.

    Each model says ``kw_only=True`` once more: it is the only option that is not handed down. A metaclass could say it
    for them, but Python 3.11 makes the values of a class that has one of Python's by a slower road.
    """


def says(description: str) -> msgspec.Meta:
    """The words of a field in the published schemas: its meaning and unit, who sets it, and when it is absent."""
    return msgspec.Meta(description=description)


class Fault(Frozen, kw_only=True):
    """One field of a pushed student that cannot be taken."""

    pointer: Annotated[str, says("JSON pointer (RFC 6901) of the field in the pushed body.")]
    message: Annotated[str, says("What is wrong with it, for the sender.")]


class Address(Frozen, kw_only=True):
    """Where somebody lives."""

    lines: Annotated[tuple[str, ...], says("Lines of the street, without the empty ones.")] = ()
    town: Annotated[str | None, says("Town; absent where the record has none.")] = None
    county: Annotated[str | None, says("County; absent where the record has none.")] = None
    postcode: Annotated[str | None, says("Postcode as the record spells it; absent where the record has none.")] = None
    country: Annotated[str | None, says("Country in the record's own words; absent where the record has none.")] = None


class Student(Frozen, kw_only=True):
    """
    One person as the school's records say, before anybody judged them: a student, or a member of staff.

    A field is absent where the record has nothing or what it has cannot be read. Lists of codes are absent where their
    area was never read (*not supplied*, which clears nothing) and empty where it was and has nobody.
    """

    student_id: Annotated[
        str, says("Id in the population: of iSAMS the `schoolId`, of a pushed feed the field that is its key.")
    ]
    feed_id: Annotated[str | None, says("The pushed feed's own `id`; absent where that is the key.")] = None
    lists: Annotated[
        tuple[str, ...],
        says(
            "The source's lists that have the person: `students`, `applicants`, `leavers`, in this order, or "
            "`staff`. `absent` alone: in the last accepted body of a pushed feed and not in this one."
        ),
    ] = ("students",)
    system_status: Annotated[
        int | None,
        says("Life stage in iSAMS: 1 current, 0 applicant, -1 left. Absent where its word maps to no number."),
    ] = None
    system_status_word: Annotated[str | None, says("The word that iSAMS has for the life stage.")] = None
    admission_status: Annotated[str | None, says("Admission status in iSAMS' own words.")] = None
    enrolment_year: Annotated[
        int | None, says("Academic year of their enrolment, by the calendar year in which it begins.")
    ] = None
    leaving_date: Annotated[str | None, says("Day on which they leave or left. YYYY-MM-DD.")] = None
    leaving_year: Annotated[
        int | None,
        says(
            "Academic year in which they left; `leaving_year_names` of the school says whether by its start or its end."
        ),
    ] = None
    title: Annotated[str | None, says("Salutation, such as Ms.")] = None
    first_name: Annotated[str | None, says("Legal first name; of a pushed feed its only one.")] = None
    preferred_name: Annotated[str | None, says("First name that they go by.")] = None
    middle_names: Annotated[str | None, says("Middle names.")] = None
    last_name: Annotated[str | None, says("Last name.")] = None
    date_of_birth: Annotated[str | None, says("Date of birth. YYYY-MM-DD.")] = None
    unique_pupil_number: Annotated[str | None, says("The number that a pupil has for life, whatever the school.")] = (
        None
    )
    person_guid: Annotated[str | None, says("The GUID that iSAMS has for the person, whatever their `schoolId`.")] = (
        None
    )
    email: Annotated[str | None, says("Address of the school's own, under which Unitu has the account.")] = None
    personal_email: Annotated[str | None, says("Private address.")] = None
    phone: Annotated[str | None, says("Telephone number as the record spells it; of iSAMS the mobile one.")] = None
    year_group: Annotated[int | None, says("National Curriculum year, as iSAMS counts it.")] = None
    year: Annotated[int | None, says("Unitu's year, 0 to 7, where a pushed feed says it.")] = None
    form: Annotated[str | None, says("Form, or tutor group.")] = None
    house: Annotated[str | None, says("House, the academic one before the boarding one.")] = None
    photo_id: Annotated[int | None, says("iSAMS' id of the newest photo.")] = None
    address: Annotated[Address | None, says("Home; absent where the source has none, or a private one.")] = None
    programmes: Annotated[tuple[str, ...] | None, says("Codes of their programmes, sorted.")] = None
    modules: Annotated[tuple[str, ...] | None, says("Codes of their modules, sorted.")] = None
    faculties: Annotated[tuple[str, ...] | None, says("Of staff alone: codes of their faculties, sorted.")] = None
    departments: Annotated[tuple[str, ...] | None, says("Of staff alone: codes of their departments, sorted.")] = None
    metadata: Annotated[dict[str, str], says("What else a pushed feed says of them, by its own names.")] = {}
    faults: Annotated[
        tuple[Fault, ...], says("Of a pushed feed: fields that could not be taken, which leaves the person undecided.")
    ] = ()


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
    """What Unitu is told about a person, apart from their enrolments."""

    id: Annotated[
        str | None, says("Unitu's `id`: the record system's; absent where a pushed feed has none beside its key.")
    ] = None
    title: Annotated[str | None, says("Salutation; of staff alone.")] = None
    first_name: Annotated[str, says("First name as it is shown: preferred or legal, as the school is configured.")]
    last_name: Annotated[str, says("Last name.")]
    year: Annotated[int | None, says("Unitu's year, 0 to 7; absent where there is none for the person.")] = None
    email: Annotated[str, says("Address under which Unitu has the account, in the record's own spelling.")]
    personal_email: Annotated[str | None, says("Private address. Unitu takes it the first time only.")] = None
    phone: Annotated[str | None, says("Telephone number as the record spells it.")] = None
    faculties: Annotated[tuple[str, ...], says("Of staff alone: codes of their faculties, sorted.")] = ()
    departments: Annotated[tuple[str, ...], says("Of staff alone: codes of their departments, sorted.")] = ()
    metadata: Annotated[dict[str, str], says("What else a pushed feed says of them, by its own names.")] = {}


class Faculty(Frozen, kw_only=True):
    """A faculty; of an iSAMS school, by default, a division."""

    code: Annotated[str, says("Code, unique among the school's faculties.")]
    name: Annotated[str, says("Name.")]


class Department(Frozen, kw_only=True):
    """A department; of an iSAMS school, by default, a teaching department."""

    code: Annotated[str, says("Code, unique among the school's departments.")]
    name: Annotated[str, says("Name.")]
    faculty_code: Annotated[str | None, says("Code of its faculty; absent where the source says none.")] = None


class Programme(Frozen, kw_only=True):
    """A programme; of an iSAMS school, by default, a year group."""

    code: Annotated[str, says("Code, unique among the school's programmes.")]
    name: Annotated[str, says("Name.")]
    department_code: Annotated[str | None, says("Code of its department; absent where the source says none.")] = None


class ModuleYear(Frozen, kw_only=True):
    """A year in which a module is offered."""

    year: Annotated[int, says("Unitu's year, 0 to 7.")]
    is_optional: Annotated[bool, says("Whether only some of the year take it.")]


class Module(Frozen, kw_only=True):
    """A module; of an iSAMS school a subject in one year group, or a teaching set."""

    code: Annotated[str, says("Code, unique among the school's modules.")]
    name: Annotated[str, says("Name.")]
    programme_code: Annotated[str, says("Code of the programme that it belongs to.")]
    years: Annotated[tuple[ModuleYear, ...], says("In which years it is offered.")] = ()


class House(Frozen, kw_only=True):
    """A house of an iSAMS school."""

    code: Annotated[str, says("Code, unique among the school's houses.")]
    name: Annotated[str, says("Name.")]


class Term(Frozen, kw_only=True):
    """A term of an iSAMS school; its first and last day belong to it."""

    code: Annotated[str, says("Code, unique among the school's terms.")]
    name: Annotated[str, says("Name.")]
    starts: Annotated[str, says("First day. YYYY-MM-DD.")]
    ends: Annotated[str, says("Last day. YYYY-MM-DD.")]


class Structure(Frozen, kw_only=True):
    """What a school is made of beside its people. Every list is sorted by code."""

    faculties: Annotated[tuple[Faculty, ...], says("Faculties.")] = ()
    departments: Annotated[tuple[Department, ...], says("Departments.")] = ()
    programmes: Annotated[tuple[Programme, ...], says("Programmes.")] = ()
    modules: Annotated[tuple[Module, ...], says("Modules.")] = ()
    houses: Annotated[tuple[House, ...], says("Houses; empty of a pushed feed.")] = ()
    terms: Annotated[tuple[Term, ...], says("Terms; empty of a pushed feed.")] = ()


class Budget(Frozen, kw_only=True):
    """
    How many of a plan may take effect without a person: a total of at most ``floor``, or a share of at most ``share``
    and a total of at most ``count``.
    """

    floor: Annotated[
        int, says("Heads that are always allowed; of `cohort`, the size from which a year group counts.")
    ] = 0
    share: Annotated[str, says("Largest share, an exact fraction written numerator/denominator.")] = "0/1"
    count: Annotated[int | None, says("Largest number of heads that the share may come to; absent: no limit.")] = None


class Settings(Frozen, kw_only=True):
    """
    Everything of a school's configuration that later decisions depend on, so that the reconciler needs none. Stamped on
    SweepCompleted by eligibility.
    """

    version: Annotated[str, says("Changes whenever a setting of the school does.")]
    absence_confirm_minutes: Annotated[
        float, says("Minutes between two certified sweeps, as they began, that must both lack somebody who is absent.")
    ]
    budgets: Annotated[dict[str, Budget], says("Plan -> its budget.")]
    rollover: Annotated[bool, says("Whether the sweep was completed around the turn of the academic year.")] = False
