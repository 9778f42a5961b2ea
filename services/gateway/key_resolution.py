"""
Who is who in a body, by what the feed has said before: pure.

An id that the feed has given before says who it is, whatever the address has become; else the address does. Where the
two name two people, or nobody can tell which of two is meant, nothing is taken of either, and neither counts as gone.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from services.gateway.register import Known, Register, are_same, have_nothing_in_common
from shared.contract.email import email_key
from shared.contract.model import Fault
from shared.contract.texts import line

Key = Literal["email", "id"]

MAX_KEY = 320  # characters: the longest e-mail address
TWICE = "stands twice in the body; give each entry its own, or leave one out"
SEVERAL = "is one of several entries for one person, by what this feed said before; leave out all but one"
TWO_PEOPLE = (
    "is the address of another person than the id names, by what this feed said before; "
    "give that person their new address first, then this one"
)
NEW_ID = (
    "is not the id that this feed gave with this address, nor are the names those; "
    "send the id of before if this is the same person, else another address"
)
OTHER_PERSON = (
    "was given to a person with another address and other names; "
    "if it is the same person, send the new names with the address of before first"
)


IN_ANOTHERS = "stands in an entry that may be another person's, by what this feed said before"


@dataclass(frozen=True, slots=True)
class Identity:
    """What one entry says of who it is; ``email`` is folded, ``names`` a digest of both."""

    id: str | None = None
    email: str | None = None
    names: str | None = None


@dataclass
class Settled:
    """
    Who each entry is, by its place; None: nobody can tell, so this body cannot say who is gone.

    ``faults``: what is wrong with an entry because of others, or of what the feed said before. ``kept``: people of whom
    nothing can be taken, but that they are there.
    """

    keys: list[str | None]
    faults: dict[int, tuple[Fault, ...]] = field(default_factory=dict)
    kept: dict[str, Fault] = field(default_factory=dict)

    @property
    def without_key(self) -> list[int]:
        return [place for place, key in enumerate(self.keys) if key is None]


def can_be_key(text: str) -> bool:
    """Whether a text can name a person in topics: ``school//structure`` is nobody's."""
    return 0 < len(text) <= MAX_KEY and text.isprintable() and not text.startswith("/")


def settle(entries: Sequence[Identity], register: Register, key: Key) -> Settled:
    """``key``: the field that names whom the feed has never said before."""
    return _Settling(entries, register, key).settled()


def here_after(
    entries: Sequence[Identity], settled: Settled, register: Register, key: Key, at_fault: Collection[int]
) -> dict[str, Known]:
    """
    Who is there by this body, in its order. What an entry does not say stays as it was; of one ``at_fault``, whatever
    the fault, nothing is learnt, but the first word of somebody new that is theirs alone.
    """
    before, ids, emails = register.gone | register.here, _count(entries, "id"), _count(entries, "email")
    here: dict[str, Known] = {}
    for place, (entry, own) in enumerate(zip(entries, settled.keys, strict=True)):
        if own is None:
            continue
        was = before.get(own, Known())
        is_sound = place not in at_fault and own not in settled.kept
        if is_sound:
            here[own] = Known(id=entry.id or was.id, email=entry.email or was.email, names=entry.names or was.names)
        elif own in before:
            here.setdefault(own, was)
        else:
            here.setdefault(
                own,
                Known(
                    id=entry.id if ids[entry.id] == 1 or own == entry.id else None,
                    email=entry.email if emails[entry.email] == 1 or own == entry.email else None,
                ),
            )
    for own in sorted(settled.kept):
        here.setdefault(own, before.get(own) or (Known(id=own) if key == "id" else Known(email=own)))
    return _without_the_given(here, entries, settled, at_fault)


def _without_the_given(
    here: dict[str, Known], entries: Sequence[Identity], settled: Settled, at_fault: Collection[int]
) -> dict[str, Known]:
    """An address that a sound entry gives to one person is no other's any more."""
    given = {
        entry.email: own
        for place, (entry, own) in enumerate(zip(entries, settled.keys, strict=True))
        if entry.email is not None and place not in at_fault and own not in settled.kept
    }
    for own, known in here.items():
        if known.email is not None and given.get(known.email, own) != own:
            here[own] = Known(id=known.id, names=known.names)
    return here


def _count(entries: Sequence[Identity], name: str) -> Counter[str | None]:
    """How often each value stands; None is nobody's."""
    counts: Counter[str | None] = Counter(getattr(entry, name) for entry in entries)
    counts[None] = 0
    return counts


class _Known:
    """The register by each of its fields. An id that two people have tells neither from the other."""

    def __init__(self, register: Register) -> None:
        self.people = register.gone | register.here
        self.here = register.here
        self._by_id: dict[str, str] = {}
        self.shared_ids: set[str] = set()
        for people in (register.here, register.gone):
            self._index_ids(people)
        # of whom the feed first said by an address that is compared in another way now
        self._first = {email_key(own): own for own in self.people if not own.isascii()}
        self._by_email = {known.email: own for own, known in register.gone.items() if known.email is not None}
        self._by_email |= {known.email: own for own, known in register.here.items() if known.email is not None}

    def _index_ids(self, people: Mapping[str, Known]) -> None:
        """Those who are here come first: whoever is gone has an id only if nobody here has."""
        ids = {own: line(known.id) for own, known in people.items() if known.id is not None}  # stored before as it came
        counts = Counter(ids.values())
        taken = set(self._by_id) | self.shared_ids
        for own, id in ids.items():
            if id in taken:
                continue
            if counts[id] == 1:
                self._by_id[id] = own
            else:
                self.shared_ids.add(id)

    def by_id(self, own_id: str | None) -> str | None:
        return None if own_id is None else self._by_id.get(own_id)

    def by_email(self, email: str | None) -> str | None:
        """Whose address it is, was when they went, or was when they were first said."""
        if email is None:
            return None
        return self._by_email.get(email) or (email if email in self.people else self._first.get(email))

    def has_now(self, own: str, email: str | None) -> bool:
        """Whether it is the address of somebody who is here."""
        return own in self.here and self.here[own].email == email


class _Settling:
    """The work of ``settle``, from what tells most to what tells least."""

    def __init__(self, entries: Sequence[Identity], register: Register, key: Key) -> None:
        self._entries = entries
        self._known = _Known(register)
        self._key = key
        self._ids, self._emails = _count(entries, "id"), _count(entries, "email")
        self._keys: list[str | None] = [None] * len(entries)
        self._faults: dict[int, list[Fault]] = {}
        self._kept: dict[str, Fault] = {}
        self._named: set[str] = set()  # whom the id of an entry names
        self._claims: dict[str, str | int] = {}  # of each address that stands more than once: which person has it
        self._may_be_hidden = any(
            known.id is None and not self._emails[known.email] for known in register.here.values()
        )

    def settled(self) -> Settled:
        for place, entry in enumerate(self._entries):
            if (own := self._known.by_id(entry.id)) is not None:
                self._keys[place] = self._by_id(place, entry, own)
        self._named = {own for own in self._keys if own is not None}
        for place, entry in enumerate(self._entries):
            if self._keys[place] is None:
                self._keys[place] = self._by_address(place, entry)
        self._find_twice()
        self._keep()
        return Settled(self._keys, {place: tuple(found) for place, found in self._faults.items()}, self._kept)

    def _wrong(self, place: int, pointer: str, message: str) -> None:
        self._faults.setdefault(place, []).append(Fault(pointer=pointer, message=message))

    def _by_id(self, place: int, entry: Identity, own: str) -> str:
        """Of an entry whose id the feed has given before."""
        other = self._known.by_email(entry.email)
        is_anothers = other is not None and other != own and self._known.has_now(other, entry.email)
        if other is not None and is_anothers and self._ids[entry.id] > 1:
            return other  # the id stands in several entries, and this one may have it by mistake
        if is_anothers and self._key == "email" and self._emails[entry.email] == 1:
            self._wrong(place, "/email", TWO_PEOPLE)
        elif other != own and entry.email is not None and self._is_another_person(entry, own):
            self._wrong(place, "/id", OTHER_PERSON)
        return own

    def _is_another_person(self, entry: Identity, own: str) -> bool:
        return have_nothing_in_common(entry.names, self._known.people[own].names)

    def _by_address(self, place: int, entry: Identity) -> str | None:
        """Of an entry whose id names nobody, by the address."""
        own = self._known.by_email(entry.email)
        has_id = entry.id is not None and entry.id not in self._known.shared_ids
        if own is None:
            return None if entry.id is not None and not has_id else self._somebody_new(place, entry)
        before = self._known.people[own].id
        if has_id and before is not None and before not in self._known.shared_ids:
            return self._with_another_id(place, entry, own, before)
        if self._key == "id" and self._emails[entry.email] > 1:
            return self._new_key(entry)
        return self._claimed(place, entry, own)

    def _with_another_id(self, place: int, entry: Identity, own: str, before: str) -> str | None:
        """Of an entry with somebody's address, and an id that this feed has never given."""
        if not self._ids[before]:
            if are_same(entry.names, self._known.people[own].names):
                return self._claimed(place, entry, own)
            if self._key == "email" and self._known.has_now(own, entry.email):
                self._wrong(place, "/id", NEW_ID)
                return self._claimed(place, entry, own)
        if self._key == "email" and (self._may_be_hidden or self._emails[entry.email] > 1):
            return None  # whose entry it is may be hidden by the address
        return self._new_key(entry)

    def _somebody_new(self, place: int, entry: Identity) -> str | None:
        new = self._new_key(entry)
        return new if new is None or self._key == "id" else self._claimed(place, entry, new)

    def _claimed(self, place: int, entry: Identity, own: str) -> str | None:
        """This person, unless the address stands more than once and another entry was they; None: nobody can tell."""
        if self._emails[entry.email] == 1:
            return own
        person: str | int = place if entry.id is None else entry.id
        return own if own not in self._named and self._claims.setdefault(own, person) == person else None

    def _new_key(self, entry: Identity) -> str | None:
        """The key for life of somebody whom the feed has never said; None: what could be one is another's."""
        words = (entry.email, entry.id) if self._key == "email" else (entry.id,)
        if words[0] is None:
            return None
        return next((one for one in words if one and can_be_key(one) and one not in self._known.people), None)

    def _find_twice(self) -> None:
        """Ids and addresses that stand more than once, and several entries that are one person."""
        counts = Counter(own for own in self._keys if own is not None)
        for place, (entry, own) in enumerate(zip(self._entries, self._keys, strict=True)):
            has_twin = self._emails[entry.email] > 1
            has_same_id = self._ids[entry.id] > 1 and entry.id not in self._known.shared_ids
            if has_same_id and (self._key == "id" or not has_twin):
                self._wrong(place, "/id", TWICE)
            if has_twin:
                self._wrong(place, "/email", TWICE)
            if own is not None and counts[own] > 1:
                self._kept[own] = Fault(pointer=f"/{self._key}", message=TWICE)
                if place not in self._faults:
                    self._wrong(place, "", SEVERAL)

    def _keep(self) -> None:
        """Whose id stands in the body is there, and so is whoever has the address of an entry at fault."""
        present = set(self._keys)
        for place, entry in enumerate(self._entries):
            named, addressed = self._known.by_id(entry.id), self._known.by_email(entry.email)
            if named is not None and named not in present:
                self._kept.setdefault(named, Fault(pointer="/id", message=IN_ANOTHERS))
            if place not in self._faults or addressed is None or addressed in present:
                continue
            if self._known.has_now(addressed, entry.email):
                self._kept.setdefault(addressed, Fault(pointer="/email", message=IN_ANOTHERS))
