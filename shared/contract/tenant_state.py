"""
What is known of one Unitu API key: the model of ``tenant-state``.

E-mails are compared as ``email_key`` has them; what was sent keeps its own spelling. A state that is stored must be
readable for good: a new field has a default.
"""

from typing import Annotated, Literal

import msgspec

from shared.contract.codec import register
from shared.contract.email import email_key as email_key
from shared.contract.entities import EntityList, KnownEntity
from shared.contract.fields import Number, Positions, RosterHash, SnapshotDigest, TenantSlug
from shared.contract.model import Frozen, Kind, says
from shared.contract.populations import kind_of, school_of

Entities = Annotated[
    dict[str, tuple[str, ...]],
    says("List -> the codes that the snapshot had in it. Of an older release; now in `structure` of TenantState."),
]


class Seat(Frozen, array_like=True, kw_only=True):
    """Whose account an e-mail is at Unitu: a person of a school, or a protected record. A list, in this order."""

    book: Annotated[str, says("Population of the person, SCHOOL or SCHOOL+staff; empty of a protected record.")]
    person: Annotated[str, says("Id of the person in it.")]
    email: Annotated[str, says("The spelling that was sent; empty where it is the key itself.")] = ""
    position: Annotated[
        int, says("Lane offset of the school in the last snapshot that had the person; -1: that of the whole snapshot.")
    ] = -1

    @property
    def ref(self) -> str:
        return f"{self.book}/{self.person}"

    @property
    def school(self) -> str:
        return school_of(self.book)

    @property
    def kind(self) -> Kind:
        return kind_of(self.book)


class Intent(Frozen, kw_only=True):
    """A snapshot on its way, written before its POST."""

    number: Number
    begun_at: Annotated[str, says("When its POST began. RFC 3339, UTC.")] = msgspec.field(name="at")
    ends_at: Annotated[str, says("When its POST is surely over. RFC 3339, UTC.")]
    roster_hash: RosterHash
    digest: SnapshotDigest
    gained: Annotated[
        dict[str, Seat], says("E-mail -> whose it is, where the last accepted roster has it not, or another's.")
    ] = {}
    lost: Annotated[tuple[str, ...], says("E-mails of the last accepted roster that it lacks, sorted.")] = ()
    positions: Positions = {}
    entities: Entities = {}


class Unknown(Frozen, kw_only=True):
    """Snapshots of unknown outcome, as one: whom Unitu may have beside the last accepted roster."""

    positions: Annotated[dict[str, int], says("School -> lane offset where it stood in the newest of them.")] = {}
    gained: Annotated[
        dict[str, Seat], says("E-mail -> whose it is, where the last accepted roster has it not, or another's.")
    ] = {}
    lost: Annotated[
        dict[str, int], says("E-mail of the roster -> lane offset of its school in the last snapshot that had it.")
    ] = {}


class Accepted(Frozen, kw_only=True):
    """The snapshot that Unitu accepted last."""

    number: Number
    accepted_at: Annotated[str, says("When it was accepted. RFC 3339, UTC.")] = msgspec.field(name="at")
    roster_hash: RosterHash
    digest: SnapshotDigest
    entities: Entities = {}


class Adoption(Frozen, kw_only=True):
    """A person's yes to a roster. Another set of schools, list of staff, address, key or prefix needs another yes."""

    adopted_at: Annotated[str, says("When it was given. RFC 3339, UTC.")] = msgspec.field(name="at")
    bound: Annotated[str, says("Hash of all that was shown, which the yes named.")]
    roster_hash: RosterHash
    roster_count: Annotated[int, says("E-mails of the roster that was shown.")]
    disabled_count: Annotated[int, says("Accounts of which was shown that Unitu would disable them.")]
    schools: Annotated[tuple[str, ...], says("Slugs of the tenant's schools, sorted.")]
    staff: Annotated[bool, says("Whether staff are managed.")]
    url: Annotated[str, says("Address that snapshots go to, in its canonical form.")]
    operator: Annotated[str, says("Who gave it.")] = ""
    rebuilds: Annotated[dict[str, str], says("Lane -> the rebuild that the shown roster came after.")] = {}
    fingerprint: Annotated[
        str, says("Of the API key: the key is the institution, and another one needs a yes of its own.")
    ] = ""
    key_operator: Annotated[
        str, says("Who said that another key is the same institution's; empty where nobody did.")
    ] = ""
    key_confirmed_at: Annotated[str, says("When they said it. RFC 3339, UTC; empty where nobody did.")] = ""
    has_accounts: Annotated[
        bool, says("Whether it was known who is at Unitu, by a list or by what it accepted before.")
    ] = False
    prefixes: Annotated[dict[str, str], says("School -> what it puts before ids and codes.")] = {}
    shared_ids: Annotated[
        tuple[str, ...], says("Pairs of populations of which one id may be two people's, as A / B.")
    ] = ()
    shared_codes: Annotated[tuple[str, ...], says("Codes that may be two things, in two schools, as LIST/CODE.")] = ()
    words: Annotated[tuple[str, ...], says("What needed a word of its own, and had it.")] = ()
    accepts_missing: Annotated[
        tuple[str, ...], says("Areas that were never read and may be missing all the same, as SCHOOL/AREA.")
    ] = ()


class Reason(Frozen, kw_only=True):
    """Why a snapshot does not go; it names no person."""

    code: Annotated[
        str, says("One of a few words, such as `not_adopted`; it keeps its meaning from release to release.")
    ]
    message: Annotated[str, says("The same for people, with what to do.")]
    school: Annotated[str, says("Slug of the school that it is about; empty where it is about the tenant.")] = ""
    count: Annotated[int, says("How many people, accounts or codes it is about; 0 where it counts none.")] = 0
    hash: Annotated[str, says("What a person names to let exactly this go; empty where only something else helps.")] = (
        ""
    )


class Held(Frozen, kw_only=True):
    """Why nothing goes, or why some people are sent as before."""

    kind: Annotated[
        Literal["hold", "wait", "rejected"],
        says("`hold` needs a person, `wait` may pass by itself, `rejected` is Unitu's own no."),
    ]
    reasons: Annotated[tuple[Reason, ...], says("Why.")]
    since: Annotated[str, says("Since when. RFC 3339, UTC.")]
    is_partial: Annotated[
        bool, says("Whether only those whom the reasons are about are held and sent as before, and all else goes.")
    ] = False


class Simulated(Frozen, kw_only=True):
    """The snapshot that a dry run made last."""

    simulated_at: Annotated[str, says("When it was made. RFC 3339, UTC.")] = msgspec.field(name="at")
    digest: SnapshotDigest


class RefusedSnapshot(Frozen, kw_only=True):
    """The snapshot that Unitu refused last: one that differs is tried once by itself, the same one much later."""

    digest: SnapshotDigest
    refused_at: Annotated[str, says("When it was refused. RFC 3339, UTC.")] = msgspec.field(name="at")
    status: Annotated[int, says("HTTP status of the refusal.")]
    message: Annotated[str, says("What to do, for people.")]


OrderKind = Literal[
    "adopt", "confirm_key", "release_emails", "release_hold", "publish", "confirm_structure", "doubt_structure"
]


class TenantOrder(Frozen, kw_only=True):
    """What a person ordered of a tenant."""

    kind: Annotated[OrderKind, says("Which order it was.")]
    at: Annotated[str, says("When it was given. RFC 3339, UTC.")]
    operator: Annotated[str, says("Who gave it; empty where the release that took it did not say.")]
    note: Annotated[str, says("Why, in their words.")] = ""
    about: Annotated[str, says("What it named: a hash, a key's fingerprint, or how many of each list.")] = ""


class TenantState(Frozen, kw_only=True):
    """
    All that must not be forgotten of one tenant. Of two writings of one revision the first in the log stands. E-mails
    that are keys are written as they are compared.
    """

    tenant: TenantSlug
    revision: Annotated[int, says("Counts the writings of this state.")] = 0
    writer: Annotated[str, says("A random word that tells two writings of one revision apart.")] = ""
    number: Annotated[int, says("Number of the newest snapshot of which a POST was begun; 0 before the first.")] = 0
    adoption: Annotated[Adoption | None, says("The yes by which snapshots may go; absent: nobody gave one yet.")] = None
    accepted: Annotated[Accepted | None, says("The snapshot that was accepted last; absent before the first.")] = None
    roster: Annotated[
        dict[str, Seat], says("E-mail -> whose account it is, of the last accepted snapshot or the adopted roster.")
    ] = {}
    positions: Positions = {}
    former: Annotated[
        dict[str, str], says("Person who is out of the roster, as POPULATION/ID -> the e-mail that they had.")
    ] = {}
    accounts: Annotated[
        tuple[str, ...] | None,
        says(
            "E-mails that Unitu had, as far as known, when the roster was adopted; forgotten when the next snapshot "
            "is accepted."
        ),
    ] = None
    intent: Annotated[Intent | None, says("The snapshot that is on its way; absent where none is.")] = None
    unknown: Annotated[Unknown | None, says("Those of unknown outcome since the last accepted one; absent: none.")] = (
        None
    )
    email_releases: Annotated[dict[str, str], says("Person -> the new e-mail that was released for them.")] = {}
    held: Annotated[Held | None, says("Why nothing goes; absent where nothing speaks against it.")] = None
    retries: Annotated[int, says("Failures in a row since an outcome was known.")] = 0
    not_before: Annotated[str | None, says("End of a back-off. RFC 3339, UTC; absent: none.")] = None
    resend_at: Annotated[str | None, says("When the newest snapshot goes again, changed or not. RFC 3339, UTC.")] = None
    simulated: Annotated[Simulated | None, says("The last dry run; absent where there was none.")] = None
    earlier: Annotated[
        tuple[str, ...],
        says("E-mails that are in no list, but in a roster that was adopted before; forgotten as `accounts` is."),
    ] = ()
    spellings: Annotated[tuple[str, ...], says("E-mails as Unitu's own list has them, and as they are sent.")] = ()
    kept: Annotated[
        dict[str, str],
        says(
            "Person whom the roll has and no rule lets have an account yet -> e-mail of the account that Unitu has "
            "of them."
        ),
    ] = {}
    overtaken: Annotated[
        int,
        says(
            "The newest number when a POST of an older one was found to have ended: only a higher one surely comes "
            "after it."
        ),
    ] = 0
    releases: Annotated[
        dict[str, str],
        says("Hash of what a person has let go, and no snapshot has had yet -> when. RFC 3339, UTC."),
    ] = {}
    refused: Annotated[
        dict[str, str], says("Person, or / and a protected e-mail -> digest of the record that Unitu refused.")
    ] = {}
    orphans: Annotated[
        dict[str, str],
        says(
            "Hash of an e-mail that nobody is sent under any more -> whose account it is; empty once they are "
            "forgotten."
        ),
    ] = {}
    structure: Annotated[
        dict[EntityList, dict[str, KnownEntity]] | None,
        says(
            "List -> code as sent -> what is known of that entity at Unitu; what is not in it is new. Absent: "
            "written before there was a ledger, so that nothing was ever confirmed."
        ),
    ] = None
    complaints: Annotated[
        dict[str, str],
        says(
            "Person, or / and a protected e-mail -> what Unitu said of their record when it refused a snapshot; "
            "empty where it only pointed at it."
        ),
    ] = {}
    refusal: Annotated[
        RefusedSnapshot | None, says("The snapshot that was refused last; absent once another was accepted.")
    ] = None
    gone: Annotated[
        tuple[str, ...],
        says("Hashes of e-mails of accounts that Unitu has disabled, of which neither `former` nor `orphans` tell."),
    ] = ()
    orders: Annotated[tuple[TenantOrder, ...], says("The newest orders of people, the last one last.")] = ()


register(TenantState, "rollcall.tenant_state.v1")
