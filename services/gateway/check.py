"""
A whole body, checked: what can be taken of it and who is at fault, or why none of it is. Pure.

People are read twice, here and when they are published, so that memory holds one at a time.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from services.gateway.body import LISTS, STRUCTURE, Entries
from services.gateway.fields import under
from services.gateway.identity import Identity, Key, Settled, here_after, settle
from services.gateway.notes import Notes
from services.gateway.people import (
    STAFF,
    STUDENTS,
    Defined,
    Reader,
    defined_by,
    person_of,
    read_staff,
    read_student,
)
from services.gateway.register import Known, Register
from services.gateway.structure import Lists, read_lists
from shared.books import people_word
from shared.errors import RollcallError
from shared.model import Fault, Kind, Student

FAULTY_SHARE = (1, 20)  # of the students, and of the staff, may be at fault: 5 %
MOST_FAULTS = 100_000  # in one answer; beyond that they are only counted


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


def reader_of(kind: Kind) -> Reader:
    return read_staff if kind == "staff" else read_student


@dataclass(frozen=True)
class People:
    """The students of a sound body, or its staff: who they are, and each as it can be taken."""

    kind: Kind
    entries: Entries
    settled: Settled
    here: Mapping[str, Known]  # whoever is there, in the body's order
    defined: Defined
    key: Key

    @property
    def name(self) -> str:
        """Of their list."""
        return people_word(self.kind)

    @property
    def is_complete(self) -> bool:
        """Whether the body says who is gone."""
        return not self.settled.without_key

    def records(self) -> Iterator[Student]:
        """Each person of the roll once."""
        lists, read = STAFF if self.kind == "staff" else STUDENTS, reader_of(self.kind)
        for kept, fault in sorted(self.settled.kept.items()):
            yield Student(student_id=kept, lists=lists, faults=(fault,))
        for place, (raw, key) in enumerate(zip(self.entries, self.settled.keys, strict=True)):
            if key is not None and key not in self.settled.kept:
                faults = self.settled.faults.get(place, ())
                yield person_of(read(raw, self.defined, self.key), key, self.key, faults)


@dataclass(frozen=True)
class Checked:
    """
    A body that can be taken. ``students`` None: they were not supplied; ``staff`` None: not supplied, or not taken.
    ``lists`` is the structure as it now stands, ``undecided`` counts those at fault by the name of their list.
    """

    students: People | None
    staff: People | None
    lists: Lists
    supplied: tuple[str, ...]
    undecided: Mapping[str, int]
    faults: FaultList = field(repr=False)
    notes: tuple[Fault, ...] = ()

    @property
    def has_structure(self) -> bool:
        return any(name in self.supplied for name in STRUCTURE)


def check(
    supplied: Mapping[str, Entries],
    faults: list[Fault],
    kept: Lists,
    key: Key,
    last: Register,
    last_staff: Register | None = None,
) -> Checked:
    """
    Shape: the entries of each list that is in the body, what is already known to be wrong with it, what the feed said
    last of its lists, and of who is who. ``last_staff`` None: the school's staff are checked, and not taken.
    Raises: Refused.
    """
    notes, all_faults = Notes(), FaultList()
    lists, wrong = read_lists(supplied, kept, notes)
    defined = defined_by(lists)
    all_faults.extend(faults + wrong)
    if last_staff is None:
        _only_check(supplied.get("staff", ()), defined, all_faults, notes)
    of_whole = all_faults.count
    found: dict[str, People] = {}
    undecided: dict[str, int] = {}
    registers: tuple[tuple[Kind, Register | None], ...] = (("student", last), ("staff", last_staff))
    for kind, register in registers:
        name = people_word(kind)
        if name in supplied and register is not None:
            found[name], undecided[name] = _people(kind, supplied[name], defined, key, register, all_faults, notes)
    counts = {name: len(supplied[name]) for name in LISTS if name in supplied}
    if of_whole:
        raise Refused("body-refused", "The body has faults outside its people; nothing was taken.", all_faults, counts)
    limit, whole = FAULTY_SHARE
    for name, people in found.items():
        if undecided[name] * whole > len(people.entries) * limit:
            detail = (
                f"{undecided[name]} of {len(people.entries)} {name} are at fault, more than 5 %; nothing was taken."
            )
            raise Refused("too-many-faults", detail, all_faults, counts)
    return Checked(
        students=found.get("students"),
        staff=found.get("staff"),
        lists=lists,
        supplied=tuple(supplied),
        undecided=undecided,
        faults=all_faults,
        notes=notes.told(),
    )


def _only_check(entries: Entries, defined: Defined, faults: FaultList, notes: Notes) -> None:
    """Staff of whom nothing is taken: what is wrong with them is wrong with the body."""
    for place, raw in enumerate(entries):
        entry = read_staff(raw, defined, None)
        faults.extend(under(f"/staff/{place}", entry.faults))
        notes.strange("staff", place, entry.strange)
    if entries:
        notes.add("/staff", "was checked, but pushed staff are not taken")


def _people(
    kind: Kind,
    entries: Entries,
    defined: Defined,
    key: Key,
    register: Register,
    faults: FaultList,
    notes: Notes,
) -> tuple[People, int]:
    """The people of one list, and how many of its entries are at fault."""
    identities: list[Identity] = []
    at_fault: set[int] = set()
    name, read = people_word(kind), reader_of(kind)
    for place, raw in enumerate(entries):
        entry = read(raw, defined, key)
        identities.append(entry.identity)
        notes.strange(name, place, entry.strange)
        if entry.faults:
            at_fault.add(place)
            faults.extend(under(f"/{name}/{place}", entry.faults))
    settled = settle(identities, register, key)
    for place, wrong in sorted(settled.faults.items()):
        at_fault.add(place)
        faults.extend(under(f"/{name}/{place}", wrong))
    here = here_after(identities, settled, register, key, at_fault)
    return People(kind, entries, settled, here, defined, key), len(at_fault)
