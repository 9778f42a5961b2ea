"""
What `rollcall check` says of the records that it has seen: statuses that nobody knows, and what cannot be read. Pure.

It reads them with the fetcher's own readers, so that what it says is what a sweep will do.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from services.fetcher.isams import employees, parse, school_records, sets
from services.fetcher.isams.field_names import NOBODY_KNOWS, ParseContext
from services.fetcher.isams.fields import Json
from services.fetcher.isams.slips import Slips
from services.fetcher.sweep.areas import AreasRead, StatusWords, reading
from services.operations.check.sample import State
from shared.config.settings import IsamsSchool
from shared.contract.model import Student

Records = Mapping[str, Sequence[Any]]
Line = tuple[
    str, State, str
]  # what it is, how bad it is, and in words what was seen, with what to do after a semicolon

_PEOPLE: dict[str, tuple[Callable[[Json, ParseContext], Student], int]] = {  # and what most of that list are
    "students": (parse.student, 1),
    "applicants": (parse.applicant, 0),
    "leavers": (parse.leaver, -1),
    "employees": (employees.employee, 1),
}
_MEANS = {1: "here", 0: "an applicant", -1: "left"}
SHOWN = 3  # records that are named


def of_records(school: IsamsSchool, records: Records) -> list[Line]:
    """``records``: of each area of the check that was read."""
    words = school_records.taken("", _objects(records, "life stages"), lambda one: parse.status_words([one]), Slips())
    known = StatusWords(words={word: number for one in words for word, number in one.items()})
    areas = AreasRead({"statuses": known}, {})
    found: list[Line] = []
    for area, (read, usual) in _PEOPLE.items():
        reads = reading(school, areas)
        people = school_records.taken(area, _objects(records, area), partial(_with, read, reads), reads.slips)
        found += _unknown_words(school, area, people, usual)
        found += _unread(area, _of_records(reads.slips), "that field, or where it decides the person, is not told")
    return [*found, *_of_structure(school, records)]


def _with(read: Callable[[Json, ParseContext], Student], reading: ParseContext, record: Json) -> Student:
    return read(record, reading)


def _unknown_words(school: IsamsSchool, area: str, people: Sequence[Student], usual: int) -> list[Line]:
    """With the line that mends it: what a word means only the school knows."""
    counts = Counter(one.system_status_word for one in people if one.system_status is None and one.system_status_word)
    if not counts:
        return []
    seen = ", ".join(f'"{word}" ({count} of {len(people)})' for word, count in sorted(counts.items()))
    configured = {**school.system_status_words, **dict.fromkeys(sorted(counts), usual)}
    line = ", ".join(f'"{word}" = {number}' for word, number in configured.items())
    meant = f"{usual} where that is who they are ({_MEANS[usual]})"
    others = " or ".join(f"{number} ({words})" for number, words in _MEANS.items() if number != usual)
    text = f"nobody knows the status {seen}: whoever has it is undecided"
    fix = f"in rollcall.toml, set system_status_words = {{ {line} }}, with {meant}, else {others}"
    return [(f"{area}: status words", State.DEGRADED, f"{text}; {fix}")]


def _of_structure(school: IsamsSchool, records: Records) -> list[Line]:
    readers: dict[str, Callable[[Json], object]] = {
        "year groups": lambda one: parse.year_group(one, None),
        "departments": parse.teaching_department,
        "houses": parse.house,
        "terms": lambda one: parse.term(one, school.zone),
        "subjects": parse.subject,
    }
    found: list[Line] = []
    for area, read in readers.items():
        slips = Slips()
        school_records.taken(area, _objects(records, area), read, slips)
        found += _unread(area, slips.words, "that record is left out, and nobody loses anything by it")
    return [*found, *_subjects_of_sets(school, records)]


def _subjects_of_sets(school: IsamsSchool, records: Records) -> list[Line]:
    shown = [one for one in _objects(records, "sets") if not sets.is_hidden(one)]
    if school.modules != "subject" or not shown:
        return []
    by = sets.subjects_by(school_records.taken("", _objects(records, "subjects"), parse.subject, Slips()))
    named = [by.of(one) for one in shown]
    stray = [str(one.get("id")) for one, (_, is_stray) in zip(shown, named, strict=True) if is_stray]
    of_a_subject = sum(subject is not None and not is_stray for subject, is_stray in named)
    what = "sets: subjects"
    if not of_a_subject:
        text = "no set has a subject that is in the list of subjects: nobody is enrolled into modules"
        return [(what, State.DEGRADED, f'{text}; set modules = "set", and see what a set of this iSAMS has')]
    if stray:
        text = f"{len(stray)} of {len(shown)} name a subject that is in no list ({_first(stray)})"
        return [(what, State.DEGRADED, f"{text}: whoever is in them keeps what they have; in iSAMS, add the subject")]
    return [(what, State.OK, f"{of_a_subject} of {len(shown)} have one")]


def _unread(area: str, slips: Sequence[str], means: str) -> list[Line]:
    if not slips:
        return []
    text = f"not everything can be read ({_first(slips)}): {means}"
    return [(f"{area}: records", State.DEGRADED, f"{text}; correct it in iSAMS")]


def _of_records(slips: Slips) -> list[str]:
    """Without the statuses that nobody knows: these have a line of their own."""
    return [one for one in slips.words if NOBODY_KNOWS not in one]


def _first(words: Sequence[str]) -> str:
    more = [f"and {len(words) - SHOWN} more"] if len(words) > SHOWN else []
    return ", ".join([*words[:SHOWN], *more])


def _objects(records: Records, area: str) -> list[Json]:
    return [one for one in records.get(area, ()) if isinstance(one, dict)]
