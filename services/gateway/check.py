"""
A whole body, checked: what can be taken of it and who is at fault, or why none of it is. Pure.

Students are read twice, here and when they are published, so that memory holds one at a time.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from services.gateway.body import LISTS, STRUCTURE, Entries
from services.gateway.fields import under
from services.gateway.identity import Identity, Settled, settle
from services.gateway.notes import Notes
from services.gateway.people import Defined, Key, check_staff, defined_by, read_student, student_of
from services.gateway.structure import Lists, read_lists
from shared.errors import RollcallError
from shared.model import Fault, Student

FAULTY_SHARE = (1, 20)  # of the students may be at fault: 5 %
MOST_FAULTS = 100_000  # in one answer; beyond that they are only counted
TWICE = "stands twice in the body"


class FaultList:
    """Every fault, up to a bound on the answer's size; ``count`` is of all."""

    def __init__(self) -> None:
        self.count = 0
        self.told: list[Fault] = []

    def extend(self, faults: Sequence[Fault]) -> None:
        self.count += len(faults)
        self.told += faults[: MOST_FAULTS - len(self.told)]


class Refused(RollcallError):
    """None of the body is taken."""

    def __init__(self, reason: str, detail: str, faults: FaultList, counts: Mapping[str, int]) -> None:
        super().__init__(detail)
        self.reason = reason
        self.faults = faults
        self.counts = counts


@dataclass(frozen=True)
class Students:
    """The students of a sound body: who they are, and each as it can be taken."""

    entries: Entries
    identities: list[Identity]
    settled: Settled
    twice: frozenset[str]  # e-mails, folded
    defined: Defined
    key: Key

    def roll(self, last: Mapping[str, str | None]) -> dict[str, str | None]:
        """The other field by key, of all who are there; what an entry does not say stays as it was."""
        found: dict[str, str | None] = {}
        for identity, key in zip(self.identities, self.settled.keys, strict=True):
            if key is not None:
                is_theirs = key not in self.settled.twice
                found[key] = (identity.other if is_theirs else None) or last.get(key)
        for twice in self.settled.twice:
            found.setdefault(twice, last.get(twice))
        return found

    def records(self) -> Iterator[Student]:
        """Each student of the roll once."""
        for twice in sorted(self.settled.twice):
            yield Student(student_id=twice, faults=(Fault(pointer=f"/{self.key}", message=TWICE),))
        seen = set(self.settled.twice)
        for raw, identity, key in zip(self.entries, self.identities, self.settled.keys, strict=True):
            if key is not None and key not in seen:
                if identity.key != key:
                    seen.add(key)  # no sound key of the body: two entries may have been found to be this student
                more = self.faults_of(identity)
                yield student_of(read_student(raw, self.defined, self.key), key, more)

    def faults_of(self, identity: Identity) -> tuple[Fault, ...]:
        """What is wrong with one entry because of others."""
        email = identity.key if self.key == "email" else identity.other
        faults = []
        if self.key == "id" and identity.key in self.settled.twice:
            faults.append(Fault(pointer="/id", message=TWICE))
        if email in self.twice:
            faults.append(Fault(pointer="/email", message=TWICE))
        return tuple(faults)


@dataclass(frozen=True)
class Checked:
    """
    A body that can be taken. ``students`` None: they were not supplied; ``lists`` is the structure as it now stands.
    """

    students: Students | None
    lists: Lists
    supplied: tuple[str, ...]
    undecided: int
    faults: FaultList = field(repr=False)
    notes: tuple[Fault, ...] = ()

    @property
    def has_structure(self) -> bool:
        return any(name in self.supplied for name in STRUCTURE)


def check(
    supplied: Mapping[str, Entries], faults: list[Fault], kept: Lists, key: Key, last: Mapping[str, str | None]
) -> Checked:
    """
    Shape: the entries of each list that is in the body, what is already known to be wrong with it, what the feed said
    last of its lists and of who is there. Raises: Refused.
    """
    notes, all_faults = Notes(), FaultList()
    lists, wrong = read_lists(supplied, kept, notes)
    defined = defined_by(lists)
    all_faults.extend(faults + wrong)
    for place, raw in enumerate(supplied.get("staff", ())):
        wrong, strange = check_staff(raw, defined)
        all_faults.extend(under(f"/staff/{place}", wrong))
        notes.strange("staff", place, strange)
    of_whole = all_faults.count
    students, undecided = None, 0
    if "students" in supplied:
        students, undecided = _check_students(supplied["students"], defined, key, last, all_faults, notes)
    counts = {name: len(supplied[name]) for name in LISTS if name in supplied}
    if of_whole:
        raise Refused(
            "body-refused", "The body has faults outside its students; nothing was taken.", all_faults, counts
        )
    limit, whole = FAULTY_SHARE
    if students is not None and undecided * whole > len(students.entries) * limit:
        detail = f"{undecided} of {len(students.entries)} students are at fault, more than 5 %; nothing was taken."
        raise Refused("too-many-faults", detail, all_faults, counts)
    if supplied.get("staff"):
        notes.add("/staff", "was checked, but pushed staff are not taken")
    return Checked(students, lists, tuple(supplied), undecided, all_faults, notes.told())


def _check_students(
    entries: Entries,
    defined: Defined,
    key: Key,
    last: Mapping[str, str | None],
    faults: FaultList,
    notes: Notes,
) -> tuple[Students, int]:
    """The students, and how many entries are at fault."""
    identities: list[Identity] = []
    at_fault: set[int] = set()
    for place, raw in enumerate(entries):
        entry = read_student(raw, defined, key)
        identities.append(Identity(entry.key, entry.other))
        notes.strange("students", place, entry.strange)
        if entry.faults:
            at_fault.add(place)
            faults.extend(under(f"/students/{place}", entry.faults))
    emails = Counter(one.key if key == "email" else one.other for one in identities)
    twice = frozenset(email for email, count in emails.items() if count > 1 and email is not None)
    students = Students(entries, identities, settle(identities, last), twice, defined, key)
    for place, identity in enumerate(identities):
        if wrong := students.faults_of(identity):
            at_fault.add(place)
            faults.extend(under(f"/students/{place}", wrong))
    return students, len(at_fault)
