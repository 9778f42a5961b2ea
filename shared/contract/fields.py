"""
Types of fields that many models have, each with the words that the schemas give it. Pure.

``says`` describes a field: what it means, in which unit, who sets it, when it is absent. The words are in the published
schemas and cost neither a byte nor any time when a value is written or read.
"""

from typing import Annotated

from shared.contract.model import Details, Kind, says

SchoolSlug = Annotated[str, says("Slug of the school, as the configuration has it.")]
Population = Annotated[Kind, says("Which of the school's populations it is about: its students or its staff.")]
PersonId = Annotated[
    str,
    says(
        "Id of the person in their population: the record system's own, or of a pushed feed the field that is its key."
    ),
]
SweepId = Annotated[str, says("Id of the sweep: the same in every record of it and in their header `sweep`.")]
SweepStart = Annotated[str, says("When the sweep began to read. RFC 3339, UTC.")]
IsFull = Annotated[bool, says("Whether the sweep sent everybody, whether or not their record had changed.")]
ClockMinutes = Annotated[
    int,
    says(
        "By how many minutes the clock of whoever read the school was ahead of Kafka's, below zero behind it. "
        "Set by eligibility; 0 where both agree. Otherwise the times beside it are Kafka's."
    ),
]
Version = Annotated[
    int,
    says(
        "Offset, in the school's lane of students-assessed, of the record that caused this. Of two events about "
        "one person the higher is the newer."
    ),
]
ProgrammeCode = Annotated[str, says("Code of the programme.")]
ModuleCode = Annotated[str, says("Code of the module.")]
AccountDetails = Annotated[Details, says("What the account has from here on, whole.")]
PlanName = Annotated[str, says("The plan of the guard that the people are under, such as `disable_unexplained`.")]
HoldHash = Annotated[
    str,
    says("Hash of the reviewed set: of the plan, its people and what would happen to each. A decision names it."),
]
Operator = Annotated[str, says("Who gave the order: the login under which the command line ran.")]
Note = Annotated[str, says("What the operator wrote beside the order; empty where they wrote nothing.")]
TenantSlug = Annotated[str, says("Slug of the tenant (one Unitu API key), as the configuration has it.")]
Number = Annotated[
    int,
    says("Number of the snapshot, counted by tenant: of two snapshots the higher is the newer, whenever it arrives."),
]
RosterHash = Annotated[str, says("BLAKE2b of the sorted e-mails of the roster: 16 bytes, in hexadecimal digits.")]
SnapshotDigest = Annotated[str, says("BLAKE2b of the body as sent: 16 bytes, in hexadecimal digits.")]
Positions = Annotated[
    dict[str, int],
    says(
        "School -> where its lane stood, as the lane offset of the next record: whatever was decided before is in it."
    ),
]
Cause = Annotated[
    str,
    says(
        "Why the snapshot went then: `first`, `adoption`, `change`, `retry`, `resend` (the same again after a "
        "time) or `request`."
    ),
]
