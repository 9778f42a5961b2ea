"""
What of a snapshot's structure nobody has confirmed to be at Unitu, and how many students that keeps out. Pure.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from services.publisher.codes import Entity
from services.publisher.structure_ledger import LISTS, Ledger
from shared.contract.entities import EntityList, NewEntity

Codes = Mapping[str, Collection[str]]  # e-mail -> the codes of one list


@dataclass
class Blocked:
    """Students, by e-mail, each with the programmes and the modules that they are not in since they may not exist."""

    programmes: dict[str, frozenset[str]] = field(default_factory=dict)
    modules: dict[str, frozenset[str]] = field(default_factory=dict)


def unconfirmed(
    entities: Mapping[str, Mapping[str, Entity]], ledger: Ledger, blocked: Blocked
) -> tuple[NewEntity, ...]:
    """
    Each with the number of students whom its creation would unblock, the one that unblocks most first: of a
    department's programmes, of a faculty's departments.
    """
    departments = _parents(entities["programmes"], blocked.programmes)
    students: dict[EntityList, Counter[str]] = {
        "faculties": _heads(_parents(entities["departments"], departments)),
        "departments": _heads(departments),
        "programmes": _heads(blocked.programmes),
        "modules": _heads(blocked.modules),
    }
    found = [
        _entity(name, code, entities[name][code][0], ledger, students[name][code])
        for name in LISTS
        for code in sorted(entities[name])
        if code not in ledger[name] or ledger[name][code].state != "confirmed"
    ]
    return tuple(sorted(found, key=lambda one: -one.students))  # of equals, a faculty before its departments


@dataclass(frozen=True)
class Standing:
    """
    One entity of a tenant. ``belongs_to``: the code of its faculty, department or programme. ``students``: how many its
    creation at Unitu would unblock. ``is_sent``: False of what was confirmed and the newest snapshot lacks.
    """

    list: EntityList
    code: str
    name: str
    belongs_to: str
    state: Literal["new", "told", "confirmed"]
    since: str
    by: str
    students: int
    is_sent: bool


def standings(
    entities: Mapping[str, Mapping[str, Entity]], missing: Iterable[NewEntity], ledger: Ledger
) -> tuple[Standing, ...]:
    """All that the snapshot has and all that was ever confirmed; what blocks most students first."""
    found = [
        Standing(one.list, one.code, one.name, _parent(entities, one), one.state, one.since, "", one.students, True)
        for one in missing
    ]
    for name in LISTS:
        sent = entities[name]
        found += [
            Standing(name, code, *_told_of(sent.get(code)), "confirmed", known.since, known.by, 0, is_sent=code in sent)
            for code, known in sorted(ledger[name].items())
            if known.state == "confirmed"
        ]
    return tuple(found)


def _parent(entities: Mapping[str, Mapping[str, Entity]], one: NewEntity) -> str:
    return _told_of(entities[one.list].get(one.code))[1]


def _told_of(entity: Entity | None) -> tuple[str, str]:
    return ("", "") if entity is None else (entity[0], entity[1] or "")


def _entity(name: EntityList, code: str, title: str, ledger: Ledger, students: int) -> NewEntity:
    known = ledger[name].get(code)
    if known is None:
        return NewEntity(list=name, code=code, name=title, students=students)
    return NewEntity(list=name, code=code, name=title, students=students, state="told", since=known.since)


def _heads(codes: Codes) -> Counter[str]:
    return Counter(code for of in codes.values() for code in of)


def _parents(entities: Mapping[str, Entity], codes: Codes) -> dict[str, frozenset[str]]:
    """E-mail -> the codes of what its entities of this list belong to."""
    return {
        email: frozenset(parent for code in of if code in entities and (parent := entities[code][1]) is not None)
        for email, of in codes.items()
    }
