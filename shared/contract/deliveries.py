"""Models of ``deliveries``: what became of each snapshot, and what Unitu will do with it by its own document."""

from typing import Annotated, Literal

from shared.contract.codec import register
from shared.contract.entities import NewEntity
from shared.contract.fields import (
    Cause,
    Number,
    PersonId,
    Population,
    Positions,
    RosterHash,
    SchoolSlug,
    SnapshotDigest,
    TenantSlug,
)
from shared.contract.model import Frozen, says
from shared.contract.populations import book_of
from shared.contract.tenant_state import Reason

WHO_LIMIT = 5_000

Email = Annotated[str, says("E-mail of the account at Unitu, as compared.")]
Status = Annotated[int, says("HTTP status of Unitu's answer.")]
Answer = Annotated[str, says("Beginning of Unitu's own words, without what is secret; empty where it said nothing.")]
RosterCount = Annotated[int, says("E-mails of the snapshot.")]
Size = Annotated[int, says("Size of its body, in bytes.")]


class Who(Frozen, kw_only=True):
    """One person of a report or a hold."""

    school: Annotated[str, says("Slug of their school; empty of a protected record and of somebody unknown.")]
    kind: Population = "student"
    person: Annotated[str, says("Their id; without a school POPULATION/ID, or / and a protected e-mail.")]
    email: Annotated[str, says("Their e-mail; empty where they have none.")]
    reason: Annotated[
        str, says("Why they are named: the code of a reason, or words; empty where nothing else is said.")
    ] = ""


class EmailWait(Frozen, kw_only=True):
    """A changed e-mail that waits for a person: an e-mail does not move by itself at Unitu."""

    school: SchoolSlug
    kind: Population = "student"
    person: PersonId
    delivered: Annotated[str, says("The e-mail under which Unitu has the person.")]
    own: Annotated[str, says("The e-mail that the school has for them now.")]

    @property
    def ref(self) -> str:
        return f"{book_of(self.school, self.kind)}/{self.person}"


class EmailConflict(Frozen, kw_only=True):
    """A person whose e-mail is another's."""

    school: SchoolSlug
    kind: Population = "student"
    person: PersonId
    email: Annotated[str, says("The e-mail that both claim.")]
    holder: Annotated[str, says("Who keeps it: POPULATION/PERSON, or / and the e-mail of a protected record.")]
    is_left_out: Annotated[bool, says("Whether the person is not in the snapshot at all; else under another e-mail.")]


class FieldsUpdated(Frozen, kw_only=True):
    """An account of which Unitu will update fields."""

    email: Email
    fields: Annotated[tuple[str, ...], says("The fields, by Unitu's names.")]


class CodesChanged(Frozen, kw_only=True):
    """An account and codes of its own; what is said of them, the list says that has it."""

    email: Email
    programmes: Annotated[tuple[str, ...], says("Codes of programmes.")] = ()
    modules: Annotated[tuple[str, ...], says("Codes of modules.")] = ()


class NotTaken(Frozen, kw_only=True):
    """A field that Unitu takes the first time only, and now differs."""

    email: Email
    field: Annotated[Literal["id", "personalEmail"], says("The field, by Unitu's name.")]


class Report(Frozen, kw_only=True):
    """What Unitu will do with one snapshot, by its document, as far as known. Each list has at most 5,000."""

    is_compared: Annotated[
        bool,
        says(
            "False where what was last sent is no longer known field by field: updates and enrolments cannot be told."
        ),
    ]
    counts: Annotated[
        dict[str, int],
        says(
            "`students` and `staff` of the snapshot; for each list below how many it would have whole; `new_entities`."
        ),
    ]
    provisioned: Annotated[tuple[str, ...], says("E-mails of accounts that are made.")] = ()
    updated: Annotated[tuple[FieldsUpdated, ...], says("Accounts whose fields change.")] = ()
    disabled: Annotated[tuple[str, ...], says("E-mails of accounts that are disabled.")] = ()
    enabled: Annotated[tuple[str, ...], says("E-mails of accounts that are enabled again.")] = ()
    enrolled: Annotated[tuple[CodesChanged, ...], says("Accounts with the codes that they are enrolled into.")] = ()
    unenrolled: Annotated[tuple[CodesChanged, ...], says("Accounts with the codes that they are taken out of.")] = ()
    entities: Annotated[
        tuple[NewEntity, ...], says("What nobody has confirmed to be at Unitu, that which blocks most students first.")
    ] = ()
    blocked: Annotated[
        tuple[CodesChanged, ...],
        says("Accounts with the codes that they stay out of until somebody confirms them."),
    ] = ()
    waits: Annotated[tuple[EmailWait, ...], says("Changed e-mails that wait for a person.")] = ()
    conflicts: Annotated[tuple[EmailConflict, ...], says("People whose e-mail is another's.")] = ()
    without_email: Annotated[tuple[Who, ...], says("People who are left out since they have no e-mail.")] = ()
    not_taken: Annotated[tuple[NotTaken, ...], says("Fields that Unitu will not take.")] = ()
    repeated_codes: Annotated[
        dict[str, tuple[str, ...]],
        says("List -> codes that two schools define differently; the first school's is sent."),
    ] = {}
    undefined_codes: Annotated[
        dict[str, tuple[str, ...]],
        says("List -> codes that records have and no school defines; nobody was sent with them."),
    ] = {}


class SnapshotAccepted(Frozen, kw_only=True):
    """Unitu took the snapshot; it works asynchronously, so this does not say *applied*."""

    tenant: TenantSlug
    number: Number
    status: Status
    cause: Cause
    roster_hash: RosterHash
    roster_count: RosterCount
    digest: SnapshotDigest
    bytes: Size
    report: Annotated[Report, says("What Unitu will do with it.")]
    positions: Positions = {}


class SnapshotRejected(Frozen, kw_only=True):
    """Unitu said no."""

    tenant: TenantSlug
    number: Number
    status: Status
    cause: Cause
    roster_hash: RosterHash
    message: Annotated[str, says("What to do, for people.")]
    answer: Answer = ""
    report: Annotated[Report, says("What Unitu would have done with it.")]


class SnapshotRetried(Frozen, kw_only=True):
    """Nobody knows whether Unitu took it: the newest snapshot goes later, under another number."""

    tenant: TenantSlug
    number: Number
    cause: Cause
    roster_hash: RosterHash
    message: Annotated[str, says("What was wrong, for people.")]
    retry_at: Annotated[str, says("When the newest snapshot goes, at the earliest. RFC 3339, UTC.")]
    status: Annotated[int | None, says("HTTP status of Unitu's answer; absent where there was none.")] = None
    answer: Answer = ""


class SnapshotSimulated(Frozen, kw_only=True):
    """Everything but the POST, of a tenant that is dry-run."""

    tenant: TenantSlug
    cause: Cause
    verdict: Annotated[Literal["send", "hold", "wait"], says("What a live tenant would have done.")]
    roster_hash: RosterHash
    roster_count: RosterCount
    digest: SnapshotDigest
    bytes: Size
    report: Annotated[Report, says("What Unitu would do with it.")]
    reasons: Annotated[tuple[Reason, ...], says("Why it would be held, or wait; empty where it would be sent.")] = ()
    who: Annotated[tuple[Who, ...], says("Whom the reasons are about; at most 5,000.")] = ()


class SnapshotHeld(Frozen, kw_only=True):
    """A snapshot does not go, or not all of it. Told when the reasons change, not at every look."""

    tenant: TenantSlug
    kind: Annotated[Literal["hold", "wait"], says("`hold` needs a person, `wait` may pass by itself.")]
    reasons: Annotated[tuple[Reason, ...], says("Why, with the counts of all.")]
    who: Annotated[tuple[Who, ...], says("Whom the reasons are about; at most 5,000.")] = ()


register(SnapshotAccepted, "rollcall.snapshot_accepted.v1")
register(SnapshotRejected, "rollcall.snapshot_rejected.v1")
register(SnapshotRetried, "rollcall.snapshot_retried.v1")
register(SnapshotSimulated, "rollcall.snapshot_simulated.v1")
register(SnapshotHeld, "rollcall.snapshot_held.v1")
