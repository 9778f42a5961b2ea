"""
A book: one school's students, or its staff. What a sweep reads whole, a certificate proves and the guard keeps safe.

A school's two books share nothing but the lane: each has its own sweeps, roll, budgets and holds, so that a list of
staff that fails says nothing about the students. A slug has no ``+``, so that no student can be taken for a book.
"""

from shared.contract.model import Kind

KINDS: tuple[Kind, ...] = ("student", "staff")
_STAFF = "+staff"


def book_of(school: str, kind: Kind) -> str:
    """The book's name, ``abbey`` or ``abbey+staff``: the key of its own records, and before ``/`` of its people's."""
    return f"{school}{_STAFF}" if kind == "staff" else school


def school_of(book: str) -> str:
    return book.removesuffix(_STAFF)


def kind_of(book: str) -> Kind:
    return "staff" if book.endswith(_STAFF) else "student"


def people_word(kind: Kind) -> str:
    """``students`` or ``staff``: as programs and people read it."""
    return "staff" if kind == "staff" else "students"


def person_word(kind: Kind) -> str:
    return "member of staff" if kind == "staff" else "student"


def words_of(book: str) -> str:
    """For people: ``abbey``, ``abbey (staff)``."""
    return f"{school_of(book)} (staff)" if kind_of(book) == "staff" else book
