"""
A teaching set of the vendor's as ours: its subject, its year, its members and its teachers. Pure.

Of a set's record only ``id`` and ``hidden`` are known for certain. So each of the others is looked for wherever a
public client, or the vendor's own portal, has it, and in this order: the subject by its id, by its code, by its name;
a teacher by the employee's id, by their e-mail.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from services.fetcher.isams.curriculum import Subject, TeachingSet
from services.fetcher.isams.fields import Json, Unreadable, number, text, truth, whole
from shared.contract.email import email_key

TEACHER = ("teacherId", "teacherEmployeeId", "staffId", "employeeId", "employee", "teacher")
TEACHERS = ("teacherIds", "staffIds", "employeeIds", "teachers", "associatedTeachers", "employees")
OF_A_TEACHER = ("employeeId", "teacherId", "staffId", "id")


def is_hidden(record: Json) -> bool:
    """Sets that a school has put away are in no list that a person sees; they are no modules."""
    return truth(record, "hidden")


@dataclass(frozen=True)
class SubjectsBy:
    """The school's subjects, by whatever a set may call them."""

    ids: frozenset[int]
    codes: Mapping[str, int]
    names: Mapping[str, int]

    def of(self, record: Json) -> tuple[int | None, bool]:
        """The subject of a set, and whether the set names one that is in no list (its id, where it says that)."""
        ids = list(_subject_ids(record))
        codes, names = _texts(record, "subjectCode", "subject"), _texts(record, "subjectName", "subject")
        words = [*((self.codes, word) for word in codes), *((self.names, word) for word in names)]
        listed = [id for id in ids if id in self.ids]
        listed += [table[word.casefold()] for table, word in words if word.casefold() in table]
        if listed:
            return listed[0], False
        return (ids[0] if ids else None), bool(ids or words)


def subjects_by(subjects: Sequence[Subject]) -> SubjectsBy:
    """Of two that share a code or a name, the older has it."""
    codes: dict[str, int] = {}
    names: dict[str, int] = {}
    for one in sorted(subjects, key=lambda one: one.id):
        names.setdefault(one.name.casefold(), one.id)
        if one.code:
            codes.setdefault(one.code.casefold(), one.id)
    return SubjectsBy(frozenset(one.id for one in subjects), codes, names)


def teaching_set(record: Json, members: Sequence[str], years: Sequence[Json], subjects: SubjectsBy) -> TeachingSet:
    """
    One set; ``years`` are its members' records: where a set does not say its year, they do, if all agree. Raises:
    Unreadable, when it has no id.
    """
    id = number(record, "id")
    name = next(_texts(record, "name"), None)
    code = next(_texts(record, "setCode"), None) or name or ""
    subject, is_stray = subjects.of(record)
    return TeachingSet(
        id=id,
        code=code,
        name=name or code or f"Set {id}",
        subject=subject,
        is_stray=is_stray,
        nc_year=_year(record, years),
        members=tuple(sorted(set(members))),
        teachers=tuple(sorted(teachers(record))),
    )


def teachers(record: Json) -> set[str]:
    """
    Whoever teaches a set, each by their id as an employee, or by their e-mail (as addresses are compared) where that is
    all that is said. What is not understood names nobody.
    """
    given = [record.get(name) for name in TEACHER]
    for name in TEACHERS:
        several = record.get(name)
        given += several if isinstance(several, list) else []
    return {found for one in given if (found := _teacher(one)) is not None}


def _teacher(value: object) -> str | None:
    """A number, alone or as the id of an object; a word may be anybody's initials."""
    if not isinstance(value, Mapping):
        return _digits({"id": value}, "id")
    ids = (_digits(value, name) for name in OF_A_TEACHER)
    found = next((id for id in ids if id is not None), None)
    if found is None and isinstance(value.get("employee"), Mapping):
        found = _teacher(value["employee"])
    address = next(_texts(value, "schoolEmailAddress"), None)
    return found or (email_key(address) if address is not None and "@" in address else None)


def _digits(record: Json, name: str) -> str | None:
    found = next(_texts(record, name), None)
    return found if found is not None and found.isdigit() else None


def _subject_ids(record: Json) -> Iterator[int]:
    """``subjectId``, or ``subject`` as a number or as an object with an id."""
    own = record.get("subject")
    given = (record.get("subjectId"), own.get("id") if isinstance(own, Mapping) else own)
    return (found for one in given if (found := _whole({"id": one}, "id")) is not None)


def _year(record: Json, members: Sequence[Json]) -> int | None:
    found = _whole(record, "year")
    years = {_whole(member, "yearGroup") for member in members} if found is None else set()
    return years.pop() if len(years) == 1 else found


def _whole(record: Json, name: str) -> int | None:
    try:
        return whole(record, name)
    except Unreadable:
        return None


def _texts(record: Json, *names: str) -> Iterator[str]:
    """Those of the fields that are a text, in this order."""
    for name in names:
        try:
            found = text(record, name)
        except Unreadable:
            continue
        if found is not None:
            yield found
