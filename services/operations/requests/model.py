"""What is told of a request: how far it is, and what came of it, with ``--json`` as it stands here."""

from dataclasses import dataclass
from typing import Literal

from services.operations.requests.progress import AccountChange, Step
from shared.contract.model import Frozen, Kind
from shared.contract.tenant_state import Reason

State = Literal["accepted", "simulated", "nothing_to_send", "paused", "held", "undelivered"]


@dataclass(frozen=True)
class SyncWish:
    """
    What is to be read. ``kind`` None: a school's students, and its staff where they are managed; ``student_id``: only
    this person; ``full``: everybody is sent anew, changed or not.
    """

    school: str
    kind: Kind | None = None
    student_id: str | None = None
    full: bool = False


@dataclass(frozen=True)
class RequestDelivery:
    """What became of it at Unitu. ``number``: of the snapshot that carries it."""

    tenant: str
    mode: str
    state: State
    number: int | None = None
    reasons: tuple[Reason, ...] = ()


class VerdictTaken(Frozen, omit_defaults=False, kw_only=True):
    """On the one student who was read; ``failed``: the ids of the rules."""

    category: str
    portal: str
    account: str
    failed: tuple[str, ...]


class HeldBriefly(Frozen, omit_defaults=False, kw_only=True):
    """A plan that the decision left held."""

    kind: str
    hash: str
    count: int
    words: str


class SyncOutcome(Frozen, omit_defaults=False, kw_only=True):
    """
    What came of a request that was decided, as far as Unitu. ``roll_count`` and ``sweep`` are a school's, ``verdict``
    and ``is_staged`` one student's; ``waits_for``: what a person must do, in words.
    """

    school: str
    people: str
    student_id: str | None
    request: str
    sweep: str | None
    read_at: str | None
    roll_count: int | None
    verdict: VerdictTaken | None
    is_staged: bool
    is_paused: bool
    counts: dict[str, int]
    changes: tuple[AccountChange, ...]
    held: tuple[HeldBriefly, ...]
    delivery: RequestDelivery
    waits_for: tuple[str, ...]


@dataclass(frozen=True)
class Look:
    """How far a request is. ``waits_for``: in words, for what; ``outcome`` stands in the last look alone."""

    step: Step
    waits_for: str = ""
    outcome: SyncOutcome | None = None
