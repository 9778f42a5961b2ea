"""
The smallest edits of a record that would change a verdict: pure.

Nothing here knows what a rule looks at: single fields are changed, the rules run again, and what comes out otherwise is
told. Where no single field makes somebody eligible, the fewest that do together are looked for.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import combinations
from typing import Any, Literal

import msgspec

from services.eligibility.assess import account_verdict, outcomes, portal_verdict
from services.eligibility.category import is_absent
from services.eligibility.rules import Case, shown_first_name
from services.eligibility.staff import RULES_OF
from shared.contract.leaving import is_over
from shared.contract.model import Category, Frozen, Student, Verdict

MOST_TOGETHER = 7  # fields: status, lists, title, two names, e-mail and those that could not be read: a blank record
MOST_TOLD = 3  # ways of so many fields together
STAGE = ("system_status", "lists", "admission_status")  # fields that say what the student is
ORDER = (Verdict.ELIGIBLE, Verdict.INELIGIBLE, Verdict.UNDECIDED)

Which = Literal["portal", "account"]


class FieldEdit(Frozen, omit_defaults=False, kw_only=True):
    """
    One field changed. ``words`` say to what; ``to`` is the value where only that one will do, and null where any will,
    or where the field is emptied.
    """

    field: str
    now: str | int | None = None
    to: str | int | None = None
    words: str


class Edit(Frozen, omit_defaults=False, kw_only=True):
    """Fields that, changed together and with nothing else, make ``verdict`` come out as ``becomes``."""

    verdict: Which
    becomes: Verdict
    changes: tuple[FieldEdit, ...]


@dataclass(frozen=True)
class _Try:
    told: FieldEdit
    fields: dict[str, Any]


def smallest_edits(case: Case) -> tuple[Edit, ...]:
    """
    For each verdict every single edit that changes it, those that make the person eligible first; and if there is none
    of those, the smallest sets of edits that do. Raises: ValueError for a leaving date that is none.
    """
    tries = list(_tries(case))
    found = [*_of(case, tries, "account"), *_of(case, tries, "portal")]
    return tuple(found)


def _of(case: Case, tries: list[_Try], which: Which) -> list[Edit]:
    now = _verdicts(case)[which]
    single = [
        Edit(verdict=which, becomes=after, changes=(one.told,))
        for one in tries
        if (after := _after(case, which, one)) is not now
    ]
    single.sort(key=lambda edit: ORDER.index(edit.becomes))
    if now is Verdict.ELIGIBLE or any(edit.becomes is Verdict.ELIGIBLE for edit in single):
        return single
    return [*_together(case, tries, which), *single]


def _together(case: Case, tries: list[_Try], which: Which) -> list[Edit]:
    """
    The fewest edits that together make the student eligible. What breaks a rule by itself is no part of them, apart
    from another stage: it may ask for more, and be right all the same.
    """
    failing = _failing(case)
    tries = [one for one in tries if one.told.field in STAGE or _failing(_edited(case, one)) <= failing]
    for size in range(2, MOST_TOGETHER + 1):
        found = [
            Edit(verdict=which, becomes=Verdict.ELIGIBLE, changes=tuple(one.told for one in some))
            for some in combinations(tries, size)
            if len({one.told.field for one in some}) == size and _after(case, which, *some) is Verdict.ELIGIBLE
        ]
        if found:
            return found[:MOST_TOLD]
    return []


def _after(case: Case, which: Which, *tries: _Try) -> Verdict:
    return _verdicts(_edited(case, *tries))[which]


def _edited(case: Case, *tries: _Try) -> Case:
    fields = {name: value for one in tries for name, value in one.fields.items()}
    return replace(case, student=msgspec.structs.replace(case.student, **fields))


def _failing(case: Case) -> int:
    return sum(rule.outcome(case) == "fail" for rule in RULES_OF[case.kind])


def _verdicts(case: Case) -> dict[Which, Verdict]:
    rules = outcomes(case)
    return {"portal": portal_verdict(case, rules), "account": account_verdict(case, rules)}


# --- what is tried -----------------------------------------------------------------------------------------------


def _tries(case: Case) -> Iterator[_Try]:
    yield from _statuses(case)
    yield from _lists(case)
    yield from _texts(case)
    yield from _leaving_dates(case) if case.kind == "staff" else _years(case)
    if case.student.faults:
        named = ", ".join(fault.pointer for fault in case.student.faults)
        yield _try("faults", named, None, f"corrected ({named})", faults=())


def _statuses(case: Case) -> Iterator[_Try]:
    student, book = case.student, case.book
    if book.is_pushed:
        return
    seen = student.system_status_word or student.system_status
    applicants = [] if case.kind == "staff" else sorted(book.prospective_system_statuses - {1, -1})
    for number, name in [(1, "current"), *((one, "an applicant") for one in applicants)]:
        if student.system_status != number:
            yield _try("system_status", seen, number, f"{number} ({name})", system_status=number)
    if student.system_status != -1:
        yield _try("system_status", seen, -1, "-1 (left)", system_status=-1)
    names = sorted(book.prospective_admission_statuses)
    if names and case.stage is not Category.CURRENT:
        only = names[0] if len(names) == 1 else None
        words = " or ".join(names)
        yield _try("admission_status", student.admission_status, only, f"one of: {words}", admission_status=names[0])


def _lists(case: Case) -> Iterator[_Try]:
    student = case.student
    others = tuple(one for one in student.lists if one not in ("leavers", "absent"))
    now = ", ".join(student.lists)
    if case.book.is_pushed:
        if is_absent(student):
            yield _try("lists", now, None, "in the body again", lists=others)
        else:
            yield _try("lists", now, None, "in the body no more", lists=("absent",))
    elif "leavers" in student.lists:
        yield _try("lists", now, None, "no longer in the leavers' list", lists=others)
    else:
        yield _try("lists", now, None, "in the leavers' list as well", lists=(*others, "leavers"))


def _texts(case: Case) -> Iterator[_Try]:
    student, book = case.student, case.book
    if not book.is_pushed:
        yield from _text(student, "title", "any salutation", "Mx")
    shown = shown_first_name(student, book)
    if shown is None:
        yield from _text(student, "first_name", "any first name", "Ada")
    else:
        names = {"first_name": student.first_name, "preferred_name": student.preferred_name}
        filled = [name for name, value in names.items() if (value or "").strip()]
        if not book.shows_preferred_name or len(filled) == 1:
            yield from _text(student, filled[0] if book.shows_preferred_name else "first_name", "", "")
    yield from _text(student, "last_name", "any surname", "Fern")
    email = (student.email or "").strip()
    yield _try("email", student.email, None, "an address like name@school.example", email="a@school.example")
    if email:
        yield _try("email", student.email, None, "empty", email=None)


def _text(student: Student, name: str, words: str, sound: str) -> Iterator[_Try]:
    """A text that is missing is filled in; one that is there is emptied."""
    now: str | None = getattr(student, name)
    if (now or "").strip():
        yield _try(name, now, None, "empty", **{name: None})
    else:
        yield _try(name, now, None, words, **{name: sound})


def _years(case: Case) -> Iterator[_Try]:
    student, this = case.student, case.academic_year
    if case.book.is_pushed:
        yield _try("year", student.year, None, "empty, or 0 to 7", year=None)
        return
    seen = student.enrolment_year
    yield _try("enrolment_year", seen, None, f"{this} or later", enrolment_year=this)
    yield _try("enrolment_year", seen, None, f"{this - 1} or earlier", enrolment_year=this - 1)
    if student.leaving_date is None and student.leaving_year is not None:
        first = this - 1 if case.book.leaving_year_names == "start" else this
        seen = student.leaving_year
        yield _try("leaving_year", seen, None, f"{first} or {first + 1}", leaving_year=first)
        yield _try("leaving_year", seen, None, f"{first - 1} or earlier", leaving_year=first - 1)
        yield _try("leaving_year", seen, None, f"{first + 2} or later", leaving_year=first + 2)
        return
    month, day = case.book.academic_year_start
    edge, seen_date = f"{this - 1}-{month:02}-{day:02}", student.leaving_date
    yield _try("leaving_date", seen_date, None, f"from {edge} to {case.day}", leaving_date=edge)
    early = f"{this - 3}-{month:02}-{day:02}"
    yield _try("leaving_date", seen_date, None, f"before {edge}", leaving_date=early)
    yield _try("leaving_date", seen_date, None, f"after {case.day}", leaving_date=_day_after(case))


def _leaving_dates(case: Case) -> Iterator[_Try]:
    """Of staff, whose leaving date says by itself that they have left."""
    now = case.student.leaving_date
    if is_over(case.student, case.day):
        yield _try("leaving_date", now, None, f"empty, or {case.day} or later", leaving_date=None)
        return
    before = (case.day - timedelta(days=1)).isoformat()
    yield _try("leaving_date", now, None, f"before {case.day}", leaving_date=before)
    if case.stage is Category.LEFT:
        yield _try("leaving_date", now, None, f"after {case.day}", leaving_date=_day_after(case))


def _day_after(case: Case) -> str:
    return (case.day + timedelta(days=1)).isoformat()


def _try(field: str, now: str | int | None, to: str | int | None, words: str, **fields: Any) -> _Try:
    if "system_status" in fields:
        fields["system_status_word"] = None
    return _Try(FieldEdit(field=field, now=now, to=to, words=words), fields)
