"""What is told of tenants, field by field: with ``--json`` as it stands here. Pure."""

from services.operations.tenants.complaints import RecordComplaint
from services.publisher.concerns import Concern
from services.publisher.preview import KindCounts, Undecided
from services.publisher.releases import Releasable
from shared.contract.deliveries import EmailWait
from shared.contract.model import Frozen
from shared.contract.tenant_state import Held, TenantOrder


class RosterFacts(Frozen, omit_defaults=False, kw_only=True):
    count: int
    hash: str


class ListRead(Frozen, omit_defaults=False, kw_only=True):
    """How a list of Unitu's accounts was read: the column of the e-mails ("": none has any), rows with and without."""

    column: str
    encoding: str
    delimiter: str
    row_count: int
    without_count: int


class AdoptionAnswer(Frozen, omit_defaults=False, kw_only=True):
    """
    What adopting a roster would do, as ``tenant adopt`` shows it. ``bound``: the hash of all of it, to which a yes is
    said; ``disabled``: the e-mails that Unitu would lose with the first snapshot; ``lists``: how each list of Unitu's
    accounts was read.
    """

    tenant: str
    schools: dict[str, int]
    staff: int
    roster: RosterFacts
    kinds: dict[str, KindCounts]
    accounts_given: bool
    lists: tuple[ListRead, ...]
    kept: int
    provisioned: int
    disabled: tuple[str, ...]
    undecided: tuple[Undecided, ...]
    left_out: int
    waits: tuple[EmailWait, ...]
    is_behind: bool
    same_ids: dict[str, tuple[str, ...]]
    same_codes: tuple[str, ...]
    url: str
    key: str
    concerns: tuple[Concern, ...]
    bound: str
    is_adopted: bool


class AdoptedFacts(Frozen, omit_defaults=False, kw_only=True):
    """``key``: the fingerprint of the one for which the roster of so many was adopted."""

    at: str
    operator: str
    count: int
    key: str


class AcceptedFacts(Frozen, omit_defaults=False, kw_only=True):
    number: int
    at: str
    digest: str


class OpenIntent(Frozen, omit_defaults=False, kw_only=True):
    """A snapshot that is on its way."""

    number: int
    ends_at: str


class RefusedFacts(Frozen, omit_defaults=False, kw_only=True):
    at: str
    status: int


class TenantFacts(Frozen, omit_defaults=False, kw_only=True):
    """
    What is known of a tenant, as ``tenant show`` has it. ``key``: the fingerprint of the configured one; ``waits`` null
    and nothing releasable: there is no whole roster yet. ``orders``: the newest of people, the last one last.
    """

    tenant: str
    mode: str
    schools: tuple[str, ...]
    key: str
    adopted: AdoptedFacts | None
    accepted: AcceptedFacts | None
    roster: int
    open_intent: OpenIntent | None
    is_outcome_unknown: bool
    held: Held | None
    refused: RefusedFacts | None
    retry_not_before: str | None
    resend_at: str | None
    released_emails: int
    structure: dict[str, int]
    complaints: tuple[RecordComplaint, ...]
    waits: tuple[EmailWait, ...] | None
    releasable: tuple[Releasable, ...]
    orders: tuple[TenantOrder, ...]


class KeyFacts(Frozen, omit_defaults=False, kw_only=True):
    """The fingerprint of the key for which the roster was adopted ("": not known), and of the configured one."""

    tenant: str
    adopted: str
    configured: str
    is_confirmed: bool


class StructureImported(Frozen, omit_defaults=False, kw_only=True):
    """What a list of Unitu's entities confirmed. Each entity is its list and its code; ``read``: by list."""

    tenant: str
    read: dict[str, tuple[str, ...]]
    confirmed: tuple[tuple[str, str], ...]
    doubted: tuple[tuple[str, str], ...]
    unconfirmed: tuple[tuple[str, str], ...]
