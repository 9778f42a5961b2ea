"""Whose record Unitu refuses, in words."""

from dataclasses import dataclass

from shared.contract.codec import whose
from shared.contract.populations import words_of
from shared.contract.tenant_state import TenantState

FIX = "correct it in the school's records; what changes is tried again by itself"


@dataclass(frozen=True)
class RecordComplaint:
    """What Unitu said of one person's record. ``book`` is "" of a protected one, whose e-mail ``person`` is then."""

    book: str
    person: str
    words: str

    @property
    def whose(self) -> str:
        return words_of(self.book) if self.book else "protected"


def complaints_in(state: TenantState) -> list[RecordComplaint]:
    """Each person whom the tenant's state names, by book and key."""
    return [RecordComplaint(*whose(ref), words) for ref, words in state.complaints.items()]
