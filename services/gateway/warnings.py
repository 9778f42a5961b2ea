"""
What a sender should know though nothing is wrong with it: what was not taken, and what was taken for something else
than it is. Each kind once, by the first entry that has it and how many do.
"""

import re
from collections.abc import Iterable

from services.gateway.pointers import escape
from shared.contract.model import Fault

_MANY = 100  # kinds; more are not worth listing
_STRANGE = "is no field of the document and is not taken"
_PLACE = re.compile(r"/[0-9]+")


class Notes:
    def __init__(self) -> None:
        self._counted: dict[tuple[str, str, str], tuple[Fault, int]] = {}  # the first, and how many entries have it
        self._others: list[Fault] = []
        self._untold = 0  # entries that have something of a kind beyond the bound

    def strange(self, name: str, place: int, fields: Iterable[str]) -> None:
        """Fields of one entry that the document does not have."""
        for field in fields:
            pointer = f"/{escape(field)}"
            self._count(name, pointer, _STRANGE, Fault(pointer=f"/{name}/{place}{pointer}", message=_STRANGE))

    def read_as(self, name: str, place: int, notes: Iterable[Fault]) -> None:
        """What was taken in one entry for something else than it is; whichever item of a list, it counts once."""
        alike = {(_PLACE.sub("", note.pointer), note.message): note for note in reversed(list(notes))}
        for (pointer, message), note in reversed(alike.items()):
            self._count(name, pointer, message, Fault(pointer=f"/{name}/{place}{note.pointer}", message=message))

    def repeats(self, name: str, place: int, first: str) -> None:
        """One entry says what another has said."""
        message = f"says the same as {first} and was taken once"
        self._count(name, "", "repeats", Fault(pointer=f"/{name}/{place}", message=message))

    def add(self, pointer: str, message: str) -> None:
        """Of the body as a whole."""
        if len(self._others) < _MANY:
            self._others.append(Fault(pointer=pointer, message=message))
        else:
            self._untold += 1

    def _count(self, name: str, pointer: str, kind: str, first: Fault) -> None:
        found = self._counted.get((name, pointer, kind))
        if found is not None or len(self._counted) < _MANY:
            told, count = found or (first, 0)
            self._counted[name, pointer, kind] = (told, count + 1)
        else:
            self._untold += 1

    def told(self) -> tuple[Fault, ...]:
        counted = [
            Fault(pointer=first.pointer, message=f"{first.message} (entries that have it: {count})")
            for first, count in self._counted.values()
        ]
        if self._untold:
            message = f"has more that was not taken, or was read otherwise: {self._untold} times, not listed here"
            counted.append(Fault(pointer="", message=message))
        return (*self._others, *counted)
