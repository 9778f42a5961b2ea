"""
A whole body, checked: what can be taken of it and who is at fault, or why none of it is. Pure.

People are read twice, here and when they are published, so that memory holds one at a time.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from services.gateway.body import LISTS, STRUCTURE, Entries
from services.gateway.fields import under
from services.gateway.key_resolution import Identity, Key, Settled, here_after, settle
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
from services.gateway.repeats import repeats
from services.gateway.structure import Lists, read_lists
from services.gateway.wanted import GoOn, always, while_wanted
from services.gateway.warnings import Notes
from shared.contract.model import Fault, Kind, Student
from shared.contract.populations import people_word
from shared.errors import RollcallError

FAULTY_SHARE = (1, 20)  # of the students, and of the staff, may be at fault: 5 %
FAULTY_HEADS = 3  # or so many, where they are no more than half: one slip refuses no small body
MOST_FAULTS = 100_000  # in one answer; beyond that nothing more is looked at in a body that is refused


OUTSIDE = ("body-refused", "The body has faults outside its people; nothing was taken.")


class FaultList:
    """Every fault, up to a bound on the answer's size; ``count`` is of all that were found."""

    def __init__(self) -> None:
        self.count = 0
        self.told: list[Fault] = []

    @property
    def is_full(self) -> bool:
        return self.count > MOST_FAULTS

    def extend(self, faults: Sequence[Fault]) -> None:
        self.count += len(faults)
        self.told += faults[: MOST_FAULTS - len(self.told)]


class Refused(RollcallError):
    """None of the body is taken. ``notes``: what else the sender should know of it."""

    def __init__(
        self,
        reason: str,
        detail: str,
        faults: FaultList,
        counts: Mapping[str, int],
        notes: tuple[Fault, ...] = (),
    ) -> None:
        super().__init__(detail)
        self.reason = reason
        self.faults = faults
        self.counts = counts
        self.notes = notes


StaffRefused = Literal["too_many_faults", "no_list"]


def reader_of(kind: Kind) -> Reader:
    return read_staff if kind == "staff" else read_student


@dataclass(frozen=True)
class People:
    """
    The students of a sound body, or its staff: who they are, and each as it can be taken. ``entries`` are those of the
    body but for repeats, ``places`` where they stand in it; ``count`` is of all.
    """

    kind: Kind
    entries: Entries
    places: Sequence[int]
    count: int
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

    @property
    def without_key(self) -> list[int]:
        """Where in the body those stand of whom nobody can tell who they are."""
        return [self.places[place] for place in self.settled.without_key]

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
    A body that can be taken. ``students`` None: they were not supplied; ``staff`` None: not supplied, or not taken,
    and where that is by their faults ``staff_refused`` says which. ``lists`` is the structure as it now stands,
    ``undecided`` counts those at fault by the name of their list.
    """

    students: People | None
    staff: People | None
    lists: Lists
    supplied: tuple[str, ...]
    undecided: Mapping[str, int]
    faults: FaultList = field(repr=False)
    notes: tuple[Fault, ...] = ()
    staff_refused: StaffRefused | None = None

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
    notes: Notes | None = None,
    go_on: GoOn = always,
) -> Checked:
    """
    Shape: the entries of each list that is in the body, what is already known to be wrong with it, what the feed said
    last of its lists, and of who is who. ``last_staff`` None: the school's staff are passed over.

    What is wrong with the staff is theirs alone: too much of it, and they are as good as not supplied.
    Raises: Refused; what ``go_on`` raises, when nobody waits for it any more.
    """
    notes, all_faults = notes or Notes(), FaultList()
    lists, wrong = read_lists(supplied, kept, notes, MOST_FAULTS, go_on)
    of_staff = [fault for fault in faults if fault.pointer == "/staff"]
    all_faults.extend([fault for fault in faults if fault not in of_staff] + wrong)
    of_whole = all_faults.count
    counts = {name: len(supplied[name]) for name in LISTS if name in supplied}
    if all_faults.is_full:
        raise Refused(*OUTSIDE, all_faults, counts, notes.told())
    if last_staff is None:
        _pass_over_staff(supplied, of_staff, notes)
        of_staff = []
    all_faults.extend(of_staff)
    registers: tuple[tuple[Kind, Register | None], ...] = (("student", last), ("staff", last_staff))
    found = {
        kind: _people(kind, supplied[people_word(kind)], defined_by(lists), key, register, all_faults, notes, go_on)
        for kind, register in registers
        if people_word(kind) in supplied and register is not None
    }
    refusal = _refusal(
        found, has_faults=bool(of_whole), has_no_list=bool(of_staff), is_bare=not set(supplied) - {"staff"}
    )
    if refusal is not None:
        raise Refused(*refusal, all_faults, counts, notes.told())
    staff_refused: StaffRefused | None = "no_list" if of_staff else None
    if "staff" in found and found["staff"].are_too_many:
        notes.add("/staff", f"is not taken, and the staff stay as they are: {found.pop('staff').words}")
        staff_refused = "too_many_faults"
    taken = {kind: one.people for kind, one in found.items() if one.people is not None}
    return Checked(
        students=taken.get("student"),
        staff=taken.get("staff"),
        lists=lists,
        supplied=tuple(supplied),
        undecided={people_word(kind): one.at_fault for kind, one in found.items()},
        faults=all_faults,
        notes=notes.told(),
        staff_refused=staff_refused,
    )


def _refusal(
    found: Mapping[Kind, "_Found"], *, has_faults: bool, has_no_list: bool, is_bare: bool
) -> tuple[str, str] | None:
    """Why none of the body is taken; ``is_bare``: there is nothing in it but staff, of whom ``has_no_list`` speaks."""
    if has_faults or (is_bare and has_no_list):
        return OUTSIDE
    for kind, one in found.items():
        if one.are_too_many and (kind == "student" or is_bare):
            return "too-many-faults", f"{one.words}; nothing was taken."
    return None


def _pass_over_staff(supplied: Mapping[str, Entries], faults: Sequence[Fault], notes: Notes) -> None:
    if supplied.get("staff") or faults:
        notes.add("/staff", 'is passed over: staff are taken where the school\'s tenant has staff = "managed"')


@dataclass(frozen=True)
class _Found:
    """The people of one list; None: so many are at fault that the rest was not looked at. ``count``: of its entries."""

    name: str
    count: int
    at_fault: int
    people: People | None

    @property
    def are_too_many(self) -> bool:
        return _are_too_many(self.at_fault, self.count)

    @property
    def words(self) -> str:
        of = f"{self.at_fault} of {self.count} {self.name}"
        is_all = "" if self.people is not None else "at least "
        return f"{is_all}{of} are at fault, more than 5 % and more than a few"


def _are_too_many(at_fault: int, count: int) -> bool:
    limit, whole = FAULTY_SHARE
    is_a_slip = at_fault <= FAULTY_HEADS and at_fault * 2 <= count
    return at_fault * whole > count * limit and not is_a_slip


def _people(
    kind: Kind,
    entries: Entries,
    defined: Defined,
    key: Key,
    register: Register,
    faults: FaultList,
    notes: Notes,
    go_on: GoOn,
) -> _Found:
    identities: list[Identity] = []
    at_fault: set[int] = set()
    name, read = people_word(kind), reader_of(kind)
    for place, raw in while_wanted(entries, go_on):
        if faults.is_full and _are_too_many(len(at_fault), len(entries)):
            return _Found(name, len(entries), len(at_fault), None)
        entry = read(raw, defined, key)
        identities.append(entry.identity)
        notes.strange(name, place, entry.strange)
        if entry.notes:
            notes.read_as(name, place, entry.notes)
        if entry.faults:
            at_fault.add(place)
            faults.extend(under(f"/{name}/{place}", entry.faults))

    def fields_of(place: int) -> Mapping[str, Any]:
        return read(entries[place], defined, key).fields

    again = repeats(identities, at_fault, fields_of, go_on)
    for place, first in again.items():
        notes.repeats(name, place, f"/{name}/{first}")
    places: Sequence[int] = range(len(entries))
    if again:
        places = [place for place in places if place not in again]
        entries, identities = [entries[place] for place in places], [identities[place] for place in places]
    settled = settle(identities, register, key)
    wrong_at = {place for place, of in enumerate(places) if of in at_fault} | set(settled.faults)
    for place, wrong in sorted(settled.faults.items()):
        faults.extend(under(f"/{name}/{places[place]}", wrong))
    here = here_after(identities, settled, register, key, wrong_at)
    people = People(kind, entries, places, len(places) + len(again), settled, here, defined, key)
    return _Found(name, len(places), len(wrong_at), people)
