"""What ``rollcall explain`` is made of: all that was found of one person. ``lookup`` and ``reread`` find it."""

from dataclasses import dataclass

from services.operations.explain.model import Changed, NextSweep
from services.publisher.roster_entry import Person
from shared.contract.account_state import AccountState, SchoolState
from shared.contract.model import Student
from shared.contract.tenant_state import TenantState


@dataclass(frozen=True)
class Carried:
    """An accepted snapshot."""

    number: int
    at: str


@dataclass(frozen=True)
class PersonEvidence:
    """What is known of one student, from wherever it is kept. None: that place had nothing, or could not be asked."""

    school: SchoolState
    account: AccountState
    email_holder: str | None = None
    changes: tuple[Changed, ...] | None = None
    tenant: TenantState | None = None
    person: Person | None = None
    carried: Carried | None = None
    next_sweep: NextSweep | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReadNow:
    """One student read now. ``student`` None: no record has the id. ``trouble``: it could not be asked."""

    read_at: str
    student: Student | None = None
    trouble: str | None = None
