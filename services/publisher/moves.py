"""
An address is not a person: who may have an e-mail whose account at Unitu was somebody else's. Pure.

Unitu knows people by their e-mail, so whoever gets another's gets the account, with its history. A move waits for a
person's yes that names both; only where both are surely one person it goes by itself.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

import msgspec

from services.publisher.identity import Identity, full_name, is_one_person
from services.publisher.last_snapshot import Last, orphaned
from services.publisher.roster_entry import Person
from shared.contract.tenant_state import email_key

FORGOTTEN = "somebody who was forgotten"


@dataclass(frozen=True)
class Move:
    """``owner``: whose account the e-mail was at Unitu, ``ref`` who would get it; "/" and an e-mail: protected."""

    email: str
    owner: str
    ref: str

    @property
    def hash(self) -> str:
        return short_hash("move", self.email, self.owner, self.ref)


def short_hash(*parts: str) -> str:
    """What a person types to name exactly this."""
    return blake2b("\n".join(parts).encode(), digest_size=6).hexdigest()


class _Names(msgspec.Struct, rename="camel"):
    first_name: str = ""
    last_name: str = ""


_names = msgspec.json.Decoder(_Names)


def name_in(json: bytes) -> str:
    """The name in a record of Unitu's body, as names are compared."""
    found = _names.decode(json)
    return full_name(found.first_name, found.last_name)


@dataclass
class Owners:
    """``releases``: the hashes of the moves that a person has let go. ``asked``: every move that came up and waits."""

    last: Last
    people: Mapping[str, Person]
    releases: Collection[str] = ()
    asked: dict[str, Move] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._former = {email_key(email): ref for ref, email in self.last.former.items()}

    def of(self, key: str) -> tuple[str, ...]:
        """Whose account the e-mail is, as far as anyone knows, the newest first; nobody's: none."""
        seats = self.last.seats.get(key, ())
        if seats:
            return tuple(seat.ref for seat in seats)
        if key in self._former:
            return (self._former[key],)
        owner = orphaned(self.last.orphans, key)
        return () if owner is None else (owner or FORGOTTEN,)

    def may_have(self, ref: str, key: str) -> bool:
        """May this person be sent under this e-mail? A move that waits is noted."""
        owners = self.of(key)
        if not owners or ref in owners:
            return True
        return self._is_one(owners[0], ref) or self._is_released(Move(key, owners[0], ref))

    def may_be_protected(self, key: str, json: bytes) -> bool:
        """
        May a record of the protected file have this e-mail? Whoever wrote it named the account: with the owner's name,
        it is the owner.
        """
        ref = f"/{key}"
        owners = self.of(key)
        if not owners or ref in owners:
            return True
        is_owner = self._has_name(owners[0], json)
        return is_owner or self._is_released(Move(key, owners[0], ref))

    def protected_as(self, ref: str, emails: Sequence[str], protected: Mapping[str, bytes]) -> str | None:
        """The e-mail under which the protected file has this person already; None where it has not."""
        keys = [email_key(email) for email in emails]
        return next((key for key in keys if key in protected and self._has_name(ref, protected[key])), None)

    def _has_name(self, ref: str, json: bytes) -> bool:
        name = self._identity(ref).name
        return bool(name) and name == name_in(json)

    def _identity(self, ref: str) -> Identity:
        person = self.people.get(ref)
        return person.identity if person is not None else Identity()

    def _is_one(self, owner: str, ref: str) -> bool:
        return is_one_person(self._identity(owner), self._identity(ref))

    def _is_released(self, move: Move) -> bool:
        if move.hash in self.releases:
            return True
        self.asked[move.hash] = move
        return False
