"""
Events of `account-changes`: what has changed of accounts and enrolments, and what each sweep came to.

`version` orders the events about one person, and those of one person and version are one step.
"""

from typing import Annotated, Literal

import msgspec

from shared.contract.fields import (
    AccountDetails,
    ClockMinutes,
    HoldHash,
    ModuleCode,
    Note,
    Operator,
    PersonId,
    PlanName,
    Population,
    ProgrammeCode,
    SchoolSlug,
    SweepId,
    Version,
)
from shared.contract.model import Frozen, says


class Evidence(Frozen, kw_only=True):
    """Why an account was disabled."""

    kind: Annotated[
        Literal["certificate", "record"],
        says(
            "`certificate`: certified sweeps lacked the person; `record`: a record of theirs says that they have left."
        ),
    ]
    ref: Annotated[str, says("Of a certificate the id of its sweep; of a record its digest.")]
    offset: Annotated[
        int, says("Offset, in the school's lane of students-assessed, of the SweepCompleted at which it took effect.")
    ] = msgspec.field(name="at")


class AccountProvisioned(Frozen, kw_only=True):
    """A new account; its enrolments follow under the same version."""

    school: SchoolSlug
    student_id: PersonId
    kind: Population = "student"
    version: Version
    details: AccountDetails


class AccountUpdated(Frozen, kw_only=True):
    """Details of an account have changed."""

    school: SchoolSlug
    student_id: PersonId
    kind: Population = "student"
    version: Version
    fields: Annotated[tuple[str, ...], says("Fields of `details` that differ from those of the version before.")]
    details: AccountDetails


class AccountDisabled(Frozen, kw_only=True):
    """An account is disabled; its enrolments go with it and are not told one by one."""

    school: SchoolSlug
    student_id: PersonId
    kind: Population = "student"
    version: Version
    is_explained: Annotated[
        bool, says("Whether a record of theirs says that they have left; else certified sweeps lacked them.")
    ]
    evidence: Annotated[Evidence, says("What it rests on.")]


class AccountEnabled(Frozen, kw_only=True):
    """A disabled account is back; every enrolment follows under the same version."""

    school: SchoolSlug
    student_id: PersonId
    kind: Population = "student"
    version: Version
    details: AccountDetails


class ProgrammeEnrolled(Frozen, kw_only=True):
    """An account has a programme that it did not have, or has it still after it came back."""

    school: SchoolSlug
    student_id: PersonId
    kind: Population = "student"
    version: Version
    programme: ProgrammeCode


class ProgrammeUnenrolled(Frozen, kw_only=True):
    """An account has a programme no more."""

    school: SchoolSlug
    student_id: PersonId
    kind: Population = "student"
    version: Version
    programme: ProgrammeCode


class ModuleEnrolled(Frozen, kw_only=True):
    """An account has a module that it did not have, or has it still after it came back."""

    school: SchoolSlug
    student_id: PersonId
    kind: Population = "student"
    version: Version
    module: ModuleCode


class ModuleUnenrolled(Frozen, kw_only=True):
    """An account has a module no more."""

    school: SchoolSlug
    student_id: PersonId
    kind: Population = "student"
    version: Version
    module: ModuleCode


class StructureChanged(Frozen, kw_only=True):
    """The codes that a school's structure gained and lost."""

    school: SchoolSlug
    version: Version
    added: Annotated[dict[str, tuple[str, ...]], says("List, such as `modules` -> the codes that are new in it.")] = {}
    removed: Annotated[dict[str, tuple[str, ...]], says("List -> the codes that are in it no more.")] = {}


class GuardReport(Frozen, kw_only=True):
    """What one plan came to at one close."""

    plan: PlanName
    planned: Annotated[int, says("People whom the plan had, with those whom it let through since the close before.")]
    let_through: Annotated[int, says("People for whom it took effect within its budget.")]
    released: Annotated[int, says("People for whom it took effect by a person's release, beside those.")]
    held: Annotated[int, says("People who wait for a person.")]
    headroom: Annotated[int, says("How many more the budget had room for; below zero: by how many it was exceeded.")]
    budget: Annotated[str, says("The budget in words.")]


class ColumnDrop(Frozen, kw_only=True):
    """A column of the records that so many accounts would lose at a close that it is no news of single people."""

    column: Annotated[str, says("Name of the column.")]
    before: Annotated[str, says("Of how many accounts it is filled, as filled/all.")]
    now: Annotated[str, says("Of how many it would be, as filled/all.")]
    collapsed: Annotated[bool, says("Whether it would not be empty but next to one value for everybody.")] = False


class SweepReconciled(Frozen, kw_only=True):
    """What one sweep came to."""

    school: SchoolSlug
    kind: Population = "student"
    sweep: SweepId
    version: Version
    outcome: Annotated[
        Literal["certified", "uncertified", "failed"],
        says(
            "`certified`: its certificate agrees with what arrived; `uncertified`: it does not, so that it proves "
            "nothing here and a full sweep was asked for; `failed`: the reader gave it up."
        ),
    ]
    reason: Annotated[str, says("Why it is not certified: of a failed one that of SweepFailed, else words.")] = ""
    is_held: Annotated[bool, says("Whether any set of people waits for a person after it.")] = False
    is_paused: Annotated[bool, says("Whether the school is paused: nothing was removed.")] = False
    roll_count: Annotated[int, says("How many people the roll has; not certified, that of the last one that was.")] = 0
    counts: Annotated[
        dict[str, int],
        says(
            "Plan -> how many people it had. Beside them `kept_in_rollover`: absent people whom the turn of the year "
            "keeps; `awaits_second_body`: those whom a second pushed body must lack as well."
        ),
    ] = {}
    guards: Annotated[tuple[GuardReport, ...], says("What became of each plan; empty unless certified.")] = ()
    columns: Annotated[
        tuple[ColumnDrop, ...], says("Columns of the records that so many would lose that it is held.")
    ] = ()
    clock_minutes: ClockMinutes = 0


class RemovalsHeld(Frozen, kw_only=True):
    """A plan beyond its budget: a set of people who wait for a person's decision. RemovalHeld follows for each."""

    school: SchoolSlug
    kind: Population = "student"
    plan: PlanName
    hash: HoldHash
    count: Annotated[int, says("People in the set.")]
    version: Version
    budget: Annotated[str, says("The budget in words.")]
    headroom: Annotated[int, says("Below zero: by how many people the budget is exceeded.")]
    columns: Annotated[tuple[ColumnDrop, ...], says("Of the plan `nulled_column`: the columns that emptied.")] = ()
    suspicions: Annotated[
        tuple[str, ...],
        says("Of the plan `disable_absent`: what makes the pushed list look cut, as in SweepCompleted."),
    ] = ()


class RemovalHeld(Frozen, kw_only=True):
    """One person of a held set."""

    school: SchoolSlug
    student_id: PersonId
    kind: Population = "student"
    plan: PlanName
    hash: HoldHash
    version: Version


class HoldReleased(Frozen, kw_only=True):
    """A person has released a held set: it takes effect at the next certified sweep for whom it still stands."""

    school: SchoolSlug
    kind: Population = "student"
    plan: PlanName
    hash: HoldHash
    version: Version
    operator: Operator
    note: Note = ""


class HoldRefused(Frozen, kw_only=True):
    """A person has refused a held set: its people keep what they have until the source says something else of them."""

    school: SchoolSlug
    kind: Population = "student"
    plan: PlanName
    hash: HoldHash
    version: Version
    operator: Operator
    note: Note = ""
