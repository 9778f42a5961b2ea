"""
The lists of a school's structure, from the records that came. Pure.

A record that cannot be taken costs that record, named by list and id, and never its list; a list of which nothing can
be taken is none.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from datetime import tzinfo
from typing import TypeVar

from services.fetcher.isams import parse, sets
from services.fetcher.isams.curriculum import (
    Division,
    Houses,
    SchoolLists,
    TeachingLists,
    TeachingSet,
    Terms,
    YearGroup,
)
from services.fetcher.isams.fields import Json, Unreadable
from services.fetcher.isams.slips import Slips
from shared.errors import Retryable

_R = TypeVar("_R")
_T = TypeVar("_T")


def _own_id(record: object) -> object:
    return record.get("id") if isinstance(record, Mapping) else None


def houses(path: str, records: Sequence[Json]) -> Houses:
    slips = Slips()
    found = taken(path, records, parse.house, slips)
    return Houses(houses=tuple(_some(path, records, found, slips)), slips=slips.words)


def terms(path: str, records: Sequence[Json], zone: tzinfo) -> Terms:
    slips = Slips()
    found = taken(path, records, lambda record: parse.term(record, zone), slips)
    return Terms(terms=tuple(_some(path, records, found, slips)), slips=slips.words)


def status_words(path: str, records: Sequence[Json]) -> tuple[dict[str, int], tuple[str, ...]]:
    """The school's words for the stages of a life, by their letters; and what could not be taken."""
    slips = Slips()
    found = taken(path, records, lambda record: parse.status_words([record]), slips)
    return {word: number for one in _some(path, records, found, slips) for word, number in one.items()}, slips.words


def school_lists(
    path: str,
    groups: Sequence[Json],
    divisions: Sequence[Sequence[Json] | None],
    departments_path: str,
    departments: Sequence[Json],
) -> SchoolLists:
    """``divisions``: those of each year group; None: the server has no such list."""
    slips = Slips()
    known: dict[int, Division] = {}
    lost = 0

    def of_group(pair: tuple[Json, Sequence[Json] | None]) -> YearGroup:
        nonlocal lost
        record, listed = pair
        where = f"{path}/{record.get('ncYear')}/divisions"
        if listed is None:
            lost += 1
            slips.note(where, "there is no such list")
            return parse.year_group(record, None)
        own = taken(where, listed, parse.division, slips)
        lost += len(listed) - len(own)
        known.update((one.id, one) for one in own)
        return parse.year_group(record, [one.id for one in own] if own or not listed else None)

    pairs = list(zip(groups, divisions, strict=True))
    year_groups = taken(path, pairs, of_group, slips, id=lambda pair: pair[0].get("ncYear"))
    _some(path, groups, year_groups, slips)
    lost += len(groups) - len(year_groups)
    return SchoolLists(
        year_groups=tuple(year_groups),
        divisions=tuple(known[id] for id in sorted(known)),
        departments=tuple(taken(departments_path, departments, parse.teaching_department, slips)),
        repeated=_repeated(path, [group.nc_year for group in year_groups], slips),
        lost=lost,
        slips=slips.words,
    )


def teaching_lists(
    subjects_path: str,
    subject_records: Sequence[Json],
    path: str,
    records: Sequence[Json],
    members: Sequence[Sequence[Json] | None],
) -> TeachingLists:
    """``members``: those of each set, by their records; None: the server has no such list."""
    slips = Slips()
    subjects = taken(subjects_path, subject_records, parse.subject, slips)
    by = sets.subjects_by(subjects)
    lost = len(subject_records) - len(subjects)
    repeated = _repeated(subjects_path, [one.id for one in subjects], slips)
    found: list[TeachingSet] = []
    for record, listed in zip(records, members, strict=True):
        where = f"{path}/{record.get('id')}/setList"
        if listed is None:
            lost += 1
            slips.note(where, "there is no such list")
            continue
        ids = _ids(where, listed, slips)
        lost += len(listed) - len(ids)
        repeated += _repeated(where, ids, slips)
        try:
            found.append(sets.teaching_set(record, ids, listed, by))
        except Unreadable as error:
            lost += 1
            slips.note(f"{path} {record.get('id')}", error)
    _some(path, records, found, slips)
    repeated += _repeated(path, [one.id for one in found], slips)
    return TeachingLists(subjects=tuple(subjects), sets=tuple(found), repeated=repeated, lost=lost, slips=slips.words)


def taken(
    path: str,
    records: Sequence[_R],
    read: Callable[[_R], _T],
    slips: Slips,
    id: Callable[[_R], object] = _own_id,
) -> list[_T]:
    """Those records that can be read."""
    found: list[_T] = []
    for record in records:
        try:
            found.append(read(record))
        except Unreadable as error:
            slips.note(f"{path} {id(record)}", error)
    return found


def _some(path: str, records: Sequence[object], found: Sequence[_T], slips: Slips) -> Sequence[_T]:
    """What was found. Raises: Retryable, when there are records and none of them can be read."""
    if records and not found:
        raise Retryable(f"{path}: no record can be read; {slips.words[0]}")
    return found


def _ids(path: str, members: Iterable[Json], slips: Slips) -> list[str]:
    found = []
    for member in members:
        try:
            found.append(parse.student_id(member))
        except Unreadable as error:
            slips.note(path, error)
    return found


def _repeated(path: str, ids: Sequence[Hashable], slips: Slips) -> int:
    """How many came again: somebody or something else may be missing in their place."""
    twice = {id: times for id, times in Counter(ids).items() if times > 1}
    for id in twice:
        slips.note(f"{path} {id}", "came more than once")
    return sum(twice.values()) - len(twice)
