"""
What ``rollcall explain`` answers, field by field: with ``--json`` as it stands here (schema ``rollcall.explain.v1``).

Moments are RFC 3339 in UTC, days ISO dates.
"""

from typing import Any, Literal

from services.eligibility.remediation import Edit
from services.eligibility.rule_results import Ruling
from shared.contract.events import Evidence
from shared.contract.model import Category, Details, Frozen, Kind, Student, Verdict


class VerdictExplained(Frozen, omit_defaults=False, kw_only=True):
    """One verdict, and what each rule that decides it saw."""

    verdict: Verdict
    rules: tuple[Ruling, ...]


class RecordSeen(Frozen, omit_defaults=False, kw_only=True):
    """
    ``last_seen_at`` is the start of the last certified sweep that had the student, or a later reading; ``read_at`` is
    when the record was read that counts now. ``arrived``: that record, as the source said it; null where it broke its
    schema.
    """

    source: Literal["isams", "push"]
    last_seen_at: str | None
    read_at: str | None
    certified_at: str | None
    is_in_roll: bool
    arrived: Student | None


class AccountExplained(Frozen, omit_defaults=False, kw_only=True):
    """
    The account as the reconciler has it. ``waits_for_email`` is an address that ``email_holder`` has. ``version`` is
    the lane offset of the record that last changed it, -1 where none has.
    """

    status: Literal["none", "enabled", "disabled"]
    kind: Kind
    version: int
    details: Details | None
    programmes: tuple[str, ...]
    modules: tuple[str, ...]
    waits_for_email: str | None
    email_holder: str | None
    disabled_at: str | None
    evidence: Evidence | None


class Staged(Frozen, omit_defaults=False, kw_only=True):
    """A removal, or a change that could not go at once, on its way. ``waits_for`` says in words for what."""

    kind: Literal["disable", "absence", "unenrol", "move", "create", "enable", "email_change", "update"]
    since: str | None
    programmes: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    waits_for: str


class HeldExplained(Frozen, omit_defaults=False, kw_only=True):
    """A plan beyond its budget that has the student, as ``holds list`` has it."""

    kind: str
    hash: str
    state: str
    since: str
    count: int
    budget: str
    headroom: int
    operator: str
    note: str


class Changed(Frozen, omit_defaults=False, kw_only=True):
    """One event of ``account-changes``. ``detail`` is its programme or module, the fields or the evidence."""

    kind: str
    version: int
    at: str
    detail: str


class LastSnapshot(Frozen, omit_defaults=False, kw_only=True):
    """
    The tenant's last accepted snapshot (``number`` null: none yet), and the last one that carried the student
    (``carried_number`` null: none did, or it is not among those looked at). ``email``: the address under which the
    student is or was in it. ``waits_as``: the changed address that waits for a release. ``is_unknown``: one is on its
    way, or nobody knows what became of it. ``held`` says why the next does not go. ``is_behind``: the publisher has not
    seen the account's newest state yet. ``refused``: what Unitu said of this record when it refused a snapshot,
    "" where it only pointed at it; null where it never did.
    """

    tenant: str
    mode: Literal["live", "dry-run", "paused"]
    number: int | None
    at: str | None
    is_in_it: bool
    carried_number: int | None
    carried_at: str | None
    email: str | None
    waits_as: str | None
    is_unknown: bool
    is_behind: bool
    held: tuple[str, ...]
    refused: str | None = None


class NextSweep(Frozen, omit_defaults=False, kw_only=True):
    """``at`` null: it is under way, or the school pushes by itself."""

    at: str | None
    is_under_way: bool


class Rollover(Frozen, omit_defaults=False, kw_only=True):
    """The window around the academic year's first day in which unexplained removals pause: this one, or the next."""

    starts: str
    ends: str
    is_open: bool


class LiveDifference(Frozen, omit_defaults=False, kw_only=True):
    field: str
    state: Any
    live: Any


class Live(Frozen, omit_defaults=False, kw_only=True):
    """
    The student as the record system has them now, judged by today's rules. ``is_there`` false: no record has the id;
    null: it could not be asked, and ``trouble`` says why. ``differs`` from what is known here.
    """

    read_at: str
    is_there: bool | None
    category: Category | None = None
    portal: Verdict | None = None
    account: Verdict | None = None
    differs: tuple[LiveDifference, ...] = ()
    trouble: str | None = None


class Explanation(Frozen, omit_defaults=False, kw_only=True):
    """
    Each step from a student's record to Unitu. ``last_changes`` null: Kafka could not be asked. ``notes``: what else to
    know, in words.
    """

    school: str
    student: str
    category: Category
    seen: RecordSeen
    portal: VerdictExplained
    account: VerdictExplained
    state: AccountExplained
    staged: tuple[Staged, ...]
    held: tuple[HeldExplained, ...]
    last_changes: tuple[Changed, ...] | None
    last_snapshot: LastSnapshot | None
    next_sweep: NextSweep | None
    rollover: Rollover
    edits: tuple[Edit, ...]
    live: Live | None
    notes: tuple[str, ...]
