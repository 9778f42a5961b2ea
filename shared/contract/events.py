"""
What is told across topics: one model per event and version.

The value says what is true of the thing; what differs from one reading to the next (``read_at``, ``sweep``, ``cause``)
travels in headers. ``shared.contract.codec`` gives each model its lasting name and its bytes,
``shared.contract.account_state`` has the models of the compacted topics.
"""

from typing import Literal

from shared.contract.model import Category, Details, Frozen, Kind, Outcome, Settings, Structure, Student, Verdict

# --- sync-requests -----------------------------------------------------------------------------------------------


class SyncRequested(Frozen, kw_only=True):
    """
    Read a school as soon as may be; ``full`` sends everybody, changed or not; or read one student. ``kind``: its
    students or its staff alone.
    """

    school: str
    kind: Kind | None = None
    student_id: str | None = None
    full: bool = False
    reason: str = ""


class SyncAnswered(Frozen, kw_only=True):
    """
    What a fetcher did with a request; ``request`` is the request's ``ce_id``.

    ``outcome``: ``due`` (the school is read as soon as may be), ``read`` (the student was, at ``read_at``),
    ``unknown_student``, ``refused``, or ``unreachable``: the school is read instead, as soon as it answers.
    """

    school: str
    request: str
    outcome: Literal["due", "read", "unknown_student", "refused", "unreachable"]
    student_id: str | None = None
    read_at: str | None = None
    detail: str = ""


# --- students-fetched --------------------------------------------------------------------------------------------


class SweepStarted(Frozen, kw_only=True):
    """A sweep has passed its identity test; from here on it is the only open one of its school's students or staff."""

    school: str
    kind: Kind = "student"
    sweep: str
    started_at: str
    full: bool = False


class StudentFetched(Frozen, kw_only=True):
    school: str
    student: Student


class StaffFetched(Frozen, kw_only=True):
    """A member of staff, in the words of a student: ``student_id`` is the id that the record system has for them."""

    school: str
    student: Student


class StructureFetched(Frozen, kw_only=True):
    """``missing`` names the lists that were never read: there they are empty, and that clears nothing."""

    school: str
    structure: Structure
    missing: tuple[str, ...] = ()


class RollRead(Frozen, kw_only=True):
    """One chunk (from 0) of the ids that the sweep saw; all chunks together, sorted, are the roll."""

    school: str
    kind: Kind = "student"
    sweep: str
    chunk: int
    chunks: int
    ids: tuple[str, ...]


class EndpointRead(Frozen, kw_only=True):
    """What one list declared and what was received; the roll's certificate needs them equal."""

    path: str
    pages: int
    declared: int
    received: int


class Certificate(Frozen, kw_only=True):
    """
    The proof that a sweep was complete.

    ``roll_hash``: ``roll_hash(ids)``. ``content_sum``: 32 hexadecimal digits, the sum modulo 2^128 of
    ``content_hash(id, digest)`` over the roll. ``areas``: which areas were read whole in this sweep.
    """

    roll_hash: str
    roll_count: int
    content_sum: str
    endpoints: tuple[EndpointRead, ...] = ()
    areas: tuple[str, ...] = ("students",)


class Absences(Frozen, kw_only=True):
    """
    Who of the last certified roll was on no page of this one: found all the same when asked for by id, gone with an
    explanation, or gone without.

    ``by_cause`` counts them all by what was learnt of each: ``found``; ``left_by_id``, ``left_by_list``; ``nobody`` (no
    record has the id), ``refused``, ``no_answer``; ``listed_before`` (asked for in vain, and in the list of leavers,
    which had them while they were on the roll); ``not_asked`` (beyond fifty, or after a failure: nothing is known);
    ``not_in_body`` where a feed pushes. ``suspicions`` are words for what makes a pushed list look cut:
    ``length_of_a_page``, ``end_of_the_last_body``. Each list names at most 50,000, the first by id.
    """

    found: tuple[str, ...] = ()
    explained: tuple[str, ...] = ()
    unexplained: tuple[str, ...] = ()
    by_cause: dict[str, int] = {}
    suspicions: tuple[str, ...] = ()


class SweepCompleted(Frozen, kw_only=True):
    """
    ``settings`` is stamped by eligibility: everything that the decisions at this close depend on. ``fill`` counts, by
    column, those of the roll whose record has it filled (empty: the sender does not count). ``clock_minutes`` is
    eligibility's, too: by how many minutes the sender's clock was ahead of Kafka's, below zero behind it; 0 where both
    agree. The times of a clock that does not are Kafka's. ``slips`` are the records and fields of the source's lists
    that could not be taken, by list and id, in words.
    """

    school: str
    kind: Kind = "student"
    sweep: str
    started_at: str
    completed_at: str
    full: bool = False
    certificate: Certificate
    absences: Absences = Absences()
    settings: Settings | None = None
    fill: dict[str, int] = {}
    clock_minutes: int = 0
    slips: tuple[str, ...] = ()


class SweepFailed(Frozen, kw_only=True):
    """
    A sweep that proves nothing about who is gone. ``reason`` is one of a few words, ``detail`` is for people.
    ``clock_minutes`` as in SweepCompleted.
    """

    school: str
    kind: Kind = "student"
    sweep: str
    started_at: str
    failed_at: str
    reason: str
    detail: str = ""
    endpoints: tuple[EndpointRead, ...] = ()
    clock_minutes: int = 0


# --- students-assessed -------------------------------------------------------------------------------------------


class StudentAssessed(Frozen, kw_only=True):
    """
    The verdicts on one student, and what they rest on.

    ``digest`` is that of the StudentFetched bytes. ``student`` is None where those bytes broke their schema: such a
    person is undecided. ``details``, ``programmes`` and ``modules`` are what Unitu should have when ``account`` is
    eligible; None means not supplied. ``rules`` pairs each rule's id with its outcome.
    """

    school: str
    student_id: str
    kind: Kind = "student"
    digest: str
    category: Category
    portal: Verdict
    account: Verdict
    rules: tuple[tuple[str, Outcome], ...] = ()
    details: Details | None = None
    programmes: tuple[str, ...] | None = None
    modules: tuple[str, ...] | None = None
    student: Student | None = None


class StaffAssessed(StudentAssessed):
    """The same of a member of staff; ``kind`` says so."""


# --- account-changes ---------------------------------------------------------------------------------------------


class Evidence(Frozen, kw_only=True):
    """Why an account was disabled: a certified sweep that lacked it, or the digest of a record that says left."""

    kind: Literal["certificate", "record"]
    ref: str
    at: int


class AccountProvisioned(Frozen, kw_only=True):
    school: str
    student_id: str
    kind: Kind = "student"
    version: int
    details: Details


class AccountUpdated(Frozen, kw_only=True):
    """``fields`` names what differs from ``details`` of the version before."""

    school: str
    student_id: str
    kind: Kind = "student"
    version: int
    fields: tuple[str, ...]
    details: Details


class AccountDisabled(Frozen, kw_only=True):
    school: str
    student_id: str
    kind: Kind = "student"
    version: int
    is_explained: bool
    evidence: Evidence


class AccountEnabled(Frozen, kw_only=True):
    school: str
    student_id: str
    kind: Kind = "student"
    version: int
    details: Details


class ProgrammeEnrolled(Frozen, kw_only=True):
    school: str
    student_id: str
    kind: Kind = "student"
    version: int
    programme: str


class ProgrammeUnenrolled(Frozen, kw_only=True):
    school: str
    student_id: str
    kind: Kind = "student"
    version: int
    programme: str


class ModuleEnrolled(Frozen, kw_only=True):
    school: str
    student_id: str
    kind: Kind = "student"
    version: int
    module: str


class ModuleUnenrolled(Frozen, kw_only=True):
    school: str
    student_id: str
    kind: Kind = "student"
    version: int
    module: str


class StructureChanged(Frozen, kw_only=True):
    """The codes that a school's structure gained and lost, by list."""

    school: str
    version: int
    added: dict[str, tuple[str, ...]] = {}
    removed: dict[str, tuple[str, ...]] = {}


class GuardReport(Frozen, kw_only=True):
    """One plan at one close: how many it had, how many went, what its budget still has room for."""

    plan: str
    planned: int
    let_through: int
    released: int
    held: int
    headroom: int
    budget: str


class ColumnDrop(Frozen, kw_only=True):
    """
    A column that so many accounts would lose at a close that it is no news of single people: of how many accounts it is
    filled ``before`` and would be ``now``, as "filled/all". ``collapsed``: it would not be empty but next to one value.
    """

    column: str
    before: str
    now: str
    collapsed: bool = False


class SweepReconciled(Frozen, kw_only=True):
    """
    What one sweep came to. ``outcome``: ``certified``; ``uncertified`` (the certificate proves nothing here, a full
    sweep was asked for); ``failed`` (the fetcher said so). ``clock_minutes``: by how much the clock of whoever read
    the school was ahead of Kafka's (below zero: behind), where that was too much for its times to be believed.
    """

    school: str
    kind: Kind = "student"
    sweep: str
    version: int
    outcome: Literal["certified", "uncertified", "failed"]
    reason: str = ""
    is_held: bool = False
    is_paused: bool = False
    roll_count: int = 0
    counts: dict[str, int] = {}
    guards: tuple[GuardReport, ...] = ()
    columns: tuple[ColumnDrop, ...] = ()
    clock_minutes: int = 0


class RemovalsHeld(Frozen, kw_only=True):
    """
    A plan beyond its budget. ``columns``: of the plan ``nulled_column``, those that emptied; ``suspicions``: of
    ``disable_absent``, what makes the pushed list look cut.
    """

    school: str
    kind: Kind = "student"
    plan: str
    hash: str
    count: int
    version: int
    budget: str
    headroom: int
    columns: tuple[ColumnDrop, ...] = ()
    suspicions: tuple[str, ...] = ()


class RemovalHeld(Frozen, kw_only=True):
    school: str
    student_id: str
    kind: Kind = "student"
    plan: str
    hash: str
    version: int


class HoldReleased(Frozen, kw_only=True):
    school: str
    kind: Kind = "student"
    plan: str
    hash: str
    version: int
    operator: str
    note: str = ""


class HoldRefused(Frozen, kw_only=True):
    school: str
    kind: Kind = "student"
    plan: str
    hash: str
    version: int
    operator: str
    note: str = ""
