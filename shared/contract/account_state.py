"""What is known, told so that it can be told again: the models of ``account-state``, from which Redis is rebuilt."""

from typing import Literal

import msgspec

from shared.contract.events import ColumnDrop, Evidence, StudentAssessed
from shared.contract.model import Budget, Details, Frozen, Kind, Structure
from shared.contract.person import Identity


class StagedDisable(Frozen, kw_only=True):
    """A disable that waits for a certified sweep, by a record that says left."""

    digest: str
    at: int


class StagedUnenrol(Frozen, kw_only=True):
    """
    Codes that a record no longer has; ``faculties`` and ``departments`` of staff alone. ``is_move``: of each list that
    loses some, the same step gained about as many.
    """

    programmes: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    faculties: tuple[str, ...] = ()
    departments: tuple[str, ...] = ()
    is_move: bool = False
    at: int


class StagedUpdate(Frozen, kw_only=True):
    """
    Details that wait for a certified sweep: the account keeps what it has of ``fields``. Some are emptied: ``columns``
    are those of the record that they come from. ``overwritten`` are beyond the budget of updates; ``collapsed`` would
    take a value that too many others took lately.
    """

    fields: tuple[str, ...]
    columns: tuple[str, ...]
    overwritten: tuple[str, ...] = ()
    collapsed: tuple[str, ...] = ()
    at: int


class Absence(Frozen, kw_only=True):
    """The first certified sweep that lacked the person."""

    sweep: str
    started_at: str


class AccountState(Frozen, kw_only=True):
    """
    All that is known of one student: what Unitu should have, the newest assessment, and whatever is pending.

    These bytes are both the value in ``account-state`` and the value in Redis. ``at`` is the lane offset that last
    decided it, ``version`` that of the record which last changed the account (-1: never had one). ``digest`` is that
    of the fetched record last taken (None after a disable by absence), ``assessed`` that of the assessed one. ``held``
    maps a plan to the hash of the held set that has this student, ``spent`` a plan to the time of its last removal.

    ``create``, ``enable`` and ``email_change`` are the offsets at which a new account, one that comes back or a changed
    e-mail was staged, beyond its budget. ``took`` maps a field that the last update overwrote to the digest of its
    value, ``lacks`` names the columns that the details were taken from and undecided records since have not.

    ``identity`` is whose the account is, where the newest record says less of it or is somebody else's; ``born`` is how
    the birth date alone was kept before. ``other_id`` (stored as ``twin``) is of somebody who seems to have two: of an
    account the id under which they came back, of one that is only staged the disabled account that was theirs.
    ``is_listed``: the leavers' list had them already when they were last on the roll.
    """

    school: str
    student_id: str
    kind: Kind = "student"
    at: int
    version: int = -1
    disabled_at: str | None = None
    status: Literal["none", "enabled", "disabled"] = "none"
    details: Details | None = None
    programmes: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    evidence: Evidence | None = None
    digest: str | None = None
    assessed: str | None = None
    read_at: str | None = None
    in_roll: bool = False
    waits_for_email: str | None = None
    staged: StagedDisable | None = None
    unenrol: StagedUnenrol | None = None
    absence: Absence | None = None
    create: int | None = None
    enable: int | None = None
    email_change: int | None = None
    update: StagedUpdate | None = None
    born: str | None = None
    identity: Identity | None = None
    is_listed: bool = False
    other_id: str | None = msgspec.field(default=None, name="twin")
    lacks: tuple[str, ...] = ()
    held: dict[str, str] = {}
    spent: dict[str, str] = {}
    took: dict[str, str] = {}
    assessment: StudentAssessed | None = None


class OpenSweep(Frozen, kw_only=True):
    sweep: str
    started_at: str
    full: bool
    at: int


class CertifiedSweep(Frozen, kw_only=True):
    """``clock_minutes``: by how much the clock of whoever read it was ahead of Kafka's, or below zero behind it."""

    sweep: str
    started_at: str
    completed_at: str
    at: int
    clock_minutes: int = 0


class HeldPlan(Frozen, kw_only=True):
    """
    A reviewed set of people, by ``hash``; ``count``: those of it for whom it still stands. ``state``: who it waits for,
    or what a person said of it. ``columns``: those of the records that are empty and were not, or are all alike;
    ``suspicions``: what makes the pushed list look cut that lacks them. ``first_operator`` has released the set, which
    another operator must do as well.
    """

    hash: str
    count: int
    since: str
    budget: str
    headroom: int
    state: Literal["held", "released", "refused"] = "held"
    operator: str = ""
    note: str = ""
    columns: tuple[ColumnDrop, ...] = ()
    suspicions: tuple[str, ...] = ()
    first_operator: str = ""


class SchoolState(Frozen, kw_only=True):
    """
    One school's students, or its staff, as the reconciler knows them. ``students`` counts their records, ``enabled``
    those with an enabled account; ``content_sum`` runs over the roll.

    ``full_at`` is the lane offset at which a certified full sweep was last decided (-1: never), ``areas`` maps each
    area to the offset at which it was last certified. ``budgets`` are those of the last close: what comes in between is
    decided by them; ``rollover`` says whether that one fell into the turn of the academic year. ``holds`` maps a plan
    to the set that waits for a person, or the one that was released or refused last, ``refused`` to those whom a person
    had refused before others came. ``fill`` maps a column to "filled/all" as the last certified sweep counted it.
    """

    school: str
    kind: Kind = "student"
    at: int
    students: int = 0
    enabled: int = 0
    open: OpenSweep | None = None
    roll_hash: str | None = None
    roll_count: int = 0
    content_sum: str = "0" * 32
    certified: CertifiedSweep | None = None
    full_at: int = -1
    areas: dict[str, int] = {}
    holds: dict[str, HeldPlan] = {}
    refused: dict[str, HeldPlan] = {}
    rollover: bool = False
    is_paused: bool = False
    settings_version: str = ""
    budgets: dict[str, Budget] = {}
    fill: dict[str, str] = {}


class StructureState(Frozen, kw_only=True):
    """
    What a school is made of. ``retired``: what it once listed and no longer does; while a removal is held, people are
    in it, and nobody can define it anew.
    """

    school: str
    at: int
    structure: Structure
    retired: Structure = Structure()


class LaneState(Frozen, kw_only=True):
    """
    Where a lane stands. ``position`` is the next offset to read, counted from ``base`` (the lane's offsets go on rising
    when its topic is made anew). ``causes`` maps a source topic to the highest offset taken from it. ``rebuilt_at``:
    the position at which the lane was last rebuilt (-1: never). ``comparison``: the one by which its hashes of e-mails
    were made (``shared.contract.email``). ``log``: the id of the topic that the position is of ("": of an older
    release). ``rebuilt_because``: what was wrong, for people.
    """

    lane: int
    position: int
    base: int = 0
    students: int = 0
    schools: int = 0
    causes: dict[str, int] = {}
    epoch: str = ""
    rebuilt_at: int = -1
    comparison: int = 0
    log: str = ""
    rebuilt_because: str = ""
