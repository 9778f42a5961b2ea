"""What happened to one account, as the events of ``account-changes`` tell it. Pure."""

from collections.abc import Iterable

from shared.contract.account_state import AccountState
from shared.contract.events import (
    AccountDisabled,
    AccountEnabled,
    AccountProvisioned,
    AccountUpdated,
    Evidence,
    ModuleEnrolled,
    ModuleUnenrolled,
    ProgrammeEnrolled,
    ProgrammeUnenrolled,
)
from shared.contract.model import Details

Change = (
    AccountProvisioned
    | AccountUpdated
    | AccountDisabled
    | AccountEnabled
    | ProgrammeEnrolled
    | ProgrammeUnenrolled
    | ModuleEnrolled
    | ModuleUnenrolled
)


def provisioned(of: AccountState, at: int, details: Details) -> AccountProvisioned:
    """A first account; its enrolments follow."""
    return AccountProvisioned(school=of.school, student_id=of.student_id, kind=of.kind, version=at, details=details)


def enabled(of: AccountState, at: int, details: Details) -> AccountEnabled:
    """An account that was disabled is there again; its enrolments follow."""
    return AccountEnabled(school=of.school, student_id=of.student_id, kind=of.kind, version=at, details=details)


def disabled(of: AccountState, evidence: Evidence, *, is_explained: bool) -> AccountDisabled:
    """``is_explained``: a record says that the person has left."""
    return AccountDisabled(
        school=of.school,
        student_id=of.student_id,
        kind=of.kind,
        version=evidence.offset,
        is_explained=is_explained,
        evidence=evidence,
    )


def updated(of: AccountState, at: int, fields: tuple[str, ...], details: Details) -> AccountUpdated:
    """``fields`` are those of the details that are others now."""
    return AccountUpdated(
        school=of.school, student_id=of.student_id, kind=of.kind, version=at, fields=fields, details=details
    )


def enrolled(of: AccountState, at: int, programmes: Iterable[str], modules: Iterable[str]) -> list[Change]:
    """Programmes first: a module is one of a programme."""
    school, student_id, kind = of.school, of.student_id, of.kind
    told: list[Change] = [
        ProgrammeEnrolled(school=school, student_id=student_id, kind=kind, version=at, programme=code)
        for code in programmes
    ]
    told += [
        ModuleEnrolled(school=school, student_id=student_id, kind=kind, version=at, module=code) for code in modules
    ]
    return told


def unenrolled(of: AccountState, at: int, programmes: Iterable[str], modules: Iterable[str]) -> list[Change]:
    """Programmes first, as they were enrolled."""
    school, student_id, kind = of.school, of.student_id, of.kind
    told: list[Change] = [
        ProgrammeUnenrolled(school=school, student_id=student_id, kind=kind, version=at, programme=code)
        for code in programmes
    ]
    told += [
        ModuleUnenrolled(school=school, student_id=student_id, kind=kind, version=at, module=code) for code in modules
    ]
    return told
