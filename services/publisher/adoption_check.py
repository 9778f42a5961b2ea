"""
Is what would be sent what a person said yes to? The institution, its schools, and whatever may be two things. Pure.

Whoever is on a roll is never missing from a snapshot in silence: a population with a roll and nobody in the snapshot
never goes.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import msgspec

from services.publisher.snapshot import Snapshot
from shared.config.addresses import canonical
from shared.contract.populations import kind_of, school_of
from shared.contract.tenant_state import Adoption, Reason

if TYPE_CHECKING:
    from services.publisher.facts import Facts

FIX = "`rollcall tenant adopt` shows what would happen and asks"
PROTECTED = "protected"


class _Id(msgspec.Struct):
    """What is compared of a record."""

    id: str | None = None


_ids = msgspec.json.Decoder(_Id)


def not_adopted(facts: "Facts", adoption: Adoption | None, snapshot: Snapshot) -> Iterator[Reason]:
    """Why this is not what was said yes to; nothing when it is."""
    if adoption is None:
        yield Reason(code="not_adopted", message=f"nobody has adopted this tenant's roster; {FIX}")
        return
    yield from _of_the_institution(facts, adoption)
    for school in facts.schools:
        if school not in adoption.schools:
            message = f"the school was added after the roster was adopted; {FIX}"
            yield Reason(code="school_added", message=message, school=school)
        elif facts.prefixes.get(school, "") != adoption.prefixes.get(school, ""):
            message = f"its prefix of ids or codes changed: Unitu may take everybody for somebody else; {FIX}"
            yield Reason(code="prefix_changed", message=message, school=school)
    if facts.has_staff and not adoption.staff:
        yield Reason(code="staff_added", message=f"staff became managed after the roster was adopted; {FIX}")
    yield from _of_two_things(snapshot, adoption)


def _of_the_institution(facts: "Facts", adoption: Adoption) -> Iterator[Reason]:
    if _comparable(adoption.url) != _comparable(facts.url):
        yield Reason(
            code="address_changed", message=f"the tenant's address changed after the roster was adopted; {FIX}"
        )
    elif adoption.fingerprint != facts.fingerprint:
        yield Reason(
            code="key_changed",
            message=f"the API key (fingerprint {facts.fingerprint}) is not the one that the roster was adopted for: if"
            " it is of the same institution (a new key in place of an old one), `rollcall tenant confirm-key` says so;"
            " else set the right one",
        )


def _of_two_things(snapshot: Snapshot, adoption: Adoption) -> Iterator[Reason]:
    shared = {pair: ids for pair, ids in shared_ids(snapshot).items() if pair not in adoption.shared_ids}
    for pair, ids in sorted(shared.items()):
        message = f"{len(ids)} ids are of two people ({pair}): set id_prefix or staff_id_prefix for one; or {FIX}"
        yield Reason(code="id_twice", message=message, count=len(ids))
    if codes := [code for code in shared_codes(snapshot) if code not in adoption.shared_codes]:
        message = f"{len(codes)} codes are two things, in two schools: set code_prefix for one; or {FIX}"
        yield Reason(code="code_twice", message=message, count=len(codes))


def nobody_of(facts: "Facts", snapshot: Snapshot) -> Iterator[Reason]:
    """Populations that have a roll, of which somebody may have an account, and that have nobody in the snapshot."""
    there = {seat.book for seat in snapshot.roster.values()}
    without: dict[str, int] = defaultdict(int)
    for person in facts.people.values():
        without[person.book] += person.verdict == "ineligible"
    for book in facts.books:
        state = facts.states.get(book)
        if state is None or book in there or state.roll_count <= without[book]:
            continue
        whom = "staff" if kind_of(book) == "staff" else "students"
        yield Reason(
            code="nobody_of_a_roll",
            message=f"the roll has {state.roll_count} {whom}, and the snapshot nobody of them: Unitu would disable them"
            " all; `rollcall explain` says why one has no account, `rollcall check` what the school does not give",
            school=school_of(book),
            count=state.roll_count,
        )


def shared_ids(snapshot: Snapshot) -> Mapping[str, tuple[str, ...]]:
    """Whose ids stand twice in the body: "abbey / abbey+staff" -> the ids."""
    owners: dict[str, list[str]] = defaultdict(list)
    for email, record in snapshot.records.items():
        if (id := _ids.decode(record).id) is not None:
            owners[id].append(snapshot.roster[email].book or PROTECTED)
    found: dict[str, set[str]] = defaultdict(set)
    for id, books in owners.items():
        for other in books[1:]:
            found[" / ".join(sorted((books[0], other)))].add(id)
    return {pair: tuple(sorted(ids)) for pair, ids in sorted(found.items())}


def shared_codes(snapshot: Snapshot) -> tuple[str, ...]:
    """The codes that two schools define differently: "programmes/Y10"."""
    return tuple(f"{name}/{code}" for name, codes in sorted(snapshot.repeated_codes.items()) for code in codes)


def _comparable(address: str) -> str:
    try:
        return canonical(address)
    except ValueError:
        return address
