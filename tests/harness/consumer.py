"""A consumer of ``account-changes``: what it has of an account when all that it knows is the changes."""

from collections.abc import Iterable
from dataclasses import dataclass

from shared.contract.events import (
    AccountDisabled,
    AccountEnabled,
    AccountProvisioned,
    AccountUpdated,
    ModuleEnrolled,
    ModuleUnenrolled,
    ProgrammeEnrolled,
    ProgrammeUnenrolled,
)
from shared.contract.model import Details, Frozen


@dataclass(frozen=True)
class Seen:
    """An account as a consumer of the changes has it."""

    status: str = "none"
    details: Details | None = None
    programmes: frozenset[str] = frozenset()
    modules: frozenset[str] = frozenset()


def apply(seen: Seen, changes: Iterable[Frozen]) -> Seen:
    """What a consumer has after these changes: the changes must give the account, and a test says so."""
    status, details = seen.status, seen.details
    programmes, modules = set(seen.programmes), set(seen.modules)
    for change in changes:
        match change:
            case AccountProvisioned() | AccountEnabled():
                status, details = "enabled", change.details
            case AccountUpdated():
                details = change.details
            case AccountDisabled():
                status = "disabled"
            case ProgrammeEnrolled():
                programmes.add(change.programme)
            case ProgrammeUnenrolled():
                programmes.discard(change.programme)
            case ModuleEnrolled():
                modules.add(change.module)
            case ModuleUnenrolled():
                modules.discard(change.module)
    return Seen(status, details, frozenset(programmes), frozenset(modules))
