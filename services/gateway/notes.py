"""What a sender should know though nothing is wrong with it: fields that are not taken, once each."""

from collections.abc import Iterable

from services.gateway.fields import escape
from shared.model import Fault

_MANY = 100  # more are not worth listing


class Notes:
    def __init__(self) -> None:
        self._strange: dict[tuple[str, str], tuple[str, int]] = {}  # list and name -> the first pointer, how often
        self._others: list[Fault] = []

    def strange(self, name: str, place: int, fields: Iterable[str]) -> None:
        """Fields of one entry that the document does not have."""
        for field in fields:
            pointer, count = self._strange.get((name, field), ("", 0))
            if not count and len(self._strange) == _MANY:
                return
            self._strange[name, field] = (pointer or f"/{name}/{place}/{escape(field)}", count + 1)

    def add(self, pointer: str, message: str) -> None:
        self._others.append(Fault(pointer=pointer, message=message))

    def told(self) -> tuple[Fault, ...]:
        strange = [
            Fault(pointer=pointer, message=f"is no field of the document and is not taken (entries that have it: {n})")
            for pointer, n in self._strange.values()
        ]
        return (*self._others, *strange)
