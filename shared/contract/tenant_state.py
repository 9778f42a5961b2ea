"""
What is known of one Unitu API key, and what is told of each delivery to it: ``tenant-state`` and ``deliveries``.

E-mails are compared as ``email_key`` has them; what was sent keeps its own spelling.
"""

from typing import Literal

from shared.contract.codec import register
from shared.contract.email import email_key as email_key
from shared.contract.entities import EntityList, KnownEntity, NewEntity
from shared.contract.model import Frozen, Kind
from shared.contract.populations import book_of, kind_of, school_of

# --- tenant-state ------------------------------------------------------------------------------------------------


class Seat(Frozen, array_like=True, kw_only=True):
    """
    Whose account an e-mail is at Unitu: a school's person, by their book, or with no book a protected record.

    ``email`` is the spelling that was sent, "" where it is the key itself. ``position`` is that of the school's lane in
    the last snapshot that had the person, -1 where it is the one of the whole snapshot.
    """

    book: str
    person: str
    email: str = ""
    position: int = -1

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
    """
    A snapshot on its way: written before its POST. ``gained`` and ``lost`` are told against the last accepted roster.

    ``positions`` maps a school to where its lane stood; after ``ends_at`` its POST is surely over.
    """

    number: int
    at: str
    ends_at: str
    roster_hash: str
    digest: str
    gained: dict[str, Seat] = {}
    lost: tuple[str, ...] = ()
    positions: dict[str, int] = {}
    entities: dict[str, tuple[str, ...]] = {}


class Unknown(Frozen, kw_only=True):
    """
    Snapshots of unknown outcome, as one: who Unitu may have beside the last accepted roster.

    ``positions`` are those of the newest; ``lost`` maps an e-mail of the roster to the lane position of the last
    snapshot that had it.
    """

    positions: dict[str, int] = {}
    gained: dict[str, Seat] = {}
    lost: dict[str, int] = {}


class Accepted(Frozen, kw_only=True):
    number: int
    at: str
    roster_hash: str
    digest: str
    entities: dict[str, tuple[str, ...]] = {}


class Adoption(Frozen, kw_only=True):
    """
    A person's yes to a roster. ``bound`` is the hash of all that was shown; ``rebuilds`` maps a lane to the rebuild
    that the shown roster came after. Another set of schools, list of staff, address or prefix needs another yes.
    ``accepts_missing``: areas that were never read, and may be missing all the same, each as "school/area".

    ``fingerprint`` is that of the API key: the key is the institution, and another one needs a yes of its own.
    ``key_operator`` gave it at ``key_confirmed_at``, where the key was changed since. ``has_accounts``: who is at Unitu
    was known, by a list or by what it accepted before. ``prefixes`` maps a school to what it puts before ids and
    codes; ``shared_ids`` are the pairs of populations, ``shared_codes`` the codes, of which one may be two things.
    ``words``: what needed a word of its own, and had it.
    """

    at: str
    bound: str
    roster_hash: str
    roster_count: int
    disabled_count: int
    schools: tuple[str, ...]
    staff: bool
    url: str
    operator: str = ""
    rebuilds: dict[str, str] = {}
    fingerprint: str = ""
    key_operator: str = ""
    key_confirmed_at: str = ""
    has_accounts: bool = False
    prefixes: dict[str, str] = {}
    shared_ids: tuple[str, ...] = ()
    shared_codes: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    accepts_missing: tuple[str, ...] = ()


class Reason(Frozen, kw_only=True):
    """
    Why a snapshot does not go. ``code`` is one of a few words, ``message`` is for people; neither names a person.
    ``hash`` is what a person names to let exactly this go; "" where only something else helps.
    """

    code: str
    message: str
    school: str = ""
    count: int = 0
    hash: str = ""


class Held(Frozen, kw_only=True):
    """
    ``hold`` needs a person, ``wait`` may pass by itself, ``rejected`` is Unitu's own no. ``is_partial``: only those
    whom the reasons are about are held, and are sent as before; everybody else's changes go.
    """

    kind: Literal["hold", "wait", "rejected"]
    reasons: tuple[Reason, ...]
    since: str
    is_partial: bool = False


class Simulated(Frozen, kw_only=True):
    at: str
    digest: str


class RefusedSnapshot(Frozen, kw_only=True):
    """The snapshot that Unitu refused last: one that differs is tried once by itself, the same one much later."""

    digest: str
    at: str
    status: int
    message: str


class TenantState(Frozen, kw_only=True):
    """
    All that must not be forgotten of one tenant. ``revision`` counts its writings, ``number`` its snapshots; of two
    writings of one revision the first in the log stands, and ``writer`` tells them apart.

    ``roster`` is that of the last accepted snapshot (or the adopted one), ``positions`` where its schools' lanes stood;
    ``former`` maps people who are out of it to the e-mail that they had. ``email_releases`` maps a person to the new
    e-mail that was released. ``accounts``: whom Unitu had, as far as known, when the roster was adopted; forgotten when
    the next snapshot is accepted, as is ``earlier``: who is in no list, but in a roster that was adopted before.
    ``not_before`` is the end of a back-off, ``resend_at`` when the newest goes again. ``releases`` maps the hash of
    what a person has let go, and no snapshot has had yet, to the time of it. ``refused`` maps a person (or / and a
    protected e-mail) to the digest of the record that Unitu refused. ``orphans`` maps
    the hash of an e-mail that nobody is sent under any more to whose account it is, "" once they are forgotten.

    ``gone``: such hashes of accounts that Unitu has disabled, of which neither ``former`` nor ``orphans`` tell: reports
    say of whoever gets the e-mail that they are enabled again.

    ``spellings`` are e-mails as Unitu's own list has them, and as they are sent. ``kept`` maps a person whom the roll
    has and no rule lets have an account yet to the e-mail of the account that Unitu has of them. ``overtaken``: the
    newest number when a POST of an older one was found to have ended; only a higher one surely comes after it.

    ``complaints`` maps a person (or / and a protected e-mail) to what Unitu said of their record when it refused a
    snapshot, "" where it only pointed at it. ``refusal``: that snapshot, until another is accepted.

    ``structure``: list -> code as sent -> what is known of that entity at Unitu; what is not in it is new. None:
    written before there was a ledger, so nothing was ever confirmed.
    """

    tenant: str
    revision: int = 0
    writer: str = ""
    number: int = 0
    adoption: Adoption | None = None
    accepted: Accepted | None = None
    roster: dict[str, Seat] = {}
    positions: dict[str, int] = {}
    former: dict[str, str] = {}
    accounts: tuple[str, ...] | None = None
    intent: Intent | None = None
    unknown: Unknown | None = None
    email_releases: dict[str, str] = {}
    held: Held | None = None
    retries: int = 0
    not_before: str | None = None
    resend_at: str | None = None
    simulated: Simulated | None = None
    earlier: tuple[str, ...] = ()
    spellings: tuple[str, ...] = ()
    kept: dict[str, str] = {}
    overtaken: int = 0
    releases: dict[str, str] = {}
    refused: dict[str, str] = {}
    orphans: dict[str, str] = {}
    structure: dict[EntityList, dict[str, KnownEntity]] | None = None
    complaints: dict[str, str] = {}
    refusal: RefusedSnapshot | None = None
    gone: tuple[str, ...] = ()


# --- deliveries --------------------------------------------------------------------------------------------------


class Who(Frozen, kw_only=True):
    """One person of a report or a hold."""

    school: str
    kind: Kind = "student"
    person: str
    email: str
    reason: str = ""


class EmailWait(Frozen, kw_only=True):
    """A changed e-mail that waits: Unitu knows the person as ``delivered``, the school now says ``own``."""

    school: str
    kind: Kind = "student"
    person: str
    delivered: str
    own: str

    @property
    def ref(self) -> str:
        return f"{book_of(self.school, self.kind)}/{self.person}"


class EmailConflict(Frozen, kw_only=True):
    """A person whose e-mail is another's: ``holder`` keeps it (book/person, or / and a protected e-mail)."""

    school: str
    kind: Kind = "student"
    person: str
    email: str
    holder: str
    is_left_out: bool


class FieldsUpdated(Frozen, kw_only=True):
    email: str
    fields: tuple[str, ...]


class CodesChanged(Frozen, kw_only=True):
    email: str
    programmes: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()


class NotTaken(Frozen, kw_only=True):
    """Unitu takes ``personalEmail`` and ``id`` the first time only."""

    email: str
    field: Literal["id", "personalEmail"]


class Report(Frozen, kw_only=True):
    """
    What Unitu will do with one snapshot, by its document, as far as known.

    ``is_compared``: False where what was last sent is no longer known field by field, so that updates and enrolments
    cannot be told. ``counts`` are of all; each list has at most 5,000. ``entities``: what nobody has confirmed to be
    there, that which blocks most students first. ``blocked``: people, each with the codes of theirs that they are not
    enrolled into for that reason, and stay out of until somebody confirms them.
    ``undefined_codes``: list -> codes that records have and no school defines; nobody was sent with them.
    """

    is_compared: bool
    counts: dict[str, int]
    provisioned: tuple[str, ...] = ()
    updated: tuple[FieldsUpdated, ...] = ()
    disabled: tuple[str, ...] = ()
    enabled: tuple[str, ...] = ()
    enrolled: tuple[CodesChanged, ...] = ()
    unenrolled: tuple[CodesChanged, ...] = ()
    entities: tuple[NewEntity, ...] = ()
    blocked: tuple[CodesChanged, ...] = ()
    waits: tuple[EmailWait, ...] = ()
    conflicts: tuple[EmailConflict, ...] = ()
    without_email: tuple[Who, ...] = ()
    not_taken: tuple[NotTaken, ...] = ()
    repeated_codes: dict[str, tuple[str, ...]] = {}
    undefined_codes: dict[str, tuple[str, ...]] = {}


class SnapshotAccepted(Frozen, kw_only=True):
    """
    Unitu took the snapshot; it works asynchronously, so this does not say *applied*. ``positions`` maps a school to
    where its lane stood: whatever was decided before that is in it.
    """

    tenant: str
    number: int
    status: int
    cause: str
    roster_hash: str
    roster_count: int
    digest: str
    bytes: int
    report: Report
    positions: dict[str, int] = {}


class SnapshotRejected(Frozen, kw_only=True):
    """Unitu said no. ``message`` says what to do, ``answer`` is the beginning of Unitu's own words."""

    tenant: str
    number: int
    status: int
    cause: str
    roster_hash: str
    message: str
    answer: str = ""
    report: Report


class SnapshotRetried(Frozen, kw_only=True):
    """
    Nobody knows whether Unitu took it: the newest snapshot goes after ``retry_at``, under another number. ``answer`` is
    the beginning of Unitu's own words.
    """

    tenant: str
    number: int
    cause: str
    roster_hash: str
    message: str
    retry_at: str
    status: int | None = None
    answer: str = ""


class SnapshotSimulated(Frozen, kw_only=True):
    """Everything but the POST. ``verdict`` is what a live tenant would have done."""

    tenant: str
    cause: str
    verdict: Literal["send", "hold", "wait"]
    roster_hash: str
    roster_count: int
    digest: str
    bytes: int
    report: Report
    reasons: tuple[Reason, ...] = ()
    who: tuple[Who, ...] = ()


class SnapshotHeld(Frozen, kw_only=True):
    """Told when the reasons change, not at every look. ``who``: at most ``WHO_LIMIT``; the reasons have the counts."""

    tenant: str
    kind: Literal["hold", "wait"]
    reasons: tuple[Reason, ...]
    who: tuple[Who, ...] = ()


WHO_LIMIT = 5_000

register(TenantState, "rollcall.tenant_state.v1")
register(SnapshotAccepted, "rollcall.snapshot_accepted.v1")
register(SnapshotRejected, "rollcall.snapshot_rejected.v1")
register(SnapshotRetried, "rollcall.snapshot_retried.v1")
register(SnapshotSimulated, "rollcall.snapshot_simulated.v1")
register(SnapshotHeld, "rollcall.snapshot_held.v1")
