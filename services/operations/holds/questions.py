"""What waits for a person's yes or no, and what is behind it."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.operations.errors import Code, OperationError
from services.operations.holds import history
from services.operations.holds.holdings import Holding, Holdings, difference, pick
from services.operations.holds.model import Headroom
from services.operations.names import known_books, known_schools
from shared.config.settings import Config
from shared.contract.model import Kind


@dataclass(frozen=True)
class HeldNow:
    """The plans that are held; ``unknown``: one refusal for each school that could not be told."""

    held: tuple[Holding, ...]
    unknown: tuple[OperationError, ...] = ()


@dataclass(frozen=True)
class SchoolHolds:
    """A school's plans, held, released or refused, and what its budgets would let through now, by population."""

    holdings: tuple[Holding, ...]
    budgets: dict[str, list[Headroom]]


def held_now(config: Config, holdings: Holdings, school: str | None = None, kind: Kind | None = None) -> HeldNow:
    """Of one school, or of all; ``kind``: of its students or its staff alone. Raises: OperationError (wrong-word)."""
    held: list[Holding] = []
    unknown: list[OperationError] = []
    for slug in known_schools(config, school):
        if kind == "staff" and school is None and not config.has_staff(slug):
            continue
        books = known_books(config, slug, kind)
        try:
            held += [one for book in books for one in holdings.of(book) if one.hold.state == "held"]
        except OperationError as nothing:
            unknown.append(nothing)
    return HeldNow(tuple(held), tuple(unknown))


def shown(
    config: Config, holdings: Holdings, school: str, now: str, *, kind: Kind | None = None, which: str | None = None
) -> SchoolHolds:
    """``which``: only the plan of that name or hash. Raises: OperationError (not-held, two-held, nothing-known)."""
    books = known_books(config, school, kind)
    found = [one for book in books for one in holdings.of(book)]
    if which is not None:
        found = [pick(school, found, which)]
    return SchoolHolds(tuple(found), {book: holdings.budgets(book, now) for book in books})


def reviewed(config: Config, holdings: Holdings, school: str, which: str, kind: Kind | None = None) -> Holding:
    """
    The plan that is named, by its name or its hash. Raises: OperationError (two-held; not-held, with what differs from
    the set that the hash once named).
    """
    books = known_books(config, school, kind)
    there = [one for book in books for one in holdings.of(book)]
    try:
        return pick(school, there, which)
    except OperationError as unlike:
        if unlike.code is Code.NOT_HELD and (words := _what_differs(config, books, there, which)):
            raise OperationError(Code.NOT_HELD, f"{unlike} {words}") from unlike
        raise


def _what_differs(config: Config, books: Sequence[str], there: Sequence[Holding], key: str) -> str:
    """From the set that once had this hash; "" where none had, or nothing of its plan is held."""
    for book in books:
        plan, ids = history.students_of_hash(config, book, key)
        now = next((one for one in there if (one.book, one.plan) == (book, plan)), None)
        if now is not None:
            flag = " --staff" if now.kind == "staff" else ""
            return f"{difference(ids, now)} See `rollcall holds show {now.school} {plan}{flag}`."
    return ""
