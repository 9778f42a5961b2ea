"""Work that ends where nobody waits for it any more. Pure."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

LOOK = 200  # entries between two looks

GoOn = Callable[[], None]
"""Raises, when the work is not to go on."""

T = TypeVar("T")


def always() -> None:
    """Somebody waits."""


def while_wanted(entries: Iterable[T], go_on: GoOn) -> Iterator[tuple[int, T]]:
    """Each with its place."""
    for place, entry in enumerate(entries):
        if not place % LOOK:
            go_on()
        yield place, entry
