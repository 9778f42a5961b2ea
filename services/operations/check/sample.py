"""
Whether the fields that are needed are filled in, seen in a sample of each list. Pure.

The fields are those of the two documents: what a student needs to sync, and what a profile shows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from services.fetcher.isams.client import WHERE


class State(IntEnum):
    """How bad it is. The worst is the exit code."""

    OK = 0
    DEGRADED = 1
    FAILED = 2

    @property
    def word(self) -> str:
        return ("ok", "degraded", "cannot sync")[self]


@dataclass(frozen=True)
class Field:
    """
    ``names``: the vendor's, of which one is enough; ``empty``: how bad it is when nobody of the sample has it, and
    ``loses`` what that means.
    """

    what: str
    names: tuple[str, ...]
    loses: str
    empty: State = State.DEGRADED


@dataclass(frozen=True)
class Sample:
    """The fields of one area (as it is called in the check) and the permission that shows them."""

    area: str
    permission: str
    fields: tuple[Field, ...]


NOBODY = "a student without it does not sync"
NO_STAFF = "a member of staff without it does not sync"
PROFILE = "profiles go without it"
SAMPLES = (
    Sample(
        "students",
        "Student Manager",
        (
            Field("schoolId", ("schoolId",), "nothing says whose record it is", State.FAILED),
            Field("salutation", ("title",), NOBODY, State.FAILED),
            Field("first name", ("forename", "preferredName"), NOBODY, State.FAILED),
            Field("preferred name", ("preferredName",), "the legal first name is shown", State.OK),
            Field("last name", ("surname",), NOBODY, State.FAILED),
            Field("school e-mail", ("schoolEmailAddress",), NOBODY, State.FAILED),
            Field("system status", ("systemStatus",), "nobody is known to be current", State.FAILED),
            Field("year group", ("yearGroup",), "nobody has a programme"),
            Field("date of birth", ("dob",), PROFILE),
            Field("house", ("academicHouse", "boardingHouse"), PROFILE),
            Field("photo", ("latestPhotoId",), PROFILE),
        ),
    ),
    Sample(
        "applicants",
        "Admissions",
        (
            Field("enrolment year", ("enrolmentSchoolYear", "enrolmentYear"), "a prospective student does not sync"),
            Field("admission status", ("admissionStatus",), "a prospective student does not sync"),
            Field("system status", ("systemStatus",), "a prospective student does not sync"),
        ),
    ),
    Sample(
        "leavers",
        "Alumni",
        (
            Field("leaving year", ("leavingYear", "leavingDate"), "a leaver does not sync"),
            Field("system status", ("systemStatus",), "a leaver does not sync"),
        ),
    ),
    Sample(
        "employees",
        "Staff/HR",
        (
            Field("id", ("id",), "nothing says whose record it is"),
            Field("salutation", ("title",), "a member of staff without it is not shown"),
            Field("first name", ("forename", "preferredName"), NO_STAFF),
            Field("last name", ("surname",), NO_STAFF),
            Field("school e-mail", ("schoolEmailAddress",), NO_STAFF),
            Field("divisions", ("divisions",), "staff are in no faculty", State.OK),
        ),
    ),
)
ENOUGH = 5  # records of which it is strange that none has a field
MOST = 0.5  # of the sample without a field that each of them needs


def of_fields(sample: Sample, records: Sequence[Any] | None) -> list[tuple[str, State, str]]:
    """
    For each field: what it is, how bad it is, and in words what was seen, with what to do after a semicolon. Nothing
    for a list that could not be read or is empty.
    """
    seen = [one for one in records or () if isinstance(one, Mapping)]
    return [(f"{sample.area}: {one.what}", *_judge(sample, one, seen)) for one in sample.fields] if seen else []


def _judge(sample: Sample, one: Field, records: Sequence[Mapping[str, Any]]) -> tuple[State, str]:
    has = sum(any(_is_filled(record.get(name)) for name in one.names) for record in records)
    is_shown = any(name in record for record in records for name in one.names)
    text = f"{has} of {len(records)} have it"
    if has == 0 and one.empty is not State.OK and (len(records) >= ENOUGH or not is_shown):
        return one.empty, f"{text}: {one.loses}; {_advice(sample, one, is_shown)}"
    if one.empty is State.FAILED and has < MOST * len(records):
        return State.DEGRADED, f"{text}: {one.loses}; fill in {_or(one.names)} in iSAMS"
    return State.OK, text


def _advice(sample: Sample, one: Field, is_shown: bool) -> str:
    """A field that no record has is not given to this key; one that is always empty may be that as well."""
    tick = f"in {WHERE}, tick {_or(one.names)} among the fields of {sample.permission} of this client"
    return tick if not is_shown else f"{tick}, or fill it in: it is empty in every record"


def _or(names: Sequence[str]) -> str:
    return " or ".join(names)


def _is_filled(value: object) -> bool:
    return value is not None and (not isinstance(value, str) or bool(value.strip()))
